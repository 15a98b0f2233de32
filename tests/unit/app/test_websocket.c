#include "check.h"
#include "base/buffer.h"
#include "http/fixture.h"
#include <doorward.h>

#include <sys/socket.h>
#include <unistd.h>

/*
 * WebSockets over a real connection, byte for byte: what is sent after the handshake, and all that comes back until the
 * stream ends. The groups are Autobahn's; what a frame may hold is test_frame_reader.c's.
 */

enum { ANSWER_MAX = 4 << 20, BIG = 1 << 20 };

static _Atomic unsigned n_opened, n_closed, last_code;

static enum dw_err echo(struct dw_request *r, struct dw_str data, bool is_text)
{
    return is_text ? dw_ws_send_text(dw_ws_of(r), data) : dw_ws_send_binary(dw_ws_of(r), data);
}

static enum dw_err opened(struct dw_request *r)
{
    assert_non_null(dw_ws_state(r));
    n_opened++;
    return DW_OK;
}

static void closed(struct dw_request *r, unsigned code)
{
    assert_non_null(dw_ws_state(r));
    assert_int_equal(DW_ERR_NOT_FOUND, dw_ws_send_text(dw_ws_of(r), DW_STR("nobody hears")));
    last_code = code;
    n_closed++;
}

static enum dw_err refuse(struct dw_request *r)
{
    return dw_fail(r, DW_ERR_CONFLICT, "The room is full");
}

static const struct dw_ws_channel ECHO = { .message = echo, .opened = opened, .closed = closed, .state_size = 1,
                                           .lane = DW_INLINE, .max_message_bytes = BIG,
                                           .max_unsent_bytes = 8 << 20 };
static const struct dw_ws_channel SLOW_ECHO = { .message = echo, .opened = opened, .closed = closed, .state_size = 1 };
static const struct dw_ws_channel FULL = { .message = echo, .opened = refuse, .closed = closed };
static const struct dw_route ROUTES[] = {
    { DW_GET, "/echo", .websocket = &ECHO, .needs = DW_PUBLIC },
    { DW_GET, "/slow", .websocket = &SLOW_ECHO, .needs = DW_PUBLIC },
    { DW_GET, "/full", .websocket = &FULL, .needs = DW_PUBLIC },
    { 0 },
};
static const struct dw_route *const TABLES[] = { ROUTES, NULL };

/* --- the server and its client ------------------------------------------------------------------------------------ */

static struct fixture served;
static struct dw_app *app;

static void on_ready(void *argument, const char *address)
{
    served.port = (unsigned)atoi(strrchr(address, ':') + 1);
    sem_post(&served.is_ready);
}

static void *serve(void *argument)
{
    const struct dw_server_config config = { .listen = "127.0.0.1:0", .loops = 2, .on_ready = on_ready };

    served.result = dw_serve(app, &config);
    return NULL;
}

static int start(void **state)
{
    char problem[DW_PROBLEM_SIZE] = "";

    const struct dw_app_config config = { .title = "Echo", .version = "1", .routes = TABLES };
    check_err(DW_OK, dw_app_new(&config, &app, problem), problem);
    fixture_init(&served);
    assert_int_equal(0, pthread_create(&served.thread, NULL, serve, NULL));
    sem_wait(&served.is_ready);
    return 0;
}

static int stop(void **state)
{
    dw_serve_stop();
    assert_int_equal(0, pthread_join(served.thread, NULL));
    CHECK_OK(served.result);
    dw_app_free(&app);
    assert_int_equal(n_opened, n_closed);
    return 0;
}

/* Connects; what follows the handshake's answer is still to be read. */
static int shake_hands(const char *path)
{
    char request[512], byte, head[ANSWER_HEAD_MAX] = "";
    size_t n = 0;

    const int fd = client_connect(&served);
    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path);
    client_send_text(fd, request);
    while (strstr(head, "\r\n\r\n") == NULL) {
        assert_int_equal(1, recv(fd, &byte, 1, 0));
        head[n++] = byte;
    }
    assert_non_null(strstr(head, "HTTP/1.1 101 "));
    assert_non_null(strstr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")); /* §1.3 */
    return fd;
}

