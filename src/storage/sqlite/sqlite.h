/*
 * The SQLite driver's insides: connections, the statement index, the writer thread, the pool of readers.
 *
 * Why: SQLite lets one connection write at a time and makes each commit wait for the disk: the group writer does it.
 * Defends against: an acknowledgement before the data is on disk (WAL, synchronous=FULL, waiters woken after COMMIT);
 * one bad write hurting its neighbours (a savepoint each); a hostile database file (defensive mode, untrusted schema,
 * no double-quoted strings, no ATTACH); a file that others may read (created 0600; WAL and index inherit the mode).
 * Does not defend against: whoever may write to the file's directory; a disk that lies about fsync.
 *
 * Threading: a connection is used by one thread at a time (SQLite in multi-thread mode, connections without mutex).
 * The statement index does not change after open and is read without a lock.
 */
#ifndef STORAGE_SQLITE_SQLITE_H
#define STORAGE_SQLITE_SQLITE_H

#include "storage/group_writer.h"
#include "storage/statement_index.h"
#include <sqlite3.h>

enum {
    SQLITE_PARAMS_MAX = 64,            /* parameters of one statement */
    SQLITE_BUSY_TIMEOUT_MS = 5000,     /* how long one attempt waits for another process's lock */
    SQLITE_BUSY_ATTEMPTS = 2,          /* of beginning a write, each that long */
    SQLITE_CACHE_KIB = 1024,           /* page cache a connection; the system's own cache stands behind it */
    SQLITE_VALUE_BYTES_MAX = 16 << 20, /* of one value or row */
    SQLITE_READERS_MAX = 64,
};

/* --- statements ------------------------------------------------------------------------------------------------- */

/* What was learned about the statements of the schema when they were checked; the same on every connection. */
struct sqlite_index {
    struct statement_index statements;
    /* By row number: of $1, $2 … among SQLite's parameters, which go by first appearance. */
    unsigned char (*places)[SQLITE_PARAMS_MAX];
};

/* What the driver itself says to SQLite; prepared once a connection. */
enum sqlite_command {
    COMMAND_BEGIN_READ,
    COMMAND_BEGIN_WRITE,
    COMMAND_COMMIT,
    COMMAND_ROLLBACK,
    COMMAND_SAVEPOINT,
    COMMAND_RELEASE,
    COMMAND_ROLLBACK_TO,
    COMMAND_VERSION,
    COMMAND_COUNT
};

struct sqlite_connection {
    sqlite3 *db;
    const struct sqlite_index *index; /* NULL until the statements are checked */
    sqlite3_stmt **prepared;          /* by row number of the index; NULL until first used */
    sqlite3_stmt *commands[COMMAND_COUNT];
    enum dw_err last_err;           /* of SQLite: why a transaction was lost, whatever its function made of it */
    struct sqlite_connection *next; /* in the readers' list of idle ones */
};

struct sqlite_transaction {
    struct transaction head;
    struct sqlite_connection *connection;
};

struct sqlite_row {
    struct row head;
    sqlite3_stmt *stmt;
};

/* --- connection.c ----------------------------------------------------------------------------------------------- */

enum sqlite_mode {
    SQLITE_MODE_CREATE_ALONE, /* the file exists or is made; no other connection may be there, or come */
    SQLITE_MODE_ALONE,
    SQLITE_MODE_CREATE,
    SQLITE_MODE_WRITE,
    SQLITE_MODE_READ,
    SQLITE_MODE_LOOK, /* reads a file that is not in use, whatever its journal */
};

/* Opens with every setting that the rest relies on. CREATE makes the file, mode 0600, when it is missing. ALONE is
 * DW_ERR_UNAVAILABLE while anyone else has the file open. */
DW_MUST_USE enum dw_err sqlite_connect(const char *path, enum sqlite_mode mode,
                                       struct sqlite_connection **ret_connection);
