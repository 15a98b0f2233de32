/* The PostgreSQL driver against a real server: run by tools/with_postgres.sh, which says where in TEST_POSTGRES. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it. */
#include <cmocka.h>

#include "base/log.h"
#include "storage/postgres/postgres.h"

#include <fcntl.h>
#include <unistd.h>

#define assert_err(expression, expected)                                                                               \
    assert_string_equal(dw_error_info(expression)->code, dw_error_info(expected)->code)
#define assert_ok(expression) assert_err(expression, DW_OK)

enum { URL_SIZE = 512, LOG_SIZE = 16384, THREADS = 8, WRITES_EACH = 25 };

static const struct storage_driver *const DRIVERS[] = { &STORAGE_POSTGRES, NULL };

static const struct migration MIGRATIONS[] = {
    { 1, "items",
      "CREATE TABLE item (id TEXT PRIMARY KEY, number BIGINT, note TEXT, flag INTEGER, CHECK (number <> -13));"
      "CREATE INDEX item_number ON item (number);" },
    { 2, "children", "CREATE TABLE child (id TEXT PRIMARY KEY, item_id TEXT NOT NULL REFERENCES item (id));" },
    { 0 },
};

static const struct statement INSERT = { "insert", "INSERT INTO item (id, number, note, flag) VALUES ($1, $2, $3, $4)", 4 };
static const struct statement GET = { "get", "SELECT number, note, flag FROM item WHERE id = $1", 1 };
static const struct statement ALL = { "all", "SELECT number FROM item ORDER BY number", 0 };
static const struct statement COUNT = { "count", "SELECT count(*) FROM item", 0 };
static const struct statement RAISE = { "raise",
                                        "UPDATE item SET number = number + $1 WHERE number >= $2 RETURNING number", 2 };
static const struct statement CHILD = { "child", "INSERT INTO child (id, item_id) VALUES ($1, $2)", 2 };
static const struct statement STRANGER = { "stranger", "SELECT 1", 0 };
static const struct statement *const LIST[] = { &INSERT, &GET, &ALL, &COUNT, &RAISE, &CHILD, NULL };
static const struct statement *const *const STATEMENTS[] = { LIST, NULL };
static const struct storage_schema SCHEMA = { MIGRATIONS, STATEMENTS };

struct fixture {
    char url[URL_SIZE];
    struct storage *storage;
    char log_path[64];
};

/* --- the server, by another way ----------------------------------------------------------------------------------- */

static void say(const char *url, const char *sql)
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

static int make_database(void **state)
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

static int open_database(void **state)
{
    make_database(state);
    struct fixture *f = *state;
    const struct storage_config config = { .url = f->url, .readers = 2, .migrate = true };

    assert_ok(storage_open(DRIVERS, &SCHEMA, &config, &f->storage));
    return 0;
}

static int close_database(void **state)
{
    struct fixture *f = *state;

    storage_close(&f->storage);
    unlink(f->log_path);
    free(f);
    return 0;
}

