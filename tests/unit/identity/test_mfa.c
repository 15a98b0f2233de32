/* The second factor (spec E9), told as what happens to a person, her app, and whoever has her password. */
#include "mfa_fixture.h"

#include "identity/credential.h"

#include <pthread.h>

/* --- setting up -------------------------------------------------------------------------------------------------- */

static void two_set_ups_give_one_secret_until_it_is_on(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct mfa_setup again;
    struct dw_otpauth o;

    set_up(f, &alice, "alice");
    const struct actor me = self(&alice);

    assert_int_equal(mfa_set_up(f->identity, &f->tenant, &me, alice.user.id, f->arena, &again), DW_OK);
    assert_true(dw_str_eq(alice.setup.secret, again.secret));
    assert_true(dw_str_eq(alice.setup.uri, again.uri));
    assert_int_equal(dw_otpauth_parse(again.uri, f->arena, &o), DW_OK);
    assert_int_equal(o.secret.len, 20);
    assert_true(dw_str_eq(o.issuer, DW_STR("issuer")));
    assert_true(dw_str_eq(o.label, DW_STR("alice@example.com")));

    assert_int_equal(turn_on(f, &alice, app_code(f, &alice.setup, 0)), DW_OK);
    assert_int_equal(mfa_set_up(f->identity, &f->tenant, &me, alice.user.id, f->arena, &again), DW_ERR_MFA_ON);
    assert_int_equal(turn_on(f, &alice, app_code(f, &alice.setup, STEP_S)), DW_ERR_MFA_ON);
}

static void it_is_off_until_a_right_code_turned_it_on(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct user user;

    set_up(f, &alice, "alice");
    fixture_pair(f, "alice");
    assert_int_equal(turn_on(f, &alice, wrong_code(f, &alice.setup)), DW_ERR_MFA_CODE);
    assert_int_equal(turn_on(f, &alice, DW_STR("no code")), DW_ERR_MFA_CODE);
    assert_int_equal(user_get(f->identity, &f->tenant, alice.user.id, f->arena, &user), DW_OK);
    assert_false(user.mfa_enabled);

    assert_int_equal(turn_on(f, &alice, app_code(f, &alice.setup, 0)), DW_OK);
    assert_int_equal(user_get(f->identity, &f->tenant, alice.user.id, f->arena, &user), DW_OK);
    assert_true(user.mfa_enabled);
    struct token_pair pair;

    assert_int_equal(fixture_sign_in(f, "alice", "correct horse 5", NULL, &pair), DW_ERR_MFA_REQUIRED);
    assert_int_equal(fixture_sign_in(f, "alice", "wrong", NULL, &pair), DW_ERR_SIGN_IN);
}

static void nothing_set_up_can_not_be_turned_on_or_off(void **state)
{
    struct fixture *f = *state;
    struct person bob = { .user = fixture_user(f, "bob", "user") };
    const struct actor me = self(&bob);
    const struct mfa_proof proof = { .code = DW_STR("123456") };
    int64_t wait_s;

    assert_int_equal(turn_on(f, &bob, DW_STR("123456")), DW_ERR_MFA_OFF);
    assert_int_equal(mfa_disable(f->identity, &f->tenant, &me, bob.user.id, &proof, &wait_s), DW_ERR_MFA_OFF);
}

static void another_tenants_user_does_not_exist(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct tenant other = f->tenant;
    struct mfa_setup setup;
    struct mfa_codes codes;
    int64_t wait_s;

    set_up(f, &alice, "alice");
    const struct actor me = self(&alice);

    other.id[0] = (char)(other.id[0] == '0' ? '1' : '0');
    assert_int_equal(mfa_set_up(f->identity, &other, &me, alice.user.id, f->arena, &setup), DW_ERR_NOT_FOUND);
    assert_int_equal(mfa_enable(f->identity, &other, &me, alice.user.id, app_code(f, &alice.setup, 0), f->arena,
                                &codes, &wait_s), DW_ERR_NOT_FOUND);
}

/* --- the second step --------------------------------------------------------------------------------------------- */