/* All that comes until the stream ends, or until `size` bytes have. */
static void read_all(int fd, size_t size, struct buffer *b)
{
    ssize_t n = 1;

    while (n > 0 && b->len < size) {
        char *room = buffer_reserve(b, 65536);
        assert_non_null(room);
        n = recv(fd, room, MIN_OF((size_t)65536, size - b->len), 0);
        buffer_commit(b, n > 0 ? (size_t)n : 0);
    }
}

#define ZERO "\0\0\0\0"
#define BYTES(literal) { (literal), sizeof(literal) - 1 }
#define BYE "\x88\x82" ZERO "\x03\xe8"
#define BYE_BACK "\x88\x02\x03\xe8"

static const struct row {
    const char *label;
    struct dw_str sent, back;
    unsigned code; /* that closed() gets */
} ROWS[] = {
    { "1.1 text", BYTES("\x81\x85" ZERO "Hello" BYE), BYTES("\x81\x05Hello" BYE_BACK), 1000 },
    { "1.2 binary", BYTES("\x82\x83" ZERO "\0\xff" "a" BYE), BYTES("\x82\x03\0\xff" "a" BYE_BACK), 1000 },
    { "2.2 ping", BYTES("\x89\x85" ZERO "Hello" BYE), BYTES("\x8a\x05Hello" BYE_BACK), 1000 },
    { "2.8 pong and ping", BYTES("\x8a\x81" ZERO "a\x89\x81" ZERO "b" BYE), BYTES("\x8a\x01" "b" BYE_BACK), 1000 },
    { "3.2 reserved bit after a message", BYTES("\x81\x81" ZERO "a\xc1\x81" ZERO "b\x89\x80" ZERO),
      BYTES("\x81\x01" "a\x88\x0e\x03\xeaNot RFC 6455"), 1002 },
    { "4.1 reserved opcode", BYTES("\x83\x80" ZERO), BYTES("\x88\x0e\x03\xeaNot RFC 6455"), 1002 },
    { "5.6 ping within a message", BYTES("\x01\x81" ZERO "a\x89\x80" ZERO "\x80\x81" ZERO "b" BYE),
      BYTES("\x8a\0\x81\x02" "ab" BYE_BACK), 1000 },
    { "6.4 no UTF-8", BYTES("\x01\x81" ZERO "\xff"), BYTES("\x88\x12\x03\xefText is no UTF-8"), 1007 },
    { "7.1.3 ping after close", BYTES(BYE "\x89\x80" ZERO), BYTES(BYE_BACK), 1000 },
    { "7.1.5 close within a message", BYTES("\x01\x81" ZERO "a" BYE "\x80\x81" ZERO "b"), BYTES(BYE_BACK), 1000 },
    { "7.3.1 close without a code", BYTES("\x88\x80" ZERO), BYTES("\x88\0"), 1005 },
    { "7.7.9 3000", BYTES("\x88\x85" ZERO "\x0b\xb8" "bye"), BYTES("\x88\x02\x0b\xb8"), 3000 },
    { "7.9.5 1006", BYTES("\x88\x82" ZERO "\x03\xee"), BYTES("\x88\x0e\x03\xeaNot RFC 6455"), 1002 },
    { "9.1 too big", BYTES("\x82\xff\0\0\0\0\0\x10\0\x01" ZERO "x"),
      BYTES("\x88\x18\x03\xf1The message is too big"), 1009 },
    { "unmasked", BYTES("\x81\x01" "a"), BYTES("\x88\x0e\x03\xeaNot RFC 6455"), 1002 },
};

static void row_check(const struct row *row, const char *path, bool byte_by_byte)
{
    _cleanup_buffer_ struct buffer back = BUFFER_INIT(ANSWER_MAX);
    const unsigned closed_before = n_closed;
    const int fd = shake_hands(path);

    for (size_t i = 0; byte_by_byte && i < row->sent.len; i++)
        if (!client_try_send(fd, row->sent.ptr + i, 1))
            break;
    if (!byte_by_byte)
        client_send(fd, row->sent.ptr, row->sent.len);
    read_all(fd, ANSWER_MAX, &back);
    close(fd);
    check_str(row->back, buffer_str(&back), row->label);
    fixture_wait_until(&n_closed, closed_before + 1);
    assert_int_equal(row->code, last_code);
}

static void rows_are_answered_to_the_byte(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        row_check(&ROWS[i], "/echo", false);
        row_check(&ROWS[i], "/echo", true);
        if (ROWS[i].code != 1009)
            row_check(&ROWS[i], "/slow", false); /* on workers, nothing gets out of order */
    }
}

