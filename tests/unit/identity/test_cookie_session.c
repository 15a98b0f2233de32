/* Cookie sessions and the list of sign-ins (spec E6), told as what happens to a person's browsers. */
#include "fixture.h"

#include "identity/cookie_session.h"
#include "identity/credential.h"
#include "identity/sign_in_list.h"

enum { NOW_S = 2000000000, IDLE_S = 12 * 3600, TTL_S = 24 * 3600 };

static struct dw_secret borrow(const char *text)
{
    return (struct dw_secret){ (unsigned char *)(uintptr_t)text, strlen(text) };
}

/* A browser in which alice ("correct horse 5") signed in. */
static struct cookie_session open_session(struct fixture *f, bool is_remembered)
{
    const struct dw_secret password = borrow("correct horse 5");
    const struct sign_in in = { .tenant = f->tenant, .login = DW_STR("alice"), .password = &password,
                                .device = { DW_STR_INIT("192.0.2.7"), DW_STR_INIT("a browser") } };
    struct first_factor factor;
    struct cookie_session session;

    assert_int_equal(session_first_factor(f->identity, &in, f->arena, &factor), DW_OK);
    assert_int_equal(cookie_session_open(f->identity, &in, &factor, is_remembered, f->arena, &session), DW_OK);
    return session;
}

static enum dw_err restore(struct fixture *f, struct dw_str value, bool *ret_is_stale)
{
    struct principal principal;

    return cookie_session_restore(f->identity, value, f->arena, &principal, ret_is_stale);
}

static enum dw_err check(struct fixture *f, const struct cookie_session *session)
{
    bool is_stale;

    return restore(f, session->value.text, &is_stale);
}

static void a_cookie_stands_for_its_user(void **state)
{
    struct fixture *f = *state;
    const struct user alice = fixture_user(f, "alice", "moderator");
    const struct cookie_session session = open_session(f, false);
    struct principal p;
    bool is_stale = true;

    assert_int_equal(session.value.max_age_s, 0);
    assert_int_equal(session.value.text.len, COOKIE_SESSION_VALUE_CHARS);
    assert_int_equal(cookie_session_restore(f->identity, session.value.text, f->arena, &p, &is_stale), DW_OK);
    assert_false(is_stale);
    assert_true(dw_str_eq(p.user->id, alice.id));
    assert_true(dw_str_eq(p.session, session.id));
    assert_true(dw_str_eq(p.scope, alice.permissions));
    assert_true(p.token_id.ptr == NULL);
    fixture_restart(f);
    assert_int_equal(check(f, &session), DW_OK);
}