static void a_code_is_good_once_also_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct token_pair pair;

    enrol(f, &alice, "alice");
    const struct dw_str code = app_code(f, &alice.setup, 0);

    assert_int_equal(second_step(f, first_step(f, NULL), (struct mfa_proof){ .code = code }, &pair), DW_OK);
    assert_int_equal(fixture_check(f, pair.access_token), DW_OK);
    assert_int_equal(by_code(f, first_step(f, NULL), code), DW_ERR_MFA_REFUSED);
    fixture_restart(f);
    assert_int_equal(by_code(f, first_step(f, NULL), code), DW_ERR_MFA_REFUSED);
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, -STEP_S)), DW_ERR_MFA_REFUSED);
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, STEP_S)), DW_OK);
}

static void the_code_that_turned_it_on_signs_nobody_in(void **state)
{
    struct fixture *f = *state;
    struct person alice;

    set_up(f, &alice, "alice");
    const struct dw_str code = app_code(f, &alice.setup, 0);

    assert_int_equal(turn_on(f, &alice, code), DW_OK);
    assert_int_equal(by_code(f, first_step(f, NULL), code), DW_ERR_MFA_REFUSED);
}

enum { RACERS = 16 };

struct racer {
    struct fixture *f;
    struct mfa_pending pending;
    struct dw_str code;
    enum dw_err result;
};

static void *race(void *argument)
{
    struct racer *r = argument;
    struct dw_arena *arena = NULL;
    const struct mfa_proof proof = { .code = r->code };
    struct sign_in in;
    struct first_factor factor;
    int64_t wait_s;

    r->result = dw_arena_new(1 << 20, &arena);
    if (r->result == DW_OK)
        r->result = mfa_pending_redeem(r->f->identity, &r->pending, &proof, &DEVICE, arena, &in, &factor, &wait_s);
    dw_arena_free(&arena);
    return NULL;
}

static void of_many_who_send_one_code_at_the_same_time_one_gets_in(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    size_t won = 0;

    enrol(f, &alice, "alice");
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){ .f = f, .code = app_code(f, &alice.setup, 0) };
        assert_int_equal(mfa_pending_read(f->identity, first_step(f, NULL), f->arena, &racers[i].pending), DW_OK);
    }
    for (size_t i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (size_t i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        won += racers[i].result == DW_OK;
        assert_true(racers[i].result == DW_OK || racers[i].result == DW_ERR_MFA_REFUSED ||
                    racers[i].result == DW_ERR_MFA_PAUSED);
    }
    assert_int_equal(won, 1);
}

static void a_pending_token_signs_in_once(void **state)
{
    struct fixture *f = *state;
    struct person alice;

    enrol(f, &alice, "alice");
    const struct dw_str token = first_step(f, NULL);

    assert_int_equal(by_code(f, token, app_code(f, &alice.setup, 0)), DW_OK);
    assert_int_equal(by_code(f, token, app_code(f, &alice.setup, STEP_S)), DW_ERR_TOKEN_REVOKED);
    fixture_restart(f);
    assert_int_equal(by_code(f, token, app_code(f, &alice.setup, STEP_S)), DW_ERR_TOKEN_REVOKED);
    /* The refused try did not use the code up. */
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, STEP_S)), DW_OK);
}

static void a_pending_token_is_good_for_nothing_else_and_nothing_else_for_it(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct token_pair pair, none;
    struct mfa_pending pending;

    enrol(f, &alice, "alice");
    const struct dw_str token = first_step(f, NULL);

    assert_int_not_equal(fixture_check(f, token), DW_OK);
    assert_int_equal(fixture_refresh(f, token, &none), DW_ERR_REFRESH_INVALID);
    assert_int_equal(second_step(f, token, (struct mfa_proof){ .code = app_code(f, &alice.setup, 0) }, &pair), DW_OK);
    assert_int_not_equal(mfa_pending_read(f->identity, pair.access_token, f->arena, &pending), DW_OK);
    assert_int_not_equal(mfa_pending_read(f->identity, pair.refresh_token, f->arena, &pending), DW_OK);
    assert_int_not_equal(mfa_pending_read(f->identity, DW_STR(""), f->arena, &pending), DW_OK);
}

