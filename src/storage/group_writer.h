/*
 * Group commit: one thread does a database's writing and takes every write that waits into one transaction.
 *
 * Why: a commit waits for the disk. While one transaction does, the writes that arrive gather in the queue and make the
 * next one: under load the batch grows by itself, 64 clients share one sync, and a lone write never waits for company.
 * Writes also never run side by side, so that what one has looked at can't change before it has written.
 * Defends against: an acknowledgement before the commit (waiters are woken after it), a queue without end
 * (DW_ERR_BUSY), a write inside a write (it would wait for itself: DW_ERR_INTERNAL), waiting without end: a write has a
 * deadline to begin by, past which it is taken out of the queue and never runs. One that has begun runs to its end, and
 * whoever waits for it waits: the answer is what has become of it.
 *
 * Threading: group_write() from any thread, it waits; group_post() from any thread, it does not. The connection is the
 * writer's thread's alone.
 */
#ifndef STORAGE_GROUP_WRITER_H
#define STORAGE_GROUP_WRITER_H

#include "storage/driver.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    GROUP_BATCH_MAX = 256,  /* writes in one transaction */
    GROUP_QUEUE_MAX = 1024, /* writes waiting; past it DW_ERR_BUSY */
};

/* What the driver does. */
struct group_calls {
    const char *thread_name;
    /* Runs the batch (linked by `next`) in one transaction and sets each write's err: those without `then` behind a
     * savepoint each, the others without as long as none fails. *ret_done: how many are now durable. An error: none is,
     * whatever their err says. Where it takes long, the rest is cut off and given back by *ret_rest, which is NULL
     * before: it has not been run, and comes first in the next transaction. */
    enum dw_err (*transaction)(void *connection, struct posted_write *batch, unsigned *ret_done,
                               struct posted_write **ret_rest);
    void (*close)(void *connection);
};

struct group_writer {
    const struct group_calls *calls;
    void *connection;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct posted_write *first;
    struct posted_write **last;
    unsigned n_waiting;
    bool is_stopping;
    _Atomic uint64_t n_commits; /* transactions that are durable */
    _Atomic uint64_t n_writes;  /* writes in them */
};

/* Takes the connection over, also on failure. */
DW_MUST_USE enum dw_err group_writer_start(struct group_writer *w, const struct group_calls *calls,
                                           void *take_connection);
/* Commits what waits, ends the thread, closes the connection. */
void group_writer_stop(struct group_writer *w);
/* DW_ERR_BUSY: the queue is full, or it had not begun by the deadline (monotonic; INT64_MAX: there is none). */
DW_MUST_USE enum dw_err group_write(struct group_writer *w, int64_t deadline_ms,
                                    enum dw_err (*fn)(struct transaction *, void *), void *argument);
/* What storage_post() promises; the context and the deadline are set. */
DW_MUST_USE enum dw_err group_post(struct group_writer *w, struct posted_write *write);

/* Whether the write comes in two steps, and so without a savepoint at first. */
static inline bool group_is_light(const struct posted_write *write)
{
    return write->then != NULL;
}

#endif
