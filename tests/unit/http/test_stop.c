/* Starting and stopping: addresses, who else is there, and what happens to requests under way. */
#include "fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: a\r\n"
#define WORK "POST /work HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"

static struct fixture server;

/* A connection that the server has taken: one that still stands in the kernel's queue would end with a reset. */
static int connect_and_ask(void)
{
    const int fd = client_connect(&server);

    client_send_text(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_expect(fd, 200, "before the stop");
    return fd;
}

static void idle_connections_are_closed(void **state)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 2 });
    int fds[8];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = connect_and_ask();
    fixture_stop(&server);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        client_expect_end(fds[i], "idle");
        close(fds[i]);
    }
}

/* The request under way gets its answer, and hears that the connection ends. */
static void request_under_way_is_finished(void **state)
{
    struct answer a;

    fixture_start(&server, &(struct dw_server_config){ .loops = 2 });
    const int idle = connect_and_ask();
    const int fd = client_connect(&server);
    client_send_text(fd, WORK);
    sem_wait(&server.at_gate);
    dw_serve_stop();
    client_expect_end(idle, "the stop has begun");
    sem_post(&server.gate);
    client_read_answer(fd, false, &a);
    assert_int_equal(200, a.status);
    assert_true(answer_has(&a, "\r\nConnection: close\r\n"));
    answer_free(&a);
    client_expect_end(fd, "after the last answer");
    assert_int_equal(0, pthread_join(server.thread, NULL));
    CHECK_OK(server.result);
    assert_int_equal(server.n_begun, server.n_finished);
    close(fd);
    close(idle);
}

/* A request that never comes to its end does not hold the server up. */
static void stop_has_a_deadline(void **state)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 1, .stop_deadline_s = 1 });
    const int fd = client_connect(&server);

    client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    fixture_wait_until(&server.n_begun, 1);
    fixture_stop(&server);
    client_drain(fd);
    close(fd);
}

static void second_signal_stops_at_once(void **state)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 2, .stop_deadline_s = 3600 });
    const int idle = connect_and_ask();
    const int fd = client_connect(&server);

    client_send_text(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    fixture_wait_until(&server.n_begun, 2);
    kill(getpid(), SIGTERM);
    client_expect_end(idle, "the stop has begun");
    kill(getpid(), SIGINT);
    client_drain(fd);
    assert_int_equal(0, pthread_join(server.thread, NULL));
    CHECK_OK(server.result);
    assert_int_equal(server.n_begun, server.n_finished);
    close(fd);
    close(idle);
}

static volatile sig_atomic_t n_terminations;

static void note_termination(int number)
{
    n_terminations = n_terminations + 1;
}

/* A server beside another leaves the signals to it, or to the program. */
static void signals_may_be_left_to_others(void **state)
{
    struct sigaction before;

    sigaction(SIGTERM, &(struct sigaction){ .sa_handler = note_termination }, &before);
    n_terminations = 0;
    fixture_start(&server, &(struct dw_server_config){ .loops = 2, .ignores_signals = true });
    raise(SIGTERM);
    assert_int_equal(1, n_terminations);
    const int fd = connect_and_ask();
    client_send_text(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_expect(fd, 200, "it serves on");
    fixture_stop(&server);
    client_expect_end(fd, "dw_serve_stop() ends it");
    raise(SIGTERM);
    assert_int_equal(2, n_terminations);
    sigaction(SIGTERM, &before, NULL);
    close(fd);
}

/* It had been working since before the end, and then the client did not read. */
static void who_reads_slowly_does_not_hold_it_up(void **state)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 1, .write_deadline_s = 3600, .stop_deadline_s = 3600 });
    const int idle = connect_and_ask();
    const int fd = client_connect(&server), half = client_connect(&server);

    client_send_text(fd, "GET /big/work HTTP/1.1\r\n" HOST "\r\n");
    sem_wait(&server.at_gate);
    client_send_text(half, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    fixture_wait_until(&server.n_begun, 3);
    dw_serve_stop();
    client_expect_end(idle, "the stop has begun");
    dw_serve_stop();
    client_drain(half); /* everything is dropped */
    sem_post(&server.gate);
    assert_int_equal(0, pthread_join(server.thread, NULL));
    CHECK_OK(server.result);
    assert_int_equal(server.n_begun, server.n_finished);
    close(half);
    close(idle);
    close(fd);
}

static _Atomic int n_told;

static void note_stop(void *argument)
{
    assert_ptr_equal(&server, argument);
    atomic_fetch_add(&n_told, 1);
}

