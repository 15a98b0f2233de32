#include "storage/sqlite/sqlite.h"

#include "base/log.h"
#include "storage/backup.h"
#include <unistd.h>

/*
 * The file's name out of "sqlite:PATH". A relative one gets "./" in front, or SQLite would take "file:…" for a URI
 * with parameters. ":memory:" is refused: each connection would have a database of its own, and nothing is durable.
 */
enum dw_err sqlite_path_of_url(const char *url, char **ret_path)
{
    const char *path = url + strlen("sqlite:");
    char *copy;

    if (*path == '\0' || strcmp(path, ":memory:") == 0) {
        log_event(LOG_ERROR, "database", LOG_CSTR("message", "sqlite: needs the name of a file"),
                  LOG_ERR(DW_ERR_SETTING));
        return DW_ERR_SETTING;
    }
    if (asprintf(&copy, "%s%s", *path == '/' ? "" : "./", path) < 0)
        return DW_ERR_NO_MEMORY;
    *ret_path = copy;
    return DW_OK;
}

static unsigned reader_count(const struct storage_config *config)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned wanted = config->readers != 0 ? config->readers : (unsigned)MAX_OF(cores, 1L);

    return MIN_OF(wanted, (unsigned)SQLITE_READERS_MAX);
}

static void free_state(struct sqlite_state **state)
{
    if (*state == NULL)
        return;
    sqlite_index_free(&(*state)->index);
    free((*state)->path);
    free(*state);
    *state = NULL;
}

static enum dw_err open_database(const struct storage_schema *schema, const struct storage_config *config,
                                 void **ret_state)
{
    _cleanup_(free_state) struct sqlite_state *s = calloc(1, sizeof(*s));
    _cleanup_(sqlite_disconnect) struct sqlite_connection *c = NULL;

    if (s == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(sqlite_path_of_url(config->url, &s->path));
    TRY(sqlite_connect(s->path, config->migrate ? SQLITE_MODE_CREATE : SQLITE_MODE_WRITE, &c));
    TRY(sqlite_migrate(c, schema->migrations, config->migrate));
    TRY(sqlite_index_build(c, schema, &s->index));
    TRY(sqlite_use_index(c, &s->index));
    TRY(group_writer_start(&s->writer, &SQLITE_WRITER, TAKE_PTR(c)));
    sqlite_readers_init(&s->readers, s->path, &s->index, reader_count(config));
    *ret_state = TAKE_PTR(s);
    return DW_OK;
}

/* Readers first: only the last connection, and only one that may write, folds the WAL into the file. */
static void close_database(void *state)
{
    struct sqlite_state *s = state;

    sqlite_readers_close(&s->readers);
    group_writer_stop(&s->writer);
    free_state(&s);
}

static enum dw_err applied(const char *url, int *ret_applied)
{
    _cleanup_(sqlite_disconnect) struct sqlite_connection *c = NULL;
    _cleanup_free_ char *path = NULL;

    TRY(sqlite_path_of_url(url, &path));
    TRY(sqlite_connect(path, SQLITE_MODE_WRITE, &c));
    return sqlite_applied(c, ret_applied);
}

static enum dw_err read_version(void *state, int64_t deadline_ms, int *ret_applied)
{
    struct sqlite_state *s = state;
    struct sqlite_connection *c;
    enum dw_err err;

    TRY(sqlite_readers_take(&s->readers, deadline_ms, &c));
    err = sqlite_check_place(c);
    if (err == DW_OK)
        err = sqlite_applied(c, ret_applied);
    sqlite_readers_give(&s->readers, c);
    return err;
}

static enum dw_err read_database(void *state, int64_t deadline_ms, enum dw_err (*fn)(struct transaction *, void *),
                                 void *argument)
{
    return sqlite_read(&((struct sqlite_state *)state)->readers, deadline_ms, fn, argument);
}

static enum dw_err write_database(void *state, int64_t deadline_ms, enum dw_err (*fn)(struct transaction *, void *),
                                  void *argument)
{
    return group_write(&((struct sqlite_state *)state)->writer, deadline_ms, fn, argument);
}

static enum dw_err post_write(void *state, struct posted_write *take_write)
{
    return group_post(&((struct sqlite_state *)state)->writer, take_write);
}

const struct storage_driver STORAGE_SQLITE = {
    .scheme = "sqlite",
    .open = open_database,
    .close = close_database,
    .applied = applied,
    .version = read_version,
    .read = read_database,
    .write = write_database,
    .post = post_write,
    .run = sqlite_run,
    .row_int = sqlite_row_int,
    .row_text = sqlite_row_text,
    .row_is_null = sqlite_row_is_null,
    .tables = &SQLITE_TABLES,
    .files = &SQLITE_FILES,
};
