#include "app/auth/auth.h"

#include "app/model.h"

enum { CLAIMS_MAX = DW_TOKEN_MAX_BYTES };

/* Written from the grant and the configuration; a caller's own members must not speak in their place. */
static const char *const RESERVED[] = { "iss", "sub",       "aud",  "exp",    "iat",         "nbf", "jti",
                                        "sid", "client_id", "role", "tenant", "permissions", "type", "scope" };

static bool is_reserved(struct dw_str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(RESERVED); i++)
        if (dw_str_eq(name, dw_str(RESERVED[i])))
            return true;
    return dw_str_eq(name, DW_STR("scopes"));
}

static void member_optional(struct buffer *b, const char *name, struct dw_str value)
{
    if (!dw_str_is_absent(value))
        json_write_member_str(b, name, value);
}

static void times_write(const struct dw_auth *auth, const struct dw_grant *grant, struct buffer *b)
{
    const int64_t now_s = dw_clock_now_s();

    json_write_member_int(b, "iat", now_s);
    json_write_member_int(b, "nbf", now_s);
    json_write_member_int(b, "exp", now_s + (grant->ttl_s == 0 ? auth->config.access_ttl_s : grant->ttl_s));
}

static enum dw_err own_members_write(const struct dw_grant *grant, struct dw_arena *arena, struct buffer *b)
{
    yyjson_val *object = NULL, *name, *value;
    size_t i, n;

    if (grant->claims == NULL)
        return DW_OK;
    TRY(json_parse(arena, dw_str(grant->claims), JSON_DEPTH_DEFAULT, &object, NULL));
    if (!yyjson_is_obj(object))
        return DW_ERR_JSON;
    yyjson_obj_foreach(object, i, n, name, value) {
        if (is_reserved(json_str(name)))
            return DW_ERR_ARGUMENT;
        json_write_comma(b);
        json_write_value(b, name);
        buffer_append_char(b, ':');
        json_write_value(b, value);
    }
    return DW_OK;
}

static enum dw_err claims_write(const struct dw_auth *auth, const struct dw_grant *grant, struct dw_arena *arena,
                                struct buffer *b)
{
    char id[DW_UUID_SIZE];

    dw_uuid7(id);
    buffer_append_char(b, '{');
    member_optional(b, "iss", dw_str(auth->config.issuer));
    member_optional(b, "sub", grant->subject);
    member_optional(b, "aud", dw_str(auth->config.audience));
    times_write(auth, grant, b);
    json_write_member_str(b, "jti", dw_str(id));
    json_write_member_str(b, "type", DW_STR("access"));
    member_optional(b, "sid", grant->session);
    member_optional(b, "client_id", grant->client);
    member_optional(b, "scope", grant->scope);
    member_optional(b, "role", grant->role);
    member_optional(b, "tenant", grant->tenant);
    if (!dw_str_is_absent(grant->permissions)) {
        json_write_key(b, "permissions");
        model_write_words(grant->permissions, b);
    }
    TRY(own_members_write(grant, arena, b));
    buffer_append_char(b, '}');
    return buffer_error(b) == DW_ERR_LIMIT ? DW_ERR_TOKEN_TOO_LARGE : buffer_error(b);
}

enum dw_err dw_auth_token(struct dw_auth *auth, const struct dw_grant *grant, struct dw_arena *arena,
                          struct dw_str *ret_token)
{
    _cleanup_buffer_ struct buffer claims = BUFFER_INIT(CLAIMS_MAX);
    struct dw_str token;

    if (auth == NULL || grant == NULL || arena == NULL || ret_token == NULL || grant->subject.len == 0 ||
        grant->ttl_s < 0)
        return DW_ERR_ARGUMENT;
    if (auth->key == NULL)
        return DW_ERR_KEY_USE;
    TRY(claims_write(auth, grant, arena, &claims));
    TRY(dw_jwt_sign(auth->key, auth->config.type == NULL ? "at+jwt" : auth->config.type, buffer_str(&claims), arena,
                    &token));
    if (token.len > DW_TOKEN_MAX_BYTES) /* nobody would take it */
        return DW_ERR_TOKEN_TOO_LARGE;
    *ret_token = token;
    return DW_OK;
}
