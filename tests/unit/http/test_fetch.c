/* Fetching from another server: what is taken, and all that is not. */
#include "../check.h"
#include "http/fetch.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* One connection after the other, each answered with the next of the rows. */
struct origin {
    int listener;
    const char *const *answers; /* NULL-terminated */
    char url[64];
    pthread_t thread;
};

static void *serve(void *argument)
{
    struct origin *origin = argument;

    for (const char *const *answer = origin->answers; *answer != NULL; answer++) {
        char request[2048];
        const int connection = accept(origin->listener, NULL, NULL);
        if (connection < 0)
            return NULL;
        if (read(connection, request, sizeof(request)) > 0)
            (void)!send(connection, *answer, strlen(*answer), MSG_NOSIGNAL);
        close(connection);
    }
    return NULL;
}

static void origin_open(struct origin *origin, const char *const *answers)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);

    origin->answers = answers;
    origin->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(origin->listener >= 0);
    assert_int_equal(bind(origin->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(origin->listener, 8), 0);
    assert_int_equal(getsockname(origin->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(origin->url, sizeof(origin->url), "http://127.0.0.1:%d/keys", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&origin->thread, NULL, serve, origin), 0);
}

static void origin_close(struct origin *origin)
{
    pthread_join(origin->thread, NULL);
    close(origin->listener);
}

#define ANSWER(status, headers, body) "HTTP/1.1 " status "\r\nConnection: close\r\n" headers "\r\n" body

static void test_answers(void **state)
{
    static const char *const ANSWERS[] = {
        ANSWER("200 OK", "Content-Length: 2\r\n", "{}"),
        ANSWER("200 OK", "Content-Length: 0\r\n", ""),
        ANSWER("404 Not Found", "Content-Length: 2\r\n", "{}"),
        ANSWER("302 Found", "Location: file:///etc/passwd\r\nContent-Length: 0\r\n", ""),
        ANSWER("200 OK", "Content-Length: 20\r\n", "cut off"),
        ANSWER("200 OK", "Content-Length: 1048577\r\n", "more than is taken"),
        "not HTTP at all",
        NULL,
    };
    static const char *const BODIES[] = { "{}", "", NULL, NULL, NULL, NULL, NULL };
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct origin origin;

    CHECK_OK(dw_arena_new(8 << 20, &arena));
    origin_open(&origin, ANSWERS);
    for (size_t i = 0; i < ARRAY_SIZE(BODIES); i++) {
        struct dw_str body = DW_STR("untouched");
        check_err(BODIES[i] == NULL ? DW_ERR_UNAVAILABLE : DW_OK, http_fetch(origin.url, arena, &body), ANSWERS[i]);
        check_str(dw_str(BODIES[i] == NULL ? "untouched" : BODIES[i]), body, ANSWERS[i]);
    }
    origin_close(&origin);
}

static void test_nobody(void **state)
{
    static const char *const URLS[] = { "file:///etc/passwd", "ftp://127.0.0.1/", "http://127.0.0.1:1/", "", "no url" };
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str body;

    CHECK_OK(dw_arena_new(1 << 20, &arena));
    for (size_t i = 0; i < ARRAY_SIZE(URLS); i++)
        check_err(DW_ERR_UNAVAILABLE, http_fetch(URLS[i], arena, &body), URLS[i]);
}

CHECK_MAIN(cmocka_unit_test(test_answers), cmocka_unit_test(test_nobody))