/* The warnings and errors of what happens until told() go to a file. */
static void listen_to_log(struct fixture *f)
{
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, open(f->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

static bool told(struct fixture *f, const char *text)
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

/* --- reading and writing ------------------------------------------------------------------------------------------ */

struct item {
    const char *id;
    struct value number, note, flag;
    enum dw_err after; /* what the write returns when the statement went well */
};

static enum dw_err insert(struct transaction *tx, void *argument)
{
    const struct item *item = argument;

    TRY(sql_exec(tx, &INSERT, VALUES(V_CSTR(item->id), item->number, item->note, item->flag), NULL));
    return item->after;
}

static enum dw_err put(struct storage *storage, const char *id, int64_t number)
{
    struct item item = { .id = id, .number = V_INT(number), .note = V_NULL, .flag = V_NULL };

    return storage_write(storage, insert, &item);
}

static enum dw_err read_number(const struct row *row, void *argument)
{
    *(int64_t *)argument = row_int(row, 0);
    return DW_OK;
}

static enum dw_err select_count(struct transaction *tx, void *argument)
{
    return sql_one(tx, &COUNT, NO_VALUES, read_number, argument);
}

static int64_t count(struct storage *storage)
{
    int64_t n = -1;

    assert_ok(storage_read(storage, select_count, &n));
    return n;
}

static enum dw_err compare(const struct row *row, void *argument)
{
    const struct item *item = argument;
    const struct dw_str note = row_text(row, 1);

    assert_true(row_is_null(row, 0) == (item->number.type == VALUE_NULL));
    assert_int_equal(row_int(row, 0), item->number.integer);
    assert_true(dw_str_is_absent(note) == (item->note.type == VALUE_NULL));
    assert_true(dw_str_eq(note, item->note.bytes));
    assert_true(row_bool(row, 2) == (item->flag.integer != 0));
    return DW_OK;
}

static enum dw_err select_item(struct transaction *tx, void *argument)
{
    return sql_one(tx, &GET, VALUES(V_CSTR(((struct item *)argument)->id)), compare, argument);
}

static void test_values_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    struct item items[] = {
        { .id = "zero", .number = V_INT(0), .note = V_CSTR(""), .flag = V_INT(0) },
        { .id = "least", .number = V_INT(INT64_MIN), .note = V_CSTR("'); DROP TABLE item; --"), .flag = V_INT(1) },
        { .id = "most", .number = V_INT(INT64_MAX), .note = V_CSTR("\\x41 \\ $1 \"ü€😀"), .flag = V_INT(1) },
        { .id = "nothing", .number = V_NULL, .note = V_NULL, .flag = V_NULL },
    };

    for (int round = 0; round < 2; round++) /* prepared the second time */
        for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
            if (round == 0)
                assert_ok(storage_write(f->storage, insert, &items[i]));
            assert_ok(storage_read(f->storage, select_item, &items[i]));
        }
    assert_err(storage_read(f->storage, select_item, &(struct item){ .id = "nobody" }), DW_ERR_NOT_FOUND);
}

static void test_what_it_can_not_hold_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct {
        struct value note;
        enum dw_err err;
    } cases[] = {
        { V_TEXT(dw_str_n("a\0b", 3)), DW_ERR_ENCODING },
        { V_BLOB(DW_STR("bytes")), DW_ERR_UNSUPPORTED },
        { V_TEXT(dw_str_n("\xff\xfe", 2)), DW_ERR_DATABASE }, /* not UTF-8: the server says so */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct item item = { .id = "x", .number = V_INT(1), .note = cases[i].note, .flag = V_NULL };
        listen_to_log(f);
        assert_err(storage_write(f->storage, insert, &item), cases[i].err);
        assert_false(told(f, "bytes"));
    }
    assert_int_equal(count(f->storage), 0);
}

/* --- writes that fail --------------------------------------------------------------------------------------------- */

static enum dw_err insert_child(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &CHILD, VALUES(V_CSTR("c"), V_CSTR(argument)), NULL);
}

static enum dw_err run_stranger(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &STRANGER, NO_VALUES, NULL);
}

static enum dw_err write_within(struct transaction *tx, void *argument)
{
    return put(argument, "within", 1);
}

static void test_a_refused_write_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct item undone = { .id = "u", .number = V_INT(1), .note = V_NULL, .flag = V_NULL, .after = DW_ERR_CONFLICT };

    assert_ok(put(f->storage, "a", 1));
    assert_err(put(f->storage, "a", 2), DW_ERR_CONSTRAINT);
    assert_err(put(f->storage, "b", -13), DW_ERR_CONSTRAINT);
    assert_err(storage_write(f->storage, insert_child, (void *)"nobody"), DW_ERR_CONSTRAINT);
    assert_err(storage_write(f->storage, insert, &undone), DW_ERR_CONFLICT);
    assert_err(storage_write(f->storage, write_within, f->storage), DW_ERR_INTERNAL);
    listen_to_log(f);
    assert_err(storage_read(f->storage, run_stranger, NULL), DW_ERR_INTERNAL);
    assert_true(told(f, "stranger"));
    assert_int_equal(count(f->storage), 1);
}

struct job {
    struct storage *storage;
    int number;
    pthread_t thread;
    int done, refused;
};

static void *write_many(void *argument)
{
    struct job *job = argument;

    for (int i = 0; i < WRITES_EACH; i++) {
        char id[32];
        snprintf(id, sizeof(id), "%d-%d", job->number, i);
        /* Every fifth breaks a rule amid the others of its batch. */
        const enum dw_err err = put(job->storage, id, i % 5 == 4 ? -13 : i);
        job->done += err == DW_OK;
        job->refused += err == DW_ERR_CONSTRAINT;
    }
    return NULL;
}

