/* JWK in, JWK out, thumbprints, and what is refused: a row a case. */
#include "../check.h"

#include "base/cleanup.h"
#include "rfc_keys.h"
#include <doorward/jose.h>

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

static void rfc_keys_are_read(void **state)
{
    static const struct {
        const char *json;
        enum dw_kty kty;
        enum dw_alg alg;
        bool is_private;
    } ROWS[] = {
        { RFC7515_A1_KEY, DW_KTY_OCT, DW_ALG_NONE_GIVEN, true },
        { RFC7515_A2_KEY, DW_KTY_RSA, DW_ALG_NONE_GIVEN, false },
        { RFC7515_A3_KEY, DW_KTY_EC, DW_ALG_ES256, true },
        { RFC7515_A4_KEY, DW_KTY_EC, DW_ALG_ES512, false },
        { RFC7638_KEY, DW_KTY_RSA, DW_ALG_RS256, false },
        { RFC8037_KEY, DW_KTY_OKP, DW_ALG_EDDSA, true },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_key_free) struct dw_key *key = NULL;
        CHECK_OK(dw_key_from_jwk(dw_str(ROWS[i].json), DW_ALG_NONE_GIVEN, &key));
        assert_int_equal(dw_key_type(key), ROWS[i].kty);
        assert_int_equal(dw_key_alg(key), ROWS[i].alg);
        assert_int_equal(dw_key_is_private(key), ROWS[i].is_private);
    }
}

