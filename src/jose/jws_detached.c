/* A compact JWS whose payload goes apart (RFC 7515 appendix F), encoded or not (RFC 7797). */
#include "base/encoding.h"
#include "jose/jws.h"
#include <doorward/jws_json.h>

static enum dw_err verify(const struct jws_keys *keys, dw_alg_set algs, struct dw_str token, struct dw_str payload,
                          struct dw_arena *arena, struct dw_jws *ret_jws)
{
    struct jws_parts parts;
    struct jose_header header;
    struct dw_str input = { 0 };
    struct dw_jws jws = { .payload = payload };

    if (arena == NULL || ret_jws == NULL)
        return DW_ERR_ARGUMENT;
    TRY(jws_split(token, &parts));
    if (parts.payload.len > 0)
        return DW_ERR_JOSE_MALFORMED;
    TRY(header_decode(parts.header, arena, &header));
    if (header.is_critical && !header.is_unencoded)
        return DW_ERR_JOSE_CRITICAL;
    if (header.alg == DW_ALG_NONE_GIVEN || (algs & DW_ALG_BIT(header.alg)) == 0)
        return DW_ERR_JOSE_ALGORITHM;
    TRY(jws_choose_key(keys, header.alg, header.kid, &jws.key));
    TRY(jws_input(parts.header, payload, header.is_unencoded, arena, &input));
    TRY(jws_check_signature(jws.key, header.alg, input, parts.signature));
    jws.alg = header.alg;
    jws.header_json = header.json;
    *ret_jws = jws;
    return DW_OK;
}

enum dw_err dw_jws_verify_detached(const struct dw_keyset *keys, dw_alg_set algs, struct dw_str token,
                                   struct dw_str payload, struct dw_arena *arena, struct dw_jws *ret_jws)
{
    if (keys == NULL)
        return DW_ERR_ARGUMENT;
    return verify(&(struct jws_keys){ .set = keys }, algs, token, payload, arena, ret_jws);
}

enum dw_err dw_jws_verify_detached_key(const struct dw_key *key, dw_alg_set algs, struct dw_str token,
                                       struct dw_str payload, struct dw_arena *arena, struct dw_jws *ret_jws)
{
    if (key == NULL)
        return DW_ERR_ARGUMENT;
    return verify(&(struct jws_keys){ .key = key }, algs, token, payload, arena, ret_jws);
}

enum dw_err dw_jws_sign_detached(const struct dw_key *key, struct dw_str header_json, struct dw_str payload,
                                 struct dw_arena *arena, struct dw_str *ret_token)
{
    struct jose_header header;
    struct dw_str input = { 0 }, signature = { 0 };

    if (key == NULL || arena == NULL || ret_token == NULL)
        return DW_ERR_ARGUMENT;
    TRY(header_parse(header_json, arena, &header));
    TRY(jws_check_signing(key, &header, true));
    const struct dw_str text = base64url_encode_arena(arena, header_json);
    if (dw_str_is_absent(text))
        return DW_ERR_NO_MEMORY;
    TRY(jws_input(text, payload, header.is_unencoded, arena, &input));
    TRY(dw_sign(key, header.alg, input, arena, &signature));
    const struct dw_str encoded = base64url_encode_arena(arena, signature);
    if (dw_str_is_absent(encoded))
        return DW_ERR_NO_MEMORY;
    const struct dw_str token =
        dw_arena_printf(arena, "%.*s..%.*s", (int)text.len, text.ptr, (int)encoded.len, encoded.ptr);
    if (dw_str_is_absent(token))
        return DW_ERR_NO_MEMORY;
    if (token.len > DW_TOKEN_MAX_BYTES) /* nobody would read it */
        return DW_ERR_TOKEN_TOO_LARGE;
    *ret_token = token;
    return DW_OK;
}
