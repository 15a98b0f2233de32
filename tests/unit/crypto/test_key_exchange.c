/* OAEP, Diffie-Hellman and the derivation behind it: known answers (RFC 7748 §6.1, RFC 7518 appendix C), refusals. */
#include "../check.h"

#include "base/encoding.h"
#include "crypto/key_exchange.h"

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

static struct dw_str decode(const char *text)
{
    struct dw_str bytes = { NULL, 0 };

    if (text != NULL)
        CHECK_OK(base64url_decode_arena(arena, dw_str(text), &bytes));
    return bytes;
}

static struct dw_str unhex(const char *text)
{
    char *bytes = dw_arena_alloc(arena, strlen(text) / 2 + 1);
    size_t size = 0;

    CHECK_OK(hex_decode(dw_str(text), bytes, strlen(text) / 2, &size));
    return dw_str_n(bytes, size);
}

static struct key *x25519(const char *x, const char *d)
{
    const struct key_parts parts = { .type = KEY_X25519, .x = unhex(x), .d = d != NULL ? unhex(d) : dw_str(NULL) };
    struct key *key = NULL;

    CHECK_OK(key_import(&parts, &key));
    return key;
}

static struct key *p256(const char *x, const char *y, const char *d)
{
    const struct key_parts parts = {
        .type = KEY_EC, .curve_bits = 256, .x = decode(x), .y = decode(y), .d = decode(d)
    };
    struct key *key = NULL;

    CHECK_OK(key_import(&parts, &key));
    return key;
}

#define RFC7748_ALICE "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define RFC7748_ALICE_PRIVATE "77076d0a7318a57d3c16c17251b26645df2f9215ae2d2d3d0e4b8f2d3b6c6e2a"
#define RFC7748_BOB "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define RFC7748_BOB_PRIVATE "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define RFC7748_SHARED "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"

static void x25519_agrees(void **state)
{
    _cleanup_(key_free) struct key *bob = x25519(RFC7748_BOB, RFC7748_BOB_PRIVATE),
                                   *alice = x25519(RFC7748_ALICE, NULL);
    _cleanup_secret_ struct dw_secret shared = { 0 };

    CHECK_OK(key_agree(bob, alice, &shared));
    check_str(unhex(RFC7748_SHARED), dw_secret_borrow(&shared), "RFC 7748 6.1");
    CHECK_ERR(DW_ERR_KEY_USE, key_agree(alice, bob, &shared));
}

