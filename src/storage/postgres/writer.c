/* One transaction of the group writer (storage/group_writer.h) on PostgreSQL. */
#include "storage/postgres/postgres.h"

#include "storage/metrics.h"

#define TAKE_LOCK "SELECT pg_advisory_xact_lock(" PG_WRITERS_LOCK ")"

static enum dw_err begin(struct pg_connection *c)
{
    c->n_exchanges = 0;
    c->is_given_up = c->is_lost = c->notifies = false;
    TRY(pg_later(c, "BEGIN ISOLATION LEVEL READ COMMITTED"));
    TRY(pg_later(c, TAKE_LOCK));
    c->is_open = true;
    return DW_OK;
}

/* Whether the transaction as a whole is gone: its writes are not. */
static bool is_gone(const struct pg_connection *c)
{
    return c->is_broken || c->is_given_up || c->is_lost;
}

/* Sets write->err. Returns an error only when the transaction as a whole is lost. */
static enum dw_err run_in_savepoint(struct pg_connection *c, struct group_write *write)
{
    struct pg_transaction tx = { .head = { &STORAGE_POSTGRES }, .connection = c };

    TRY(pg_later(c, "SAVEPOINT one"));
    write->err = write->fn(&tx.head, write->argument);
    if (is_gone(c))
        return DW_ERR_UNAVAILABLE;
    if (write->err != DW_OK)
        TRY(pg_later(c, "ROLLBACK TO SAVEPOINT one"));
    return pg_later(c, "RELEASE SAVEPOINT one");
}

static enum dw_err run_alone(struct pg_connection *c, struct group_write *write)
{
    struct pg_transaction tx = { .head = { &STORAGE_POSTGRES }, .connection = c };

    write->err = write->fn(&tx.head, write->argument);
    return is_gone(c) ? DW_ERR_UNAVAILABLE : DW_OK;
}

/* *ret_committing: the commit was sent, so that an error leaves it open whether it happened. */
static enum dw_err run_transaction(struct pg_connection *c, struct group_write *batch, unsigned *ret_done,
                                   bool *ret_committing)
{
    const bool is_alone = batch->next == NULL;
    unsigned done = 0;

    TRY(begin(c));
    for (struct group_write *write = batch; write != NULL; write = write->next) {
        TRY(is_alone ? run_alone(c, write) : run_in_savepoint(c, write));
        done += write->err == DW_OK;
    }
    if (done > 0 && c->n_exchanges > 0) {
        if (c->notifies)
            TRY(pg_later(c, PG_NOTIFY));
        *ret_committing = true;
        TRY(pg_later(c, "COMMIT"));
        TRY(pg_flush(c, "COMMIT"));
        c->is_open = false;
    }
    *ret_done = done;
    return DW_OK;
}

static enum dw_err try_batch(struct pg_writer *w, struct group_write *batch, unsigned *ret_done, bool *ret_again)
{
    bool is_committing = false;

    if (w->connection == NULL)
        TRY(pg_connect(w->server, &w->connection));
    struct pg_connection *c = w->connection;

    atomic_store(&w->pid, c->pq->PQbackendPID(c->conn));
    const enum dw_err err = run_transaction(c, batch, ret_done, &is_committing);

    pg_end(c, "ROLLBACK"); /* after an error, or when no write succeeded */
    *ret_again = err != DW_OK && (c->is_given_up || (c->is_broken && !is_committing));
    if (c->is_broken)
        pg_disconnect(&w->connection);
    return err;
}

static enum dw_err write_batch(void *connection, struct group_write *batch, unsigned *ret_done)
{
    enum dw_err err = DW_ERR_UNAVAILABLE;
    bool again = true;

    for (int i = 0; i < PG_ATTEMPTS && again; i++) {
        again = false;
        err = try_batch(connection, batch, ret_done, &again);
        metric_add(&COMMITS_REPEATED, 0, again && i + 1 < PG_ATTEMPTS);
    }
    return err;
}

static void close_connection(void *connection)
{
    pg_disconnect(&((struct pg_writer *)connection)->connection);
}

const struct group_calls PG_WRITER = {
    .thread_name = "postgres-writer",
    .transaction = write_batch,
    .close = close_connection,
};
