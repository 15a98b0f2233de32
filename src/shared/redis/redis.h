/*
 * A Redis or Valkey that nodes share: a few connections, and the knowledge whether it answers.
 *
 * Why: nothing here must survive, so nothing may wait for it either. A thread of its own connects, looks after idle
 * connections and finds the server again; a request only ever takes a connection that is there. When one call gets no
 * answer, all others fail at once until that thread has had an answer, a write included: a server that is gone, paused
 * or full costs those requests one time-out that were with it at that moment, and no later one anything.
 * Defends against: a dead or paused server that slows requests down; a log full of it (one line at the loss with the
 * reason, one at the return); two installations on one server that mix (the names of each begin with a hash of its own
 * key); the password in the log.
 * Does not: keep what was acknowledged through a crash of Redis, so nothing that a security decision must remember
 * belongs here; follow the redirections of a Redis Cluster.
 * Threading: any thread but an event loop, as each call waits for the network.
 */
#ifndef SHARED_REDIS_REDIS_H
#define SHARED_REDIS_REDIS_H

#include "shared/redis/connection.h"

enum {
    REDIS_TIMEOUT_MS = 250,
    REDIS_BACKOFF_FIRST_MS = 50,
    REDIS_BACKOFF_MAX_MS = 2000,
    REDIS_CONNECTIONS_MAX = 16,
    REDIS_LOOK_MS = 1000, /* between two looks at an idle connection */
    REDIS_NAME_SIZE = 32,
};

struct redis;

struct redis_config {
    const struct redis_address *address; /* copied */
    const struct dw_secret *key;         /* the same on all nodes: names are made from it; copied */
    int64_t timeout_ms;                  /* instead of the address's; 0: that, or REDIS_TIMEOUT_MS */
};

/* Waits for the first attempt to connect, or its time-out; one that fails is logged, and the thread goes on trying.
 * DW_ERR_UNSUPPORTED without the client library. */
DW_MUST_USE enum dw_err redis_open(const struct redis_config *config, struct redis **ret_redis);
/* When no call is under way any more. */
void redis_close(struct redis **redis);

/* What all names of this installation begin with, keys and channels: "doorward:" and 16 hex digits. */
const char *redis_name(const struct redis *redis);
const struct dw_secret *redis_key(const struct redis *redis);

/* One command and its reply, one round trip; `read` (may be NULL) looks at the reply, and its error is returned.
 * DW_ERR_UNAVAILABLE: no answer, or none to be expected, or an error other than NOSCRIPT: the caller does without.
 * DW_ERR_NOT_FOUND: NOSCRIPT. */
DW_MUST_USE enum dw_err redis_call(struct redis *redis, const struct dw_str *words, size_t n_words,
                                   enum dw_err (*read)(const redisReply *reply, void *argument), void *argument);

/* A connection outside the pool, for one thread to subscribe with; logs nothing, and its loss is the caller's to see
 * and to mend. */
DW_MUST_USE enum dw_err redis_subscriber(struct redis *redis, struct redis_connection **ret_connection,
                                         char ret_reason[REDIS_REASON_SIZE]);

/* For whoever is asked how things are. */
struct redis_state {
    bool is_connected;
    int64_t since_s;     /* Unix time: connected or lost since then */
    unsigned n_open;     /* connections of the pool */
    uint64_t n_calls;    /* that were answered */
    uint64_t n_failures; /* that were not, those that were not tried included */
    uint64_t n_losses;   /* times that it was there and went away */
};

/* Waits for nothing: an event loop may ask. */
void redis_state(struct redis *redis, struct redis_state *ret_state);

#endif
