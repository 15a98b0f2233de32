/* Requests that wait for somebody else's thread and for none of the server's. */
#include "fixture.h"

#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define HELLO "GET /hello HTTP/1.1\r\n" HOST "\r\n"
#define SUSPEND "POST /suspend HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"
#define SUSPEND_WORK "POST /suspend/work HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nho"

enum { MANY = 100, ROUNDS = 20 };

static struct fixture server;

static void start(const struct dw_server_config *config)
{
    fixture_start(&server, config);
}

static void expect_body(int fd, const char *body)
{
    struct answer a;

    client_read_answer(fd, false, &a);
    assert_int_equal(200, a.status);
    assert_int_equal(a.body_size, strlen(body));
    assert_memory_equal(a.body, body, a.body_size);
    answer_free(&a);
}

/* More of them than workers and loops together could hold; meanwhile the server answers others. */
static void many_wait_without_a_thread(void **state)
{
    int fds[MANY];

    start(&(struct dw_server_config){ .loops = 2, .workers = 1, .worker_queue = 1 });
    for (int i = 0; i < MANY; i++) {
        fds[i] = client_connect(&server);
        client_send_text(fds[i], SUSPEND);
        sem_wait(&server.at_gate);
    }
    const int other = client_connect(&server);
    client_send_text(other, HELLO);
    expect_body(other, "hello");
    for (int i = 0; i < MANY; i++)
        sem_post(&server.gate);
    for (int i = 0; i < MANY; i++) {
        expect_body(fds[i], "hi");
        client_send_text(fds[i], HELLO); /* the connection goes on */
        expect_body(fds[i], "hello");
        close(fds[i]);
    }
    close(other);
    assert_int_equal(server.n_resumed, MANY);
    fixture_stop(&server);
}

/* What was sent behind it waits its turn. */
static void pipelined_requests_keep_their_order(void **state)
{
    start(&(struct dw_server_config){ .loops = 1 });
    const int fd = client_connect(&server);

    client_send_text(fd, SUSPEND HELLO SUSPEND_WORK HELLO);
    sem_wait(&server.at_gate);
    sem_post(&server.gate);
    expect_body(fd, "hi");
    expect_body(fd, "hello");
    sem_wait(&server.at_gate);
    sem_post(&server.gate);
    expect_body(fd, "ho");
    expect_body(fd, "hello");
    close(fd);
    fixture_stop(&server);
}

static void resumed_requests_may_go_to_a_worker(void **state)
{
    start(&(struct dw_server_config){ .loops = 1 });
    const int fd = client_connect(&server);

    client_send_text(fd, SUSPEND_WORK);
    sem_wait(&server.at_gate);
    sem_post(&server.gate);
    expect_body(fd, "ho");
    close(fd);
    fixture_stop(&server);
}

/* The client does not wait: its connection is left alone until the request is resumed. */
static void a_client_that_leaves_is_forgotten_afterwards(void **state)
{
    start(&(struct dw_server_config){ .loops = 1 });
    const int fd = client_connect(&server);

    client_send_text(fd, SUSPEND);
    sem_wait(&server.at_gate);
    close(fd);
    const int other = client_connect(&server);
    client_send_text(other, HELLO);
    expect_body(other, "hello");
    assert_true(server.n_finished <= 1); /* the other one */
    sem_post(&server.gate);
    fixture_wait_until(&server.n_finished, 2);
    close(other);
    fixture_stop(&server);
}

/* The server's end waits for it, also where it is resumed in the same moment. */
static void a_stop_waits_for_what_is_suspended(void **state)
{
    for (int round = 0; round < ROUNDS; round++) {
        start(&(struct dw_server_config){ .loops = 2 });
        const int fd = client_connect(&server);

        client_send_text(fd, SUSPEND);
        sem_wait(&server.at_gate);
        dw_serve_stop();
        if (round % 2 == 0)
            dw_serve_stop(); /* and the second time at once */
        sem_post(&server.gate);
        expect_body(fd, "hi");
        assert_int_equal(0, pthread_join(server.thread, NULL));
        CHECK_OK(server.result);
        assert_int_equal(server.n_begun, server.n_finished);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_wait_without_a_thread),
        cmocka_unit_test(pipelined_requests_keep_their_order),
        cmocka_unit_test(resumed_requests_may_go_to_a_worker),
        cmocka_unit_test(a_client_that_leaves_is_forgotten_afterwards),
        cmocka_unit_test(a_stop_waits_for_what_is_suspended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