static void fill(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)('a' + i % 26);
}

/* 9.1.6, 9.5, 10.1: a message of the largest size, in one frame and in many, comes back whole. */
static void big_messages_come_back(void **state)
{
    enum { HEAD = 14, PIECE = 16384, PIECES = BIG / PIECE, PIECE_HEAD = 8, BACK_HEAD = 10 };
    _cleanup_free_ unsigned char *bytes = malloc(HEAD + BIG);
    const int fd = shake_hands("/echo");

    assert_non_null(bytes);
    memcpy(bytes, "\x82\xff\0\0\0\0\0\x10\0\0" ZERO, HEAD);
    fill(bytes + HEAD, BIG);
    for (int many = 0; many < 2; many++) {
        _cleanup_buffer_ struct buffer back = BUFFER_INIT(ANSWER_MAX);
        if (!many)
            client_send(fd, (const char *)bytes, HEAD + BIG);
        for (int i = 0; many && i < PIECES; i++) {
            unsigned char head[PIECE_HEAD] = { 0, 0xfe, PIECE >> 8, 0 };
            head[0] = (unsigned char)((i == PIECES - 1 ? 0x80 : 0) | (i == 0 ? 2 : 0));
            client_send(fd, (const char *)head, sizeof(head));
            client_send(fd, (const char *)bytes + HEAD + (size_t)i * PIECE, PIECE);
        }
        read_all(fd, BACK_HEAD + BIG, &back);
        assert_memory_equal("\x82\x7f\0\0\0\0\0\x10\0\0", back.ptr, BACK_HEAD);
        assert_memory_equal(bytes + HEAD, back.ptr + BACK_HEAD, BIG);
    }
    close(fd);
}

/* Messages in one packet are answered in their order, whatever lane they run in. */
static void messages_keep_their_order(void **state)
{
    enum { N = 200 };
    static const char *const PATHS[] = { "/echo", "/slow" };

    for (size_t p = 0; p < ARRAY_SIZE(PATHS); p++) {
        _cleanup_buffer_ struct buffer sent = BUFFER_INIT(ANSWER_MAX), expected = BUFFER_INIT(ANSWER_MAX),
                                       back = BUFFER_INIT(ANSWER_MAX);
        const int fd = shake_hands(PATHS[p]);
        for (int i = 0; i < N; i++) {
            buffer_append(&sent, dw_str_n("\x81\x83" ZERO, 6));
            buffer_printf(&sent, "%03d", i);
            buffer_printf(&expected, "\x81\x03%03d", i);
        }
        client_send(fd, sent.ptr, sent.len);
        read_all(fd, expected.len, &back);
        check_str(buffer_str(&expected), buffer_str(&back), PATHS[p]);
        close(fd);
    }
}

static void one_that_is_not_let_in_is_told_why(void **state)
{
    _cleanup_buffer_ struct buffer back = BUFFER_INIT(ANSWER_MAX);
    fixture_wait_until(&n_closed, n_opened);
    const unsigned closed_before = n_closed;
    const int fd = shake_hands("/full");

    read_all(fd, ANSWER_MAX, &back);
    close(fd);
    check_str(DW_STR("\x88\x12\x03\xf0The room is full"), buffer_str(&back), "reason");
    assert_int_equal(closed_before, n_closed);
}

static void a_cut_connection_is_cleaned_up_once(void **state)
{
    const struct linger at_once = { .l_onoff = 1 };
    fixture_wait_until(&n_closed, n_opened);
    const unsigned opened_before = n_opened, closed_before = n_closed;

    for (int i = 0; i < 20; i++) {
        const int fd = shake_hands(i % 2 == 0 ? "/echo" : "/slow");
        if (i % 3 == 0)
            client_send(fd, "\x81\x85" ZERO "He", 8);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        close(fd);
    }
    fixture_wait_until(&n_opened, opened_before + 20);
    fixture_wait_until(&n_closed, closed_before + 20);
    assert_int_equal(1006, last_code);
}

