#include "postgres_fixture.h"

#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

enum { LOG_SIZE = 16384 };

const struct storage_driver *const DRIVERS[] = { &STORAGE_POSTGRES, NULL };

const struct migration MIGRATIONS[] = {
    { 1, "items",
      "CREATE TABLE item (id TEXT PRIMARY KEY, number BIGINT, note TEXT, flag INTEGER, CHECK (number <> -13));"
      "CREATE INDEX item_number ON item (number);" },
    { 2, "children", "CREATE TABLE child (id TEXT PRIMARY KEY, item_id TEXT NOT NULL REFERENCES item (id));" },
    { 0 },
};

const struct statement INSERT = {
    "insert", "INSERT INTO item (id, number, note, flag) VALUES ($1, $2, $3, $4)", 4,
};
const struct statement GET = { "get", "SELECT number, note, flag FROM item WHERE id = $1", 1 };
const struct statement ALL = { "all", "SELECT number FROM item ORDER BY number", 0 };
const struct statement COUNT = { "count", "SELECT count(*) FROM item", 0 };
const struct statement RAISE = {
    "raise", "UPDATE item SET number = number + $1 WHERE number >= $2 RETURNING number", 2,
};
const struct statement CHILD = { "child", "INSERT INTO child (id, item_id) VALUES ($1, $2)", 2 };
static const struct statement *const LIST[] = { &INSERT, &GET, &ALL, &COUNT, &RAISE, &CHILD, NULL };
static const struct statement *const *const STATEMENTS[] = { LIST, NULL };
const struct storage_schema SCHEMA = { MIGRATIONS, STATEMENTS };

/* --- the server, by another way ----------------------------------------------------------------------------------- */

void say(const char *url, const char *sql)
{
    const struct libpq *pq = libpq_load();
    const char *const keywords[] = { "dbname", NULL }, *const values[] = { url, NULL };
    PGconn *conn = pq->PQconnectdbParams(keywords, values, 1);
    PGresult *result = pq->PQexec(conn, sql);
    const ExecStatusType status = pq->PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, pq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    pq->PQclear(result);
    pq->PQfinish(conn);
}

int fixture_make(void **state)
{
    static int serial;
    const char *server = getenv("TEST_POSTGRES");
    struct fixture *f = calloc(1, sizeof(*f));
    char name[64], sql[128];

    assert_non_null(f);
    assert_non_null(server); /* tools/with_postgres.sh tells it */
    snprintf(name, sizeof(name), "unit_%d_%d", (int)getpid(), serial++);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0", name);
    say(server, sql);
    const char *rest = strchr(server, '?');

    assert_non_null(rest);
    snprintf(f->url, sizeof(f->url), "postgresql:///%s%s", name, rest);
    snprintf(f->log_path, sizeof(f->log_path), "/tmp/dw-unit-postgres-%d.log", (int)getpid());
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, STDERR_FILENO);
    *state = f;
    return 0;
}

int fixture_open(void **state)
{
    fixture_make(state);
    struct fixture *f = *state;
    const struct storage_config config = { .url = f->url, .readers = 2, .migrate = true };

    assert_ok(storage_open(DRIVERS, &SCHEMA, &config, &f->storage));
    return 0;
}

int fixture_close(void **state)
{
    struct fixture *f = *state;

    storage_close(&f->storage);
    unlink(f->log_path);
    free(f);
    return 0;
}

/* The warnings and errors of what happens until told() go to a file. */
void listen_to_log(struct fixture *f)
{
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, open(f->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

bool told(struct fixture *f, const char *text)
{
    char content[LOG_SIZE] = "";
    FILE *file;

    log_flush();
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, STDERR_FILENO);
    file = fopen(f->log_path, "re");
    assert_non_null(file);
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    fclose(file);
    return strstr(content, text) != NULL;
}

/* --- items -------------------------------------------------------------------------------------------------------- */

enum dw_err insert(struct transaction *tx, void *argument)
{
    const struct item *item = argument;

    TRY(sql_exec(tx, &INSERT, VALUES(V_CSTR(item->id), item->number, item->note, item->flag), NULL));
    return item->after;
}

enum dw_err put(struct storage *storage, const char *id, int64_t number)
{
    struct item item = { .id = id, .number = V_INT(number), .note = V_NULL, .flag = V_NULL };

    return storage_write(storage, insert, &item);
}

enum dw_err read_number(const struct row *row, void *argument)
{
    *(int64_t *)argument = row_int(row, 0);
    return DW_OK;
}

static enum dw_err select_count(struct transaction *tx, void *argument)
{
    return sql_one(tx, &COUNT, NO_VALUES, read_number, argument);
}

int64_t count(struct storage *storage)
{
    int64_t n = -1;

    assert_ok(storage_read(storage, select_count, &n));
    return n;
}

