#include "base/encoding.h"
#include "jose/claims.h"
#include "jose/jws.h"

static enum dw_err verify(const struct jws_keys *keys, const struct dw_jwt_rules *rules, struct dw_str token,
                          struct dw_arena *arena, struct dw_claims *ret_claims)
{
    struct jose_header header;
    struct dw_jws jws;

    if (rules == NULL || ret_claims == NULL)
        return DW_ERR_ARGUMENT;
    TRY(jws_open(keys, rules->algs, token, arena, &header, &jws));
    struct dw_claims claims = { .json = jws.payload, .header_json = jws.header_json, .key = jws.key, .alg = jws.alg };
    TRY(claims_read(arena, &claims));
    TRY(claims_check(&claims, header.typ, rules));
    *ret_claims = claims;
    return DW_OK;
}

enum dw_err dw_jwt_verify(const struct dw_keyset *keys, const struct dw_jwt_rules *rules, struct dw_str token,
                          struct dw_arena *arena, struct dw_claims *ret_claims)
{
    return verify(&(struct jws_keys){ .set = keys }, rules, token, arena, ret_claims);
}

enum dw_err dw_jwt_verify_key(const struct dw_key *key, const struct dw_jwt_rules *rules, struct dw_str token,
                              struct dw_arena *arena, struct dw_claims *ret_claims)
{
    return verify(&(struct jws_keys){ .key = key }, rules, token, arena, ret_claims);
}

enum dw_err dw_jwt_decode_unverified(struct dw_str token, struct dw_arena *arena, struct dw_claims *ret_claims)
{
    struct jws_parts parts;
    struct jose_header header;
    struct dw_claims claims = { 0 };

    if (arena == NULL || ret_claims == NULL)
        return DW_ERR_ARGUMENT;
    TRY(jws_split(token, &parts));
    TRY(header_decode(parts.header, arena, &header));
    TRY(jose_decode(parts.payload, arena, &claims.json));
    claims.header_json = header.json;
    claims.alg = header.alg;
    /* A claim of a wrong type is no reason to hide the others from who looks for the fault; no object is one. */
    const enum dw_err err = claims_read(arena, &claims);
    if (claims.parsed == NULL)
        return err == DW_ERR_TOKEN_CLAIM ? DW_ERR_JOSE_MALFORMED : err;
    *ret_claims = claims;
    return DW_OK;
}

/* The claims are ours, but a caller's mistake must not become a token that others read differently. */
static enum dw_err check_object(struct dw_str claims_json, struct dw_arena *arena)
{
    yyjson_val *root = NULL;

    TRY(json_parse(arena, claims_json, JSON_DEPTH_DEFAULT, &root, NULL));
    return yyjson_is_obj(root) ? DW_OK : DW_ERR_JSON;
}

enum { HEADER_MAX_BYTES = 4096 };

enum dw_err dw_jwt_sign(const struct dw_key *key, const char *typ, struct dw_str claims_json, struct dw_arena *arena,
                        struct dw_str *ret_token)
{
    _cleanup_buffer_ struct buffer header = BUFFER_INIT(HEADER_MAX_BYTES);

    if (key == NULL || arena == NULL || ret_token == NULL)
        return DW_ERR_ARGUMENT;
    if (key->alg == DW_ALG_NONE_GIVEN)
        return DW_ERR_JOSE_ALGORITHM;
    TRY(check_object(claims_json, arena));
    buffer_append_char(&header, '{');
    json_write_member_str(&header, "alg", dw_str(dw_alg_name(key->alg)));
    json_write_member_str(&header, "typ", dw_str(typ != NULL ? typ : "JWT"));
    json_write_member_str(&header, "kid", key->kid);
    buffer_append_char(&header, '}');
    TRY(buffer_error(&header));
    return dw_jws_sign(key, buffer_str(&header), claims_json, arena, ret_token);
}