static void it_carries_what_the_first_step_asked_for(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct mfa_pending pending;
    struct sign_in in;
    struct first_factor factor;
    int64_t wait_s;

    enrol(f, &alice, "alice");
    assert_int_equal(mfa_pending_read(f->identity, first_step(f, "read:users tasks:read"), f->arena, &pending), DW_OK);
    const struct mfa_proof proof = { .code = app_code(f, &alice.setup, 0) };

    assert_int_equal(pending.kind, MFA_FOR_TOKENS);
    assert_int_equal(mfa_pending_redeem(f->identity, &pending, &proof, &DEVICE, f->arena, &in, &factor, &wait_s),
                     DW_OK);
    assert_true(factor.is_narrowed);
    assert_string_equal(in.tenant.id, f->tenant.id);
    assert_string_equal(in.tenant.slug, f->tenant.slug);
    assert_true(dw_str_eq(in.client_id, DW_STR("phone")));
    assert_true(dw_str_eq(in.scope, DW_STR("read:users tasks:read")));
    assert_true(dw_str_eq(factor.user.id, alice.user.id));
}

static void a_pending_token_ends_with_its_time_and_with_every_sign_in(void **state)
{
    struct fixture *f = *state;
    struct person alice;

    enrol(f, &alice, "alice");
    const struct dw_str token = first_step(f, NULL);

    dw_clock_set(NOW + MFA_PENDING_TTL_S + 1);
    assert_int_equal(by_code(f, token, app_code(f, &alice.setup, 0)), DW_ERR_TOKEN_EXPIRED);

    const struct dw_str next = first_step(f, NULL);
    const struct user_change disable = { .is_active = 0 }, enable = { .is_active = 1 };
    struct user user;

    assert_int_equal(user_update(f->identity, &f->tenant, &SYSTEM, alice.user.id, &disable, f->arena, &user), DW_OK);
    assert_int_equal(by_code(f, next, app_code(f, &alice.setup, 0)), DW_ERR_USER_INACTIVE);
    assert_int_equal(user_update(f->identity, &f->tenant, &SYSTEM, alice.user.id, &enable, f->arena, &user), DW_OK);
    assert_int_equal(by_code(f, next, app_code(f, &alice.setup, 0)), DW_ERR_TOKEN_REVOKED);
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, 0)), DW_OK);
}

static void a_pending_token_ends_with_the_password_that_began_it(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    unsigned char bytes[] = "another long one";
    const struct dw_secret next = { bytes, sizeof(bytes) - 1 };

    enrol(f, &alice, "alice");
    const struct dw_str token = first_step(f, NULL);

    /* A session is kept, as when she changes it herself: the token version stays. */
    assert_int_equal(credential_set(f->identity, &f->tenant, &SYSTEM, alice.user.id, &next,
                                    DW_STR("0190a5e4-0000-7000-8000-000000000001")), DW_OK);
    assert_int_equal(by_code(f, token, app_code(f, &alice.setup, 0)), DW_ERR_TOKEN_REVOKED);
}

/* --- guessing ---------------------------------------------------------------------------------------------------- */

static void five_wrong_codes_pause_it_whatever_token_asks(void **state)
{
    struct fixture *f = *state;
    struct person alice;

    enrol(f, &alice, "alice");
    for (size_t i = 0; i < MFA_ATTEMPTS; i++)
        assert_int_equal(by_code(f, first_step(f, NULL), wrong_code(f, &alice.setup)), DW_ERR_MFA_REFUSED);
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, 0)), DW_ERR_MFA_PAUSED);
    assert_int_equal(by_recovery(f, first_step(f, NULL), alice.codes.codes[0]), DW_ERR_MFA_PAUSED);
    fixture_restart(f);
    dw_clock_set(NOW + PAUSE_S - 1);
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, 0)), DW_ERR_MFA_PAUSED);
    dw_clock_set(NOW + PAUSE_S);
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, 0)), DW_OK);
}

