#include "../check.h"

#include "base/encoding.h"

struct pair {
    struct dw_str bytes;
    const char *standard, *url;
};

/* RFC 4648 §10, and bytes that show the two alphabets' difference. */
static const struct pair PAIRS[] = {
    { DW_STR_INIT(""), "", "" },
    { DW_STR_INIT("f"), "Zg==", "Zg" },
    { DW_STR_INIT("fo"), "Zm8=", "Zm8" },
    { DW_STR_INIT("foo"), "Zm9v", "Zm9v" },
    { DW_STR_INIT("foob"), "Zm9vYg==", "Zm9vYg" },
    { DW_STR_INIT("fooba"), "Zm9vYmE=", "Zm9vYmE" },
    { DW_STR_INIT("foobar"), "Zm9vYmFy", "Zm9vYmFy" },
    { DW_STR_INIT("\xfb\xff\xbf"), "+/+/", "-_-_" },
    { DW_STR_INIT("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97\x61\x96\x9b\x71\xd7\x9f"
                  "\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf"),
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" },
};

static void test_pairs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(PAIRS); i++) {
        const struct pair *row = &PAIRS[i];
        char text[128], bytes[128];
        size_t size;

        check_str(dw_str(row->url), dw_str_n(text, base64url_encode(row->bytes, text)), row->url);
        assert_true(base64url_encoded_size(row->bytes.len) >= strlen(row->url));
        CHECK_OK(base64url_decode(dw_str(row->url), bytes, sizeof(bytes), &size));
        check_str(row->bytes, dw_str_n(bytes, size), row->url);

        check_str(dw_str(row->standard), dw_str_n(text, base64_encode(row->bytes, true, text)), row->standard);
        CHECK_OK(base64_decode(dw_str(row->standard), true, bytes, sizeof(bytes), &size));
        check_str(row->bytes, dw_str_n(bytes, size), row->standard);

        const size_t unpadded = base64_encode(row->bytes, false, text);
        assert_int_equal(unpadded, strlen(row->url));
        CHECK_OK(base64_decode(dw_str_n(text, unpadded), false, bytes, sizeof(bytes), &size));
        check_str(row->bytes, dw_str_n(bytes, size), row->standard);
    }
}

/* Strict: one value, one text. */
static const struct dw_str REFUSED_URL[] = {
    DW_STR_INIT("A"),         DW_STR_INIT("AAAAA"),    DW_STR_INIT("Zg=="),     DW_STR_INIT("Zm8="),
    DW_STR_INIT("Zm9v="),     DW_STR_INIT("Zh"),       DW_STR_INIT("Zm9"),      DW_STR_INIT("Zm9vYh"),
    DW_STR_INIT("+/+/"),      DW_STR_INIT("Zm 9v"),    DW_STR_INIT("Zm9v\n"),   DW_STR_INIT(" Zm9v"),
    DW_STR_INIT("Zm\r\n9v"),  DW_STR_INIT("Zm9\0"),    DW_STR_INIT("Zm9\xc3"),  DW_STR_INIT("Zm9v.Zm9"),
    DW_STR_INIT("===="),      DW_STR_INIT("\xff\xff"), DW_STR_INIT("Zm9vZm9$"), DW_STR_INIT("Zm9v\0\0\0\0"),
};

static const struct dw_str REFUSED_STANDARD[] = {
    DW_STR_INIT("Zg"),       DW_STR_INIT("Zg="),      DW_STR_INIT("Zg==="), DW_STR_INIT("Zh=="),
    DW_STR_INIT("Zm9="),     DW_STR_INIT("-_-_"),     DW_STR_INIT("===="),  DW_STR_INIT("Z==="),
    DW_STR_INIT("Zg==Zg=="), DW_STR_INIT("Zm9v\nA="), DW_STR_INIT("="),     DW_STR_INIT("=Zg="),
};

