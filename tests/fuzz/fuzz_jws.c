/* Any bytes as a token: verified against keys of each kind, and decoded. */
#include "base/cleanup.h"
#include <doorward/jose.h>
#include <stdlib.h>

static const char KEYS[] =
    "{\"keys\":["
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_keyset *keys;
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_jwt_rules rules = { .algs = DW_ALG_SET_ALL, .now_s = 1300819379 };
    struct dw_str token = dw_str_n(data, size);
    struct dw_claims claims;
    struct dw_jws jws;

    if (keys == NULL && dw_keyset_from_jwks(dw_str(KEYS), &keys) != DW_OK)
        abort();
    if (dw_arena_new(1 << 20, &arena) != DW_OK)
        return 0;
    if (dw_jws_verify(keys, DW_ALG_SET_ALL, token, arena, &jws) == DW_OK && jws.alg == DW_ALG_NONE_GIVEN)
        abort();
    if (dw_jwt_verify(keys, &rules, token, arena, &claims) == DW_OK && claims.expires_s < 0)
        abort(); /* a token without an end of its life must be refused unless the rules allow it */
    (void)(dw_jwt_decode_unverified(token, arena, &claims) == DW_OK);
    return 0;
}
