/* Accounts and their administration (spec E1, F1, C4), and the keys that sign. */
#include "fixture.h"

#include "identity/access_token.h"
#include "identity/credential.h"
#include "identity/principal.h"
#include "identity/signing_key.h"

static enum dw_err create(struct fixture *f, const char *name, const char *email, const char *password)
{
    struct user user;
    const struct dw_secret secret = { (unsigned char *)(uintptr_t)password, strlen(password) };
    const struct user_new new_user = { .username = dw_str(name), .email = dw_str(email), .password = &secret };

    return user_create(f->identity, &f->tenant, &SYSTEM, &new_user, f->arena, &user);
}

static void names_and_addresses_are_taken_without_case(void **state)
{
    static const struct {
        const char *name, *email, *password;
        enum dw_err expected;
    } CASES[] = {
        { "alice", "alice@example.com", "a long enough one", DW_OK },
        { "ALICE", "other@example.com", "a long enough one", DW_ERR_USER_TAKEN },
        { "bob", "Alice@EXAMPLE.com", "a long enough one", DW_ERR_USER_TAKEN },
        { "bob@example.com", "bob@example.com", "a long enough one", DW_ERR_VALIDATION },
        { "", "bob@example.com", "a long enough one", DW_ERR_VALIDATION },
        { "b b", "bob@example.com", "a long enough one", DW_ERR_VALIDATION },
        { "bob", "no address", "a long enough one", DW_ERR_VALIDATION },
        { "bob", "bob@example.com", "short", DW_ERR_PASSWORD_SHORT },
        { "bob", "bob@example.com", "password123", DW_ERR_PASSWORD_COMMON },
        { "bobby", "bob@example.com", "my name is Bobby", DW_ERR_PASSWORD_PERSONAL },
        { "bob", "bob@example.com", "a long enough one", DW_OK },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        assert_int_equal(create(f, CASES[i].name, CASES[i].email, CASES[i].password), CASES[i].expected);
}

static enum dw_err set_state(struct fixture *f, struct dw_str id, int is_active, const char *role)
{
    struct user user;
    const struct user_change change = { .is_active = is_active, .role = dw_str(role) };

    return user_update(f->identity, &f->tenant, &SYSTEM, id, &change, f->arena, &user);
}

static void the_last_administrator_stays(void **state)
{
    struct fixture *f = *state;
    const struct user root = fixture_user(f, "root", "admin"), second = fixture_user(f, "second", "admin");

    assert_int_equal(set_state(f, second.id, 0, NULL), DW_OK);
    assert_int_equal(set_state(f, root.id, 0, NULL), DW_ERR_LAST_ADMIN);
    assert_int_equal(set_state(f, root.id, -1, "user"), DW_ERR_LAST_ADMIN);
    assert_int_equal(user_delete(f->identity, &f->tenant, &SYSTEM, root.id), DW_ERR_LAST_ADMIN);
    assert_int_equal(set_state(f, root.id, -1, "admin"), DW_OK);
    assert_int_equal(set_state(f, second.id, 1, NULL), DW_OK);
    assert_int_equal(set_state(f, root.id, -1, "user"), DW_OK);
    assert_int_equal(set_state(f, root.id, -1, "no such role"), DW_ERR_VALIDATION);
}

static void a_disabled_user_is_out_at_once_and_old_tokens_stay_dead(void **state)
{
    struct fixture *f = *state;
    struct token_pair out;
    const struct user alice = fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    assert_int_equal(set_state(f, alice.id, 0, NULL), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_ERR_USER_INACTIVE);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &out), DW_ERR_REFRESH_INVALID);
    assert_int_equal(fixture_sign_in(f, "alice", "correct horse 5", NULL, &out), DW_ERR_USER_INACTIVE);
    assert_int_equal(fixture_sign_in(f, "alice", "wrong", NULL, &out), DW_ERR_SIGN_IN);
    assert_int_equal(set_state(f, alice.id, 1, NULL), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(fixture_check(f, fixture_pair(f, "alice").access_token), DW_OK);
}

static void a_deleted_user_is_gone(void **state)
{
    struct fixture *f = *state;
    struct token_pair out;
    const struct user alice = fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    assert_int_equal(user_delete(f->identity, &f->tenant, &SYSTEM, alice.id), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_ERR_USER_GONE);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &out), DW_ERR_REFRESH_INVALID);
    assert_int_equal(user_delete(f->identity, &f->tenant, &SYSTEM, alice.id), DW_ERR_NOT_FOUND);
}

