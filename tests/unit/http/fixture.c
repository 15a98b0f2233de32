#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the service ------------------------------------------------------------------------------------------------ */

static char big[BIG_ANSWER];

static bool path_is(const struct dw_request *r, const char *path)
{
    return dw_str_eq(dw_request_path(r), dw_str(path));
}

static enum dw_err test_begin(void *context, struct dw_request *r, size_t *max_body)
{
    struct fixture *f = context;

    f->n_begun++;
    if (path_is(r, "/tiny"))
        *max_body = 10;
    return path_is(r, "/missing") ? DW_ERR_NOT_FOUND : DW_OK;
}

static struct dw_str or_dash(struct dw_str s)
{
    return dw_str_is_absent(s) ? DW_STR("-") : s;
}

static void answer_whoami(struct dw_request *r)
{
    const struct dw_str path = dw_request_path(r), query = or_dash(dw_request_query(r)),
                        header = or_dash(dw_request_header(r, "x-thing")), cookie = or_dash(dw_request_cookie(r, "c"));

    dw_answer_body(r, "text/plain",
                   dw_arena_printf(dw_request_arena(r), "%s %.*s %.*s %.*s %.*s %s", dw_method_name(r->method),
                                   (int)path.len, path.ptr, (int)query.len, query.ptr, (int)header.len, header.ptr,
                                   (int)cookie.len, cookie.ptr, r->peer));
}

static void answer_broken(struct dw_request *r)
{
    dw_answer_body(r, "text/plain", DW_STR("never"));
    dw_answer_header(r, "X-Bad", DW_STR("a\r\nSet-Cookie: evil"));
}

static void answer_echo(struct dw_request *r)
{
    dw_answer_body(r, "text/plain", dw_request_body(r));
}

static void answer_hello(struct dw_request *r)
{
    dw_answer_body(r, "text/plain", DW_STR("hello"));
}

static void answer_none(struct dw_request *r)
{
    dw_answer_status(r, 204);
    dw_answer_body(r, "text/plain", DW_STR("must not leave"));
}

static void answer_big(struct dw_request *r)
{
    dw_answer_body_static(r, "text/plain", dw_str_n(big, sizeof(big)));
}

static void answer_close(struct dw_request *r)
{
    r->close = true;
    dw_answer_body(r, "text/plain", DW_STR("bye"));
}

static struct fixture *suspended_in; /* one server at a time */

static const struct test_route {
    const char *path;
    void (*answer)(struct dw_request *r);
    enum http_verdict verdict;
} ROUTES[] = {
    { "/hello", answer_hello, HTTP_ANSWERED },   { "/echo", answer_echo, HTTP_ANSWERED },
    { "/whoami", answer_whoami, HTTP_ANSWERED }, { "/none", answer_none, HTTP_ANSWERED },
    { "/big", answer_big, HTTP_ANSWERED },       { "/broken", answer_broken, HTTP_ANSWERED },
    { "/close", answer_close, HTTP_ANSWERED },   { "/tiny", answer_echo, HTTP_ANSWERED },
    { "/work", answer_echo, HTTP_TO_WORKER },    { "/hash", answer_hello, HTTP_TO_HASHING },
    { "/confirm", answer_hello, HTTP_TO_WORKER }, { "*", answer_hello, HTTP_ANSWERED },
    { "/suspend", answer_echo, HTTP_SUSPENDED }, { "/suspend/work", answer_echo, HTTP_SUSPENDED },
    { "/hold", answer_hello, HTTP_ANSWERED },    { "/big/work", answer_big, HTTP_TO_WORKER },
};

static const struct test_route *route_find(const struct dw_request *r)
{
    for (size_t i = 0; i < ARRAY_SIZE(ROUTES); i++)
        if (path_is(r, ROUTES[i].path))
            return &ROUTES[i];
    return NULL;
}

static void test_refuse(void *context, struct dw_request *r, enum dw_err err)
{
    dw_answer_status(r, dw_error_info(err)->status);
    dw_answer_body(r, "text/plain", dw_str(dw_error_info(err)->message));
}

static void wait_at_gate(struct fixture *f)
{
    sem_post(&f->at_gate);
    sem_wait(&f->gate);
}

/* Somebody else's thread, which resumes the request when the gate opens. */
static void *resume_later(void *argument)
{
    struct dw_request *r = argument;
    struct fixture *f = suspended_in;

    wait_at_gate(f);
    http_resume(r);
    return NULL;
}

static void fixture_suspend(struct fixture *f, struct dw_request *r)
{
    pthread_t thread;

    assert_true(http_may_suspend(r));
    suspended_in = f;
    http_suspend(r);
    assert_int_equal(0, pthread_create(&thread, NULL, resume_later, r));
    pthread_detach(thread);
}

static enum http_verdict test_resume(void *context, struct dw_request *r)
{
    struct fixture *f = context;
    const struct test_route *route = route_find(r);

    f->n_resumed++;
    if (path_is(r, "/suspend/work"))
        return HTTP_TO_WORKER;
    assert_non_null(route);
    route->answer(r);
    return HTTP_ANSWERED;
}

static enum http_verdict test_serve(void *context, struct dw_request *r)
{
    const struct test_route *route = route_find(r);

    if (path_is(r, "/hold"))
        wait_at_gate(context);
    if (route == NULL)
        test_refuse(context, r, DW_ERR_NOT_FOUND);
    else if (route->verdict == HTTP_SUSPENDED)
        fixture_suspend(context, r);
    else if (route->verdict == HTTP_ANSWERED)
        route->answer(r);
    return route != NULL ? route->verdict : HTTP_ANSWERED;
}

