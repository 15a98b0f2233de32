/*
 * What a database driver offers: one table of calls. storage.c does what is common; a driver does the rest.
 *
 * Why: the rooms above must not know which database they run on, and a driver must not repeat what is common.
 * Lifetime: the schema, its rows and the driver table outlive the state; config is read during open only.
 * Threading: read, write and version are called from any thread; close once, after the last of them has returned.
 */
#ifndef STORAGE_DRIVER_H
#define STORAGE_DRIVER_H

#include "storage/storage.h"

struct file_calls;
struct table_calls;

struct storage_driver {
    const char *scheme; /* of its URLs: "sqlite", "postgresql" */
    bool is_shared;     /* other nodes may write to the same database */
    enum dw_err (*open)(const struct storage_schema *schema, const struct storage_config *config, void **ret_state);
    void (*close)(void *state);
    /* The version of a database that is not open: 0 when nobody has migrated it yet. */
    enum dw_err (*applied)(const char *url, int *ret_applied);
    /* Asks the database, so that it serves as the readiness query too. Deadlines are on the monotonic clock: what has
     * not begun by then is DW_ERR_BUSY and does not run. */
    enum dw_err (*version)(void *state, int64_t deadline_ms, int *ret_applied);
    enum dw_err (*read)(void *state, int64_t deadline_ms, enum dw_err (*fn)(struct transaction *, void *),
                        void *argument);
    enum dw_err (*write)(void *state, int64_t deadline_ms, enum dw_err (*fn)(struct transaction *, void *),
                         void *argument);
    enum dw_err (*post)(void *state, struct posted_write *take_write);
    /* The next three are NULL where no other node writes to the database: storage_listen(), and in a write. */
    enum dw_err (*listen)(void *state, void (*heard)(void *argument), void *argument);
    void (*unlisten)(void *state);
    void (*notify)(struct transaction *tx);
    /* Executes to the end; hands the first max_rows rows to `read`, which may be NULL: rows are then only counted.
     * ret_rows and ret_changes may be NULL. */
    enum dw_err (*run)(struct transaction *tx, const struct statement *statement, const struct value *values,
                       enum dw_err (*read)(const struct row *, void *), void *argument, size_t max_rows,
                       size_t *ret_rows, int64_t *ret_changes);
    /* NULL where nothing is gained by waiting: run() then serves, and there is nothing to wait for. */
    enum dw_err (*later)(struct transaction *tx, const struct statement *statement, const struct value *values,
                         enum dw_err (*read)(const struct row *, void *), void *argument, int64_t *ret_changes);
    enum dw_err (*wait)(struct transaction *tx);
    int64_t (*row_int)(const struct row *row, unsigned column);
    struct dw_str (*row_text)(const struct row *row, unsigned column); /* blobs too */
    bool (*row_is_null)(const struct row *row, unsigned column);
    const struct table_calls *tables; /* storage/tables.h */
    const struct file_calls *files;   /* storage/backup.h; NULL: its databases are no files */
};

/* The head of each driver's own struct transaction and struct row. */
struct transaction {
    const struct storage_driver *driver;
    void *context; /* storage_set_context()'s: set by storage.c */
    struct transaction_counts *counts; /* the same; NULL: of a read */
};
struct row {
    const struct storage_driver *driver;
};

/* The one whose scheme the URL has; NULL: none. */
const struct storage_driver *storage_find_driver(const struct storage_driver *const *drivers, const char *url);
/* What the driver's open gave: for the driver's own counters (tests, benchmarks). */
void *storage_driver_state(struct storage *storage);

extern const struct storage_driver STORAGE_SQLITE;
extern const struct storage_driver STORAGE_POSTGRES;

#endif
