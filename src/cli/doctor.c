#include "cli/doctor.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/actions.h"
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TEXT_MAX = 1024,
    ANSWER_MAX = 64 * 1024,
    REPORT_MAX = 256 * 1024,
    LEVELS = FINDING_ERROR + 1,
};

/* Between a finding's level, text and remedy, and behind it: no text has them (output_printable()). */
#define FIELD_END '\x1f'
#define FINDING_END '\x1e'

static const struct check *const GROUPS[] = {
    DOCTOR_SETTINGS_CHECKS, DOCTOR_MACHINE_CHECKS, DOCTOR_DATABASE_CHECKS, DOCTOR_OUTSIDE_CHECKS,
};

static const char *const LEVEL_NAMES[LEVELS] = {
    [FINDING_NOTE] = "note", [FINDING_WARNING] = "warning", [FINDING_ERROR] = "error",
};

/* --- in the check's process -------------------------------------------------------------------------------------- */

void doctor_found(struct doctor *d, enum finding_level level, const char *mend, const char *format, ...)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(4 * TEXT_MAX);
    char text[TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    buffer_append_char(&b, (char)('0' + level));
    output_printable(&b, dw_str(text), false);
    buffer_append_char(&b, FIELD_END);
    output_printable(&b, dw_str(mend), false);
    buffer_append_char(&b, FINDING_END);
    if (buffer_error(&b) != DW_OK || write(d->pipe, b.ptr, b.len) != (ssize_t)b.len)
        _exit(EXIT_REFUSED); /* the parent tells that the check did not come to an end */
}

/* The `message` of the last line; the whole line when it has none. */
static struct dw_str last_message(struct dw_str lines)
{
    static const char MESSAGE[] = "message=";

    while (lines.len > 0 && lines.ptr[lines.len - 1] == '\n')
        lines.len--;
    const char *begin = memrchr(lines.ptr, '\n', lines.len);

    if (begin != NULL)
        lines = dw_str_n(begin + 1, lines.len - (size_t)(begin + 1 - lines.ptr));
    const char *message = memmem(lines.ptr, lines.len, MESSAGE, sizeof(MESSAGE) - 1);

    return message == NULL ? lines : dw_str_n(message + sizeof(MESSAGE) - 1,
                                              lines.len - (size_t)(message + sizeof(MESSAGE) - 1 - lines.ptr));
}

void doctor_failed(struct doctor *d, const char *mend, const char *what)
{
    char text[TEXT_MAX];
    ssize_t size;

    log_flush();
    size = pread(d->log, text, sizeof(text), 0);
    const struct dw_str logged = last_message(dw_str_n(text, size > 0 ? (size_t)size : 0));
    const struct dw_str noted = d->cli->problem;

    doctor_found(d, FINDING_ERROR, mend, "%s%s%.*s%s%.*s", what, noted.len > 0 ? ": " : "", (int)noted.len,
                 noted.len > 0 ? noted.ptr : "", logged.len > 0 ? " | log: " : "", (int)logged.len,
                 logged.len > 0 ? logged.ptr : "");
}

bool doctor_is_own_address(const char *address)
{
    static const char *const OWN[] = { "127.", "localhost", "[::1]" };

    for (size_t i = 0; i < ARRAY_SIZE(OWN); i++) {
        if (strncmp(address, OWN[i], strlen(OWN[i])) == 0)
            return true;
    }
    return false;
}

bool doctor_is_public(const struct doctor *d)
{
    const char *url = strstr(d->cli->settings->public_url, "://");

    return !doctor_is_own_address(d->cli->settings->listen) || !doctor_is_own_address(url == NULL ? "" : url + 3);
}

static void run_check(struct cli *cli, const struct check *check, int pipe)
{
    struct doctor d = { .cli = cli, .pipe = pipe, .log = memfd_create("log", MFD_CLOEXEC) };
    const enum log_level level = LOG_WARNING;

    log_setup(level, LOG_FORMAT_TEXT, d.log >= 0 ? d.log : STDERR_FILENO);
    check->run(&d);
    open_release(cli);
    _exit(EXIT_DONE);
}

/* --- in the parent ----------------------------------------------------------------------------------------------- */

struct report {
    struct buffer out;
    unsigned checks;
    unsigned found[LEVELS];
};

static void add_finding(struct cli *cli, struct report *r, const struct check *check, enum finding_level level,
                        struct dw_str text, struct dw_str mend)
{
    r->found[level]++;
    if (!cli->json) {
        buffer_printf(&r->out, "%-8s %s: %.*s\n", LEVEL_NAMES[level], check->name, (int)text.len, text.ptr);
        if (mend.len > 0)
            buffer_printf(&r->out, "         %.*s\n", (int)mend.len, mend.ptr);
        return;
    }
    json_write_comma(&r->out);
    buffer_append_char(&r->out, '{');
    json_write_member_str(&r->out, "check", dw_str(check->name));
    json_write_member_str(&r->out, "severity", dw_str(LEVEL_NAMES[level]));
    json_write_member_str(&r->out, "problem", text);
    json_write_member_str(&r->out, "remedy", mend.len > 0 ? mend : dw_str(NULL));
    buffer_append_char(&r->out, '}');
}

