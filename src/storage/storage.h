/*
 * The database, as the identity room sees it: statements as rows, reads, and writes that are durable when acknowledged.
 *
 * Why: SQLite in one file and PostgreSQL for a fleet must look the same from above. A driver is a table of calls
 * (storage/driver.h); only cli/ names one. Statements are written in the subset both share ($1, RETURNING,
 * ON CONFLICT) and are prepared when the database is opened, so that a typo fails there.
 * Defends against: SQL injection (values are bound, never printed into the text), lost acknowledged writes (a write
 * returns after its commit), half-done writes (each runs in a transaction or savepoint of its own).
 *
 * Threading: any thread may call storage_read() and storage_write(); both wait, so never from an event loop, which has
 * storage_post(). A write inside a write would wait for itself and is DW_ERR_INTERNAL.
 *
 * Waiting has an end (storage_config.patience_ms): a read or write of a request that has waited for longer, in all, is
 * DW_ERR_BUSY, and is not run then or later. What has begun runs to its end and its outcome is told: the writes that a
 * slow database still takes are those that somebody waits for. A request that has written has half as much time again
 * to finish, so that it can answer.
 */
#ifndef STORAGE_STORAGE_H
#define STORAGE_STORAGE_H

#include "base/cleanup.h"
#include <doorward/metrics.h>

/* A row of a room's statement table. */
struct statement {
    const char *name; /* for errors and metrics */
    const char *sql;
    unsigned n_params;
};

enum value_type { VALUE_NULL, VALUE_INT, VALUE_TEXT, VALUE_BLOB };

struct value {
    enum value_type type;
    int64_t integer;
    struct dw_str bytes;
};

#define V_NULL ((struct value){ .type = VALUE_NULL })
#define V_INT(number) ((struct value){ .type = VALUE_INT, .integer = (number) })
/* Absent text is NULL. */
#define V_TEXT(text) value_text(text)
/* Of SQLite alone: PostgreSQL has another name for the type. */
#define V_BLOB(data) ((struct value){ .type = VALUE_BLOB, .bytes = (data) })
#define V_CSTR(text) value_text(dw_str(text))

static inline struct value value_text(struct dw_str text)
{
    struct value v = { .type = text.ptr ? VALUE_TEXT : VALUE_NULL, .bytes = text };
    return v;
}

/* The parameters of one execution: VALUES(V_TEXT(id), V_INT(now)). */
#define VALUES(...) ((const struct value[]){ __VA_ARGS__ })
#define NO_VALUES ((const struct value *)NULL)

struct storage;     /* an open database */
struct transaction; /* what a read or a write runs in; valid inside its function only */
struct row;         /* one result row; valid inside its callback only */

/* A migration: runs once, in order, in one transaction with the version that it reaches. */
struct migration {
    int version; /* 1, 2, 3 … without a gap */
    const char *name;
    const char *sql; /* several statements */
};

/* All statements of all rooms, so that open can prepare them: arrays of pointers to rows, NULL-terminated. */
struct storage_schema {
    const struct migration *migrations;               /* ends with version 0 */
    const struct statement *const *const *statements; /* NULL-terminated list of NULL-terminated lists */
};

struct storage_driver;

struct storage_config {
    const char *url;  /* "sqlite:doorward.db" (the part after the scheme is the driver's) */
    unsigned readers; /* connections for reading; 0: one a core */
    bool migrate;     /* apply what is missing; otherwise a missing migration is DW_ERR_DATABASE */
    int64_t patience_ms; /* of a request (base/patience.h), for all its reads and writes together; 0: no end */
};

/* Opens, migrates and prepares. `drivers`: NULL-terminated; the one whose scheme the URL has is used. Errors:
 * DW_ERR_SETTING (no such driver), DW_ERR_DATABASE (what the log tells). */
DW_MUST_USE enum dw_err storage_open(const struct storage_driver *const *drivers, const struct storage_schema *schema,
                                     const struct storage_config *config, struct storage **ret_storage);
void storage_close(struct storage **storage);

/* What functions inside a read or write get from transaction_context(): the owner of the statements, where it needs
 * more than the argument of the moment (a key for each row of a log). NULL until it is set; returns the one before.
 * Not while others read or write. */
void *storage_set_context(struct storage *storage, void *context);

/* Migrations known and applied: *ret_applied is the database's version. */
DW_MUST_USE enum dw_err storage_version(struct storage *storage, int *ret_applied);
/* The same of a database that is not open, at whatever version it is: 0 when nobody has migrated it yet. */
DW_MUST_USE enum dw_err storage_applied(const struct storage_driver *const *drivers, const char *url, int *ret_applied);
/* Whether other nodes may write to the same database. */
bool storage_is_shared(const struct storage *storage);
/* Whether the database took the last write: an atomic load. A refusal by a write's own function says nothing. */
bool storage_can_write(const struct storage *storage);
/* One trivial query, for readiness. */
DW_MUST_USE enum dw_err storage_ping(struct storage *storage);

/*
 * Runs fn in a read transaction: it sees one state of the database. Its error is handed on. A connection that was found
 * dead at the first statement is replaced, and fn runs once more.
 */
