/* Forms and queries. */
#include "fixture.h"

struct form {
    struct dw_str name, password, scope;
    int64_t limit;
    bool flag;
    double ratio;
    int64_t since;
    struct dw_list tags;
    bool has_limit;
};

static const struct dw_field FIELDS[] = {
    { DW_FIELD(struct form, name), .type = DW_STRING, .max = 10 },
    { DW_FIELD(struct form, password), .type = DW_SECRET, .max = 8 },
    { DW_FIELD(struct form, limit), .type = DW_INT, .min = 1, .max = 100, .fallback = "50", .flags = DW_PRESENCE,
      .presence = offsetof(struct form, has_limit) },
    { DW_FIELD(struct form, flag), .type = DW_BOOL },
    { DW_FIELD(struct form, ratio), .type = DW_NUMBER },
    { DW_FIELD(struct form, since), .type = DW_TIME },
    { DW_FIELD(struct form, tags), .type = DW_LIST, .items = DW_INT, .max = 3 },
    { DW_FIELD(struct form, scope), .type = DW_WORDS },
    { 0 },
};

static const struct dw_model QUERY = { .name = "Query", .size = sizeof(struct form), .fields = FIELDS };
static const struct dw_model CLOSED = {
    .name = "ClosedQuery",
    .size = sizeof(struct form),
    .refuse_unknown = true,
    .fields = (const struct dw_field[]){ { DW_FIELD(struct form, name), .type = DW_STRING }, { 0 } },
};

struct sign_in {
    struct dw_str username, password;
};

static const struct dw_model SIGN_IN = {
    .name = "SignIn",
    .size = sizeof(struct sign_in),
    .fields =
        (const struct dw_field[]){ { DW_FIELD(struct sign_in, username), .type = DW_STRING, .flags = DW_REQUIRED },
                                   { DW_FIELD(struct sign_in, password), .type = DW_SECRET, .flags = DW_REQUIRED },
                                   { 0 } },
};

static enum dw_err echo(struct dw_request *r, const struct form *in, struct form *out)
{
    assert_ptr_equal(in, dw_query(r));
    *out = *in;
    return DW_OK;
}

static enum dw_err sign_in(struct dw_request *r, const struct sign_in *in, void *out)
{
    assert_null(dw_query(r));
    dw_answer_body(r, "text/plain",
                   dw_arena_printf(dw_request_arena(r), "%.*s/%.*s", (int)in->username.len, in->username.ptr,
                                   (int)in->password.len, in->password.ptr));
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/query", DW_HANDLER(echo), .query = &QUERY, .answer = &QUERY, .needs = DW_PUBLIC },
    { DW_GET, "/closed", DW_HANDLER(echo), .query = &CLOSED, .answer = &QUERY, .needs = DW_PUBLIC },
    { DW_POST, "/form", DW_HANDLER(sign_in), .form = &SIGN_IN, .needs = DW_PUBLIC },
    { DW_POST, "/token", DW_HANDLER(sign_in), .form = &SIGN_IN, .needs = DW_PUBLIC, .oauth_errors = true },
    { 0 },
};

#define ISSUE(type, loc, msg, input)                                                                                   \
    "{\"detail\":[{\"type\":\"" type "\",\"loc\":[\"query\"," loc "],\"msg\":\"" msg "\",\"input\":" input "}]}"

