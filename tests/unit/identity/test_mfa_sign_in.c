/* Second factors and the sign-ins that they are of (spec E9, RFC 9068 §2.2.1). */
#include "mfa_fixture.h"

#include "identity/cookie_session.h"
#include "identity/principal.h"

static void check_second_factor(struct fixture *f, struct dw_str token)
{
    static const char *const METHODS[] = { "pwd", "otp", "mfa", NULL };
    struct dw_claims claims;
    struct principal slow, fast;

    assert_int_equal(dw_jwt_decode_unverified(token, f->arena, &claims), DW_OK);
    for (size_t i = 0; i < ARRAY_SIZE(METHODS); i++)
        assert_true(dw_str_eq(dw_claim_item(&claims, "amr", i), dw_str(METHODS[i])));
    assert_int_equal(principal_restore(f->identity, token, true, true, f->arena, &slow), DW_OK);
    assert_int_equal(principal_restore(f->identity, token, false, false, f->arena, &fast), DW_OK);
    assert_int_equal(slow.mfa_s, NOW);
    assert_int_equal(fast.mfa_s, NOW);
}

/* What a sign-in was made with is known to whoever checks its tokens, also later ones. */
static void its_tokens_and_cookies_tell_of_the_second_factor(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct token_pair pair, next;
    struct mfa_pending pending;
    struct sign_in in;
    struct first_factor factor;
    struct cookie_session cookie;
    struct principal by_cookie;
    bool is_stale;
    int64_t wait_s;

    enrol(f, &alice, "alice");
    assert_int_equal(second_step(f, first_step(f, NULL), (struct mfa_proof){ .code = app_code(f, &alice.setup, 0) },
                                 &pair), DW_OK);
    check_second_factor(f, pair.access_token);
    assert_int_equal(mfa_pending_read(f->identity, first_step(f, NULL), f->arena, &pending), DW_OK);
    const struct mfa_proof proof = { .recovery_code = alice.codes.codes[0] };

    assert_int_equal(mfa_pending_redeem(f->identity, &pending, &proof, &DEVICE, f->arena, &in, &factor, &wait_s),
                     DW_OK);
    assert_int_equal(cookie_session_open(f->identity, &in, &factor, false, f->arena, &cookie), DW_OK);
    dw_clock_set(NOW + 600);
    assert_int_equal(session_refresh(f->identity, pair.refresh_token, DW_STR("phone"), (struct dw_str){ 0 }, &DEVICE,
                                     f->arena, &next), DW_OK);
    check_second_factor(f, next.access_token);
    assert_int_equal(cookie_session_restore(f->identity, cookie.value.text, f->arena, &by_cookie, &is_stale), DW_OK);
    assert_int_equal(by_cookie.mfa_s, NOW);
    assert_int_equal(by_cookie.authenticated_s, NOW);
}

/* The password was right before it was turned on, and the sign-in is opened after. */
static void a_sign_in_under_way_does_not_slip_past_it(void **state)
{
    static unsigned char password[] = "correct horse 5";
    const struct dw_secret secret = { password, sizeof(password) - 1 };
    struct fixture *f = *state;
    const struct sign_in in = { .tenant = f->tenant, .login = DW_STR("alice"), .password = &secret, .device = DEVICE };
    struct first_factor factor;
    struct cookie_session session;
    struct token_pair pair;
    struct person alice;

    set_up(f, &alice, "alice");
    assert_int_equal(session_first_factor(f->identity, &in, f->arena, &factor), DW_OK);
    assert_int_equal(turn_on(f, &alice, app_code(f, &alice.setup, 0)), DW_OK);
    assert_int_equal(session_open(f->identity, &in, &factor, f->arena, &pair), DW_ERR_SIGN_IN);
    assert_int_equal(cookie_session_open(f->identity, &in, &factor, false, f->arena, &session), DW_ERR_SIGN_IN);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(its_tokens_and_cookies_tell_of_the_second_factor),
        CASE(a_sign_in_under_way_does_not_slip_past_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
