/* Compact JWE: the RFCs' own examples, every algorithm there and back, and tables of bad headers and bad writings. */
#include "../check.h"

#include "base/encoding.h"
#include "crypto/key_exchange.h"
#include "jose/jwe_cek.h"
#include "rfc_encryption.h"

#define PLAIN "the payload that must not be readable"

static struct dw_arena *arena;
static struct dw_jwe_key *kw, *es, *dir;

static int set_up(void **state)
{
    const bool done = dw_arena_new(32 * 1024 * 1024, &arena) == DW_OK &&
                      dw_jwe_key_generate(DW_JWE_A256KW, 0, 0, &kw) == DW_OK &&
                      dw_jwe_key_generate(DW_JWE_ECDH_ES, 0, 0, &es) == DW_OK &&
                      dw_jwe_key_generate(DW_JWE_DIR, DW_JWE_A256GCM, 0, &dir) == DW_OK;
    return done ? 0 : -1;
}

static int tear_down(void **state)
{
    dw_jwe_key_free(&kw);
    dw_jwe_key_free(&es);
    dw_jwe_key_free(&dir);
    dw_arena_free(&arena);
    return 0;
}

#define ALGS_ALL (DW_JWE_BIT(DW_JWE_ALG_COUNT) - 2)

static enum dw_err decrypt(const struct dw_jwe_key *key, struct dw_str token, struct dw_jwe *ret_jwe)
{
    return dw_jwe_decrypt(key, ALGS_ALL, DW_JWE_ENCS_ALL, token, arena, ret_jwe);
}

static void rfc_tokens_decrypt(void **state)
{
    static const struct {
        const char *label, *key, *token, *plain;
        enum dw_jwe_alg alg;
        enum dw_jwe_enc enc;
    } ROWS[] = {
        { "RFC 7516 A.1", RFC7516_A1_KEY, RFC7516_A1_TOKEN,
          "The true sign of intelligence is not knowledge but imagination.", DW_JWE_RSA_OAEP, DW_JWE_A256GCM },
        { "RFC 7516 A.3", RFC7516_A3_KEY, RFC7516_A3_TOKEN, RFC7516_A3_PLAIN, DW_JWE_A128KW, DW_JWE_A128CBC_HS256 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
        const struct dw_str token = dw_str(ROWS[i].token);
        struct dw_jwe jwe;
        check_err(DW_OK, dw_jwe_key_from_jwk(dw_str(ROWS[i].key), ROWS[i].alg, &key), ROWS[i].label);
        check_err(DW_OK, decrypt(key, token, &jwe), ROWS[i].label);
        check_str(dw_str(ROWS[i].plain), jwe.plaintext, ROWS[i].label);
        assert_int_equal(jwe.alg, ROWS[i].alg);
        assert_int_equal(jwe.enc, ROWS[i].enc);
        assert_true(dw_str_starts_with(jwe.header_json, DW_STR("{\"alg\":")));
        CHECK_ERR(DW_ERR_JOSE_ALGORITHM,
                  dw_jwe_decrypt(key, ALGS_ALL & ~DW_JWE_BIT(ROWS[i].alg), DW_JWE_ENCS_ALL, token, arena, &jwe));
        CHECK_ERR(DW_ERR_JOSE_ALGORITHM,
                  dw_jwe_decrypt(key, ALGS_ALL, DW_JWE_ENCS_ALL & ~DW_JWE_BIT(ROWS[i].enc), token, arena, &jwe));
        CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jwe_decrypt(key, 0, DW_JWE_ENCS_ALL, token, arena, &jwe));
        CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jwe_decrypt(key, ALGS_ALL, 1, token, arena, &jwe)); /* bit 0 is none */
    }
}

