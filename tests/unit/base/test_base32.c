#include "../check.h"

#include "base/encoding.h"

/* RFC 4648 §10. */
static const struct {
    const char *bytes, *padded;
} PAIRS[] = {
    { "", "" },         { "f", "MY======" },     { "fo", "MZXQ====" },         { "foo", "MZXW6===" },
    { "foob", "MZXW6YQ=" }, { "fooba", "MZXW6YTB" }, { "foobar", "MZXW6YTBOI======" },
};

static void both_forms_go_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(PAIRS); i++) {
        const struct dw_str bytes = dw_str(PAIRS[i].bytes);
        char text[64], decoded[64];
        size_t size = 0;

        check_str(dw_str(PAIRS[i].padded), dw_str_n(text, base32_encode(bytes, true, text)), PAIRS[i].bytes);
        CHECK_OK(base32_decode(dw_str(PAIRS[i].padded), decoded, sizeof(decoded), &size));
        check_str(bytes, dw_str_n(decoded, size), PAIRS[i].padded);

        const size_t length = base32_encode(bytes, false, text);

        assert_null(memchr(text, '=', length));
        assert_true(length <= base32_encoded_size(bytes.len));
        CHECK_OK(base32_decode(dw_str_n(text, length), decoded, sizeof(decoded), &size));
        check_str(bytes, dw_str_n(decoded, size), PAIRS[i].padded);
    }
}

/* Strict: one value, one text of each form. */
static const struct dw_str REFUSED[] = {
    DW_STR_INIT("M"),        DW_STR_INIT("MZX"),        DW_STR_INIT("MZXW6Y"),   DW_STR_INIT("MZ======"),
    DW_STR_INIT("MZ"),       DW_STR_INIT("MY====="),    DW_STR_INIT("MY======="), DW_STR_INIT("MZXW6YTB========"),
    DW_STR_INIT("========"), DW_STR_INIT("="),          DW_STR_INIT("mzxw6ytb"), DW_STR_INIT("MZXW6YT1"),
    DW_STR_INIT("MZXW6YT0"), DW_STR_INIT("MZXW6YT8"),   DW_STR_INIT("MZXW 6YTB"), DW_STR_INIT("MZXW-6YT"),
    DW_STR_INIT("MY==MY=="), DW_STR_INIT("MZXW6YTB\n"), DW_STR_INIT("MY\0"),     DW_STR_INIT("\xc3\xa4MZXW6Y"),
};

static void what_means_the_same_in_another_way_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++) {
        char bytes[64];
        size_t size = 77;

        check_err(DW_ERR_ENCODING, base32_decode(REFUSED[i], bytes, sizeof(bytes), &size), REFUSED[i].ptr);
        assert_int_equal(size, 77);
    }
}

static void it_stays_within_its_capacity(void **state)
{
    char bytes[6] = "......";
    size_t size = 0;

    (void)state;
    CHECK_ERR(DW_ERR_LIMIT, base32_decode(DW_STR("MZXW6YTBOI"), bytes, 5, &size));
    CHECK_OK(base32_decode(DW_STR("MZXW6YTBOI"), bytes, 6, &size));
    assert_memory_equal(bytes, "foobar", 6);
}

CHECK_MAIN(cmocka_unit_test(both_forms_go_there_and_back),
           cmocka_unit_test(what_means_the_same_in_another_way_is_refused),
           cmocka_unit_test(it_stays_within_its_capacity))
