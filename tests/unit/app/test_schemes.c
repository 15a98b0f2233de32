/* Where a credential is found, and what is none (RFC 6750 §2.1, RFC 7617 §2). */
#include "fixture.h"

static const struct dw_scheme SCHEMES[] = {
    { .kind = DW_SCHEME_OAUTH2_PASSWORD, .name = "oauth2", .token_url = "/token" },
    { .kind = DW_SCHEME_HTTP_BEARER, .name = "bearer" },
    { .kind = DW_SCHEME_HTTP_BASIC, .name = "basic" },
    { .kind = DW_SCHEME_API_KEY_HEADER, .name = "header", .parameter = "X-API-Key" },
    { .kind = DW_SCHEME_API_KEY_QUERY, .name = "query", .parameter = "api key" },
    { .kind = DW_SCHEME_API_KEY_COOKIE, .name = "cookie", .parameter = "session" },
    { .kind = DW_SCHEME_OAUTH2_AUTHORIZATION_CODE, .name = "code", .authorization_url = "/authorize",
      .token_url = "/token", .refresh_url = "/refresh",
      .scopes = (const struct dw_scope_doc[]){ { "a", "A" }, { 0 } } },
    { .kind = DW_SCHEME_HTTP_DIGEST, .name = "digest", .realm = "r" },
    { .kind = DW_SCHEME_OPENID_CONNECT, .name = "openid", .openid_url = "/.well-known/openid-configuration" },
};

