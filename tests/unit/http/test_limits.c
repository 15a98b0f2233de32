/* Too much, too many, too slow: each is refused while it is small, and the others are served meanwhile. */
#include "fixture.h"

#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define GET_HELLO "GET /hello HTTP/1.1\r\n" HOST "\r\n"

enum { MANY_CONNECTIONS = 20 };

static struct fixture server;

static int start(void **state)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 1, .workers = 1, .worker_queue = 1,
                                                       .max_connections = MANY_CONNECTIONS, .header_deadline_s = 1,
                                                       .body_deadline_s = 1, .write_deadline_s = 1, .idle_s = 2 });
    return 0;
}

static int stop(void **state)
{
    fixture_stop(&server);
    return 0;
}

static void expect_still_serving(void)
{
    const int fd = client_connect(&server);

    client_send_text(fd, GET_HELLO);
    client_expect(fd, 200, "another client");
    close(fd);
}

/* A request whose size is chosen: parts repeated between a beginning and an end. */
static const struct row {
    const char *label, *beginning, *part, *end;
    size_t times;
    int status;
} SIZES[] = {
    { "1,000 headers", "GET /hello HTTP/1.1\r\n" HOST, "X-A: 1\r\n", "\r\n", 1000, 431 },
    { "100 headers", "GET /hello HTTP/1.1\r\n" HOST, "X-A: 1\r\n", "\r\n", 99, 200 },
    { "101 headers", "GET /hello HTTP/1.1\r\n" HOST, "X-A: 1\r\n", "\r\n", 100, 431 },
    { "a header of 64 KiB", "GET /hello HTTP/1.1\r\n" HOST "X-A: ", "0123456789abcdef", "\r\n\r\n", 4096, 431 },
    { "a header of 31 KiB", "GET /hello HTTP/1.1\r\n" HOST "X-A: ", "0123456789abcdef", "\r\n\r\n", 1984, 200 },
    { "a header name of 64 KiB", "GET /hello HTTP/1.1\r\n" HOST, "0123456789abcdef", ": a\r\n\r\n", 4096, 431 },
    { "a target of 8,000 bytes", "GET /hello?", "0123456789abcdef", " HTTP/1.1\r\n" HOST "\r\n", 500, 200 },
    { "a target of 16 KiB", "GET /hello?", "0123456789abcdef", " HTTP/1.1\r\n" HOST "\r\n", 1024, 414 },
    { "a target of 1 MiB", "GET /hello?", "0123456789abcdef", " HTTP/1.1\r\n" HOST "\r\n", 65536, 414 },
    { "blanks before the target", "GET ", "                ", "/hello HTTP/1.1\r\n" HOST "\r\n", 65536, 431 },
    { "blanks before a value", "GET /hello HTTP/1.1\r\nHost: ", "                ", "a\r\n\r\n", 65536, 431 },
    { "chunk extensions", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2;", "0123456789abcdef",
      "\r\nab\r\n0\r\n\r\n", 4096, 431 },
    { "trailers", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X-A: 0123456789\r\n",
      "\r\n",
      4096, 431 },
    { "chunks past 1 MiB", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
      "10\r\n0123456789abcdef\r\n",
      "0\r\n\r\n", 65537, 413 },
    { "chunks of 1 MiB", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
      "10\r\n0123456789abcdef\r\n",
      "0\r\n\r\n", 65536, 200 },
    { "chunks past the route's limit", "POST /tiny HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
      "1\r\na\r\n",
      "0\r\n\r\n", 11, 413 },
    { "chunks at the route's limit", "POST /tiny HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n",
      "0\r\n\r\n", 10, 200 },
};

static char *compose(const struct row *row, size_t *ret_size)
{
    const size_t begin = strlen(row->beginning), part = strlen(row->part), end = strlen(row->end);
    char *all = malloc(begin + part * row->times + end);

    assert_non_null(all);
    memcpy(all, row->beginning, begin);
    for (size_t i = 0; i < row->times; i++)
        memcpy(all + begin + i * part, row->part, part);
    memcpy(all + begin + row->times * part, row->end, end);
    *ret_size = begin + part * row->times + end;
    return all;
}

/* The whole request is sent before anything is read: the answer must survive that. */
static void sizes_are_limited(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(SIZES); i++) {
        size_t size;
        char *all = compose(&SIZES[i], &size);
        const int fd = client_connect(&server);
        client_send(fd, all, size);
        client_expect(fd, SIZES[i].status, SIZES[i].label);
        if (SIZES[i].status != 200)
            client_expect_end(fd, SIZES[i].label);
        close(fd);
        free(all);
        expect_still_serving();
    }
}

/* 100 MB, sent by a client that only reads when it has sent everything. */
static void huge_body_is_refused_early(void **state)
{
    static char piece[1 << 20];
    const int fd = client_connect(&server);

    client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100000000\r\n\r\n");
    for (size_t sent = 0; sent < 100000000; sent += MIN_OF(sizeof(piece), 100000000 - sent))
        client_send(fd, piece, MIN_OF(sizeof(piece), 100000000 - sent));
    client_expect(fd, 413, "100 MB");
    client_expect_end(fd, "100 MB");
    close(fd);
    expect_still_serving();
}

/* --- time: the deadlines are a second here ---------------------------------------------------------------------- */

