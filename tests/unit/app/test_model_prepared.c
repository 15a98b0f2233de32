/* A model by itself, outside a request. */
#include "fixture.h"

struct address {
    struct dw_str city;
};
struct person {
    struct dw_str name, password, raw;
    struct address address;
    struct dw_list friends;
};

static const struct dw_field ADDRESS_FIELDS[] = {
    { DW_FIELD(struct address, city), .type = DW_STRING, .flags = DW_REQUIRED, .max = 5 }, { 0 }
};
static const struct dw_model ADDRESS = { "Address", .size = sizeof(struct address), .fields = ADDRESS_FIELDS };
static const struct dw_field PERSON_FIELDS[] = {
    { DW_FIELD(struct person, name), .type = DW_STRING, .flags = DW_REQUIRED },
    { DW_FIELD(struct person, address), .type = DW_OBJECT, .model = &ADDRESS, .flags = DW_REQUIRED },
    { DW_FIELD(struct person, friends), .type = DW_LIST, .items = DW_STRING },
    { 0 },
};
static const struct dw_model PERSON = { "Person", .size = sizeof(struct person), .fields = PERSON_FIELDS };
static const struct dw_field RAW_FIELDS[] = { { DW_FIELD(struct person, raw), .type = DW_RAW_JSON }, { 0 } };
static const struct dw_model RAW = { "Raw", .size = sizeof(struct person), .fields = RAW_FIELDS };
static const struct dw_field BAD_FIELDS[] = {
    { DW_FIELD(struct person, name), .type = DW_STRING, .pattern = "(" }, { 0 }
};
static const struct dw_model BAD = { "Bad", .size = sizeof(struct person), .fields = BAD_FIELDS };

static void test_parse(void **state)
{
    static const struct {
        const char *json;
        enum dw_err expected;
        const char *issues; /* NULL: none are told */
    } ROWS[] = {
        { "{\"name\":\"a\",\"address\":{\"city\":\"b\"}}", DW_OK, NULL },
        { "{\"name\":\"a\",\"address\":{\"city\":\"longer\"}}", DW_ERR_VALIDATION,
          "[{\"type\":\"string_too_long\",\"loc\":[\"address\",\"city\"],\"msg\":\"String should have at most 5 "
          "characters\",\"input\":\"longer\"}]" },
        { "{}", DW_ERR_VALIDATION,
          "[{\"type\":\"missing\",\"loc\":[\"name\"],\"msg\":\"Field required\",\"input\":{}},"
          "{\"type\":\"missing\",\"loc\":[\"address\"],\"msg\":\"Field required\",\"input\":{}}]" },
        { "[]", DW_ERR_VALIDATION,
          "[{\"type\":\"model_attributes_type\",\"loc\":[],\"msg\":\"Input should be a valid dictionary or object to "
          "extract fields from\",\"input\":[]}]" },
        { "", DW_ERR_VALIDATION, "[{\"type\":\"missing\",\"loc\":[],\"msg\":\"Field required\"}]" },
        { "{\"name\":", DW_ERR_JSON, "[{\"type\":\"json_invalid\",\"loc\":[8],\"msg\":\"JSON decode error\"}]" },
        { "{\"name\":\"a\",\"name\":\"b\"}", DW_ERR_JSON_DUPLICATE,
          "[{\"type\":\"json_invalid\",\"loc\":[0],\"msg\":\"JSON decode error\"}]" },
    };
    _cleanup_(dw_model_free) struct dw_prepared_model *person = NULL;
    _cleanup_arena_ struct dw_arena *arena = NULL;

    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_OK(dw_model_new(&PERSON, &person, NULL));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_str issues = { NULL, 0 };
        void *parsed = NULL;
        const struct dw_str json = dw_str(ROWS[i].json);
        check_err(ROWS[i].expected, dw_model_parse(person, json, arena, &parsed, &issues), ROWS[i].json);
        check_str(dw_str(ROWS[i].issues), issues, ROWS[i].json);
        assert_int_equal(parsed != NULL, ROWS[i].expected == DW_OK);
        check_err(ROWS[i].expected, dw_model_parse(person, json, arena, &parsed, NULL), ROWS[i].json);
    }
}

static void test_round(void **state)
{
    static const char JSON[] = "{\"name\":\"\\u00e9\\n\",\"address\":{\"city\":\"b\"},\"friends\":[\"x\",\"\"]}";
    _cleanup_(dw_model_free) struct dw_prepared_model *person = NULL;
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str written;
    void *parsed = NULL;

    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_OK(dw_model_new(&PERSON, &person, NULL));
    CHECK_OK(dw_model_parse(person, dw_str(JSON), arena, &parsed, NULL));
    assert_int_equal(((struct person *)parsed)->friends.n, 2);
    CHECK_OK(dw_model_write(person, parsed, arena, &written));
    check_str(DW_STR("{\"name\":\"é\\n\",\"address\":{\"city\":\"b\"},\"friends\":[\"x\",\"\"]}"), written, "written");
}

static void test_misuse(void **state)
{
    _cleanup_(dw_model_free) struct dw_prepared_model *raw = NULL;
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct person person = { .raw = DW_STR("[1]") };
    char problem[DW_PROBLEM_SIZE] = "";
    struct dw_str written;
    void *parsed = NULL;

    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_ERR(DW_ERR_TABLE, dw_model_new(&BAD, &raw, problem));
    assert_string_equal(problem, "Bad: name: the pattern does not compile: missing closing parenthesis");
    CHECK_ERR(DW_ERR_ARGUMENT, dw_model_new(NULL, &raw, problem));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_model_new(&RAW, NULL, problem));
    CHECK_OK(dw_model_new(&RAW, &raw, problem));
    CHECK_OK(dw_model_write(raw, &person, arena, &written));
    check_str(DW_STR("{\"raw\":[1]}"), written, "raw");
    CHECK_ERR(DW_ERR_ARGUMENT, dw_model_parse(raw, DW_STR("{}"), arena, &parsed, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_model_parse(NULL, DW_STR("{}"), arena, &parsed, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_model_write(raw, NULL, arena, &written));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_model_write(NULL, &person, arena, &written));
    dw_model_free(NULL);
}

CHECK_MAIN(cmocka_unit_test(test_parse), cmocka_unit_test(test_round), cmocka_unit_test(test_misuse))
