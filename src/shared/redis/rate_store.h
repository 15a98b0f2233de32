/*
 * Counters of requests in Redis: so many by one key in a window, counted by all nodes together.
 *
 * Why: a decision is one round trip and one key, so that it is atomic, works with any sharding, and takes the time from
 * Redis alone: the nodes' clocks do not matter. The windows are those of app/rate_counter.c, number by number.
 * Defends against: addresses and users in somebody else's memory (a key is an HMAC under the installation's key), keys
 * that stay (each has an end, that of its last window), answers that are none (what no counter of these rates can give
 * is DW_ERR_UNAVAILABLE: the node then counts by itself).
 * Does not: survive a restart of Redis; a limit then starts anew.
 * Threading: any thread but an event loop.
 */
#ifndef SHARED_REDIS_RATE_STORE_H
#define SHARED_REDIS_RATE_STORE_H

#include "shared/redis/redis.h"

enum { REDIS_RATES_MAX = 8, REDIS_SCRIPT_NAME_SIZE = 41 };

struct redis_rate_store {
    struct redis *redis;
    char script[REDIS_SCRIPT_NAME_SIZE]; /* its name in Redis: the SHA-1 in hex */
};

struct redis_rate {
    uint32_t amount;
    int64_t length_s;
};

struct redis_rate_verdict {
    bool is_allowed;
    uint32_t remaining;
    int64_t reset_ms; /* until all of it is there again */
    int64_t retry_ms; /* when refused: until one more may pass */
};

/* `redis` is borrowed. */
DW_MUST_USE enum dw_err redis_rate_store_init(struct redis_rate_store *store, struct redis *redis);
/* Counts one request of `key` by 1 to REDIS_RATES_MAX rates, one after the other; the first that refuses is the last of
 * the *ret_n verdicts. DW_ERR_UNAVAILABLE as redis_call(). */
DW_MUST_USE enum dw_err redis_rate_hit(struct redis_rate_store *store, struct dw_str key,
                                       const struct redis_rate *rates, size_t n_rates, bool is_sliding,
                                       struct redis_rate_verdict ret_verdicts[REDIS_RATES_MAX], size_t *ret_n);

/* What redis_rate_hit() does with the reply. */
DW_MUST_USE enum dw_err redis_rate_read(const redisReply *reply, const struct redis_rate *rates, size_t n_rates,
                                        struct redis_rate_verdict ret_verdicts[REDIS_RATES_MAX], size_t *ret_n);

#endif
