/*
 * Group commit. While one transaction waits for the disk, the writes that arrive gather in the queue and make the
 * next one: under load the batch grows by itself, and a lone write never waits for company.
 */
#include "storage/sqlite/sqlite.h"

#include <errno.h>
#include <signal.h>

enum { WRITER_STACK_BYTES = 1 << 20 };

struct sqlite_write {
    enum dw_err (*fn)(struct transaction *, void *);
    void *argument;
    enum dw_err err;
    sem_t done; /* each waiter has its own: nobody wakes for another's commit */
    struct sqlite_write *next;
};

/* --- one transaction -------------------------------------------------------------------------------------------- */

/*
 * A deferred foreign key is checked only at the commit, where it would take the whole batch down. Each write leaves
 * the count at zero or is undone, so what is there is this write's own.
 */
static bool has_dangling_keys(sqlite3 *db)
{
    int current = 0;
    int highest = 0;

    return sqlite3_db_status(db, SQLITE_DBSTATUS_DEFERRED_FKS, &current, &highest, 0) == SQLITE_OK && current != 0;
}

static enum dw_err call_write(struct sqlite_connection *c, struct sqlite_write *write)
{
    struct sqlite_transaction tx = { .head = { &STORAGE_SQLITE }, .connection = c };
    const enum dw_err err = write->fn(&tx.head, write->argument);

    return err == DW_OK && has_dangling_keys(c->db) ? DW_ERR_CONSTRAINT : err;
}

/* Sets write->err. Returns an error only when the transaction as a whole is lost. */
static enum dw_err run_in_savepoint(struct sqlite_connection *c, struct sqlite_write *write)
{
    TRY(sqlite_command(c, COMMAND_SAVEPOINT));
    write->err = call_write(c, write);
    /* A full disk or an I/O error may have made SQLite roll everything back. */
    if (sqlite3_get_autocommit(c->db))
        return c->last_err;
    if (write->err != DW_OK)
        TRY(sqlite_command(c, COMMAND_ROLLBACK_TO));
    return sqlite_command(c, COMMAND_RELEASE);
}

static enum dw_err run_alone(struct sqlite_connection *c, struct sqlite_write *write)
{
    write->err = call_write(c, write);
    return sqlite3_get_autocommit(c->db) ? c->last_err : DW_OK;
}

/* *ret_done: how many writes are now on disk. On an error none is. */
static enum dw_err run_transaction(struct sqlite_connection *c, struct sqlite_write *batch, unsigned *ret_done)
{
    const bool is_alone = batch->next == NULL;
    unsigned done = 0;

    TRY(sqlite_begin_write(c));
    for (struct sqlite_write *write = batch; write != NULL; write = write->next) {
        TRY(is_alone ? run_alone(c, write) : run_in_savepoint(c, write));
        done += write->err == DW_OK;
    }
    if (done > 0)
        TRY(sqlite_command(c, COMMAND_COMMIT));
    *ret_done = done;
    return DW_OK;
}

static void run_batch(struct sqlite_writer *w, struct sqlite_write *batch)
{
    unsigned done = 0;
    const enum dw_err err = run_transaction(w->connection, batch, &done);

    sqlite_rollback(w->connection); /* after an error, or when no write succeeded */
    if (done > 0) {
        atomic_fetch_add(&w->n_commits, 1);
        atomic_fetch_add(&w->n_writes, done);
    }
    while (batch != NULL) {
        struct sqlite_write *next = batch->next; /* the waiter's stack is gone once it is woken */

        if (err != DW_OK)
            batch->err = err;
        sem_post(&batch->done);
        batch = next;
    }
}

/* --- the queue -------------------------------------------------------------------------------------------------- */

/* Waits for work; NULL when the writer is to end and nothing is left. */
static struct sqlite_write *take_batch(struct sqlite_writer *w)
{
    struct sqlite_write *batch;
    struct sqlite_write *last;
    unsigned n = 1;

    pthread_mutex_lock(&w->mutex);
    while (w->first == NULL && !w->is_stopping)
        pthread_cond_wait(&w->work, &w->mutex);
    batch = w->first;
    if (batch != NULL) {
        for (last = batch; last->next != NULL && n < SQLITE_BATCH_MAX; n++)
            last = last->next;
        w->first = last->next;
        if (w->first == NULL)
            w->last = &w->first;
        last->next = NULL;
        w->n_waiting -= n;
    }
    pthread_mutex_unlock(&w->mutex);
    return batch;
}

static void *writer_main(void *argument)
{
    struct sqlite_writer *w = argument;
    struct sqlite_write *batch;

    while ((batch = take_batch(w)) != NULL)
        run_batch(w, batch);
    return NULL;
}

static enum dw_err enqueue(struct sqlite_writer *w, struct sqlite_write *write)
{
    bool is_taken;

    pthread_mutex_lock(&w->mutex);
    is_taken = w->n_waiting < SQLITE_QUEUE_MAX;
    if (is_taken) {
        *w->last = write;
        w->last = &write->next;
        w->n_waiting++;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->mutex);
    return is_taken ? DW_OK : DW_ERR_BUSY;
}

enum dw_err sqlite_write(struct sqlite_writer *w, enum dw_err (*fn)(struct transaction *, void *), void *argument)
{
    struct sqlite_write write = { .fn = fn, .argument = argument };
    enum dw_err err;

    if (pthread_equal(pthread_self(), w->thread))
        return DW_ERR_INTERNAL; /* a write inside a write would wait for itself */
    if (sem_init(&write.done, 0, 0) != 0)
        return DW_ERR_INTERNAL;
    err = enqueue(w, &write);
    if (err == DW_OK) {
        while (sem_wait(&write.done) != 0 && errno == EINTR)
            continue;
        err = write.err;
    }
    sem_destroy(&write.done);
    return err;
}

/* --- its life --------------------------------------------------------------------------------------------------- */

/* Signals are for the thread that waits for them. */
static int start_thread(struct sqlite_writer *w)
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

enum dw_err sqlite_writer_start(struct sqlite_writer *w, struct sqlite_connection *take_connection)
{
    w->connection = take_connection;
    w->last = &w->first;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->work, NULL);
    if (start_thread(w) != 0) {
        sqlite_disconnect(&w->connection);
        return DW_ERR_NO_MEMORY;
    }
    pthread_setname_np(w->thread, "sqlite-writer");
    return DW_OK;
}

void sqlite_writer_stop(struct sqlite_writer *w)
{
    pthread_mutex_lock(&w->mutex);
    w->is_stopping = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    sqlite_disconnect(&w->connection);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->mutex);
}
