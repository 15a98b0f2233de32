#include "../check.h"

#include "base/json.h"
#include "base/log.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

/* The log of a test goes into a file that has no name. */
struct sink {
    int fd;
    char text[256 * 1024];
    size_t len;
};

static struct sink sink;

static void sink_open(enum log_level level, enum log_format format)
{
    char path[] = "/tmp/doorward-log-XXXXXX";

    sink.fd = mkstemp(path);
    assert_true(sink.fd >= 0);
    unlink(path);
    log_setup(level, format, sink.fd);
    dw_clock_set(1795367149);
}

static struct dw_str sink_read(void)
{
    sink.len = (size_t)pread(sink.fd, sink.text, sizeof(sink.text), 0);
    return dw_str_n(sink.text, sink.len);
}

static void sink_close(void)
{
    log_setup(LOG_INFO, LOG_FORMAT_JSON, STDERR_FILENO);
    close(sink.fd);
    dw_clock_set(-1);
}

static void test_json_line(void **state)
{
    (void)state;
    sink_open(LOG_INFO, LOG_FORMAT_JSON);
    log_event(LOG_INFO, "request", LOG_STR("path", DW_STR("/x\n{\"forged\":1}")), LOG_INT("status", 200),
              LOG_ERR(DW_ERR_TOKEN_EXPIRED), LOG_STR("user", dw_str_n(NULL, 0)), LOG_SECRET("token"));
    log_flush();
    check_str(DW_STR("{\"time\":\"2026-11-22T17:05:49.000Z\",\"level\":\"info\",\"event\":\"request\","
                     "\"path\":\"/x\\n{\\\"forged\\\":1}\",\"status\":200,\"error\":\"token_expired\",\"user\":null,"
                     "\"token\":\"[redacted]\"}\n"),
              sink_read(), "line");
    sink_close();
}

static unsigned two_fields(const struct log_context *self, struct log_field ret_fields[LOG_CONTEXT_MAX])
{
    ret_fields[0] = (struct log_field)LOG_CSTR("request_id", "4711");
    ret_fields[1] = (struct log_field)LOG_STR("trace_id", DW_STR("a\"b"));
    return 2;
}

static void *log_elsewhere(void *unused)
{
    log_event(LOG_INFO, "elsewhere");
    return unused;
}