static void what_is_no_value_of_ours_is_refused(void **state)
{
    struct fixture *f = *state;
    char changed[COOKIE_SESSION_VALUE_CHARS];
    bool is_stale;

    fixture_user(f, "alice", "user");
    const struct cookie_session session = open_session(f, false);

    memcpy(changed, session.value.text.ptr, sizeof(changed));
    changed[7] = changed[7] == 'A' ? 'B' : 'A';
    const struct dw_str bad[] = {
        { changed, sizeof(changed) }, { NULL, 0 }, DW_STR(""), session.id, { session.value.text.ptr, 42 },
        DW_STR("' OR 1=1 --aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(restore(f, bad[i], &is_stale), DW_ERR_TOKEN_INVALID);
    assert_int_equal(check(f, &session), DW_OK);
}

/* When a session that was opened at NOW_S is asked for. */
static const struct {
    bool is_remembered;
    int64_t seen_at[3], at; /* seen_at: 0 for not at all */
    enum dw_err expected;
} LIFETIMES[] = {
    { false, { 0 }, IDLE_S - 1, DW_OK },
    { false, { 0 }, IDLE_S, DW_ERR_TOKEN_EXPIRED },
    { false, { IDLE_S - 60 }, 2 * IDLE_S - 61, DW_OK },
    { false, { IDLE_S - 60 }, 2 * IDLE_S - 60, DW_ERR_TOKEN_EXPIRED },
    { false, { IDLE_S / 2, IDLE_S, IDLE_S * 3 / 2 }, TTL_S - 1, DW_OK },
    { false, { IDLE_S / 2, IDLE_S, IDLE_S * 3 / 2 }, TTL_S, DW_ERR_TOKEN_EXPIRED },
    { false, { 59 }, IDLE_S, DW_ERR_TOKEN_EXPIRED }, /* too soon to be written down: at worst a minute is lost */
    { true, { 0 }, COOKIE_SESSION_REMEMBERED_S - 1, DW_OK },
    { true, { 0 }, COOKIE_SESSION_REMEMBERED_S, DW_ERR_TOKEN_EXPIRED },
};

static void sessions_end_idle_and_absolutely(void **state)
{
    struct fixture *f = *state;

    fixture_user(f, "alice", "user");
    for (size_t i = 0; i < ARRAY_SIZE(LIFETIMES); i++) {
        dw_clock_set(NOW_S);
        const struct cookie_session session = open_session(f, LIFETIMES[i].is_remembered);

        for (size_t k = 0; k < ARRAY_SIZE(LIFETIMES[i].seen_at) && LIFETIMES[i].seen_at[k] != 0; k++) {
            dw_clock_set(NOW_S + LIFETIMES[i].seen_at[k]);
            assert_int_equal(check(f, &session), DW_OK);
        }
        dw_clock_set(NOW_S + LIFETIMES[i].at);
        if (check(f, &session) != LIFETIMES[i].expected)
            fail_msg("case %zu", i);
    }
}

static void what_ends_sign_ins_ends_cookies_too(void **state)
{
    struct fixture *f = *state;
    const struct user alice = fixture_user(f, "alice", "user");
    const struct dw_secret wanted = borrow("another long phrase");
    struct user_change disable = { .is_active = 0 }, enable = { .is_active = 1 };
    struct user out;
    struct cookie_session one = open_session(f, false), two = open_session(f, false);

    assert_int_equal(session_sign_out(f->identity, &f->tenant, &SYSTEM, alice.id, one.id, dw_str(NULL)), DW_OK);
    assert_int_equal(check(f, &one), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(check(f, &two), DW_OK);
    one = open_session(f, true);
    assert_int_equal(session_sign_out_all(f->identity, &f->tenant, &SYSTEM, alice.id), DW_OK);
    assert_int_equal(check(f, &one), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(check(f, &two), DW_ERR_TOKEN_REVOKED);

    one = open_session(f, false);
    assert_int_equal(user_update(f->identity, &f->tenant, &SYSTEM, alice.id, &disable, f->arena, &out), DW_OK);
    assert_int_equal(check(f, &one), DW_ERR_USER_INACTIVE);
    assert_int_equal(user_update(f->identity, &f->tenant, &SYSTEM, alice.id, &enable, f->arena, &out), DW_OK);
    assert_int_equal(check(f, &one), DW_ERR_TOKEN_REVOKED);

    one = open_session(f, false);
    two = open_session(f, false);
    assert_int_equal(credential_set(f->identity, &f->tenant, &SYSTEM, alice.id, &wanted, one.id), DW_OK);
    assert_int_equal(check(f, &one), DW_OK);
    assert_int_equal(check(f, &two), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(user_delete(f->identity, &f->tenant, &SYSTEM, alice.id), DW_OK);
    assert_int_equal(check(f, &one), DW_ERR_TOKEN_INVALID);
}

static void a_renewed_value_replaces_the_old_one(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(NOW_S);
    fixture_user(f, "alice", "user");
    const struct cookie_session session = open_session(f, true);
    struct cookie_value value;
    bool is_stale;

    dw_clock_set(NOW_S + 100);
    assert_int_equal(cookie_session_renew(f->identity, &session.user, session.id, RENEW_ALWAYS, &SYSTEM, f->arena,
                                          &value), DW_OK);
    assert_int_equal(value.max_age_s, COOKIE_SESSION_REMEMBERED_S - 100);
    assert_int_equal(check(f, &session), DW_ERR_TOKEN_INVALID);
    assert_int_equal(restore(f, value.text, &is_stale), DW_OK);
    assert_int_equal(session_sign_out(f->identity, &f->tenant, &SYSTEM, session.user.id, session.id, dw_str(NULL)),
                     DW_OK);
    assert_int_equal(cookie_session_renew(f->identity, &session.user, session.id, RENEW_ALWAYS, &SYSTEM, f->arena,
                                          &value), DW_ERR_NOT_FOUND);
}

static void a_change_of_rights_makes_a_value_stale_once(void **state)
{
    struct fixture *f = *state;
    const struct user_change promote = { .is_active = -1, .role = DW_STR("moderator") };
    struct cookie_value first, second;
    struct user alice;
    bool is_stale = false;

    fixture_user(f, "alice", "user");
    const struct cookie_session session = open_session(f, false);

    assert_int_equal(user_update(f->identity, &f->tenant, &SYSTEM, session.user.id, &promote, f->arena, &alice),
                     DW_OK);
    assert_int_equal(restore(f, session.value.text, &is_stale), DW_OK);
    assert_true(is_stale);
    /* Two requests at once: one gets the value, the other goes on without. */
    assert_int_equal(cookie_session_renew(f->identity, &alice, session.id, RENEW_STALE, &SYSTEM, f->arena, &first),
                     DW_OK);
    assert_int_equal(cookie_session_renew(f->identity, &alice, session.id, RENEW_STALE, &SYSTEM, f->arena, &second),
                     DW_OK);
    assert_int_equal(first.text.len, COOKIE_SESSION_VALUE_CHARS);
    assert_int_equal(second.text.len, 0);
    assert_int_equal(check(f, &session), DW_ERR_TOKEN_INVALID);
    assert_int_equal(restore(f, first.text, &is_stale), DW_OK);
    assert_false(is_stale);
}

static void a_session_that_was_brought_along_is_ended(void **state)
{
    struct fixture *f = *state;

    fixture_user(f, "alice", "user");
    const struct cookie_session brought = open_session(f, false), other = open_session(f, false);

    assert_int_equal(cookie_session_end(f->identity, brought.value.text, DW_STR("192.0.2.7")), DW_OK);
    assert_int_equal(cookie_session_end(f->identity, brought.value.text, DW_STR("192.0.2.7")), DW_OK);
    assert_int_equal(cookie_session_end(f->identity, DW_STR("nonsense"), DW_STR("192.0.2.7")), DW_OK);
    assert_int_equal(cookie_session_end(f->identity, dw_str(NULL), DW_STR("192.0.2.7")), DW_OK);
    assert_int_equal(check(f, &brought), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(check(f, &other), DW_OK);
}

static struct sign_in_page list(struct fixture *f, struct dw_str user_id, struct dw_str after, unsigned limit)
{
    struct sign_in_page page;

    assert_int_equal(sign_in_list(f->identity, &f->tenant, user_id, after, limit, f->arena, &page), DW_OK);
    return page;
}

static void the_list_holds_what_is_alive_newest_first(void **state)
{
    struct fixture *f = *state;
    const struct user alice = fixture_user(f, "alice", "user"), bob = fixture_user(f, "bob", "user");
    const struct dw_str start = { NULL, 0 };

    dw_clock_set(NOW_S);
    const struct cookie_session first = open_session(f, false);

    fixture_pair(f, "alice");
    const struct cookie_session last = open_session(f, true);
    struct sign_in_page page = list(f, alice.id, start, 100);

    assert_int_equal(page.n, 3);
    assert_true(dw_str_eq(page.entries[0].id, last.id));
    assert_true(dw_str_eq(page.entries[0].kind, DW_STR("cookie")));
    assert_true(dw_str_eq(page.entries[1].kind, DW_STR("token")));
    assert_true(dw_str_eq(page.entries[2].user_agent, DW_STR("a browser")));
    assert_true(dw_str_eq(page.entries[2].address, DW_STR("192.0.2.7")));
    assert_int_equal(page.entries[2].created_at, NOW_S);
    assert_int_equal(page.entries[2].expires_at, NOW_S + TTL_S);
    page = list(f, alice.id, start, 2);
    assert_true(page.has_more);
    page = list(f, alice.id, page.entries[1].id, 2);
    assert_int_equal(page.n, 1);
    assert_false(page.has_more);
    assert_true(dw_str_eq(page.entries[0].id, first.id));
    assert_int_equal(list(f, bob.id, start, 100).n, 0);

    dw_clock_set(NOW_S + 600);
    assert_int_equal(check(f, &first), DW_OK);
    assert_int_equal(list(f, alice.id, start, 100).entries[2].last_seen_at, NOW_S + 600);
    dw_clock_set(NOW_S + 600 + IDLE_S);
    assert_int_equal(list(f, alice.id, start, 100).n, 2);
    dw_clock_set(NOW_S + COOKIE_SESSION_REMEMBERED_S);
    assert_int_equal(list(f, alice.id, start, 100).n, 0);
}

static void one_is_ended_by_its_owner_alone(void **state)
{
    struct fixture *f = *state;
    const struct user alice = fixture_user(f, "alice", "user"), bob = fixture_user(f, "bob", "user");
    const struct token_pair pair = fixture_pair(f, "alice");
    const struct dw_str id = list(f, alice.id, dw_str(NULL), 1).entries[0].id;
    const struct cookie_session session = open_session(f, false);
    struct tenant other = f->tenant;
    struct token_pair out;

    other.id[0] ^= 1;
    assert_int_equal(sign_in_end(f->identity, &f->tenant, &SYSTEM, bob.id, id), DW_ERR_NOT_FOUND);
    assert_int_equal(sign_in_end(f->identity, &other, &SYSTEM, alice.id, id), DW_ERR_NOT_FOUND);
    assert_int_equal(sign_in_end(f->identity, &f->tenant, &SYSTEM, alice.id, DW_STR("nonsense")), DW_ERR_NOT_FOUND);
    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    assert_int_equal(sign_in_end(f->identity, &f->tenant, &SYSTEM, alice.id, id), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(fixture_refresh(f, pair.refresh_token, &out), DW_ERR_REFRESH_INVALID);
    assert_int_equal(sign_in_end(f->identity, &f->tenant, &SYSTEM, alice.id, id), DW_ERR_NOT_FOUND);
    assert_int_equal(check(f, &session), DW_OK);
    assert_int_equal(sign_in_end(f->identity, &f->tenant, &SYSTEM, alice.id, session.id), DW_OK);
    assert_int_equal(check(f, &session), DW_ERR_TOKEN_REVOKED);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest stories[] = {
        STORY(a_cookie_stands_for_its_user),
        STORY(what_is_no_value_of_ours_is_refused),
        STORY(sessions_end_idle_and_absolutely),
        STORY(what_ends_sign_ins_ends_cookies_too),
        STORY(a_renewed_value_replaces_the_old_one),
        STORY(a_change_of_rights_makes_a_value_stale_once),
        STORY(a_session_that_was_brought_along_is_ended),
        STORY(the_list_holds_what_is_alive_newest_first),
        STORY(one_is_ended_by_its_owner_alone),
    };

    return cmocka_run_group_tests_name("identity/cookie_session", stories, NULL, NULL);
}
