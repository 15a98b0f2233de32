/* Where a credential is found, and what is none (RFC 6750 §2.1, RFC 7617 §2). */
#include "fixture.h"

static const struct dw_scheme SCHEMES[] = {
    { .kind = DW_SCHEME_OAUTH2_PASSWORD, .name = "oauth2", .token_url = "/token" },
    { .kind = DW_SCHEME_HTTP_BEARER, .name = "bearer" },
    { .kind = DW_SCHEME_HTTP_BASIC, .name = "basic" },
    { .kind = DW_SCHEME_API_KEY_HEADER, .name = "header", .parameter = "X-API-Key" },
    { .kind = DW_SCHEME_API_KEY_QUERY, .name = "query", .parameter = "api key" },
    { .kind = DW_SCHEME_API_KEY_COOKIE, .name = "cookie", .parameter = "session" },
};

static const struct dw_scheme *asked;
static enum dw_err result;

static enum dw_err extract(struct dw_request *r, const void *in, void *out)
{
    struct dw_str credential = DW_STR("untouched");

    result = dw_scheme_extract(r, asked, &credential);
    dw_answer_body(r, "text/plain", credential);
    return DW_OK;
}

static const struct dw_route ROUTES[] = { { DW_GET, "/", extract, .needs = DW_PUBLIC }, { 0 } };

static void test_extract(void **state)
{
    static const struct {
        int scheme;
        const char *name, *value, *target;
        enum dw_err expected;
        const char *credential;
    } ROWS[] = {
        { 0, "Authorization", "Bearer a.b-c_d~e+f/g==", "/", DW_OK, "a.b-c_d~e+f/g==" },
        { 1, "Authorization", "BEARER    x", "/", DW_OK, "x" },
        { 0, "Authorization", "Bearer", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { 0, "Authorization", "Bearer   ", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { 0, "Authorization", "Bearerx", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { 0, "Authorization", "Bearerx y", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { 0, "Authorization", "Token x", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { 0, "Authorization", "Bearer x,y", "/", DW_ERR_TOKEN_INVALID, NULL },
        { 0, "Authorization", "Bearer x y", "/", DW_ERR_TOKEN_INVALID, NULL },
        { 0, "Authorization", "Bearer =", "/", DW_ERR_TOKEN_INVALID, NULL },
        { 0, "Authorization", "Bearer a=b", "/", DW_ERR_TOKEN_INVALID, NULL },
        { 0, "Authorization", "Bearer \"x\"", "/", DW_ERR_TOKEN_INVALID, NULL },
        { 0, "X-Other", "Bearer x", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { 2, "Authorization", "Basic YW5uOnBhOnNz", "/", DW_OK, "ann:pa:ss" },
        { 2, "Authorization", "basic w6k6w6k=", "/", DW_OK, "é:é" },
        { 2, "Authorization", "Basic YW5u", "/", DW_ERR_TOKEN_INVALID, NULL },
        { 2, "Authorization", "Basic !!!!", "/", DW_ERR_TOKEN_INVALID, NULL },
        { 2, "Authorization", "Basic YQo6Yg==", "/", DW_ERR_TOKEN_INVALID, NULL },
        { 2, "Authorization", "Basic /zph", "/", DW_ERR_TOKEN_INVALID, NULL },
        { 2, "Authorization", "Bearer x", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { 3, "x-api-key", "k1", "/", DW_OK, "k1" },
        { 3, "X-API-Key", "", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { 4, "X-Other", "x", "/?a=1&api+key=k%31&b", DW_OK, "k1" },
        { 4, "X-Other", "x", "/?api+key=", DW_ERR_UNAUTHENTICATED, NULL },
        { 4, "X-Other", "x", "/?apikey=1", DW_ERR_UNAUTHENTICATED, NULL },
        { 4, "X-Other", "x", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { 4, "X-Other", "x", "/?api+key=1&api+key=2", DW_ERR_TOKEN_INVALID, NULL },
        { 4, "X-Other", "x", "/?api+key=%zz", DW_ERR_TOKEN_INVALID, NULL },
        { 5, "Cookie", "a=b; session=s1; c=d", "/", DW_OK, "s1" },
        { 5, "Cookie", "sessions=s1", "/", DW_ERR_UNAUTHENTICATED, NULL },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_call_header headers[] = { { ROWS[i].name, dw_str(ROWS[i].value) }, { 0 } };
        asked = &SCHEMES[ROWS[i].scheme];
        assert_int_equal(fixture_call(&f, DW_GET, ROWS[i].target, headers, NULL), 200);
        check_err(ROWS[i].expected, result, ROWS[i].value);
        check_body(&f, ROWS[i].credential == NULL ? "untouched" : ROWS[i].credential, ROWS[i].value);
    }
}

static void test_misuse(void **state)
{
    static const struct dw_scheme NO_PARAMETER = { .kind = DW_SCHEME_API_KEY_COOKIE, .name = "x" };
    static const struct dw_scheme NO_KIND = { .name = "x" };
    static const struct dw_scheme *const ROWS[] = { NULL, &NO_PARAMETER, &NO_KIND };
    _cleanup_fixture_ struct fixture f = { 0 };
    struct dw_str credential;

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        asked = ROWS[i];
        assert_int_equal(fixture_call(&f, DW_GET, "/", NULL, NULL), 200);
        CHECK_ERR(DW_ERR_ARGUMENT, result);
    }
    CHECK_ERR(DW_ERR_ARGUMENT, dw_scheme_extract(NULL, &SCHEMES[0], &credential));
}

CHECK_MAIN(cmocka_unit_test(test_extract), cmocka_unit_test(test_misuse))