static void rfc_derivation(void **state)
{
    struct dw_str z = { 0 }, expected = { 0 };
    _cleanup_secret_ struct dw_secret key = { 0 };

    CHECK_OK(base64url_decode_arena(arena, DW_STR("nlbZHYFxNdNyg0KDv4QmnPsxbqPagGpI9tqneYz-kMQ"), &z));
    CHECK_OK(base64url_decode_arena(arena, DW_STR("VqqN6vgjbSBcIijNcacQGg"), &expected));
    const struct dw_secret shared = { (unsigned char *)z.ptr, z.len };
    CHECK_OK(jwe_derive(&shared, DW_STR("A128GCM"), DW_STR("Alice"), DW_STR("Bob"), 16, &key));
    check_str(expected, dw_secret_borrow(&key), "RFC 7518 C");
}

static void every_algorithm_there_and_back(void **state)
{
    const struct dw_jwe_header header = {
        .typ = DW_STR("test"), .cty = DW_STR("JWT"), .apu = DW_STR("Alice"), .apv = DW_STR("Bob")
    };
    static const struct dw_str PLAINS[] = { DW_STR_INIT(PLAIN), DW_STR_INIT(""), DW_STR_INIT("\0\xff\0"), { NULL, 0 } };

    for (enum dw_jwe_alg alg = DW_JWE_ALG_NONE_GIVEN + 1; alg < DW_JWE_ALG_COUNT; alg++)
        for (enum dw_jwe_enc enc = DW_JWE_ENC_NONE_GIVEN + 1; enc < DW_JWE_ENC_COUNT; enc++) {
            static const unsigned CURVES[] = { 256, 384, 521, 255 };
            const bool is_agreement = alg >= DW_JWE_ECDH_ES;
            _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
            CHECK_OK(dw_jwe_key_generate(alg, enc, is_agreement ? CURVES[enc % 4] : 0, &key));
            for (size_t i = 0; i < ARRAY_SIZE(PLAINS); i++) {
                struct dw_str token;
                struct dw_jwe jwe;
                CHECK_OK(dw_jwe_encrypt(key, alg, enc, &header, PLAINS[i], arena, &token));
                check_err(DW_OK, dw_jwe_decrypt(key, DW_JWE_BIT(alg), DW_JWE_BIT(enc), token, arena, &jwe),
                          dw_jwe_alg_name(alg));
                check_str(PLAINS[i], jwe.plaintext, dw_jwe_enc_name(enc));
                assert_true(jwe.alg == alg && jwe.enc == enc);
            }
        }
}

/* A token of `key` with any header, otherwise right: what a careless or hostile sender may write. */
static struct dw_str forge(const struct dw_jwe_key *key, struct dw_str header, const char *encrypted_key)
{
    static const struct content_scheme scheme = { true, 256 };
    const struct dw_str text = base64url_encode_arena(arena, header);
    struct content_box box;

    CHECK_OK(content_seal(&scheme, key_octets(key->key), text, DW_STR(PLAIN), arena, &box));
    const struct dw_str iv = base64url_encode_arena(arena, box.iv), body = base64url_encode_arena(arena, box.body),
                        tag = base64url_encode_arena(arena, box.tag);
    return dw_arena_printf(arena, "%.*s.%s.%s.%s.%s", (int)text.len, text.ptr, encrypted_key, iv.ptr, body.ptr,
                           tag.ptr);
}

