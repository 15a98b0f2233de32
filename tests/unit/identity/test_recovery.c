/* Forgotten passwords, verification of addresses, and the outbox (spec E10). */
#include "recovery_fixture.h"

#include "identity/audit.h"
#include "identity/tenant_admin.h"

static bool is_verified(struct fixture *f, struct dw_str id)
{
    struct user user;

    assert_int_equal(user_get(f->identity, &f->tenant, id, f->arena, &user), DW_OK);
    return user.email_verified;
}

/* --- resetting -------------------------------------------------------------------------------------------------- */

static void a_reset_sets_the_password_and_ends_every_sign_in(void **state)
{
    struct fixture *f = *state;
    struct token_pair out;

    fixture_user(f, "alice", "user");
    const struct token_pair before = fixture_pair(f, "alice");
    const struct dw_str token = reset_token(f, "Alice@example.com");

    assert_int_equal(fixture_check(f, before.access_token), DW_OK);
    assert_int_equal(reset(f, token, "a brand new phrase"), DW_OK);
    assert_int_equal(fixture_check(f, before.access_token), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(fixture_refresh(f, before.refresh_token, &out), DW_ERR_REFRESH_INVALID);
    assert_int_equal(fixture_sign_in(f, "alice", "correct horse 5", NULL, &out), DW_ERR_SIGN_IN);
    assert_int_equal(fixture_sign_in(f, "alice", "a brand new phrase", NULL, &out), DW_OK);
    assert_int_equal(reset(f, token, "another new phrase"), DW_ERR_RECOVERY_TOKEN);
    fixture_restart(f);
    assert_int_equal(reset(f, token, "another new phrase"), DW_ERR_RECOVERY_TOKEN);
}

static void a_weak_password_leaves_the_token_good(void **state)
{
    struct fixture *f = *state;

    fixture_user(f, "alice", "user");
    const struct dw_str token = reset_token(f, "alice@example.com");

    assert_int_equal(reset(f, token, "short"), DW_ERR_PASSWORD_SHORT);
    assert_int_equal(reset(f, token, "password123"), DW_ERR_PASSWORD_COMMON);
    assert_int_equal(reset(f, token, "this is alice's own"), DW_ERR_PASSWORD_PERSONAL);
    assert_int_equal(reset(f, token, "a brand new phrase"), DW_OK);
}

static void set_active(struct fixture *f, struct dw_str id, int is_active)
{
    struct user user;
    const struct user_change change = { .is_active = is_active };

    assert_int_equal(user_update(f->identity, &f->tenant, &SYSTEM, id, &change, f->arena, &user), DW_OK);
}

static void what_is_no_live_token_is_refused(void **state)
{
    static const struct {
        const char *name;
        const char *meanwhile;
    } CASES[] = {
        { "anna", "newer" },    { "berta", "expiry" },  { "carla", "address" },
        { "dora", "disabled" }, { "emma", "password" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        char email[64];
        const struct user user = fixture_user(f, CASES[i].name, "user");

        snprintf(email, sizeof(email), "%s@example.com", CASES[i].name);
        const struct dw_str token = reset_token(f, email);

        if (strcmp(CASES[i].meanwhile, "newer") == 0)
            reset_token(f, email);
        if (strcmp(CASES[i].meanwhile, "expiry") == 0)
            dw_clock_set(dw_clock_now_s() + 3600);
        if (strcmp(CASES[i].meanwhile, "address") == 0)
            set_email(f, user.id, "carla.new@example.com");
        if (strcmp(CASES[i].meanwhile, "disabled") == 0)
            set_active(f, user.id, 0);
        if (strcmp(CASES[i].meanwhile, "password") == 0)
            set_password(f, user.id);
        if (reset(f, token, "a brand new phrase") != DW_ERR_RECOVERY_TOKEN)
            fail_msg("%s: the token was good after: %s", CASES[i].name, CASES[i].meanwhile);
        dw_clock_set(-1);
    }
}

static void a_token_is_good_for_its_own_purpose_alone(void **state)
{
    struct fixture *f = *state;
    struct post post;
    const struct user alice = registered(f, "alice", "alice@example.com");

    assert_int_equal(deliver(f, &post), 1);
    assert_int_equal(reset(f, post.last.payload, "a brand new phrase"), DW_ERR_RECOVERY_TOKEN);
    const struct dw_str other = reset_token(f, "alice@example.com");

    assert_int_equal(verify(f, other), DW_ERR_RECOVERY_TOKEN);
    assert_false(is_verified(f, alice.id));
    assert_int_equal(verify(f, DW_STR("")), DW_ERR_RECOVERY_TOKEN);
    assert_int_equal(verify(f, DW_STR("0123456789012345678901234567890123456789012")), DW_ERR_RECOVERY_TOKEN);
    assert_int_equal(reset(f, other, "a brand new phrase"), DW_OK);
}

/* Whoever likes may guess, and must not fill the disk with it. */
static void guesses_without_end_do_not_fill_the_audit_log(void **state)
{
    struct fixture *f = *state;
    struct audit_head before, after;

    dw_clock_set(2000000000);
    for (int minute = 0; minute < 2; minute++) {
        assert_int_equal(audit_head_read(f->identity, &before), DW_OK);
        for (int i = 0; i < RECOVERY_REFUSALS_MAX + 20; i++) {
            const struct dw_str token = DW_STR("0123456789012345678901234567890123456789012");

            assert_int_equal(i % 2 ? verify(f, token) : reset(f, token, "a brand new phrase"), DW_ERR_RECOVERY_TOKEN);
        }
        assert_int_equal(audit_head_read(f->identity, &after), DW_OK);
        assert_int_equal(after.seq - before.seq, RECOVERY_REFUSALS_MAX);
        dw_clock_set(dw_clock_now_s() + 60);
    }
}

static void set_tenant_active(struct fixture *f, int is_active)
{
    const struct tenant_change change = { .is_active = is_active };
    struct tenant_record record;
    struct tenant operators;

    assert_int_equal(tenant_find(f->identity, (struct dw_str){ 0 }, &operators), DW_OK);
    assert_int_equal(tenant_update(f->identity, &operators, &SYSTEM, dw_str(f->tenant.id), &change, f->arena, &record),
                     DW_OK);
}

static void a_disabled_tenants_links_lead_nowhere_until_it_is_enabled(void **state)
{
    struct fixture *f = *state;
    struct tenant_record record;
    struct post post;

    assert_int_equal(tenant_create(f->identity, &f->tenant, &SYSTEM, DW_STR("acme"), DW_STR("Acme"), f->arena, &record),
                     DW_OK);
    assert_int_equal(tenant_find(f->identity, DW_STR("acme"), &f->tenant), DW_OK);
    const struct user alice = registered(f, "alice", "alice@example.com");

    assert_int_equal(deliver(f, &post), 1);
    const struct dw_str to_verify = post.last.payload;

    assert_int_equal(recovery_request(f->identity, DW_STR("acme"), DW_STR("alice@example.com"), DW_STR("::1")), DW_OK);
    assert_int_equal(deliver(f, &post), 1);
    const struct dw_str to_reset = post.last.payload;

    set_tenant_active(f, 0);
    assert_int_equal(verify(f, to_verify), DW_ERR_RECOVERY_TOKEN);
    assert_int_equal(reset(f, to_reset, "a brand new phrase"), DW_ERR_RECOVERY_TOKEN);
    assert_false(is_verified(f, alice.id));
    set_tenant_active(f, 1);
    assert_int_equal(verify(f, to_verify), DW_OK);
    assert_int_equal(reset(f, to_reset, "a brand new phrase"), DW_OK);
}

static void nobody_else_gets_a_mail(void **state)
{
    struct fixture *f = *state;
    struct post post;
    const struct user off = fixture_user(f, "off", "user");

    fixture_user(f, "alice", "user");
    set_active(f, off.id, 0);
    forget(f, "nobody@example.com");
    forget(f, "off@example.com");
    assert_int_equal(recovery_request(f->identity, DW_STR("elsewhere"), DW_STR("alice@example.com"), DW_STR("::1")),
                     DW_OK);
    assert_int_equal(recovery_request(f->identity, (struct dw_str){ 0 }, DW_STR("no address"), DW_STR("::1")),
                     DW_ERR_VALIDATION);
    assert_int_equal(deliver(f, &post), 0);
}

static void a_mailbox_is_not_flooded(void **state)
{
    struct fixture *f = *state;
    struct post post;

    fixture_user(f, "alice", "user");
    dw_clock_set(2000000000);
    for (int i = 0; i < 6; i++) {
        forget(f, "alice@example.com");
        assert_int_equal(deliver(f, &post), i < RECOVERY_HOURLY_MAX ? 1 : 0);
    }
    dw_clock_set(2000000000 + RECOVERY_WINDOW_S);
    forget(f, "alice@example.com");
    assert_int_equal(deliver(f, &post), 1);
}

/* --- addresses -------------------------------------------------------------------------------------------------- */

static void an_address_is_verified_by_its_own_mail(void **state)
{
    struct fixture *f = *state;
    struct post first, second;
    const struct user alice = registered(f, "alice", "alice@example.com");

    assert_int_equal(deliver(f, &first), 1);
    assert_true(dw_str_eq(first.last.to, DW_STR("alice@example.com")));
    set_email(f, alice.id, "alice@example.org");
    assert_int_equal(deliver(f, &second), 1);
    assert_true(dw_str_eq(second.last.to, DW_STR("alice@example.org")));
    assert_int_equal(verify(f, first.last.payload), DW_ERR_RECOVERY_TOKEN);
    assert_false(is_verified(f, alice.id));
    assert_int_equal(verify(f, second.last.payload), DW_OK);
    assert_true(is_verified(f, alice.id));
    assert_int_equal(verify(f, second.last.payload), DW_ERR_RECOVERY_TOKEN);
}

static void another_mail_may_be_asked_for_now_and_then(void **state)
{
    struct fixture *f = *state;
    struct post post;
    bool is_needless = false;
    int64_t wait_s = 0;

    dw_clock_set(2000000000);
    const struct user alice = registered(f, "alice", "alice@example.com");
    const struct actor me = { .id = alice.id };

    for (int i = 1; i < RECOVERY_HOURLY_MAX; i++)
        assert_int_equal(recovery_resend(f->identity, &f->tenant, &me, &is_needless, &wait_s), DW_OK);
    dw_clock_set(2000000000 + 100);
    assert_int_equal(recovery_resend(f->identity, &f->tenant, &me, &is_needless, &wait_s), DW_ERR_RATE_LIMITED);
    assert_int_equal(wait_s, RECOVERY_WINDOW_S - 100);
    /* The mails whose tokens are dead were taken back before they left. */
    assert_int_equal(deliver(f, &post), 1);
    assert_int_equal(verify(f, post.last.payload), DW_OK);
    assert_int_equal(recovery_resend(f->identity, &f->tenant, &me, &is_needless, &wait_s), DW_OK);
    assert_true(is_needless);
    assert_int_equal(deliver(f, &post), 0);
}

/* --- the outbox ------------------------------------------------------------------------------------------------- */

static void a_mail_is_tried_until_it_is_taken(void **state)
{
    static const int64_t WAITS_S[] = { 5, 15, 60, 300, 900, 900 };
    struct fixture *f = *state;
    struct post post = { .arena = f->arena, .answer = DW_ERR_UNAVAILABLE };
    int64_t now_s = 2000000000;

    fixture_user(f, "alice", "user");
    dw_clock_set(now_s);
    forget(f, "alice@example.com");
    assert_int_equal(recovery_work(f->identity), DW_OK);
    assert_int_equal(outbox_run(f->identity, receive, &post), DW_ERR_UNAVAILABLE);
    for (size_t i = 0; i < ARRAY_SIZE(WAITS_S); i++) {
        now_s += WAITS_S[i];
        dw_clock_set(now_s - 1);
        assert_int_equal(outbox_run(f->identity, receive, &post), DW_OK);
        fixture_restart(f);
        dw_clock_set(now_s);
        if (i + 1 < ARRAY_SIZE(WAITS_S))
            assert_int_equal(outbox_run(f->identity, receive, &post), DW_ERR_UNAVAILABLE);
    }
    post.answer = DW_OK;
    assert_int_equal(outbox_run(f->identity, receive, &post), DW_OK);
    assert_int_equal(post.n, 1);
    assert_int_equal(reset(f, post.last.payload, "a brand new phrase"), DW_OK);
    assert_int_equal(outbox_run(f->identity, receive, &post), DW_OK);
    assert_int_equal(post.n, 1);
}

/* A server that does not know one recipient. */
static enum dw_err refuse_nobody(void *argument, const struct outbox_mail *mail)
{
    const bool is_nobody = dw_str_starts_with(mail->to, DW_STR("nobody"));

    return is_nobody ? DW_ERR_VALIDATION : receive(argument, mail);
}

static void what_one_server_does_not_take_holds_up_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct post post = { .arena = f->arena };

    dw_clock_set(2000000000);
    for (int i = 0; i < 5; i++) {
        char name[16], email[32];

        snprintf(name, sizeof(name), "nobody%d", i);
        snprintf(email, sizeof(email), "nobody%d@example.com", i);
        registered(f, name, email);
    }
    registered(f, "alice", "alice@example.com");
    assert_int_equal(outbox_run(f->identity, refuse_nobody, &post), DW_OK);
    assert_int_equal(post.n, 1);
    assert_true(dw_str_eq(post.last.to, DW_STR("alice@example.com")));
    /* It is tried again like any other. */
    assert_int_equal(outbox_run(f->identity, receive, &post), DW_OK);
    assert_int_equal(post.n, 1);
    dw_clock_set(2000000000 + 5);
    assert_int_equal(outbox_run(f->identity, receive, &post), DW_OK);
    assert_int_equal(post.n, 6);
}

static void a_dead_link_is_not_sent(void **state)
{
    struct fixture *f = *state;
    struct post post = { .arena = f->arena, .answer = DW_ERR_UNAVAILABLE };

    fixture_user(f, "alice", "user");
    dw_clock_set(2000000000);
    forget(f, "alice@example.com");
    assert_int_equal(recovery_work(f->identity), DW_OK);
    assert_int_equal(outbox_run(f->identity, receive, &post), DW_ERR_UNAVAILABLE);
    dw_clock_set(2000000000 + 3600);
    post.answer = DW_OK;
    assert_int_equal(outbox_run(f->identity, receive, &post), DW_OK);
    assert_int_equal(post.n, 0);
    dw_clock_set(2000000000 + 3600 + OUTBOX_KEEP_S);
    assert_int_equal(identity_purge(f->identity), DW_OK);
}

/* A server that died while it was sending: another one sends it again after the claim has run out. */
static enum dw_err crash(void *argument, const struct outbox_mail *mail)
{
    struct fixture *f = argument;
    struct post other = { .arena = f->arena };

    (void)mail;
    assert_int_equal(outbox_run(f->identity, receive, &other), DW_OK);
    assert_int_equal(other.n, 0);
    dw_clock_set(dw_clock_now_s() + OUTBOX_CLAIM_S);
    assert_int_equal(outbox_run(f->identity, receive, &other), DW_OK);
    assert_int_equal(other.n, 1);
    return DW_OK;
}

static void two_servers_do_not_send_the_same_mail_unless_one_dies(void **state)
{
    struct fixture *f = *state;

    fixture_user(f, "alice", "user");
    dw_clock_set(2000000000);
    forget(f, "alice@example.com");
    assert_int_equal(recovery_work(f->identity), DW_OK);
    assert_int_equal(outbox_run(f->identity, crash, f), DW_OK);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest stories[] = {
        STORY(a_reset_sets_the_password_and_ends_every_sign_in),
        STORY(a_weak_password_leaves_the_token_good),
        STORY(what_is_no_live_token_is_refused),
        STORY(a_token_is_good_for_its_own_purpose_alone),
        STORY(guesses_without_end_do_not_fill_the_audit_log),
        STORY(a_disabled_tenants_links_lead_nowhere_until_it_is_enabled),
        STORY(nobody_else_gets_a_mail),
        STORY(a_mailbox_is_not_flooded),
        STORY(an_address_is_verified_by_its_own_mail),
        STORY(another_mail_may_be_asked_for_now_and_then),
        STORY(a_mail_is_tried_until_it_is_taken),
        STORY(what_one_server_does_not_take_holds_up_nothing_else),
        STORY(a_dead_link_is_not_sent),
        STORY(two_servers_do_not_send_the_same_mail_unless_one_dies),
    };

    return cmocka_run_group_tests(stories, NULL, NULL);
}