static void rfc_thumbprints(void **state)
{
    static const struct {
        const char *json, *thumbprint;
    } ROWS[] = {
        { RFC7638_KEY, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" }, /* RFC 7638 §3.1 */
        { RFC8037_KEY, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" }, /* RFC 8037 A.3 */
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_key_free) struct dw_key *key = NULL;
        struct dw_str thumbprint;
        CHECK_OK(dw_key_from_jwk(dw_str(ROWS[i].json), DW_ALG_NONE_GIVEN, &key));
        CHECK_OK(dw_key_thumbprint(key, 256, arena, &thumbprint));
        check_str(dw_str(ROWS[i].thumbprint), thumbprint, "thumbprint");
        CHECK_OK(dw_key_thumbprint(key, 512, arena, &thumbprint));
        assert_int_equal(thumbprint.len, 86);
        CHECK_ERR(DW_ERR_ARGUMENT, dw_key_thumbprint(key, 1, arena, &thumbprint));
    }
}

static void kid_is_the_given_one_or_the_thumbprint(void **state)
{
    _cleanup_(dw_key_free) struct dw_key *given = NULL, *derived = NULL;

    CHECK_OK(dw_key_from_jwk(DW_STR(RFC7638_KEY), DW_ALG_NONE_GIVEN, &given));
    check_str(DW_STR("2011-04-29"), dw_key_id(given), "given");
    CHECK_OK(dw_key_from_jwk(DW_STR(RFC8037_KEY), DW_ALG_NONE_GIVEN, &derived));
    check_str(DW_STR("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"), dw_key_id(derived), "derived");
    CHECK_OK(dw_key_set_id(derived, DW_STR("mine")));
    check_str(DW_STR("mine"), dw_key_id(derived), "set");
}

#define X256 "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y256 "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define EC256(more) "{\"kty\":\"EC\",\"crv\":\"P-256\"," X256 "," Y256 more "}"
#define K256 "\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\""
#define OCT(more) "{\"kty\":\"oct\"," K256 more "}"

static void what_is_refused(void **state)
{
    static const struct {
        const char *label, *json;
        enum dw_alg alg;
        enum dw_err expected;
    } ROWS[] = {
        { "good EC", EC256(""), 0, DW_OK },
        { "good oct", OCT(""), DW_ALG_HS256, DW_OK },
        { "not JSON", "{", 0, DW_ERR_KEY_MALFORMED },
        { "nothing", "", 0, DW_ERR_KEY_MALFORMED },
        { "not an object", "[]", 0, DW_ERR_KEY_MALFORMED },
        { "no kty", "{\"crv\":\"P-256\"," X256 "," Y256 "}", 0, DW_ERR_KEY_MALFORMED },
        { "kty is a number", "{\"kty\":1}", 0, DW_ERR_KEY_MALFORMED },
        { "unknown kty", "{\"kty\":\"AKP\"}", 0, DW_ERR_UNSUPPORTED },
        { "kty in another case", "{\"kty\":\"ec\",\"crv\":\"P-256\"," X256 "," Y256 "}", 0, DW_ERR_UNSUPPORTED },
        { "duplicate name", EC256(",\"crv\":\"P-256\""), 0, DW_ERR_KEY_MALFORMED },
        { "no crv", "{\"kty\":\"EC\"," X256 "," Y256 "}", 0, DW_ERR_KEY_MALFORMED },
        { "unknown crv", "{\"kty\":\"EC\",\"crv\":\"secp256k1\"," X256 "," Y256 "}", 0, DW_ERR_UNSUPPORTED },
        { "crv of another kty", "{\"kty\":\"EC\",\"crv\":\"Ed25519\"," X256 "," Y256 "}", 0, DW_ERR_UNSUPPORTED },
        { "P-384 with P-256's point",
          "{\"kty\":\"EC\",\"crv\":\"P-384\"," X256 "," Y256 "}", 0, DW_ERR_KEY_MALFORMED },
        { "no y", "{\"kty\":\"EC\",\"crv\":\"P-256\"," X256 "}", 0, DW_ERR_KEY_MALFORMED },
        { "y = x",
          "{\"kty\":\"EC\",\"crv\":\"P-256\"," X256 ",\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}", 0,
          DW_ERR_KEY_MALFORMED },
        { "padding",
          "{\"kty\":\"oct\",\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}", 0, DW_ERR_KEY_MALFORMED },
        { "standard base64", "{\"kty\":\"oct\",\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH+8\"}", 0,
          DW_ERR_KEY_MALFORMED },
        { "k is a number", "{\"kty\":\"oct\",\"k\":7}", 0, DW_ERR_KEY_MALFORMED },
        { "no k", "{\"kty\":\"oct\"}", 0, DW_ERR_KEY_MALFORMED },
        { "empty k", "{\"kty\":\"oct\",\"k\":\"\"}", 0, DW_ERR_KEY_TOO_WEAK },
        { "31 octets",
          "{\"kty\":\"oct\",\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg\"}", 0, DW_ERR_KEY_TOO_WEAK },
        { "32 octets for HS384", OCT(""), DW_ALG_HS384, DW_ERR_KEY_TOO_WEAK },
        { "oct for ES256", OCT(""), DW_ALG_ES256, DW_ERR_KEY_TYPE },
        { "EC for HS256", EC256(""), DW_ALG_HS256, DW_ERR_KEY_TYPE },
        { "P-256 for ES384", EC256(""), DW_ALG_ES384, DW_ERR_KEY_TYPE },
        { "its own alg and another asked for", OCT(",\"alg\":\"HS256\""), DW_ALG_HS384, DW_ERR_KEY_TYPE },
        { "its own alg, of another type", EC256(",\"alg\":\"HS256\""), 0, DW_ERR_KEY_TYPE },
        { "alg of encryption", OCT(",\"alg\":\"A256GCM\""), 0, DW_ERR_UNSUPPORTED },
        { "alg none", OCT(",\"alg\":\"none\""), 0, DW_ERR_UNSUPPORTED },
        { "alg is a list", OCT(",\"alg\":[\"HS256\"]"), 0, DW_ERR_KEY_MALFORMED },
        { "use enc", EC256(",\"use\":\"enc\""), 0, DW_ERR_KEY_USE },
        { "use is a list", EC256(",\"use\":[\"sig\"]"), 0, DW_ERR_KEY_MALFORMED },
        { "key_ops without ours", EC256(",\"key_ops\":[\"deriveKey\"]"), 0, DW_ERR_KEY_USE },
        { "key_ops empty", EC256(",\"key_ops\":[]"), 0, DW_ERR_KEY_USE },
        { "key_ops sign on a public key", EC256(",\"key_ops\":[\"sign\"]"), 0, DW_ERR_KEY_USE },
        { "key_ops is a string", EC256(",\"key_ops\":\"verify\""), 0, DW_ERR_KEY_MALFORMED },
        { "key_ops twice the same", EC256(",\"key_ops\":[\"verify\",\"verify\"]"), 0, DW_ERR_KEY_MALFORMED },
        { "kid is a number", EC256(",\"kid\":1"), 0, DW_ERR_KEY_MALFORMED },
        { "more primes", EC256(",\"oth\":[]"), 0, DW_ERR_UNSUPPORTED },
        { "another d", EC256(",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LE\""), 0, DW_ERR_KEY_MALFORMED },
        { "d is null", EC256(",\"d\":null"), 0, DW_ERR_KEY_MALFORMED },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_key_free) struct dw_key *key = NULL;
        check_err(ROWS[i].expected, dw_key_from_jwk(dw_str(ROWS[i].json), ROWS[i].alg, &key), ROWS[i].label);
        assert_true((key != NULL) == (ROWS[i].expected == DW_OK));
    }
}

static void key_ops_bound_what_a_key_does(void **state)
{
    _cleanup_(dw_key_free) struct dw_key *signer = NULL, *verifier = NULL;
    struct dw_str signature;

    CHECK_OK(dw_key_from_jwk(DW_STR(OCT(",\"key_ops\":[\"sign\"]")), DW_ALG_HS256, &signer));
    CHECK_OK(dw_key_from_jwk(DW_STR(OCT(",\"key_ops\":[\"verify\"]")), DW_ALG_HS256, &verifier));
    CHECK_OK(dw_sign(signer, DW_ALG_HS256, DW_STR("m"), arena, &signature));
    CHECK_OK(dw_verify(verifier, DW_ALG_HS256, DW_STR("m"), signature));
    CHECK_ERR(DW_ERR_KEY_USE, dw_verify(signer, DW_ALG_HS256, DW_STR("m"), signature));
    CHECK_ERR(DW_ERR_KEY_USE, dw_sign(verifier, DW_ALG_HS256, DW_STR("m"), arena, &signature));
}