static void headers(void **state)
{
    static const struct {
        const char *header;
        enum dw_err expected;
    } ROWS[] = {
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\"}", DW_OK },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"any\",\"typ\":\"JWT\",\"jku\":\"https://evil.example\"}",
          DW_OK },
        { " { \"enc\" : \"A256GCM\" , \"alg\" : \"dir\" } ", DW_OK },
        { "", DW_ERR_JOSE_MALFORMED },
        { "{", DW_ERR_JOSE_MALFORMED },
        { "[]", DW_ERR_JOSE_MALFORMED },
        { "{}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"enc\":\"A256GCM\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"enc\":\"A256GCM\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"\\u0065nc\":\"A128GCM\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":[\"dir\"],\"enc\":\"A256GCM\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\",\"enc\":null}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":7}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"apu\":7}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"apv\":\"A===\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"x\":[[[[[[[[[[1]]]]]]]]]]}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"x\":\"\xff\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"crit\":[]}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"crit\":[\"exp\"],\"exp\":1}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"zip\":\"DEF\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"zip\":null}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"none\",\"enc\":\"A256GCM\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"DIR\",\"enc\":\"A256GCM\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"dir\\u0000\",\"enc\":\"A256GCM\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"dir\",\"enc\":\"a256gcm\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"dir\",\"enc\":\"none\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"dir\",\"enc\":\"A128GCM\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"dir\",\"enc\":\"A128CBC-HS256\"}",
          DW_ERR_JOSE_ALGORITHM }, /* of the key's size, but it is pinned */
        { "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"RSA1_5\",\"enc\":\"A256GCM\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A256GCM\",\"p2s\":\"AAAA\",\"p2c\":2147483647}",
          DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS256\",\"enc\":\"A256GCM\"}", DW_ERR_JOSE_ALGORITHM },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_jwe jwe;
        check_err(ROWS[i].expected, decrypt(dir, forge(dir, dw_str(ROWS[i].header), ""), &jwe), ROWS[i].header);
    }
}

/* RFC 7516 §5.2, step 10: where the key is known already, no other may be sent along. */
static void a_key_that_is_not_asked_for_is_refused(void **state)
{
    struct dw_jwe jwe;

    CHECK_ERR(DW_ERR_JOSE_DECRYPTION,
              decrypt(dir, forge(dir, DW_STR("{\"alg\":\"dir\",\"enc\":\"A256GCM\"}"), "AAAA"), &jwe));
}

/* Every character of a right token changed, and every cut of it: all refused, none otherwise than by these. */
static void every_change_is_refused(void **state)
{
    const struct {
        const struct dw_jwe_key *key;
        enum dw_jwe_alg alg;
        enum dw_jwe_enc enc;
    } ROWS[] = { { kw, DW_JWE_A256KW, DW_JWE_A128CBC_HS256 }, { dir, DW_JWE_DIR, DW_JWE_A256GCM },
                 { es, DW_JWE_ECDH_ES, DW_JWE_A256GCM } };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_str token;
        struct dw_jwe jwe;
        CHECK_OK(dw_jwe_encrypt(ROWS[i].key, ROWS[i].alg, ROWS[i].enc, NULL, DW_STR(PLAIN), arena, &token));
        const char *header_end = memchr(token.ptr, '.', token.len);
        for (size_t at = 0; at < token.len; at++) {
            const char was = token.ptr[at];
            ((char *)token.ptr)[at] = was == 'A' ? 'B' : 'A';
            const enum dw_err err = decrypt(ROWS[i].key, token, &jwe);
            const bool is_body = token.ptr + at > header_end && was != '.';
            assert_true(err == DW_ERR_JOSE_MALFORMED || err == DW_ERR_JOSE_DECRYPTION ||
                        (!is_body && (err == DW_ERR_JOSE_ALGORITHM || err == DW_ERR_JOSE_NO_KEY)));
            ((char *)token.ptr)[at] = was;
            assert_int_not_equal(decrypt(ROWS[i].key, dw_str_n(token.ptr, at), &jwe), DW_OK);
        }
        CHECK_OK(decrypt(ROWS[i].key, token, &jwe));
    }
}

