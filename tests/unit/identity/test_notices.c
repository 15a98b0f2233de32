/* Which of two addresses is the owner's, and what she is told there (spec E10). */
#include "recovery_fixture.h"

#include "identity/api_key.h"
#include "identity/notice.h"

/* A verified address, and then a new one that nobody has verified yet. */
static struct user moving(struct fixture *f, struct post *ret_post)
{
    struct user alice = registered(f, "alice", "alice@home.example");

    assert_int_equal(deliver(f, ret_post), 1);
    CHECK_OK(verify(f, ret_post->last.payload));
    set_email(f, alice.id, "alice@new.example");
    assert_int_equal(deliver(f, ret_post), 1);
    CHECK_OK(user_get(f->identity, &f->tenant, alice.id, f->arena, &alice));
    return alice;
}

static void check_email(struct fixture *f, struct dw_str id, const char *email, bool is_one_verified)
{
    struct user user;

    CHECK_OK(user_get(f->identity, &f->tenant, id, f->arena, &user));
    check_str(dw_str(email), user.email, "email");
    assert_int_equal(is_one_verified, user.email_verified);
}

static void until_the_new_address_is_verified_the_old_one_is_the_owners(void **state)
{
    static const char *const GIVEN[] = { "alice@new.example", "Alice@home.example" };
    struct fixture *f = *state;
    struct post post;
    const struct user alice = moving(f, &post);

    check_email(f, alice.id, "alice@new.example", false);
    check_str(DW_STR("alice@new.example"), post.last.to, "the verification");
    check_str(DW_STR("alice@home.example"), post.notice.to, "the notice");
    check_str(DW_STR("email_changed"), post.notice.kind, "kind");
    const struct dw_str verification = post.last.payload;

    for (size_t i = 0; i < ARRAY_SIZE(GIVEN); i++) {
        forget(f, GIVEN[i]);
        assert_int_equal(deliver(f, &post), 1);
        check_str(DW_STR("alice@home.example"), post.last.to, GIVEN[i]);
    }
    /* A reset by the old mailbox takes the change back: what was to verify the new address is dead. */
    CHECK_OK(reset(f, post.last.payload, "a brand new phrase"));
    check_email(f, alice.id, "alice@home.example", true);
    CHECK_ERR(DW_ERR_RECOVERY_TOKEN, verify(f, verification));
    assert_int_equal(deliver(f, &post), 0);
    check_str(DW_STR("password_changed"), post.notice.kind, "kind");
    check_str(DW_STR("alice@home.example"), post.notice.to, "told");
    check_str(DW_STR("127.0.0.1\n"), post.notice.payload, "from where");
}

static void once_it_is_verified_the_new_one_is(void **state)
{
    struct fixture *f = *state;
    struct post post;
    const struct user alice = moving(f, &post);
    const struct dw_str verification = post.last.payload, old = reset_token(f, "alice@home.example");

    CHECK_OK(verify(f, verification));
    check_email(f, alice.id, "alice@new.example", true);
    CHECK_ERR(DW_ERR_RECOVERY_TOKEN, reset(f, old, "a brand new phrase"));
    forget(f, "alice@home.example");
    assert_int_equal(deliver(f, &post), 0);
    CHECK_OK(reset(f, reset_token(f, "alice@new.example"), "a brand new phrase"));
    registered(f, "bob", "alice@home.example"); /* free again */
}

static void nobody_else_gets_the_old_one_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct post post;
    struct user user;
    const struct user alice = moving(f, &post), bob = registered(f, "bob", "bob@example.com");
    const struct user_change change = { .email = DW_STR("ALICE@home.example"), .is_active = -1 };
    unsigned char bytes[] = "a long enough one";
    const struct dw_secret password = { bytes, sizeof(bytes) - 1 };
    const struct user_new carol = { .username = DW_STR("carol"), .email = DW_STR("alice@home.example"),
                                    .password = &password };

    CHECK_ERR(DW_ERR_USER_TAKEN, user_create(f->identity, &f->tenant, &SYSTEM, &carol, f->arena, &user));
    CHECK_ERR(DW_ERR_USER_TAKEN, user_update(f->identity, &f->tenant, &SYSTEM, bob.id, &change, f->arena, &user));
    /* She herself goes back, and needs no new proof for what she has proved; or on, and it is still kept. */
    set_email(f, alice.id, "alice@third.example");
    deliver(f, &post);
    check_str(DW_STR("alice@home.example"), post.notice.to, "told");
    check_email(f, alice.id, "alice@third.example", false);
    set_email(f, alice.id, "alice@home.example");
    check_email(f, alice.id, "alice@home.example", true);
    forget(f, "alice@third.example");
    assert_int_equal(deliver(f, &post), 0);
}

static void an_address_that_was_never_verified_is_not_kept(void **state)
{
    struct fixture *f = *state;
    struct post post;
    const struct user alice = registered(f, "alice", "alice@home.example");

    set_email(f, alice.id, "alice@new.example");
    deliver(f, &post);
    check_str(DW_STR("alice@home.example"), post.notice.to, "it is told all the same");
    forget(f, "alice@home.example");
    forget(f, "alice@new.example");
    assert_int_equal(deliver(f, &post), 1);
    check_str(DW_STR("alice@new.example"), post.last.to, "to");
}

/* --- notices ---------------------------------------------------------------------------------------------------- */

static void notices_do_not_flood_and_stop_nothing(void **state)
{
    struct fixture *f = *state;
    struct post post;
    const struct user alice = fixture_user(f, "alice", "user");

    dw_clock_set(2000000000);
    for (int i = 0; i < NOTICE_HOURLY_MAX + 3; i++)
        set_password(f, alice.id);
    deliver(f, &post);
    assert_int_equal(NOTICE_HOURLY_MAX, post.n_notices);
    check_str(DW_STR("password_changed"), post.notice.kind, "kind");
    dw_clock_set(2000000000 + 3601);
    set_password(f, alice.id);
    deliver(f, &post);
    assert_int_equal(1, post.n_notices);
}

static void a_key_is_told_by_its_name(void **state)
{
    struct fixture *f = *state;
    struct post post;
    struct dw_str from, detail;
    const struct user alice = fixture_user(f, "alice", "user");
    const struct actor actor = { .id = alice.id, .address = DW_STR("192.0.2.7") };
    const struct api_key_owner owner = { .tenant = &f->tenant, .user_id = alice.id, .actor = &actor };
    const struct api_key_new wanted = { .name = DW_STR("nightly <b>report</b>"), .expires_s = -1 };
    struct api_key_made made;

    CHECK_OK(api_key_create(f->identity, &owner, &wanted, f->arena, &made));
    deliver(f, &post);
    check_str(DW_STR("api_key_created"), post.notice.kind, "kind");
    notice_parse(post.notice.payload, &from, &detail);
    check_str(DW_STR("192.0.2.7"), from, "from");
    check_str(DW_STR("nightly <b>report</b>"), detail, "detail");
    assert_null(memmem(post.notice.payload.ptr, post.notice.payload.len, made.key.ptr + 20, 20));
    notice_parse(DW_STR(""), &from, &detail);
    assert_int_equal(0, from.len + detail.len);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

CHECK_MAIN(STORY(until_the_new_address_is_verified_the_old_one_is_the_owners),
           STORY(once_it_is_verified_the_new_one_is),
           STORY(nobody_else_gets_the_old_one_meanwhile),
           STORY(an_address_that_was_never_verified_is_not_kept),
           STORY(notices_do_not_flood_and_stop_nothing),
           STORY(a_key_is_told_by_its_name))
