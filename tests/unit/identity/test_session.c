/* Signing in and staying signed in (spec E2, E4, E5), told as what happens to a person's tokens. */
#include "fixture.h"

#include "identity/credential.h"
#include "identity/principal.h"

#include <pthread.h>

static void a_pair_signs_in_and_refreshes(void **state)
{
    struct fixture *f = *state;
    struct token_pair next;

    fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    assert_int_equal(pair.expires_in, FIXTURE_ACCESS_TTL_S);
    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &next), DW_OK);
    assert_false(dw_str_eq(pair.refresh_token, next.refresh_token));
    assert_int_equal(fixture_check(f, next.access_token), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
}

/* `auth_time` and `amr`, the same from memory and from the database. */
static void check_authenticated(struct fixture *f, struct dw_str token, int64_t at_s)
{
    struct dw_claims claims;
    struct principal slow, fast;

    assert_int_equal(dw_jwt_decode_unverified(token, f->arena, &claims), DW_OK);
    assert_int_equal(dw_claim_int(&claims, "auth_time", 0), at_s);
    assert_true(dw_str_eq(dw_claim_item(&claims, "amr", 0), DW_STR("pwd")));
    assert_null(dw_claim_item(&claims, "amr", 1).ptr);
    assert_int_equal(principal_restore(f->identity, token, true, true, f->arena, &slow), DW_OK);
    assert_int_equal(principal_restore(f->identity, token, false, false, f->arena, &fast), DW_OK);
    assert_int_equal(slow.authenticated_s, at_s);
    assert_int_equal(fast.authenticated_s, at_s);
    assert_int_equal(slow.mfa_s, 0);
    assert_int_equal(fast.mfa_s, 0);
}

static void refreshing_makes_no_sign_in_recent(void **state)
{
    enum { NOW_S = 2000000000 };
    struct fixture *f = *state;
    struct token_pair next;

    dw_clock_set(NOW_S);
    fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    check_authenticated(f, pair.access_token, NOW_S);
    dw_clock_set(NOW_S + 600);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &next), DW_OK);
    check_authenticated(f, next.access_token, NOW_S);
    check_authenticated(f, fixture_pair(f, "alice").access_token, NOW_S + 600);
}

static void a_name_or_an_address_signs_in_without_case(void **state)
{
    struct fixture *f = *state;
    struct token_pair pair;

    fixture_user(f, "alice", "user");
    assert_int_equal(fixture_sign_in(f, "ALICE", "correct horse 5", NULL, &pair), DW_OK);
    assert_int_equal(fixture_sign_in(f, "Alice@Example.COM", "correct horse 5", NULL, &pair), DW_OK);
    assert_int_equal(fixture_sign_in(f, "alice", "correct horse 6", NULL, &pair), DW_ERR_SIGN_IN);
    assert_int_equal(fixture_sign_in(f, "nobody", "correct horse 5", NULL, &pair), DW_ERR_SIGN_IN);
    assert_int_equal(fixture_sign_in(f, "' OR 1=1 --", "correct horse 5", NULL, &pair), DW_ERR_SIGN_IN);
}

static void a_stolen_refresh_token_ends_the_whole_family(void **state)
{
    struct fixture *f = *state;
    struct token_pair next, thief;

    dw_clock_set(2000000000);
    fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    assert_int_equal(fixture_refresh(f, pair.refresh_token, &next), DW_OK);
    dw_clock_set(2000000000 + FIXTURE_GRACE_S + 1);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &thief), DW_ERR_REFRESH_REUSED);
    assert_int_equal(fixture_refresh(f, next.refresh_token, &thief), DW_ERR_REFRESH_INVALID);
    assert_int_equal(fixture_check(f, next.access_token), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(fixture_check(f, pair.access_token), DW_ERR_TOKEN_REVOKED);
    fixture_restart(f);
    assert_int_equal(fixture_check(f, next.access_token), DW_ERR_TOKEN_REVOKED);
}