/* Told to stop, it serves on, on new connections too, but each answer ends its connection. Told twice, it ends. */
static void serves_on_for_the_delay(void **state)
{
    struct answer a;

    atomic_store(&n_told, 0);
    fixture_start(&server, &(struct dw_server_config){ .loops = 2, .stop_delay_s = 3600, .on_stop = note_stop,
                                                       .on_stop_argument = &server });
    const int idle = connect_and_ask();

    assert_int_equal(0, atomic_load(&n_told));
    dw_serve_stop();
    for (bool is_kept = true; is_kept;) { /* each loop hears of it by itself */
        const int fd = client_connect(&server);
        client_send_text(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
        client_read_answer(fd, false, &a);
        assert_int_equal(200, a.status);
        is_kept = !answer_has(&a, "\r\nConnection: close\r\n");
        answer_free(&a);
        close(fd);
    }
    assert_int_equal(1, atomic_load(&n_told));
    client_send_text(idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_expect(idle, 200, "an older connection is served");
    dw_serve_stop();
    assert_int_equal(0, pthread_join(server.thread, NULL));
    CHECK_OK(server.result);
    assert_int_equal(1, atomic_load(&n_told));
    close(idle);
}

static void the_delay_ends(void **state)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 2, .stop_delay_s = 1 });
    const int idle = connect_and_ask();

    fixture_stop(&server);
    client_expect_end(idle, "idle");
    close(idle);
}

/* A connection that has not sent anything yet may be a proxy's that is about to: it gets a moment, and no more. */
static void a_request_on_its_way_is_served(void **state)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 1 });
    const int used = connect_and_ask();
    const int unused = client_connect(&server), silent = client_connect(&server);

    dw_serve_stop();
    client_expect_end(used, "the stop has begun");
    client_send_text(unused, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_expect(unused, 200, "on its way");
    client_expect_end(silent, "nothing came");
    assert_int_equal(0, pthread_join(server.thread, NULL));
    CHECK_OK(server.result);
    close(used);
    close(unused);
    close(silent);
}

static void taken_address_is_told(void **state)
{
    const struct dw_server_config loops[] = { { .loops = 1 }, { .loops = 2 } };

    for (size_t i = 0; i < ARRAY_SIZE(loops); i++) {
        static struct fixture other;
        fixture_start(&server, &loops[i]);
        fixture_init(&other);
        for (unsigned n = 1; n <= 2; n++) {
            const struct dw_server_config same = { .listen = server.address, .loops = n };
            CHECK_ERR(DW_ERR_IO, http_serve(&other.service, &same));
        }
        fixture_stop(&server);
    }
}

static void malformed_addresses_are_told(void **state)
{
    static const char *const MALFORMED[] = { "", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                                             "127.0.0.1:80a", "::1:80", "[::1]", "[::1:80", "somehost:80", "[]:80",
                                             "1.2.3:80", "[1.2.3.4]:80", "127.0.0.1 :80" };

    fixture_init(&server);
    for (size_t i = 0; i < ARRAY_SIZE(MALFORMED); i++) {
        const struct dw_server_config config = { .listen = MALFORMED[i], .loops = 1 };
        check_err(DW_ERR_SETTING, http_serve(&server.service, &config), MALFORMED[i]);
    }
}

static void every_address_includes_ipv4(void **state)
{
    struct answer a;

    fixture_start(&server, &(struct dw_server_config){ .loops = 2, .listen = ":0" });
    const int fd = client_connect(&server);
    client_send_text(fd, "GET /whoami HTTP/1.1\r\n" HOST "\r\n");
    client_read_answer(fd, false, &a);
    check_str(DW_STR("GET /whoami - - - 127.0.0.1"), dw_str_n(a.body, a.body_size), "mapped address");
    answer_free(&a);
    close(fd);
    fixture_stop(&server);
}

CHECK_MAIN(cmocka_unit_test(idle_connections_are_closed), cmocka_unit_test(request_under_way_is_finished),
           cmocka_unit_test(stop_has_a_deadline), cmocka_unit_test(second_signal_stops_at_once),
           cmocka_unit_test(signals_may_be_left_to_others), cmocka_unit_test(serves_on_for_the_delay),
           cmocka_unit_test(the_delay_ends), cmocka_unit_test(who_reads_slowly_does_not_hold_it_up),
           cmocka_unit_test(a_request_on_its_way_is_served), cmocka_unit_test(taken_address_is_told),
           cmocka_unit_test(malformed_addresses_are_told), cmocka_unit_test(every_address_includes_ipv4))
