#include "../check.h"

#include "base/json.h"

struct write_case {
    struct dw_str text;
    const char *json;
};

static const struct write_case CASES[] = {
    { DW_STR_INIT(""), "\"\"" },
    { DW_STR_INIT("plain and longer than one word"), "\"plain and longer than one word\"" },
    { DW_STR_INIT("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"" },
    { DW_STR_INIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
    { DW_STR_INIT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\"" },
    { DW_STR_INIT("\xc2\x9b[2J"), "\"\\u009b[2J\"" }, /* a terminal's CSI */
    { DW_STR_INIT("\xc2\xa0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc2\xa0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
    { DW_STR_INIT("ok\xff\xc3"), "\"ok\\ufffd\\ufffd\"" },
    { DW_STR_INIT("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"" },
    { { NULL, 0 }, "null" },
};

static void test_str(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(1000);
        json_write_str(&b, CASES[i].text);
        CHECK_OK(buffer_error(&b));
        check_str(dw_str(CASES[i].json), buffer_str(&b), CASES[i].json);
    }
}

/* Each byte at each place of the eight that are looked at together comes back as it was. */
static void test_every_byte_comes_back(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    (void)state;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    for (int c = 0; c < 128; c++) {
        for (size_t place = 0; place < 20; place++) {
            _cleanup_buffer_ struct buffer b = BUFFER_INIT(1000);
            yyjson_val *root;
            char text[20];
            memset(text, ' ', sizeof(text));
            text[place] = (char)c;
            json_write_str(&b, dw_str_n(text, sizeof(text)));
            CHECK_OK(json_parse(arena, buffer_str(&b), 1, &root, NULL));
            check_str(dw_str_n(text, sizeof(text)), json_str(root), "round trip");
            dw_arena_reset(arena);
        }
    }
}

static void test_document(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(1000);

    (void)state;
    buffer_append_char(&b, '{');
    json_write_member_str(&b, "s", DW_STR("x"));
    json_write_member_str(&b, "none", dw_str_n(NULL, 0));
    json_write_member_int(&b, "i", -5);
    json_write_member_bool(&b, "t", true);
    json_write_member_bool(&b, "f", false);
    json_write_key(&b, "list");
    buffer_append_char(&b, '[');
    for (int i = 0; i < 3; i++) {
        json_write_comma(&b);
        buffer_append_int(&b, i);
    }
    json_write_comma(&b);
    buffer_append_literal(&b, "{");
    json_write_member_int(&b, "k", 1);
    buffer_append_literal(&b, "}]}");
    check_str(DW_STR("{\"s\":\"x\",\"none\":null,\"i\":-5,\"t\":true,\"f\":false,\"list\":[0,1,2,{\"k\":1}]}"),
              buffer_str(&b), "document");
}

static void test_value(void **state)
{
    static const char TEXT[] = "{\"a\":[1,2.5,{\"b\":null}],\"c\":\"\\u00e9\\n\"}";
    _cleanup_arena_ struct dw_arena *arena = NULL;
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(1000);
    yyjson_val *root;

    (void)state;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_OK(json_parse(arena, dw_str(TEXT), 8, &root, NULL));
    json_write_value(&b, root);
    check_str(DW_STR("{\"a\":[1,2.5,{\"b\":null}],\"c\":\"\xc3\xa9\\n\"}"), buffer_str(&b), "value");
    json_write_value(&b, NULL);
    CHECK_ERR(DW_ERR_ARGUMENT, buffer_error(&b));
}

CHECK_MAIN(cmocka_unit_test(test_str), cmocka_unit_test(test_every_byte_comes_back), cmocka_unit_test(test_document),
           cmocka_unit_test(test_value))