static void a_lost_answer_can_be_asked_for_again_within_the_grace(void **state)
{
    struct fixture *f = *state;
    struct token_pair first, again, third;

    dw_clock_set(2000000000);
    fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    assert_int_equal(fixture_refresh(f, pair.refresh_token, &first), DW_OK);
    dw_clock_set(2000000000 + FIXTURE_GRACE_S);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &again), DW_OK);
    assert_true(dw_str_eq(first.refresh_token, again.refresh_token));
    /* Once the successor was used, the old one is a copy in somebody's hands, grace or not. */
    assert_int_equal(fixture_refresh(f, again.refresh_token, &third), DW_OK);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &again), DW_ERR_REFRESH_REUSED);
    assert_int_equal(fixture_refresh(f, third.refresh_token, &again), DW_ERR_REFRESH_INVALID);
}

enum { RACERS = 32 };

struct racer {
    struct fixture *f;
    struct dw_str token;
    struct dw_arena *arena;
    enum dw_err result;
    struct token_pair pair;
    pthread_t thread;
};

static void *race(void *argument)
{
    struct racer *r = argument;
    const struct device device = { 0 };

    r->result = session_refresh(r->f->identity, r->token, (struct dw_str){ 0 }, (struct dw_str){ 0 }, &device, r->arena,
                                &r->pair);
    return NULL;
}

static unsigned run_race(struct fixture *f, struct dw_str token, struct racer racers[RACERS])
{
    unsigned winners = 0;

    for (unsigned i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){ .f = f, .token = token };
        assert_int_equal(dw_arena_new(1 << 20, &racers[i].arena), DW_OK);
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < RACERS; i++) {
        pthread_join(racers[i].thread, NULL);
        winners += racers[i].result == DW_OK;
    }
    return winners;
}

static void many_refreshes_at_once_make_one_line(void **state)
{
    struct fixture *f = *state;
    struct racer racers[RACERS];

    dw_clock_set(2000000000);
    fixture_user(f, "alice", "user");
    assert_int_equal(run_race(f, fixture_pair(f, "alice").refresh_token, racers), RACERS);
    for (unsigned i = 0; i < RACERS; i++) {
        assert_true(dw_str_eq(racers[i].pair.refresh_token, racers[0].pair.refresh_token));
        if (i > 0)
            dw_arena_free(&racers[i].arena);
    }
    dw_arena_free(&racers[0].arena);
}

static void without_a_grace_exactly_one_wins(void **state)
{
    struct fixture *f = *state;
    struct racer racers[RACERS];

    f->identity->config.refresh_grace_s = 0;
    fixture_user(f, "alice", "user");
    assert_int_equal(run_race(f, fixture_pair(f, "alice").refresh_token, racers), 1);
    for (unsigned i = 0; i < RACERS; i++)
        dw_arena_free(&racers[i].arena);
}

static void what_is_no_refresh_token_is_refused(void **state)
{
    struct fixture *f = *state;
    struct token_pair pair, out;

    fixture_user(f, "alice", "user");
    pair = fixture_pair(f, "alice");
    char changed[2048];

    memcpy(changed, pair.refresh_token.ptr, pair.refresh_token.len);
    changed[pair.refresh_token.len - 10] ^= 1;
    const struct dw_str bad[] = {
        pair.access_token, DW_STR(""), DW_STR("a.b.c"), { NULL, 0 }, { changed, pair.refresh_token.len },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(fixture_refresh(f, bad[i], &out), DW_ERR_REFRESH_INVALID);
    assert_int_equal(fixture_check(f, pair.refresh_token) == DW_OK, 0);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &out), DW_OK);
}

static void a_refresh_token_belongs_to_its_client(void **state)
{
    struct fixture *f = *state;
    struct token_pair out;
    const struct device device = { 0 };

    fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    assert_int_equal(session_refresh(f->identity, pair.refresh_token, DW_STR("another"), (struct dw_str){ 0 }, &device,
                                     f->arena, &out), DW_ERR_REFRESH_INVALID);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &out), DW_OK);
}

