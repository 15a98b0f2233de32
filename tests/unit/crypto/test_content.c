/* Known answers: RFC 7518 appendix B, NIST's GCM test cases, RFC 3394 §4; and every change of them refused. */
#include "../check.h"

#include "base/encoding.h"
#include "crypto/content.h"

static struct dw_arena *arena;

static int set_up(void **state)
{
    return dw_arena_new(1024 * 1024, &arena) == DW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    dw_arena_free(&arena);
    return 0;
}

static struct dw_str unhex(const char *text)
{
    const size_t capacity = strlen(text) / 2;
    char *bytes = dw_arena_alloc(arena, capacity + 1);
    size_t size = 0;

    assert_non_null(bytes);
    CHECK_OK(hex_decode(dw_str(text), bytes, capacity, &size));
    return dw_str_n(bytes, size);
}

static struct dw_secret secret(const char *text)
{
    const struct dw_str bytes = unhex(text);

    return (struct dw_secret){ (unsigned char *)bytes.ptr, bytes.len };
}

#define KEY_64 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"           \
               "303132333435363738393a3b3c3d3e3f"
#define KERCKHOFFS                                                                                                     \
    "41206369706865722073797374656d206d757374206e6f7420626520726571756972656420746f206265207365637265742c"             \
    "20616e64206974206d7573742062652061626c6520746f2066616c6c20696e746f207468652068616e6473206f6620746865"             \
    "20656e656d7920776974686f757420696e636f6e76656e69656e6365"
#define PRINCIPLE "546865207365636f6e64207072696e6369706c65206f662041756775737465204b6572636b686f666673"

static const struct answer {
    const char *label;
    struct content_scheme scheme;
    const char *key, *iv, *associated, *body, *tag, *plain;
} ANSWERS[] = {
    { "RFC 7518 B.1", { false, 256 }, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      "1af38c2dc2b96ffdd86694092341bc04", PRINCIPLE,
      "c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9a94ac9b47ad2655c5f10f9aef71427e2fc6f"
      "9b3f399a221489"
      "f16362c703233609d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b384c486f3a54c51078158e"
      "e5d79de59fbd34"
      "d848b3d69550a67646344427ade54b8851ffb598f7f80074b9473c82e2db",
      "652c3fa36b0a7c5b3219fab3a30bc1c4", KERCKHOFFS },
    { "NIST GCM, test case 13", { true, 256 }, "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b", "" },
    { "NIST GCM, test case 14", { true, 256 }, "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919",
      "00000000000000000000000000000000" },
    { "NIST GCM, test case 4", { true, 128 }, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
      "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba3"
      "0b396a0aac973d58"
      "e091",
      "5bc94fbc3221a5db94fae95ae7121a47",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16a"
      "edf5aa0de657ba63"
      "7b39" },
};

static struct content_box box_of(const struct answer *row)
{
    return (struct content_box){ .iv = unhex(row->iv), .body = unhex(row->body), .tag = unhex(row->tag) };
}

static void known_answers(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ANSWERS); i++) {
        const struct answer *row = &ANSWERS[i];
        const struct dw_secret key = secret(row->key);
        const struct content_box box = box_of(row);
        _cleanup_secret_ struct dw_secret plain = { 0 };
        check_err(DW_OK, content_open(&row->scheme, &key, unhex(row->associated), &box, &plain), row->label);
        check_str(unhex(row->plain), dw_secret_borrow(&plain), row->label);
    }
}

static void check_refused(const struct answer *row, struct dw_str associated, struct content_box box, const char *what)
{
    const struct dw_secret key = secret(row->key);
    struct dw_secret plain = { 0 };

    check_err(DW_ERR_CRYPTO, content_open(&row->scheme, &key, associated, &box, &plain), what);
    assert_null(plain.bytes);
}

/* The same with one bit changed. */
static struct dw_str changed(struct dw_str bytes, size_t at)
{
    const struct dw_str copy = dw_arena_copy(arena, bytes);

    ((char *)copy.ptr)[at] ^= 1;
    return copy;
}

static void every_change_is_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ANSWERS); i++) {
        const struct answer *row = &ANSWERS[i];
        const struct dw_str associated = unhex(row->associated);
        const struct content_box good = box_of(row);
        for (size_t at = 0; at < good.tag.len; at++) {
            struct content_box box = good;
            box.tag = changed(good.tag, at);
            check_refused(row, associated, box, "tag");
            box.tag.len = at;
            check_refused(row, associated, box, "cut tag");
        }
        for (size_t at = 0; at < good.iv.len; at++) {
            struct content_box box = good;
            box.iv = changed(good.iv, at);
            check_refused(row, associated, box, "IV");
            box.iv.len = at;
            check_refused(row, associated, box, "cut IV");
        }
        for (size_t at = 0; at < good.body.len; at++) {
            struct content_box box = good;
            box.body = changed(good.body, at);
            check_refused(row, associated, box, "body");
            box.body.len = at;
            check_refused(row, associated, box, "cut body");
        }
        for (size_t at = 0; at < associated.len; at++)
            check_refused(row, changed(associated, at), good, "associated data");
        check_refused(row, DW_STR("another"), good, "other associated data");
        struct content_box longer = good;
        longer.tag = dw_arena_printf(arena, "%.*s+", (int)good.tag.len, good.tag.ptr);
        longer.tag.len = good.tag.len + 1;
        check_refused(row, associated, longer, "longer tag");
    }
}

