/* Bodies: every type, good and bad, and the words of a 422. */
#include "fixture.h"

struct inner {
    struct dw_str city;
};

struct all {
    struct dw_str name, password, email, id, note, color, permissions;
    int64_t age;
    double ratio;
    bool flag;
    int64_t when;
    struct inner home;
    struct dw_list tags, homes;
    bool has_name;
};

static const struct dw_model INNER = {
    .name = "Inner",
    .size = sizeof(struct inner),
    .fields =
        (const struct dw_field[]){ { DW_FIELD(struct inner, city), .type = DW_STRING, .flags = DW_REQUIRED, .min = 2 },
                                   { 0 } },
};

static const struct dw_model ALL = {
    .name = "All",
    .size = sizeof(struct all),
    .fields =
        (const struct dw_field[]){
            { DW_FIELD(struct all, name), .type = DW_STRING, .flags = DW_PRESENCE | DW_NULLABLE,
              .presence = offsetof(struct all, has_name), .min = 3, .max = 5, .pattern = "[a-zé]+" },
            { DW_FIELD(struct all, email), .type = DW_EMAIL },
            { DW_FIELD(struct all, id), .type = DW_UUID },
            { DW_FIELD(struct all, note), .type = DW_PLAIN_TEXT, .max = 10 },
            { DW_FIELD(struct all, color), .type = DW_ENUM,
              .values = (const char *const[]){ "red", "green", "blue", NULL }, .fallback = "red" },
            { DW_FIELD(struct all, age), .type = DW_INT, .min = 1, .max = 150, .fallback = "7" },
            { DW_FIELD(struct all, ratio), .type = DW_NUMBER, .max = 1 },
            { DW_FIELD(struct all, flag), .type = DW_BOOL, .fallback = "true" },
            { DW_FIELD(struct all, when), .type = DW_TIME, .flags = DW_NULLABLE },
            { DW_FIELD(struct all, home), .type = DW_OBJECT, .model = &INNER },
            { DW_FIELD(struct all, tags), .type = DW_LIST, .items = DW_STRING, .min = 1, .max = 2 },
            { DW_FIELD(struct all, homes), .type = DW_LIST, .items = DW_OBJECT, .model = &INNER },
            { DW_FIELD(struct all, permissions), .type = DW_WORDS },
            { 0 } },
};

struct secretive {
    struct dw_str email, password;
    struct dw_list homes;
};

static const struct dw_model SECRETIVE = {
    .name = "Secretive",
    .size = sizeof(struct secretive),
    .refuse_unknown = true,
    .fields = (const struct dw_field[]){ { DW_FIELD(struct secretive, email), .type = DW_EMAIL, .flags = DW_REQUIRED },
                                         { DW_FIELD(struct secretive, password), .type = DW_SECRET,
                                           .flags = DW_REQUIRED, .min = 8, .max = 12 },
                                         { 0 } },
};

static const struct dw_model CLOSED = {
    .name = "Closed",
    .size = sizeof(struct inner),
    .refuse_unknown = true,
    .fields =
        (const struct dw_field[]){ { DW_FIELD(struct inner, city), .type = DW_STRING, .flags = DW_REQUIRED }, { 0 } },
};

struct patterned {
    struct dw_str id, day;
};

static const struct dw_model PATTERNED = {
    .name = "Patterned",
    .size = sizeof(struct patterned),
    .fields = (const struct dw_field[]){ { DW_FIELD(struct patterned, id), .type = DW_UUID,
                                           .pattern = ".{14}7.*" },
                                         { DW_FIELD(struct patterned, day), .type = DW_DATE, .pattern = "2026-.*" },
                                         { 0 } },
};

static enum dw_err echo_all(struct dw_request *r, const struct all *in, struct all *out)
{
    *out = *in;
    return DW_OK;
}

static enum dw_err accept(struct dw_request *r, const void *in, void *out)
{
    return in == NULL ? DW_ERR_INTERNAL : DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_POST, "/all", DW_HANDLER(echo_all), .body = &ALL, .answer = &ALL, .needs = DW_PUBLIC },
    { DW_POST, "/secretive", accept, .body = &SECRETIVE, .needs = DW_PUBLIC },
    { DW_POST, "/patterned", accept, .body = &PATTERNED, .needs = DW_PUBLIC },
    { DW_POST, "/closed", accept, .body = &CLOSED, .needs = DW_PUBLIC },
    { 0 },
};