/* RFC 7748 §6.1: a point of small order gives all zeros, whatever our key is. */
static void small_order_is_refused(void **state)
{
    static const char *const POINTS[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    _cleanup_(key_free) struct key *bob = x25519(RFC7748_BOB, RFC7748_BOB_PRIVATE);

    for (size_t i = 0; i < ARRAY_SIZE(POINTS); i++) {
        _cleanup_(key_free) struct key *point = x25519(POINTS[i], NULL);
        struct dw_secret shared = { 0 };
        check_err(DW_ERR_CRYPTO, key_agree(bob, point, &shared), POINTS[i]);
    }
}

static void curves_do_not_mix(void **state)
{
    const struct {
        enum key_type type;
        unsigned bits;
    } ROWS[] = { { KEY_EC, 256 }, { KEY_EC, 384 }, { KEY_EC, 521 }, { KEY_X25519, 255 }, { KEY_ED25519, 255 },
                 { KEY_HMAC, 256 } };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        for (size_t j = 0; j < ARRAY_SIZE(ROWS); j++) {
            _cleanup_(key_free) struct key *ours = NULL, *theirs = NULL;
            _cleanup_secret_ struct dw_secret one = { 0 }, other = { 0 };
            CHECK_OK(key_generate(ROWS[i].type, ROWS[i].bits, &ours));
            CHECK_OK(key_generate(ROWS[j].type, ROWS[j].bits, &theirs));
            const bool fits = i == j && i < 4;
            CHECK_ERR(fits ? DW_OK : DW_ERR_KEY_TYPE, key_agree(ours, theirs, &one));
            if (!fits)
                continue;
            CHECK_OK(key_agree(theirs, ours, &other));
            assert_true(dw_secret_eq(&one, &other));
        }
}

/* RFC 7518 appendix C, with OtherInfo as it prints it. */
static void concat_kdf_answers(void **state)
{
    _cleanup_(key_free) struct key *alice = p256("gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
                                                 "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
                                                 "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"),
                                   *bob = p256("weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
                                               "e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck", NULL);
    const struct dw_str context = DW_STR("\0\0\0\7A128GCM\0\0\0\5Alice\0\0\0\3Bob\0\0\0\x80");
    _cleanup_secret_ struct dw_secret shared = { 0 }, key = { 0 }, none = { 0 };

    CHECK_OK(key_agree(alice, bob, &shared));
    CHECK_OK(concat_kdf(&shared, context, 16, &key));
    check_str(decode("VqqN6vgjbSBcIijNcacQGg"), dw_secret_borrow(&key), "RFC 7518 C");
    CHECK_ERR(DW_ERR_ARGUMENT, concat_kdf(&shared, context, 0, &none));
    CHECK_ERR(DW_ERR_ARGUMENT, concat_kdf(&shared, context, 2000, &none));
    CHECK_ERR(DW_ERR_ARGUMENT, concat_kdf(&none, context, 16, &none));
}

static void oaep_round_trips(void **state)
{
    _cleanup_(key_free) struct key *rsa = NULL, *ec = NULL, *other = NULL;
    const unsigned hashes[] = { 160, 256 };
    struct dw_str encrypted;

    CHECK_OK(key_generate(KEY_RSA, 2048, &rsa));
    CHECK_OK(key_generate(KEY_RSA, 2048, &other));
    CHECK_OK(key_generate(KEY_EC, 256, &ec));
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
        _cleanup_secret_ struct dw_secret plain = { 0 };
        struct dw_secret none = { 0 };
        CHECK_OK(key_oaep_encrypt(rsa, hashes[i], DW_STR("content key"), arena, &encrypted));
        CHECK_OK(key_oaep_decrypt(rsa, hashes[i], encrypted, &plain));
        check_str(DW_STR("content key"), dw_secret_borrow(&plain), "plain");
        CHECK_ERR(DW_ERR_CRYPTO, key_oaep_decrypt(rsa, hashes[1 - i], encrypted, &none));
        CHECK_ERR(DW_ERR_CRYPTO, key_oaep_decrypt(other, hashes[i], encrypted, &none));
        CHECK_ERR(DW_ERR_CRYPTO, key_oaep_decrypt(rsa, hashes[i], dw_str_n(encrypted.ptr, 255), &none));
        CHECK_ERR(DW_ERR_CRYPTO, key_oaep_decrypt(rsa, hashes[i], DW_STR(""), &none));
        ((char *)encrypted.ptr)[100] ^= 1;
        CHECK_ERR(DW_ERR_CRYPTO, key_oaep_decrypt(rsa, hashes[i], encrypted, &none));
        CHECK_ERR(DW_ERR_ARGUMENT, key_oaep_decrypt(ec, hashes[i], encrypted, &none));
        CHECK_ERR(DW_ERR_ARGUMENT, key_oaep_encrypt(ec, hashes[i], DW_STR("x"), arena, &encrypted));
    }
    CHECK_ERR(DW_ERR_ARGUMENT, key_oaep_encrypt(rsa, 512, DW_STR("x"), arena, &encrypted));
    char *longer = dw_arena_alloc(arena, 256);
    CHECK_ERR(DW_ERR_CRYPTO, key_oaep_encrypt(rsa, 256, dw_str_n(longer, 191), arena, &encrypted)); /* 190 fit */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x25519_agrees),      cmocka_unit_test(small_order_is_refused),
        cmocka_unit_test(curves_do_not_mix),  cmocka_unit_test(concat_kdf_answers),
        cmocka_unit_test(oaep_round_trips),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
