#include "jose/keyset.h"
#include "base/json.h"

enum { KEYS_MAX = 256 };

enum dw_err dw_keyset_new(struct dw_keyset **ret_set)
{
    if (ret_set == NULL)
        return DW_ERR_ARGUMENT;
    struct dw_keyset *set = calloc(1, sizeof *set);

    if (set == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_set = set;
    return DW_OK;
}

void dw_keyset_free(struct dw_keyset **set)
{
    if (set == NULL || *set == NULL)
        return;
    for (size_t i = 0; i < (*set)->size; i++)
        dw_key_free(&(*set)->keys[i]);
    free((*set)->keys);
    free(*set);
    *set = NULL;
}

enum dw_err dw_keyset_take(struct dw_keyset *set, struct dw_key *key)
{
    _cleanup_(dw_key_free) struct dw_key *taken = key;

    if (set == NULL || taken == NULL)
        return DW_ERR_ARGUMENT;
    if (dw_keyset_find(set, taken->kid) != NULL)
        return DW_ERR_CONFLICT;
    if (set->size == KEYS_MAX)
        return DW_ERR_LIMIT;
    struct dw_key **grown = reallocarray(set->keys, set->size + 1, sizeof(struct dw_key *));
    if (grown == NULL)
        return DW_ERR_NO_MEMORY;
    set->keys = grown;
    const bool is_symmetric = dw_key_type(taken) == DW_KTY_OCT;
    if (set->size > 0 && is_symmetric != (dw_key_type(set->keys[0]) == DW_KTY_OCT))
        set->is_mixed = true;
    set->keys[set->size++] = TAKE_PTR(taken);
    return DW_OK;
}

/* RFC 7517 §5: members that are not understood are passed over. What is broken or weak is not. */
static enum dw_err take_member(struct dw_keyset *set, yyjson_val *jwk)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_key *key = NULL;

    TRY(dw_arena_new(JWK_ARENA_BYTES, &arena));
    const enum dw_err err = jwk_import(jwk, DW_ALG_NONE_GIVEN, arena, &key);
    if (err == DW_ERR_UNSUPPORTED || err == DW_ERR_KEY_USE)
        return DW_OK;
    TRY(err);
    return dw_keyset_take(set, key);
}

enum dw_err dw_keyset_from_jwks(struct dw_str json, struct dw_keyset **ret_set)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;
    yyjson_val *root = NULL, *jwk;
    size_t i, n;

    if (ret_set == NULL)
        return DW_ERR_ARGUMENT;
    if (json.len > JWKS_MAX_BYTES)
        return DW_ERR_KEY_MALFORMED;
    TRY(dw_arena_new(16 * (size_t)JWKS_MAX_BYTES, &arena));
    const enum dw_err err = json_parse(arena, json, JSON_DEPTH_DEFAULT, &root, NULL);
    if (err != DW_OK)
        return err == DW_ERR_NO_MEMORY ? err : DW_ERR_KEY_MALFORMED;
    yyjson_val *keys = json_get(root, "keys");
    if (!yyjson_is_arr(keys) || yyjson_arr_size(keys) > KEYS_MAX)
        return DW_ERR_KEY_MALFORMED;
    TRY(dw_keyset_new(&set));
    yyjson_arr_foreach(keys, i, n, jwk)
        TRY(take_member(set, jwk));
    *ret_set = TAKE_PTR(set);
    return DW_OK;
}

size_t dw_keyset_size(const struct dw_keyset *set)
{
    return set == NULL ? 0 : set->size;
}

const struct dw_key *dw_keyset_at(const struct dw_keyset *set, size_t index)
{
    return set != NULL && index < set->size ? set->keys[index] : NULL;
}

const struct dw_key *dw_keyset_find(const struct dw_keyset *set, struct dw_str kid)
{
    for (size_t i = 0; set != NULL && i < set->size; i++)
        if (dw_str_eq(set->keys[i]->kid, kid))
            return set->keys[i];
    return NULL;
}

enum dw_err keyset_choose(const struct dw_keyset *set, enum dw_alg alg, struct dw_str kid,
                          const struct dw_key **ret_key)
{
    const struct dw_key *chosen = NULL;

    if (!dw_str_is_absent(kid)) {
        chosen = dw_keyset_find(set, kid);
    } else {
        for (size_t i = 0; i < set->size; i++) {
            if (!jose_key_allows(set->keys[i], alg))
                continue;
            if (chosen != NULL)
                return DW_ERR_JOSE_NO_KEY;
            chosen = set->keys[i];
        }
    }
    if (chosen == NULL)
        return DW_ERR_JOSE_NO_KEY;
    *ret_key = chosen;
    return DW_OK;
}

enum dw_err dw_keyset_public_jwks(const struct dw_keyset *set, struct dw_arena *arena, struct dw_str *ret_json)
{
    _cleanup_buffer_ struct buffer out = BUFFER_INIT(JWKS_MAX_BYTES);

    if (set == NULL || arena == NULL || ret_json == NULL)
        return DW_ERR_ARGUMENT;
    buffer_append_literal(&out, "{\"keys\":[");
    for (size_t i = 0; i < set->size; i++) {
        struct dw_str jwk = { 0 };
        if (dw_key_type(set->keys[i]) == DW_KTY_OCT)
            continue;
        TRY(dw_key_public_jwk(set->keys[i], arena, &jwk));
        json_write_comma(&out);
        buffer_append(&out, jwk);
    }
    buffer_append_literal(&out, "]}");
    TRY(buffer_error(&out));
    const struct dw_str json = dw_arena_copy(arena, buffer_str(&out));
    if (dw_str_is_absent(json))
        return DW_ERR_NO_MEMORY;
    *ret_json = json;
    return DW_OK;
}