static const struct slow {
    const char *label, *beginning;
    int status; /* 0: closed without a word */
} SLOW[] = {
    { "nothing at all", "", 0 },
    { "empty lines only", "\r\n\r\n", 0 },
    { "half a request line", "GET /hel", 408 },
    { "half a header", "GET /hello HTTP/1.1\r\nHost: a\r\nX-", 408 },
    { "half a body", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc", 408 },
    { "half a chunk", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nab", 408 },
    { "the next request, half", GET_HELLO "GET /hel", 408 },
};

static void slow_clients_run_out_of_time(void **state)
{
    int fds[ARRAY_SIZE(SLOW)];

    for (size_t i = 0; i < ARRAY_SIZE(SLOW); i++) {
        fds[i] = client_connect(&server);
        client_send_text(fds[i], SLOW[i].beginning);
    }
    expect_still_serving();
    for (size_t i = 0; i < ARRAY_SIZE(SLOW); i++) {
        if (strstr(SLOW[i].beginning, "\r\n\r\nGET") != NULL)
            client_expect(fds[i], 200, SLOW[i].label);
        if (SLOW[i].status != 0)
            client_expect(fds[i], SLOW[i].status, SLOW[i].label);
        client_expect_end(fds[i], SLOW[i].label);
        close(fds[i]);
    }
}

/* A byte now and then does not move the deadline. The client sends until it is told to stop. */
static void drip_does_not_help(void **state)
{
    static const char *const BEGINNINGS[] = { "GET /hello HTTP/1.1\r\n" HOST "X-A: ",
                                              "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n" };

    for (size_t i = 0; i < ARRAY_SIZE(BEGINNINGS); i++) {
        const struct timeval moment = { .tv_usec = 50000 };
        const int fd = client_connect(&server);
        char byte;
        int drops = 0;
        client_send_text(fd, BEGINNINGS[i]);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
        while (recv(fd, &byte, 1, MSG_PEEK) < 0 && drops++ < CLIENT_PATIENCE_S * 20)
            client_try_send(fd, "a", 1);
        assert_true(drops < CLIENT_PATIENCE_S * 20);
        client_expect(fd, 408, BEGINNINGS[i]);
        close(fd);
    }
}

/* A client that asks for much and takes nothing is let go; its request ends unsent. */
static void reader_that_never_reads(void **state)
{
    const unsigned unsent = server.n_unsent;
    const int fd = client_connect(&server);

    client_send_text(fd, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    fixture_wait_until(&server.n_unsent, unsent + 1);
    client_drain(fd);
    close(fd);
}

/* --- crowds ----------------------------------------------------------------------------------------------------- */

/* Those who only hold their connection make way for one who asks for something. */
static void the_idle_make_room(void **state)
{
    int fds[MANY_CONNECTIONS];

    for (int i = 0; i < MANY_CONNECTIONS; i++) {
        fds[i] = client_connect(&server);
        client_send_text(fds[i], GET_HELLO);
        client_expect(fds[i], 200, "one of many");
    }
    expect_still_serving();
    client_expect_end(fds[0], "idle longest");
    client_send_text(fds[MANY_CONNECTIONS - 1], GET_HELLO);
    client_expect(fds[MANY_CONNECTIONS - 1], 200, "those after it stay");
    for (int i = 0; i < MANY_CONNECTIONS; i++)
        close(fds[i]);
}

/* Nobody is idle: who is under way goes on, and the new one is closed. */
static void too_many_connections(void **state)
{
    int fds[MANY_CONNECTIONS];
    const unsigned begun = server.n_begun;

    for (int i = 0; i < MANY_CONNECTIONS; i++) {
        fds[i] = client_connect(&server);
        client_send_text(fds[i], "POST /suspend HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
        sem_wait(&server.at_gate);
    }
    assert_int_equal(begun + MANY_CONNECTIONS, server.n_begun);
    const int excess = client_connect(&server);
    client_drain(excess);
    close(excess);
    for (int i = 0; i < MANY_CONNECTIONS; i++)
        sem_post(&server.gate);
    for (int i = 0; i < MANY_CONNECTIONS; i++) {
        client_expect(fds[i], 200, "those before stay");
        close(fds[i]);
    }
}

/* One worker, one place in the queue: the third is refused at once, and its connection stays. */
static void busy_lane_refuses(void **state)
{
    static const char WORK[] = "POST /work HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi";
    int fds[3];

    fds[0] = client_connect(&server);
    client_send_text(fds[0], WORK);
    sem_wait(&server.at_gate); /* it runs */
    const unsigned begun = server.n_begun;
    fds[1] = client_connect(&server);
    client_send_text(fds[1], WORK);
    fixture_wait_until(&server.n_begun, begun + 1); /* it waits */
    fds[2] = client_connect(&server);
    client_send_text(fds[2], WORK);
    client_expect(fds[2], 503, "past the queue");
    client_send_text(fds[2], GET_HELLO);
    client_expect(fds[2], 200, "not everything is busy");

    sem_post(&server.gate);
    sem_post(&server.gate);
    sem_wait(&server.at_gate);
    for (int i = 0; i < 2; i++)
        client_expect(fds[i], 200, "taken");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_limited),          cmocka_unit_test(huge_body_is_refused_early),
        cmocka_unit_test(slow_clients_run_out_of_time), cmocka_unit_test(drip_does_not_help),
        cmocka_unit_test(reader_that_never_reads),    cmocka_unit_test(busy_lane_refuses),
        cmocka_unit_test(the_idle_make_room),
        cmocka_unit_test(too_many_connections),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
