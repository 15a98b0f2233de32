#include "base/log.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/log_sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

enum { LINES_MAX = 64 * 1024 };

struct level_row {
    const char *json, *text;
};

static const struct level_row LEVELS[] = {
    [LOG_ERROR] = { "error", "ERROR" },
    [LOG_WARNING] = { "warning", "WARNING" },
    [LOG_INFO] = { "info", "INFO" },
    [LOG_DEBUG] = { "debug", "DEBUG" },
};

static _Atomic int log_level = LOG_INFO;
static _Atomic int log_format = LOG_FORMAT_JSON;

struct thread_log {
    struct buffer lines;
    int64_t second; /* that `second_text` shows */
    char second_text[RFC3339_SIZE];
    bool is_watched; /* its end will flush */
};

static _Thread_local struct thread_log thread_log = { .lines = BUFFER_INIT(LINES_MAX), .second = -1 };
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void flush_and_free(void *unused)
{
    (void)unused;
    log_flush();
    buffer_free(&thread_log.lines);
    thread_log.is_watched = false;
}

/* exit() runs no thread destructors, not even those of the thread that calls it. */
static void exit_watch(void)
{
    if (pthread_key_create(&exit_key, flush_and_free) != 0 || atexit(log_flush) != 0)
        abort();
}

void log_setup(enum log_level level, enum log_format format, int fd)
{
    log_flush();
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
    atomic_store_explicit(&log_format, format, memory_order_relaxed);
    log_sink_set(fd);
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

void log_flush(void)
{
    const int saved = errno;

    if (thread_log.lines.len == 0)
        return;
    log_sink_write(buffer_str(&thread_log.lines));
    buffer_reset(&thread_log.lines);
    const int64_t lost = log_sink_take_lost();

    if (lost > 0)
        log_event(LOG_WARNING, "log_lines_lost", LOG_INT("lines", lost));
    errno = saved;
}

/* "2026-11-22T17:05:49.123Z"; the part before the dot is made once a second. */
static void write_time(struct thread_log *log)
{
    const int64_t now_ms = clock_now_ms();
    const unsigned ms = (unsigned)(now_ms % 1000);

    if (log->second != now_ms / 1000) {
        log->second = now_ms / 1000;
        rfc3339_format(log->second, log->second_text);
    }
    const char fraction[] = { '.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z' };
    buffer_append(&log->lines, dw_str_n(log->second_text, strlen(log->second_text) - 1));
    buffer_append(&log->lines, dw_str_n(fraction, sizeof(fraction)));
}

static void write_json_value(struct buffer *b, const struct log_field *field)
{
    switch (field->type) {
    case LOG_FIELD_STR:
        json_write_str(b, field->str);
        break;
    case LOG_FIELD_INT:
        buffer_append_int(b, field->integer);
        break;
    case LOG_FIELD_ERR:
        json_write_str(b, dw_str(dw_error_info((enum dw_err)field->integer)->code));
        break;
    case LOG_FIELD_SECRET:
        buffer_append_literal(b, "\"[redacted]\"");
        break;
    }
}

static bool is_bare_word(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || strchr("\"\\=", s.ptr[i]) != NULL)
            return false;
    }
    return s.len > 0;
}

/* As JSON, but a word that can't be misread goes without quotes, and what is absent is a dash. */
static void write_text_value(struct buffer *b, const struct log_field *field)
{
    if (field->type == LOG_FIELD_SECRET)
        buffer_append_literal(b, "[redacted]");
    else if (field->type == LOG_FIELD_ERR)
        buffer_append(b, dw_str(dw_error_info((enum dw_err)field->integer)->code));
    else if (field->type == LOG_FIELD_STR && dw_str_is_absent(field->str))
        buffer_append_char(b, '-');
    else if (field->type == LOG_FIELD_STR && is_bare_word(field->str))
        buffer_append(b, field->str);
    else
        write_json_value(b, field);
}

_Thread_local const struct log_context *log_context;

static unsigned context_fields(struct log_field ret_fields[LOG_CONTEXT_MAX])
{
    return log_context == NULL ? 0 : log_context->fields(log_context, ret_fields);
}

static void write_json_fields(struct buffer *b, const struct log_field *fields, size_t n_fields)
{
    for (size_t i = 0; i < n_fields; i++) {
        json_write_key(b, fields[i].name);
        write_json_value(b, &fields[i]);
    }
}

static void write_json_line(struct thread_log *log, enum log_level level, const char *event,
                            const struct log_field *fields, size_t n_fields)
{
    struct buffer *b = &log->lines;
    struct log_field context[LOG_CONTEXT_MAX];

    buffer_append_literal(b, "{\"time\":\"");
    write_time(log);
    buffer_append_literal(b, "\",\"level\":\"");
    buffer_append(b, dw_str(LEVELS[level].json));
    buffer_append_char(b, '"');
    json_write_member_str(b, "event", dw_str(event));
    write_json_fields(b, context, context_fields(context));
    write_json_fields(b, fields, n_fields);
    buffer_append_literal(b, "}\n");
}

static void write_text_fields(struct buffer *b, const struct log_field *fields, size_t n_fields)
{
    for (size_t i = 0; i < n_fields; i++) {
        buffer_append_char(b, ' ');
        buffer_append(b, dw_str(fields[i].name));
        buffer_append_char(b, '=');
        write_text_value(b, &fields[i]);
    }
}

static void write_text_line(struct thread_log *log, enum log_level level, const char *event,
                            const struct log_field *fields, size_t n_fields)
{
    struct buffer *b = &log->lines;
    struct log_field context[LOG_CONTEXT_MAX];

    write_time(log);
    buffer_append_char(b, ' ');
    buffer_append(b, dw_str(LEVELS[level].text));
    buffer_append_char(b, ' ');
    buffer_append(b, dw_str(event));
    write_text_fields(b, context, context_fields(context));
    write_text_fields(b, fields, n_fields);
    buffer_append_char(b, '\n');
}

/* Appends a whole line or nothing; false when there was no room for it. */
static bool write_line(struct thread_log *log, enum log_level level, const char *event, const struct log_field *fields,
                       size_t n_fields)
{
    const size_t start = log->lines.len;

    if (atomic_load_explicit(&log_format, memory_order_relaxed) == LOG_FORMAT_JSON)
        write_json_line(log, level, event, fields, n_fields);
    else
        write_text_line(log, level, event, fields, n_fields);
    if (buffer_error(&log->lines) == DW_OK)
        return true;
    log->lines.len = start;
    log->lines.failed = DW_OK;
    return false;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n_fields)
{
    static const struct log_field TOO_LONG[] = {
        { .name = "log_line", .type = LOG_FIELD_STR, .str = DW_STR_INIT("too_long") },
    };
    struct thread_log *log = &thread_log;

    if (!log_is_on(level))
        return;
    if (!log->is_watched) {
        pthread_once(&exit_once, exit_watch);
        log->is_watched = pthread_setspecific(exit_key, log) == 0;
    }
    if (!write_line(log, level, event, fields, n_fields)) {
        log_flush();
        /* A line longer than the whole buffer says so instead. */
        if (!write_line(log, level, event, fields, n_fields) &&
            !write_line(log, level, event, TOO_LONG, ARRAY_SIZE(TOO_LONG)))
            return;
    }
    if (level <= LOG_WARNING || !log->is_watched)
        log_flush();
}
