#include "../check.h"

#include "base/json.h"

struct json_case {
    struct dw_str text;
    enum dw_err err;
};

static const struct json_case CASES[] = {
    { DW_STR_INIT("{}"), DW_OK },
    { DW_STR_INIT("[]"), DW_OK },
    { DW_STR_INIT(" [ 1 , -2.5e3 , true , false , null , \"x\" ] \r\n\t"), DW_OK },
    { DW_STR_INIT("\"\\u0041\\ud83d\\ude00\\n\""), DW_OK },
    { DW_STR_INIT("18446744073709551616"), DW_OK },
    { DW_STR_INIT("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}"), DW_OK }, /* the same name in other objects */
    { DW_STR_INIT("{\"\":1,\"A\":2,\"a\":3}"), DW_OK },
    /* syntax */
    { DW_STR_INIT(""), DW_ERR_JSON },
    { DW_STR_INIT("   "), DW_ERR_JSON },
    { DW_STR_INIT("{"), DW_ERR_JSON },
    { DW_STR_INIT("[1,]"), DW_ERR_JSON },
    { DW_STR_INIT("{\"a\":1,}"), DW_ERR_JSON },
    { DW_STR_INIT("[1] [2]"), DW_ERR_JSON },
    { DW_STR_INIT("[1]x"), DW_ERR_JSON },
    { DW_STR_INIT("[1]\0"), DW_ERR_JSON },
    { DW_STR_INIT("/* */[1]"), DW_ERR_JSON },
    { DW_STR_INIT("[1] // x"), DW_ERR_JSON },
    { DW_STR_INIT("{a:1}"), DW_ERR_JSON },
    { DW_STR_INIT("{'a':1}"), DW_ERR_JSON },
    { DW_STR_INIT("{1:1}"), DW_ERR_JSON },
    { DW_STR_INIT("NaN"), DW_ERR_JSON },
    { DW_STR_INIT("[Infinity]"), DW_ERR_JSON },
    { DW_STR_INIT("[-inf]"), DW_ERR_JSON },
    { DW_STR_INIT("[1e999]"), DW_ERR_JSON },
    { DW_STR_INIT("[01]"), DW_ERR_JSON },
    { DW_STR_INIT("[+1]"), DW_ERR_JSON },
    { DW_STR_INIT("[.5]"), DW_ERR_JSON },
    { DW_STR_INIT("[1.]"), DW_ERR_JSON },
    { DW_STR_INIT("[0x10]"), DW_ERR_JSON },
    { DW_STR_INIT("[\"\n\"]"), DW_ERR_JSON },
    { DW_STR_INIT("[\"\\x41\"]"), DW_ERR_JSON },
    { DW_STR_INIT("[\"\\ud83d\"]"), DW_ERR_JSON },
    { DW_STR_INIT("[\"\\ude00\\ud83d\"]"), DW_ERR_JSON },
    { DW_STR_INIT("[True]"), DW_ERR_JSON },
    /* UTF-8 */
    { DW_STR_INIT("\xef\xbb\xbf{}"), DW_ERR_JSON },
    { DW_STR_INIT("[\"\xff\"]"), DW_ERR_JSON },
    { DW_STR_INIT("[\"\xc0\xaf\"]"), DW_ERR_JSON },
    { DW_STR_INIT("[\"\xed\xa0\x80\"]"), DW_ERR_JSON },
    { DW_STR_INIT("[\"\xf4\x90\x80\x80\"]"), DW_ERR_JSON },
    { DW_STR_INIT("{\"\xff\":1}"), DW_ERR_JSON },
    /* a name twice */
    { DW_STR_INIT("{\"a\":1,\"a\":1}"), DW_ERR_JSON_DUPLICATE },
    { DW_STR_INIT("{\"a\":1,\"b\":2,\"\\u0061\":3}"), DW_ERR_JSON_DUPLICATE },
    { DW_STR_INIT("{\"\":1,\"\":1}"), DW_ERR_JSON_DUPLICATE },
    { DW_STR_INIT("[[{\"x\":{\"k\":1,\"l\":[],\"k\":{}}}]]"), DW_ERR_JSON_DUPLICATE },
    { DW_STR_INIT("{\"a\\u0000b\":1,\"a\\u0000b\":1}"), DW_ERR_JSON_DUPLICATE },
    { DW_STR_INIT("{\"a\\u0000b\":1,\"a\\u0000c\":1}"), DW_OK },
};

static void test_cases(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    (void)state;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        yyjson_val *root = NULL;
        check_err(CASES[i].err, json_parse(arena, CASES[i].text, JSON_DEPTH_DEFAULT, &root, NULL), CASES[i].text.ptr);
        assert_true((root != NULL) == (CASES[i].err == DW_OK));
    }
}

static void test_error_position(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    yyjson_val *root;
    size_t position = 99;

    (void)state;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_ERR(DW_ERR_JSON, json_parse(arena, DW_STR("{\"a\": x}"), 8, &root, &position));
    assert_int_equal(position, 6);
}

/* `levels` times `open`, then as often `close`. */
static void nested(struct buffer *b, int levels, const char *open, const char *close)
{
    for (int i = 0; i < levels; i++)
        buffer_append(b, dw_str(open));
    for (int i = 0; i < levels; i++)
        buffer_append(b, dw_str(close));
}

