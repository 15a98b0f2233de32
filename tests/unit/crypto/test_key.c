/* What may become a key: PEM forms, the checks of each component, and the way there and back. */
#include "../check.h"

#include "crypto/key_internal.h"
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/rsa.h>

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

static struct key_parts parts_of(enum key_type type, unsigned bits)
{
    _cleanup_(key_free) struct key *key = NULL;
    struct key_parts parts = { 0 };

    CHECK_OK(key_generate(type, bits, &key));
    CHECK_OK(key_export(key, true, arena, &parts));
    return parts;
}

static void generated_keys_are_of_their_size(void **state)
{
    static const struct {
        enum key_type type;
        unsigned bits, expected;
    } ROWS[] = {
        { KEY_HMAC, 256, 256 }, { KEY_RSA, 2048, 2048 }, { KEY_EC, 256, 256 },
        { KEY_EC, 384, 384 },   { KEY_EC, 521, 521 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(key_free) struct key *key = NULL;
        CHECK_OK(key_generate(ROWS[i].type, ROWS[i].bits, &key));
        assert_int_equal(key_type_of(key), ROWS[i].type);
        assert_int_equal(key_bits(key), ROWS[i].expected);
        assert_true(key_has_private(key));
    }
    struct key *none = NULL;
    CHECK_ERR(DW_ERR_ARGUMENT, key_generate(KEY_RSA, 1024, &none));
    CHECK_ERR(DW_ERR_ARGUMENT, key_generate(KEY_RSA, 16384, &none));
    assert_null(none);
}

static void parts_go_there_and_back(void **state)
{
    static const struct {
        enum key_type type;
        unsigned bits;
    } ROWS[] = { { KEY_HMAC, 512 }, { KEY_RSA, 2048 }, { KEY_EC, 256 }, { KEY_EC, 521 }, { KEY_ED25519, 0 } };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct key_parts parts = parts_of(ROWS[i].type, ROWS[i].bits);
        _cleanup_(key_free) struct key *again = NULL;
        struct key_parts back;
        CHECK_OK(key_import(&parts, &again));
        CHECK_OK(key_export(again, true, arena, &back));
        check_str(parts.n, back.n, "n");
        check_str(parts.x, back.x, "x");
        check_str(parts.d, back.d, "d");
        check_str(parts.qi, back.qi, "qi");
        check_str(parts.k, back.k, "k");
        CHECK_OK(key_export(again, false, arena, &back));
        assert_true(dw_str_is_absent(back.d) && dw_str_is_absent(back.k) && dw_str_is_absent(back.p));
    }
}

/* --- what is refused --- */

static void check_import(enum dw_err expected, const struct key_parts *parts, const char *label)
{
    struct key *key = NULL;

    check_err(expected, key_import(parts, &key), label);
    key_free(&key);
}

static struct dw_str changed(struct dw_str bytes, size_t at)
{
    const struct dw_str copy = dw_arena_copy(arena, bytes);

    ((char *)copy.ptr)[at] ^= 2;
    return copy;
}

static struct dw_str with_zero(struct dw_str bytes)
{
    char *longer = dw_arena_alloc(arena, bytes.len + 1);

    memcpy(longer + 1, bytes.ptr, bytes.len);
    return dw_str_n(longer, bytes.len + 1);
}

static void rsa_refusals(void **state)
{
    const struct key_parts good = parts_of(KEY_RSA, 2048);
    const size_t offsets[] = { offsetof(struct key_parts, d),  offsetof(struct key_parts, p),
                               offsetof(struct key_parts, q),  offsetof(struct key_parts, dp),
                               offsetof(struct key_parts, dq), offsetof(struct key_parts, qi) };

    check_import(DW_OK, &good, "as it was");
    for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
        struct key_parts bad = good;
        struct dw_str *part = key_part(&bad, offsets[i]);
        *part = changed(*part, part->len / 2);
        check_import(DW_ERR_KEY_MALFORMED, &bad, "a changed private component");
        *part = with_zero(key_part_value(&good, offsets[i]));
        check_import(DW_ERR_KEY_MALFORMED, &bad, "a leading zero");
        *part = dw_str_n(NULL, 0);
        if (i > 0)
            check_import(DW_ERR_KEY_MALFORMED, &bad, "some of p to qi");
    }
    struct key_parts bad = good;
    bad.e = DW_STR("\x01");
    check_import(DW_ERR_KEY_TOO_WEAK, &bad, "e = 1");
    bad.e = DW_STR("\x02");
    check_import(DW_ERR_KEY_MALFORMED, &bad, "e = 2");
    bad.e = DW_STR("\x01\x00\x00\x00\x00\x00\x00\x00\x01");
    check_import(DW_ERR_KEY_MALFORMED, &bad, "e over 64 bits");
    bad.e = dw_str_n(NULL, 0);
    check_import(DW_ERR_KEY_MALFORMED, &bad, "no e");
    bad = (struct key_parts){ .type = KEY_RSA, .n = dw_str_n(good.n.ptr, 128), .e = good.e };
    ((char *)bad.n.ptr)[127] |= 1;
    check_import(DW_ERR_KEY_TOO_WEAK, &bad, "1024 bits");
}

