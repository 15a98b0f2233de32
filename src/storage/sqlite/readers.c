#include "storage/sqlite/sqlite.h"

#include "base/thread.h"
#include "storage/metrics.h"

void sqlite_readers_init(struct sqlite_readers *r, const char *path, const struct sqlite_index *index,
                         unsigned max_open)
{
    *r = (struct sqlite_readers){ .path = path, .index = index, .max_open = max_open };
    pthread_mutex_init(&r->mutex, NULL);
    thread_condition_init(&r->returned);
}

void sqlite_readers_close(struct sqlite_readers *r)
{
    while (r->idle != NULL) {
        struct sqlite_connection *c = r->idle;

        r->idle = c->next;
        sqlite_disconnect(&c);
    }
    pthread_cond_destroy(&r->returned);
    pthread_mutex_destroy(&r->mutex);
}

static enum dw_err open_reader(struct sqlite_readers *r, struct sqlite_connection **ret_connection)
{
    _cleanup_(sqlite_disconnect) struct sqlite_connection *c = NULL;

    const enum dw_err err = sqlite_connect(r->path, SQLITE_MODE_READ, &c);

    /* The file was there when the database was opened: somebody has moved it away, and may bring it back. */
    TRY(err == DW_ERR_DATABASE ? DW_ERR_UNAVAILABLE : err);
    TRY(sqlite_use_index(c, r->index));
    *ret_connection = TAKE_PTR(c);
    return DW_OK;
}

/* One connection fewer is open: who waits may open another. */
static void forget_reader(struct sqlite_readers *r)
{
    pthread_mutex_lock(&r->mutex);
    r->n_open--;
    pthread_cond_signal(&r->returned);
    pthread_mutex_unlock(&r->mutex);
    metric_add(&CONNECTIONS_OPEN, 0, -1);
}

enum dw_err sqlite_readers_take(struct sqlite_readers *r, int64_t deadline_ms,
                                struct sqlite_connection **ret_connection)
{
    struct sqlite_connection *c;
    enum dw_err err = DW_OK;

    pthread_mutex_lock(&r->mutex);
    metric_add(&CONNECTION_WAITS, 0, r->idle == NULL && r->n_open == r->max_open);
    while (err == DW_OK && r->idle == NULL && r->n_open == r->max_open)
        err = thread_condition_wait(&r->returned, &r->mutex, deadline_ms) ? DW_OK : DW_ERR_BUSY;
    c = r->idle;
    if (err == DW_OK && c != NULL)
        r->idle = c->next;
    else if (err == DW_OK)
        r->n_open++;
    pthread_mutex_unlock(&r->mutex);
    TRY(err);

    if (c == NULL) {
        metric_add(&CONNECTIONS_OPEN, 0, 1);
        err = open_reader(r, &c);
        if (err != DW_OK) {
            forget_reader(r);
            return err;
        }
    }
    metric_add(&CONNECTIONS_USED, 0, 1);
    *ret_connection = c;
    return DW_OK;
}

void sqlite_readers_give(struct sqlite_readers *r, struct sqlite_connection *take_connection)
{
    metric_add(&CONNECTIONS_USED, 0, -1);
    /* A connection that can't leave its transaction would serve a state of the past for ever. */
    if (!sqlite3_get_autocommit(take_connection->db)) {
        sqlite_disconnect(&take_connection);
        forget_reader(r);
        return;
    }
    pthread_mutex_lock(&r->mutex);
    take_connection->next = r->idle;
    r->idle = take_connection;
    pthread_cond_signal(&r->returned);
    pthread_mutex_unlock(&r->mutex);
}

static enum dw_err run_read(struct sqlite_connection *c, enum dw_err (*fn)(struct transaction *, void *),
                            void *argument)
{
    struct sqlite_transaction tx = { .head = { &STORAGE_SQLITE }, .connection = c };
    enum dw_err err;

    TRY(sqlite_command(c, COMMAND_BEGIN_READ));
    err = fn(&tx.head, argument);
    sqlite_rollback(c); /* nothing was written: ending is all it does */
    return err;
}

enum dw_err sqlite_read(struct sqlite_readers *r, int64_t deadline_ms,
                        enum dw_err (*fn)(struct transaction *, void *), void *argument)
{
    struct sqlite_connection *c;
    enum dw_err err;

    TRY(sqlite_readers_take(r, deadline_ms, &c));
    err = run_read(c, fn, argument);
    sqlite_readers_give(r, c);
    return err;
}
