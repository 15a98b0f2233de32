#include "fixture.h"

#include "base/log.h"
#include <fcntl.h>
#include <unistd.h>

const struct storage_driver *const DRIVERS[] = { &STORAGE_SQLITE, NULL };

const struct migration MIGRATIONS[] = {
    { 1, "items",
      "CREATE TABLE item (id TEXT PRIMARY KEY, number BIGINT, note TEXT, data BLOB, CHECK (number <> -13));"
      "CREATE INDEX item_number ON item (number);" },
    { 2, "children",
      "CREATE TABLE child (id TEXT PRIMARY KEY, item_id TEXT NOT NULL REFERENCES item (id));"
      "CREATE TABLE late_child (id TEXT PRIMARY KEY,"
      " item_id TEXT NOT NULL REFERENCES item (id) DEFERRABLE INITIALLY DEFERRED);" },
    { 0 },
};

const struct statement ITEM_INSERT = { "item_insert",
                                       "INSERT INTO item (id, number, note, data) VALUES ($1, $2, $3, $4)", 4 };
const struct statement ITEM_GET = { "item_get", "SELECT number, note, data FROM item WHERE id = $1", 1 };
const struct statement ITEM_ALL = { "item_all", "SELECT number FROM item ORDER BY number", 0 };
const struct statement ITEM_COUNT = { "item_count", "SELECT count(*) FROM item", 0 };
const struct statement ITEM_RAISE = { "item_raise",
                                      "UPDATE item SET number = number + $1 WHERE number >= $2 RETURNING number", 2 };
const struct statement ITEM_DELETE = { "item_delete", "DELETE FROM item WHERE id = $1", 1 };
const struct statement MIXED = { "mixed", "SELECT $2, $1, $2 || $3", 3 };
const struct statement CHILD_INSERT = { "child_insert", "INSERT INTO child (id, item_id) VALUES ($1, $2)", 2 };
const struct statement LATE_CHILD_INSERT = { "late_child_insert",
                                             "INSERT INTO late_child (id, item_id) VALUES ($1, $2)", 2 };

static const struct statement *const ITEM_STATEMENTS[] = { &ITEM_INSERT, &ITEM_GET,    &ITEM_ALL, &ITEM_COUNT,
                                                           &ITEM_RAISE,  &ITEM_DELETE, NULL };
static const struct statement *const OTHER_STATEMENTS[] = { &MIXED, &CHILD_INSERT, &LATE_CHILD_INSERT,
                                                            &ITEM_COUNT, /* twice: two rooms may share one */
                                                            NULL };
static const struct statement *const *const STATEMENTS[] = { ITEM_STATEMENTS, OTHER_STATEMENTS, NULL };

const struct storage_schema SCHEMA = { MIGRATIONS, STATEMENTS };

int fixture_directory(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");

    log_setup(LOG_WARNING, LOG_FORMAT_JSON, STDERR_FILENO);
    assert_non_null(f);
    snprintf(f->dir, sizeof(f->dir), "%.40s/dw-storage-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/test.db", f->dir);
    snprintf(f->url, sizeof(f->url), "sqlite:%s", f->path);
    *state = f;
    return 0;
}

void fixture_open(struct fixture *f)
{
    const struct storage_config config = { .url = f->url, .readers = 2, .migrate = true };

    assert_ok(storage_open(DRIVERS, &SCHEMA, &config, &f->storage));
}

int fixture_database(void **state)
{
    fixture_directory(state);
    fixture_open(*state);
    return 0;
}

int fixture_remove(void **state)
{
    static const char *const FILES[] = { "test.db", "test.db-wal", "test.db-shm", "log" };
    struct fixture *f = *state;
    char path[160];

    storage_close(&f->storage);
    for (size_t i = 0; i < ARRAY_SIZE(FILES); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->dir, FILES[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->dir), 0); /* nothing else was left behind */
    free(f);
    return 0;
}

enum dw_err fixture_try(struct fixture *f, const struct storage_schema *schema, const char *url, bool migrate)
{
    const struct storage_config config = { .url = url, .readers = 1, .migrate = migrate };
    struct storage *storage = NULL;
    char path[160];
    enum dw_err err;
    int fd;

    snprintf(path, sizeof(path), "%s/log", f->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, fd);
    err = storage_open(DRIVERS, schema, &config, &storage);
    log_flush();
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, STDERR_FILENO);
    close(fd);
    if (err != DW_OK)
        assert_null(storage); /* untouched on failure */
    storage_close(&storage);
    return err;
}

bool fixture_log_has(struct fixture *f, const char *text)
{
    char path[160];
    char content[8192];
    ssize_t size;
    int fd;

    snprintf(path, sizeof(path), "%s/log", f->dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    size = read(fd, content, sizeof(content) - 1);
    close(fd);
    assert_true(size >= 0);
    content[size] = '\0';
    return strstr(content, text) != NULL;
}

struct sqlite_state *fixture_state(struct fixture *f)
{
    return storage_driver_state(f->storage);
}

struct item {
    const char *id;
    int64_t number;
};

static enum dw_err insert_item(struct transaction *tx, void *argument)
{
    const struct item *item = argument;

    return sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR(item->id), V_INT(item->number), V_NULL, V_NULL), NULL);
}

enum dw_err put_item(struct storage *storage, const char *id, int64_t number)
{
    struct item item = { id, number };

    return storage_write(storage, insert_item, &item);
}

enum dw_err read_number(const struct row *row, void *argument)
{
    *(int64_t *)argument = row_int(row, 0);
    return DW_OK;
}

static enum dw_err select_count(struct transaction *tx, void *argument)
{
    return sql_one(tx, &ITEM_COUNT, NO_VALUES, read_number, argument);
}

int64_t count_items(struct storage *storage)
{
    int64_t count = -1;

    assert_ok(storage_read(storage, select_count, &count));
    return count;
}

struct lookup {
    const char *id;
    int64_t number;
};

static enum dw_err select_item(struct transaction *tx, void *argument)
{
    struct lookup *lookup = argument;

    return sql_one(tx, &ITEM_GET, VALUES(V_CSTR(lookup->id)), read_number, &lookup->number);
}

bool has_item(struct storage *storage, const char *id)
{
    struct lookup lookup = { .id = id };
    const enum dw_err err = storage_read(storage, select_item, &lookup);

    assert_true(err == DW_OK || err == DW_ERR_NOT_FOUND);
    return err == DW_OK;
}
