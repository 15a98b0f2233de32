/* The ordinary life of connections: kept, pipelined, chunked, old, upgraded, slow, gone. */
#include "fixture.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define GET_HELLO "GET /hello HTTP/1.1\r\n" HOST "\r\n"

static struct fixture server;

static int start(void **state)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 2 });
    return 0;
}

static int stop(void **state)
{
    fixture_stop(&server);
    return 0;
}

static void check_body(const struct answer *a, const char *expected, const char *label)
{
    check_str(dw_str(expected), dw_str_n(a->body, a->body_size), label);
}

/* Sends one request on a fresh connection and reads its answer. */
static struct answer ask(const char *request, bool is_head)
{
    struct answer a;
    const int fd = client_connect(&server);

    client_send_text(fd, request);
    client_read_answer(fd, is_head, &a);
    close(fd);
    return a;
}

static void connection_is_kept(void **state)
{
    const int fd = client_connect(&server);
    char first_id[64] = "";

    for (int i = 0; i < 3; i++) {
        struct answer a;
        client_send_text(fd, GET_HELLO);
        client_read_answer(fd, false, &a);
        assert_int_equal(200, a.status);
        check_body(&a, "hello", "kept");
        assert_true(answer_has(&a, "\r\nDate: "));
        assert_true(answer_has(&a, "\r\nContent-Type: text/plain\r\n"));
        assert_false(answer_has(&a, "\r\nConnection:"));
        assert_false(answer_has(&a, "\r\nServer:"));
        const char *id = strstr(a.head, "X-Request-Id: ");
        assert_non_null(id);
        assert_memory_not_equal(first_id, id, 46); /* another each time */
        memcpy(first_id, id, 46);
        answer_free(&a);
    }
    close(fd);
}

static void accessors_tell_what_was_sent(void **state)
{
    struct answer a = ask("PATCH /whoami?x=1&y HTTP/1.1\r\n" HOST
                          "X-THING: \t a b \t\r\nCookie: b=1; c=2; c=3\r\n\r\n", false);

    check_body(&a, "PATCH /whoami x=1&y a b 2 127.0.0.1", "whoami");
    answer_free(&a);
    a = ask("DELETE /whoami HTTP/1.1\r\n" HOST "Cookie: cc=1; c\r\n\r\n", false);
    check_body(&a, "DELETE /whoami - - - 127.0.0.1", "nothing sent");
    answer_free(&a);
}

static void head_and_no_content_have_no_body(void **state)
{
    struct answer a = ask("HEAD /hello HTTP/1.1\r\n" HOST "\r\n", true);

    assert_int_equal(200, a.status);
    assert_true(answer_has(&a, "\r\nContent-Length: 5\r\n"));
    answer_free(&a);

    const int fd = client_connect(&server);
    client_send_text(fd, "HEAD /hello HTTP/1.1\r\n" HOST "\r\nGET /none HTTP/1.1\r\n" HOST "\r\n" GET_HELLO);
    client_read_answer(fd, true, &a);
    answer_free(&a);
    client_read_answer(fd, true, &a);
    assert_int_equal(204, a.status);
    assert_false(answer_has(&a, "\r\nContent-Length:"));
    assert_false(answer_has(&a, "\r\nContent-Type:"));
    answer_free(&a);
    client_expect(fd, 200, "after answers without a body");
    close(fd);
}

