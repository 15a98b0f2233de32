#include "../check.h"

#include "base/encoding.h"

static void test_hex(void **state)
{
    char text[32], bytes[16];
    size_t size;

    (void)state;
    check_str(DW_STR("00ff10ab"), dw_str_n(text, hex_encode(DW_STR("\x00\xff\x10\xab"), text)), "encode");
    CHECK_OK(hex_decode(DW_STR("00fF10Ab"), bytes, sizeof(bytes), &size));
    check_str(DW_STR("\x00\xff\x10\xab"), dw_str_n(bytes, size), "decode");
    CHECK_OK(hex_decode(DW_STR(""), bytes, 0, &size));
    CHECK_ERR(DW_ERR_ENCODING, hex_decode(DW_STR("abc"), bytes, sizeof(bytes), &size));
    CHECK_ERR(DW_ERR_ENCODING, hex_decode(DW_STR("0g"), bytes, sizeof(bytes), &size));
    CHECK_ERR(DW_ERR_ENCODING, hex_decode(DW_STR("0 "), bytes, sizeof(bytes), &size));
    CHECK_ERR(DW_ERR_ENCODING, hex_decode(DW_STR("-1"), bytes, sizeof(bytes), &size));
    CHECK_ERR(DW_ERR_LIMIT, hex_decode(DW_STR("aabb"), bytes, 1, &size));
}

struct percent_case {
    struct dw_str text;
    bool plus_is_space;
    enum dw_err err;
    struct dw_str decoded;
};

static const struct percent_case PERCENT_CASES[] = {
    { DW_STR_INIT(""), false, DW_OK, DW_STR_INIT("") },
    { DW_STR_INIT("a+b%20c"), true, DW_OK, DW_STR_INIT("a b c") },
    { DW_STR_INIT("a+b%20c"), false, DW_OK, DW_STR_INIT("a+b c") },
    { DW_STR_INIT("%2B%2b"), true, DW_OK, DW_STR_INIT("++") },
    { DW_STR_INIT("%c3%A9"), false, DW_OK, DW_STR_INIT("\xc3\xa9") },
    { DW_STR_INIT("%00"), false, DW_OK, DW_STR_INIT("\0") },
    { DW_STR_INIT("%2525"), false, DW_OK, DW_STR_INIT("%25") }, /* once, never twice */
    { DW_STR_INIT("%"), false, DW_ERR_ENCODING, DW_STR_INIT("") },
    { DW_STR_INIT("a%2"), false, DW_ERR_ENCODING, DW_STR_INIT("") },
    { DW_STR_INIT("%zz"), false, DW_ERR_ENCODING, DW_STR_INIT("") },
    { DW_STR_INIT("%2z"), false, DW_ERR_ENCODING, DW_STR_INIT("") },
    { DW_STR_INIT("% 2"), false, DW_ERR_ENCODING, DW_STR_INIT("") },
    { DW_STR_INIT("%u0041"), false, DW_ERR_ENCODING, DW_STR_INIT("") },
};

static void test_percent(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    (void)state;
    CHECK_OK(dw_arena_new(4096, &arena));
    for (size_t i = 0; i < ARRAY_SIZE(PERCENT_CASES); i++) {
        const struct percent_case *row = &PERCENT_CASES[i];
        struct dw_str decoded = dw_str_n(NULL, 0);
        check_err(row->err, percent_decode_arena(arena, row->text, row->plus_is_space, &decoded), row->text.ptr);
        check_str(row->decoded, decoded, row->text.ptr);
    }
    struct dw_str decoded;
    CHECK_ERR(DW_ERR_LIMIT, percent_decode_arena(arena, dw_str_n("", 100000), false, &decoded));
}

static void what_is_escaped_is_read_back(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(256);

    (void)state;
    percent_encode_append(&b, DW_STR("aZ09-._~"));
    percent_encode_append(&b, DW_STR(" &=+%>\r\n\xc3\xa9"));
    CHECK_OK(buffer_error(&b));
    check_str(DW_STR("aZ09-._~%20%26%3D%2B%25%3E%0D%0A%C3%A9"), buffer_str(&b), "escaped");
}

CHECK_MAIN(cmocka_unit_test(test_hex), cmocka_unit_test(test_percent), cmocka_unit_test(what_is_escaped_is_read_back))
