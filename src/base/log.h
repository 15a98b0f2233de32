/*
 * The structured log: one line an event, JSON or text, on standard error.
 *
 * Defends against: secrets in logs (a field has a type; LOG_SECRET prints only "[redacted]"), log forging (control
 * characters are escaped), a slow terminal that stops the server (info and debug lines are gathered per thread and
 * written when the buffer is full, when log_flush() is called, or with the next warning or error), a reader that sleeps
 * or is gone (base/log_sink.h).
 * Library rooms never log above debug; the outermost handler logs, once. Any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/cleanup.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

enum log_type { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_ERR, LOG_FIELD_SECRET };

struct log_field {
    const char *name;
    enum log_type type;
    struct dw_str str;
    int64_t integer; /* also the enum dw_err of LOG_FIELD_ERR, printed as its short code */
};

#define LOG_STR(field_name, value) { .name = (field_name), .type = LOG_FIELD_STR, .str = (value) }
#define LOG_CSTR(field_name, value) { .name = (field_name), .type = LOG_FIELD_STR, .str = dw_str(value) }
#define LOG_INT(field_name, value) { .name = (field_name), .type = LOG_FIELD_INT, .integer = (value) }
#define LOG_ERR(value) { .name = "error", .type = LOG_FIELD_ERR, .integer = (value) }
#define LOG_SECRET(field_name) { .name = (field_name), .type = LOG_FIELD_SECRET }

/* What lines carry besides their own fields: those of the request that a thread works on. */
enum { LOG_CONTEXT_MAX = 4 };
struct log_context {
    /* Asked when a line is written; returns how many there are. */
    unsigned (*fields)(const struct log_context *self, struct log_field ret_fields[LOG_CONTEXT_MAX]);
};
extern _Thread_local const struct log_context *log_context;

/* This thread works on something, until the next call; NULL: on nothing in particular. Returns what it was before. */
static inline const struct log_context *log_within(const struct log_context *context)
{
    const struct log_context *before = log_context;

    log_context = context;
    return before;
}

void log_setup(enum log_level level, enum log_format format, int fd);
bool log_is_on(enum log_level level);
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n_fields);
/* Writes out what this thread gathered. The event loop calls it once an iteration at the most. */
void log_flush(void);

/* log_event(LOG_INFO, "request", LOG_STR("path", path), LOG_INT("status", 200)); */
#define log_event(level, event, ...)                                                                                   \
    do {                                                                                                               \
        if (log_is_on(level)) {                                                                                        \
            const struct log_field log_fields_[] = { __VA_ARGS__ };                                                    \
            log_write((level), (event), log_fields_, ARRAY_SIZE(log_fields_));                                         \
        }                                                                                                              \
    } while (0)

#endif
