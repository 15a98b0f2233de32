/* Rules about the sign-in, on tokens of whoever tells of it. */
#include "fixture.h"
#include <doorward/auth.h>
#include <doorward/policy.h>

enum { NOW_S = 1800000000 };

#define SECRET "0123456789abcdef0123456789abcdef"

static const struct dw_policy RECENT = { "signed in a moment ago", DW_RULE_SIGN_IN(60) };
static const struct dw_policy RECENT_MFA = { "second factor a moment ago", DW_RULE_MFA(60) };

static enum dw_err pass(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/recent", pass, .needs = DW_POLICY(&RECENT), .status = 200 },
    { DW_GET, "/recent-mfa", pass, .needs = DW_POLICY(&RECENT_MFA), .status = 200 },
    { 0 },
};

struct handled {
    struct dw_auth *auth;
    struct fixture f;
};

static void handled_free(struct handled *h)
{
    fixture_free(&h->f);
    dw_auth_free(&h->auth);
    dw_clock_set(-1);
}

#define _cleanup_handled_ _cleanup_(handled_free)

static void handled_make(struct handled *h)
{
    const struct dw_auth_config config = { .secret = DW_STR_INIT(SECRET) };
    char problem[DW_PROBLEM_SIZE];

    dw_clock_set(NOW_S);
    CHECK_OK(dw_auth_new(&config, &h->auth, problem));
    fixture_make(&h->f, (struct dw_app_config){ .auth = h->auth }, ROUTES);
}

static int call_with(struct handled *h, enum dw_method method, const char *path, struct dw_str token)
{
    const struct dw_str value = dw_arena_printf(h->f.arena, "Bearer %.*s", (int)token.len, token.ptr);
    const struct dw_call_header headers[] = { { "Authorization", value }, { 0 } };

    return fixture_call(&h->f, method, path, headers, NULL);
}

/* RFC 9068 §2.2.1: what an issuer tells of the sign-in is what rules go by. */
static void test_sign_in_of_token(void **state)
{
    static const struct {
        const char *claims;
        int recent, recent_mfa;
    } ROWS[] = {
        { "", 401, 401 },
        { ",\"auth_time\":1799999940", 200, 401 },
        { ",\"auth_time\":1799999939", 401, 401 },
        { ",\"auth_time\":1799999990.5,\"amr\":[\"pwd\"]", 200, 401 },
        { ",\"auth_time\":1799999990,\"amr\":[\"pwd\",\"otp\",\"mfa\"]", 200, 200 },
        { ",\"auth_time\":1799999939,\"amr\":[\"mfa\"]", 401, 401 },
        { ",\"amr\":[\"mfa\"]", 401, 401 },
        { ",\"auth_time\":1799999990,\"amr\":\"mfa\"", 200, 401 },
        { ",\"auth_time\":1799999990,\"amr\":[[\"mfa\"],{\"mfa\":1},null,5]", 200, 401 },
        { ",\"auth_time\":\"1799999990\",\"amr\":[\"mfa\"]", 401, 401 },
        { ",\"auth_time\":-1,\"amr\":[\"mfa\"]", 401, 401 },
        { ",\"auth_time\":99999999999999999999,\"amr\":[\"mfa\"]", 401, 401 },
        { ",\"auth_time\":1800000061,\"amr\":[\"mfa\"]", 401, 401 },
    };
    _cleanup_handled_ struct handled h = { 0 };
    _cleanup_secret_ struct dw_secret octets = { 0 };
    _cleanup_(dw_key_free) struct dw_key *key = NULL;

    handled_make(&h);
    CHECK_OK(dw_secret_copy(DW_STR(SECRET), &octets));
    CHECK_OK(dw_key_from_octets(&octets, DW_ALG_HS256, &key));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_str claims =
            dw_arena_printf(h.f.arena, "{\"sub\":\"x\",\"exp\":1800000001%s}", ROWS[i].claims);
        struct dw_str token;

        CHECK_OK(dw_jwt_sign(key, NULL, claims, h.f.arena, &token));
        if (call_with(&h, DW_GET, "/recent", token) != ROWS[i].recent ||
            call_with(&h, DW_GET, "/recent-mfa", token) != ROWS[i].recent_mfa)
            fail_msg("%s", ROWS[i].claims);
    }
}

CHECK_MAIN(cmocka_unit_test(test_sign_in_of_token))