#define ISSUE(type, loc, msg, input)                                                                                   \
    "{\"detail\":[{\"type\":\"" type "\",\"loc\":[\"body\"," loc "],\"msg\":\"" msg "\",\"input\":" input "}]}"
#define ISSUE_HIDDEN(type, loc, msg)                                                                                   \
    "{\"detail\":[{\"type\":\"" type "\",\"loc\":[\"body\"" loc "],\"msg\":\"" msg "\"}]}"

static void check_422(const char *target, const char *body, const char *expected)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    const int status = fixture_call(&f, DW_POST, target, JSON_TYPE, body);
    check_body(&f, expected, body);
    assert_int_equal(status, 422);
}

/* What the document says of a member must hold for every type that it is said of. */
static void patterns_hold_for_ids_and_days(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    assert_int_equal(fixture_call(&f, DW_POST, "/patterned", JSON_TYPE,
                                  "{\"id\":\"019AAB6C-0000-7000-8000-000000000000\",\"day\":\"2026-11-23\"}"), 204);
    check_422("/patterned", "{\"id\":\"019aab6c-0000-4000-8000-000000000000\"}",
              ISSUE("string_pattern_mismatch", "\"id\"", "String should match pattern '.{14}7.*'",
                    "\"019aab6c-0000-4000-8000-000000000000\""));
    check_422("/patterned", "{\"day\":\"2025-11-23\"}",
              ISSUE("string_pattern_mismatch", "\"day\"", "String should match pattern '2026-.*'",
                    "\"2025-11-23\""));
}

