/* Any bytes as a key: JWK, JWKS and PEM, for signatures and for encryption.
 * What is taken must survive being written and read again. */
#include "base/cleanup.h"
#include <doorward/jose.h>
#include <doorward/jwe.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct dw_key *key, struct dw_arena *arena)
{
    _cleanup_(dw_key_free) struct dw_key *again = NULL;
    struct dw_str json, first, second;

    if (dw_key_public_jwk(key, arena, &json) != DW_OK)
        return;
    if (dw_key_from_jwk(json, DW_ALG_NONE_GIVEN, &again) != DW_OK)
        abort();
    if (dw_key_thumbprint(key, 256, arena, &first) != DW_OK || dw_key_thumbprint(again, 256, arena, &second) != DW_OK)
        return;
    if (!dw_str_eq(first, second))
        abort();
}

/* The same of a key that encrypts; and it is none that signs, once it says what it is for. */
static void check_encrypting(struct dw_str text)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL, *again = NULL;
    _cleanup_(dw_key_free) struct dw_key *signing = NULL;
    _cleanup_secret_ struct dw_secret json = { 0 };

    if (dw_jwe_key_from_jwk(text, DW_JWE_ALG_NONE_GIVEN, &key) != DW_OK || dw_jwe_key_private_jwk(key, &json) != DW_OK)
        return;
    if (dw_jwe_key_from_jwk(dw_secret_borrow(&json), DW_JWE_ALG_NONE_GIVEN, &again) != DW_OK ||
        dw_jwe_key_alg(key) != dw_jwe_key_alg(again) || dw_jwe_key_enc(key) != dw_jwe_key_enc(again))
        abort();
    if (dw_key_from_jwk(dw_secret_borrow(&json), DW_ALG_NONE_GIVEN, &signing) == DW_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(dw_key_free) struct dw_key *jwk = NULL;
    _cleanup_(dw_key_free) struct dw_key *pem = NULL;
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str text = dw_str_n(data, size);

    if (dw_arena_new(1 << 20, &arena) != DW_OK)
        return 0;
    if (dw_key_from_jwk(text, DW_ALG_NONE_GIVEN, &jwk) == DW_OK)
        write_and_read(jwk, arena);
    if (dw_key_from_pem(text, DW_ALG_NONE_GIVEN, &pem) == DW_OK)
        write_and_read(pem, arena);
    (void)(dw_keyset_from_jwks(text, &set) == DW_OK);
    check_encrypting(text);
    return 0;
}