static void round_trips(void **state)
{
    static const struct content_scheme SCHEMES[] = { { true, 128 },  { true, 192 },  { true, 256 },
                                                     { false, 256 }, { false, 384 }, { false, 512 } };
    static const struct dw_str PLAINS[] = { DW_STR_INIT(""), DW_STR_INIT("x"), DW_STR_INIT("sixteen bytes ok"),
                                            { NULL, 0 }, DW_STR_INIT("more than sixteen bytes") };

    for (size_t i = 0; i < ARRAY_SIZE(SCHEMES); i++) {
        _cleanup_secret_ struct dw_secret key = { 0 };
        CHECK_OK(dw_secret_random(content_key_size(&SCHEMES[i]), &key));
        for (size_t j = 0; j < ARRAY_SIZE(PLAINS); j++) {
            _cleanup_secret_ struct dw_secret plain = { 0 };
            struct content_box box, second;
            CHECK_OK(content_seal(&SCHEMES[i], &key, DW_STR("header"), PLAINS[j], arena, &box));
            CHECK_OK(content_seal(&SCHEMES[i], &key, DW_STR("header"), PLAINS[j], arena, &second));
            assert_false(dw_str_eq(box.iv, second.iv));
            CHECK_OK(content_open(&SCHEMES[i], &key, DW_STR("header"), &box, &plain));
            check_str(PLAINS[j], dw_secret_borrow(&plain), "plain");
        }
    }
}

static void keys_of_another_size_are_refused(void **state)
{
    static const struct content_scheme gcm = { true, 256 }, cbc = { false, 256 };
    const struct dw_secret keys[] = { secret(""), secret("00"), secret(KEY_64), { secret(KEY_64).bytes, 31 },
                                      { secret(KEY_64).bytes, 33 } };
    struct content_box box = { DW_STR("123456789012"), DW_STR(""), DW_STR("1234567890123456") };
    struct dw_secret plain = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        CHECK_ERR(DW_ERR_ARGUMENT, content_open(&gcm, &keys[i], DW_STR(""), &box, &plain));
        CHECK_ERR(DW_ERR_ARGUMENT, content_seal(&gcm, &keys[i], DW_STR(""), DW_STR("x"), arena, &box));
        CHECK_ERR(DW_ERR_ARGUMENT, content_open(&cbc, &keys[i], DW_STR(""), &box, &plain));
        CHECK_ERR(DW_ERR_ARGUMENT, content_seal(&cbc, &keys[i], DW_STR(""), DW_STR("x"), arena, &box));
    }
}

/* --- AES key wrap --- */

static const struct wrap {
    const char *label, *wrapping, *key, *wrapped;
} WRAPS[] = {
    { "RFC 3394 4.1", "000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
      "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5" },
    { "RFC 3394 4.6", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
      "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21" },
};

static void wraps(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(WRAPS); i++) {
        const struct dw_secret wrapping = secret(WRAPS[i].wrapping), key = secret(WRAPS[i].key);
        _cleanup_secret_ struct dw_secret unwrapped = { 0 };
        struct dw_str wrapped;
        check_err(DW_OK, key_wrap(&wrapping, &key, arena, &wrapped), WRAPS[i].label);
        check_str(unhex(WRAPS[i].wrapped), wrapped, WRAPS[i].label);
        check_err(DW_OK, key_unwrap(&wrapping, wrapped, &unwrapped), WRAPS[i].label);
        assert_true(dw_secret_eq(&key, &unwrapped));
        for (size_t at = 0; at < wrapped.len; at++) {
            struct dw_secret nothing = { 0 };
            CHECK_ERR(DW_ERR_CRYPTO, key_unwrap(&wrapping, changed(wrapped, at), &nothing));
            CHECK_ERR(DW_ERR_CRYPTO, key_unwrap(&wrapping, dw_str_n(wrapped.ptr, at), &nothing));
        }
    }
}

static void wrapping_refusals(void **state)
{
    const struct dw_secret good = secret(WRAPS[0].wrapping);
    const size_t key_sizes[] = { 0, 8, 15, 17, 5000 }, wrapping_sizes[] = { 0, 15, 17, 31, 33, 64 };
    unsigned char bytes[5000] = { 0 };
    struct dw_secret unwrapped = { 0 };
    struct dw_str wrapped;

    for (size_t i = 0; i < ARRAY_SIZE(key_sizes); i++)
        CHECK_ERR(DW_ERR_ARGUMENT, key_wrap(&good, &(struct dw_secret){ bytes, key_sizes[i] }, arena, &wrapped));
    for (size_t i = 0; i < ARRAY_SIZE(wrapping_sizes); i++) {
        const struct dw_secret wrapping = { bytes, wrapping_sizes[i] };
        CHECK_ERR(DW_ERR_ARGUMENT, key_wrap(&wrapping, &good, arena, &wrapped));
        CHECK_ERR(DW_ERR_ARGUMENT, key_unwrap(&wrapping, unhex(WRAPS[0].wrapped), &unwrapped));
    }
    CHECK_ERR(DW_ERR_CRYPTO, key_unwrap(&good, dw_str_n(bytes, sizeof bytes), &unwrapped));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),     cmocka_unit_test(every_change_is_refused),
        cmocka_unit_test(round_trips),       cmocka_unit_test(keys_of_another_size_are_refused),
        cmocka_unit_test(wraps),             cmocka_unit_test(wrapping_refusals),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