/* Of another key, of another purpose, wrapped wrongly: one error, so that nobody learns how far he got. */
static void failures_look_alike(void **state)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *rsa = NULL, *other_rsa = NULL, *other_kw = NULL, *other_es = NULL;
    struct dw_str token;
    struct dw_jwe jwe;

    CHECK_OK(dw_jwe_key_generate(DW_JWE_RSA_OAEP_256, 0, 0, &rsa));
    CHECK_OK(dw_jwe_key_generate(DW_JWE_RSA_OAEP_256, 0, 0, &other_rsa));
    CHECK_OK(dw_jwe_key_generate(DW_JWE_A256KW, 0, 0, &other_kw));
    CHECK_OK(dw_jwe_key_generate(DW_JWE_ECDH_ES, 0, 384, &other_es));
    CHECK_OK(dw_jwe_encrypt(rsa, DW_JWE_RSA_OAEP_256, DW_JWE_A256GCM, NULL, DW_STR(PLAIN), arena, &token));
    CHECK_ERR(DW_ERR_JOSE_DECRYPTION, decrypt(other_rsa, token, &jwe));
    CHECK_OK(dw_jwe_encrypt(kw, DW_JWE_A256KW, DW_JWE_A256GCM, NULL, DW_STR(PLAIN), arena, &token));
    CHECK_ERR(DW_ERR_JOSE_DECRYPTION, decrypt(other_kw, token, &jwe));
    CHECK_OK(dw_jwe_encrypt(es, DW_JWE_ECDH_ES, DW_JWE_A256GCM, NULL, DW_STR(PLAIN), arena, &token));
    CHECK_ERR(DW_ERR_JOSE_DECRYPTION, decrypt(other_es, token, &jwe)); /* an epk of another curve */

    /* A content key of the wrong length, wrapped rightly. */
    _cleanup_secret_ struct dw_secret cek = { 0 };
    struct dw_str wrapped;
    CHECK_OK(dw_secret_random(16, &cek));
    CHECK_OK(key_oaep_encrypt(rsa->key, 256, dw_secret_borrow(&cek), arena, &wrapped));
    const struct dw_str text = base64url_encode_arena(arena, wrapped),
                        header = base64url_encode_arena(
                            arena, DW_STR("{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\"}"));
    token = dw_arena_printf(arena, "%s.%s.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", header.ptr, text.ptr);
    CHECK_ERR(DW_ERR_JOSE_DECRYPTION, decrypt(rsa, token, &jwe));
}

static void ephemeral_keys(void **state)
{
    static const char *const BAD[] = {
        "",
        ",\"epk\":7",
        ",\"epk\":null",
        ",\"epk\":{}",
        ",\"epk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}",
        /* not on the curve: y of another point */
        ",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ\","
        "\"y\":\"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps\"}",
        /* the point at infinity, if zeros were taken for it */
        ",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        /* of another curve */
        ",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\"}",
        /* with its private part */
        ",\"epk\":" RFC7518_C_KEY,
        /* a coordinate that is too short */
        ",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxA\","
        "\"y\":\"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck\"}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        const struct dw_str json = dw_arena_printf(arena, "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\"%s}", BAD[i]);
        const struct dw_str header = base64url_encode_arena(arena, json);
        const struct dw_str token =
            dw_arena_printf(arena, "%s..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", header.ptr);
        struct dw_jwe jwe;
        check_err(DW_ERR_JOSE_DECRYPTION, decrypt(es, token, &jwe), BAD[i]);
    }
}

static void kids(void **state)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *named = NULL;
    struct dw_str token;
    struct dw_jwe jwe;

    CHECK_OK(dw_jwe_key_generate(DW_JWE_A256KW, 0, 0, &named));
    CHECK_OK(dw_jwe_encrypt(named, DW_JWE_A256KW, DW_JWE_A256GCM, NULL, DW_STR(PLAIN), arena, &token));
    CHECK_OK(decrypt(named, token, &jwe));
    CHECK_OK(dw_jwe_key_set_id(named, DW_STR("2026")));
    CHECK_ERR(DW_ERR_JOSE_NO_KEY, decrypt(named, token, &jwe)); /* written for the thumbprint's name */
    CHECK_OK(dw_jwe_encrypt(named, DW_JWE_A256KW, DW_JWE_A256GCM, NULL, DW_STR(PLAIN), arena, &token));
    CHECK_OK(decrypt(named, token, &jwe));
    assert_non_null(memmem(jwe.header_json.ptr, jwe.header_json.len, "\"kid\":\"2026\"", 12));
}

