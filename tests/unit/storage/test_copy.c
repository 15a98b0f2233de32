/* A whole database copied into another: between SQLite and PostgreSQL, with the real schema. */
#include "postgres_fixture.h"

#include "identity/identity.h"
#include "storage/copy.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct storage_driver *const BOTH[] = { &STORAGE_SQLITE, &STORAGE_POSTGRES, NULL };

struct place {
    char dir[64];
    char path[96], url[112], other[112];
};

static void say_sqlite(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

static void make_database(const char *url)
{
    struct storage *storage = NULL;

    assert_ok(storage_open(BOTH, &IDENTITY_SCHEMA, &(struct storage_config){ .url = url, .migrate = true }, &storage));
    storage_close(&storage);
}

/* An empty installation in a file. */
static void make_place(struct place *p)
{
    snprintf(p->dir, sizeof(p->dir), "/tmp/dw-unit-copy-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof(p->path), "%s/a.db", p->dir);
    snprintf(p->url, sizeof(p->url), "sqlite:%s", p->path);
    snprintf(p->other, sizeof(p->other), "sqlite:%s/b.db", p->dir);
    make_database(p->url);
}

static void remove_place(struct place *p)
{
    static const char *const NAMES[] = { "a.db", "a.db-wal", "a.db-shm", "b.db", "b.db-wal", "b.db-shm" };
    char path[128];

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        snprintf(path, sizeof(path), "%s/%s", p->dir, NAMES[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(p->dir), 0);
}

static enum dw_err copy(const char *from, const char *to, char *ret_problem, int64_t *ret_total)
{
    struct copy_report report;
    const enum dw_err err = storage_copy(BOTH, &IDENTITY_SCHEMA, from, to, &report);

    snprintf(ret_problem, TABLE_PROBLEM_SIZE, "%s", report.problem);
    if (ret_total != NULL)
        *ret_total = report.total;
    copy_report_free(&report);
    return err;
}

static int64_t ask(const char *url, const char *sql)
{
    const struct libpq *pq = libpq_load();
    const char *const keywords[] = { "dbname", NULL }, *const values[] = { url, NULL };
    PGconn *conn = pq->PQconnectdbParams(keywords, values, 1);
    PGresult *result = pq->PQexec(conn, sql);

    assert_int_equal(pq->PQresultStatus(result), PGRES_TUPLES_OK);
    const int64_t number = strtoll(pq->PQgetvalue(result, 0, 0), NULL, 10);

    pq->PQclear(result);
    pq->PQfinish(conn);
    return number;
}

#define TENANT "INSERT INTO tenants (id, slug, name, created_at) VALUES ('t', 't', 'T', 1);"
#define USER(id, name, role)                                                                                           \
    "INSERT INTO users (id, tenant_id, username, username_key, email, email_key, email_verified, is_active, role,"     \
    " permissions, password_hash, token_version, mfa_enabled, created_at, updated_at) VALUES (" id ", 't', " name      \
    ", 'k' || " id ", 'e', 'e' || " id ", 0, 1, " role ", '', '', 1, 0, 1, 1);"

/* --- the list ---------------------------------------------------------------------------------------------------- */

#define OURS "FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'schema_migrations'"

/* The catalogue in memory names what PostgreSQL made of the same migrations, and there is no sequence to be set. */
static void test_the_list_is_what_the_other_database_has(void **state)
{
    struct fixture *f = *state;
    struct table_list *list = NULL;
    char sql[512];
    int64_t columns = 0;

    make_database(f->url);
    assert_ok(tables_of_schema(&IDENTITY_SCHEMA, &list));
    for (unsigned i = 0; i < list->n; i++) {
        const struct table *table = &list->tables[i];
        static const char *const TYPES[] = {
            [COLUMN_INT32] = "integer", [COLUMN_INT64] = "bigint", [COLUMN_TEXT] = "text",
        };

        columns += table->n_columns;
        for (unsigned j = 0; j < table->n_columns; j++) {
            snprintf(sql, sizeof(sql), "SELECT count(*) " OURS " AND table_name = '%s' AND column_name = '%s'"
                     " AND data_type = '%s'", table->name, table->columns[j].name, TYPES[table->columns[j].type]);
            assert_int_equal(ask(f->url, sql), 1);
        }
    }
    assert_int_equal(ask(f->url, "SELECT count(*) " OURS), columns);
    assert_int_equal(ask(f->url, "SELECT count(*) FROM pg_class WHERE relkind = 'S'"), 0);
    free(list);
}

static void test_parents_come_before_their_children(void **state)
{
    struct table_list *list = NULL;
    unsigned tenants = 0, users = 0, families = 0, tokens = 0;

    (void)state;
    assert_ok(tables_of_schema(&IDENTITY_SCHEMA, &list));
    for (unsigned i = 0; i < list->n; i++) {
        tenants = strcmp(list->tables[i].name, "tenants") == 0 ? i : tenants;
        users = strcmp(list->tables[i].name, "users") == 0 ? i : users;
        families = strcmp(list->tables[i].name, "refresh_families") == 0 ? i : families;
        tokens = strcmp(list->tables[i].name, "refresh_tokens") == 0 ? i : tokens;
    }
    assert_true(tenants < users && users < families && families < tokens);
    free(list);
}

#define CIRCLE                                                                                                         \
    "CREATE TABLE a (id TEXT PRIMARY KEY, b TEXT REFERENCES b(id));"                                                   \
    "CREATE TABLE b (id TEXT PRIMARY KEY, a TEXT REFERENCES a(id))"

static void test_a_schema_that_can_not_be_carried_is_told(void **state)
{
    static const char *const WRONG[] = {
        "CREATE TABLE a (id TEXT PRIMARY KEY, picture BLOB)",
        CIRCLE,
        "CREATE TABLE",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(WRONG); i++) {
        const struct migration migrations[] = { { 1, "wrong", WRONG[i] }, { 0 } };
        const struct storage_schema schema = { migrations, IDENTITY_SCHEMA.statements };
        struct table_list *list = NULL;

        assert_err(tables_of_schema(&schema, &list), DW_ERR_TABLE);
        assert_null(list);
    }
}

/* --- copying ----------------------------------------------------------------------------------------------------- */

/* Each byte that COPY gives a meaning, NULL beside the empty text, and the ends of the integers. */
#define ODD_ROWS                                                                                                       \
    TENANT USER("'u1'", "char(9,10,11,12,13,8,92,78,92,46,10) || 'ä€😀\\N'", "''")                                      \
    USER("'u2'", "'NULL'", "'\\.'") "UPDATE users SET full_name = '' WHERE id = 'u1';"                                 \
    "UPDATE users SET token_version = 9223372036854775807, created_at = -9223372036854775808, is_active = -2147483648" \
    " WHERE id = 'u2';"                                                                                                \
    "INSERT INTO denials VALUES ('B', 1, 1), ('a', 1, 1), ('ä', 1, 1), ('Z', 1, 1), ('', 1, 1);"

static void test_there_and_back_every_field_is_the_same(void **state)
{
    struct fixture *f = *state;
    char problem[TABLE_PROBLEM_SIZE];
    struct place p;
    int64_t there = 0, back = 0;

    make_place(&p);
    say_sqlite(p.path, ODD_ROWS);
    if (copy(p.url, f->url, problem, &there) != DW_OK || copy(f->url, p.other, problem, &back) != DW_OK)
        fail_msg("%s", problem);
    assert_int_equal(there, 9); /* with the row that the migrations put into audit_head */
    assert_int_equal(back, 9);
    /* Who is back is who went: a second copy into a third place would compare them, so compare here by other means. */
    snprintf(problem, sizeof(problem),
             "ATTACH '%s' AS b; CREATE TEMP TABLE differs (x CHECK (x IS NULL));"
             "INSERT INTO differs SELECT 1 FROM (SELECT * FROM main.users EXCEPT SELECT * FROM b.users);"
             "INSERT INTO differs SELECT 1 FROM (SELECT * FROM b.users EXCEPT SELECT * FROM main.users);",
             p.other + strlen("sqlite:"));
    say_sqlite(p.path, problem);
    remove_place(&p);
}

static void test_rows_that_the_target_can_not_hold_are_named(void **state)
{
    static const struct {
        const char *sql, *told;
    } CASES[] = {
        { TENANT USER("'0a'", "x'00ff'", "'r'"), "users, row 1 (id 0a): column username holds no text" },
        { TENANT USER("'0a'", "'n'", "'r'") USER("'0b'", "CAST(x'6100' AS TEXT)", "'r'"),
          "users, row 2 (id 0b): a text" },
        { TENANT USER("'0a'", "CAST(x'ff' AS TEXT)", "'r'"), "users, row 1 (id 0a): a text" },
        { TENANT USER("'0a'", "'n'", "'r'") "UPDATE users SET is_active = 2147483648",
          "column is_active holds no number that belongs there" },
        { TENANT USER("'0a'", "'n'", "'r'") "UPDATE users SET created_at = 1.5", "column created_at holds no number" },
        { TENANT USER("'0a'", "'n'", "'r'") "UPDATE users SET created_at = 'soon'",
          "column created_at holds no number" },
        { USER("'0a'", "'n'", "'r'"), "users_tenant_id_fkey" },
        { "ALTER TABLE users ADD COLUMN more TEXT", "the source has table users with other columns" },
        { "DROP TABLE denials", "the source has table denials with other columns" },
        { "UPDATE schema_migrations SET version = 999 WHERE version = 1", "use the newer program" },
        { "DELETE FROM schema_migrations WHERE version > 5", "run `doorward migrate` on it first" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        char problem[TABLE_PROBLEM_SIZE];
        struct place p;

        make_place(&p);
        say_sqlite(p.path, CASES[i].sql);
        assert_true(copy(p.url, f->url, problem, NULL) != DW_OK);
        if (strstr(problem, CASES[i].told) == NULL)
            fail_msg("case %zu: %s", i, problem);
        remove_place(&p);
    }
    make_database(f->url);
    assert_int_equal(ask(f->url, "SELECT count(*) FROM tenants"), 0); /* none of them left anything */
}

static void test_a_target_must_be_empty_and_alone(void **state)
{
    struct fixture *f = *state;
    char problem[TABLE_PROBLEM_SIZE];
    struct storage *storage = NULL;
    sqlite3 *reader = NULL;
    struct place p;

    make_place(&p);
    make_database(f->url); /* its tables are there already: as good as empty */
    assert_ok(copy(p.url, f->url, problem, NULL));
    say(f->url, "INSERT INTO tenants VALUES ('x', 'x', 'X', 1)");
    assert_err(copy(p.url, f->url, problem, NULL), DW_ERR_CONFLICT);
    assert_non_null(strstr(problem, "tenants"));
    say(f->url, "DELETE FROM tenants");

    /* A server on either side. */
    assert_ok(storage_open(BOTH, &IDENTITY_SCHEMA, &(struct storage_config){ .url = f->url }, &storage));
    assert_ok(storage_ping(storage));
    assert_err(copy(p.url, f->url, problem, NULL), DW_ERR_UNAVAILABLE);
    assert_non_null(strstr(problem, "a server has the target open"));
    assert_err(copy(f->url, p.other, problem, NULL), DW_ERR_UNAVAILABLE);
    assert_non_null(strstr(problem, "a server has the source open"));
    storage_close(&storage);
    assert_int_equal(sqlite3_open(p.path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "SELECT * FROM users", NULL, NULL, NULL), SQLITE_OK);
    assert_err(copy(p.url, f->url, problem, NULL), DW_ERR_UNAVAILABLE);
    assert_non_null(strstr(problem, "another program has the database"));
    sqlite3_close(reader);

    /* The same on both sides. */
    assert_err(copy(p.url, p.url, problem, NULL), DW_ERR_UNAVAILABLE);
    assert_err(copy(f->url, f->url, problem, NULL), DW_ERR_UNAVAILABLE);
    assert_non_null(strstr(problem, "or it is the source itself"));
    assert_err(copy("mysql:x", f->url, problem, NULL), DW_ERR_SETTING);
    assert_err(copy(p.url, "x", problem, NULL), DW_ERR_SETTING);
    assert_ok(copy(p.url, f->url, problem, NULL));
    remove_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE_EMPTY(test_the_list_is_what_the_other_database_has),
        cmocka_unit_test(test_parents_come_before_their_children),
        cmocka_unit_test(test_a_schema_that_can_not_be_carried_is_told),
        CASE_EMPTY(test_there_and_back_every_field_is_the_same),
        CASE_EMPTY(test_rows_that_the_target_can_not_hold_are_named),
        CASE_EMPTY(test_a_target_must_be_empty_and_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
