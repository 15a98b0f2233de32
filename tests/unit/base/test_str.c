#include "../check.h"

#include "base/cleanup.h"

static void test_eq_nocase(void **state)
{
    (void)state;
    assert_true(dw_str_eq_nocase(DW_STR("Content-TYPE"), DW_STR("content-type")));
    assert_true(dw_str_eq_nocase(DW_STR(""), dw_str_n(NULL, 0)));
    assert_false(dw_str_eq_nocase(DW_STR("a"), DW_STR("ab")));
    /* Only letters have case: @ and ` differ in the same bit. */
    assert_false(dw_str_eq_nocase(DW_STR("@"), DW_STR("`")));
    assert_false(dw_str_eq_nocase(DW_STR("["), DW_STR("{")));
    assert_false(dw_str_eq_nocase(DW_STR("\xc9"), DW_STR("\xe9")));
}

static void test_starts_with(void **state)
{
    (void)state;
    assert_true(dw_str_starts_with(DW_STR("Bearer x"), DW_STR("Bearer ")));
    assert_true(dw_str_starts_with(DW_STR("x"), DW_STR("")));
    assert_false(dw_str_starts_with(DW_STR("Bear"), DW_STR("Bearer")));
}

static void test_list_has(void **state)
{
    (void)state;
    assert_true(dw_str_list_has(DW_STR("a bc d"), DW_STR("bc")));
    assert_true(dw_str_list_has(DW_STR("bc"), DW_STR("bc")));
    assert_true(dw_str_list_has(DW_STR("  a  bc"), DW_STR("bc")));
    assert_false(dw_str_list_has(DW_STR("a bc d"), DW_STR("b")));
    assert_false(dw_str_list_has(DW_STR("a bc d"), DW_STR("bcd")));
    assert_false(dw_str_list_has(DW_STR("a  b"), DW_STR("")));
    assert_false(dw_str_list_has(dw_str_n(NULL, 0), DW_STR("a")));
}

struct utf8_case {
    struct dw_str text;
    bool is_utf8;
};

static const struct utf8_case UTF8_CASES[] = {
    { DW_STR_INIT(""), true },
    { DW_STR_INIT("plain text of more than eight bytes"), true },
    { DW_STR_INIT("a\0b"), true },
    { DW_STR_INIT("\xc2\x80"), true },
    { DW_STR_INIT("\xdf\xbf"), true },
    { DW_STR_INIT("\xe0\xa0\x80"), true },
    { DW_STR_INIT("\xed\x9f\xbf"), true },
    { DW_STR_INIT("\xee\x80\x80"), true },
    { DW_STR_INIT("\xf0\x90\x80\x80"), true },
    { DW_STR_INIT("\xf4\x8f\xbf\xbf"), true },
    { DW_STR_INIT("eight..8\xe2\x82\xac and more"), true },
    { DW_STR_INIT("\x80"), false },             /* continuation alone */
    { DW_STR_INIT("\xc0\x80"), false },         /* overlong NUL */
    { DW_STR_INIT("\xc1\xbf"), false },         /* overlong */
    { DW_STR_INIT("\xe0\x9f\xbf"), false },     /* overlong */
    { DW_STR_INIT("\xf0\x8f\xbf\xbf"), false }, /* overlong */
    { DW_STR_INIT("\xed\xa0\x80"), false },     /* surrogate */
    { DW_STR_INIT("\xf4\x90\x80\x80"), false }, /* past U+10FFFF */
    { DW_STR_INIT("\xf5\x80\x80\x80"), false },
    { DW_STR_INIT("\xff"), false },
    { DW_STR_INIT("abcdefgh\xc3"), false }, /* cut off */
    { DW_STR_INIT("\xe2\x82"), false },
    { DW_STR_INIT("\xe2\x82" "a"), false },
    { DW_STR_INIT("\xf0\x9f\x98"), false },
};

static void test_is_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(UTF8_CASES); i++) {
        if (dw_str_is_utf8(UTF8_CASES[i].text) != UTF8_CASES[i].is_utf8)
            fail_msg("row %zu", i);
    }
}

CHECK_MAIN(cmocka_unit_test(test_eq_nocase), cmocka_unit_test(test_starts_with), cmocka_unit_test(test_list_has),
           cmocka_unit_test(test_is_utf8))