static void test_bad_queries(void **state)
{
    static const struct {
        const char *target;
        int status;
        const char *expected;
    } ROWS[] = {
        { "/query?limit=0", 422,
          ISSUE("greater_than_equal", "\"limit\"", "Input should be greater than or equal to 1", "\"0\"") },
        { "/query?limit=101", 422,
          ISSUE("less_than_equal", "\"limit\"", "Input should be less than or equal to 100", "\"101\"") },
        { "/query?limit=x", 422,
          ISSUE("int_parsing", "\"limit\"", "Input should be a valid integer, unable to parse string as an integer",
                "\"x\"") },
        { "/query?limit=1.0", 422,
          ISSUE("int_parsing", "\"limit\"", "Input should be a valid integer, unable to parse string as an integer",
                "\"1.0\"") },
        { "/query?limit=99999999999999999999", 422,
          ISSUE("int_parsing_size", "\"limit\"", "Unable to parse input string as an integer, exceeded maximum size",
                "\"99999999999999999999\"") },
        { "/query?limit=-99999999999999999999999", 422,
          ISSUE("int_parsing_size", "\"limit\"", "Unable to parse input string as an integer, exceeded maximum size",
                "\"-99999999999999999999999\"") },
        { "/query?limit=1&limit=2", 422,
          ISSUE("duplicate_parameter", "\"limit\"", "Parameter should be sent only once", "\"1\"") },
        { "/query?flag=maybe", 422,
          ISSUE("bool_parsing", "\"flag\"", "Input should be a valid boolean, unable to interpret input",
                "\"maybe\"") },
        { "/query?ratio=0x10", 422,
          ISSUE("float_parsing", "\"ratio\"", "Input should be a valid number, unable to parse string as a number",
                "\"0x10\"") },
        { "/query?ratio=1e999", 422,
          ISSUE("finite_number", "\"ratio\"", "Input should be a finite number", "\"1e999\"") },
        { "/query?since=yesterday", 422,
          ISSUE("datetime_parsing", "\"since\"", "Input should be a valid datetime, such as 2026-11-22T17:05:49Z",
                "\"yesterday\"") },
        { "/query?tags=1&tags=x", 422,
          ISSUE("int_parsing", "\"tags\",1", "Input should be a valid integer, unable to parse string as an integer",
                "\"x\"") },
        { "/query?tags=1&tags=2&tags=3&tags=4", 422,
          ISSUE("too_long", "\"tags\"", "List should have at most 3 items after validation, not 4", "\"1\"") },
        { "/query?name=a%00b", 422,
          ISSUE("string_nul", "\"name\"", "String should not contain a NUL character", "\"a\\u0000b\"") },
        { "/query?name=%ff", 422,
          "{\"detail\":[{\"type\":\"string_unicode\",\"loc\":[\"query\",\"name\"],\"msg\":\"Input should be a valid "
          "string, unable to parse raw data as a unicode string\"}]}" },
        /* Secrets are not shown. */
        { "/query?password=123456789", 422,
          "{\"detail\":[{\"type\":\"string_too_long\",\"loc\":[\"query\",\"password\"],\"msg\":\"String should have at "
          "most 8 characters\"}]}" },
        { "/closed?name=a&nam=b", 422, ISSUE("extra_forbidden", "\"nam\"", "Extra inputs are not permitted", "\"b\"") },
        { "/query?name=%zz", 400, "{\"detail\":\"Bad Request\"}" },
        { "/query?name=%", 400, "{\"detail\":\"Bad Request\"}" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const int status = fixture_call(&f, DW_GET, ROWS[i].target, NULL, NULL);
        check_body(&f, ROWS[i].expected, ROWS[i].target);
        assert_int_equal(status, ROWS[i].status);
    }
}

static void test_good_queries(void **state)
{
    static const struct {
        const char *target, *member, *expected;
    } ROWS[] = {
        { "/query", "limit", "50" },
        { "/query?limit=", "limit", "50" },
        { "/query?limit", "limit", "50" },
        { "/query?limit=7&unknown=1", "limit", "7" },
        { "/query?name=", "name", "null" },
        { "/query?name=a+b%2Bc", "name", "\"a b+c\"" },
        { "/query?&&name=x&", "name", "\"x\"" },
        { "/query?flag=TRUE", "flag", "true" },
        { "/query?flag=off", "flag", "false" },
        { "/query?ratio=-1.5e2", "ratio", "-150" },
        { "/query?since=2026-11-22T17:05:49Z", "since", "\"2026-11-22T17:05:49Z\"" },
        { "/query", "since", "null" },
        { "/query?tags=1&tags=-2", "tags", "[1,-2]" },
        { "/query?scope=a++b", "scope", "[\"a\",\"b\"]" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(4096);
        if (fixture_call(&f, DW_GET, ROWS[i].target, NULL, NULL) != 200)
            fail_msg("%s: %.*s", ROWS[i].target, (int)f.called.body.len, f.called.body.ptr);
        json_write_value(&b, json_get(fixture_json(&f), ROWS[i].member));
        check_str(dw_str(ROWS[i].expected), buffer_str(&b), ROWS[i].target);
    }
}

static void test_too_many_pairs(void **state)
{
    enum { PAIRS = 600 };
    _cleanup_fixture_ struct fixture f = { 0 };
    char target[8 + 2 * PAIRS + 1] = "/query?";

    for (int i = 0; i < PAIRS; i++)
        strcat(target, "a&");
    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    assert_int_equal(fixture_call(&f, DW_GET, target, NULL, NULL), 400);
}

static void test_forms(void **state)
{
#define MISSING(name) "{\"type\":\"missing\",\"loc\":[\"body\",\"" name "\"],\"msg\":\"Field required\"}"
    static const struct {
        const char *path, *body;
        int status;
        const char *expected;
    } ROWS[] = {
        { "/form", "username=ann&password=a%26b+c", 200, "ann/a&b c" },
        { "/form", "", 422, "{\"detail\":[" MISSING("username") "," MISSING("password") "]}" },
        /* RFC 6749 §3.1: without a value is as omitted. */
        { "/form", "username=ann&password=", 422, "{\"detail\":[" MISSING("password") "]}" },
        { "/form", "username=ann&password=a&password=b", 422,
          "{\"detail\":[{\"type\":\"duplicate_parameter\",\"loc\":[\"body\",\"password\"],\"msg\":\"Parameter should "
          "be "
          "sent only once\"}]}" },
        /* RFC 6749 §5.2. */
        { "/token", "username=ann", 400,
          "{\"error\":\"invalid_request\",\"error_description\":\"password: Field required\","
          "\"detail\":\"password: Field required\"}" },
        { "/token", "username=ann&username=bob&password=x", 400,
          "{\"error\":\"invalid_request\",\"error_description\":\"username: Parameter should be sent only once\","
          "\"detail\":\"username: Parameter should be sent only once\"}" },
        { "/token", "username=%zz&password=x", 400,
          "{\"error\":\"invalid_request\",\"error_description\":\"Bad Request\",\"detail\":\"Bad Request\"}" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const int status = fixture_call(&f, DW_POST, ROWS[i].path, FORM_TYPE, ROWS[i].body);
        check_body(&f, ROWS[i].expected, ROWS[i].body);
        assert_int_equal(status, ROWS[i].status);
    }
}

static void test_json_is_refused(void **state)
{
#define EXPECTED "Unsupported Media Type: application/x-www-form-urlencoded is expected"
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    assert_int_equal(fixture_call(&f, DW_POST, "/form", JSON_TYPE, "{\"username\":\"ann\"}"), 415);
    check_body(&f, "{\"detail\":\"" EXPECTED "\"}", "/form");
    assert_int_equal(fixture_call(&f, DW_POST, "/token", JSON_TYPE, "{\"username\":\"ann\"}"), 400);
    check_body(&f, "{\"error\":\"invalid_request\",\"error_description\":\"" EXPECTED "\",\"detail\":\"" EXPECTED "\"}",
               "/token");
}

CHECK_MAIN(cmocka_unit_test(test_bad_queries), cmocka_unit_test(test_good_queries),
           cmocka_unit_test(test_too_many_pairs), cmocka_unit_test(test_forms), cmocka_unit_test(test_json_is_refused))
