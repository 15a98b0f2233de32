#include "storage/group_writer.h"

#include "base/clock.h"
#include "base/thread.h"
#include "storage/metrics.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

enum { WRITER_STACK_BYTES = 1 << 20 };

static void count_commit(int64_t begun_ns, unsigned writes)
{
    metric_add(&WRITES, 0, writes);
    metric_observe(&COMMIT_WRITES, 0, writes);
    if (metric_is_on(&COMMIT_TIME))
        metric_observe(&COMMIT_TIME, 0, (uint64_t)(clock_monotonic_ns() - begun_ns));
}

/* --- the queue --------------------------------------------------------------------------------------------------- */

/* With the mutex held. */
static void count_waiting(struct group_writer *w, int n)
{
    w->n_waiting += (unsigned)n;
    metric_add(&WRITES_WAITING, 0, n);
}

/* The first of the queue, with the mutex held. */
static struct posted_write *take_first(struct group_writer *w)
{
    struct posted_write *write = w->first;

    w->first = write->next;
    if (w->first == NULL)
        w->last = &w->first;
    write->next = NULL;
    write->is_waiting = false;
    count_waiting(w, -1);
    return write;
}

/* They were taken, and have not begun: they come first again. Whoever withdraws one must find it in the queue as soon
 * as it says that it waits. */
static void give_back(struct group_writer *w, struct posted_write *rest)
{
    struct posted_write *last = NULL;
    int n = 0;

    if (rest == NULL)
        return;
    pthread_mutex_lock(&w->mutex);
    for (struct posted_write *write = rest; write != NULL; write = write->next, n++) {
        write->is_waiting = true;
        last = write;
    }
    last->next = w->first;
    w->first = rest;
    if (last->next == NULL)
        w->last = &last->next;
    count_waiting(w, n);
    pthread_mutex_unlock(&w->mutex);
}

/* False when it has begun, or is over. */
static bool withdraw(struct group_writer *w, struct posted_write *write)
{
    struct posted_write **at = &w->first;

    pthread_mutex_lock(&w->mutex);
    const bool is_waiting = write->is_waiting;

    if (is_waiting) {
        while (*at != write)
            at = &(*at)->next;
        *at = write->next;
        if (*at == NULL)
            w->last = at;
        count_waiting(w, -1);
    }
    pthread_mutex_unlock(&w->mutex);
    metric_add(&WRITES_REFUSED, 0, is_waiting);
    return is_waiting;
}

/* Takes what is due out of the queue: those whose time to begin is over, and a batch; one of them may be empty. Waits
 * for work; false when the writer is to end and nothing is left. */
static bool take_work(struct group_writer *w, struct posted_write **ret_batch, struct posted_write **ret_late)
{
    struct posted_write **batch_end = ret_batch, **late_end = ret_late;
    unsigned n = 0;

    *ret_batch = *ret_late = NULL;
    pthread_mutex_lock(&w->mutex);
    while (w->first == NULL && !w->is_stopping)
        pthread_cond_wait(&w->work, &w->mutex);
    const bool has_work = w->first != NULL;
    const int64_t now_ms = clock_monotonic_ms();

    while (w->first != NULL && n < GROUP_BATCH_MAX) {
        struct posted_write *write = take_first(w);
        struct posted_write ***end = write->deadline_ms <= now_ms ? &late_end : &batch_end;

        **end = write;
        *end = &write->next;
        n += end == &batch_end;
    }
    pthread_mutex_unlock(&w->mutex);
    return has_work;
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void refuse(struct posted_write *late)
{
    while (late != NULL) {
        struct posted_write *next = late->next; /* the write is gone once it is done */

        metric_add(&WRITES_REFUSED, 0, 1);
        late->done(late->argument, DW_ERR_BUSY);
        late = next;
    }
}

static void run_batch(struct group_writer *w, struct posted_write *batch)
{
    struct posted_write *rest = NULL;
    unsigned done = 0;
    const int64_t begun_ns = metric_is_on(&COMMIT_TIME) ? clock_monotonic_ns() : 0;
    const enum dw_err err = w->calls->transaction(w->connection, batch, &done, &rest);

    if (err == DW_OK && done > 0) {
        atomic_fetch_add(&w->n_commits, 1);
        atomic_fetch_add(&w->n_writes, done);
        count_commit(begun_ns, done);
    } else if (err != DW_OK) {
        metric_add(&COMMITS_FAILED, (unsigned)err, 1);
    }
    give_back(w, rest);
    while (batch != NULL) {
        struct posted_write *next = batch->next;

        batch->done(batch->argument, err != DW_OK ? err : batch->err);
        batch = next;
    }
}

static void *writer_main(void *argument)
{
    struct group_writer *w = argument;
    struct posted_write *batch, *late;

    while (take_work(w, &batch, &late)) {
        refuse(late);
        if (batch != NULL)
            run_batch(w, batch);
    }
    return NULL;
}

enum dw_err group_post(struct group_writer *w, struct posted_write *write)
{
    bool is_taken;

    write->next = NULL;
    write->err = DW_OK;
    pthread_mutex_lock(&w->mutex);
    is_taken = w->n_waiting < GROUP_QUEUE_MAX;
    write->is_waiting = is_taken;
    if (is_taken) {
        *w->last = write;
        w->last = &write->next;
        count_waiting(w, 1);
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->mutex);
    metric_add(&WRITES_REFUSED, 0, !is_taken);
    return is_taken ? DW_OK : DW_ERR_BUSY;
}

/* A write whose caller waits, on the caller's stack. */
struct waiting {
    enum dw_err (*fn)(struct transaction *, void *);
    void *argument;
    _Atomic enum dw_err err;
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

static void wait_for_end(struct waiting *waiting)
{
    while (sem_wait(&waiting->done) != 0 && errno == EINTR)
        continue;
}

/* False when it was not over by the deadline. */
static bool wait_until(struct waiting *waiting, int64_t deadline_ms)
{
    const struct timespec deadline = thread_deadline(deadline_ms);
    int failed;

    do {
        failed = sem_clockwait(&waiting->done, CLOCK_MONOTONIC, &deadline);
    } while (failed != 0 && errno == EINTR);
    return failed == 0;
}

/* With its outcome: one that is withdrawn has none. */
static enum dw_err wait_for_outcome(struct group_writer *w, struct waiting *waiting, struct posted_write *write)
{
    const bool is_over = write->deadline_ms != INT64_MAX && wait_until(waiting, write->deadline_ms);

    if (write->deadline_ms != INT64_MAX && !is_over && withdraw(w, write))
        return DW_ERR_BUSY;
    if (!is_over)
        wait_for_end(waiting);
    return waiting->err;
}

enum dw_err group_write(struct group_writer *w, int64_t deadline_ms, enum dw_err (*fn)(struct transaction *, void *),
                        void *argument)
{
    struct waiting waiting = { .fn = fn, .argument = argument };
    struct posted_write write = { .fn = call_waiting, .done = wake_waiting, .argument = &waiting,
                                  .deadline_ms = deadline_ms };
    enum dw_err err;

    if (pthread_equal(pthread_self(), w->thread))
        return DW_ERR_INTERNAL; /* a write inside a write would wait for itself */
    if (sem_init(&waiting.done, 0, 0) != 0)
        return DW_ERR_INTERNAL;
    err = group_post(w, &write);
    if (err == DW_OK)
        err = wait_for_outcome(w, &waiting, &write);
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
