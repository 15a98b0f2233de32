#include "identity/access_token.h"

#include "base/json.h"
#include "base/log.h"
#include "identity/signing_key.h"
#include "jose/claims.h"

/* RFC 9068 §2.2.1, in the words of RFC 8176 §2. */
static void write_authentication(struct buffer *b, const struct access_grant *grant)
{
    json_write_member_int(b, "auth_time", grant->authenticated_s);
    json_write_key(b, "amr");
    buffer_append(b, grant->mfa_s > 0 ? DW_STR("[\"pwd\",\"otp\",\"mfa\"]") : DW_STR("[\"pwd\"]"));
}

static void write_claims(struct buffer *b, const struct identity *identity, const struct access_grant *grant,
                         const char *token_id)
{
    buffer_append_char(b, '{');
    json_write_member_str(b, "iss", dw_str(identity->config.issuer));
    json_write_member_str(b, "sub", grant->user->id);
    json_write_member_str(b, "aud", dw_str(identity->config.audience));
    json_write_member_int(b, "exp", grant->now_s + identity->config.access_ttl_s);
    json_write_member_int(b, "iat", grant->now_s);
    json_write_member_int(b, "nbf", grant->now_s);
    json_write_member_str(b, "jti", dw_str(token_id));
    json_write_member_str(b, "client_id", grant->client);
    json_write_member_str(b, "scope", grant->scope);
    if (grant->is_narrowed)
        json_write_member_int(b, "narrowed", 1);
    json_write_member_str(b, "type", DW_STR("access"));
    json_write_member_str(b, "role", grant->user->role);
    json_write_key(b, "permissions");
    buffer_append_char(b, '[');
    for (struct dw_str rest = grant->user->permissions; rest.len > 0;) {
        const char *space = memchr(rest.ptr, ' ', rest.len);
        const size_t len = space ? (size_t)(space - rest.ptr) : rest.len;

        json_write_comma(b);
        json_write_str(b, dw_str_n(rest.ptr, len));
        rest = space ? dw_str_n(space + 1, rest.len - len - 1) : dw_str_n(NULL, 0);
    }
    buffer_append_char(b, ']');
    json_write_member_str(b, "tenant", grant->user->tenant);
    json_write_member_str(b, "sid", grant->session);
    json_write_member_int(b, "ver", grant->user->token_version);
    write_authentication(b, grant);
    buffer_append_char(b, '}');
}

enum dw_err access_token_issue(struct identity *identity, const struct access_grant *grant, struct dw_arena *arena,
                               struct dw_str *ret_token)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(DW_TOKEN_MAX_BYTES);
    char token_id[DW_UUID_SIZE];
    struct dw_str token;

    /* A node that was away must not sign with a key of then. */
    if (!identity_is_fresh(identity))
        TRY(grant->never_waits ? DW_ERR_WOULD_BLOCK : signing_key_catch_up(identity));
    dw_uuid7(token_id);
    write_claims(&b, identity, grant, token_id);
    TRY(buffer_error(&b));
    TRY(dw_jwt_sign(signing_key_active(identity), ACCESS_TOKEN_TYP, buffer_str(&b), arena, &token));
    if (token.len > DW_TOKEN_WARN_BYTES)
        log_event(LOG_DEBUG, "large_token", LOG_STR("subject", grant->user->id), LOG_INT("bytes", (int64_t)token.len));
    *ret_token = token;
    return DW_OK;
}

enum dw_err access_token_verify(struct identity *identity, struct dw_str token, struct dw_arena *arena,
                                struct access_claims *ret_claims)
{
    const struct dw_jwt_rules rules = {
        .algs = DW_ALG_SET_ALL,
        .leeway_s = ACCESS_TOKEN_LEEWAY_S,
        .issuer = dw_str(identity->config.issuer),
        .audience = dw_str(identity->config.audience),
        .type = DW_STR(ACCESS_TOKEN_TYP),
    };
    struct dw_claims claims;

    TRY(dw_jwt_verify(signing_key_set(identity), &rules, token, arena, &claims));
    if (!dw_str_eq(dw_claim_str(&claims, "type"), DW_STR("access")))
        return DW_ERR_TOKEN_TYPE;
    if (claims.issued_s < 0)
        return DW_ERR_TOKEN_CLAIM;
    const struct access_claims result = {
        .subject = claims.subject,
        .token_id = claims.id,
        .session = dw_claim_str(&claims, "sid"),
        .client = dw_claim_str(&claims, "client_id"),
        .scope = dw_claim_str(&claims, "scope"),
        .tenant = dw_claim_str(&claims, "tenant"),
        .is_narrowed = dw_claim_int(&claims, "narrowed", 0) != 0,
        /* Of a lifetime that was longer when the token was made: a denial is kept for the present one. */
        .expires_s = MIN_OF(claims.expires_s, claims.issued_s + identity->config.access_ttl_s),
        .not_before_s = claims.not_before_s - ACCESS_TOKEN_LEEWAY_S,
        .version = dw_claim_int(&claims, "ver", -1),
        .authenticated_s = claims_authenticated_s(&claims),
        .mfa_s = claims_mfa_s(&claims),
    };

    if (!result.subject.ptr || !result.token_id.ptr || !result.session.ptr || !result.client.ptr ||
        !result.scope.ptr || !result.tenant.ptr || result.version < 0)
        return DW_ERR_TOKEN_CLAIM;
    *ret_claims = result;
    return DW_OK;
}
