/* The audit log's chain (spec G9): what was done to it behind its back is seen, and where. */
#include "fixture.h"

#include "identity/audit.h"

#include <sqlite3.h>

/* As somebody with the file, but without the server's secret. */
static void tamper(struct fixture *f, const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;

    snprintf(path, sizeof(path), "%s/test.db", f->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static struct audit_verdict verify(struct fixture *f, const struct audit_head *known)
{
    struct audit_verdict verdict;

    assert_int_equal(audit_verify(f->identity, &(struct audit_pins){ .head = known }, &verdict), DW_OK);
    return verdict;
}

/* Events 1 and 2 are the first keys'; 3 to 6 follow. */
static void make_six(struct fixture *f)
{
    fixture_user(f, "alice", "user");
    for (int i = 0; i < 3; i++)
        assert_int_equal(audit_record(f->identity, &(struct audit_event){ .action = AUDIT_SIGN_IN_FAILED,
                                                                          .tenant_id = f->tenant.id,
                                                                          .actor = DW_STR("somebody"),
                                                                          .result = DW_ERR_SIGN_IN }), DW_OK);
}

static void an_untouched_log_holds_over_a_restart(void **state)
{
    struct fixture *f = *state;

    make_six(f);
    assert_int_equal(verify(f, NULL).events, 6);
    fixture_restart(f);
    fixture_user(f, "carol", "user");
    const struct audit_verdict verdict = verify(f, NULL);

    assert_int_equal(verdict.fault, AUDIT_INTACT);
    assert_int_equal(verdict.events, 7);
    assert_int_equal(verdict.before_chain, 0);
    assert_int_equal(verdict.head.seq, 7);
    assert_int_equal(strlen(verdict.head.hash), AUDIT_HASH_SIZE - 1);
}

static void what_was_done_to_the_table_is_found(void **state)
{
    static const struct {
        const char *sql;
        enum audit_fault fault;
        int64_t seq;
    } CASES[] = {
        { "UPDATE audit_events SET address = '192.0.2.1' WHERE seq = 3", AUDIT_CHANGED, 3 },
        { "UPDATE audit_events SET result = 'ok' WHERE seq = 4", AUDIT_CHANGED, 4 },
        { "UPDATE audit_events SET detail = '' WHERE seq = 2", AUDIT_CHANGED, 2 },
        { "UPDATE audit_events SET actor = NULL WHERE seq = 5", AUDIT_CHANGED, 5 },
        { "UPDATE audit_events SET at = at + 1 WHERE seq = 6", AUDIT_CHANGED, 6 },
        { "UPDATE audit_events SET id = 'x' WHERE seq = 1", AUDIT_CHANGED, 1 },
        /* one field's end becomes the next one's beginning */
        { "UPDATE audit_events SET actor = 'some', target = 'body' WHERE seq = 4", AUDIT_CHANGED, 4 },
        { "UPDATE audit_events SET hash = '' WHERE seq = 1", AUDIT_CHANGED, 2 },
        { "DELETE FROM audit_events WHERE seq = 1", AUDIT_REMOVED, 1 },
        { "DELETE FROM audit_events WHERE seq = 4", AUDIT_REMOVED, 4 },
        { "DELETE FROM audit_events WHERE seq >= 5", AUDIT_REMOVED, 5 },
        { "DELETE FROM audit_events", AUDIT_REMOVED, 1 },
        /* removed, and the rest moved up */
        { "DELETE FROM audit_events WHERE seq = 3;"
          "UPDATE audit_events SET seq = seq - 1 WHERE seq > 3; UPDATE audit_head SET seq = 5", AUDIT_CHANGED, 3 },
        { "UPDATE audit_events SET seq = -seq WHERE seq IN (3, 4);"
          "UPDATE audit_events SET seq = 7 + seq WHERE seq < 0", AUDIT_CHANGED, 3 },
        { "INSERT INTO audit_events SELECT 7, 'x', at, action, tenant_id, actor, target, address, result, detail, hash"
          " FROM audit_events WHERE seq = 6", AUDIT_INSERTED, 7 },
        { "INSERT INTO audit_events SELECT 7, 'x', at, action, tenant_id, actor, target, address, result, detail, hash"
          " FROM audit_events WHERE seq = 6; UPDATE audit_head SET seq = 7", AUDIT_CHANGED, 7 },
        { "UPDATE audit_head SET hash = ''", AUDIT_CHANGED, 6 },
        { "UPDATE audit_head SET seq = 9", AUDIT_REMOVED, 7 },
    };
    struct fixture *f = *state;

    make_six(f);
    tamper(f, "CREATE TABLE kept AS SELECT * FROM audit_events; CREATE TABLE kept_head AS SELECT * FROM audit_head");
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        tamper(f, CASES[i].sql);
        const struct audit_verdict verdict = verify(f, NULL);

        if (verdict.fault != CASES[i].fault || verdict.seq != CASES[i].seq)
            fail_msg("%s: fault %d at %lld", CASES[i].sql, verdict.fault, (long long)verdict.seq);
        tamper(f, "DELETE FROM audit_events; INSERT INTO audit_events SELECT * FROM kept;"
                  "DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM kept_head");
        assert_int_equal(verify(f, NULL).fault, AUDIT_INTACT);
    }
}

static void one_byte_of_any_column_of_any_row_names_the_row(void **state)
{
    static const char *const COLUMNS[] = { "id", "at", "action", "tenant_id", "actor", "target", "address", "result",
                                           "detail", "hash" };
    /* another first byte, another last one, one more, one less; a number is one more */
    static const char *const CHANGES[] = { "'~' || substr(v, 2)", "substr(v, 1, length(v) - 1) || '~'", "v || ' '",
                                           "substr(v, 1, length(v) - 1)" };
    struct fixture *f = *state;

    make_six(f);
    assert_int_equal(audit_record(f->identity, &(struct audit_event){
        .action = AUDIT_ROLE_UPDATED, .tenant_id = f->tenant.id, .actor = DW_STR("cli"), .target = DW_STR("reader"),
        .address = DW_STR("192.0.2.7"), .detail = DW_STR("read:users") }), DW_OK);
    tamper(f, "CREATE TABLE kept AS SELECT * FROM audit_events");
    for (int seq = 1; seq <= 7; seq++) {
        for (size_t i = 0; i < ARRAY_SIZE(COLUMNS) * ARRAY_SIZE(CHANGES); i++) {
            const char *column = COLUMNS[i / ARRAY_SIZE(CHANGES)];
            char sql[512];

            snprintf(sql, sizeof(sql),
                     "WITH one(v) AS (SELECT %s FROM audit_events WHERE seq = %d) UPDATE audit_events SET %s ="
                     " (SELECT CASE WHEN v IS NULL THEN '' WHEN typeof(v) = 'integer' THEN v + 1 ELSE %s END FROM one)"
                     " WHERE seq = %d", column, seq, column, CHANGES[i % ARRAY_SIZE(CHANGES)], seq);
            tamper(f, sql);
            const struct audit_verdict verdict = verify(f, NULL);

            if (verdict.fault != AUDIT_CHANGED || verdict.seq != seq)
                fail_msg("%s: fault %d at %lld", sql, verdict.fault, (long long)verdict.seq);
            tamper(f, "DELETE FROM audit_events; INSERT INTO audit_events SELECT * FROM kept");
        }
    }
    assert_int_equal(verify(f, NULL).fault, AUDIT_INTACT);
}

/* --- from a pin on ----------------------------------------------------------------------------------------------- */

static struct audit_verdict verify_since(struct fixture *f, const struct audit_head *since)
{
    struct audit_verdict verdict;

    assert_int_equal(audit_verify(f->identity, &(struct audit_pins){ .since = since }, &verdict), DW_OK);
    return verdict;
}

static void what_came_after_a_pin_is_verified_alone(void **state)
{
    struct fixture *f = *state;

    make_six(f);
    const struct audit_head pin = verify(f, NULL).head;
    struct audit_head wrong = pin;

    assert_int_equal(verify_since(f, &pin).events, 0);
    fixture_user(f, "carol", "user");
    fixture_user(f, "dave", "user");
    assert_int_equal(verify_since(f, &pin).fault, AUDIT_INTACT);
    assert_int_equal(verify_since(f, &pin).events, 2);
    wrong.hash[5] ^= 1;
    assert_int_equal(verify_since(f, &wrong).fault, AUDIT_CUT_OFF);
    tamper(f, "UPDATE audit_events SET address = 'x' WHERE seq = 3");
    assert_int_equal(verify_since(f, &pin).fault, AUDIT_INTACT); /* before it: not looked at */
    tamper(f, "UPDATE audit_events SET address = 'x' WHERE seq = 8");
    assert_int_equal(verify_since(f, &pin).fault, AUDIT_CHANGED);
    assert_int_equal(verify_since(f, &pin).seq, 8);
    tamper(f, "DELETE FROM audit_events WHERE seq = 7");
    assert_int_equal(verify_since(f, &pin).fault, AUDIT_REMOVED);
    assert_int_equal(verify_since(f, &pin).seq, 7);
    tamper(f, "DELETE FROM audit_events WHERE seq >= 5; UPDATE audit_head SET seq = 4,"
              " hash = (SELECT hash FROM audit_events WHERE seq = 4)");
    assert_int_equal(verify_since(f, &pin).fault, AUDIT_CUT_OFF);
}

/* --- pruning ------------------------------------------------------------------------------------------------------ */

static int64_t prune(struct fixture *f, int64_t before_s)
{
    struct audit_verdict verdict;
    int64_t events = -1;

    assert_int_equal(audit_prune(f->identity, &SYSTEM, before_s, &verdict, &events), DW_OK);
    assert_int_equal(verdict.fault, AUDIT_INTACT);
    return events;
}

/* Five events of the time 1000, two of 2000, and now it is 3000. */
static void make_eight(struct fixture *f)
{
    dw_clock_set(1000);
    tamper(f, "DELETE FROM audit_events; UPDATE audit_head SET seq = 0, hash = ''");
    make_six(f);
    fixture_user(f, "bob", "user");
    dw_clock_set(2000);
    fixture_user(f, "carol", "user");
    fixture_user(f, "dave", "user");
    dw_clock_set(3000);
}

static void a_pruned_log_is_verified_from_where_it_begins(void **state)
{
    struct fixture *f = *state;

    make_eight(f);
    const int64_t old = verify(f, NULL).events - 2;
    const struct audit_head pin = verify(f, NULL).head;

    assert_int_equal(prune(f, 1000), 0);
    assert_int_equal(verify(f, NULL).pruned, 0);
    assert_int_equal(prune(f, 2000), old);
    struct audit_verdict verdict = verify(f, &pin);

    assert_int_equal(verdict.fault, AUDIT_INTACT);
    assert_int_equal(verdict.pruned, old);
    assert_int_equal(verdict.events, 3); /* the two, and the one that tells */
    assert_int_equal(verify_since(f, &pin).fault, AUDIT_INTACT);
    assert_int_equal(prune(f, 2000), 0); /* again: nothing more, and no event of it */
    assert_int_equal(verify(f, NULL).events, 3);
    assert_int_equal(prune(f, 3000), 2);
    assert_int_equal(verify(f, NULL).events, 2);
    /* A pin of the very last event that went still counts, one from before it has nothing to be held against. */
    assert_int_equal(verify(f, &pin).fault, AUDIT_INTACT);
    assert_int_equal(verify_since(f, &pin).fault, AUDIT_INTACT);
    const struct audit_head early = { .seq = pin.seq - 1 };
    struct audit_head wrong = pin;

    wrong.hash[0] ^= 1;
    assert_int_equal(verify(f, &early).fault, AUDIT_PRUNED_PIN);
    assert_int_equal(verify_since(f, &early).fault, AUDIT_PRUNED_PIN);
    assert_int_equal(verify(f, &wrong).fault, AUDIT_CUT_OFF);
}

static void nobody_else_makes_the_log_begin_elsewhere(void **state)
{
    static const struct {
        const char *sql;
        enum audit_fault fault;
    } CASES[] = {
        { "DELETE FROM audit_events WHERE seq <= 7", AUDIT_REMOVED },
        { "DELETE FROM audit_events WHERE seq <= 7; UPDATE audit_head SET pruned_seq = 7, pruned_hash ="
          " (SELECT hash FROM kept WHERE seq = 7)", AUDIT_REMOVED },
        { "DELETE FROM audit_events WHERE seq <= 7; UPDATE audit_head SET pruned_seq = 7, pruned_hash ="
          " (SELECT hash FROM kept WHERE seq = 7); UPDATE audit_events SET detail = '7:' || (SELECT hash FROM kept"
          " WHERE seq = 7) WHERE action = 'audit.pruned'", AUDIT_CHANGED },
        { "UPDATE audit_head SET pruned_seq = 0, pruned_hash = ''", AUDIT_REMOVED },
        { "UPDATE audit_head SET pruned_hash = 'x'", AUDIT_CHANGED },
        { "DELETE FROM audit_events WHERE action = 'audit.pruned'", AUDIT_REMOVED },
        { "INSERT INTO audit_events SELECT 2, 'x', at, action, tenant_id, actor, target, address, result, detail, hash"
          " FROM audit_events WHERE action = 'audit.pruned'", AUDIT_INSERTED },
    };
    struct fixture *f = *state;

    make_eight(f);
    prune(f, 2000);
    fixture_user(f, "erin", "user");
    tamper(f, "CREATE TABLE kept AS SELECT * FROM audit_events; CREATE TABLE kept_head AS SELECT * FROM audit_head");
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct audit_verdict verdict;
        int64_t events;

        tamper(f, CASES[i].sql);
        if (verify(f, NULL).fault != CASES[i].fault)
            fail_msg("%s: fault %d", CASES[i].sql, verify(f, NULL).fault);
        /* What does not hold is not pruned away. */
        assert_int_equal(audit_prune(f->identity, &SYSTEM, 3000, &verdict, &events), DW_OK);
        assert_int_equal(verdict.fault, CASES[i].fault);
        assert_int_equal(events, 0);
        tamper(f, "DELETE FROM audit_events; INSERT INTO audit_events SELECT * FROM kept;"
                  "DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM kept_head");
        assert_int_equal(verify(f, NULL).fault, AUDIT_INTACT);
    }
    int64_t events;
    struct audit_verdict verdict;

    assert_int_equal(audit_prune(f->identity, &SYSTEM, 3001, &verdict, &events), DW_ERR_ARGUMENT);
}

