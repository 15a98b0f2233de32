/*
 * The application's rate limits, counted in Redis: joins struct dw_rate_store (app/) with shared/redis, which know
 * nothing of each other.
 */
#ifndef CLI_RATE_STORE_H
#define CLI_RATE_STORE_H

#include "shared/redis/redis.h"
#include <doorward/rate_limit.h>

/* In the arena, which, as `redis`, must outlive the application. */
DW_MUST_USE enum dw_err rate_store_new(struct dw_arena *arena, struct redis *redis,
                                       const struct dw_rate_store **ret_store);

#endif
