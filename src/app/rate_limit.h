/*
 * Counters of requests, in memory: so many by one key in a window, then no more until it has moved on. They count where
 * the application has no other store (struct dw_rate_store), or that one fails.
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

/* Counts one request of `key` unless it is one too many: those that are refused don't count. */
struct dw_rate_verdict rate_counters_hit(struct rate_counters *counters, const struct dw_rate *rate,
                                         enum dw_rate_window window, struct dw_str key, int64_t now_ms);

#endif
