/* Keys for encryption: what is taken, what is refused, and that none of them is a signing key too. */
#include "../check.h"

#include "base/cleanup.h"
#include "rfc_encryption.h"
#include "rfc_keys.h"
#include <doorward/jose.h>
#include <doorward/jwe.h>

static struct dw_arena *arena;

static int set_up(void **state)
{
    return dw_arena_new(4 * 1024 * 1024, &arena) == DW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    dw_arena_free(&arena);
    return 0;
}

#define K16 "\"k\":\"GawgguFyGrWKav7AX4VKUg\""
#define K32 "\"k\":\"AAPapAv4LbFbiVawEjagUBluYqN5rhna-8nuldDvOx8\""
#define X25519 "\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\""
#define POINT                                                                                                          \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ\","                                \
    "\"y\":\"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck\""

static void jwks(void **state)
{
    static const struct {
        const char *json;
        enum dw_jwe_alg given;
        enum dw_err expected;
        enum dw_jwe_alg alg;
    } ROWS[] = {
        { "{\"kty\":\"oct\"," K16 "}", DW_JWE_A128KW, DW_OK, DW_JWE_A128KW },
        { "{\"kty\":\"oct\"," K16 "}", 0, DW_OK, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256KW\",\"use\":\"enc\"}", 0, DW_OK, DW_JWE_A256KW },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256GCM\"}", 0, DW_OK, DW_JWE_DIR },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"dir\"}", 0, DW_OK, DW_JWE_DIR },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256KW\",\"key_ops\":[\"wrapKey\",\"unwrapKey\"]}",
          0, DW_OK, DW_JWE_A256KW },
        { "{" POINT "}", DW_JWE_ECDH_ES, DW_OK, DW_JWE_ECDH_ES },
        { "{" POINT ",\"key_ops\":[]}", DW_JWE_ECDH_ES, DW_OK, DW_JWE_ECDH_ES },
        { "{" X25519 "}", 0, DW_OK, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256KW\",\"use\":\"sig\"}", 0, DW_ERR_KEY_USE, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"HS256\"}", 0, DW_ERR_KEY_USE, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"use\":7}", 0, DW_ERR_KEY_MALFORMED, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":7}", 0, DW_ERR_KEY_MALFORMED, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256KW\",\"key_ops\":[\"wrapKey\",\"sign\"]}", 0, DW_ERR_KEY_USE, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256KW\",\"key_ops\":[\"wrapKey\",\"wrapKey\"]}",
          0, DW_ERR_KEY_MALFORMED, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256KW\",\"key_ops\":\"wrapKey\"}", 0, DW_ERR_KEY_MALFORMED, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256KW\",\"key_ops\":[]}", 0, DW_ERR_KEY_USE, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256KW\",\"kid\":7}", 0, DW_ERR_KEY_MALFORMED, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A256KW\"}", DW_JWE_A128KW, DW_ERR_KEY_TYPE, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"A128KW\"}", 0, DW_ERR_KEY_TOO_WEAK, 0 },
        { "{\"kty\":\"oct\"," K16 ",\"alg\":\"A256GCM\"}", 0, DW_ERR_KEY_TOO_WEAK, 0 },
        { "{\"kty\":\"oct\"," K16 "}", DW_JWE_A256KW, DW_ERR_KEY_TOO_WEAK, 0 },
        { "{\"kty\":\"oct\"," K16 "}", DW_JWE_RSA_OAEP_256, DW_ERR_KEY_TYPE, 0 },
        { "{\"kty\":\"oct\"," K16 "}", DW_JWE_ECDH_ES, DW_ERR_KEY_TYPE, 0 },
        { "{\"kty\":\"oct\",\"k\":\"AAAA\"}", 0, DW_ERR_KEY_TOO_WEAK, 0 },
        { "{\"kty\":\"oct\",\"k\":\"\"}", 0, DW_ERR_KEY_TOO_WEAK, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"RSA1_5\"}", 0, DW_ERR_UNSUPPORTED, 0 },
        { "{\"kty\":\"oct\"," K32 ",\"alg\":\"PBES2-HS256+A128KW\"}", 0, DW_ERR_UNSUPPORTED, 0 },
        { "{" POINT "}", DW_JWE_A256KW, DW_ERR_KEY_TYPE, 0 },
        { "{" POINT "}", DW_JWE_RSA_OAEP_256, DW_ERR_KEY_TYPE, 0 },
        { "{" POINT ",\"d\":\"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdx\"}",
          DW_JWE_ECDH_ES, DW_ERR_KEY_MALFORMED, 0 },
        { RFC8037_KEY, 0, DW_ERR_UNSUPPORTED, 0 },
        { "{\"kty\":\"OKP\",\"crv\":\"X448\",\"x\":\"AAAA\"}", 0, DW_ERR_UNSUPPORTED, 0 },
        { "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA\"}", 0, DW_ERR_KEY_MALFORMED, 0 },
        { "{\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"AAAA\"}", 0, DW_ERR_UNSUPPORTED, 0 },
        { "{\"kty\":\"EC\",\"crv\":\"X25519\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", 0, DW_ERR_UNSUPPORTED, 0 },
        { "[]", 0, DW_ERR_KEY_MALFORMED, 0 },
        { "", 0, DW_ERR_KEY_MALFORMED, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
        check_err(ROWS[i].expected, dw_jwe_key_from_jwk(dw_str(ROWS[i].json), ROWS[i].given, &key), ROWS[i].json);
        assert_int_equal(dw_jwe_key_alg(key), ROWS[i].alg);
        assert_true((key != NULL) == (ROWS[i].expected == DW_OK));
    }
}

