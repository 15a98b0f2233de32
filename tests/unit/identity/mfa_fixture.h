/* A person with an authenticator app, for the stories of test_mfa.c. */
#ifndef TEST_IDENTITY_MFA_FIXTURE_H
#define TEST_IDENTITY_MFA_FIXTURE_H

#include "fixture.h"

#include "identity/mfa.h"
#include <doorward/otp.h>

enum { NOW = 2000000010, STEP_S = 30, PAUSE_S = 5 * 60 };

static const struct device DEVICE = { .address = DW_STR_INIT("127.0.0.1") };

/* What the app on her phone shows `offset_s` from now. */
static inline struct dw_str app_code(struct fixture *f, const struct mfa_setup *setup, int64_t offset_s)
{
    const struct dw_totp totp = { 0 };
    char code[DW_OTP_CODE_SIZE];
    struct dw_otpauth o;

    assert_int_equal(dw_otpauth_parse(setup->uri, f->arena, &o), DW_OK);
    assert_int_equal(dw_totp_generate(o.secret, &totp, dw_clock_now_s() + offset_s, code), DW_OK);
    return dw_arena_copy(f->arena, dw_str(code));
}

static inline struct dw_str wrong_code(struct fixture *f, const struct mfa_setup *setup)
{
    char code[DW_OTP_CODE_SIZE] = "000000";

    /* None of the window's. */
    for (bool is_right = true; is_right;) {
        is_right = false;
        code[5] = (char)(code[5] + 1);
        for (int64_t offset = -STEP_S; offset <= STEP_S; offset += STEP_S)
            is_right |= dw_str_eq(app_code(f, setup, offset), dw_str(code));
    }
    return dw_arena_copy(f->arena, dw_str(code));
}

struct person {
    struct user user;
    struct mfa_setup setup;
    struct mfa_codes codes;
};

static inline struct actor self(const struct person *p)
{
    return (struct actor){ .id = p->user.id, .address = DEVICE.address };
}

static inline enum dw_err turn_on(struct fixture *f, struct person *p, struct dw_str code)
{
    const struct actor me = self(p);
    int64_t wait_s = 0;

    return mfa_enable(f->identity, &f->tenant, &me, p->user.id, code, f->arena, &p->codes, &wait_s);
}

static inline void set_up(struct fixture *f, struct person *p, const char *name)
{
    dw_clock_set(NOW);
    p->user = fixture_user(f, name, "user");
    const struct actor me = self(p);

    assert_int_equal(mfa_set_up(f->identity, &f->tenant, &me, p->user.id, f->arena, &p->setup), DW_OK);
}

/* On since a step ago: the codes from now on are unused. */
static inline void enrol(struct fixture *f, struct person *p, const char *name)
{
    set_up(f, p, name);
    assert_int_equal(turn_on(f, p, app_code(f, &p->setup, -STEP_S)), DW_OK);
}

/* The pending token of a sign-in with the right password. */
static inline struct dw_str first_step(struct fixture *f, const char *scope)
{
    static unsigned char password[] = "correct horse 5";
    const struct dw_secret secret = { password, sizeof(password) - 1 };
    const struct sign_in in = { .tenant = f->tenant, .login = DW_STR("alice"), .password = &secret,
                                .scope = dw_str(scope), .client_id = DW_STR("phone"), .device = DEVICE };
    struct first_factor factor;
    struct dw_str token;

    assert_int_equal(session_first_factor(f->identity, &in, f->arena, &factor), DW_OK);
    assert_true(factor.user.mfa_enabled);
    assert_int_equal(mfa_pending_issue(f->identity, &in, &factor, MFA_FOR_TOKENS, f->arena, &token), DW_OK);
    return token;
}

static inline enum dw_err second_step(struct fixture *f, struct dw_str token, struct mfa_proof proof,
                               struct token_pair *ret_pair)
{
    struct mfa_pending pending;
    struct sign_in in;
    struct first_factor factor;
    int64_t wait_s = -1;

    TRY(mfa_pending_read(f->identity, token, f->arena, &pending));
    const enum dw_err err =
        mfa_pending_redeem(f->identity, &pending, &proof, &DEVICE, f->arena, &in, &factor, &wait_s);

    assert_int_equal(err == DW_ERR_MFA_PAUSED, wait_s > 0);
    TRY(err);
    return session_open(f->identity, &in, &factor, f->arena, ret_pair);
}

static inline enum dw_err by_code(struct fixture *f, struct dw_str token, struct dw_str code)
{
    struct token_pair pair;

    return second_step(f, token, (struct mfa_proof){ .code = code }, &pair);
}

static inline enum dw_err by_recovery(struct fixture *f, struct dw_str token, struct dw_str code)
{
    struct token_pair pair;

    return second_step(f, token, (struct mfa_proof){ .recovery_code = code }, &pair);
}

#endif