static void a_page_of_long_events_ends_early(void **state)
{
    struct fixture *f = *state;
    struct audit_filter filter = { .since = -1, .until = -1, .after = -1, .limit = 5000 };
    struct audit_page page;
    int64_t seen = 0;

    tamper(f, "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)"
              " INSERT INTO audit_events (seq, id, at, action, result, detail, hash)"
              " SELECT i, 'made-' || i, 1, 'role.updated', 'ok', printf('%.6000c', 'x'), '' FROM n");
    do {
        assert_int_equal(audit_list(f->identity, &f->tenant, &filter, f->arena, &page), DW_OK);
        assert_in_range(page.n, 1, AUDIT_PAGE_MAX_BYTES / 6000 + 10);
        for (size_t i = 0; i < page.n; i++)
            seen += page.entries[i].seq >= 1000;
        filter.after = page.entries[page.n - 1].seq;
    } while (page.has_more);
    assert_int_equal(seen, 2000);
}

/* The newest rows cut off, and the head put back to where it was then: only who kept a later head can tell. */
static void a_head_that_was_kept_shows_what_was_cut_off(void **state)
{
    struct fixture *f = *state;

    make_six(f);
    const struct audit_head kept = verify(f, NULL).head;

    assert_int_equal(verify(f, &kept).fault, AUDIT_INTACT);
    tamper(f, "DELETE FROM audit_events WHERE seq > 4;"
              "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit_events WHERE seq = 4)");
    assert_int_equal(verify(f, NULL).fault, AUDIT_INTACT);
    const struct audit_verdict cut = verify(f, &kept);

    assert_int_equal(cut.fault, AUDIT_CUT_OFF);
    assert_int_equal(cut.seq, 5);
    /* Growing past the old number does not help: the hash there is another one. */
    fixture_user(f, "carol", "user");
    fixture_user(f, "dave", "user");
    assert_int_equal(verify(f, NULL).fault, AUDIT_INTACT);
    assert_int_equal(verify(f, &kept).fault, AUDIT_CUT_OFF);
}

