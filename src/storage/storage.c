#include "storage/backup.h"
#include "storage/driver.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/patience.h"

struct storage {
    const struct storage_driver *driver;
    void *state;
    void *context;
    int64_t patience_ms;
    _Atomic bool is_refusing; /* writes failed the last time */
};

const struct storage_driver *storage_find_driver(const struct storage_driver *const *drivers, const char *url)
{
    for (; url != NULL && *drivers != NULL; drivers++) {
        const size_t length = strlen((*drivers)->scheme);

        if (strncmp(url, (*drivers)->scheme, length) == 0 && url[length] == ':')
            return *drivers;
    }
    return NULL;
}

/* A gap or a hole in the tables is our own bug: found here, before a database has been touched. */
static enum dw_err check_schema(const struct storage_schema *schema)
{
    for (int i = 0; schema->migrations[i].version != 0; i++) {
        const struct migration *m = &schema->migrations[i];

        if (m->version != i + 1 || m->name == NULL || m->sql == NULL)
            return DW_ERR_TABLE;
    }
    for (size_t i = 0; schema->statements[i] != NULL; i++) {
        for (const struct statement *const *s = schema->statements[i]; *s != NULL; s++) {
            if ((*s)->name == NULL || (*s)->sql == NULL)
                return DW_ERR_TABLE;
        }
    }
    return DW_OK;
}

enum dw_err storage_open(const struct storage_driver *const *drivers, const struct storage_schema *schema,
                         const struct storage_config *config, struct storage **ret_storage)
{
    const struct storage_driver *driver = storage_find_driver(drivers, config->url);
    _cleanup_free_ struct storage *storage = NULL;

    if (driver == NULL)
        return DW_ERR_SETTING;
    TRY(check_schema(schema));
    storage = calloc(1, sizeof(*storage));
    if (storage == NULL)
        return DW_ERR_NO_MEMORY;
    storage->driver = driver;
    storage->patience_ms = config->patience_ms;
    TRY(driver->open(schema, config, &storage->state));
    *ret_storage = TAKE_PTR(storage);
    return DW_OK;
}

const struct file_calls *storage_files(const struct storage_driver *const *drivers, const char *url)
{
    const struct storage_driver *driver = storage_find_driver(drivers, url);

    return driver == NULL ? NULL : driver->files;
}

void storage_close(struct storage **storage)
{
    if (*storage == NULL)
        return;
    (*storage)->driver->close((*storage)->state);
    free(*storage);
    *storage = NULL;
}

void *storage_driver_state(struct storage *storage)
{
    return storage->state;
}

enum dw_err storage_applied(const struct storage_driver *const *drivers, const char *url, int *ret_applied)
{
    const struct storage_driver *driver = storage_find_driver(drivers, url);

    return driver == NULL ? DW_ERR_SETTING : driver->applied(url, ret_applied);
}

bool storage_is_shared(const struct storage *storage)
{
    return storage->driver->is_shared;
}

/* --- patience ---------------------------------------------------------------------------------------------------- */

/* Until when what this thread works on may wait for the database. Who stood in line for half of the time has waited
 * enough: whoever begins late would give up halfway, and where all do, nobody is served. */
static enum dw_err find_deadline(const struct storage *storage, int64_t now_ms, int64_t *ret_deadline_ms)
{
    const struct patience *p = patience_now;

    if (p == NULL || storage->patience_ms == 0) {
        *ret_deadline_ms = INT64_MAX;
        return DW_OK;
    }
    const int64_t left_ms = storage->patience_ms - p->in_line_ms - p->spent_ms;

    if (p->in_line_ms > storage->patience_ms / 2 || left_ms <= 0)
        return DW_ERR_BUSY;
    *ret_deadline_ms = now_ms + left_ms;
    return DW_OK;
}

/* What has written gets as much time as it takes to answer: its write is there. */
static void have_written(const struct storage *storage)
{
    struct patience *p = patience_now;

    if (p != NULL && storage->patience_ms != 0)
        p->spent_ms = MIN_OF(p->spent_ms, storage->patience_ms / 2);
}

enum dw_err storage_version(struct storage *storage, int *ret_applied)
{
    const int64_t begun_ms = clock_monotonic_ms();
    int64_t deadline_ms;

    TRY(find_deadline(storage, begun_ms, &deadline_ms));
    const enum dw_err err = storage->driver->version(storage->state, deadline_ms, ret_applied);

    patience_spend(clock_monotonic_ms() - begun_ms);
    return err;
}

enum dw_err storage_ping(struct storage *storage)
{
    int applied;

    return storage_version(storage, &applied);
}

void *storage_set_context(struct storage *storage, void *context)
{
    void *before = storage->context;

    storage->context = context;
    return before;
}

void *transaction_context(const struct transaction *tx)
{
    return tx->context;
}

/* What a write has done, until its commit; further kinds of events than these are counted at once. */
struct transaction_counts {
    struct {
        const struct dw_metric *metric;
        unsigned series, n;
    } rows[8];
    unsigned n_rows;
};

void transaction_count(struct transaction *tx, const struct dw_metric *metric, unsigned series)
{
    struct transaction_counts *c = tx->counts;
    unsigned i = 0;

    while (c != NULL && i < c->n_rows && (c->rows[i].metric != metric || c->rows[i].series != series))
        i++;
    if (c == NULL || i == ARRAY_SIZE(c->rows)) {
        metric_add(metric, series, 1);
        return;
    }
    if (i == c->n_rows) {
        c->n_rows++;
        c->rows[i].metric = metric;
        c->rows[i].series = series;
        c->rows[i].n = 0;
    }
    c->rows[i].n++;
}