DW_MUST_USE enum dw_err storage_read(struct storage *storage, enum dw_err (*fn)(struct transaction *, void *argument),
                                     void *argument);

/*
 * Runs fn in a write transaction and returns after its commit is durable. fn may run together with other writes in one
 * transaction (group commit), each behind a savepoint: an error of fn undoes that write alone and is handed on. When
 * the commit fails, every write in it gets the error. fn may run on another thread, and, where the driver retries a
 * serialization failure, more than once: it must set its outputs from scratch. DW_ERR_BUSY: too many wait, or it has
 * waited for too long; nothing was or will be written.
 */
DW_MUST_USE enum dw_err storage_write(struct storage *storage, enum dw_err (*fn)(struct transaction *, void *argument),
                                      void *argument);

/*
 * A write that nobody waits for: a call when it is over, instead of a thread that sleeps until then. And in two steps,
 * for what comes in floods: fn hands its statements to sql_later(), `then` looks at what they gave. So many such writes
 * share one round trip, one transaction and no savepoint. The price: where fn, `then` or a statement fails, all of the
 * batch is undone and runs again, each behind a savepoint. What is refused often is therefore told in the argument and
 * changes nothing, with DW_OK. Between the two steps other writes may have run theirs: what counts is what the
 * statements themselves found. Both may run more than once and set their outputs from scratch.
 */
struct posted_write {
    enum dw_err (*fn)(struct transaction *tx, void *argument);
    enum dw_err (*then)(struct transaction *tx, void *argument);
    /* On the writer's thread, once, after the commit or with what failed: to be short, and it never waits. The write
     * and its argument are the caller's again. */
    void (*done)(void *argument, enum dw_err err);
    void *argument;
    /* the storage's own */
    void *context;
    int64_t deadline_ms; /* to begin, on the monotonic clock */
    bool is_waiting;     /* has not begun */
    enum dw_err err;
    struct posted_write *next;
};

/* Takes the write until done() is called, with DW_ERR_BUSY where it has waited for too long. DW_ERR_BUSY when too many
 * wait: done() is not called then. Never waits. */
DW_MUST_USE enum dw_err storage_post(struct storage *storage, struct posted_write *write);

/*
 * Calls `heard`, from a thread of its own, soon after another node has committed a write that called storage_notify(),
 * and whenever such a call may have been missed. A hint that saves waiting, no promise: who must know looks by itself,
 * too. No call ever comes where no other node writes. One listener at a time; `heard` must not wait.
 */
DW_MUST_USE enum dw_err storage_listen(struct storage *storage, void (*heard)(void *argument), void *argument);
/* From the return on no call comes any more. Nothing happens when nobody listens. */
void storage_unlisten(struct storage *storage);

/* --- inside a read or write ------------------------------------------------------------------------------------- */

void *transaction_context(const struct transaction *tx);
/* Adds one to a series when this write is durable; nothing of a write that is undone is counted. In a posted write it
 * is counted at once. */
void transaction_count(struct transaction *tx, const struct dw_metric *metric, unsigned series);

/* In a write: wakes the listeners of other nodes when it is committed, and not before. */
void storage_notify(struct transaction *tx);

/* Executes a statement that returns no row. ret_changes (may be NULL): rows changed. DW_ERR_CONSTRAINT when a unique,
 * foreign-key or check constraint refuses: hand it on (PostgreSQL runs nothing more in that transaction), or write ON
 * CONFLICT DO NOTHING and look at ret_changes. */
DW_MUST_USE enum dw_err sql_exec(struct transaction *tx, const struct statement *statement, const struct value *values,
                                 int64_t *ret_changes);
/* The first row, handed to `read`; DW_ERR_NOT_FOUND when there is none. Also for … RETURNING. */
DW_MUST_USE enum dw_err sql_one(struct transaction *tx, const struct statement *statement, const struct value *values,
                                enum dw_err (*read)(const struct row *row, void *argument), void *argument);
/* Each row; `read` may end it early with an error, which is handed on. ret_rows may be NULL. */
DW_MUST_USE enum dw_err sql_each(struct transaction *tx, const struct statement *statement, const struct value *values,
                                 enum dw_err (*read)(const struct row *row, void *argument), void *argument,
                                 size_t *ret_rows);

/* Executes at the latest when sql_wait() or the next statement that is not `later` returns, or before `then` of a
 * posted write; what it fails with is returned there. read (may be NULL) gets the first row, if there is one. `values`
 * need not live on, `argument` and `ret_changes` (may be NULL) must. */
DW_MUST_USE enum dw_err sql_later(struct transaction *tx, const struct statement *statement,
                                  const struct value *values,
                                  enum dw_err (*read)(const struct row *row, void *argument), void *argument,
                                  int64_t *ret_changes);
DW_MUST_USE enum dw_err sql_wait(struct transaction *tx);

/* Columns from 0. NULL reads as 0, absent, false. Text and blobs are valid until the callback returns: copy them. */
int64_t row_int(const struct row *row, unsigned column);
bool row_bool(const struct row *row, unsigned column);
struct dw_str row_text(const struct row *row, unsigned column);
struct dw_str row_blob(const struct row *row, unsigned column);
bool row_is_null(const struct row *row, unsigned column);

#endif