static void expired_tokens_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct token_pair out;

    dw_clock_set(2000000000);
    fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    dw_clock_set(2000000000 + FIXTURE_ACCESS_TTL_S - 1);
    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    dw_clock_set(2000000000 + FIXTURE_ACCESS_TTL_S);
    assert_int_equal(fixture_check(f, pair.access_token), DW_ERR_TOKEN_EXPIRED);
    dw_clock_set(2000000000 + FIXTURE_REFRESH_TTL_S);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &out), DW_ERR_REFRESH_INVALID);
}

static void signing_out_ends_that_sign_in_alone_and_survives_a_restart(void **state)
{
    struct fixture *f = *state;
    char session[DW_UUID_SIZE];
    struct token_pair out;
    struct dw_claims claims;
    const struct user alice = fixture_user(f, "alice", "user");
    const struct token_pair phone = fixture_pair(f, "alice"), laptop = fixture_pair(f, "alice");

    assert_int_equal(dw_jwt_decode_unverified(phone.access_token, f->arena, &claims), DW_OK);
    snprintf(session, sizeof(session), "%.*s", (int)dw_claim_str(&claims, "sid").len,
             dw_claim_str(&claims, "sid").ptr);
    assert_int_equal(fixture_check(f, phone.access_token), DW_OK);
    assert_int_equal(session_sign_out(f->identity, &f->tenant, &SYSTEM, alice.id, dw_str(session), claims.id),
                     DW_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fixture_check(f, phone.access_token), DW_ERR_TOKEN_REVOKED);
        assert_int_equal(fixture_refresh(f, phone.refresh_token, &out), DW_ERR_REFRESH_INVALID);
        assert_int_equal(fixture_check(f, laptop.access_token), DW_OK);
        fixture_restart(f);
    }
}

static int64_t denied_until(struct fixture *f, int64_t from_s)
{
    struct token_pair pair = fixture_pair(f, "alice");
    struct dw_claims claims;
    struct deny_id id;

    assert_int_equal(dw_jwt_decode_unverified(pair.access_token, f->arena, &claims), DW_OK);
    assert_int_equal(session_sign_out(f->identity, &f->tenant, &SYSTEM, claims.subject, dw_claim_str(&claims, "sid"),
                                      claims.id), DW_OK);
    assert_true(deny_id_parse(claims.id, &id));
    for (dw_clock_set(from_s); dw_clock_now_s() < from_s + 86400; dw_clock_set(dw_clock_now_s() + 30)) {
        fixture_restart(f);
        if (!deny_list_has(f->identity->denied, &id))
            break;
    }
    return dw_clock_now_s();
}

/* A node whose clock is ahead by as much as is forgiven makes tokens that live as much longer by this one's. */
static void what_is_revoked_stays_so_as_long_as_clocks_may_differ(void **state)
{
    enum { NOW_S = 2000000000, DIFFERENCE_S = 60 };
    struct fixture *f = *state;

    dw_clock_set(NOW_S);
    fixture_user(f, "alice", "user");
    assert_in_range(denied_until(f, NOW_S + FIXTURE_ACCESS_TTL_S - 60) - NOW_S, FIXTURE_ACCESS_TTL_S + DIFFERENCE_S,
                    FIXTURE_ACCESS_TTL_S + 2 * DIFFERENCE_S);
}

/* A denial is kept for the lifetime of now: a token from when that was longer must not come back to life after it. */
static void a_token_lives_no_longer_than_tokens_do_now(void **state)
{
    enum { NOW_S = 2000000000 };
    struct fixture *f = *state;

    dw_clock_set(NOW_S);
    fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    f->identity->config.access_ttl_s = FIXTURE_ACCESS_TTL_S / 3;
    dw_clock_set(NOW_S + FIXTURE_ACCESS_TTL_S / 3 - 1);
    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    dw_clock_set(NOW_S + FIXTURE_ACCESS_TTL_S / 3);
    assert_int_equal(fixture_check(f, pair.access_token), DW_ERR_TOKEN_EXPIRED);
}