enum { OAUTH2, BEARER, BASIC, HEADER, QUERY, COOKIE, CODE, DIGEST, OPENID };

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
        { CODE, "Authorization", "Bearer t", "/", DW_OK, "t" },
        { CODE, "Authorization", "Basic t", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { OPENID, "Authorization", "bearer t", "/", DW_OK, "t" },
        { OPENID, "Authorization", "Bearer t,t", "/", DW_ERR_TOKEN_INVALID, NULL },
        { DIGEST, "Authorization", "Digest username=\"a\", nonce=\"b\"", "/", DW_OK, "username=\"a\", nonce=\"b\"" },
        { DIGEST, "Authorization", "DIGEST x", "/", DW_OK, "x" },
        { DIGEST, "Authorization", "Digest", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { DIGEST, "Authorization", "Digest  ", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { DIGEST, "Authorization", "Digestx y", "/", DW_ERR_UNAUTHENTICATED, NULL },
        { DIGEST, "Authorization", "Bearer x", "/", DW_ERR_UNAUTHENTICATED, NULL },
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

/* More than a request could want to say: taken as it is, or refused by the limits of the header. */
static void test_huge(void **state)
{
    enum { HUGE_SIZE = 30000 };
    static const int ROWS[] = { BEARER, BASIC, HEADER, COOKIE, DIGEST };
    static const char *const BEFORE[] = { "Bearer ", "Basic ", "", "session=", "Digest " };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        static const char *const NAMES[] = { "Authorization", "Authorization", "X-API-Key", "Cookie", "Authorization" };
        char value[HUGE_SIZE + 16];
        const size_t len = (size_t)snprintf(value, sizeof(value), "%s", BEFORE[i]);
        memset(value + len, 'Y', HUGE_SIZE);
        const struct dw_call_header headers[] = { { NAMES[i], dw_str_n(value, len + HUGE_SIZE) }, { 0 } };
        asked = &SCHEMES[ROWS[i]];
        assert_int_equal(fixture_call(&f, DW_GET, "/", headers, NULL), 200);
        check_err(ROWS[i] == BASIC ? DW_ERR_TOKEN_INVALID : DW_OK, result, BEFORE[i]);
    }
}

/* A key that two readers could read differently is none. */
static void test_sent_twice(void **state)
{
    static const struct dw_call_header HEADERS[] = {
        { "X-API-Key", DW_STR_INIT("k1") }, { "x-api-key", DW_STR_INIT("k2") }, { 0 }
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    asked = &SCHEMES[HEADER];
    assert_int_equal(fixture_call(&f, DW_GET, "/", HEADERS, NULL), 200);
    CHECK_ERR(DW_ERR_TOKEN_INVALID, result);
}

/* --- as dependencies -------------------------------------------------------------------------------------------- */

static const struct dw_dependency DECLARED[] = {
    { DW_CREDENTIAL(&SCHEMES[OAUTH2]) }, { DW_CREDENTIAL(&SCHEMES[BEARER]) }, { DW_CREDENTIAL(&SCHEMES[BASIC]) },
    { DW_CREDENTIAL(&SCHEMES[HEADER]) }, { DW_CREDENTIAL(&SCHEMES[QUERY]) },  { DW_CREDENTIAL(&SCHEMES[COOKIE]) },
    { DW_CREDENTIAL(&SCHEMES[CODE]) },   { DW_CREDENTIAL(&SCHEMES[DIGEST]) }, { DW_CREDENTIAL(&SCHEMES[OPENID]) },
};
static const struct dw_dependency EITHER = { DW_CREDENTIAL(&SCHEMES[BEARER], &SCHEMES[HEADER]) };
static const struct dw_dependency IF_ANY = { DW_CREDENTIAL_OPTIONAL(&SCHEMES[BEARER]) };

static enum dw_err show(struct dw_request *r, const void *in, void *out)
{
    const struct dw_needs *needs = &dw_route(r)->needs;
    struct dw_str text = DW_STR("");

    for (const struct dw_use *use = needs->uses; use->dependency != NULL; use++) {
        const struct dw_credential *c = dw_get(r, use->dependency);
        text = dw_arena_printf(dw_request_arena(r), "%.*s[%s:%.*s]", (int)text.len, text.ptr,
                               c->scheme == NULL ? "none" : c->scheme->name, (int)c->value.len,
                               c->value.len > 0 ? c->value.ptr : "");
    }
    dw_answer_body(r, "text/plain", text);
    return DW_OK;
}

#define SHOW(route_path, ...) { DW_GET, route_path, show, .needs = DW_DEPENDS(__VA_ARGS__) }

static const struct dw_route DECLARED_ROUTES[] = {
    SHOW("/oauth2", { &DECLARED[OAUTH2], NULL }),
    SHOW("/bearer", { &DECLARED[BEARER], NULL }),
    SHOW("/basic", { &DECLARED[BASIC], NULL }),
    SHOW("/header", { &DECLARED[HEADER], NULL }),
    SHOW("/query", { &DECLARED[QUERY], NULL }),
    SHOW("/cookie", { &DECLARED[COOKIE], NULL }),
    SHOW("/code", { &DECLARED[CODE], DW_SCOPE_LIST("a") }),
    SHOW("/digest", { &DECLARED[DIGEST], NULL }),
    SHOW("/openid", { &DECLARED[OPENID], NULL }),
    SHOW("/either", { &EITHER, NULL }),
    SHOW("/both", { &DECLARED[BEARER], NULL }, { &DECLARED[HEADER], NULL }),
    SHOW("/optional", { &IF_ANY, NULL }),
    SHOW("/optional-and-key", { &IF_ANY, NULL }, { &DECLARED[HEADER], NULL }),
    { 0 },
};

static void test_missing(void **state)
{
    static const struct {
        const char *path, *challenge; /* NULL: it comes through */
    } ROWS[] = {
        { "/oauth2", "Bearer" },
        { "/bearer", "Bearer" },
        { "/basic", "Basic realm=\"\", charset=\"UTF-8\"" },
        { "/header", "APIKey" },
        { "/query", "APIKey" },
        { "/cookie", "APIKey" },
        { "/code", "Bearer scope=\"a\"" },
        { "/digest", "Digest realm=\"r\"" },
        { "/openid", "Bearer" },
        { "/either", "Bearer" },
        { "/both", "Bearer" },
        { "/optional", NULL },
        { "/optional-and-key", "APIKey" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, DECLARED_ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const int status = fixture_call(&f, DW_GET, ROWS[i].path, NULL, NULL);
        if (status != (ROWS[i].challenge == NULL ? 200 : 401))
            fail_msg("%s: %d", ROWS[i].path, status);
        check_header(&f, "WWW-Authenticate", ROWS[i].challenge, ROWS[i].path);
        check_body(&f, ROWS[i].challenge == NULL ? "[none:]" : "{\"detail\":\"Not authenticated\"}", ROWS[i].path);
    }
}

static void test_declared(void **state)
{
    static const struct dw_call_header BOTH[] = {
        { "Authorization", DW_STR_INIT("Bearer t") }, { "X-API-Key", DW_STR_INIT("k") }, { 0 }
    };
    static const struct dw_call_header KEY_ONLY[] = { { "X-API-Key", DW_STR_INIT("k") }, { 0 } };
    static const struct dw_call_header BROKEN[] = { { "Authorization", DW_STR_INIT("Bearer a b") }, { 0 } };
    static const struct {
        const char *path;
        const struct dw_call_header *headers;
        int status;
        const char *body;
    } ROWS[] = {
        { "/either", BOTH, 200, "[bearer:t]" },
        { "/either", KEY_ONLY, 200, "[header:k]" },
        { "/both", BOTH, 200, "[bearer:t][header:k]" },
        { "/both", KEY_ONLY, 401, NULL },
        { "/optional", BOTH, 200, "[bearer:t]" },
        { "/optional", KEY_ONLY, 200, "[none:]" },
        { "/optional", BROKEN, 401, NULL },
        { "/optional-and-key", KEY_ONLY, 200, "[none:][header:k]" },
        { "/optional-and-key", BOTH, 200, "[bearer:t][header:k]" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, DECLARED_ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        assert_int_equal(fixture_call(&f, DW_GET, ROWS[i].path, ROWS[i].headers, NULL), ROWS[i].status);
        if (ROWS[i].body != NULL)
            check_body(&f, ROWS[i].body, ROWS[i].path);
    }
}

/* --- in OpenAPI -------------------------------------------------------------------------------------------------- */

static void check_member(yyjson_val *object, const char *name, const char *expected)
{
    char *text = yyjson_val_write(json_get(object, name), 0, NULL);

    assert_string_equal(text == NULL ? "" : text, expected);
    free(text);
}

static void test_described(void **state)
{
    static const struct {
        const char *name, *object;
    } SCHEME_ROWS[] = {
        { "oauth2", "{\"type\":\"oauth2\",\"flows\":{\"password\":{\"tokenUrl\":\"/token\",\"scopes\":{}}}}" },
        { "bearer", "{\"type\":\"http\",\"scheme\":\"bearer\"}" },
        { "basic", "{\"type\":\"http\",\"scheme\":\"basic\"}" },
        { "header", "{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}" },
        { "query", "{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"api key\"}" },
        { "cookie", "{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"session\"}" },
        { "code", "{\"type\":\"oauth2\",\"flows\":{\"authorizationCode\":{\"authorizationUrl\":\"/authorize\","
                  "\"tokenUrl\":\"/token\",\"refreshUrl\":\"/refresh\",\"scopes\":{\"a\":\"A\"}}}}" },
        { "digest", "{\"type\":\"http\",\"scheme\":\"digest\"}" },
        { "openid", "{\"type\":\"openIdConnect\",\"openIdConnectUrl\":\"/.well-known/openid-configuration\"}" },
    };
    static const struct {
        const char *path, *security;
    } ROUTE_ROWS[] = {
        { "/basic", "[{\"basic\":[]}]" },
        { "/code", "[{\"code\":[\"a\"]}]" },
        { "/either", "[{\"bearer\":[]},{\"header\":[]}]" },
        { "/both", "[{\"bearer\":[],\"header\":[]}]" },
        { "/optional", "[{\"bearer\":[]},{}]" },
        { "/optional-and-key", "[{\"bearer\":[],\"header\":[]},{\"header\":[]}]" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };
    yyjson_val *root = NULL;

    fixture_make(&f, (struct dw_app_config){ 0 }, DECLARED_ROUTES);
    CHECK_OK(json_parse(f.arena, dw_app_openapi(f.app), JSON_DEPTH_DEFAULT, &root, NULL));
    yyjson_val *schemes = json_get(json_get(root, "components"), "securitySchemes");
    for (size_t i = 0; i < ARRAY_SIZE(SCHEME_ROWS); i++)
        check_member(schemes, SCHEME_ROWS[i].name, SCHEME_ROWS[i].object);
    for (size_t i = 0; i < ARRAY_SIZE(ROUTE_ROWS); i++)
        check_member(json_get(json_get(json_get(root, "paths"), ROUTE_ROWS[i].path), "get"), "security",
                     ROUTE_ROWS[i].security);
}

/* --- wrong declarations ------------------------------------------------------------------------------------------ */

static void test_problems(void **state)
{
    static const struct {
        struct dw_scheme scheme;
        const char *problem;
    } ROWS[] = {
        { { .kind = DW_SCHEME_HTTP_BEARER }, "a security scheme without a name" },
        { { .kind = DW_SCHEME_HTTP_BEARER, .name = "a b" },
          "security scheme a b: its name holds other than A-Z a-z 0-9 . _ -" },
        { { .name = "x" }, "security scheme x: unknown kind" },
        { { .kind = DW_SCHEME_OPENID_CONNECT + 1, .name = "x" }, "security scheme x: unknown kind" },
        { { .kind = DW_SCHEME_API_KEY_HEADER, .name = "x" }, "security scheme x: the parameter's name is missing" },
        { { .kind = DW_SCHEME_API_KEY_HEADER, .name = "x", .parameter = "a b" },
          "security scheme x: a b is no name of a header" },
        { { .kind = DW_SCHEME_API_KEY_COOKIE, .name = "x", .parameter = "a=b" },
          "security scheme x: a=b is no name of a cookie" },
        { { .kind = DW_SCHEME_HTTP_DIGEST, .name = "x", .realm = "a\nb" },
          "security scheme x: a control character in its realm" },
        { { .kind = DW_SCHEME_OAUTH2_PASSWORD, .name = "x" }, "security scheme x: token_url is missing" },
        { { .kind = DW_SCHEME_OAUTH2_AUTHORIZATION_CODE, .name = "x", .token_url = "/t" },
          "security scheme x: authorization_url is missing" },
        { { .kind = DW_SCHEME_OPENID_CONNECT, .name = "x", .openid_url = "" },
          "security scheme x: openid_url is missing" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_dependency extract_it = { DW_CREDENTIAL(&ROWS[i].scheme) };
        const struct dw_route routes[] = { { DW_GET, "/", show, .needs = DW_DEPENDS({ &extract_it, NULL }) }, { 0 } };
        const struct dw_route *const tables[] = { routes, NULL };
        const struct dw_app_config config = { .title = "t", .version = "1", .routes = tables };
        char problem[DW_PROBLEM_SIZE] = "", expected[DW_PROBLEM_SIZE];
        struct dw_app *app = NULL;
        check_err(DW_ERR_TABLE, dw_app_new(&config, &app, problem), ROWS[i].problem);
        snprintf(expected, sizeof(expected), "GET /: %s", ROWS[i].problem);
        assert_string_equal(problem, expected);
    }
}

CHECK_MAIN(cmocka_unit_test(test_extract), cmocka_unit_test(test_huge), cmocka_unit_test(test_sent_twice),
           cmocka_unit_test(test_missing), cmocka_unit_test(test_declared), cmocka_unit_test(test_described),
           cmocka_unit_test(test_problems), cmocka_unit_test(test_misuse))
