/* One transaction of the group writer (storage/group_writer.h) on PostgreSQL. */
#include "storage/postgres/postgres.h"

#include "base/clock.h"
#include "base/log.h"
#include "storage/metrics.h"

#define COMMIT "COMMIT"
#define TAKE_LOCK "SELECT pg_advisory_xact_lock(" PG_WRITERS_LOCK ")"

static enum dw_err begin(struct pg_connection *c)
{
    c->n_exchanges = 0;
    c->is_given_up = c->is_lost = c->has_failed_later = c->notifies = false;
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

static enum dw_err call_write(struct pg_connection *c, struct posted_write *write)
{
    struct pg_transaction tx = { .head = { &STORAGE_POSTGRES, write->context }, .connection = c };

    TRY(write->fn(&tx.head, write->argument));
    TRY(pg_wait(c));
    return write->then == NULL ? DW_OK : write->then(&tx.head, write->argument);
}

/* Sets write->err. Returns an error only when the transaction as a whole is lost. */
static enum dw_err run_in_savepoint(struct pg_connection *c, struct posted_write *write)
{
    TRY(pg_later(c, "SAVEPOINT one"));
    write->err = call_write(c, write);
    if (is_gone(c))
        return DW_ERR_UNAVAILABLE;
    if (write->err != DW_OK)
        TRY(pg_later(c, "ROLLBACK TO SAVEPOINT one"));
    return pg_later(c, "RELEASE SAVEPOINT one");
}

static enum dw_err run_alone(struct pg_connection *c, struct posted_write *write)
{
    write->err = call_write(c, write);
    return is_gone(c) ? DW_ERR_UNAVAILABLE : DW_OK;
}

/* The first step of a light write: its statements are on their way. */
static enum dw_err run_first(struct pg_connection *c, struct posted_write *write)
{
    struct pg_transaction tx = { .head = { &STORAGE_POSTGRES, write->context }, .connection = c };

    write->err = write->fn(&tx.head, write->argument);
    return is_gone(c) ? DW_ERR_UNAVAILABLE : write->err;
}

/* The second one of all of them, with all results at hand. */
static enum dw_err run_second(struct pg_connection *c, struct posted_write *batch)
{
    TRY(pg_wait(c));
    for (struct posted_write *write = batch; write != NULL; write = write->next) {
        struct pg_transaction tx = { .head = { &STORAGE_POSTGRES, write->context }, .connection = c };

        if (group_is_light(write))
            TRY(write->err = write->then(&tx.head, write->argument));
    }
    return DW_OK;
}

struct attempt {
    bool is_careful;    /* each write behind a savepoint */
    bool is_committing; /* the commit was sent, so that an error leaves it open whether it happened */
    unsigned done;
    struct posted_write *rest; /* cut off: not begun, for another transaction */
};

/* All nodes wait while one writes. What has waited for the lock is not counted: the longer, the more wait here. */
static bool is_long(const struct pg_connection *c)
{
    return c->n_exchanges > 0 && clock_monotonic_ms() - c->answered_ms >= PG_BATCH_MS;
}

/* Before what an attempt before this one cut off. */
static void cut_off(struct attempt *attempt, struct posted_write *write)
{
    struct posted_write **end = &write->next;

    while (*end != NULL)
        end = &(*end)->next;
    *end = attempt->rest;
    attempt->rest = write->next;
    write->next = NULL;
}

static enum dw_err run_writes(struct pg_connection *c, struct posted_write *batch, struct attempt *attempt)
{
    const bool is_alone = batch->next == NULL;

    for (struct posted_write *write = batch; write != NULL; write = write->next) {
        if (is_alone)
            TRY(run_alone(c, write));
        else if (group_is_light(write) && !attempt->is_careful)
            TRY(run_first(c, write));
        else
            TRY(run_in_savepoint(c, write));
        if (c->has_failed_later && !is_alone && !attempt->is_careful)
            return DW_ERR_DATABASE; /* one of those without a savepoint has taken the transaction with it */
        if (write->next != NULL && is_long(c))
            cut_off(attempt, write);
    }
    return is_alone || attempt->is_careful ? DW_OK : run_second(c, batch);
}

/* Where a statement has failed and its error was not handed on, the answer to COMMIT is that it was rolled back. */
static enum dw_err commit(struct pg_connection *c)
{
    PGresult *result = NULL;

    TRY(pg_send_commands(c));
    if (c->pq->PQsendQueryParams(c->conn, COMMIT, 0, NULL, NULL, NULL, NULL, 0) == 0)
        return pg_fail(c, NULL, COMMIT);
    TRY(pg_finish(c, COMMIT, &result));
    const bool is_there = strcmp(c->pq->PQcmdStatus(result), COMMIT) == 0;

    c->pq->PQclear(result);
    c->is_open = false;
    if (!is_there)
        log_event(LOG_ERROR, "database", LOG_CSTR("doing", COMMIT), LOG_CSTR("message", "it was rolled back"),
                  LOG_ERR(DW_ERR_DATABASE));
    return is_there ? DW_OK : DW_ERR_DATABASE;
}

static enum dw_err run_transaction(struct pg_connection *c, struct posted_write *batch, struct attempt *attempt)
{
    attempt->done = 0;
    attempt->is_committing = false;
    TRY(begin(c));
    TRY(run_writes(c, batch, attempt));
    for (const struct posted_write *write = batch; write != NULL; write = write->next)
        attempt->done += write->err == DW_OK;
    if (attempt->done > 0 && c->n_exchanges > 0) {
        if (c->notifies)
            TRY(pg_later(c, PG_NOTIFY));
        attempt->is_committing = true;
        TRY(commit(c));
    }
    return DW_OK;
}

static bool has_light(const struct posted_write *batch)
{
    while (batch != NULL && !group_is_light(batch))
        batch = batch->next;
    return batch != NULL;
}

static enum dw_err try_batch(struct pg_writer *w, struct posted_write *batch, struct attempt *attempt, bool *ret_again)
{
    if (w->connection == NULL)
        TRY(pg_connect(w->server, &w->connection));
    struct pg_connection *c = w->connection;

    atomic_store(&w->pid, c->pq->PQbackendPID(c->conn));
    const bool was_light = !attempt->is_careful && batch->next != NULL && has_light(batch);
    const enum dw_err err = run_transaction(c, batch, attempt);

    pg_end(c, "ROLLBACK"); /* after an error, or when no write succeeded */
    *ret_again = err != DW_OK && !c->is_silent &&
                 (c->is_given_up || (!attempt->is_committing && (c->is_broken || was_light)));
    attempt->is_careful = attempt->is_careful || (*ret_again && was_light && !c->is_broken && !c->is_given_up);
    if (c->is_broken)
        pg_disconnect(&w->connection);
    return err;
}

static enum dw_err write_batch(void *connection, struct posted_write *batch, unsigned *ret_done,
                               struct posted_write **ret_rest)
{
    struct attempt attempt = { 0 };
    enum dw_err err = DW_ERR_UNAVAILABLE;
    bool again = true;

    for (int i = 0; i < PG_ATTEMPTS && again; i++) {
        again = false;
        err = try_batch(connection, batch, &attempt, &again);
        metric_add(&COMMITS_REPEATED, 0, again && i + 1 < PG_ATTEMPTS);
    }
    *ret_done = attempt.done;
    *ret_rest = attempt.rest;
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
