/*
 * Counters of requests, in memory: so many by one key in a window, then no more until it has moved on.
 *
 * Defends against: unbounded memory (a fixed table; a full bucket gives up what has expired, then what counts least, so
 * that a flood of addresses can't push out the one that is being held back), keys made to collide (they are hashed
 * under a key of the process).
 * Threading: any thread; a bucket has a lock, held for one look-up.
 */
#ifndef APP_RATE_LIMIT_H
#define APP_RATE_LIMIT_H

#include "base/cleanup.h"
#include <doorward/rate_limit.h>

struct rate_counters;

DW_MUST_USE enum dw_err rate_counters_new(struct rate_counters **ret_counters);
void rate_counters_free(struct rate_counters **counters);

struct rate_verdict {
    bool is_allowed;
    uint32_t remaining;
    int64_t reset_s;       /* until all of it is there again */
    int64_t retry_after_s; /* when refused: until one more may pass */
};

/* Counts one request of `key` unless it is one too many: those that are refused don't count. */
struct rate_verdict rate_counters_hit(struct rate_counters *counters, const struct dw_rate *rate,
                                      enum dw_rate_window window, struct dw_str key, int64_t now_ms);

#endif
