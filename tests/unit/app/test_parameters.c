/* Models of headers, cookies, queries and segments of the path: what is read, what is wrong, what is documented. */
#include "fixture.h"

struct headers {
    struct dw_str x_token;
    int64_t x_limit;
    struct dw_list x_tag;
};
struct cookies {
    struct dw_str theme;
    bool wide;
};
struct segments {
    struct dw_str id;
    int64_t page;
};
struct query {
    struct dw_str day;
    struct dw_list tag;
};

static const char *const THEMES[] = { "dark", "light", NULL };

/* clang-format off */
static const struct dw_field HEADER_FIELDS[] = {
    { DW_FIELD(struct headers, x_token), .type = DW_SECRET, .flags = DW_REQUIRED, .min = 3, .description = "A token" },
    { DW_FIELD(struct headers, x_limit), .type = DW_INT, .min = 1, .max = 9, .fallback = "5" },
    { DW_FIELD(struct headers, x_tag), .type = DW_LIST, .items = DW_STRING, .max = 2 },
    { 0 },
};
static const struct dw_field COOKIE_FIELDS[] = {
    { DW_FIELD(struct cookies, theme), .type = DW_ENUM, .values = THEMES, .fallback = "light" },
    { DW_FIELD(struct cookies, wide), .type = DW_BOOL },
    { 0 },
};
static const struct dw_field SEGMENT_FIELDS[] = {
    { DW_FIELD(struct segments, id), .type = DW_UUID },
    { DW_FIELD(struct segments, page), .type = DW_INT, .min = 1 },
    { 0 },
};
static const struct dw_field QUERY_FIELDS[] = {
    { DW_FIELD(struct query, day), .type = DW_DATE },
    { DW_FIELD(struct query, tag), .type = DW_LIST, .items = DW_INT, .min = 1, .max = 3 },
    { 0 },
};
/* clang-format on */

static const struct dw_model HEADERS = { "Headers", .size = sizeof(struct headers), .fields = HEADER_FIELDS };
static const struct dw_model COOKIES = { "Cookies", .size = sizeof(struct cookies), .fields = COOKIE_FIELDS };
static const struct dw_model SEGMENTS = { "Segments", .size = sizeof(struct segments), .fields = SEGMENT_FIELDS };
static const struct dw_model QUERY = { "Query", .size = sizeof(struct query), .fields = QUERY_FIELDS };

static enum dw_err show(struct dw_request *r, const void *in, void *out)
{
    const struct headers *h = dw_headers(r);
    const struct cookies *c = dw_cookies(r);
    const struct segments *s = dw_segments(r);
    const struct query *q = dw_query(r);

    if (in != q)
        return DW_ERR_INTERNAL;
    dw_answer_body(r, "text/plain",
                   dw_arena_printf(dw_request_arena(r), "%.*s %lld %zu | %.*s %d | %.*s %lld | %.*s %zu",
                                   (int)h->x_token.len, h->x_token.ptr, (long long)h->x_limit, h->x_tag.n,
                                   (int)c->theme.len, c->theme.ptr, c->wide, (int)s->id.len, s->id.ptr,
                                   (long long)s->page, (int)q->day.len, q->day.len > 0 ? q->day.ptr : "", q->tag.n));
    return DW_OK;
}

static enum dw_err show_nothing(struct dw_request *r, const void *in, void *out)
{
    if (dw_headers(r) != NULL || dw_cookies(r) != NULL || dw_segments(r) != NULL || dw_query(r) != NULL)
        return DW_ERR_INTERNAL;
    return dw_headers(NULL) != NULL ? DW_ERR_INTERNAL : DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/items/{id}/{page}/{rest}", show, .headers = &HEADERS, .cookies = &COOKIES, .segments = &SEGMENTS,
      .query = &QUERY, .needs = DW_PUBLIC, .id = "show" },
    { DW_GET, "/plain/{id}", show_nothing, .needs = DW_PUBLIC, .id = "plain" },
    { 0 },
};

#define ID "01890A5D-AC96-774B-BCCE-B302099A8057"
#define LOWER_ID "01890a5d-ac96-774b-bcce-b302099a8057"