static const struct {
    const char *body, *expected;
} BAD_MEMBERS[] = {
    { "{\"name\":1}", ISSUE("string_type", "\"name\"", "Input should be a valid string", "1") },
    { "{\"name\":\"ab\"}",
      ISSUE("string_too_short", "\"name\"", "String should have at least 3 characters", "\"ab\"") },
    /* Characters, not bytes. */
    { "{\"name\":\"é\"}", ISSUE("string_too_short", "\"name\"", "String should have at least 3 characters", "\"é\"") },
    { "{\"name\":\"abcdef\"}",
      ISSUE("string_too_long", "\"name\"", "String should have at most 5 characters", "\"abcdef\"") },
    { "{\"name\":\"ABC\"}",
      ISSUE("string_pattern_mismatch", "\"name\"", "String should match pattern '[a-zé]+'", "\"ABC\"") },
    /* Anchored at both ends, also before a line feed. */
    { "{\"name\":\"abc\\n\"}",
      ISSUE("string_pattern_mismatch", "\"name\"", "String should match pattern '[a-zé]+'", "\"abc\\n\"") },
    { "{\"name\":\"a\\u0000c\"}",
      ISSUE("string_nul", "\"name\"", "String should not contain a NUL character", "\"a\\u0000c\"") },
    { "{\"email\":\"ann\"}",
      ISSUE("value_error", "\"email\"", "value is not a valid email address: An email address must have an @-sign.",
            "\"ann\"") },
    { "{\"email\":null}", ISSUE("string_type", "\"email\"", "Input should be a valid string", "null") },
    { "{\"id\":\"0\"}", ISSUE("uuid_parsing", "\"id\"",
                              "Input should be a valid UUID, 32 hexadecimal digits in groups of 8-4-4-4-12", "\"0\"") },
    { "{\"id\":0}", ISSUE("uuid_type", "\"id\"", "UUID input should be a string", "0") },
    { "{\"note\":\"<b>12345678901</b>\"}",
      ISSUE("string_too_long", "\"note\"", "String should have at most 10 characters", "\"<b>12345678901</b>\"") },
    { "{\"color\":\"pink\"}", ISSUE("enum", "\"color\"", "Input should be 'red', 'green' or 'blue'", "\"pink\"") },
    { "{\"color\":3}", ISSUE("enum", "\"color\"", "Input should be 'red', 'green' or 'blue'", "3") },
    { "{\"age\":\"3\"}", ISSUE("int_type", "\"age\"", "Input should be a valid integer", "\"3\"") },
    { "{\"age\":true}", ISSUE("int_type", "\"age\"", "Input should be a valid integer", "true") },
    { "{\"age\":1.5}", ISSUE("int_from_float", "\"age\"",
                             "Input should be a valid integer, got a number with a fractional part", "1.5") },
    { "{\"age\":18446744073709551615}",
      ISSUE("int_parsing_size", "\"age\"", "Unable to parse input string as an integer, exceeded maximum size",
            "18446744073709551615") },
    { "{\"age\":0}", ISSUE("greater_than_equal", "\"age\"", "Input should be greater than or equal to 1", "0") },
    { "{\"age\":151}", ISSUE("less_than_equal", "\"age\"", "Input should be less than or equal to 150", "151") },
    { "{\"ratio\":\"1\"}", ISSUE("float_type", "\"ratio\"", "Input should be a valid number", "\"1\"") },
    { "{\"ratio\":1.5}", ISSUE("less_than_equal", "\"ratio\"", "Input should be less than or equal to 1", "1.5") },
    /* .max alone: the other limit is 0. */
    { "{\"ratio\":-0.5}",
      ISSUE("greater_than_equal", "\"ratio\"", "Input should be greater than or equal to 0", "-0.5") },
    { "{\"flag\":1}", ISSUE("bool_type", "\"flag\"", "Input should be a valid boolean", "1") },
    { "{\"when\":1}", ISSUE("datetime_type", "\"when\"", "Input should be a valid datetime", "1") },
    /* -1 in the struct would say that it was not sent. */
    { "{\"when\":\"1969-12-31T23:59:59Z\"}",
      ISSUE("datetime_object_invalid", "\"when\"",
            "Input should be within 1970-01-01T00:00:00Z and 9999-12-31T23:59:59Z",
            "\"1969-12-31T23:59:59Z\"") },
    { "{\"when\":\"1970-01-01T00:30:00+01:00\"}",
      ISSUE("datetime_object_invalid", "\"when\"",
            "Input should be within 1970-01-01T00:00:00Z and 9999-12-31T23:59:59Z",
            "\"1970-01-01T00:30:00+01:00\"") },
    { "{\"when\":\"9999-12-31T23:59:59-00:01\"}",
      ISSUE("datetime_object_invalid", "\"when\"",
            "Input should be within 1970-01-01T00:00:00Z and 9999-12-31T23:59:59Z",
            "\"9999-12-31T23:59:59-00:01\"") },
    { "{\"when\":\"now\"}", ISSUE("datetime_parsing", "\"when\"",
                                  "Input should be a valid datetime, such as 2026-11-22T17:05:49Z", "\"now\"") },
    { "{\"home\":[]}", ISSUE("model_attributes_type", "\"home\"",
                             "Input should be a valid dictionary or object to extract fields from", "[]") },
    { "{\"home\":{\"x\":1}}", ISSUE("missing", "\"home\",\"city\"", "Field required", "{\"x\":1}") },
    { "{\"tags\":{}}", ISSUE("list_type", "\"tags\"", "Input should be a valid list", "{}") },
    { "{\"tags\":[]}",
      ISSUE("too_short", "\"tags\"", "List should have at least 1 item after validation, not 0", "[]") },
    { "{\"tags\":[\"a\",\"b\",\"c\"]}",
      ISSUE("too_long", "\"tags\"", "List should have at most 2 items after validation, not 3",
            "[\"a\",\"b\",\"c\"]") },
    { "{\"tags\":[\"a\",2]}", ISSUE("string_type", "\"tags\",1", "Input should be a valid string", "2") },
    { "{\"homes\":[{\"city\":\"Rome\"},{\"city\":\"X\"}]}",
      ISSUE("string_too_short", "\"homes\",1,\"city\"", "String should have at least 2 characters", "\"X\"") },
    { "{\"permissions\":\"a\"}", ISSUE("list_type", "\"permissions\"", "Input should be a valid list", "\"a\"") },
    { "{\"permissions\":[1]}", ISSUE("string_type", "\"permissions\",0", "Input should be a valid string", "1") },
    { "{\"permissions\":[\"a b\"]}", ISSUE("string_pattern_mismatch", "\"permissions\",0",
                                           "String should match pattern '^[!#-\\\\[\\\\]-~]+$'", "\"a b\"") },
};

static void test_bad_members(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(BAD_MEMBERS); i++)
        check_422("/all", BAD_MEMBERS[i].body, BAD_MEMBERS[i].expected);
}

