/* Tables that must not start, and the words that say which row and why. */
#include "principal_fixture.h"

static enum dw_err nothing(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

struct item {
    struct dw_str name;
    int64_t n;
    bool flag;
};

/* clang-format off */
#define MODEL_OF(identifier, ...)                                                                                      \
    static const struct dw_model identifier = { .name = #identifier, .size = sizeof(struct item),                      \
        .fields = (const struct dw_field[]){ __VA_ARGS__, { 0 } } }

MODEL_OF(FINE, { DW_FIELD(struct item, name), .type = DW_STRING });
MODEL_OF(NO_TYPE, { DW_FIELD(struct item, name) });
MODEL_OF(OUTSIDE, { .name = "name", .offset = sizeof(struct item) - 8, .type = DW_STRING });
MODEL_OF(CROOKED, { .name = "name", .offset = 4, .type = DW_INT });
MODEL_OF(TWINS, { DW_FIELD(struct item, name), .type = DW_STRING }, { DW_FIELD(struct item, name), .type = DW_STRING });
MODEL_OF(BAD_PATTERN, { DW_FIELD(struct item, name), .type = DW_STRING, .pattern = "(" });
MODEL_OF(INT_PATTERN, { DW_FIELD(struct item, n), .type = DW_INT, .pattern = "1" });
MODEL_OF(ENUM_PATTERN, { DW_FIELD(struct item, name), .type = DW_ENUM, .pattern = "a",
                         .values = (const char *const[]){ "a", NULL } });
MODEL_OF(WORDS_PATTERN, { DW_FIELD(struct item, name), .type = DW_WORDS, .pattern = "a" });
MODEL_OF(NEGATIVE, { DW_FIELD(struct item, name), .type = DW_STRING, .min = -1, .max = 5 });
MODEL_OF(BEFORE_1970, { DW_FIELD(struct item, n), .type = DW_TIME, .fallback = "1969-12-31T23:59:59Z" });
MODEL_OF(NO_VALUES, { DW_FIELD(struct item, name), .type = DW_ENUM });
MODEL_OF(NO_MODEL, { DW_FIELD(struct item, name), .type = DW_OBJECT });
MODEL_OF(LIST_OF_LISTS, { DW_FIELD(struct item, name), .type = DW_LIST, .items = DW_LIST });
MODEL_OF(BAD_FALLBACK, { DW_FIELD(struct item, n), .type = DW_INT, .max = 3, .fallback = "4" });
MODEL_OF(CROSSED, { DW_FIELD(struct item, n), .type = DW_INT, .min = 4, .max = 3 });
MODEL_OF(PRESENCE, { DW_FIELD(struct item, n), .type = DW_INT, .flags = DW_PRESENCE, .presence = sizeof(struct item) });
MODEL_OF(RAW, { DW_FIELD(struct item, name), .type = DW_RAW_JSON });
MODEL_OF(NESTED, { .name = "o", .offset = 0, .type = DW_OBJECT, .model = &FINE });
/* clang takes no member of another constant as a constant. */
static const struct dw_field FINE_FIELDS[] = { { DW_FIELD(struct item, name), .type = DW_STRING }, { 0 } };
static const struct dw_model NAMELESS = { .size = sizeof(struct item), .fields = FINE_FIELDS };
static const struct dw_model SAME_NAME = { .name = "FINE", .size = sizeof(struct item), .fields = FINE_FIELDS };
static const struct dw_model NO_SIZE = { .name = "NO_SIZE", .fields = FINE_FIELDS };
static const struct dw_model RESERVED = { .name = "Error", .size = sizeof(struct item), .fields = FINE_FIELDS };

/* a -> b -> a, which C lets nobody write without a declaration first. */
static const struct dw_dependency A;
static enum dw_err fine_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    return DW_OK;
}
static const struct dw_dependency B = { .name = "b", .resolve = fine_resolve, .uses = DW_USE_LIST({ &A, NULL }) };
static const struct dw_dependency A = { .name = "a", .resolve = fine_resolve, .uses = DW_USE_LIST({ &B, NULL }) };
static const struct dw_dependency NO_NAME = { .resolve = fine_resolve };
static const struct dw_dependency NO_RESOLVE = { .name = "idle" };
static const struct dw_scheme TWIN = { .kind = DW_SCHEME_HTTP_BEARER, .name = "oauth2" };
static const struct dw_scheme *const TWIN_LIST[] = { &TWIN, NULL };
static const struct dw_dependency OTHER_SCHEME = { .name = "other", .resolve = fine_resolve, .schemes = TWIN_LIST };