static void sizes(void **state)
{
    char *big = dw_arena_alloc(arena, DW_JWE_MAX_BYTES + 2);
    struct dw_str token;
    struct dw_jwe jwe;

    memset(big, 'A', DW_JWE_MAX_BYTES + 1);
    CHECK_ERR(DW_ERR_TOKEN_TOO_LARGE, decrypt(dir, dw_str_n(big, DW_JWE_MAX_BYTES + 1), &jwe));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, decrypt(dir, dw_str_n(big, DW_JWE_MAX_BYTES), &jwe));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, decrypt(dir, DW_STR(""), &jwe));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, decrypt(dir, dw_str(NULL), &jwe));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, decrypt(dir, DW_STR("...."), &jwe));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, decrypt(dir, DW_STR("....."), &jwe));
    CHECK_ERR(DW_ERR_TOKEN_TOO_LARGE, dw_jwe_encrypt(dir, DW_JWE_DIR, DW_JWE_A256GCM, NULL,
                                                     dw_str_n(big, DW_JWE_MAX_BYTES), arena, &token));
    CHECK_OK(dw_jwe_encrypt(dir, DW_JWE_DIR, DW_JWE_A256GCM, NULL, dw_str_n(big, 500000), arena, &token));
    CHECK_OK(decrypt(dir, token, &jwe));
    assert_int_equal(jwe.plaintext.len, 500000);
}

static void misuse(void **state)
{
    struct dw_str token = { 0 };
    struct dw_jwe jwe;

    const struct dw_jwe_header no_text = { .typ = DW_STR("\xff") };
    CHECK_ERR(DW_ERR_ENCODING, dw_jwe_encrypt(dir, DW_JWE_DIR, DW_JWE_A256GCM, &no_text, DW_STR(""), arena, &token));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_encrypt(NULL, DW_JWE_DIR, DW_JWE_A256GCM, NULL, DW_STR(""), arena, &token));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_encrypt(dir, DW_JWE_DIR, DW_JWE_A256GCM, NULL, DW_STR(""), NULL, &token));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_encrypt(dir, DW_JWE_DIR, DW_JWE_A256GCM, NULL, DW_STR(""), arena, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_encrypt(dir, 0, DW_JWE_A256GCM, NULL, DW_STR(""), arena, &token));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_encrypt(dir, DW_JWE_DIR, 99, NULL, DW_STR(""), arena, &token));
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM,
              dw_jwe_encrypt(dir, DW_JWE_A256KW, DW_JWE_A256GCM, NULL, DW_STR(""), arena, &token));
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM,
              dw_jwe_encrypt(dir, DW_JWE_DIR, DW_JWE_A128GCM, NULL, DW_STR(""), arena, &token));
    assert_null(token.ptr);
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_decrypt(NULL, ALGS_ALL, DW_JWE_ENCS_ALL, DW_STR("x"), arena, &jwe));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_decrypt(dir, ALGS_ALL, DW_JWE_ENCS_ALL, DW_STR("x"), NULL, &jwe));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_decrypt(dir, ALGS_ALL, DW_JWE_ENCS_ALL, DW_STR("x"), arena, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_tokens_decrypt),
        cmocka_unit_test(rfc_derivation),
        cmocka_unit_test(every_algorithm_there_and_back),
        cmocka_unit_test(headers),
        cmocka_unit_test(a_key_that_is_not_asked_for_is_refused),
        cmocka_unit_test(every_change_is_refused),
        cmocka_unit_test(failures_look_alike),
        cmocka_unit_test(ephemeral_keys),
        cmocka_unit_test(kids),
        cmocka_unit_test(sizes),
        cmocka_unit_test(misuse),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