/* What encrypts is refused by what signs, and the other way round. */
static void no_key_does_both(void **state)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *made = NULL, *wrong = NULL;
    _cleanup_(dw_key_free) struct dw_key *signing = NULL, *none = NULL;
    _cleanup_secret_ struct dw_secret json = { 0 };
    struct dw_str text;

    CHECK_OK(dw_jwe_key_generate(DW_JWE_ECDH_ES, 0, 0, &made));
    CHECK_OK(dw_jwe_key_private_jwk(made, &json));
    CHECK_ERR(DW_ERR_UNSUPPORTED, dw_key_from_jwk(dw_secret_borrow(&json), DW_ALG_NONE_GIVEN, &none)); /* its alg */
    CHECK_ERR(DW_ERR_KEY_USE, dw_key_from_jwk(DW_STR("{" POINT ",\"use\":\"enc\"}"), DW_ALG_NONE_GIVEN, &none));
    CHECK_ERR(DW_ERR_UNSUPPORTED, dw_key_from_jwk(DW_STR("{" X25519 "}"), DW_ALG_NONE_GIVEN, &none));
    CHECK_OK(dw_key_generate(DW_ALG_ES256, 0, &signing));
    CHECK_OK(dw_key_public_jwk(signing, arena, &text));
    CHECK_ERR(DW_ERR_KEY_USE, dw_jwe_key_from_jwk(text, DW_JWE_ECDH_ES, &wrong));
}

static void there_and_back(void **state)
{
    for (enum dw_jwe_alg alg = DW_JWE_ALG_NONE_GIVEN + 1; alg < DW_JWE_ALG_COUNT; alg++) {
        _cleanup_(dw_jwe_key_free) struct dw_jwe_key *made = NULL, *again = NULL, *public = NULL;
        _cleanup_secret_ struct dw_secret json = { 0 };
        const bool is_symmetric = alg < DW_JWE_RSA_OAEP;
        struct dw_str text;
        CHECK_OK(dw_jwe_key_generate(alg, DW_JWE_A128CBC_HS256, 0, &made));
        assert_true(dw_jwe_key_is_private(made));
        CHECK_OK(dw_jwe_key_private_jwk(made, &json));
        CHECK_OK(dw_jwe_key_from_jwk(dw_secret_borrow(&json), alg, &again));
        check_str(dw_jwe_key_id(made), dw_jwe_key_id(again), dw_jwe_alg_name(alg));
        CHECK_ERR(is_symmetric ? DW_ERR_KEY_TYPE : DW_OK, dw_jwe_key_public_jwk(made, arena, &text));
        if (is_symmetric)
            continue;
        CHECK_OK(dw_jwe_key_from_jwk(text, alg, &public));
        assert_false(dw_jwe_key_is_private(public));
        _cleanup_secret_ struct dw_secret none = { 0 };
        CHECK_ERR(DW_ERR_KEY_USE, dw_jwe_key_private_jwk(public, &none));
    }
}