static void an_event_is_there_exactly_when_its_change_is(void **state)
{
    struct fixture *f = *state;
    const struct user root = fixture_user(f, "root", "admin");
    const int64_t before = verify(f, NULL).events;

    assert_int_equal(user_delete(f->identity, &f->tenant, &SYSTEM, root.id), DW_ERR_LAST_ADMIN);
    assert_int_equal(verify(f, NULL).events, before);
    fixture_user(f, "second", "admin");
    assert_int_equal(user_delete(f->identity, &f->tenant, &SYSTEM, root.id), DW_OK);
    const struct audit_verdict after = verify(f, NULL);

    assert_int_equal(after.fault, AUDIT_INTACT);
    assert_int_equal(after.events, before + 2);
}

static size_t count(struct fixture *f, const struct audit_filter *filter)
{
    struct audit_page page;

    assert_int_equal(audit_list(f->identity, &f->tenant, filter, f->arena, &page), DW_OK);
    return page.n;
}

static void it_is_searched_and_read_page_by_page(void **state)
{
    struct fixture *f = *state;
    struct audit_filter filter = { .since = -1, .until = -1, .after = -1, .limit = 4, .newest_first = true };
    struct audit_page page;

    dw_clock_set(1000);
    make_six(f);
    assert_int_equal(audit_list(f->identity, &f->tenant, &filter, f->arena, &page), DW_OK);
    assert_true(page.has_more);
    assert_int_equal(page.entries[0].seq, 6);
    filter.after = page.entries[page.n - 1].seq;
    assert_int_equal(audit_list(f->identity, &f->tenant, &filter, f->arena, &page), DW_OK);
    assert_false(page.has_more);
    assert_int_equal(page.n, 2);
    assert_int_equal(page.entries[1].seq, 1);
    const struct {
        struct audit_filter filter;
        size_t found;
    } cases[] = {
        { { .since = -1, .until = -1, .after = -1, .limit = 9, .actor = DW_STR_INIT("somebody") }, 3 },
        { { .since = -1, .until = -1, .after = -1, .limit = 9, .action = DW_STR_INIT("user.created") }, 1 },
        { { .since = 1000, .until = -1, .after = -1, .limit = 9 }, 6 },
        { { .since = 1001, .until = -1, .after = -1, .limit = 9 }, 2 },
        { { .since = -1, .until = 1000, .after = -1, .limit = 9 }, 0 },
        { { .since = -1, .until = 1001, .after = 5, .limit = 9 }, 1 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(count(f, &cases[i].filter), cases[i].found);
}

static void another_tenants_events_are_not_shown(void **state)
{
    struct fixture *f = *state;
    const struct audit_filter all = { .since = -1, .until = -1, .after = -1, .limit = 9 };
    struct tenant other = { .slug = "other" };
    struct audit_page page;

    make_six(f);
    snprintf(other.id, sizeof(other.id), "01890a5d-ac96-774b-bcce-b302099a8057");
    assert_int_equal(audit_list(f->identity, &other, &all, f->arena, &page), DW_OK);
    assert_int_equal(page.n, 0);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest stories[] = {
        STORY(an_untouched_log_holds_over_a_restart),
        STORY(what_was_done_to_the_table_is_found),
        STORY(one_byte_of_any_column_of_any_row_names_the_row),
        STORY(what_came_after_a_pin_is_verified_alone),
        STORY(a_pruned_log_is_verified_from_where_it_begins),
        STORY(nobody_else_makes_the_log_begin_elsewhere),
        STORY(a_page_of_long_events_ends_early),
        STORY(a_head_that_was_kept_shows_what_was_cut_off),
        STORY(an_event_is_there_exactly_when_its_change_is),
        STORY(it_is_searched_and_read_page_by_page),
        STORY(another_tenants_events_are_not_shown),
    };

    return cmocka_run_group_tests(stories, NULL, NULL);
}