static void test_bad_bodies(void **state)
{
    static const struct {
        const char *body, *expected;
    } ROWS[] = {
        { "", ISSUE_HIDDEN("missing", "", "Field required") },
        { "null", ISSUE_HIDDEN("missing", "", "Field required") },
        { "{", ISSUE_HIDDEN("json_invalid", ",1", "JSON decode error") },
        /* The place counts characters, not bytes. */
        { "{\"é\":\"é\" x", ISSUE_HIDDEN("json_invalid", ",9", "JSON decode error") },
        { "[1]",
          "{\"detail\":[{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],\"msg\":\"Input should be a valid "
          "dictionary or object to extract fields from\",\"input\":[1]}]}" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_422("/all", ROWS[i].body, ROWS[i].expected);
    check_422("/closed", "{\"city\":\"Rome\",\"zip\":1}",
              ISSUE("extra_forbidden", "\"zip\"", "Extra inputs are not permitted", "1"));
}

/* A name twice, too deep, not UTF-8: where exactly is the parser's to say. */
static void test_unreadable_bodies(void **state)
{
    static const char *const BODIES[] = {
        "{\"name\":\"abc\",\"name\":\"abd\"}",
        "{\"name\":\"\xff\"}",
        "nope",
        " ",
        "{\"name\":\"abc\"}x",
        "{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(BODIES); i++) {
        assert_int_equal(fixture_call(&f, DW_POST, "/all", JSON_TYPE, BODIES[i]), 422);
        yyjson_val *detail = yyjson_arr_get_first(json_get(fixture_json(&f), "detail"));
        check_str(DW_STR("json_invalid"), json_get_str(detail, "type"), BODIES[i]);
        check_str(DW_STR("JSON decode error"), json_get_str(detail, "msg"), BODIES[i]);
    }
}

static void test_secrets_are_not_echoed(void **state)
{
    static const char *const BODIES[] = {
        "{\"password\":\"hunter2\"}",
        "{\"email\":\"a@x.org\",\"password\":\"hunter2hunter2\"}",
        "{\"email\":\"a@x.org\",\"password\":[\"hunter2\"]}",
        "{\"email\":\"a@x.org\",\"password\":\"hunter2\\u0000\"}",
        "{\"email\":\"a@x.org\",\"password\":\"longenough\",\"passwort\":\"hunter2\"}",
        "[\"hunter2\"]",
        "\"hunter2\"",
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(BODIES); i++) {
        assert_int_equal(fixture_call(&f, DW_POST, "/secretive", JSON_TYPE, BODIES[i]), 422);
        if (memmem(f.called.body.ptr, f.called.body.len, "hunter2", 7) != NULL)
            fail_msg("%s: echoed in %.*s", BODIES[i], (int)f.called.body.len, f.called.body.ptr);
    }
}

static void test_all_errors_in_one_answer(void **state)
{
    check_422("/secretive", "{\"password\":\"short\"}",
              "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\",\"email\"],\"msg\":\"Field required\"},"
              "{\"type\":\"string_too_short\",\"loc\":[\"body\",\"password\"],"
              "\"msg\":\"String should have at least 8 characters\"}]}");
}

static void test_entries_are_limited(void **state)
{
    enum { ITEMS = 5000, ENTRIES = 64 };
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_buffer_ struct buffer body = BUFFER_INIT(1 << 20);

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    buffer_append_literal(&body, "{\"homes\":[");
    for (int i = 0; i < ITEMS; i++)
        buffer_append_literal(&body, "1,");
    buffer_append_literal(&body, "1]}");
    buffer_append(&body, dw_str_n("", 1));
    assert_int_equal(fixture_call(&f, DW_POST, "/all", JSON_TYPE, body.ptr), 422);
    assert_int_equal(yyjson_arr_size(json_get(fixture_json(&f), "detail")), ENTRIES);
}

static void test_long_input_is_not_echoed(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    char body[600];

    snprintf(body, sizeof(body), "{\"name\":\"%0500d\"}", 0);
    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    assert_int_equal(fixture_call(&f, DW_POST, "/all", JSON_TYPE, body), 422);
    check_body(&f, ISSUE_HIDDEN("string_too_long", ",\"name\"", "String should have at most 5 characters"), "long");
}

static void test_good_members(void **state)
{
    static const struct {
        const char *body, *member;
        const char *expected;
    } ROWS[] = {
        { "{}", "color", "\"red\"" },
        { "{}", "age", "7" },
        { "{}", "flag", "true" },
        { "{}", "name", "null" },
        { "{}", "when", "null" },
        { "{}", "tags", "[]" },
        { "{\"name\":null}", "name", "null" },
        { "{\"name\":\"éaé\"}", "name", "\"éaé\"" },
        { "{\"email\":\"Ann@EXAMPLE.org\"}", "email", "\"Ann@example.org\"" },
        { "{\"id\":\"0192F6A0-0000-7000-8000-00000000000A\"}", "id", "\"0192f6a0-0000-7000-8000-00000000000a\"" },
        { "{\"note\":\"a<b>c</b>\"}", "note", "\"ac\"" },
        { "{\"color\":\"blue\"}", "color", "\"blue\"" },
        { "{\"age\":3.0}", "age", "3" },
        { "{\"ratio\":1}", "ratio", "1" },
        { "{\"ratio\":0.1}", "ratio", "0.1" },
        { "{\"flag\":false}", "flag", "false" },
        { "{\"when\":\"2026-11-22T17:05:49Z\"}", "when", "\"2026-11-22T17:05:49Z\"" },
        { "{\"when\":\"2026-11-22T18:05:49+01:00\"}", "when", "\"2026-11-22T17:05:49Z\"" },
        { "{\"when\":\"9999-12-31T23:59:59Z\"}", "when", "\"9999-12-31T23:59:59Z\"" },
        { "{\"when\":null}", "when", "null" },
        { "{\"home\":{\"city\":\"Rome\"}}", "home", "{\"city\":\"Rome\"}" },
        { "{\"tags\":[\"a\",\"b\"]}", "tags", "[\"a\",\"b\"]" },
        { "{\"homes\":[{\"city\":\"Rome\"},{\"city\":\"Oslo\"}]}", "homes",
          "[{\"city\":\"Rome\"},{\"city\":\"Oslo\"}]" },
        { "{\"permissions\":[\"read:users\",\"x\"]}", "permissions", "[\"read:users\",\"x\"]" },
        { "{\"permissions\":[]}", "permissions", "[]" },
        { "{\"unknown\":1,\"age\":9}", "age", "9" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(4096);
        if (fixture_call(&f, DW_POST, "/all", JSON_TYPE, ROWS[i].body) != 200)
            fail_msg("%s: %.*s", ROWS[i].body, (int)f.called.body.len, f.called.body.ptr);
        json_write_value(&b, json_get(fixture_json(&f), ROWS[i].member));
        check_str(dw_str(ROWS[i].expected), buffer_str(&b), ROWS[i].body);
    }
}

static bool seen_name;

static enum dw_err look(struct dw_request *r, const struct all *in, void *out)
{
    seen_name = in->has_name;
    return DW_OK;
}

static void test_presence(void **state)
{
    static const struct dw_route LOOK[] = { { DW_PATCH, "/", DW_HANDLER(look), .body = &ALL, .needs = DW_PUBLIC },
                                            { 0 } };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, LOOK);
    assert_int_equal(fixture_call(&f, DW_PATCH, "/", JSON_TYPE, "{}"), 204);
    assert_false(seen_name);
    assert_int_equal(fixture_call(&f, DW_PATCH, "/", JSON_TYPE, "{\"name\":null}"), 204);
    assert_true(seen_name);
}

static void test_media_types(void **state)
{
    static const struct {
        const char *type;
        int status;
    } ROWS[] = {
        { "application/json", 200 },
        { "Application/JSON ; charset=UTF-8", 200 },
        { "application/json; charset=\"utf-8\"", 200 },
        { "application/merge-patch+json", 200 },
        { "application/json; charset=latin1", 415 },
        { "text/plain", 415 },
        { "application/x-www-form-urlencoded", 415 },
        { "application/jsonx", 415 },
        { "", 415 },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_call_header headers[] = { { "Content-Type", dw_str(ROWS[i].type) }, { 0 } };
        if (fixture_call(&f, DW_POST, "/all", headers, "{}") != ROWS[i].status)
            fail_msg("%s: %d", ROWS[i].type, f.called.status);
    }
    assert_int_equal(fixture_call(&f, DW_POST, "/all", NULL, "{}"), 415);
    check_body(&f, "{\"detail\":\"Unsupported Media Type: application/json is expected\"}", "no type");
}

CHECK_MAIN(cmocka_unit_test(patterns_hold_for_ids_and_days), cmocka_unit_test(test_bad_members),
           cmocka_unit_test(test_bad_bodies),
           cmocka_unit_test(test_unreadable_bodies), cmocka_unit_test(test_secrets_are_not_echoed),
           cmocka_unit_test(test_all_errors_in_one_answer), cmocka_unit_test(test_entries_are_limited),
           cmocka_unit_test(test_long_input_is_not_echoed), cmocka_unit_test(test_good_members),
           cmocka_unit_test(test_presence), cmocka_unit_test(test_media_types))