static void rights_change_with_the_next_request(void **state)
{
    struct fixture *f = *state;
    struct principal p;
    const struct user alice = fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");

    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    assert_int_equal(set_state(f, alice.id, -1, "moderator"), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    assert_int_equal(principal_restore(f->identity, pair.access_token, false, false, f->arena, &p), DW_OK);
    assert_true(dw_str_eq(p.user->role, DW_STR("moderator")));
    assert_true(dw_str_list_has(p.scope, DW_STR("read:users")));
}

static void a_new_password_ends_the_other_sign_ins(void **state)
{
    struct fixture *f = *state;
    struct dw_claims claims;
    struct token_pair out;
    const struct user alice = fixture_user(f, "alice", "user");
    const struct token_pair here = fixture_pair(f, "alice"), there = fixture_pair(f, "alice");
    unsigned char bytes[] = "another long one";
    const struct dw_secret next = { bytes, sizeof(bytes) - 1 };

    assert_int_equal(dw_jwt_decode_unverified(here.access_token, f->arena, &claims), DW_OK);
    assert_int_equal(credential_set(f->identity, &f->tenant, &SYSTEM, alice.id, &next, dw_claim_str(&claims, "sid")),
                     DW_OK);
    assert_int_equal(fixture_check(f, here.access_token), DW_OK);
    assert_int_equal(fixture_check(f, there.access_token), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(fixture_refresh(f, there.refresh_token, &out), DW_ERR_REFRESH_INVALID);
    assert_int_equal(fixture_refresh(f, here.refresh_token, &out), DW_OK);
    assert_int_equal(fixture_sign_in(f, "alice", "correct horse 5", NULL, &out), DW_ERR_SIGN_IN);
    assert_int_equal(fixture_sign_in(f, "alice", "another long one", NULL, &out), DW_OK);
}

static void a_list_is_read_page_by_page(void **state)
{
    struct fixture *f = *state;
    struct user_page page;
    struct user_filter filter = { .is_active = -1, .limit = 2 };
    size_t seen = 0;

    for (int i = 0; i < 5; i++) {
        char name[] = "user_0";

        name[sizeof(name) - 2] = (char)('0' + i);
        fixture_user(f, name, i == 4 ? "moderator" : "user");
    }
    do {
        assert_int_equal(user_list(f->identity, &f->tenant, &filter, f->arena, &page), DW_OK);
        seen += page.n;
        filter.after = page.users[page.n - 1].id;
    } while (page.has_more);
    assert_int_equal(seen, 5);
    const struct {
        struct user_filter filter;
        size_t found;
    } cases[] = {
        { { .is_active = -1, .limit = 100, .role = DW_STR_INIT("moderator") }, 1 },
        { { .is_active = 0, .limit = 100 }, 0 },
        { { .is_active = 1, .limit = 100, .query = DW_STR_INIT("USER_3") }, 1 },
        { { .is_active = 1, .limit = 100, .query = DW_STR_INIT("%") }, 0 },
        { { .is_active = 1, .limit = 100, .query = DW_STR_INIT("r_") }, 5 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(user_list(f->identity, &f->tenant, &cases[i].filter, f->arena, &page), DW_OK);
        assert_int_equal(page.n, cases[i].found);
    }
}

static void another_tenant_does_not_exist(void **state)
{
    struct fixture *f = *state;
    struct user found;
    const struct user alice = fixture_user(f, "alice", "user");
    struct tenant other = f->tenant;

    other.id[0] = other.id[0] == 'f' ? 'e' : 'f';
    assert_int_equal(user_get(f->identity, &other, alice.id, f->arena, &found), DW_ERR_NOT_FOUND);
    assert_int_equal(user_find(f->identity, &other, DW_STR("alice"), f->arena, &found), DW_ERR_NOT_FOUND);
    assert_int_equal(user_delete(f->identity, &other, &SYSTEM, alice.id), DW_ERR_NOT_FOUND);
    assert_int_equal(session_sign_out_all(f->identity, &other, &SYSTEM, alice.id), DW_ERR_NOT_FOUND);
    assert_int_equal(user_get(f->identity, &f->tenant, alice.id, f->arena, &found), DW_OK);
}

static void a_rotated_key_verifies_until_it_is_retired(void **state)
{
    struct fixture *f = *state;
    struct dw_str kid;

    fixture_user(f, "alice", "user");
    const struct token_pair before = fixture_pair(f, "alice");
    const struct dw_str old_kid = dw_arena_copy(f->arena, dw_key_id(signing_key_active(f->identity)));

    assert_int_equal(signing_key_retire(f->identity, &SYSTEM, old_kid), DW_ERR_CONFLICT);
    assert_int_equal(signing_key_rotate(f->identity, &SYSTEM, true, f->arena, &kid), DW_OK);
    assert_false(dw_str_eq(kid, old_kid));
    const struct token_pair after = fixture_pair(f, "alice");

    assert_int_equal(fixture_check(f, before.access_token), DW_OK);
    assert_int_equal(fixture_check(f, after.access_token), DW_OK);
    assert_int_equal(signing_key_retire(f->identity, &SYSTEM, old_kid), DW_OK);
    assert_int_not_equal(fixture_check(f, before.access_token), DW_OK);
    assert_int_equal(fixture_check(f, after.access_token), DW_OK);
    assert_int_equal(signing_key_retire(f->identity, &SYSTEM, DW_STR("none")), DW_ERR_NOT_FOUND);
}

static void what_another_process_did_is_learnt(void **state)
{
    struct fixture *f = *state;
    const struct user alice = fixture_user(f, "alice", "user");
    const struct token_pair pair = fixture_pair(f, "alice");
    struct identity *beside = NULL;
    unsigned char bytes[] = "0123456789abcdef0123456789abcdef";
    struct identity_config config = f->identity->config;
    struct principal p;

    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    config.announce = true;
    assert_int_equal(identity_open(f->storage, f->passwords, &config,
                                   &(struct dw_secret){ bytes, sizeof(bytes) - 1 }, &beside), DW_OK);
    assert_int_equal(session_sign_out_all(beside, &f->tenant, &SYSTEM, alice.id), DW_OK);
    identity_close(&beside);
    assert_int_equal(identity_watch(f->identity), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(principal_restore(f->identity, fixture_pair(f, "alice").access_token, true, true, f->arena, &p),
                     DW_OK);
    assert_int_equal(identity_purge(f->identity), DW_OK);
}

/* The machine slept, or the database was held: the watch comes back after `late_s`. */
static void check_late_watch(struct fixture *f, int64_t late_s, const char *name)
{
    const struct user user = fixture_user(f, name, "user");
    const struct token_pair pair = fixture_pair(f, name);
    const int64_t now_s = dw_clock_now_s();
    struct identity *beside = NULL;
    unsigned char bytes[] = "0123456789abcdef0123456789abcdef";
    struct identity_config config = f->identity->config;
    struct user changed;
    struct principal p;

    assert_int_equal(identity_watch(f->identity), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    config.announce = true;
    assert_int_equal(identity_open(f->storage, f->passwords, &config,
                                   &(struct dw_secret){ bytes, sizeof(bytes) - 1 }, &beside), DW_OK);
    assert_int_equal(user_update(beside, &f->tenant, &SYSTEM, user.id,
                                 &(struct user_change){ .is_active = 0 }, f->arena, &changed), DW_OK);
    dw_clock_set(now_s + late_s);
    if (late_s > 1000)
        assert_int_equal(identity_purge(beside), DW_OK); /* what was announced is forgotten */
    identity_close(&beside);
    assert_int_equal(identity_watch(f->identity), DW_OK);
    dw_clock_set(now_s); /* the token itself has not expired: what is asked is what memory holds of the user */
    assert_int_not_equal(principal_restore(f->identity, pair.access_token, false, false, f->arena, &p), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_ERR_USER_INACTIVE);
    dw_clock_set(-1);
}

static void a_watch_that_comes_late_misses_nothing(void **state)
{
    check_late_watch(*state, 300, "alice");
    check_late_watch(*state, 7200, "robert");
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest stories[] = {
        STORY(names_and_addresses_are_taken_without_case),
        STORY(the_last_administrator_stays),
        STORY(a_disabled_user_is_out_at_once_and_old_tokens_stay_dead),
        STORY(a_deleted_user_is_gone),
        STORY(rights_change_with_the_next_request),
        STORY(a_new_password_ends_the_other_sign_ins),
        STORY(a_list_is_read_page_by_page),
        STORY(another_tenant_does_not_exist),
        STORY(a_rotated_key_verifies_until_it_is_retired),
        STORY(what_another_process_did_is_learnt),
        STORY(a_watch_that_comes_late_misses_nothing),
    };

    return cmocka_run_group_tests_name("identity/user", stories, NULL, NULL);
}