static void the_next_pause_is_twice_as_long_until_a_right_code(void **state)
{
    struct fixture *f = *state;
    struct person alice;

    enrol(f, &alice, "alice");
    for (size_t i = 0; i < MFA_ATTEMPTS; i++)
        assert_int_equal(by_code(f, first_step(f, NULL), wrong_code(f, &alice.setup)), DW_ERR_MFA_REFUSED);
    dw_clock_set(NOW + PAUSE_S);
    for (size_t i = 0; i < MFA_ATTEMPTS; i++)
        assert_int_equal(by_code(f, first_step(f, NULL), wrong_code(f, &alice.setup)), DW_ERR_MFA_REFUSED);
    dw_clock_set(NOW + 3 * PAUSE_S - 1);
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, 0)), DW_ERR_MFA_PAUSED);
    dw_clock_set(NOW + 3 * PAUSE_S);
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, 0)), DW_OK);
    for (size_t i = 0; i + 1 < MFA_ATTEMPTS; i++)
        assert_int_equal(by_code(f, first_step(f, NULL), wrong_code(f, &alice.setup)), DW_ERR_MFA_REFUSED);
    assert_int_equal(by_code(f, first_step(f, NULL), app_code(f, &alice.setup, STEP_S)), DW_OK);
}

/* --- recovery codes ---------------------------------------------------------------------------------------------- */

static void a_recovery_code_works_once_however_it_is_typed(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    char typed[64] = "";

    enrol(f, &alice, "alice");
    const struct dw_str first = alice.codes.codes[0];

    assert_int_equal(first.len, sizeof("ABCD-EFGH-IJKL-MNOP-QRST-UVWX") - 1); /* 24 × 5 bits */
    for (size_t i = 0, n = 0; i < first.len; i++)
        if (first.ptr[i] != '-')
            typed[n++] = (char)(first.ptr[i] >= 'A' && first.ptr[i] <= 'Z' ? first.ptr[i] + 32 : first.ptr[i]);
    assert_int_equal(by_recovery(f, first_step(f, NULL), dw_str(typed)), DW_OK);
    assert_int_equal(by_recovery(f, first_step(f, NULL), first), DW_ERR_MFA_REFUSED);
    fixture_restart(f);
    assert_int_equal(by_recovery(f, first_step(f, NULL), first), DW_ERR_MFA_REFUSED);
    assert_int_equal(by_recovery(f, first_step(f, NULL), alice.codes.codes[MFA_RECOVERY_CODES - 1]), DW_OK);
    assert_int_equal(by_recovery(f, first_step(f, NULL), DW_STR("AAAA-AAAA-AAAA-AAAA-AAAA-AAAA")), DW_ERR_MFA_REFUSED);
    assert_int_equal(by_recovery(f, first_step(f, NULL), DW_STR("")), DW_ERR_MFA_REFUSED);
}

static void one_persons_recovery_code_is_nothing_to_another(void **state)
{
    struct fixture *f = *state;
    struct person alice, bob;

    enrol(f, &bob, "bobby");
    enrol(f, &alice, "alice");
    assert_int_equal(by_recovery(f, first_step(f, NULL), bob.codes.codes[0]), DW_ERR_MFA_REFUSED);
}

static void new_recovery_codes_void_the_old_ones(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct mfa_codes fresh;
    int64_t wait_s;

    enrol(f, &alice, "alice");
    const struct actor me = self(&alice);
    const struct mfa_proof proof = { .code = app_code(f, &alice.setup, 0) };

    assert_int_equal(mfa_renew_codes(f->identity, &f->tenant, &me, alice.user.id, &proof, f->arena, &fresh, &wait_s),
                     DW_OK);
    assert_int_equal(mfa_renew_codes(f->identity, &f->tenant, &me, alice.user.id, &proof, f->arena, &fresh, &wait_s),
                     DW_ERR_MFA_CODE);
    assert_int_equal(by_recovery(f, first_step(f, NULL), alice.codes.codes[0]), DW_ERR_MFA_REFUSED);
    assert_int_equal(by_recovery(f, first_step(f, NULL), fresh.codes[0]), DW_OK);
}

/* --- turning it off ---------------------------------------------------------------------------------------------- */

