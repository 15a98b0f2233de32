#include "storage/postgres/postgres.h"

#include "base/thread.h"
#include "storage/metrics.h"

#define BEGIN_READ "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
#define END_READ "COMMIT"
#define READ_VERSION "SELECT coalesce(max(version), 0) FROM schema_migrations"

void pg_pool_init(struct pg_pool *pool, struct pg_server *server, unsigned max_open)
{
    *pool = (struct pg_pool){ .server = server, .max_open = max_open };
    pthread_mutex_init(&pool->mutex, NULL);
    thread_condition_init(&pool->returned);
}

void pg_pool_close(struct pg_pool *pool)
{
    while (pool->idle != NULL) {
        struct pg_connection *c = pool->idle;

        pool->idle = c->next;
        pg_disconnect(&c);
    }
    pthread_cond_destroy(&pool->returned);
    pthread_mutex_destroy(&pool->mutex);
}

/* One connection fewer is open: who waits may open another. */
static void forget(struct pg_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->n_open--;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->mutex);
    metric_add(&CONNECTIONS_OPEN, 0, -1);
}

/* Waits for a connection; opens one when none is idle and fewer than max_open are. */
static enum dw_err take(struct pg_pool *pool, int64_t deadline_ms, struct pg_connection **ret_connection)
{
    struct pg_connection *c;
    enum dw_err err = DW_OK;

    pthread_mutex_lock(&pool->mutex);
    metric_add(&CONNECTION_WAITS, 0, pool->idle == NULL && pool->n_open == pool->max_open);
    while (err == DW_OK && pool->idle == NULL && pool->n_open == pool->max_open)
        err = thread_condition_wait(&pool->returned, &pool->mutex, deadline_ms) ? DW_OK : DW_ERR_BUSY;
    c = pool->idle;
    if (err == DW_OK && c != NULL)
        pool->idle = c->next;
    else if (err == DW_OK)
        pool->n_open++;
    pthread_mutex_unlock(&pool->mutex);
    TRY(err);

    if (c == NULL) {
        metric_add(&CONNECTIONS_OPEN, 0, 1);
        err = pg_connect(pool->server, &c);
        if (err != DW_OK) {
            forget(pool);
            return err;
        }
    }
    metric_add(&CONNECTIONS_USED, 0, 1);
    c->n_exchanges = 0;
    *ret_connection = c;
    return DW_OK;
}

static void give(struct pg_pool *pool, struct pg_connection *take_connection)
{
    metric_add(&CONNECTIONS_USED, 0, -1);
    if (take_connection->is_broken) {
        pg_disconnect(&take_connection);
        forget(pool);
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    take_connection->next = pool->idle;
    pool->idle = take_connection;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->mutex);
}

static enum dw_err read_once(struct pg_connection *c, enum dw_err (*fn)(struct transaction *, void *), void *argument)
{
    struct pg_transaction tx = { .head = { &STORAGE_POSTGRES }, .connection = c };

    TRY(pg_later(c, BEGIN_READ));
    c->is_open = true;
    const enum dw_err err = fn(&tx.head, argument);

    pg_end(c, END_READ);
    return err;
}

static enum dw_err read_version(struct pg_connection *c, int *ret_applied)
{
    PGresult *result = NULL;

    TRY(pg_send_commands(c));
    if (c->pq->PQsendQueryParams(c->conn, READ_VERSION, 0, NULL, NULL, NULL, NULL, 0) == 0)
        return pg_fail(c, NULL, READ_VERSION);
    TRY(pg_finish(c, READ_VERSION, &result));
    const bool has_row = c->pq->PQntuples(result) == 1;

    if (has_row)
        *ret_applied = (int)strtol(c->pq->PQgetvalue(result, 0, 0), NULL, 10);
    else
        c->is_broken = true; /* client and server no longer agree on what was asked */
    c->pq->PQclear(result);
    return has_row ? DW_OK : DW_ERR_UNAVAILABLE;
}

/* Whether the connection broke before the server had answered anything: it was idle when the server went away, and all
 * idle ones are as dead. */
static bool was_stale(const struct pg_connection *c)
{
    return c->is_broken && !c->is_silent && c->n_exchanges <= 1;
}

static void drop_idle(struct pg_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    while (pool->idle != NULL) {
        struct pg_connection *c = pool->idle;

        pool->idle = c->next;
        pg_disconnect(&c);
        pool->n_open--;
        metric_add(&CONNECTIONS_OPEN, 0, -1);
    }
    pthread_cond_broadcast(&pool->returned);
    pthread_mutex_unlock(&pool->mutex);
}

enum dw_err pg_pool_read(struct pg_pool *pool, int64_t deadline_ms, enum dw_err (*fn)(struct transaction *, void *),
                         void *argument)
{
    struct pg_connection *c;
    enum dw_err err = DW_ERR_UNAVAILABLE;
    bool again = true;

    for (int i = 0; i < 2 && again; i++) {
        TRY(take(pool, deadline_ms, &c));
        err = read_once(c, fn, argument);
        again = err == DW_ERR_UNAVAILABLE && was_stale(c);
        const bool drops_all = again || c->is_silent; /* each of them would cost its caller the same wait */
        give(pool, c);
        metric_add(&READS_REPEATED, 0, again && i == 0);
        if (drops_all)
            drop_idle(pool);
    }
    return err;
}

enum dw_err pg_pool_version(struct pg_pool *pool, int64_t deadline_ms, int *ret_applied)
{
    struct pg_connection *c;
    enum dw_err err = DW_ERR_UNAVAILABLE;
    bool again = true;

    for (int i = 0; i < 2 && again; i++) {
        TRY(take(pool, deadline_ms, &c));
        err = read_version(c, ret_applied);
        again = err == DW_ERR_UNAVAILABLE && was_stale(c);
        const bool drops_all = again || c->is_silent; /* each of them would cost its caller the same wait */
        give(pool, c);
        metric_add(&READS_REPEATED, 0, again && i == 0);
        if (drops_all)
            drop_idle(pool);
    }
    return err;
}
