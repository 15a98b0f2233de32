#include "fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- addresses and files ---------------------------------------------------------------------------------------- */

static void addresses(void **state)
{
    static const struct {
        const char *url;
        enum dw_err err;
    } CASES[] = {
        { "mysql:x", DW_ERR_SETTING },
        { "sqlite", DW_ERR_SETTING },
        { "", DW_ERR_SETTING },
        { NULL, DW_ERR_SETTING },
        { "sqlite:", DW_ERR_SETTING },
        { "sqlite::memory:", DW_ERR_SETTING },
        { "sqlite:/nonexistent/folder/x.db", DW_ERR_DATABASE },
        { "sqlite:/", DW_ERR_DATABASE },
        { "sqlite:/dev/null/x", DW_ERR_DATABASE },
    };

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        assert_err(fixture_try(*state, &SCHEMA, CASES[i].url, true), CASES[i].err);
}

static unsigned mode_of(struct fixture *f, const char *suffix)
{
    char path[160];
    struct stat st;

    snprintf(path, sizeof(path), "%s%s", f->path, suffix);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void files_are_the_owners_alone(void **state)
{
    struct fixture *f = *state;
    const mode_t before = umask(0);

    fixture_open(f);
    assert_ok(put_item(f->storage, "a", 1));
    umask(before);
    assert_int_equal(mode_of(f, ""), 0600);
    assert_int_equal(mode_of(f, "-wal"), 0600);
    assert_int_equal(mode_of(f, "-shm"), 0600);
}

static void a_readable_file_is_warned_about(void **state)
{
    struct fixture *f = *state;

    assert_ok(fixture_try(f, &SCHEMA, f->url, true));
    assert_false(fixture_log_has(f, "database_mode"));
    assert_int_equal(chmod(f->path, 0640), 0);
    assert_ok(fixture_try(f, &SCHEMA, f->url, true));
    assert_true(fixture_log_has(f, "database_mode"));
}

static void something_else_is_no_database(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->path, "w");

    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("not a database\n", file);
    fclose(file);
    assert_err(fixture_try(f, &SCHEMA, f->url, true), DW_ERR_DATABASE);
}

/* The part after the scheme is a name, whatever it looks like. */
static void a_name_is_not_read_as_a_uri(void **state)
{
    struct fixture *f = *state;
    char before[4096];

    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(f->dir), 0);
    assert_ok(fixture_try(f, &SCHEMA, "sqlite:file:x.db?mode=memory", true));
    assert_int_equal(unlink("file:x.db?mode=memory"), 0);
    assert_int_equal(chdir(before), 0);
}

