/* Known answers: FIPS 180-4 (NIST's examples), RFC 4231, RFC 5869. */
#include "../check.h"

#include "crypto/hash.h"
#include "base/encoding.h"

static struct dw_str hex(const unsigned char *bytes, size_t size, char *text)
{
    return dw_str_n(text, hex_encode(dw_str_n(bytes, size), text));
}

static void assert_hex(const unsigned char *bytes, size_t size, const char *expected)
{
    char text[2 * 128 + 1] = "";

    hex(bytes, size, text);
    assert_string_equal(text, expected);
}

static void sha2_answers(void **state)
{
    static const struct {
        unsigned bits;
        const char *text, *digest;
    } ROWS[] = {
        { 256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { 256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { 384, "abc",
          "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7" },
        { 512, "abc",
          "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
          "454d4423643ce80e2a9ac94fa54ca49f" },
    };
    unsigned char digest[HASH_MAX_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        assert_int_equal(hash_sha2(ROWS[i].bits, dw_str(ROWS[i].text), digest), DW_OK);
        assert_hex(digest, ROWS[i].bits / 8, ROWS[i].digest);
    }
    assert_int_equal(hash_sha2(160, DW_STR(""), digest), DW_ERR_ARGUMENT);
    assert_int_equal(hash_sha256((struct dw_str){ 0 }, digest), DW_OK);
    assert_hex(digest, SHA256_SIZE, ROWS[0].digest);
}

static void hmac_answers(void **state)
{
    static const struct {
        unsigned bits;
        struct dw_str key, text;
        const char *mac;
    } ROWS[] = {
        { 256, DW_STR_INIT("Jefe"), DW_STR_INIT("what do ya want for nothing?"),
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { 384, DW_STR_INIT("Jefe"), DW_STR_INIT("what do ya want for nothing?"),
          "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649" },
        { 512, DW_STR_INIT("Jefe"), DW_STR_INIT("what do ya want for nothing?"),
          "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
          "caeab1a34d4a6b4b636e070a38bce737" },
        /* An empty key is a key, not "the one before". */
        { 256, DW_STR_INIT(""), DW_STR_INIT(""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
        { 256, { NULL, 0 }, { NULL, 0 }, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
    };
    unsigned char mac[HASH_MAX_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        assert_int_equal(hmac_sha2(ROWS[i].bits, ROWS[i].key, ROWS[i].text, mac), DW_OK);
        assert_hex(mac, ROWS[i].bits / 8, ROWS[i].mac);
    }
    assert_int_equal(hmac_sha2(128, DW_STR("k"), DW_STR(""), mac), DW_ERR_ARGUMENT);
}

/* RFC 5869 A.3: no salt, no info. */
static void hkdf_answer(void **state)
{
    unsigned char input[22];
    _cleanup_secret_ struct dw_secret derived = { 0 };

    memset(input, 0x0b, sizeof input);
    const struct dw_secret key = { input, sizeof input };
    assert_int_equal(hkdf_sha256(&key, DW_STR(""), 42, &derived), DW_OK);
    assert_int_equal(derived.size, 42);
    assert_hex(derived.bytes, derived.size,
               "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

static void hkdf_separates_by_info(void **state)
{
    unsigned char input[32] = { 1 };
    const struct dw_secret key = { input, sizeof input };
    _cleanup_secret_ struct dw_secret a = { 0 }, b = { 0 }, none = { 0 };

    assert_int_equal(hkdf_sha256(&key, DW_STR("a"), 32, &a), DW_OK);
    assert_int_equal(hkdf_sha256(&key, DW_STR("b"), 32, &b), DW_OK);
    assert_false(dw_secret_eq(&a, &b));
    assert_int_equal(hkdf_sha256(&key, DW_STR("a"), 0, &none), DW_ERR_ARGUMENT);
    assert_int_equal(hkdf_sha256(&key, DW_STR("a"), 255 * SHA256_SIZE + 1, &none), DW_ERR_ARGUMENT);
    assert_null(none.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha2_answers),
        cmocka_unit_test(hmac_answers),
        cmocka_unit_test(hkdf_answer),
        cmocka_unit_test(hkdf_separates_by_info),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
