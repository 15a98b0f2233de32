/* One transaction of the group writer (storage/group_writer.h) on SQLite. */
#include "storage/sqlite/sqlite.h"

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

static enum dw_err call_write(struct sqlite_connection *c, struct posted_write *write)
{
    struct sqlite_transaction tx = { .head = { &STORAGE_SQLITE, write->context }, .connection = c };
    enum dw_err err = write->fn(&tx.head, write->argument);

    if (err == DW_OK && write->then != NULL)
        err = write->then(&tx.head, write->argument);
    return err == DW_OK && has_dangling_keys(c->db) ? DW_ERR_CONSTRAINT : err;
}

/* Sets write->err. Returns an error only when the transaction as a whole is lost. */
static enum dw_err run_in_savepoint(struct sqlite_connection *c, struct posted_write *write)
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

/* Without a savepoint: what a write that failed has done can be undone with all others' alone. */
static enum dw_err run_bare(struct sqlite_connection *c, struct posted_write *write)
{
    write->err = call_write(c, write);
    return sqlite3_get_autocommit(c->db) ? c->last_err : DW_OK;
}

/* *ret_done: how many writes are now on disk. On an error none is. *ret_again: one that had no savepoint failed beside
 * others, so that all are to run once more, carefully. */
static enum dw_err run_transaction(struct sqlite_connection *c, struct posted_write *batch, bool is_careful,
                                   unsigned *ret_done, bool *ret_again)
{
    const bool is_alone = batch->next == NULL;
    unsigned done = 0;

    TRY(sqlite_begin_write(c));
    for (struct posted_write *write = batch; write != NULL; write = write->next) {
        const bool is_bare = is_alone || (!is_careful && group_is_light(write));

        TRY(is_bare ? run_bare(c, write) : run_in_savepoint(c, write));
        *ret_again = is_bare && !is_alone && write->err != DW_OK;
        if (*ret_again)
            return write->err;
        done += write->err == DW_OK;
    }
    if (done > 0)
        TRY(sqlite_command(c, COMMAND_COMMIT));
    *ret_done = done;
    return DW_OK;
}

/* Nothing waits for a network between the writes of a batch: all of it is done. */
static enum dw_err write_batch(void *connection, struct posted_write *batch, unsigned *ret_done,
                               struct posted_write **ret_rest)
{
    (void)ret_rest;
    bool again = false;
    enum dw_err err = run_transaction(connection, batch, false, ret_done, &again);

    sqlite_rollback(connection); /* after an error, or when no write succeeded */
    if (again) {
        err = run_transaction(connection, batch, true, ret_done, &again);
        sqlite_rollback(connection);
    }
    return err;
}

static void close_connection(void *connection)
{
    struct sqlite_connection *c = connection;

    sqlite_disconnect(&c);
}

const struct group_calls SQLITE_WRITER = {
    .thread_name = "sqlite-writer",
    .transaction = write_batch,
    .close = close_connection,
};
