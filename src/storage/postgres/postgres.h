/*
 * The PostgreSQL driver's insides: connections, the pool that reads, the writer, the listener.
 *
 * Why: several nodes on one database must behave as the one node on SQLite does. Writes therefore never run side by
 * side, on no node: each node's group writer takes one advisory lock for its transaction, and READ COMMITTED then sees
 * all that was committed before. What the accounts' code has looked at can't change before it has written, as on
 * SQLite, and there is nothing to retry but what PostgreSQL itself gives up. Reads run beside them, each in a snapshot.
 * Round trips are what costs: BEGIN, the lock, savepoints and preparing ride along with the first statement (pipeline
 * mode), the statements of all writes of a batch that come in two steps are one round trip, and the end of a read is
 * not waited for.
 * Defends against: an acknowledgement before the data is on disk (synchronous_commit is never off), a node that hangs
 * with the lock (idle_in_transaction_session_timeout), a peer that is silently gone (tcp_user_timeout) or stands
 * still (PG_SILENCE_MS), a database that is down being asked by every request (back-off), values in the log (only codes
 * and names are logged).
 * Does not defend against: who may write to the database; a pooler that shares sessions between transactions (prepared
 * statements live in the session).
 *
 * Threading: a connection is used by one thread at a time. The statement index is read without a lock.
 */
#ifndef STORAGE_POSTGRES_POSTGRES_H
#define STORAGE_POSTGRES_POSTGRES_H

#include "storage/group_writer.h"
#include "storage/postgres/libpq.h"
#include "storage/statement_index.h"

#include <stdatomic.h>

enum {
    PG_PARAMS_MAX = 64,          /* parameters of one statement */
    PG_VARIANTS_MAX = 4,         /* of a statement, by its parameters' types; further ones are not kept prepared */
    PG_COMMANDS_MAX = 8,         /* that wait to ride along */
    PG_EXPECTED_MAX = 512,       /* statements whose results have not been read */
    PG_READERS_DEFAULT = 8,
    PG_READERS_MAX = 64,
    PG_ATTEMPTS = 5,             /* of a write that PostgreSQL gave up, or whose connection broke before its commit */
    PG_SILENCE_MS = 8000,        /* longer than a lock is waited for (lock_timeout) */
    PG_BATCH_MS = 1000,          /* a transaction takes no further write once it has run for so long */
    PG_BACKOFF_FIRST_MS = 50,
    PG_BACKOFF_MAX_MS = 2000,
};

/* The advisory lock of whoever writes. The number is arbitrary and the same on every node: "doorward" in ASCII. */
#define PG_WRITERS_LOCK "7237125663627506276"

/* What a prepared statement of this session was prepared for: bit i is set when parameter i is an integer. */
struct pg_prepared {
    uint64_t integers[PG_VARIANTS_MAX];
    unsigned n;
};

/* A statement that was sent and not waited for, and who gets what it gives. */
struct pg_expected {
    const char *doing;
    bool is_command; /* one of our own, that went along */
    enum dw_err (*read)(const struct row *, void *);
    void *argument;
    int64_t *ret_changes;
};

struct pg_connection {
    const struct libpq *pq;
    PGconn *conn;
    const struct statement_index *index;
    struct pg_prepared *prepared;          /* by row number of the index */
    const char *commands[PG_COMMANDS_MAX]; /* to be sent with the next statement */
    unsigned n_commands;
    struct pg_expected *expected;          /* in the order in which they were sent; made at the first */
    unsigned n_expected;
    bool has_failed_later; /* one of them has, since the transaction began */
    unsigned n_unread;    /* syncs whose results have not been read: the end of a read */
    unsigned n_exchanges; /* since the transaction began */
    int64_t answered_ms;  /* when the first of them was over */
    bool is_open;         /* a transaction is open at the server, or will be with the next statement */
    bool is_lost;         /* one of our own commands failed: the transaction as a whole is of no use */
    bool notifies; /* the transaction's commit is to wake other nodes */
    bool is_broken;
    bool is_silent;       /* that is how it broke */
    bool shows_messages; /* the server's words go to the log; otherwise they may quote a value */
    bool is_given_up; /* a serialization failure or a deadlock: the transaction is to be run again */
    struct pg_connection *next; /* in the pool's list of idle ones */
};

/* Where to connect to, and when to try again. Any thread. */
struct pg_server {
    const struct libpq *pq;
    char *url;
    const struct statement_index *index;
    pthread_mutex_t mutex; /* guards what follows */
    int64_t retry_at_ms;   /* monotonic */
    int64_t backoff_ms;    /* 0: the last attempt went well */
};

struct pg_transaction {
    struct transaction head;
    struct pg_connection *connection;
};

struct pg_row {
    struct row head;
    const struct libpq *pq;
    const PGresult *result;
    int number;
};

/* --- connection.c ----------------------------------------------------------------------------------------------- */

/* DW_ERR_UNAVAILABLE while the server can't be reached (logged once for each attempt; in between it is not tried). */
DW_MUST_USE enum dw_err pg_connect(struct pg_server *server, struct pg_connection **ret_connection);
void pg_disconnect(struct pg_connection **connection);