/* The handshake's own rules: §4.2.1. */
static void handshakes_that_are_refused(void **state)
{
#define ASK(headers) "GET /echo HTTP/1.1\r\nHost: a\r\n" headers "\r\n"
#define GOOD "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
    static const struct {
        const char *request;
        int status;
    } REFUSALS[] = {
        { ASK(""), 426 },
        { ASK("Connection: Upgrade\r\n" KEY VERSION), 426 },
        { ASK("Upgrade: websocket\r\n" KEY VERSION), 426 },
        { ASK("Connection: Upgrade\r\nUpgrade: h2c\r\n" KEY VERSION), 426 },
        { ASK(GOOD KEY), 426 },
        { ASK(GOOD KEY "Sec-WebSocket-Version: 12\r\n"), 426 },
        { ASK(GOOD KEY VERSION VERSION), 400 },
        { ASK(GOOD VERSION), 400 },
        { ASK(GOOD KEY KEY VERSION), 400 },
        { ASK(GOOD VERSION "Sec-WebSocket-Key: short\r\n"), 400 },
        { ASK(GOOD VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n"), 400 },
        { ASK(GOOD VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ===\r\n"), 400 },
        { ASK(GOOD KEY VERSION "Sec-WebSocket-Protocol: bearer\r\n"), 400 },
        { ASK(GOOD KEY VERSION "Sec-WebSocket-Protocol: a b\r\n"), 400 },
        { ASK(GOOD KEY VERSION "Origin: http://b\r\n"), 403 },
        { ASK(GOOD KEY VERSION "Origin: null\r\n"), 403 },
        { ASK(GOOD KEY VERSION "Content-Length: 1\r\n") "x", 400 },
        { "HEAD /echo HTTP/1.1\r\nHost: a\r\n" GOOD KEY VERSION "\r\n", 426 },
        { "GET /echo HTTP/1.0\r\nHost: a\r\n" GOOD KEY VERSION "\r\n", 426 },
        { "POST /echo HTTP/1.1\r\nHost: a\r\n" GOOD KEY VERSION "\r\n", 405 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(REFUSALS); i++) {
        struct answer answer;
        const int fd = client_connect(&served);
        client_send_text(fd, REFUSALS[i].request);
        client_read_answer(fd, REFUSALS[i].request[0] == 'H', &answer);
        if (answer.status != REFUSALS[i].status)
            fail_msg("row %zu: %d", i, answer.status);
        if (answer.status == 426) {
            assert_true(answer_has(&answer, "Upgrade: websocket"));
            assert_true(answer_has(&answer, "Sec-WebSocket-Version: 13"));
        }
        answer_free(&answer);
        close(fd);
    }
}

/* --- from many threads -------------------------------------------------------------------------------------------- */

enum { THREADS = 4, EACH = 200 };

static void *publish_many(void *argument)
{
    for (int i = 0; i < EACH; i++)
        CHECK_OK(dw_ws_publish_text(app, DW_STR("news"), DW_STR("x")));
    return NULL;
}

static void what_many_threads_publish_arrives(void **state)
{
    pthread_t threads[THREADS];
    int fds[THREADS];

    fixture_wait_until(&n_closed, n_opened);
    for (int i = 0; i < THREADS; i++)
        fds[i] = shake_hands("/echo");
    fixture_wait_until(&n_opened, n_closed + THREADS);
    /* Ids are slots and their uses: those that are open are found by asking for all of them. */
    for (uint64_t use = 1; use < 400; use++)
        for (uint64_t slot = 0; slot < 16; slot++)
            (void)!dw_ws_join((struct dw_ws){ app, use << 32 | slot }, DW_STR("news"));
    assert_int_equal(THREADS, dw_ws_count(app, DW_STR("news")));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(0, pthread_create(&threads[i], NULL, publish_many, NULL));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(0, pthread_join(threads[i], NULL));
    for (int i = 0; i < THREADS; i++) {
        _cleanup_buffer_ struct buffer back = BUFFER_INIT(ANSWER_MAX);
        read_all(fds[i], (size_t)THREADS * EACH * 3, &back);
        for (size_t at = 0; at < back.len; at += 3)
            assert_memory_equal("\x81\x01x", back.ptr + at, 3);
        close(fds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_answered_to_the_byte),
        cmocka_unit_test(big_messages_come_back),
        cmocka_unit_test(messages_keep_their_order),
        cmocka_unit_test(one_that_is_not_let_in_is_told_why),
        cmocka_unit_test(a_cut_connection_is_cleaned_up_once),
        cmocka_unit_test(handshakes_that_are_refused),
        cmocka_unit_test(what_many_threads_publish_arrives),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
