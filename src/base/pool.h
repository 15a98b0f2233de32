/*
 * A pool of worker threads with a bounded queue.
 *
 * Why: what may wait (disk, hashing) must not run on an event loop, and a flood must be refused while it is small.
 * Threads are made when work arrives, up to the maximum, and end after `idle_s` without work, so an idle process
 * stays small. Jobs run in the order they came. Any thread may submit.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/cleanup.h"

struct pool;
struct pool_config {
    const char *name; /* of the threads, 15 characters at most */
    unsigned max_threads;
    unsigned max_queue; /* jobs waiting, not counting those that run */
    unsigned idle_s;
};

DW_MUST_USE enum dw_err pool_new(const struct pool_config *config, struct pool **ret_pool);
/* DW_ERR_BUSY when the queue is full: the job was not taken. Runs fn(argument) on a pool thread. */
DW_MUST_USE enum dw_err pool_submit(struct pool *pool, void (*fn)(void *argument), void *argument);
/* Waits for all jobs taken, then ends the threads. */
void pool_free(struct pool **pool);

#endif