static void every_algorithm_goes_out_and_in(void **state)
{
    for (enum dw_alg alg = DW_ALG_NONE_GIVEN + 1; alg < DW_ALG_COUNT; alg++) {
        const char *label = dw_alg_name(alg);
        _cleanup_(dw_key_free) struct dw_key *key = NULL, *again = NULL, *public = NULL;
        _cleanup_secret_ struct dw_secret json = { 0 };
        struct dw_str public_json = { 0 }, signature;
        assert_int_equal(dw_alg_by_name(dw_str(label)), alg);
        check_err(DW_OK, dw_key_generate(alg, 0, &key), label);
        check_err(DW_OK, dw_key_private_jwk(key, &json), label);
        check_err(DW_OK, dw_key_from_jwk(dw_secret_borrow(&json), DW_ALG_NONE_GIVEN, &again), label);
        assert_int_equal(dw_key_alg(again), alg);
        check_str(dw_key_id(key), dw_key_id(again), label);
        check_err(DW_OK, dw_sign(again, alg, DW_STR("m"), arena, &signature), label);
        check_err(DW_OK, dw_verify(key, alg, DW_STR("m"), signature), label);
        if (dw_key_type(key) == DW_KTY_OCT) {
            check_err(DW_ERR_KEY_TYPE, dw_key_public_jwk(key, arena, &public_json), label);
            continue;
        }
        check_err(DW_OK, dw_key_public_jwk(key, arena, &public_json), label);
        assert_null(memmem(public_json.ptr, public_json.len, "\"d\":", 4));
        check_err(DW_OK, dw_key_from_jwk(public_json, DW_ALG_NONE_GIVEN, &public), label);
        assert_false(dw_key_is_private(public));
        check_err(DW_OK, dw_verify(public, alg, DW_STR("m"), signature), label);
        check_err(DW_ERR_KEY_USE, dw_sign(public, alg, DW_STR("m"), arena, &signature), label);
        check_err(DW_ERR_KEY_USE, dw_key_private_jwk(public, &json), label);
    }
}

static void octets_are_held_to_the_algorithm(void **state)
{
    unsigned char bytes[64] = { 1 };
    static const struct {
        const char *label;
        enum dw_alg alg;
        size_t size;
        enum dw_err expected;
    } ROWS[] = {
        { "HS256 32", DW_ALG_HS256, 32, DW_OK },
        { "HS256 31", DW_ALG_HS256, 31, DW_ERR_KEY_TOO_WEAK },
        { "HS512 63", DW_ALG_HS512, 63, DW_ERR_KEY_TOO_WEAK },
        { "HS512 64", DW_ALG_HS512, 64, DW_OK },
        { "none", DW_ALG_NONE_GIVEN, 64, DW_ERR_KEY_TYPE },
        { "ES256", DW_ALG_ES256, 64, DW_ERR_KEY_TYPE },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_key_free) struct dw_key *key = NULL;
        const struct dw_secret octets = { bytes, ROWS[i].size };
        check_err(ROWS[i].expected, dw_key_from_octets(&octets, ROWS[i].alg, &key), ROWS[i].label);
    }
    /* A PEM file as an HMAC secret is a mistake or an attack. */
    char pem[] = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
    const struct dw_secret octets = { (unsigned char *)pem, sizeof pem - 1 };
    struct dw_key *key = NULL;
    CHECK_ERR(DW_ERR_KEY_TYPE, dw_key_from_octets(&octets, DW_ALG_HS256, &key));
}

static void pem_keys_are_pinned(void **state)
{
    static const char EC_PEM[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1vcEM61SxUuA9IBFf82swY6Bgiv+\n"
                                 "/U/NvQJshX/C/Wvr2t1N8uwUE9SRM8CP/djpJ4rmFN0Y57mfvT3KthpYRw==\n"
                                 "-----END PUBLIC KEY-----\n";
    _cleanup_(dw_key_free) struct dw_key *key = NULL;

    CHECK_OK(dw_key_from_pem(DW_STR(EC_PEM), DW_ALG_NONE_GIVEN, &key));
    assert_int_equal(dw_key_alg(key), DW_ALG_ES256);
    dw_key_free(&key);
    CHECK_ERR(DW_ERR_KEY_TYPE, dw_key_from_pem(DW_STR(EC_PEM), DW_ALG_HS256, &key));
    CHECK_ERR(DW_ERR_KEY_TYPE, dw_key_from_pem(DW_STR(EC_PEM), DW_ALG_ES384, &key));
    CHECK_ERR(DW_ERR_KEY_MALFORMED, dw_key_from_pem(DW_STR("no PEM"), DW_ALG_ES256, &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_keys_are_read),
        cmocka_unit_test(rfc_thumbprints),
        cmocka_unit_test(kid_is_the_given_one_or_the_thumbprint),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(key_ops_bound_what_a_key_does),
        cmocka_unit_test(every_algorithm_goes_out_and_in),
        cmocka_unit_test(octets_are_held_to_the_algorithm),
        cmocka_unit_test(pem_keys_are_pinned),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