static void run_jobs(struct storage *storage, struct job jobs[THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){ .storage = storage, .number = i };
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, write_many, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(jobs[i].thread, NULL);
}

static void test_a_failed_write_does_not_hurt_its_neighbours(void **state)
{
    struct fixture *f = *state;
    struct job jobs[THREADS];

    run_jobs(f->storage, jobs);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(jobs[i].done, WRITES_EACH * 4 / 5);
        assert_int_equal(jobs[i].refused, WRITES_EACH / 5);
    }
    assert_int_equal(count(f->storage), THREADS * WRITES_EACH * 4 / 5);
    const struct pg_state *s = storage_driver_state(f->storage);
    assert_true(s->writer.n_commits < s->writer.n_writes); /* they shared commits */
}

/* --- reads -------------------------------------------------------------------------------------------------------- */

struct snapshot {
    struct storage *storage;
    int64_t before, after;
};

static enum dw_err read_twice(struct transaction *tx, void *argument)
{
    struct snapshot *s = argument;

    TRY(sql_one(tx, &COUNT, NO_VALUES, read_number, &s->before));
    TRY(put(s->storage, "meanwhile", 1));
    return sql_one(tx, &COUNT, NO_VALUES, read_number, &s->after);
}

static enum dw_err write_in_read(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &INSERT, VALUES(V_CSTR("r"), V_INT(1), V_NULL, V_NULL), NULL);
}

static enum dw_err stop_at_two(const struct row *row, void *argument)
{
    int *n = argument;

    return ++*n == 2 ? DW_ERR_LIMIT : DW_OK;
}

static enum dw_err read_some(struct transaction *tx, void *argument)
{
    return sql_each(tx, &ALL, NO_VALUES, stop_at_two, argument, NULL);
}

static void test_a_read_sees_one_state_and_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct snapshot s = { .storage = f->storage };
    int n = 0;

    assert_ok(storage_read(f->storage, read_twice, &s));
    assert_int_equal(s.before, 0);
    assert_int_equal(s.after, 0);
    assert_int_equal(count(f->storage), 1);
    listen_to_log(f);
    assert_err(storage_read(f->storage, write_in_read, NULL), DW_ERR_UNAVAILABLE);
    assert_true(told(f, "25006"));
    assert_ok(put(f->storage, "b", 1));
    assert_ok(put(f->storage, "c", 1));
    assert_err(storage_read(f->storage, read_some, &n), DW_ERR_LIMIT);
    assert_int_equal(n, 2);
    assert_int_equal(count(f->storage), 3);
}

static enum dw_err raise(struct transaction *tx, void *argument)
{
    return sql_one(tx, &RAISE, VALUES(V_INT(10), V_INT(0)), read_number, argument);
}

static void test_returning_gives_rows(void **state)
{
    struct fixture *f = *state;
    int64_t number = 0;

    assert_err(storage_write(f->storage, raise, &number), DW_ERR_NOT_FOUND);
    assert_ok(put(f->storage, "a", 32));
    assert_ok(storage_write(f->storage, raise, &number));
    assert_int_equal(number, 42);
}

/* --- connections that break --------------------------------------------------------------------------------------- */

#define END_OTHERS                                                                                                     \
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

static void test_a_server_that_was_away_is_found_again(void **state)
{
    struct fixture *f = *state;

    assert_ok(put(f->storage, "a", 1));
    assert_int_equal(count(f->storage), 1);
    say(f->url, END_OTHERS);
    listen_to_log(f);
    assert_int_equal(count(f->storage), 1); /* the idle connection is dead: another takes its place */
    say(f->url, END_OTHERS);
    assert_ok(put(f->storage, "b", 1)); /* nothing was committed: the write runs again */
    assert_true(told(f, "database"));
    assert_int_equal(count(f->storage), 2);
}

struct cut {
    const char *url;
    int calls;
};

static enum dw_err write_and_be_cut(struct transaction *tx, void *argument)
{
    struct cut *cut = argument;

    TRY(sql_exec(tx, &INSERT, VALUES(V_CSTR("cut"), V_INT(1), V_NULL, V_NULL), NULL));
    if (++cut->calls == 1)
        say(cut->url, END_OTHERS);
    return sql_exec(tx, &INSERT, VALUES(V_CSTR("cut2"), V_INT(1), V_NULL, V_NULL), NULL);
}