static void rsa_without_primes(void **state)
{
    const struct key_parts good = parts_of(KEY_RSA, 2048);
    struct key_parts short_form = { .type = KEY_RSA, .n = good.n, .e = good.e, .d = good.d };

    check_import(DW_OK, &short_form, "n, e, d");
    short_form.d = changed(good.d, 8);
    check_import(DW_ERR_KEY_MALFORMED, &short_form, "n, e, another d");
}

static void ec_refusals(void **state)
{
    const struct key_parts good = parts_of(KEY_EC, 256), other = parts_of(KEY_EC, 256);
    struct key_parts bad = good;

    bad.y = changed(good.y, 31);
    check_import(DW_ERR_KEY_MALFORMED, &bad, "off the curve");
    bad = good;
    bad.d = other.d;
    check_import(DW_ERR_KEY_MALFORMED, &bad, "another key's d");
    bad.d = dw_str_n(good.d.ptr, 31);
    check_import(DW_ERR_KEY_MALFORMED, &bad, "d too short");
    bad.d = DW_STR("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    check_import(DW_ERR_KEY_MALFORMED, &bad, "d = 0");
    bad = good;
    bad.x = with_zero(good.x);
    check_import(DW_ERR_KEY_MALFORMED, &bad, "x too long");
    bad = good;
    bad.curve_bits = 384;
    check_import(DW_ERR_KEY_MALFORMED, &bad, "another curve");
    bad.curve_bits = 224;
    check_import(DW_ERR_KEY_TYPE, &bad, "no curve of ours");
}

static void ed25519_refusals(void **state)
{
    const struct key_parts good = parts_of(KEY_ED25519, 0), other = parts_of(KEY_ED25519, 0);
    struct key_parts bad = good;

    bad.d = other.d;
    check_import(DW_ERR_KEY_MALFORMED, &bad, "another key's d");
    bad.d = dw_str_n(good.d.ptr, 31);
    check_import(DW_ERR_KEY_MALFORMED, &bad, "d too short");
    bad = good;
    bad.x = with_zero(good.x);
    check_import(DW_ERR_KEY_MALFORMED, &bad, "x too long");
}

static void hmac_refusals(void **state)
{
    check_import(DW_ERR_KEY_TOO_WEAK, &(struct key_parts){ .type = KEY_HMAC }, "none");
    check_import(DW_ERR_KEY_TOO_WEAK, &(struct key_parts){ .type = KEY_HMAC, .k = DW_STR("") }, "empty");
    check_import(DW_ERR_KEY_MALFORMED,
                 &(struct key_parts){ .type = KEY_HMAC, .k = dw_str_n(dw_arena_alloc(arena, 5000), 5000) }, "huge");
}

/* --- PEM --- */

static struct dw_str pem_write(EVP_PKEY *pkey, int selection, const char *structure, const char *cipher)
{
    unsigned char *text = NULL;
    size_t size = 0;
    OSSL_ENCODER_CTX *encoder = OSSL_ENCODER_CTX_new_for_pkey(pkey, selection, "PEM", structure, NULL);

    assert_non_null(encoder);
    if (cipher != NULL) {
        assert_int_equal(OSSL_ENCODER_CTX_set_cipher(encoder, cipher, NULL), 1);
        assert_int_equal(OSSL_ENCODER_CTX_set_passphrase(encoder, (const unsigned char *)"x", 1), 1);
    }
    assert_int_equal(OSSL_ENCODER_to_data(encoder, &text, &size), 1);
    const struct dw_str pem = dw_arena_copy(arena, dw_str_n(text, size));
    OPENSSL_free(text);
    OSSL_ENCODER_CTX_free(encoder);
    return pem;
}

static void check_pem(enum dw_err expected, struct dw_str pem, enum key_type type, bool is_private, const char *label)
{
    _cleanup_(key_free) struct key *key = NULL;

    check_err(expected, key_import_pem(pem, &key), label);
    if (expected != DW_OK)
        return;
    assert_int_equal(key_type_of(key), type);
    assert_int_equal(key_has_private(key), is_private);
}

static void pem_forms(void **state)
{
    _cleanup_pkey_ EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-384"),
                            *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
                            *x = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    const int both = EVP_PKEY_KEYPAIR, public = EVP_PKEY_PUBLIC_KEY;

    check_pem(DW_OK, pem_write(rsa, both, "PrivateKeyInfo", NULL), KEY_RSA, true, "RSA PKCS#8");
    check_pem(DW_OK, pem_write(rsa, both, "type-specific", NULL), KEY_RSA, true, "RSA PKCS#1");
    check_pem(DW_OK, pem_write(rsa, public, "SubjectPublicKeyInfo", NULL), KEY_RSA, false, "RSA SPKI");
    check_pem(DW_OK, pem_write(rsa, public, "type-specific", NULL), KEY_RSA, false, "RSA PKCS#1 public");
    check_pem(DW_OK, pem_write(ec, both, "PrivateKeyInfo", NULL), KEY_EC, true, "EC PKCS#8");
    check_pem(DW_OK, pem_write(ec, both, "type-specific", NULL), KEY_EC, true, "EC SEC1");
    check_pem(DW_OK, pem_write(ec, public, "SubjectPublicKeyInfo", NULL), KEY_EC, false, "EC SPKI");
    check_pem(DW_OK, pem_write(ed, both, "PrivateKeyInfo", NULL), KEY_ED25519, true, "Ed25519 PKCS#8");
    check_pem(DW_OK, pem_write(ed, public, "SubjectPublicKeyInfo", NULL), KEY_ED25519, false, "Ed25519 SPKI");
    check_pem(DW_OK, pem_write(x, both, "PrivateKeyInfo", NULL), KEY_X25519, true, "X25519 PKCS#8");
    const struct dw_str sec1 = pem_write(ec, both, "type-specific", NULL);
    check_pem(DW_OK,
              dw_arena_printf(arena, "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n%.*s",
                              (int)sec1.len, sec1.ptr),
              KEY_EC, true, "EC SEC1 behind its parameters");
}

static void pem_refusals(void **state)
{
    _cleanup_pkey_ EVP_PKEY *small = EVP_RSA_gen(1024), *ec = EVP_EC_gen("P-256"), *k1 = EVP_EC_gen("secp256k1"),
                            *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    const int both = EVP_PKEY_KEYPAIR;

    check_pem(DW_ERR_KEY_TOO_WEAK, pem_write(small, both, "PrivateKeyInfo", NULL), 0, false, "RSA 1024");
    check_pem(DW_ERR_KEY_TYPE, pem_write(k1, both, "PrivateKeyInfo", NULL), 0, false, "secp256k1");
    check_pem(DW_ERR_KEY_TYPE, pem_write(ed448, both, "PrivateKeyInfo", NULL), 0, false, "Ed448");
    check_pem(DW_ERR_KEY_MALFORMED, pem_write(ec, both, "PrivateKeyInfo", "AES-256-CBC"), 0, false, "encrypted");
    const struct dw_str whole = pem_write(ec, both, "PrivateKeyInfo", NULL);
    check_pem(DW_ERR_KEY_MALFORMED, dw_str_n(whole.ptr, whole.len / 2), 0, false, "cut");
    check_pem(DW_ERR_KEY_MALFORMED, DW_STR(""), 0, false, "empty");
    check_pem(DW_ERR_KEY_MALFORMED, DW_STR("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"), 0, false,
              "certificate");
    assert_int_equal(EVP_PKEY_set_utf8_string_param(ec, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_EXPLICIT),
                     1);
    check_pem(DW_ERR_KEY_TYPE, pem_write(ec, both, "PrivateKeyInfo", NULL), 0, false, "explicit parameters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_keys_are_of_their_size),
        cmocka_unit_test(parts_go_there_and_back),
        cmocka_unit_test(rsa_refusals),
        cmocka_unit_test(rsa_without_primes),
        cmocka_unit_test(ec_refusals),
        cmocka_unit_test(ed25519_refusals),
        cmocka_unit_test(hmac_refusals),
        cmocka_unit_test(pem_forms),
        cmocka_unit_test(pem_refusals),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