static void test_refused(void **state)
{
    char bytes[64];
    size_t size = 77;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED_URL); i++)
        check_err(DW_ERR_ENCODING, base64url_decode(REFUSED_URL[i], bytes, sizeof(bytes), &size), REFUSED_URL[i].ptr);
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED_STANDARD); i++)
        check_err(DW_ERR_ENCODING, base64_decode(REFUSED_STANDARD[i], true, bytes, sizeof(bytes), &size),
                  REFUSED_STANDARD[i].ptr);
    CHECK_ERR(DW_ERR_ENCODING, base64_decode(DW_STR("Zg=="), false, bytes, sizeof(bytes), &size));
    assert_int_equal(size, 77); /* untouched on failure */
}

/* Each byte in each place is either of the alphabet or refused; long enough for the places that are decoded sixteen at
 * a time and for those that are not. */
static void test_every_character(void **state)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    enum { CHARS = 40 };

    (void)state;
    for (size_t place = 0; place < CHARS; place++) {
        for (int c = 0; c < 256; c++) {
            char text[CHARS], bytes[CHARS], again[CHARS];
            size_t size;
            memset(text, 'A', sizeof(text));
            text[place] = (char)c;
            const enum dw_err err = base64url_decode(dw_str_n(text, CHARS), bytes, sizeof(bytes), &size);
            const bool is_good = c != 0 && strchr(ALPHABET, c) != NULL;
            assert_int_equal(err, is_good ? DW_OK : DW_ERR_ENCODING);
            if (!is_good)
                continue;
            base64url_encode(dw_str_n(bytes, size), again);
            check_str(dw_str_n(text, CHARS), dw_str_n(again, CHARS), "again");
        }
    }
}

/* Nothing is written behind the bytes that were asked for, whatever the capacity. */
static void test_writes_no_further(void **state)
{
    char text[128], bytes[128];

    (void)state;
    memset(text, 'b', sizeof(text));
    for (size_t length = 0; length < sizeof(text); length++) {
        size_t size;
        memset(bytes, 0x55, sizeof(bytes));
        if (length % 4 == 1)
            continue;
        text[length == 0 ? 0 : length - 1] = 'A'; /* no spare bits set */
        CHECK_OK(base64url_decode(dw_str_n(text, length), bytes, sizeof(bytes), &size));
        for (size_t i = size; i < sizeof(bytes); i++)
            assert_int_equal(bytes[i], 0x55);
        text[length == 0 ? 0 : length - 1] = 'b';
    }
}

static void test_capacity(void **state)
{
    char bytes[3] = "..";
    size_t size;

    (void)state;
    CHECK_ERR(DW_ERR_LIMIT, base64url_decode(DW_STR("Zm9vYg"), bytes, 3, &size));
    CHECK_OK(base64url_decode(DW_STR("Zm9v"), bytes, 3, &size));
    CHECK_ERR(DW_ERR_LIMIT, base64url_decode(DW_STR("Zg"), bytes, 0, &size));
}

static void test_arena(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str bytes;
    unsigned char all[256];

    (void)state;
    CHECK_OK(dw_arena_new(2000, &arena));
    for (int i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    for (size_t length = 0; length <= 256; length++) {
        dw_arena_reset(arena);
        const struct dw_str text = base64url_encode_arena(arena, dw_str_n(all, length));
        CHECK_OK(base64url_decode_arena(arena, text, &bytes));
        check_str(dw_str_n(all, length), bytes, "round trip");
        assert_int_equal(bytes.ptr[bytes.len], '\0');
    }
    CHECK_ERR(DW_ERR_LIMIT, base64url_decode_arena(arena, dw_str_n(all, 10000), &bytes));
}

CHECK_MAIN(cmocka_unit_test(test_pairs), cmocka_unit_test(test_refused), cmocka_unit_test(test_every_character),
           cmocka_unit_test(test_writes_no_further), cmocka_unit_test(test_capacity), cmocka_unit_test(test_arena))