static enum dw_err parse_nested(int levels, const char *open, const char *close, unsigned max_depth)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(1 << 20);
    yyjson_val *root;

    nested(&b, levels, open, close);
    CHECK_OK(dw_arena_new(16 << 20, &arena));
    return json_parse(arena, buffer_str(&b), max_depth, &root, NULL);
}

static void test_depth(void **state)
{
    (void)state;
    CHECK_OK(parse_nested(1, "[", "]", 1));
    CHECK_ERR(DW_ERR_JSON_DEPTH, parse_nested(1, "[", "]", 0));
    CHECK_OK(parse_nested(32, "[", "]", 32));
    CHECK_ERR(DW_ERR_JSON_DEPTH, parse_nested(33, "[", "]", 32));
    CHECK_ERR(DW_ERR_JSON_DEPTH, parse_nested(10000, "[", "]", 32));
    CHECK_ERR(DW_ERR_JSON_DEPTH, parse_nested(10000, "[", "]", UINT32_MAX));
    CHECK_ERR(DW_ERR_JSON_DEPTH, parse_nested(10000, "{\"a\":[", "]}", 32));
    CHECK_ERR(DW_ERR_JSON, parse_nested(100000, "[", "", 32));

    /* Siblings do not add up. */
    _cleanup_arena_ struct dw_arena *arena = NULL;
    yyjson_val *root;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_OK(json_parse(arena, DW_STR("[[[]],[[]],[[],[]],{\"a\":[]}]"), 3, &root, NULL));
    CHECK_ERR(DW_ERR_JSON_DEPTH, json_parse(arena, DW_STR("[[],{\"a\":[[]]}]"), 3, &root, NULL));
}

static void test_many_names(void **state)
{
    enum { NAMES = 10000 };

    (void)state;
    for (int is_twice = 0; is_twice < 2; is_twice++) {
        _cleanup_arena_ struct dw_arena *arena = NULL;
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(1 << 20);
        yyjson_val *root = NULL;

        buffer_append_char(&b, '{');
        for (int i = 0; i < NAMES; i++)
            buffer_printf(&b, "\"n%d\":%d,", i * 7919 % NAMES, i);
        buffer_printf(&b, "\"%s\":0}", is_twice ? "n5000" : "last");
        CHECK_OK(buffer_error(&b));
        CHECK_OK(dw_arena_new(16 << 20, &arena));
        CHECK_ERR(is_twice ? DW_ERR_JSON_DUPLICATE : DW_OK, json_parse(arena, buffer_str(&b), 8, &root, NULL));
    }
}

static void test_memory_is_bounded(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    yyjson_val *root;

    (void)state;
    CHECK_OK(dw_arena_new(1000, &arena));
    CHECK_ERR(DW_ERR_NO_MEMORY,
              json_parse(arena, DW_STR("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,"
                                       "30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54]"),
                         8, &root, NULL));
}

/* The header's promise, kept also by text that is made to take much. */
static void test_memory_factor(void **state)
{
    static const char *const PIECES[] = { "1,", "[", "[],", "{\"a\":[", "\"\"," };
    static const size_t SIZES[] = { 256, 4096, 64 * 1024, 1024 * 1024 };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(PIECES) * ARRAY_SIZE(SIZES); i++) {
        const size_t size = SIZES[i % ARRAY_SIZE(SIZES)];
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(size);
        _cleanup_arena_ struct dw_arena *arena = NULL;
        yyjson_val *root;

        buffer_append_char(&b, '[');
        while (buffer_error(&b) == DW_OK)
            buffer_append(&b, dw_str(PIECES[i / ARRAY_SIZE(SIZES)]));
        CHECK_OK(dw_arena_new(size * JSON_MEMORY_FACTOR, &arena));
        CHECK_ERR(DW_ERR_JSON, json_parse(arena, buffer_str(&b), 8, &root, NULL)); /* not closed, but read to its end */
    }
}

static void test_access(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    yyjson_val *root;

    (void)state;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_OK(json_parse(arena, DW_STR("{\"s\":\"a\\u0000b\",\"e\":\"\",\"i\":-7,\"big\":18446744073709551615,\"r\":1.5,"
                                      "\"t\":true,\"n\":null}"),
                        8, &root, NULL));
    check_str(DW_STR("a\0b"), json_get_str(root, "s"), "s");
    assert_false(dw_str_is_absent(json_get_str(root, "e")));
    assert_true(dw_str_is_absent(json_get_str(root, "none")));
    assert_true(dw_str_is_absent(json_get_str(root, "i")));
    assert_true(dw_str_is_absent(json_get_str(root, "n")));
    assert_true(dw_str_is_absent(json_get_str(NULL, "s")));
    assert_true(dw_str_is_absent(json_get_str(json_get(root, "i"), "s")));
    assert_int_equal(json_get_int(root, "i", 1), -7);
    assert_int_equal(json_get_int(root, "big", 1), 1);
    assert_int_equal(json_get_int(root, "r", 1), 1);
    assert_int_equal(json_get_int(root, "none", 1), 1);
    assert_int_equal(json_get_bool(root, "t", false), true);
    assert_int_equal(json_get_bool(root, "i", true), true);
    assert_null(json_get(NULL, "x"));
}

CHECK_MAIN(cmocka_unit_test(test_cases), cmocka_unit_test(test_error_position), cmocka_unit_test(test_depth),
           cmocka_unit_test(test_many_names), cmocka_unit_test(test_memory_is_bounded),
           cmocka_unit_test(test_memory_factor), cmocka_unit_test(test_access))
