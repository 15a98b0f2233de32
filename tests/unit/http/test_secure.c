/* The engine behind TLS: clients that go away while somebody works for them. */
#include "fixture.h"

#include "../certificate.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#define HOST "Host: a\r\n"
#define HELLO "GET /hello HTTP/1.1\r\n" HOST "\r\n"
#define HOLD "GET /hold HTTP/1.1\r\n" HOST "\r\n"

enum { DAY_S = 86400, FLIGHT_MAX = 1 << 16 };

static struct certificate_files files;
static struct dw_tls *tls;
static struct fixture server;

static int set_up(void **state)
{
    char problem[DW_TLS_PROBLEM_SIZE];

    certificate_open(&files);
    certificate_write(&files, -DAY_S, DAY_S);
    CHECK_OK(dw_tls_new(files.certificate, files.key, &tls, problem));
    return 0;
}

static int tear_down(void **state)
{
    dw_tls_free(&tls);
    return certificate_close(&files);
}

/* --- a client that sends its flights when it is told to ---------------------------------------------------------- */

struct client {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* what came; what is to be sent */
};

static void client_open(struct client *c)
{
    *c = (struct client){ .fd = client_connect(&server), .context = SSL_CTX_new(TLS_client_method()) };
    c->ssl = SSL_new(c->context);
    c->in = BIO_new(BIO_s_mem());
    c->out = BIO_new(BIO_s_mem());
    SSL_set_bio(c->ssl, c->in, c->out);
    SSL_set_connect_state(c->ssl);
}

static void client_send_flight(struct client *c)
{
    char bytes[FLIGHT_MAX];
    const int n = BIO_read(c->out, bytes, sizeof(bytes));

    if (n > 0)
        client_send(c->fd, bytes, (size_t)n);
}

static void client_receive(struct client *c)
{
    char bytes[FLIGHT_MAX];
    const ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

    assert_true(n > 0);
    assert_int_equal((int)n, BIO_write(c->in, bytes, (int)n));
}

/* Up to its own last flight, which is not sent yet. */
static void client_shake(struct client *c)
{
    while (SSL_do_handshake(c->ssl) != 1) {
        client_send_flight(c);
        client_receive(c);
    }
}

static void client_say(struct client *c, const char *text)
{
    assert_int_equal((int)strlen(text), SSL_write(c->ssl, text, (int)strlen(text)));
}

static void client_expect_text(struct client *c, const char *text)
{
    char heard[4096] = "";
    size_t n = 0;

    while (strstr(heard, text) == NULL) {
        const int got = SSL_read(c->ssl, heard + n, (int)(sizeof(heard) - 1 - n));
        if (got <= 0)
            client_receive(c);
        else
            heard[n += (size_t)got] = '\0';
    }
}

/* By a reset, as a process does that is killed with unread bytes. */
static void client_break(struct client *c)
{
    const struct linger at_once = { .l_onoff = 1 };

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(c->fd);
    c->fd = -1;
}

static void client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    if (c->fd >= 0)
        close(c->fd);
}

/* --- cases ------------------------------------------------------------------------------------------------------ */

static void serve(void)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 1, .tls = tls });
}

static void holds_still(struct client *other)
{
    client_open(other);
    client_shake(other);
    client_say(other, HOLD);
    client_send_flight(other);
    sem_wait(&server.at_gate);
}

/* The end of the handshake, a request for a worker and a reset reach the loop at once: the tickets that it sends first
 * fail, while a worker has the request. */
static void a_reset_behind_the_request_waits_for_the_worker(void **state)
{
    static const char *const REQUESTS[] = { "POST /work HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi",
                                            "POST /suspend HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi",
                                            "POST /suspend/work HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi" };
    struct client gone, other;

    for (size_t i = 0; i < ARRAY_SIZE(REQUESTS); i++) {
        serve();
        client_open(&gone);
        client_shake(&gone);
        client_say(&gone, REQUESTS[i]);
        holds_still(&other);
        client_send_flight(&gone);
        client_break(&gone);
        sem_post(&server.gate); /* the loop goes on, and finds all of it */
        sem_wait(&server.at_gate);
        client_expect_text(&other, "hello");
        client_say(&other, HELLO); /* its loop has gone round by then */
        client_send_flight(&other);
        client_expect_text(&other, "hello");
        fixture_wait_until(&server.n_finished, 2);
        assert_int_equal(2, server.n_finished);
        sem_post(&server.gate);
        fixture_wait_until(&server.n_finished, 3);
        assert_int_equal(1, server.n_unsent);
        client_close(&gone);
        client_close(&other);
        fixture_stop(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_behind_the_request_waits_for_the_worker),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
