#include "identity/refresh_token.h"

#include "base/encoding.h"
#include "base/json.h"
#include "crypto/hash.h"

#define REFRESH_TOKEN_TYP "rt+jwt"

enum dw_err refresh_token_issue(struct identity *identity, const struct refresh_claims *claims, struct dw_arena *arena,
                                struct dw_str *ret_token)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(2048);

    buffer_append_char(&b, '{');
    json_write_member_str(&b, "iss", dw_str(identity->config.issuer));
    json_write_member_str(&b, "sub", claims->subject);
    json_write_member_int(&b, "exp", claims->expires_s);
    json_write_member_int(&b, "iat", claims->issued_s);
    json_write_member_str(&b, "jti", claims->id);
    json_write_member_str(&b, "type", DW_STR("refresh"));
    json_write_member_str(&b, "family", claims->family);
    buffer_append_char(&b, '}');
    TRY(buffer_error(&b));
    return dw_jwt_sign(identity->keys.refresh, REFRESH_TOKEN_TYP, buffer_str(&b), arena, ret_token);
}

enum dw_err refresh_token_read(struct identity *identity, struct dw_str token, struct dw_arena *arena,
                               struct refresh_claims *ret_claims)
{
    const struct dw_jwt_rules rules = {
        .algs = DW_ALG_BIT(DW_ALG_HS256),
        .issuer = dw_str(identity->config.issuer),
        .type = DW_STR(REFRESH_TOKEN_TYP),
    };
    struct dw_claims claims;

    if (dw_jwt_verify_key(identity->keys.refresh, &rules, token, arena, &claims) != DW_OK)
        return DW_ERR_REFRESH_INVALID;
    const struct refresh_claims result = {
        .id = claims.id,
        .family = dw_claim_str(&claims, "family"),
        .subject = claims.subject,
        .issued_s = claims.issued_s,
        .expires_s = claims.expires_s,
    };

    if (!result.id.ptr || !result.family.ptr || !result.subject.ptr ||
        !dw_str_eq(dw_claim_str(&claims, "type"), DW_STR("refresh")))
        return DW_ERR_REFRESH_INVALID;
    *ret_claims = result;
    return DW_OK;
}

static enum dw_err id_of_bytes(const unsigned char *bytes, struct dw_arena *arena, struct dw_str *ret_id)
{
    const struct dw_str id = base64url_encode_arena(arena, dw_str_n(bytes, SHA256_SIZE));

    if (id.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_id = id;
    return DW_OK;
}

enum dw_err refresh_token_first_id(struct dw_arena *arena, struct dw_str *ret_id)
{
    unsigned char bytes[SHA256_SIZE];

    dw_random(bytes, sizeof(bytes));
    return id_of_bytes(bytes, arena, ret_id);
}

enum dw_err refresh_token_next_id(struct identity *identity, struct dw_str id, struct dw_arena *arena,
                                  struct dw_str *ret_id)
{
    unsigned char mac[SHA256_SIZE];

    TRY(hmac_sha256(&identity->keys.successor, id, mac));
    return id_of_bytes(mac, arena, ret_id);
}

enum dw_err refresh_token_hash(struct dw_str id, struct dw_arena *arena, struct dw_str *ret_hash)
{
    unsigned char digest[SHA256_SIZE];

    TRY(hash_sha256(id, digest));
    return id_of_bytes(digest, arena, ret_hash);
}