static void http_1_0_ends_unless_asked(void **state)
{
    int fd = client_connect(&server);
    struct answer a;

    client_send_text(fd, "GET /hello HTTP/1.0\r\n\r\n");
    client_read_answer(fd, false, &a);
    assert_true(answer_has(&a, "\r\nConnection: close\r\n"));
    answer_free(&a);
    client_expect_end(fd, "1.0");
    close(fd);

    fd = client_connect(&server);
    client_send_text(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n");
    client_expect(fd, 200, "1.0, of two minds");
    client_expect_end(fd, "close wins (RFC 9112 §9.3)");
    close(fd);

    fd = client_connect(&server);
    for (int i = 0; i < 2; i++) {
        client_send_text(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        client_read_answer(fd, false, &a);
        assert_true(answer_has(&a, "\r\nConnection: keep-alive\r\n"));
        answer_free(&a);
    }
    close(fd);
}

static void either_side_may_end(void **state)
{
    static const char *const REQUESTS[] = { "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
                                            "GET /close HTTP/1.1\r\n" HOST "\r\n" };

    for (size_t i = 0; i < ARRAY_SIZE(REQUESTS); i++) {
        const int fd = client_connect(&server);
        struct answer a;
        client_send_text(fd, REQUESTS[i]);
        client_send_text(fd, GET_HELLO); /* too late: gets no answer */
        client_read_answer(fd, false, &a);
        assert_int_equal(200, a.status);
        assert_true(answer_has(&a, "\r\nConnection: close\r\n"));
        answer_free(&a);
        client_expect_end(fd, REQUESTS[i]);
        close(fd);
    }
}

/* nc and old clients say that they have finished sending, then wait. */
static void half_closed_client_gets_its_answer(void **state)
{
    const int fd = client_connect(&server);

    client_send_text(fd, GET_HELLO "POST /work HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
    shutdown(fd, SHUT_WR);
    client_expect(fd, 200, "half closed");
    sem_post(&server.gate);
    client_expect(fd, 200, "half closed, from a worker");
    sem_wait(&server.at_gate);
    client_expect_end(fd, "half closed");
    close(fd);
}

static void upgrade_is_not_honoured(void **state)
{
    const int fd = client_connect(&server);

    client_send_text(fd, "GET /hello HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                         "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n");
    client_expect(fd, 200, "h2c");
    client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Content-Length: 36\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\nabcd");
    client_expect(fd, 200, "a body behind an upgrade is a body");
    client_send_text(fd, GET_HELLO);
    client_expect(fd, 200, "after the upgrades");
    close(fd);
}

static void broken_answer_becomes_a_500(void **state)
{
    struct answer a = ask("GET /broken HTTP/1.1\r\n" HOST "\r\n", false);

    assert_int_equal(500, a.status);
    assert_false(answer_has(&a, "evil"));
    assert_null(strstr(a.body, "never"));
    answer_free(&a);
}

static void refused_by_the_service(void **state)
{
    const int fd = client_connect(&server);

    client_send_text(fd, "GET /missing HTTP/1.1\r\n" HOST "\r\n");
    client_expect(fd, 404, "no body: the connection stays");
    client_send_text(fd, "POST /missing HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    client_expect(fd, 404, "with a body: the connection ends");
    client_expect_end(fd, "refused with a body");
    close(fd);
}

/* --- bodies ----------------------------------------------------------------------------------------------------- */

static char *make_body(size_t size)
{
    char *body = malloc(size + 1);

    assert_non_null(body);
    for (size_t i = 0; i < size; i++)
        body[i] = (char)('a' + (i * 7 + i / 251) % 26);
    body[size] = '\0';
    return body;
}

static const size_t BODY_SIZES[] = { 0, 1, 100, 3900, 4000, 4096, 5000, 16383, 16384, 16385, 70000, 1 << 20 };

static void expect_echo(int fd, const char *body, size_t size)
{
    struct answer a;

    client_read_answer(fd, false, &a);
    assert_int_equal(200, a.status);
    assert_int_equal(size, a.body_size);
    assert_memory_equal(body, a.body, size);
    answer_free(&a);
}

static void bodies_with_a_length(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(BODY_SIZES); i++) {
        char head[256];
        char *body = make_body(BODY_SIZES[i]);
        const int fd = client_connect(&server);
        for (int twice = 0; twice < 2; twice++) {
            const int n = snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
                                   BODY_SIZES[i]);
            client_send(fd, head, (size_t)n);
            client_send(fd, body, BODY_SIZES[i]);
            expect_echo(fd, body, BODY_SIZES[i]);
        }
        close(fd);
        free(body);
    }
}

static void send_chunks(int fd, const char *body, size_t size, size_t chunk)
{
    char line[32];

    for (size_t at = 0; at < size; at += chunk) {
        const size_t n = MIN_OF(chunk, size - at);
        client_send(fd, line, (size_t)snprintf(line, sizeof(line), "%zx\r\n", n));
        client_send(fd, body + at, n);
        client_send_text(fd, "\r\n");
    }
    client_send_text(fd, "0\r\n\r\n");
}

static void bodies_in_chunks(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(BODY_SIZES); i++) {
        char *body = make_body(BODY_SIZES[i]);
        const int fd = client_connect(&server);
        for (size_t chunk = BODY_SIZES[i] > 5000 ? 5000 : 7; chunk < 20000; chunk += 7001) {
            client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
            send_chunks(fd, body, BODY_SIZES[i], chunk);
            expect_echo(fd, body, BODY_SIZES[i]);
        }
        close(fd);
        free(body);
    }
}

static void body_is_invited(void **state)
{
    const int fd = client_connect(&server);
    char line[25];

    client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    for (size_t i = 0; i < sizeof(line); i++)
        assert_int_equal(1, recv(fd, line + i, 1, 0));
    assert_memory_equal("HTTP/1.1 100 Continue\r\n\r\n", line, sizeof(line));
    client_send_text(fd, "hello");
    expect_echo(fd, "hello", 5);
    client_send_text(fd, "POST /tiny HTTP/1.1\r\n" HOST "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    client_expect(fd, 413, "not invited");
    client_expect_end(fd, "not invited");
    close(fd);
}

/* --- many at once ----------------------------------------------------------------------------------------------- */

enum { PIPELINED = 10000 };

/* Sends `size` bytes while it reads, until `n_answers` of them have come: neither side may wait for the other. */
static size_t count_pipelined(int fd, const char *bytes, size_t size, size_t n_answers)
{
    static const char MARK[] = "hello"; /* the body, which stands in no head */
    char in[65536];
    size_t matched = 0, answers = 0;

    while (answers < n_answers) {
        struct pollfd p = { .fd = fd, .events = (short)(POLLIN | (size > 0 ? POLLOUT : 0)) };
        if (poll(&p, 1, CLIENT_PATIENCE_S * 1000) != 1)
            break;
        if (p.revents & POLLOUT) {
            const ssize_t sent = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
            bytes += sent > 0 ? sent : 0;
            size -= sent > 0 ? (size_t)sent : 0;
        }
        if ((p.revents & ~POLLOUT) == 0)
            continue;
        const ssize_t n = recv(fd, in, sizeof(in), 0);
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++) {
            matched = in[i] == MARK[matched] ? matched + 1 : in[i] == MARK[0];
            answers += matched == sizeof(MARK) - 1;
            matched %= sizeof(MARK) - 1;
        }
    }
    return answers;
}

static char *repeat(const char *request, size_t times, size_t *ret_size)
{
    const size_t len = strlen(request);
    char *all = malloc(len * times);

    assert_non_null(all);
    for (size_t i = 0; i < times; i++)
        memcpy(all + i * len, request, len);
    *ret_size = len * times;
    return all;
}

static void ten_thousand_pipelined(void **state)
{
    static const char *const REQUESTS[] = { GET_HELLO, "GET /hash HTTP/1.1\r\n" HOST "\r\n",
                                            "GET /confirm HTTP/1.1\r\n" HOST "\r\n" };

    for (size_t i = 0; i < ARRAY_SIZE(REQUESTS); i++) {
        size_t size;
        char *all = repeat(REQUESTS[i], PIPELINED, &size);
        const int fd = client_connect(&server);
        assert_int_equal(PIPELINED, count_pipelined(fd, all, size, PIPELINED));
        client_send_text(fd, GET_HELLO);
        client_expect(fd, 200, "after them");
        close(fd);
        free(all);
    }
}

/* The loop goes on with others while a worker is busy, and while a connection has much to say. */
static void a_waiting_request_delays_no_other(void **state)
{
    const int waiting = client_connect(&server);
    struct answer a;

    client_send_text(waiting, "POST /work HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" GET_HELLO);
    sem_wait(&server.at_gate);
    for (int i = 0; i < 8; i++) {
        a = ask(GET_HELLO, false);
        assert_int_equal(200, a.status);
        answer_free(&a);
    }
    sem_post(&server.gate);
    expect_echo(waiting, "abc", 3);
    client_expect(waiting, 200, "what was pipelined behind it");
    close(waiting);
}

static void client_leaves_during_work(void **state)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    const unsigned unsent = server.n_unsent;

    const int fd = client_connect(&server);
    client_send_text(fd, "POST /work HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    sem_wait(&server.at_gate);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd); /* with a reset */
    sem_post(&server.gate);
    fixture_wait_until(&server.n_unsent, unsent + 1);
}

static void client_leaves_in_the_middle(void **state)
{
    static const char *const BEGINNINGS[] = {
        "G",
        "GET /hello HTTP/1.1\r\nHo",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    };

    for (size_t i = 0; i < ARRAY_SIZE(BEGINNINGS); i++) {
        const int fd = client_connect(&server);
        client_send_text(fd, BEGINNINGS[i]);
        shutdown(fd, SHUT_WR);
        client_expect_end(fd, BEGINNINGS[i]);
        close(fd);
    }
}

/* 8 MiB do not fit the socket's buffer: the rest leaves as the client reads. */
static void big_answer_waits_for_its_reader(void **state)
{
    const int fd = client_connect(&server);

    client_send_text(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n" GET_HELLO);
    struct answer a = ask(GET_HELLO, false); /* nobody waits for the slow one */
    answer_free(&a);
    client_read_answer(fd, false, &a);
    assert_int_equal(BIG_ANSWER, a.body_size);
    answer_free(&a);
    client_expect(fd, 200, "behind the big answer");
    close(fd);

    const int rude = client_connect(&server);
    client_send_text(rude, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    close(rude);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_is_kept),
        cmocka_unit_test(accessors_tell_what_was_sent),
        cmocka_unit_test(head_and_no_content_have_no_body),
        cmocka_unit_test(http_1_0_ends_unless_asked),
        cmocka_unit_test(either_side_may_end),
        cmocka_unit_test(half_closed_client_gets_its_answer),
        cmocka_unit_test(upgrade_is_not_honoured),
        cmocka_unit_test(broken_answer_becomes_a_500),
        cmocka_unit_test(refused_by_the_service),
        cmocka_unit_test(bodies_with_a_length),
        cmocka_unit_test(bodies_in_chunks),
        cmocka_unit_test(body_is_invited),
        cmocka_unit_test(ten_thousand_pipelined),
        cmocka_unit_test(a_waiting_request_delays_no_other),
        cmocka_unit_test(client_leaves_during_work),
        cmocka_unit_test(client_leaves_in_the_middle),
        cmocka_unit_test(big_answer_waits_for_its_reader),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
