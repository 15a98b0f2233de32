/*
 * How SQLite will go about each statement of the server: none may walk through a table that grows, unless it stands
 * here with the reason why it may.
 */
#include "fixture.h"
#include "../check.h"

#include <sqlite3.h>

/* Statement → why its scan or sort is bounded, or wanted. */
static const struct {
    const char *statement, *reason;
} ALLOWED[] = {
    { "signing_key_list", "a handful of keys" },
    { "signing_key_standing", "a handful of keys" },
    { "signing_key_purge", "a handful of keys" },
    { "audit_ends", "a table of one row" },
    { "audit_default_oldest", "sorts two pages, each found by its index" },
    { "audit_default_newest", "sorts two pages, each found by its index" },
    { "recovery_request_insert", "counts requests, of which there are never more than its limit" },
    { "recovery_request_next", "ends at the first row" },
    { "guard_trim_devices", "sorts a user's devices, one more than their limit" },
    { "dashboard_days", "groups the sign-ins of the days that are shown, found by their index" },
    { "pace_addresses", "looks through a user's last events, found by their index, as many as its limit" },
    { "decoy_sample", "a fair sample of all users, every ten minutes, on the keeper's thread" },
    { NULL, NULL },
};

static const char *allowed(const char *statement)
{
    for (size_t i = 0; ALLOWED[i].statement != NULL; i++)
        if (strcmp(ALLOWED[i].statement, statement) == 0)
            return ALLOWED[i].reason;
    return NULL;
}

/* "SCAN t" reads all of a table or of an index; a temporary B-tree holds all that was found before the first row. */
static bool is_costly(const char *step)
{
    return (strncmp(step, "SCAN ", 5) == 0 && strcmp(step, "SCAN CONSTANT ROW") != 0) ||
           strstr(step, "TEMP B-TREE") != NULL || strstr(step, "AUTOMATIC") != NULL;
}

/* Tells the costly steps of a statement; how many there are. */
static unsigned explain(sqlite3 *db, const struct statement *statement)
{
    sqlite3_stmt *plan = NULL;
    unsigned costly = 0;
    char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", statement->sql);

    assert_int_equal(SQLITE_OK, sqlite3_prepare_v2(db, sql, -1, &plan, NULL));
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(plan, 3);

        if (is_costly(step)) {
            costly++;
            if (allowed(statement->name) == NULL)
                print_error("%s: %s\n", statement->name, step);
        }
    }
    sqlite3_finalize(plan);
    sqlite3_free(sql);
    return costly;
}

static void test_no_statement_walks_a_table(void **state)
{
    const struct fixture *f = *state;
    const struct statement *const *const *rooms = IDENTITY_SCHEMA.statements;
    char path[128];
    sqlite3 *db = NULL;
    unsigned wrong = 0;

    snprintf(path, sizeof(path), "%s/test.db", f->folder);
    assert_int_equal(SQLITE_OK, sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL));
    for (; *rooms != NULL; rooms++) {
        for (const struct statement *const *statement = *rooms; *statement != NULL; statement++) {
            const bool is_costly_one = explain(db, *statement) > 0;
            const bool is_allowed = allowed((*statement)->name) != NULL;

            if (is_allowed && !is_costly_one)
                print_error("%s: needs no leave any more\n", (*statement)->name);
            wrong += is_costly_one != is_allowed;
        }
    }
    sqlite3_close(db);
    assert_int_equal(0, wrong);
}

CHECK_MAIN(cmocka_unit_test_setup_teardown(test_no_statement_walks_a_table, fixture_open, fixture_close))