static void turned_off_it_is_gone_and_the_next_set_up_is_another(void **state)
{
    struct fixture *f = *state;
    struct person alice;
    struct mfa_setup next;
    int64_t wait_s;

    enrol(f, &alice, "alice");
    const struct dw_str token = first_step(f, NULL);
    const struct actor me = self(&alice);
    const struct mfa_proof wrong = { .code = wrong_code(f, &alice.setup) };
    const struct mfa_proof right = { .recovery_code = alice.codes.codes[3] };

    assert_int_equal(mfa_disable(f->identity, &f->tenant, &me, alice.user.id, &wrong, &wait_s), DW_ERR_MFA_CODE);
    assert_int_equal(mfa_disable(f->identity, &f->tenant, &me, alice.user.id, &right, &wait_s), DW_OK);
    assert_int_equal(by_code(f, token, app_code(f, &alice.setup, 0)), DW_ERR_TOKEN_REVOKED);
    fixture_pair(f, "alice");
    assert_int_equal(mfa_set_up(f->identity, &f->tenant, &me, alice.user.id, f->arena, &next), DW_OK);
    assert_false(dw_str_eq(alice.setup.secret, next.secret));
}

static void a_new_password_leaves_it_on(void **state)
{
    static unsigned char password[] = "quite another horse";
    struct fixture *f = *state;
    struct person alice;
    struct token_pair pair;
    const struct dw_secret secret = { password, sizeof(password) - 1 };

    enrol(f, &alice, "alice");
    assert_int_equal(credential_set(f->identity, &f->tenant, &SYSTEM, alice.user.id, &secret, (struct dw_str){ 0 }),
                     DW_OK);
    assert_int_equal(fixture_sign_in(f, "alice", "quite another horse", NULL, &pair), DW_ERR_MFA_REQUIRED);
}

/* Whoever reads the files of the database finds no secret in them. */
static void the_database_holds_no_secret(void **state)
{
    static const char *const FILES[] = { "test.db", "test.db-wal" };
    struct fixture *f = *state;
    struct person alice;
    struct dw_otpauth o;

    enrol(f, &alice, "alice");
    assert_int_equal(dw_otpauth_parse(alice.setup.uri, f->arena, &o), DW_OK);
    const struct dw_str secrets[] = { o.secret, alice.setup.secret, alice.codes.codes[0] };

    for (size_t i = 0; i < ARRAY_SIZE(FILES); i++) {
        char path[128];
        char *bytes = NULL;
        size_t size = 0;

        snprintf(path, sizeof(path), "%s/%s", f->folder, FILES[i]);
        FILE *file = fopen(path, "rb");

        if (file == NULL)
            continue;
        if (getdelim(&bytes, &size, EOF, file) > 0)
            for (size_t k = 0; k < ARRAY_SIZE(secrets); k++)
                assert_null(memmem(bytes, size, secrets[k].ptr, secrets[k].len));
        free(bytes);
        fclose(file);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(two_set_ups_give_one_secret_until_it_is_on),
        CASE(a_pending_token_ends_with_the_password_that_began_it),
        CASE(it_is_off_until_a_right_code_turned_it_on),
        CASE(nothing_set_up_can_not_be_turned_on_or_off),
        CASE(another_tenants_user_does_not_exist),
        CASE(a_code_is_good_once_also_after_a_restart),
        CASE(the_code_that_turned_it_on_signs_nobody_in),
        CASE(of_many_who_send_one_code_at_the_same_time_one_gets_in),
        CASE(a_pending_token_signs_in_once),
        CASE(a_pending_token_is_good_for_nothing_else_and_nothing_else_for_it),
        CASE(it_carries_what_the_first_step_asked_for),
        CASE(a_pending_token_ends_with_its_time_and_with_every_sign_in),
        CASE(five_wrong_codes_pause_it_whatever_token_asks),
        CASE(the_next_pause_is_twice_as_long_until_a_right_code),
        CASE(a_recovery_code_works_once_however_it_is_typed),
        CASE(one_persons_recovery_code_is_nothing_to_another),
        CASE(new_recovery_codes_void_the_old_ones),
        CASE(turned_off_it_is_gone_and_the_next_set_up_is_another),
        CASE(a_new_password_leaves_it_on),
        CASE(the_database_holds_no_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