/* A public key encrypts and can't decrypt; key_ops narrow a key down (RFC 7517 §4.3). */
static void uses(void **state)
{
    static const struct {
        const char *ops;
        enum dw_err encrypting, decrypting;
    } ROWS[] = {
        { "[\"wrapKey\"]", DW_OK, DW_ERR_KEY_USE },
        { "[\"unwrapKey\"]", DW_ERR_KEY_USE, DW_OK },
        { "[\"encrypt\",\"decrypt\",\"of my own\"]", DW_OK, DW_OK },
    };
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *whole = NULL, *public = NULL;
    struct dw_str token, text;
    struct dw_jwe jwe;

    CHECK_OK(dw_jwe_key_from_jwk(DW_STR("{\"kty\":\"oct\"," K32 "}"), DW_JWE_A256KW, &whole));
    CHECK_OK(dw_jwe_encrypt(whole, DW_JWE_A256KW, DW_JWE_A256GCM, NULL, DW_STR("x"), arena, &text));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
        const struct dw_str json = dw_arena_printf(arena, "{\"kty\":\"oct\"," K32 ",\"key_ops\":%s}", ROWS[i].ops);
        CHECK_OK(dw_jwe_key_from_jwk(json, DW_JWE_A256KW, &key));
        check_err(ROWS[i].encrypting,
                  dw_jwe_encrypt(key, DW_JWE_A256KW, DW_JWE_A256GCM, NULL, DW_STR("x"), arena, &token), ROWS[i].ops);
        check_err(ROWS[i].decrypting,
                  dw_jwe_decrypt(key, DW_JWE_BIT(DW_JWE_A256KW), DW_JWE_ENCS_ALL, text, arena, &jwe), ROWS[i].ops);
    }
    CHECK_OK(dw_jwe_key_from_jwk(DW_STR("{" POINT "}"), DW_JWE_ECDH_ES, &public));
    CHECK_OK(dw_jwe_encrypt(public, DW_JWE_ECDH_ES, DW_JWE_A256GCM, NULL, DW_STR("x"), arena, &token));
    CHECK_ERR(DW_ERR_KEY_USE,
              dw_jwe_decrypt(public, DW_JWE_BIT(DW_JWE_ECDH_ES), DW_JWE_ENCS_ALL, token, arena, &jwe));
}

static void octets_and_pem(void **state)
{
    static const char EC_PEM[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEweNJy2HscCSM6AEDTDg04biOvhFh\n"
                                 "yyWvOHQfeF/PxMR7yWcI74CVK1P40lVf5yuEHtBFiGKLHTeKWUk5UA7JyQ==\n"
                                 "-----END PUBLIC KEY-----\n";
    unsigned char bytes[64] = { 1 };
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL, *none = NULL, *pem = NULL;

    CHECK_OK(dw_jwe_key_from_octets(&(struct dw_secret){ bytes, 32 }, DW_JWE_A256KW, &key));
    for (size_t size = 0; size <= sizeof bytes; size++)
        if (size != 32)
            CHECK_ERR(DW_ERR_KEY_TOO_WEAK,
                      dw_jwe_key_from_octets(&(struct dw_secret){ bytes, size }, DW_JWE_A256KW, &none));
    CHECK_ERR(DW_ERR_KEY_TYPE, dw_jwe_key_from_octets(&(struct dw_secret){ bytes, 32 }, DW_JWE_ECDH_ES, &none));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_key_from_octets(&(struct dw_secret){ bytes, 32 }, 0, &none));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_key_from_octets(NULL, DW_JWE_A256KW, &none));
    CHECK_OK(dw_jwe_key_from_pem(dw_str(EC_PEM), DW_JWE_ECDH_ES, &pem));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_key_from_pem(dw_str(EC_PEM), 0, &none));
    CHECK_ERR(DW_ERR_KEY_TYPE, dw_jwe_key_from_pem(dw_str(EC_PEM), DW_JWE_RSA_OAEP_256, &none));
    CHECK_ERR(DW_ERR_KEY_MALFORMED, dw_jwe_key_from_pem(DW_STR("no PEM"), DW_JWE_ECDH_ES, &none));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_key_generate(DW_JWE_DIR, 0, 0, &none));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_key_generate(DW_JWE_ECDH_ES, 0, 100, &none));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_key_generate(0, 0, 0, &none));
    assert_null(none);
    dw_jwe_key_free(&none);
    dw_jwe_key_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jwks), cmocka_unit_test(no_key_does_both), cmocka_unit_test(there_and_back),
        cmocka_unit_test(uses), cmocka_unit_test(octets_and_pem),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
