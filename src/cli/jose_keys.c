#include "cli/jose_keys.h"
#include "base/json.h"

void jose_keys_free(struct jose_keys *keys)
{
    dw_key_free(&keys->key);
    dw_keyset_free(&keys->set);
}

static bool is_set(struct dw_str text, struct dw_arena *scratch)
{
    yyjson_val *root = NULL;

    return json_parse(scratch, text, JSON_DEPTH_DEFAULT, &root, NULL) == DW_OK && json_get(root, "keys") != NULL;
}

enum dw_err jose_keys_parse(struct dw_str text, enum dw_alg alg, struct jose_keys *ret_keys)
{
    _cleanup_arena_ struct dw_arena *scratch = NULL;

    if (text.len > 0 && text.ptr[0] != '{')
        return dw_key_from_pem(text, alg, &ret_keys->key);
    TRY(dw_arena_new(16 * text.len + 64 * 1024, &scratch));
    return is_set(text, scratch) ? dw_keyset_from_jwks(text, &ret_keys->set)
                                 : dw_key_from_jwk(text, alg, &ret_keys->key);
}

enum dw_err jose_keys_verify_jwt(const struct jose_keys *keys, const struct dw_jwt_rules *rules, struct dw_str token,
                                 struct dw_arena *arena, struct dw_claims *ret_claims)
{
    return keys->set != NULL ? dw_jwt_verify(keys->set, rules, token, arena, ret_claims)
                             : dw_jwt_verify_key(keys->key, rules, token, arena, ret_claims);
}