static void counts_add(const struct transaction_counts *c)
{
    for (unsigned i = 0; i < c->n_rows; i++)
        metric_add(c->rows[i].metric, c->rows[i].series, c->rows[i].n);
}

enum dw_err storage_listen(struct storage *storage, void (*heard)(void *argument), void *argument)
{
    return storage->driver->listen == NULL ? DW_OK : storage->driver->listen(storage->state, heard, argument);
}

void storage_unlisten(struct storage *storage)
{
    if (storage->driver->unlisten != NULL)
        storage->driver->unlisten(storage->state);
}

void storage_notify(struct transaction *tx)
{
    if (tx->driver->notify != NULL)
        tx->driver->notify(tx);
}

struct call {
    enum dw_err (*fn)(struct transaction *, void *argument);
    void *argument;
    void *context;
    struct transaction_counts *counts;
    const struct log_context *log; /* of the caller: the writer's thread works for it */
};

/* The driver makes the transaction, on whichever thread: this gives it what it lacks. */
static enum dw_err call_in_context(struct transaction *tx, void *argument)
{
    const struct call *call = argument;

    tx->context = call->context;
    tx->counts = call->counts;
    if (call->counts != NULL)
        call->counts->n_rows = 0; /* it may run again */
    const struct log_context *before = log_within(call->log);
    const enum dw_err err = call->fn(tx, call->argument);

    log_within(before);
    return err;
}

enum dw_err storage_read(struct storage *storage, enum dw_err (*fn)(struct transaction *, void *argument),
                         void *argument)
{
    struct call call = { fn, argument, storage->context, NULL, log_context };
    const int64_t begun_ms = clock_monotonic_ms();
    int64_t deadline_ms;

    TRY(find_deadline(storage, begun_ms, &deadline_ms));
    const enum dw_err err = storage->driver->read(storage->state, deadline_ms, call_in_context, &call);

    patience_spend(clock_monotonic_ms() - begun_ms);
    return err;
}

/* Whether the database itself failed; what a function refuses is the caller's business, and a full line passes. */
static void note_outcome(struct storage *storage, enum dw_err err)
{
    const bool is_refusing = err == DW_ERR_DATABASE || err == DW_ERR_UNAVAILABLE || err == DW_ERR_IO;

    if (err != DW_OK && !is_refusing)
        return;
    if (atomic_load_explicit(&storage->is_refusing, memory_order_relaxed) != is_refusing)
        atomic_store_explicit(&storage->is_refusing, is_refusing, memory_order_relaxed);
}

bool storage_can_write(const struct storage *storage)
{
    return !atomic_load_explicit(&storage->is_refusing, memory_order_relaxed);
}

enum dw_err storage_write(struct storage *storage, enum dw_err (*fn)(struct transaction *, void *argument),
                          void *argument)
{
    struct transaction_counts counts = { .n_rows = 0 };
    struct call call = { fn, argument, storage->context, &counts, log_context };
    const int64_t begun_ms = clock_monotonic_ms();
    int64_t deadline_ms;

    TRY(find_deadline(storage, begun_ms, &deadline_ms));
    const enum dw_err err = storage->driver->write(storage->state, deadline_ms, call_in_context, &call);

    patience_spend(clock_monotonic_ms() - begun_ms);
    note_outcome(storage, err);
    if (err == DW_OK) {
        have_written(storage);
        counts_add(&counts);
    }
    return err;
}

enum dw_err storage_post(struct storage *storage, struct posted_write *write)
{
    write->context = storage->context;
    write->deadline_ms = storage->patience_ms == 0 ? INT64_MAX : clock_monotonic_ms() + storage->patience_ms;
    return storage->driver->post(storage->state, write);
}

enum dw_err sql_exec(struct transaction *tx, const struct statement *statement, const struct value *values,
                     int64_t *ret_changes)
{
    int64_t changes;

    TRY(tx->driver->run(tx, statement, values, NULL, NULL, 0, NULL, &changes));
    if (ret_changes != NULL)
        *ret_changes = changes;
    return DW_OK;
}

enum dw_err sql_one(struct transaction *tx, const struct statement *statement, const struct value *values,
                    enum dw_err (*read)(const struct row *row, void *argument), void *argument)
{
    size_t rows;

    TRY(tx->driver->run(tx, statement, values, read, argument, 1, &rows, NULL));
    return rows == 0 ? DW_ERR_NOT_FOUND : DW_OK;
}

enum dw_err sql_each(struct transaction *tx, const struct statement *statement, const struct value *values,
                     enum dw_err (*read)(const struct row *row, void *argument), void *argument, size_t *ret_rows)
{
    return tx->driver->run(tx, statement, values, read, argument, SIZE_MAX, ret_rows, NULL);
}

enum dw_err sql_later(struct transaction *tx, const struct statement *statement, const struct value *values,
                      enum dw_err (*read)(const struct row *row, void *argument), void *argument, int64_t *ret_changes)
{
    if (tx->driver->later != NULL)
        return tx->driver->later(tx, statement, values, read, argument, ret_changes);
    return tx->driver->run(tx, statement, values, read, argument, 1, NULL, ret_changes);
}

enum dw_err sql_wait(struct transaction *tx)
{
    return tx->driver->wait == NULL ? DW_OK : tx->driver->wait(tx);
}

int64_t row_int(const struct row *row, unsigned column)
{
    return row->driver->row_int(row, column);
}

bool row_bool(const struct row *row, unsigned column)
{
    return row->driver->row_int(row, column) != 0;
}

struct dw_str row_text(const struct row *row, unsigned column)
{
    return row->driver->row_text(row, column);
}

struct dw_str row_blob(const struct row *row, unsigned column)
{
    return row->driver->row_text(row, column);
}

bool row_is_null(const struct row *row, unsigned column)
{
    return row->driver->row_is_null(row, column);
}
