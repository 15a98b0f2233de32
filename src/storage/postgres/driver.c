#include "storage/postgres/postgres.h"

#include "storage/tables.h"

static void free_state(struct pg_state **state)
{
    if (*state == NULL)
        return;
    statement_index_free(&(*state)->index);
    pthread_mutex_destroy(&(*state)->server.mutex);
    if ((*state)->server.url != NULL)
        dw_wipe((*state)->server.url, strlen((*state)->server.url)); /* it may hold a password */
    free((*state)->server.url);
    free(*state);
    *state = NULL;
}

static enum dw_err applied(const char *url, int *ret_applied)
{
    _cleanup_(pg_disconnect) struct pg_connection *c = NULL;
    struct pg_server server = { .pq = libpq_load(), .url = (char *)(uintptr_t)url,
                                .mutex = PTHREAD_MUTEX_INITIALIZER };

    if (server.pq == NULL)
        return DW_ERR_SETTING;
    TRY(pg_connect(&server, &c));
    return pg_applied(c->pq, c->conn, ret_applied);
}

/* On a session of its own, without the pipeline. */
static enum dw_err prepare_database(struct pg_server *server, const struct storage_schema *schema, bool migrate)
{
    _cleanup_(pg_disconnect) struct pg_connection *c = NULL;

    TRY(pg_connect(server, &c));
    return pg_migrate(c->pq, c->conn, schema->migrations, migrate);
}

static enum dw_err check_schema(struct pg_server *server)
{
    _cleanup_(pg_disconnect) struct pg_connection *c = NULL;

    TRY(pg_connect(server, &c));
    return pg_check_statements(c);
}

static unsigned reader_count(const struct storage_config *config)
{
    return MIN_OF(config->readers != 0 ? config->readers : (unsigned)PG_READERS_DEFAULT, (unsigned)PG_READERS_MAX);
}

static enum dw_err open_database(const struct storage_schema *schema, const struct storage_config *config,
                                 void **ret_state)
{
    _cleanup_(free_state) struct pg_state *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return DW_ERR_NO_MEMORY;
    pthread_mutex_init(&s->server.mutex, NULL);
    s->server.pq = libpq_load();
    s->server.url = strdup(config->url);
    if (s->server.pq == NULL || s->server.url == NULL)
        return s->server.pq == NULL ? DW_ERR_SETTING : DW_ERR_NO_MEMORY;
    TRY(statement_index_make(schema, &s->index));
    TRY(prepare_database(&s->server, schema, config->migrate));
    s->server.index = &s->index;
    TRY(check_schema(&s->server));
    s->writing.server = &s->server;
    TRY(group_writer_start(&s->writer, &PG_WRITER, &s->writing));
    pg_pool_init(&s->pool, &s->server, reader_count(config));
    *ret_state = TAKE_PTR(s);
    return DW_OK;
}

static void close_database(void *state)
{
    struct pg_state *s = state;

    pg_listener_stop(&s->listener);
    pg_pool_close(&s->pool);
    group_writer_stop(&s->writer);
    free_state(&s);
}

static enum dw_err read_version(void *state, int64_t deadline_ms, int *ret_applied)
{
    return pg_pool_version(&((struct pg_state *)state)->pool, deadline_ms, ret_applied);
}

static enum dw_err read_database(void *state, int64_t deadline_ms, enum dw_err (*fn)(struct transaction *, void *),
                                 void *argument)
{
    return pg_pool_read(&((struct pg_state *)state)->pool, deadline_ms, fn, argument);
}

static enum dw_err write_database(void *state, int64_t deadline_ms, enum dw_err (*fn)(struct transaction *, void *),
                                  void *argument)
{
    return group_write(&((struct pg_state *)state)->writer, deadline_ms, fn, argument);
}

static enum dw_err post_write(void *state, struct posted_write *take_write)
{
    return group_post(&((struct pg_state *)state)->writer, take_write);
}

static enum dw_err wait_for_all(struct transaction *tx)
{
    return pg_wait(((struct pg_transaction *)(void *)tx)->connection); /* head comes first */
}

static enum dw_err listen_to_others(void *state, void (*heard)(void *argument), void *argument)
{
    struct pg_state *s = state;

    return pg_listener_start(&s->server, &s->writing, heard, argument, &s->listener);
}

static void unlisten(void *state)
{
    pg_listener_stop(&((struct pg_state *)state)->listener);
}

static void notify(struct transaction *tx)
{
    ((struct pg_transaction *)tx)->connection->notifies = true;
}

const struct storage_driver STORAGE_POSTGRES = {
    .scheme = "postgresql",
    .is_shared = true,
    .open = open_database,
    .close = close_database,
    .applied = applied,
    .version = read_version,
    .read = read_database,
    .write = write_database,
    .post = post_write,
    .listen = listen_to_others,
    .unlisten = unlisten,
    .notify = notify,
    .run = pg_run,
    .later = pg_run_later,
    .wait = wait_for_all,
    .row_int = pg_row_int,
    .row_text = pg_row_text,
    .row_is_null = pg_row_is_null,
    .tables = &POSTGRES_TABLES,
};