/* Lines of a thread carry what it works on; those of others don't. */
static void test_context(void **state)
{
    static const struct log_context CONTEXT = { two_fields };
    pthread_t thread;

    (void)state;
    sink_open(LOG_INFO, LOG_FORMAT_JSON);
    assert_null(log_within(&CONTEXT));
    log_event(LOG_INFO, "within", LOG_INT("status", 200));
    assert_int_equal(pthread_create(&thread, NULL, log_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    log_setup(LOG_INFO, LOG_FORMAT_TEXT, sink.fd);
    log_event(LOG_INFO, "within");
    assert_ptr_equal(log_within(NULL), &CONTEXT);
    log_event(LOG_INFO, "after");
    log_flush();
    check_str(DW_STR("{\"time\":\"2026-11-22T17:05:49.000Z\",\"level\":\"info\",\"event\":\"elsewhere\"}\n"
                     "{\"time\":\"2026-11-22T17:05:49.000Z\",\"level\":\"info\",\"event\":\"within\","
                     "\"request_id\":\"4711\",\"trace_id\":\"a\\\"b\",\"status\":200}\n"
                     "2026-11-22T17:05:49.000Z INFO within request_id=4711 trace_id=\"a\\\"b\"\n"
                     "2026-11-22T17:05:49.000Z INFO after\n"),
              sink_read(), "lines");
    sink_close();
}

/* Nobody reads: a second is waited once, then lines are dropped as long as it lasts, and counted. */
static void test_reader_sleeps(void **state)
{
    enum { LINES = 4000 };
    static char text[1 << 20];
    int pipe_fds[2];
    size_t len = 0, lines = 0;
    ssize_t n;

    (void)state;
    assert_int_equal(0, pipe(pipe_fds));
    log_setup(LOG_INFO, LOG_FORMAT_TEXT, pipe_fds[1]);
    for (int i = 0; i < LINES; i++) {
        log_event(LOG_INFO, "a_line_that_is_not_short", LOG_INT("number", i));
        log_flush();
    }
    assert_int_equal(0, fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK));
    while ((n = read(pipe_fds[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    assert_true(len > 0 && text[len - 1] == '\n'); /* whole lines */
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    assert_true(lines < LINES);
    log_event(LOG_INFO, "again");
    log_flush();
    n = read(pipe_fds[0], text, sizeof(text) - 1);
    assert_true(n > 0);
    text[n] = '\0';
    char lost[64];
    snprintf(lost, sizeof(lost), "WARNING log_lines_lost lines=%zu\n", (size_t)LINES - lines);
    assert_non_null(strstr(text, "INFO again\n"));
    assert_non_null(strstr(text, lost));
    log_setup(LOG_INFO, LOG_FORMAT_JSON, STDERR_FILENO);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static int drained_fd;

static void on_alarm(int signal)
{
    char bytes[65536];
    const ssize_t n = read(drained_fd, bytes, sizeof(bytes));

    (void)signal, (void)n;
}

/* A signal comes while the log waits for its reader, who reads then: nothing is lost. */
static void test_a_signal_is_no_sleeping_reader(void **state)
{
    const struct itimerval soon = { .it_value = { .tv_usec = 10000 } };
    const struct sigaction drain = { .sa_handler = on_alarm };
    struct sigaction before;
    char text[128] = "";
    int pipe_fds[2];

    (void)state;
    assert_int_equal(0, pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC));
    while (write(pipe_fds[1], text, sizeof(text)) > 0)
        continue;
    drained_fd = pipe_fds[0];
    assert_int_equal(0, sigaction(SIGALRM, &drain, &before));
    log_setup(LOG_INFO, LOG_FORMAT_TEXT, pipe_fds[1]);
    assert_int_equal(0, setitimer(ITIMER_REAL, &soon, NULL));
    log_event(LOG_WARNING, "waited_for");
    const ssize_t n = read(pipe_fds[0], text, sizeof(text) - 1);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "WARNING waited_for\n"));
    assert_int_equal(0, sigaction(SIGALRM, &before, NULL));
    log_setup(LOG_INFO, LOG_FORMAT_JSON, STDERR_FILENO);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void test_reader_is_gone(void **state)
{
    int pipe_fds[2];

    (void)state;
    assert_int_equal(0, pipe(pipe_fds));
    log_setup(LOG_INFO, LOG_FORMAT_TEXT, pipe_fds[1]);
    close(pipe_fds[0]);
    signal(SIGPIPE, SIG_IGN); /* as the server does */
    log_event(LOG_ERROR, "nobody");
    log_event(LOG_ERROR, "nobody");
    log_setup(LOG_INFO, LOG_FORMAT_JSON, STDERR_FILENO);
    close(pipe_fds[1]);
}

/* A full disk, and no descriptor at all: dropped. */
static void test_nowhere_to_write(void **state)
{
    (void)state;
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    assert_true(full >= 0);
    log_setup(LOG_INFO, LOG_FORMAT_TEXT, full);
    log_event(LOG_ERROR, "full");
    log_setup(LOG_INFO, LOG_FORMAT_TEXT, 1000000);
    log_event(LOG_ERROR, "nothing");
    log_setup(LOG_INFO, LOG_FORMAT_JSON, STDERR_FILENO);
    close(full);
}

static void test_text_line(void **state)
{
    (void)state;
    sink_open(LOG_DEBUG, LOG_FORMAT_TEXT);
    log_event(LOG_DEBUG, "request", LOG_CSTR("path", "/x"), LOG_INT("status", -1),
              LOG_CSTR("agent", "a b=\"c\"\n\x1b[2J"), LOG_CSTR("empty", ""),
              LOG_STR("none", dw_str_n(NULL, 0)), LOG_SECRET("token"), LOG_ERR(DW_ERR_IO));
    log_flush();
    check_str(DW_STR("2026-11-22T17:05:49.000Z DEBUG request path=/x status=-1 agent=\"a b=\\\"c\\\"\\n\\u001b[2J\""
                     " empty=\"\" none=- token=[redacted] error=io\n"),
              sink_read(), "line");
    sink_close();
}

static void test_levels(void **state)
{
    (void)state;
    sink_open(LOG_WARNING, LOG_FORMAT_TEXT);
    assert_true(log_is_on(LOG_ERROR));
    assert_true(log_is_on(LOG_WARNING));
    assert_false(log_is_on(LOG_INFO));
    log_event(LOG_INFO, "quiet", LOG_INT("n", 1));
    log_flush();
    assert_int_equal(sink_read().len, 0);
    log_event(LOG_ERROR, "loud", LOG_INT("n", 1));
    assert_true(sink_read().len > 0); /* at once */
    sink_close();
}

static void test_gathers(void **state)
{
    (void)state;
    sink_open(LOG_INFO, LOG_FORMAT_TEXT);
    log_event(LOG_INFO, "first", LOG_INT("n", 1));
    assert_int_equal(sink_read().len, 0);
    log_event(LOG_WARNING, "second", LOG_INT("n", 2));
    check_str(DW_STR("2026-11-22T17:05:49.000Z INFO first n=1\n2026-11-22T17:05:49.000Z WARNING second n=2\n"),
              sink_read(), "both in order");
    sink_close();
}

/* More than the buffer holds: what came before is written, and no line is lost or cut. */
static void test_full_buffer(void **state)
{
    enum { LINES = 2000 };

    (void)state;
    sink_open(LOG_INFO, LOG_FORMAT_TEXT);
    for (int i = 0; i < LINES; i++)
        log_event(LOG_INFO, "line", LOG_INT("number", i));
    assert_true(sink_read().len > 0);
    log_flush();
    const struct dw_str all = sink_read();
    int lines = 0;
    for (const char *at = all.ptr; at < all.ptr + all.len; lines++) {
        char expected[100];
        const int length =
            snprintf(expected, sizeof(expected), "2026-11-22T17:05:49.000Z INFO line number=%d\n", lines);
        assert_memory_equal(at, expected, (size_t)length);
        at += length;
    }
    assert_int_equal(lines, LINES);
    sink_close();
}

static void test_line_too_long(void **state)
{
    static char huge[100000];

    (void)state;
    sink_open(LOG_INFO, LOG_FORMAT_TEXT);
    memset(huge, 'x', sizeof(huge));
    log_event(LOG_INFO, "before", LOG_INT("n", 1));
    log_event(LOG_INFO, "huge", LOG_STR("s", dw_str_n(huge, sizeof(huge))));
    log_event(LOG_INFO, "after", LOG_INT("n", 2));
    log_flush();
    check_str(DW_STR("2026-11-22T17:05:49.000Z INFO before n=1\n"
                     "2026-11-22T17:05:49.000Z INFO huge log_line=too_long\n"
                     "2026-11-22T17:05:49.000Z INFO after n=2\n"),
              sink_read(), "lines");
    sink_close();
}

static void *log_and_end(void *unused)
{
    log_event(LOG_INFO, "thread", LOG_INT("n", 1));
    return unused;
}

static void test_thread_end_flushes(void **state)
{
    pthread_t thread;

    (void)state;
    sink_open(LOG_INFO, LOG_FORMAT_TEXT);
    assert_int_equal(pthread_create(&thread, NULL, log_and_end, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    check_str(DW_STR("2026-11-22T17:05:49.000Z INFO thread n=1\n"), sink_read(), "line");
    sink_close();
}

static void test_milliseconds(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    yyjson_val *root;

    (void)state;
    sink_open(LOG_INFO, LOG_FORMAT_JSON);
    dw_clock_set(-1);
    log_event(LOG_WARNING, "now", LOG_INT("n", 1));
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_OK(json_parse(arena, sink_read(), 2, &root, NULL));
    const struct dw_str time = json_get_str(root, "time");
    assert_int_equal(time.len, 24);
    assert_int_equal(time.ptr[19], '.');
    assert_int_equal(time.ptr[23], 'Z');
    sink_close();
}

CHECK_MAIN(cmocka_unit_test(test_json_line), cmocka_unit_test(test_text_line), cmocka_unit_test(test_context),
           cmocka_unit_test(test_levels), cmocka_unit_test(test_gathers), cmocka_unit_test(test_full_buffer),
           cmocka_unit_test(test_line_too_long),
           cmocka_unit_test(test_thread_end_flushes), cmocka_unit_test(test_milliseconds),
           cmocka_unit_test(test_reader_sleeps),
           cmocka_unit_test(test_a_signal_is_no_sleeping_reader), cmocka_unit_test(test_reader_is_gone),
           cmocka_unit_test(test_nowhere_to_write))