static int pragma(struct sqlite_connection *c, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int value;

    assert_int_equal(sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_type(stmt, 0) == SQLITE_TEXT ? strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0
                                                        : sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static void connections_are_set_as_promised(void **state)
{
    static const struct {
        const char *sql;
        int writer;
        int reader;
    } CASES[] = {
        { "PRAGMA journal_mode", 1, 1 }, /* wal */
        { "PRAGMA synchronous", 2, 2 },  /* FULL */
        { "PRAGMA foreign_keys", 1, 1 }, { "PRAGMA secure_delete", 1, 1 },
        { "PRAGMA temp_store", 2, 2 },   { "PRAGMA trusted_schema", 0, 0 },
        { "PRAGMA query_only", 0, 1 },   { "PRAGMA cache_size", -SQLITE_CACHE_KIB, -SQLITE_CACHE_KIB },
    };
    struct fixture *f = *state;
    struct sqlite_state *s;
    struct sqlite_connection *reader;

    fixture_open(f);
    s = fixture_state(f);
    assert_ok(sqlite_readers_take(&s->readers, INT64_MAX, &reader));
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        assert_int_equal(pragma(s->writer.connection, CASES[i].sql), CASES[i].writer);
        assert_int_equal(pragma(reader, CASES[i].sql), CASES[i].reader);
    }
    sqlite_readers_give(&s->readers, reader);
}

/* --- statements ------------------------------------------------------------------------------------------------- */

static void a_wrong_statement_is_found_at_open(void **state)
{
    static const struct statement CASES[] = {
        { "no_such_column", "SELECT nonsense FROM item", 0 },
        { "no_such_table", "SELECT 1 FROM nonsense", 0 },
        { "syntax", "SELEKT 1", 0 },
        { "string_in_double_quotes", "SELECT * FROM item WHERE id = \"x\"", 0 },
        { "too_few", "SELECT $1, $2", 1 },
        { "too_many", "SELECT $1", 2 },
        { "a_gap", "SELECT $1, $3", 2 },
        { "question_mark", "SELECT ?", 1 },
        { "two_statements", "SELECT 1; SELECT 2", 0 },
        { "empty", "  ", 0 },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        const struct statement *const list[] = { &ITEM_COUNT, &CASES[i], NULL };
        const struct statement *const *const lists[] = { list, NULL };
        const struct storage_schema schema = { MIGRATIONS, lists };

        assert_err(fixture_try(f, &schema, f->url, true), DW_ERR_DATABASE);
        assert_true(fixture_log_has(f, CASES[i].name));
    }
    assert_ok(fixture_try(f, &SCHEMA, f->url, true));
}

static void a_schema_without_statements_opens(void **state)
{
    static const struct statement *const *const NONE[] = { NULL };
    const struct storage_schema schema = { MIGRATIONS, NONE };
    struct fixture *f = *state;

    assert_ok(fixture_try(f, &schema, f->url, true));
}

/* --- migrations ------------------------------------------------------------------------------------------------- */

static void versions_are_told_and_pinged(void **state)
{
    struct fixture *f = *state;
    int applied = -1;

    fixture_open(f);
    assert_ok(storage_version(f->storage, &applied));
    assert_int_equal(applied, 2);
    assert_ok(storage_ping(f->storage));
}

static void a_gap_in_the_migrations_is_our_bug(void **state)
{
    static const struct migration GAP[] = { { 1, "one", "SELECT 1" }, { 3, "three", "SELECT 1" }, { 0 } };
    const struct storage_schema schema = { GAP, SCHEMA.statements };
    struct fixture *f = *state;

    assert_err(fixture_try(f, &schema, f->url, true), DW_ERR_TABLE);
    assert_int_equal(access(f->path, F_OK), -1);
}

static void without_migrate_nothing_is_changed(void **state)
{
    static const struct migration FIRST[] = { { 1, "t", "CREATE TABLE t (a)" }, { 0 } };
    static const struct migration SECOND[] = { { 1, "t", "CREATE TABLE t (a)" },
                                               { 2, "u", "CREATE TABLE u (a)" },
                                               { 0 } };
    static const struct statement *const *const NONE[] = { NULL };
    struct fixture *f = *state;

    const struct storage_schema older = { FIRST, NONE };
    const struct storage_schema newer = { SECOND, NONE };

    assert_err(fixture_try(f, &older, f->url, false), DW_ERR_DATABASE);
    assert_int_equal(access(f->path, F_OK), -1);
    assert_ok(fixture_try(f, &older, f->url, true));
    assert_err(fixture_try(f, &newer, f->url, false), DW_ERR_DATABASE);
    assert_true(fixture_log_has(f, "older than this program"));
    assert_ok(fixture_try(f, &older, f->url, false));
}

static void a_newer_database_is_refused(void **state)
{
    static const struct migration FIRST[] = { { 1, "items", "SELECT 1" }, { 0 } };
    const struct storage_schema older = { FIRST, SCHEMA.statements };
    struct fixture *f = *state;

    assert_ok(fixture_try(f, &SCHEMA, f->url, true));
    assert_err(fixture_try(f, &older, f->url, true), DW_ERR_DATABASE);
    assert_true(fixture_log_has(f, "newer than this program"));
}

static void a_failed_migration_leaves_nothing(void **state)
{
    static const struct statement *const *const NONE[] = { NULL };
    static const struct {
        const char *sql;
        const char *logged;
    } CASES[] = {
        { "CREATE TABLE half (a); CREATE TABLE half (a);", "broken" },
        { "CREATE TABLE half (a); INSERT INTO nonsense VALUES (1);", "no such table: nonsense" },
        { "CREATE TABLE half (a); ROLLBACK;", "ends the transaction" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        const struct migration broken[] = { MIGRATIONS[0], { 2, "broken", CASES[i].sql }, { 0 } };
        const struct storage_schema schema = { broken, NONE };

        assert_err(fixture_try(f, &schema, f->url, true), DW_ERR_DATABASE);
        assert_true(fixture_log_has(f, CASES[i].logged));
    }
    const struct migration fixed[] = { MIGRATIONS[0], { 2, "fixed", "CREATE TABLE half (a);" }, { 0 } };
    const struct storage_schema schema = { fixed, NONE };
    assert_ok(fixture_try(f, &schema, f->url, true));
}

enum { PROCESSES = 5, ROUNDS = 10, STEPS = 8 };

/* Creates and migrates with the others at once; never returns. */
static void start_like_a_node(struct fixture *f, const struct storage_schema *schema, int gate)
{
    const struct storage_config config = { .url = f->url, .readers = 1, .migrate = true };
    struct storage *storage = NULL;
    enum dw_err err;
    char byte;

    if (read(gate, &byte, 1) != 0) /* opens when the parent closes its end */
        _exit(100);
    err = storage_open(DRIVERS, schema, &config, &storage);
    storage_close(&storage);
    _exit((int)err);
}

static void start_together(struct fixture *f, const struct storage_schema *schema)
{
    pid_t pids[PROCESSES];
    int gate[2];
    int status;

    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            close(gate[1]);
            start_like_a_node(f, schema, gate[0]);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_ok((enum dw_err)WEXITSTATUS(status));
    }
}

static void five_processes_migrate_at_once(void **state)
{
    static const struct statement COUNT = { "count", "SELECT count(*) FROM step", 0 };
    static const struct statement *const LIST[] = { &COUNT, NULL };
    static const struct statement *const *const LISTS[] = { LIST, NULL };
    struct migration steps[STEPS + 1] = { { 1, "table", "CREATE TABLE step (id INTEGER PRIMARY KEY)" } };
    const struct storage_schema schema = { steps, LISTS };
    struct fixture *f = *state;

    for (int i = 1; i < STEPS; i++)
        steps[i] = (struct migration){ i + 1, "step", "INSERT INTO step DEFAULT VALUES" };
    for (int round = 0; round < ROUNDS; round++) {
        struct sqlite_connection *c = NULL;
        int applied = 0;

        start_together(f, &schema);
        assert_ok(sqlite_connect(f->path, SQLITE_MODE_WRITE, &c));
        assert_ok(sqlite_applied(c, &applied));
        assert_int_equal(applied, STEPS);
        assert_int_equal(pragma(c, "SELECT count(*) FROM step"), STEPS - 1); /* each ran once */
        assert_int_equal(pragma(c, "SELECT count(*) FROM schema_migrations"), STEPS);
        sqlite_disconnect(&c);
        assert_int_equal(unlink(f->path), 0);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_directory, fixture_remove)
    const struct CMUnitTest tests[] = {
        CASE(addresses),
        CASE(files_are_the_owners_alone),
        CASE(a_readable_file_is_warned_about),
        CASE(something_else_is_no_database),
        CASE(a_name_is_not_read_as_a_uri),
        CASE(connections_are_set_as_promised),
        CASE(a_wrong_statement_is_found_at_open),
        CASE(a_schema_without_statements_opens),
        CASE(versions_are_told_and_pinged),
        CASE(a_gap_in_the_migrations_is_our_bug),
        CASE(without_migrate_nothing_is_changed),
        CASE(a_newer_database_is_refused),
        CASE(a_failed_migration_leaves_nothing),
        CASE(five_processes_migrate_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