static void test_a_write_that_was_cut_before_its_commit_runs_again(void **state)
{
    struct fixture *f = *state;
    struct cut cut = { .url = f->url };

    listen_to_log(f);
    assert_ok(storage_write(f->storage, write_and_be_cut, &cut));
    assert_true(told(f, "insert"));
    assert_int_equal(cut.calls, 2);
    assert_int_equal(count(f->storage), 2);
}

static void test_a_server_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    const struct storage_config config = { .url = "postgresql://u:hunter2@127.0.0.1:1/d", .migrate = true };
    struct storage *storage = NULL;

    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &SCHEMA, &config, &storage), DW_ERR_UNAVAILABLE);
    assert_null(storage);
    assert_false(told(f, "hunter2"));
}

/* --- the schema --------------------------------------------------------------------------------------------------- */

static void test_a_wrong_statement_is_named_at_the_start(void **state)
{
    static const struct statement WRONG = { "typo", "SELECT numbre FROM item", 0 };
    static const struct statement *const WITH_TYPO[] = { &GET, &WRONG, NULL };
    static const struct statement *const *const LISTS[] = { WITH_TYPO, NULL };
    const struct storage_schema schema = { MIGRATIONS, LISTS };
    struct fixture *f = *state;
    const struct storage_config config = { .url = f->url, .migrate = true };
    struct storage *storage = NULL;

    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &schema, &config, &storage), DW_ERR_DATABASE);
    assert_true(told(f, "numbre"));
}

static void test_versions_that_do_not_fit(void **state)
{
    struct fixture *f = *state;
    const struct storage_config asked = { .url = f->url }, made = { .url = f->url, .migrate = true };
    const struct migration broken[] = { MIGRATIONS[0], { 2, "broken", "CREATE TABLE x (id TEXT); SELECT nonsense;" },
                                        { 0 } };
    const struct storage_schema half = { broken, STATEMENTS };
    struct storage *storage = NULL;
    int applied = -1;

    assert_ok(storage_applied(DRIVERS, f->url, &applied));
    assert_int_equal(applied, 0);
    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &SCHEMA, &asked, &storage), DW_ERR_DATABASE);
    assert_true(told(f, "migrate it first"));
    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &half, &made, &storage), DW_ERR_DATABASE);
    assert_true(told(f, "migrate"));
    assert_ok(storage_applied(DRIVERS, f->url, &applied));
    assert_int_equal(applied, 1); /* the broken step left nothing, also not its table */
    assert_ok(storage_open(DRIVERS, &SCHEMA, &made, &storage));
    assert_ok(storage_version(storage, &applied));
    assert_int_equal(applied, 2);
    storage_close(&storage);
    say(f->url, "INSERT INTO schema_migrations VALUES (3, 'of the future', 0)");
    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &SCHEMA, &made, &storage), DW_ERR_DATABASE);
    assert_true(told(f, "newer than this program"));
}

static void *open_once(void *argument)
{
    const struct storage_config config = { .url = argument, .migrate = true };
    struct storage *storage = NULL;
    const enum dw_err err = storage_open(DRIVERS, &SCHEMA, &config, &storage);

    storage_close(&storage);
    return (void *)(intptr_t)err;
}

static void test_five_that_start_at_once(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[5];
    void *err;

    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_once, f->url), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        pthread_join(threads[i], &err);
        assert_ok((enum dw_err)(intptr_t)err);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_database, close_database)
#define CASE_EMPTY(test) cmocka_unit_test_setup_teardown(test, make_database, close_database)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_values_come_back_as_they_were),
        CASE(test_what_it_can_not_hold_is_refused),
        CASE(test_a_refused_write_leaves_nothing),
        CASE(test_a_failed_write_does_not_hurt_its_neighbours),
        CASE(test_a_read_sees_one_state_and_writes_nothing),
        CASE(test_returning_gives_rows),
        CASE(test_a_server_that_was_away_is_found_again),
        CASE(test_a_write_that_was_cut_before_its_commit_runs_again),
        CASE(test_a_server_that_is_not_there),
        CASE_EMPTY(test_a_wrong_statement_is_named_at_the_start),
        CASE_EMPTY(test_versions_that_do_not_fit),
        CASE_EMPTY(test_five_that_start_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