static void signing_out_everywhere_ends_all(void **state)
{
    struct fixture *f = *state;
    struct token_pair out;
    const struct user alice = fixture_user(f, "alice", "user");
    const struct token_pair phone = fixture_pair(f, "alice"), laptop = fixture_pair(f, "alice");

    assert_int_equal(session_sign_out_all(f->identity, &f->tenant, &SYSTEM, alice.id), DW_OK);
    assert_int_equal(fixture_check(f, phone.access_token), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(fixture_check(f, laptop.access_token), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(fixture_refresh(f, laptop.refresh_token, &out), DW_ERR_REFRESH_INVALID);
    assert_int_equal(fixture_check(f, fixture_pair(f, "alice").access_token), DW_OK);
    assert_int_equal(session_sign_out_all(f->identity, &f->tenant, &SYSTEM, DW_STR("no such id")), DW_ERR_NOT_FOUND);
}

static void scope_is_what_is_asked_and_may_be_had(void **state)
{
    static const struct {
        const char *role, *asked, *granted;
    } CASES[] = {
        { "moderator", NULL, "read:users moderate:content" },
        { "moderator", "read:users", "read:users" },
        { "moderator", "read:users delete:users", "read:users" },
        { "moderator", "delete:users", "" },
        { "user", NULL, "" },
        { "user", "read:users", "" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        char name[16];
        struct token_pair pair, next;

        snprintf(name, sizeof(name), "user-%zu", i);
        fixture_user(f, name, CASES[i].role);
        assert_int_equal(fixture_sign_in(f, name, "correct horse 6", CASES[i].asked, &pair), DW_OK);
        assert_true(dw_str_eq(pair.scope, dw_str(CASES[i].granted)));
        assert_int_equal(fixture_refresh(f, pair.refresh_token, &next), DW_OK);
        assert_true(dw_str_eq(next.scope, dw_str(CASES[i].granted)));
    }
    struct token_pair pair;

    assert_int_equal(fixture_sign_in(f, "user-0", "correct horse 6", "bad\"scope", &pair), DW_ERR_SCOPE_UNKNOWN);
}

static void a_sign_in_under_way_ends_with_the_password_that_began_it(void **state)
{
    struct fixture *f = *state;
    unsigned char old_bytes[] = "correct horse 5", new_bytes[] = "another long one";
    const struct dw_secret old = { old_bytes, sizeof(old_bytes) - 1 }, next = { new_bytes, sizeof(new_bytes) - 1 };
    const struct user alice = fixture_user(f, "alice", "user");
    const struct sign_in in = { .tenant = f->tenant, .login = DW_STR("alice"), .password = &old };
    struct first_factor factor;
    struct token_pair out;

    assert_int_equal(session_first_factor(f->identity, &in, f->arena, &factor), DW_OK);
    factor.rehash = DW_STR("a better hash of the old password");
    assert_int_equal(credential_set(f->identity, &f->tenant, &SYSTEM, alice.id, &next, (struct dw_str){ 0 }), DW_OK);
    assert_int_equal(session_open(f->identity, &in, &factor, f->arena, &out), DW_ERR_SIGN_IN);
    assert_int_equal(fixture_sign_in(f, "alice", "another long one", NULL, &out), DW_OK);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest stories[] = {
        STORY(a_pair_signs_in_and_refreshes),
        STORY(refreshing_makes_no_sign_in_recent),
        STORY(a_name_or_an_address_signs_in_without_case),
        STORY(a_stolen_refresh_token_ends_the_whole_family),
        STORY(a_lost_answer_can_be_asked_for_again_within_the_grace),
        STORY(many_refreshes_at_once_make_one_line),
        STORY(without_a_grace_exactly_one_wins),
        STORY(what_is_no_refresh_token_is_refused),
        STORY(a_refresh_token_belongs_to_its_client),
        STORY(expired_tokens_are_told_apart),
        STORY(signing_out_ends_that_sign_in_alone_and_survives_a_restart),
        STORY(what_is_revoked_stays_so_as_long_as_clocks_may_differ),
        STORY(a_token_lives_no_longer_than_tokens_do_now),
        STORY(signing_out_everywhere_ends_all),
        STORY(scope_is_what_is_asked_and_may_be_had),
        STORY(a_sign_in_under_way_ends_with_the_password_that_began_it),
    };

    return cmocka_run_group_tests_name("identity/session", stories, NULL, NULL);
}