/* A command of the driver's own, sent with the next statement. `sql` is static. */
DW_MUST_USE enum dw_err pg_later(struct pg_connection *c, const char *sql);
/* Sends what waits and waits for its results. */
DW_MUST_USE enum dw_err pg_flush(struct pg_connection *c, const char *doing);
/* The same, then reads the result of what was sent last by the caller itself (after pg_send_commands()). */
DW_MUST_USE enum dw_err pg_finish(struct pg_connection *c, const char *doing, PGresult **ret_result);
DW_MUST_USE enum dw_err pg_send_commands(struct pg_connection *c);
/* After the caller has sent a statement behind the commands: its result is read with the next that is waited for. */
DW_MUST_USE enum dw_err pg_expect(struct pg_connection *c, const struct pg_expected *expected);
/* Sends what waits and reads all results that are expected. */
DW_MUST_USE enum dw_err pg_wait(struct pg_connection *c);
/* Ends an open transaction: sends what ends it and does not wait; what was not begun yet is forgotten. */
void pg_end(struct pg_connection *c, const char *sql);
/* Our error for a result's SQLSTATE; logs it unless it is a constraint. */
enum dw_err pg_fail(struct pg_connection *c, const PGresult *result, const char *doing);

/* --- run.c ------------------------------------------------------------------------------------------------------ */

/* Has the server parse each statement once; logs the name of one that is wrong. */
DW_MUST_USE enum dw_err pg_check_statements(struct pg_connection *c);
DW_MUST_USE enum dw_err pg_run(struct transaction *tx, const struct statement *statement, const struct value *values,
                               enum dw_err (*read)(const struct row *, void *), void *argument, size_t max_rows,
                               size_t *ret_rows, int64_t *ret_changes);
DW_MUST_USE enum dw_err pg_run_later(struct transaction *tx, const struct statement *statement,
                                     const struct value *values, enum dw_err (*read)(const struct row *, void *),
                                     void *argument, int64_t *ret_changes);
/* Hands what a statement gave to whoever expects it. */
DW_MUST_USE enum dw_err pg_deliver(struct pg_connection *c, PGresult *result, const struct pg_expected *expected);
int64_t pg_row_int(const struct row *row, unsigned column);
struct dw_str pg_row_text(const struct row *row, unsigned column);
bool pg_row_is_null(const struct row *row, unsigned column);

/* --- migrate.c -------------------------------------------------------------------------------------------------- */

/* Brings the database to the schema's version, one node at a time, or, without `apply`, refuses one that is not
 * there. On a connection that is not yet in pipeline mode. */
DW_MUST_USE enum dw_err pg_migrate(const struct libpq *pq, PGconn *conn, const struct migration *migrations,
                                   bool apply);

/* The highest migration applied; 0 in an empty database. */
DW_MUST_USE enum dw_err pg_applied(const struct libpq *pq, PGconn *conn, int *ret_applied);

/* --- writer.c --------------------------------------------------------------------------------------------------- */

/* The connection of the group writer is a struct pg_writer. */
struct pg_writer {
    struct pg_server *server;
    struct pg_connection *connection; /* NULL while there is none */
    _Atomic int pid;                  /* of its session at the server: 0 while there is none */
};
extern const struct group_calls PG_WRITER;

/* --- pool.c ----------------------------------------------------------------------------------------------------- */

struct pg_pool {
    struct pg_server *server;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t returned;
    struct pg_connection *idle; /* last used first */
    unsigned n_open;
    unsigned max_open;
};

void pg_pool_init(struct pg_pool *pool, struct pg_server *server, unsigned max_open);
void pg_pool_close(struct pg_pool *pool);
/* DW_ERR_BUSY: no connection was free by the deadline. */
DW_MUST_USE enum dw_err pg_pool_read(struct pg_pool *pool, int64_t deadline_ms,
                                     enum dw_err (*fn)(struct transaction *, void *), void *argument);
/* The highest migration applied, asked of the server. */
DW_MUST_USE enum dw_err pg_pool_version(struct pg_pool *pool, int64_t deadline_ms, int *ret_applied);

/* --- listener.c ------------------------------------------------------------------------------------------------- */

struct pg_listener;

/* What the server is told before the commit of a write that called storage_notify(). */
#define PG_NOTIFY "NOTIFY doorward_changes"

/* `server`, `writer` are borrowed until pg_listener_stop(). What this writer notified is not heard. */
DW_MUST_USE enum dw_err pg_listener_start(struct pg_server *server, struct pg_writer *writer,
                                          void (*heard)(void *argument), void *argument,
                                          struct pg_listener **ret_listener);
void pg_listener_stop(struct pg_listener **listener);

/* --- driver.c --------------------------------------------------------------------------------------------------- */

struct pg_state {
    struct pg_server server;
    struct statement_index index;
    struct pg_writer writing;
    struct group_writer writer;
    struct pg_pool pool;
    struct pg_listener *listener; /* NULL: nobody listens */
};

#endif
