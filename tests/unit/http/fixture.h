/*
 * A server on a free port with a service for tests, and a client that sends exact bytes.
 *
 * The client waits for what it was promised (bytes, the end of the stream) and fails the test after CLIENT_PATIENCE_S.
 */
#ifndef HTTP_TEST_FIXTURE_H
#define HTTP_TEST_FIXTURE_H

#include "http/service.h"
#include "check.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { CLIENT_PATIENCE_S = 20, BIG_ANSWER = 8 << 20, ANSWER_HEAD_MAX = 4096 };

/*
 * What the service answers:
 *   /hello       "hello"                     /echo     the body
 *   /whoami      what the accessors say      /none     204, with a body that must not leave
 *   /big         BIG_ANSWER bytes            /broken   a header with a line break
 *   /close       "bye", and ends             /missing  refused by begin: 404
 *   /tiny        as /echo, 10 bytes at most  /work     from a worker, once gate is open
 *   /big/work    BIG_ANSWER bytes, the same
 *   /hash        from the hashing lane       /suspend  once gate is open, without a worker
 *   /suspend/work  the same, then from a worker
 *   /hold        holds the whole loop until gate is open
 */
struct fixture {
    struct http_service service;
    struct dw_server_config config;
    pthread_t thread;
    sem_t is_ready;
    sem_t at_gate; /* posted by each thread that has reached the gate */
    sem_t gate;    /* one passes for each post */
    char address[64];
    unsigned port;
    enum dw_err result;
    _Atomic unsigned n_begun, n_finished, n_unsent, n_working, n_resumed;
};

/* Starts with `config` (listen is set here); returns when it listens. */
void fixture_start(struct fixture *f, const struct dw_server_config *config);
/* Stops gently and checks that every request that begun was finished. */
void fixture_stop(struct fixture *f);
/* Fills in the service without a server, for http_call(). */
void fixture_init(struct fixture *f);

/* Waits until a counter has reached a value. */
void fixture_wait_until(_Atomic unsigned *counter, unsigned value);

struct answer {
    int status;
    char head[ANSWER_HEAD_MAX];
    char *body;
    size_t body_size;
};

int client_connect(const struct fixture *f);
void client_send(int fd, const char *bytes, size_t size);
/* Sends what it can; false when the server does not want any more. */
bool client_try_send(int fd, const char *bytes, size_t size);
#define client_send_text(fd, text) client_send((fd), (text), strlen(text))
/* Reads one answer; `is_head`: to a HEAD request. Free it with answer_free(). */
void client_read_answer(int fd, bool is_head, struct answer *ret_answer);
/* Reads an answer and checks its status. */
void client_expect(int fd, int status, const char *label);
/* Waits for the end of the stream; nothing may come before it. */
void client_expect_end(int fd, const char *label);
/* Whether the server ends the stream, whatever comes before it. */
void client_drain(int fd);
bool answer_has(const struct answer *answer, const char *line);
void answer_free(struct answer *answer);

#endif
