/*
 * A Redis server of the test's own on a socket in a temporary folder, to be killed, paused and started again.
 */
#ifndef UNIT_REDIS_FIXTURE_H
#define UNIT_REDIS_FIXTURE_H

#include "../check.h"
#include "base/cleanup.h"
#include "shared/redis/redis.h"

#include <sys/types.h>

struct server {
    char folder[64];
    char url[128];
    char log_path[96];
    pid_t pid; /* 0: it does not run */
};

/* A cmocka set-up and teardown; *state is the struct server, which runs. */
int server_make(void **state);
int server_remove(void **state);

/* password: NULL for none. Returns when it answers. */
void server_start(struct server *s, const char *password);
/* As the machine's out-of-memory killer would. */
void server_kill(struct server *s);
void server_pause(struct server *s);
void server_resume(struct server *s);

/* The pool on it; url: NULL for the server's own; timeout_ms: 0 for one that a busy machine keeps to as well. */
struct redis *pool_open(const struct server *s, const char *url, int64_t timeout_ms);
/* Returns when the pool's server is there, or is gone. */
void await_connected(struct redis *redis, bool is_connected);
/* A command whose reply is of no interest. */
enum dw_err call(struct redis *redis, const char *a, const char *b, const char *c);
/* The integer that a command answers; fails the test when it does not. */
int64_t call_integer(struct redis *redis, const char *a, const char *b);

/* What is logged from now on goes to a file; log_told() ends that and returns it (until the next call). */
void log_catch(struct server *s);
const char *log_told(struct server *s);

#endif
