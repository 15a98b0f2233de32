/* How long a sign-in lives, how many there are, and what holds when two are made at once or nothing can be written. */
#include "../check.h"
#include "fixture.h"

#include "identity/cookie_session.h"
#include "identity/credential.h"
#include "identity/decoy.h"
#include "identity/user_import.h"

#include <sqlite3.h>
#include <time.h>

enum { START = 2000000000, DAY = 86400 };

#define PASSWORD "correct horse 3"

static const struct dw_secret SECRET = { (unsigned char *)(uintptr_t)PASSWORD, sizeof(PASSWORD) - 1 };

/* Behind the server's back. */
static void execute(struct fixture *f, const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;

    snprintf(path, sizeof(path), "%s/test.db", f->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* --- an end, however often it is refreshed ----------------------------------------------------------------------- */

static void a_family_ends_however_often_it_is_refreshed(void **state)
{
    struct fixture *f = *state;

    f->identity->config.refresh_family_ttl_s = 10 * DAY;
    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    struct token_pair pair = fixture_pair(f, "ann");

    for (int64_t day = 4; day <= 8; day += 4) {
        dw_clock_set(START + day * DAY);
        CHECK_OK(fixture_refresh(f, pair.refresh_token, &pair));
    }
    dw_clock_set(START + 10 * DAY - 1); /* its last second; the token of day 8 would have been good until day 15 */
    CHECK_OK(fixture_refresh(f, pair.refresh_token, &pair));
    dw_clock_set(START + 10 * DAY);
    CHECK_ERR(DW_ERR_REFRESH_INVALID, fixture_refresh(f, pair.refresh_token, &pair));
    /* Not reuse: she signs in again, and nothing else of hers has ended. */
    CHECK_OK(fixture_refresh(f, fixture_pair(f, "ann").refresh_token, &pair));
}

static void a_shorter_end_holds_for_families_that_are_there(void **state)
{
    struct fixture *f = *state;
    struct token_pair pair;

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    const struct token_pair first = fixture_pair(f, "ann");

    dw_clock_set(START + 3 * DAY);
    f->identity->config.refresh_family_ttl_s = 2 * DAY;
    CHECK_ERR(DW_ERR_REFRESH_INVALID, fixture_refresh(f, first.refresh_token, &pair));
    f->identity->config.refresh_family_ttl_s = 0; /* none: as it was, and the token is unspent */
    CHECK_OK(fixture_refresh(f, first.refresh_token, &pair));
}

static int64_t count_families(struct fixture *f)
{
    char path[128];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    snprintf(path, sizeof(path), "%s/test.db", f->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT COUNT(*) FROM refresh_families", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static void what_has_ended_so_is_purged(void **state)
{
    struct fixture *f = *state;

    f->identity->config.refresh_family_ttl_s = DAY;
    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    fixture_pair(f, "ann");
    CHECK_OK(identity_purge(f->identity));
    assert_int_equal(1, count_families(f));
    dw_clock_set(START + DAY);
    CHECK_OK(identity_purge(f->identity));
    assert_int_equal(0, count_families(f));
}

/* --- how many ---------------------------------------------------------------------------------------------------- */

static enum dw_err log_in(struct fixture *f, struct cookie_session *ret_session)
{
    const struct sign_in in = { .tenant = f->tenant, .login = DW_STR("ann"), .password = &SECRET };
    struct first_factor factor;

    TRY(session_first_factor(f->identity, &in, f->arena, &factor));
    return cookie_session_open(f->identity, &in, &factor, false, f->arena, ret_session);
}

static void one_too_many_ends_the_oldest_of_either_kind(void **state)
{
    enum { MOST = 3 };
    struct fixture *f = *state;
    struct token_pair pairs[MOST + 1], out;
    struct cookie_session cookie;
    struct principal principal;
    bool is_stale;

    f->identity->config.sessions_max = MOST;
    fixture_user(f, "ann", "user");
    fixture_user(f, "bob", "user");
    const struct token_pair bobs = fixture_pair(f, "bob");

    CHECK_OK(log_in(f, &cookie));
    for (size_t i = 0; i < MOST - 1; i++)
        pairs[i] = fixture_pair(f, "ann");
    CHECK_OK(cookie_session_restore(f->identity, cookie.value.text, f->arena, &principal, &is_stale));

    pairs[2] = fixture_pair(f, "ann"); /* the fourth: the cookie goes */
    CHECK_ERR(DW_ERR_TOKEN_REVOKED,
              cookie_session_restore(f->identity, cookie.value.text, f->arena, &principal, &is_stale));
    CHECK_OK(fixture_check(f, pairs[0].access_token));
    CHECK_OK(log_in(f, &cookie)); /* the fifth: the oldest tokens go, the access token at once */
    CHECK_ERR(DW_ERR_TOKEN_REVOKED, fixture_check(f, pairs[0].access_token));
    CHECK_ERR(DW_ERR_REFRESH_INVALID, fixture_refresh(f, pairs[0].refresh_token, &out));
    for (size_t i = 1; i < MOST; i++)
        CHECK_OK(fixture_check(f, pairs[i].access_token));
    CHECK_OK(fixture_check(f, bobs.access_token));
    fixture_restart(f);
    CHECK_ERR(DW_ERR_TOKEN_REVOKED, fixture_check(f, pairs[0].access_token));
}

/* --- one-time passwords ------------------------------------------------------------------------------------------- */

static struct user one_time_ann(struct fixture *f)
{
    const struct user_new wanted = { .username = DW_STR("ann"), .email = DW_STR("ann@example.com"),
                                     .password = &SECRET, .password_ttl_s = DAY };
    struct user user;

    dw_clock_set(START);
    CHECK_OK(user_create(f->identity, &f->tenant, &SYSTEM, &wanted, f->arena, &user));
    return user;
}

static void a_one_time_password_signs_in_for_its_time(void **state)
{
    struct fixture *f = *state;
    struct token_pair pair, out;

    one_time_ann(f);
    dw_clock_set(START + DAY - 1);
    CHECK_OK(fixture_sign_in(f, "ann", PASSWORD, NULL, &pair));
    dw_clock_set(START + DAY);
    CHECK_ERR(DW_ERR_PASSWORD_EXPIRED, fixture_sign_in(f, "ann", PASSWORD, NULL, &out));
    CHECK_ERR(DW_ERR_SIGN_IN, fixture_sign_in(f, "ann", "wrong", NULL, &out)); /* only the right one is told */
    CHECK_OK(fixture_refresh(f, pair.refresh_token, &out)); /* a sign-in that is open goes on */
    fixture_restart(f);
    CHECK_ERR(DW_ERR_PASSWORD_EXPIRED, fixture_sign_in(f, "ann", PASSWORD, NULL, &out));
}

static void a_password_of_her_own_has_no_end(void **state)
{
    struct fixture *f = *state;
    const struct user ann = one_time_ann(f);
    unsigned char bytes[] = "another long one";
    const struct dw_secret next = { bytes, sizeof(bytes) - 1 };
    struct token_pair pair;

    CHECK_OK(credential_set(f->identity, &f->tenant, &SYSTEM, ann.id, &next, (struct dw_str){ 0 }));
    dw_clock_set(START + 1000 * DAY);
    CHECK_OK(fixture_sign_in(f, "ann", "another long one", NULL, &pair));
}

/* --- two at once, and nothing to write to ------------------------------------------------------------------------ */

/* A user whose hash is to be replaced at the first sign-in. */
static void import_ann(struct fixture *f, uint32_t bcrypt_cost)
{
    const struct dw_password_config old = { .preferred = DW_PASSWORD_BCRYPT, .bcrypt_cost = bcrypt_cost, .workers = 1,
                                            .argon2_memory_kib = 64 };
    char encoded[DW_PASSWORD_ENCODED_MAX];
    struct dw_passwords *passwords = NULL;

    CHECK_OK(dw_passwords_new(&old, &passwords));
    CHECK_OK(dw_password_hash(passwords, &SECRET, encoded));
    dw_passwords_free(&passwords);
    struct user_import row = { .tenant = f->tenant, .username = DW_STR("ann"), .email = DW_STR("ann@example.com"),
                               .password_hash = dw_str(encoded), .is_active = true };

    CHECK_OK(user_import(f->identity, &SYSTEM, &row, 1, f->arena));
    CHECK_OK(row.refusal);
}

static void two_first_sign_ins_at_once_both_come_about(void **state)
{
    struct fixture *f = *state;
    const struct sign_in in = { .tenant = f->tenant, .login = DW_STR("ann"), .password = &SECRET };
    struct first_factor one, two;
    struct token_pair pair;

    import_ann(f, 4);
    CHECK_OK(session_first_factor(f->identity, &in, f->arena, &one));
    CHECK_OK(session_first_factor(f->identity, &in, f->arena, &two));
    assert_true(one.rehash.len > 0 && two.rehash.len > 0);
    CHECK_OK(session_open(f->identity, &in, &one, f->arena, &pair));
    CHECK_OK(session_open(f->identity, &in, &two, f->arena, &pair));
    CHECK_OK(session_first_factor(f->identity, &in, f->arena, &one));
    assert_int_equal(0, one.rehash.len);
}

/* CPU time of a refused sign-in; the least of a few, so that what else runs does not count. */
static int64_t cost_ns(struct fixture *f, const char *login)
{
    int64_t least = INT64_MAX;
    struct token_pair pair;

    for (int i = 0; i < 3; i++) {
        struct timespec before, after;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        CHECK_ERR(DW_ERR_SIGN_IN, fixture_sign_in(f, login, "wrong", NULL, &pair));
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        least = MIN_OF(least, (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec);
    }
    return least;
}

/* The fixture's own hashes cost a small part of the imported one: bcrypt of cost 10, some 50 ms. */
static void an_unknown_name_costs_what_an_account_does(void **state)
{
    struct fixture *f = *state;
    const char *const unknown[] = { "nobody", "nobody@example.com", "no\"name", "" };

    import_ann(f, 10);
    const int64_t cheap_ns = cost_ns(f, "somebody");

    CHECK_OK(decoy_sample(f->identity));
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_true(cost_ns(f, unknown[i]) > 4 * cheap_ns);
    assert_true(cost_ns(f, "ann") > 4 * cheap_ns);
    /* What the sample's owner would be let in with lets nobody in. */
    struct token_pair pair;
    CHECK_ERR(DW_ERR_SIGN_IN, fixture_sign_in(f, "another", PASSWORD, NULL, &pair));
}

static void an_attempt_that_can_not_be_counted_is_not_answered(void **state)
{
    struct fixture *f = *state;
    struct token_pair pair;

    fixture_user(f, "ann", "user");
    execute(f, "CREATE TRIGGER full BEFORE INSERT ON sign_in_failures BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    /* Neither tells whether the name or the password was right. */
    const enum dw_err wrong = fixture_sign_in(f, "ann", "wrong", NULL, &pair);
    const enum dw_err unknown = fixture_sign_in(f, "nobody", "wrong", NULL, &pair);

    assert_int_not_equal(DW_ERR_SIGN_IN, wrong);
    assert_true(dw_error_info(wrong)->status >= 409);
    CHECK_ERR(wrong, unknown);
    execute(f, "DROP TRIGGER full");
    CHECK_ERR(DW_ERR_SIGN_IN, fixture_sign_in(f, "ann", "wrong", NULL, &pair));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

CHECK_MAIN(STORY(a_family_ends_however_often_it_is_refreshed),
           STORY(a_shorter_end_holds_for_families_that_are_there),
           STORY(what_has_ended_so_is_purged),
           STORY(one_too_many_ends_the_oldest_of_either_kind),
           STORY(a_one_time_password_signs_in_for_its_time),
           STORY(a_password_of_her_own_has_no_end),
           STORY(two_first_sign_ins_at_once_both_come_about),
           STORY(an_unknown_name_costs_what_an_account_does),
           STORY(an_attempt_that_can_not_be_counted_is_not_answered))