#define R DW_GET, "/a/{id}", nothing
#define P DW_POST, "/p", nothing
static const struct {
    struct dw_route routes[4];
    const char *problem;
} ROWS[] = {
    { { { R } }, "GET /a/{id}: needs are not stated (DW_PUBLIC is written out)" },
    { { { DW_GET, "/a/{id}", NULL, .needs = DW_PUBLIC } }, "GET /a/{id}: no handler" },
    { { { DW_OTHER_METHOD, "/a", nothing, .needs = DW_PUBLIC } }, "OTHER /a: no method, or an unknown one" },
    { { { DW_GET, "a", nothing, .needs = DW_PUBLIC } }, "GET a: the path does not begin with '/'" },
    { { { DW_GET, "/{a}/{a}", nothing, .needs = DW_PUBLIC } }, "GET /{a}/{a}: parameter {a} stands twice" },
    { { { R, .needs = DW_PUBLIC }, { DW_GET, "/a/{n}", nothing, .needs = DW_PUBLIC } },
      "GET /a/{n}: the same route stands twice" },
    { { { R, .needs = { DW_NEEDS_ALL, NULL } } }, "GET /a/{id}: needs are announced, but the list is empty" },
    { { { R, .needs = { DW_NEEDS_NOTHING, DW_USES_PRINCIPAL } } }, "GET /a/{id}: public, and yet it needs something" },
    { { { R, .needs = DW_PUBLIC, .body = &FINE } }, "GET /a/{id}: a GET with a body" },
    { { { P, .needs = DW_PUBLIC, .body = &FINE, .form = &FINE } }, "POST /p: both a body and a form" },
    { { { R, .needs = DW_PUBLIC, .status = 404 } }, "GET /a/{id}: status 404 is none of success" },
    { { { R, .needs = DW_PUBLIC, .status = 204, .answer = &FINE } }, "GET /a/{id}: status 204 with an answer model" },
    { { { R, .needs = DW_PUBLIC, .answer_is_list = true } }, "GET /a/{id}: a list of answers, and no answer model" },
    { { { R, .needs = DW_PUBLIC, .content_security_policy = "a\r\nb: c" } },
      "GET /a/{id}: a control character in its content security policy" },
    { { { R, .needs = DW_PUBLIC, .lane = (enum dw_lane)7 } }, "GET /a/{id}: an unknown lane" },
    { { { R, .needs = DW_DEPENDS({ &A, NULL }) } }, "GET /a/{id}: dependencies in a circle: a -> b -> a" },
    { { { R, .needs = DW_DEPENDS({ &NO_NAME, NULL }) } }, "GET /a/{id}: a dependency without a name" },
    { { { R, .needs = DW_DEPENDS({ &NO_RESOLVE, NULL }) } }, "GET /a/{id}: dependency idle: no resolve function" },
    { { { R, .needs = DW_SCOPE("a b") } }, "GET /a/{id}: 'a b' is no scope" },
    { { { R, .needs = DW_DEPENDS({ &OTHER_SCHEME, NULL }, { &DW_CURRENT_PRINCIPAL, NULL }) } },
      "GET /a/{id}: two security schemes have the name oauth2" },
    { { { P, .needs = DW_PUBLIC, .body = &NO_TYPE } }, "POST /p: NO_TYPE: name: no type, or an unknown one" },
    { { { P, .needs = DW_PUBLIC, .body = &OUTSIDE } }, "POST /p: OUTSIDE: name: lies outside the struct" },
    { { { P, .needs = DW_PUBLIC, .body = &CROOKED } },
      "POST /p: CROOKED: name: its offset is not that of such a member" },
    { { { P, .needs = DW_PUBLIC, .body = &TWINS } }, "POST /p: TWINS: name: the name stands twice" },
    { { { P, .needs = DW_PUBLIC, .body = &BAD_PATTERN } },
      "POST /p: BAD_PATTERN: name: the pattern does not compile: missing closing parenthesis" },
    { { { P, .needs = DW_PUBLIC, .body = &INT_PATTERN } }, "POST /p: INT_PATTERN: n: a pattern on what is no string" },
    { { { P, .needs = DW_PUBLIC, .body = &NO_VALUES } }, "POST /p: NO_VALUES: name: an enumeration without values" },
    { { { P, .needs = DW_PUBLIC, .body = &NO_MODEL } }, "POST /p: NO_MODEL: name: an object without a model" },
    { { { P, .needs = DW_PUBLIC, .body = &LIST_OF_LISTS } },
      "POST /p: LIST_OF_LISTS: name: a list of what can't be an item" },
    { { { P, .needs = DW_PUBLIC, .body = &BAD_FALLBACK } },
      "POST /p: BAD_FALLBACK: n: the fallback '4' is not valid itself" },
    { { { P, .needs = DW_PUBLIC, .body = &CROSSED } }, "POST /p: CROSSED: n: min is above max" },
    { { { P, .needs = DW_PUBLIC, .body = &ENUM_PATTERN } },
      "POST /p: ENUM_PATTERN: name: a pattern on what is no string" },
    { { { P, .needs = DW_PUBLIC, .body = &WORDS_PATTERN } },
      "POST /p: WORDS_PATTERN: name: a pattern on what is no string" },
    { { { P, .needs = DW_PUBLIC, .body = &NEGATIVE } }, "POST /p: NEGATIVE: name: a length below 0" },
    { { { P, .needs = DW_PUBLIC, .body = &BEFORE_1970 } },
      "POST /p: BEFORE_1970: n: the fallback '1969-12-31T23:59:59Z' is not valid itself" },
    { { { P, .needs = DW_PUBLIC, .body = &PRESENCE } }, "POST /p: PRESENCE: n: its presence lies outside the struct" },
    { { { P, .needs = DW_PUBLIC, .body = &RAW } }, "POST /p: RAW: name: such a member can't stand in a body" },
    { { { P, .needs = DW_PUBLIC, .form = &NESTED } },
      "POST /p: NESTED: o: such a member can't stand in a form or query" },
    { { { P, .needs = DW_PUBLIC, .body = &NAMELESS } },
      "POST /p: a model without a name, or with one of other than A-Z a-z 0-9 . _ -" },
    { { { P, .needs = DW_PUBLIC, .body = &FINE, .answer = &SAME_NAME } },
      "POST /p: model FINE: two models have this name" },
    { { { P, .needs = DW_PUBLIC, .body = &NO_SIZE } }, "POST /p: NO_SIZE: a model without size or fields" },
    { { { P, .needs = DW_PUBLIC, .body = &RESERVED } }, "model Error: that name is taken by the error answers" },
    { { { R, .needs = DW_PUBLIC, .id = "x" }, { P, .needs = DW_PUBLIC, .id = "x" } },
      "POST /p: operation id x is that of GET /a/{id}" },
    { { { 0 } }, "no routes" },
};
/* clang-format on */