void sqlite_disconnect(struct sqlite_connection **connection);
/* Lets the connection run the statements of `index`, which outlives it. */
DW_MUST_USE enum dw_err sqlite_use_index(struct sqlite_connection *c, const struct sqlite_index *index);

/* Our error for SQLite's code; logs it with `what` unless it is a constraint. Never logs a bound value. */
enum dw_err sqlite_fail(struct sqlite_connection *c, int code, const char *what);
DW_MUST_USE enum dw_err sqlite_command(struct sqlite_connection *c, enum sqlite_command command);
/* DW_ERR_UNAVAILABLE when the file is no longer where it was opened: what is written to it would be lost with the
 * process that has it open. */
DW_MUST_USE enum dw_err sqlite_check_place(struct sqlite_connection *c);
/* Takes the write lock, waiting for other processes; DW_ERR_UNAVAILABLE when they hold it too long, or the file has
 * gone. */
DW_MUST_USE enum dw_err sqlite_begin_write(struct sqlite_connection *c);
/* Undoes the open transaction, if there is one. */
void sqlite_rollback(struct sqlite_connection *c);
/* The highest migration applied; 0 in an empty database. */
DW_MUST_USE enum dw_err sqlite_applied(struct sqlite_connection *c, int *ret_applied);

/* --- statements.c ----------------------------------------------------------------------------------------------- */

/* Prepares each statement of the schema once; logs the name of one that is wrong. */
DW_MUST_USE enum dw_err sqlite_index_build(struct sqlite_connection *c, const struct storage_schema *schema,
                                           struct sqlite_index *ret_index);
void sqlite_index_free(struct sqlite_index *index);
DW_MUST_USE enum dw_err sqlite_run(struct transaction *tx, const struct statement *statement,
                                   const struct value *values, enum dw_err (*read)(const struct row *, void *),
                                   void *argument, size_t max_rows, size_t *ret_rows, int64_t *ret_changes);
int64_t sqlite_row_int(const struct row *row, unsigned column);
struct dw_str sqlite_row_text(const struct row *row, unsigned column);
bool sqlite_row_is_null(const struct row *row, unsigned column);

/* --- migrate.c -------------------------------------------------------------------------------------------------- */

/* Brings the database to the schema's version, or, without `apply`, refuses one that is not there. */
DW_MUST_USE enum dw_err sqlite_migrate(struct sqlite_connection *c, const struct migration *migrations, bool apply);

/* --- writer.c --------------------------------------------------------------------------------------------------- */

/* How the group writer writes to a connection of ours. */
extern const struct group_calls SQLITE_WRITER;

/* --- readers.c -------------------------------------------------------------------------------------------------- */

struct sqlite_readers {
    const char *path;
    const struct sqlite_index *index;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t returned;
    struct sqlite_connection *idle; /* last used first: its cache is warm */
    unsigned n_open;
    unsigned max_open;
};

void sqlite_readers_init(struct sqlite_readers *r, const char *path, const struct sqlite_index *index,
                         unsigned max_open);
void sqlite_readers_close(struct sqlite_readers *r);
/* Waits for a connection; opens one when none is idle and fewer than max_open are. DW_ERR_BUSY: the deadline passed. */
DW_MUST_USE enum dw_err sqlite_readers_take(struct sqlite_readers *r, int64_t deadline_ms,
                                            struct sqlite_connection **ret_connection);
void sqlite_readers_give(struct sqlite_readers *r, struct sqlite_connection *take_connection);
DW_MUST_USE enum dw_err sqlite_read(struct sqlite_readers *r, int64_t deadline_ms,
                                    enum dw_err (*fn)(struct transaction *, void *), void *argument);

/* --- driver.c --------------------------------------------------------------------------------------------------- */

/* The file's name out of "sqlite:PATH", to be freed; DW_ERR_SETTING (logged) when it names none. */
DW_MUST_USE enum dw_err sqlite_path_of_url(const char *url, char **ret_path);

struct sqlite_state {
    char *path;
    struct sqlite_index index;
    struct group_writer writer;
    struct sqlite_readers readers;
};

#endif