static void test_read(void **state)
{
    static const struct dw_call_header ALL[] = {
        { "x-TOKEN", DW_STR_INIT("abc") },       { "X-Limit", DW_STR_INIT("9") },
        { "X-Tag", DW_STR_INIT("a") },           { "x-tag", DW_STR_INIT("b") },
        { "x_limit", DW_STR_INIT("no header") }, { "Cookie", DW_STR_INIT("wide=yes; theme=dark; other=1; theme=x") },
        { 0 },
    };
    static const struct dw_call_header LEAST[] = { { "X-Token", DW_STR_INIT("abc") }, { 0 } };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    assert_int_equal(fixture_call(&f, DW_GET, "/items/" ID "/7/x?tag=1&day=2024-02-29&tag=2", ALL, NULL), 200);
    check_body(&f, "abc 9 2 | dark 1 | " LOWER_ID " 7 | 2024-02-29 2", "all");
    assert_int_equal(fixture_call(&f, DW_GET, "/items/" ID "/1/x?tag=3", LEAST, NULL), 200);
    check_body(&f, "abc 5 0 | light 0 | " LOWER_ID " 1 |  1", "least");
    assert_int_equal(fixture_call(&f, DW_GET, "/plain/x", NULL, NULL), 204);
}

/* Each is one error, besides what a right request would have. */
static void test_wrong(void **state)
{
    static const struct {
        const char *target, *name, *value, *detail;
    } ROWS[] = {
        { "/items/" ID "/1/x?tag=1", "X-Other", "1",
          "{\"type\":\"missing\",\"loc\":[\"header\",\"x-token\"],\"msg\":\"Field required\"}" },
        { "/items/" ID "/1/x?tag=1", "X-Token", "ab",
          "{\"type\":\"string_too_short\",\"loc\":[\"header\",\"x-token\"],"
          "\"msg\":\"String should have at least 3 characters\"}" },
        { "/items/x/1/x?tag=1", "X-Token", "abc",
          "{\"type\":\"uuid_parsing\",\"loc\":[\"path\",\"id\"],\"msg\":\"Input should be a valid UUID, 32 "
          "hexadecimal digits in groups of 8-4-4-4-12\",\"input\":\"x\"}" },
        { "/items/" ID "/0/x?tag=1", "X-Token", "abc",
          "{\"type\":\"greater_than_equal\",\"loc\":[\"path\",\"page\"],"
          "\"msg\":\"Input should be greater than or equal to 1\",\"input\":\"0\"}" },
        { "/items/" ID "/1/x?tag=1&day=2026-02-29", "X-Token", "abc",
          "{\"type\":\"date_from_datetime_parsing\",\"loc\":[\"query\",\"day\"],"
          "\"msg\":\"Input should be a valid date, such as 2026-11-22\",\"input\":\"2026-02-29\"}" },
        { "/items/" ID "/1/x?tag=1&day=2026-02-2", "X-Token", "abc",
          "{\"type\":\"date_from_datetime_parsing\",\"loc\":[\"query\",\"day\"],"
          "\"msg\":\"Input should be a valid date, such as 2026-11-22\",\"input\":\"2026-02-2\"}" },
        { "/items/" ID "/1/x?tag=1&tag=b", "X-Token", "abc",
          "{\"type\":\"int_parsing\",\"loc\":[\"query\",\"tag\",1],\"msg\":\"Input should be a valid integer, unable "
          "to parse string as an integer\",\"input\":\"b\"}" },
        { "/items/" ID "/1/x?tag=1&tag=2&tag=3&tag=4", "X-Token", "abc",
          "{\"type\":\"too_long\",\"loc\":[\"query\",\"tag\"],"
          "\"msg\":\"List should have at most 3 items after validation, not 4\",\"input\":\"1\"}" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_call_header headers[] = { { ROWS[i].name, dw_str(ROWS[i].value) }, { 0 } };
        const struct dw_str expected = dw_arena_printf(f.arena, "{\"detail\":[%s]}", ROWS[i].detail);
        assert_int_equal(fixture_call(&f, DW_GET, ROWS[i].target, headers, NULL), 422);
        check_str(expected, f.called.body, ROWS[i].target);
    }
}

/* All in one answer, in the order of FastAPI: path, query, headers, cookies. */
static void test_all_wrong(void **state)
{
    static const struct dw_call_header HEADERS_TWICE[] = {
        { "X-Token", DW_STR_INIT("abc") }, { "X-Token", DW_STR_INIT("abd") },
        { "X-Tag", DW_STR_INIT("\xff") },  { "Cookie", DW_STR_INIT("theme=blue; wide=2") }, { 0 },
    };
    static const char *const TYPES[] = { "uuid_parsing", "int_parsing_size", "int_parsing", "duplicate_parameter",
                                         "string_unicode", "enum", "bool_parsing" };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    assert_int_equal(
        fixture_call(&f, DW_GET, "/items/x/99999999999999999999/x?tag=%00", HEADERS_TWICE, NULL), 422);
    yyjson_val *detail = json_get(fixture_json(&f), "detail");
    assert_int_equal(yyjson_arr_size(detail), ARRAY_SIZE(TYPES));
    for (size_t i = 0; i < ARRAY_SIZE(TYPES); i++)
        check_str(dw_str(TYPES[i]), json_get_str(yyjson_arr_get(detail, i), "type"), TYPES[i]);
}

static void test_described(void **state)
{
    static const struct {
        const char *name, *place;
        bool is_required;
        const char *schema;
    } ROWS[] = {
        { "rest", "path", true, "{\"type\":\"string\"}" },
        { "id", "path", true, "{\"type\":\"string\",\"format\":\"uuid\"}" },
        { "page", "path", true, "{\"type\":\"integer\",\"minimum\":1}" },
        { "day", "query", false, "{\"type\":\"string\",\"format\":\"date\"}" },
        { "tag", "query", false,
          "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":1,\"maxItems\":3}" },
        { "x-token", "header", true,
          "{\"type\":\"string\",\"format\":\"password\",\"minLength\":3,\"description\":\"A token\"}" },
        { "x-limit", "header", false, "{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"default\":5}" },
        { "x-tag", "header", false, "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":2}" },
        { "theme", "cookie", false, "{\"type\":\"string\",\"enum\":[\"dark\",\"light\"],\"default\":\"light\"}" },
        { "wide", "cookie", false, "{\"type\":\"boolean\"}" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };
    yyjson_val *root = NULL;

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    CHECK_OK(json_parse(f.arena, dw_app_openapi(f.app), JSON_DEPTH_DEFAULT, &root, NULL));
    yyjson_val *get = json_get(json_get(json_get(root, "paths"), "/items/{id}/{page}/{rest}"), "get");
    yyjson_val *parameters = json_get(get, "parameters");
    assert_int_equal(yyjson_arr_size(parameters), ARRAY_SIZE(ROWS));
    assert_non_null(json_get(json_get(get, "responses"), "422"));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        yyjson_val *parameter = yyjson_arr_get(parameters, i);
        char *schema = yyjson_val_write(json_get(parameter, "schema"), 0, NULL);
        check_str(dw_str(ROWS[i].name), json_get_str(parameter, "name"), ROWS[i].name);
        check_str(dw_str(ROWS[i].place), json_get_str(parameter, "in"), ROWS[i].name);
        assert_int_equal(json_get_bool(parameter, "required", false), ROWS[i].is_required);
        assert_string_equal(schema, ROWS[i].schema);
        free(schema);
    }
    assert_null(json_get(json_get(json_get(root, "components"), "schemas"), "Headers"));
}

static void test_problem(void **state)
{
    static const struct dw_route WRONG[] = {
        { DW_GET, "/items/{id}", show_nothing, .segments = &SEGMENTS, .needs = DW_PUBLIC }, { 0 }
    };
    const struct dw_route *const tables[] = { WRONG, NULL };
    const struct dw_app_config config = { .title = "t", .version = "1", .routes = tables };
    char problem[DW_PROBLEM_SIZE] = "";
    struct dw_app *app = NULL;

    CHECK_ERR(DW_ERR_TABLE, dw_app_new(&config, &app, problem));
    assert_string_equal(problem, "GET /items/{id}: the path has no {page}");
}

CHECK_MAIN(cmocka_unit_test(test_read), cmocka_unit_test(test_wrong), cmocka_unit_test(test_all_wrong),
           cmocka_unit_test(test_described), cmocka_unit_test(test_problem))