static struct dw_str cut(struct dw_str *rest, char end)
{
    const char *at = memchr(rest->ptr, end, rest->len);
    const size_t n = at == NULL ? rest->len : (size_t)(at - rest->ptr);
    const struct dw_str part = dw_str_n(rest->ptr, n);

    *rest = dw_str_n(rest->ptr + n + (at != NULL), rest->len - n - (at != NULL));
    return part;
}

/* Returns false when the child did not close its end in time. */
static bool read_answer(int pipe, int limit_ms, struct buffer *answer)
{
    for (const int64_t end = clock_monotonic_ms() + limit_ms;;) {
        const int64_t left = end - clock_monotonic_ms();
        struct pollfd p = { .fd = pipe, .events = POLLIN };

        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
            return false;
        char *place = buffer_reserve(answer, TEXT_MAX);
        const ssize_t got = place == NULL ? 0 : read(pipe, place, TEXT_MAX);

        if (got <= 0)
            return true;
        buffer_commit(answer, (size_t)got);
    }
}

static void take_answer(struct cli *cli, struct report *r, const struct check *check, const struct buffer *answer)
{
    struct dw_str rest = buffer_str(answer);

    while (rest.len > 0) {
        struct dw_str finding = cut(&rest, FINDING_END);

        if (finding.len == 0 || finding.ptr[0] < '0' || finding.ptr[0] >= '0' + LEVELS)
            continue;
        const enum finding_level level = (enum finding_level)(finding.ptr[0] - '0');

        finding = dw_str_n(finding.ptr + 1, finding.len - 1);
        const struct dw_str text = cut(&finding, FIELD_END);

        add_finding(cli, r, check, level, text, finding);
    }
}

static enum dw_err make_check(struct cli *cli, struct report *r, const struct check *check)
{
    _cleanup_buffer_ struct buffer answer = BUFFER_INIT(ANSWER_MAX);
    const int limit_ms = check->limit_ms != 0 ? check->limit_ms : CHECK_LIMIT_MS;
    int ends[2], status = 0;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return DW_ERR_IO;
    fflush(NULL);
    const pid_t child = fork();

    if (child == 0) {
        close(ends[0]);
        run_check(cli, check, ends[1]);
    }
    close(ends[1]);
    const bool is_in_time = child > 0 && read_answer(ends[0], limit_ms, &answer);

    close(ends[0]);
    if (child < 0)
        return DW_ERR_NO_MEMORY;
    if (!is_in_time)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) { }
    r->checks++;
    take_answer(cli, r, check, &answer);
    if (!is_in_time)
        add_finding(cli, r, check, FINDING_ERROR, DW_STR("no answer in time"),
                    DW_STR("what it asks hangs: look at the disk, the network, and the program on the other side"));
    else if (status != 0)
        add_finding(cli, r, check, FINDING_ERROR, DW_STR("the check did not come to its end"),
                    DW_STR("please report it, with the output of `doorward settings`"));
    return DW_OK;
}

static enum dw_err make_checks(struct cli *cli, struct report *r, bool has_settings)
{
    bool has_database = has_settings;

    for (size_t i = 0; i < ARRAY_SIZE(GROUPS); i++) {
        for (const struct check *check = GROUPS[i]; check->name != NULL; check++) {
            const unsigned errors = r->found[FINDING_ERROR];

            if ((check->needs == CHECK_SETTINGS && !has_settings) || (check->needs == CHECK_DATABASE && !has_database))
                continue;
            TRY(make_check(cli, r, check));
            /* The first check of its group opens the database; the others would all say the same. */
            if (GROUPS[i] == DOCTOR_DATABASE_CHECKS && check == GROUPS[i])
                has_database = r->found[FINDING_ERROR] == errors;
        }
    }
    return DW_OK;
}

/* Wrong settings are findings like others. */
static bool load_settings(struct cli *cli)
{
    _cleanup_(settings_report_free) struct settings_report report = SETTINGS_REPORT_INIT;

    return open_settings(cli, &cli->settings, &report) == DW_OK;
}

enum dw_err action_doctor(struct cli *cli)
{
    struct report r = { .out = BUFFER_INIT(REPORT_MAX) };
    const bool has_settings = load_settings(cli);
    enum dw_err err = make_checks(cli, &r, has_settings);
    const unsigned errors = r.found[FINDING_ERROR], warnings = r.found[FINDING_WARNING];

    if (err == DW_OK && cli->json)
        fprintf(cli->out, "{\"checks\":%u,\"errors\":%u,\"warnings\":%u,\"items\":[", r.checks, errors, warnings);
    if (err == DW_OK)
        err = output_buffer(cli->out, &r.out);
    if (err == DW_OK && cli->json)
        fputs("]}\n", cli->out);
    else if (err == DW_OK)
        fprintf(cli->out, "%u checks: %u errors, %u warnings, %u notes\n", r.checks, errors, warnings,
                r.found[FINDING_NOTE]);
    buffer_free(&r.out);
    TRY(err);
    return errors == 0 ? DW_OK : cli_refuse(cli, DW_ERR_SETTING, "%u of what was found must be mended", errors);
}
