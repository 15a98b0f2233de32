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

static enum dw_err call_write(struct sqlite_connection *c, struct group_write *write)
{
    struct sqlite_transaction tx = { .head = { &STORAGE_SQLITE }, .connection = c };
    const enum dw_err err = write->fn(&tx.head, write->argument);

    return err == DW_OK && has_dangling_keys(c->db) ? DW_ERR_CONSTRAINT : err;
}

/* Sets write->err. Returns an error only when the transaction as a whole is lost. */
static enum dw_err run_in_savepoint(struct sqlite_connection *c, struct group_write *write)
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

static enum dw_err run_alone(struct sqlite_connection *c, struct group_write *write)
{
    write->err = call_write(c, write);
    return sqlite3_get_autocommit(c->db) ? c->last_err : DW_OK;
}

/* *ret_done: how many writes are now on disk. On an error none is. */
static enum dw_err run_transaction(struct sqlite_connection *c, struct group_write *batch, unsigned *ret_done)
{
    const bool is_alone = batch->next == NULL;
    unsigned done = 0;

    TRY(sqlite_begin_write(c));
    for (struct group_write *write = batch; write != NULL; write = write->next) {
        TRY(is_alone ? run_alone(c, write) : run_in_savepoint(c, write));
        done += write->err == DW_OK;
    }
    if (done > 0)
        TRY(sqlite_command(c, COMMAND_COMMIT));
    *ret_done = done;
    return DW_OK;
}

static enum dw_err write_batch(void *connection, struct group_write *batch, unsigned *ret_done)
{
    const enum dw_err err = run_transaction(connection, batch, ret_done);

    sqlite_rollback(connection); /* after an error, or when no write succeeded */
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