static enum http_verdict test_serve_waiting(void *context, struct dw_request *r)
{
    struct fixture *f = context;
    const struct test_route *route = route_find(r);

    assert_true(dw_request_may_block(r));
    assert_non_null(route);
    if (path_is(r, "/confirm") && !dw_request_may_hash(r))
        return HTTP_TO_HASHING;
    f->n_working++;
    if (path_is(r, "/work") || path_is(r, "/big/work"))
        wait_at_gate(f);
    if (route != NULL)
        route->answer(r);
    f->n_working--;
    return HTTP_ANSWERED;
}

static void test_finished(void *context, struct dw_request *r, bool sent)
{
    struct fixture *f = context;

    f->n_finished++;
    f->n_unsent += !sent;
}

static void test_finish_head(void *context, struct dw_request *r)
{
    dw_answer_header(r, "X-Request-Id", dw_request_id(r));
}

/* --- the server ------------------------------------------------------------------------------------------------- */

void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->service = (struct http_service){ f, test_begin, test_serve, test_serve_waiting, test_refuse, test_finished,
                                        test_finish_head, NULL, test_resume };
    sem_init(&f->is_ready, 0, 0);
    sem_init(&f->at_gate, 0, 0);
    sem_init(&f->gate, 0, 0);
}

static void on_ready(void *argument, const char *address)
{
    struct fixture *f = argument;

    snprintf(f->address, sizeof(f->address), "%s", address);
    f->port = (unsigned)atoi(strrchr(address, ':') + 1);
    sem_post(&f->is_ready);
}

static void *serve_thread(void *argument)
{
    struct fixture *f = argument;

    f->result = http_serve(&f->service, &f->config);
    sem_post(&f->is_ready); /* also when it could not start */
    return NULL;
}

void fixture_start(struct fixture *f, const struct dw_server_config *config)
{
    fixture_init(f);
    f->config = *config;
    if (f->config.listen == NULL)
        f->config.listen = "127.0.0.1:0";
    f->config.on_ready = on_ready;
    f->config.on_ready_argument = f;
    assert_int_equal(0, pthread_create(&f->thread, NULL, serve_thread, f));
    sem_wait(&f->is_ready);
    assert_int_not_equal(0, f->port);
}

void fixture_stop(struct fixture *f)
{
    dw_serve_stop();
    assert_int_equal(0, pthread_join(f->thread, NULL));
    CHECK_OK(f->result);
    assert_true(f->n_finished >= f->n_begun);
    sem_destroy(&f->is_ready);
    sem_destroy(&f->at_gate);
    sem_destroy(&f->gate);
}

void fixture_wait_until(_Atomic unsigned *counter, unsigned value)
{
    for (int i = 0; *counter < value; i++) {
        assert_true(i < CLIENT_PATIENCE_S * 1000);
        poll(NULL, 0, 1);
    }
}

/* --- the client ------------------------------------------------------------------------------------------------- */

int client_connect(const struct fixture *f)
{
    const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)f->port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval patience = { .tv_sec = CLIENT_PATIENCE_S };
    const int one = 1;

    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(0, connect(fd, (const struct sockaddr *)&address, sizeof(address)));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

bool client_try_send(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

void client_send(int fd, const char *bytes, size_t size)
{
    assert_true(client_try_send(fd, bytes, size));
}

static void read_exactly(int fd, char *out, size_t size)
{
    while (size > 0) {
        const ssize_t n = recv(fd, out, size, 0);
        if (n <= 0)
            fail_msg("the stream ended (%zd, %s) with %zu bytes missing", n, strerror(errno), size);
        out += n;
        size -= (size_t)n;
    }
}

static size_t head_content_length(const char *head)
{
    const char *line = strcasestr(head, "\r\nContent-Length: ");

    return line != NULL ? strtoul(line + sizeof("\r\nContent-Length: ") - 1, NULL, 10) : 0;
}

void client_read_answer(int fd, bool is_head, struct answer *ret_answer)
{
    struct answer a = { 0 };
    size_t size = 0;

    /* Byte by byte: what follows belongs to the next answer. */
    while (size < 4 || memcmp(a.head + size - 4, "\r\n\r\n", 4) != 0) {
        assert_true(size + 1 < sizeof(a.head));
        read_exactly(fd, a.head + size++, 1);
    }
    assert_int_equal(1, sscanf(a.head, "HTTP/1.1 %d ", &a.status));
    a.body_size = is_head ? 0 : head_content_length(a.head);
    a.body = calloc(1, a.body_size + 1);
    assert_non_null(a.body);
    read_exactly(fd, a.body, a.body_size);
    *ret_answer = a;
}

void client_expect(int fd, int status, const char *label)
{
    struct answer a;

    client_read_answer(fd, false, &a);
    if (a.status != status)
        fail_msg("%s: expected %d, got %d", label, status, a.status);
    answer_free(&a);
}

void client_expect_end(int fd, const char *label)
{
    char byte;
    const ssize_t n = recv(fd, &byte, 1, 0);

    if (n != 0)
        fail_msg("%s: expected the end of the stream, got %zd (%s)", label, n, n < 0 ? strerror(errno) : "a byte");
}

void client_drain(int fd)
{
    char bytes[65536];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        continue;
    assert_true(n == 0 || errno == ECONNRESET);
}

bool answer_has(const struct answer *answer, const char *line)
{
    return strstr(answer->head, line) != NULL;
}

void answer_free(struct answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}