static void test_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_route *const tables[] = { ROWS[i].routes, NULL };
        struct dw_app_config config = KNOWN_CALLERS;
        char problem[DW_PROBLEM_SIZE] = "";
        struct dw_app *app = NULL;
        config.title = "T";
        config.version = "1";
        config.routes = tables;
        check_err(DW_ERR_TABLE, dw_app_new(&config, &app, problem), ROWS[i].problem);
        assert_null(app);
        assert_string_equal(problem, ROWS[i].problem);
    }
}

static const struct dw_route SIGNED_IN[] = { { R, .needs = DW_SIGNED_IN }, { 0 } };
static const struct dw_scheme NO_TOKEN_URL = { .kind = DW_SCHEME_OAUTH2_PASSWORD, .name = "o" };
static const struct dw_scheme NO_PARAMETER = { .kind = DW_SCHEME_API_KEY_QUERY, .name = "q" };
static const struct dw_scheme *const NO_TOKEN_URL_LIST[] = { &NO_TOKEN_URL, NULL };
static const struct dw_scheme *const NO_PARAMETER_LIST[] = { &NO_PARAMETER, NULL };

static void test_refused_configs(void **state)
{
    static const struct dw_route *const TABLES[] = { SIGNED_IN, NULL };
    const struct {
        struct dw_app_config config;
        const char *problem;
    } CONFIGS[] = {
        { { .version = "1", .routes = TABLES }, "the application has no title or no version" },
        { { .title = "T", .version = "1" }, "no routes" },
        { { .title = "T", .version = "1", .routes = TABLES },
          "GET /a/{id}: it needs the current principal, but the application has no credentials or authenticate" },
        { { .title = "T", .version = "1", .routes = TABLES, .credentials = NO_TOKEN_URL_LIST },
          "security scheme o: token_url is missing" },
        { { .title = "T", .version = "1", .routes = TABLES, .credentials = NO_PARAMETER_LIST },
          "security scheme q: the parameter's name is missing" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(CONFIGS); i++) {
        char problem[DW_PROBLEM_SIZE] = "";
        struct dw_app *app = NULL;
        CHECK_ERR(DW_ERR_TABLE, dw_app_new(&CONFIGS[i].config, &app, problem));
        assert_string_equal(problem, CONFIGS[i].problem);
    }
}

/* Misuse is an error, never a crash. */
static void test_null_arguments(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    const struct dw_call call = { .method = DW_GET, .target = "/" };
    struct dw_app *app = NULL, *none = NULL;
    struct dw_called called;
    char problem[DW_PROBLEM_SIZE];

    fixture_make(&f, KNOWN_CALLERS, SIGNED_IN);
    CHECK_ERR(DW_ERR_ARGUMENT, dw_app_new(NULL, &app, problem));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_app_new(&KNOWN_CALLERS, NULL, problem));
    CHECK_ERR(DW_ERR_TABLE, dw_app_new(&(const struct dw_app_config){ 0 }, &app, NULL));
    dw_app_free(&none);
    dw_app_free(NULL);
    assert_true(dw_str_is_absent(dw_app_openapi(NULL)));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_app_override(NULL, &A, &B));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_app_override(f.app, NULL, &B));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_serve(NULL, &(const struct dw_server_config){ 0 }));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_serve(f.app, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_call(NULL, &call, f.arena, &called));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_call(f.app, NULL, f.arena, &called));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_call(f.app, &call, NULL, &called));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_call(f.app, &call, f.arena, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_fail(NULL, DW_ERR_CONFLICT, "x"));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_fail_field(NULL, "body", "a", "b", "c"));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_resolve_role(NULL, &A, NULL));
    assert_null(dw_get(NULL, &A));
    assert_null(dw_principal(NULL));
    assert_null(dw_query(NULL));
    assert_null(dw_route(NULL));
    assert_null(dw_context(NULL));
    assert_true(dw_str_is_absent(dw_path_parameter(NULL, "id")));
    assert_true(dw_str_is_absent(dw_required_scopes(NULL)));
    dw_challenge(NULL, "x");
    dw_retry_after(NULL, 1);
}

CHECK_MAIN(cmocka_unit_test(test_refused), cmocka_unit_test(test_refused_configs),
           cmocka_unit_test(test_null_arguments))
