#include "storage/group_writer.h"

#include "base/clock.h"
#include "storage/metrics.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>

enum { WRITER_STACK_BYTES = 1 << 20 };

static void count_commit(int64_t begun_ns, unsigned writes)
{
    metric_add(&WRITES, 0, writes);
    metric_observe(&COMMIT_WRITES, 0, writes);
    if (metric_is_on(&COMMIT_TIME))
        metric_observe(&COMMIT_TIME, 0, (uint64_t)(clock_monotonic_ns() - begun_ns));
}

static void run_batch(struct group_writer *w, struct posted_write *batch)
{
    unsigned done = 0;
    const int64_t begun_ns = metric_is_on(&COMMIT_TIME) ? clock_monotonic_ns() : 0;
    const enum dw_err err = w->calls->transaction(w->connection, batch, &done);

    if (err == DW_OK && done > 0) {
        atomic_fetch_add(&w->n_commits, 1);
        atomic_fetch_add(&w->n_writes, done);
        count_commit(begun_ns, done);
    } else if (err != DW_OK) {
        metric_add(&COMMITS_FAILED, (unsigned)err, 1);
    }
    while (batch != NULL) {
        struct posted_write *next = batch->next; /* the write is gone once it is done */

        batch->done(batch->argument, err != DW_OK ? err : batch->err);
        batch = next;
    }
}

/* Waits for work; NULL when the writer is to end and nothing is left. */
static struct posted_write *take_batch(struct group_writer *w)
{
    struct posted_write *batch;
    struct posted_write *last;
    unsigned n = 1;

    pthread_mutex_lock(&w->mutex);
    while (w->first == NULL && !w->is_stopping)
        pthread_cond_wait(&w->work, &w->mutex);
    batch = w->first;
    if (batch != NULL) {
        for (last = batch; last->next != NULL && n < GROUP_BATCH_MAX; n++)
            last = last->next;
        w->first = last->next;
        if (w->first == NULL)
            w->last = &w->first;
        last->next = NULL;
        w->n_waiting -= n;
        metric_add(&WRITES_WAITING, 0, -(int64_t)n);
    }
    pthread_mutex_unlock(&w->mutex);
    return batch;
}

static void *writer_main(void *argument)
{
    struct group_writer *w = argument;
    struct posted_write *batch;

    while ((batch = take_batch(w)) != NULL)
        run_batch(w, batch);
    return NULL;
}

enum dw_err group_post(struct group_writer *w, struct posted_write *write)
{
    bool is_taken;

    write->next = NULL;
    write->err = DW_OK;
    pthread_mutex_lock(&w->mutex);
    is_taken = w->n_waiting < GROUP_QUEUE_MAX;
    if (is_taken) {
        *w->last = write;
        w->last = &write->next;
        w->n_waiting++;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->mutex);
    metric_add(is_taken ? &WRITES_WAITING : &WRITES_REFUSED, 0, 1);
    return is_taken ? DW_OK : DW_ERR_BUSY;
}

/* A write whose caller waits, on the caller's stack. */
struct waiting {
    enum dw_err (*fn)(struct transaction *, void *);
    void *argument;
    enum dw_err err;
    sem_t done; /* each waiter has its own: nobody wakes for another's commit */
};

static enum dw_err call_waiting(struct transaction *tx, void *argument)
{
    const struct waiting *waiting = argument;

    return waiting->fn(tx, waiting->argument);
}

static void wake_waiting(void *argument, enum dw_err err)
{
    struct waiting *waiting = argument;

    waiting->err = err;
    sem_post(&waiting->done);
}

enum dw_err group_write(struct group_writer *w, enum dw_err (*fn)(struct transaction *, void *), void *argument)
{
    struct waiting waiting = { .fn = fn, .argument = argument };
    struct posted_write write = { .fn = call_waiting, .done = wake_waiting, .argument = &waiting };
    enum dw_err err;

    if (pthread_equal(pthread_self(), w->thread))
        return DW_ERR_INTERNAL; /* a write inside a write would wait for itself */
    if (sem_init(&waiting.done, 0, 0) != 0)
        return DW_ERR_INTERNAL;
    err = group_post(w, &write);
    if (err == DW_OK) {
        while (sem_wait(&waiting.done) != 0 && errno == EINTR)
            continue;
        err = waiting.err;
    }
    sem_destroy(&waiting.done);
    return err;
}

/* --- its life --------------------------------------------------------------------------------------------------- */

/* Signals are for the thread that waits for them. */
static int start_thread(struct group_writer *w)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    int result;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WRITER_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&w->thread, &attributes, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return result;
}

enum dw_err group_writer_start(struct group_writer *w, const struct group_calls *calls, void *take_connection)
{
    w->calls = calls;
    w->connection = take_connection;
    w->last = &w->first;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->work, NULL);
    if (start_thread(w) != 0) {
        calls->close(take_connection);
        return DW_ERR_NO_MEMORY;
    }
    pthread_setname_np(w->thread, calls->thread_name);
    return DW_OK;
}

void group_writer_stop(struct group_writer *w)
{
    pthread_mutex_lock(&w->mutex);
    w->is_stopping = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    w->calls->close(w->connection);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->mutex);
}
