#include "app/application.h"
#include "app/auth/auth.h"
#include "jose/claims.h"

/* --- the token alone -------------------------------------------------------------------------------------------- */

/* Without a type of one's own: what says nothing of its purpose, or the right one (RFC 9068 §4). Others are made for
 * something else by the same key (RFC 8725 §3.11): "logout+jwt", "dpop+jwt", "refresh+jwt". */
static bool type_is_fine(const struct dw_claims *claims, struct dw_arena *arena)
{
    static const struct dw_str FINE[] = { DW_STR_INIT("JWT"), DW_STR_INIT("at+jwt"),
                                          DW_STR_INIT("application/at+jwt") };
    yyjson_val *header = NULL;

    if (json_parse(arena, claims->header_json, JSON_DEPTH_DEFAULT, &header, NULL) != DW_OK)
        return false;
    const struct dw_str type = json_get_str(header, "typ");
    for (size_t i = 0; i < ARRAY_SIZE(FINE); i++)
        if (dw_str_eq_nocase(type, FINE[i]))
            return true;
    return dw_str_is_absent(type);
}

static bool purpose_is_access(const struct dw_claims *claims)
{
    const struct dw_str purpose = dw_claim_str(claims, "type");

    return dw_str_is_absent(purpose) || dw_str_eq(purpose, DW_STR("access"));
}

static enum dw_err by_source(struct dw_auth *auth, bool may_wait, struct dw_str token, struct dw_arena *arena,
                             struct dw_claims *ret_claims)
{
    struct auth_ring *ring = NULL, *newer = NULL;

    TRY(auth_ring_hold(auth, may_wait, &ring));
    enum dw_err err = dw_jwt_verify(ring->set, &auth->rules, token, arena, ret_claims);
    if (err == DW_ERR_JOSE_NO_KEY) {
        err = auth_ring_renew(auth, ring, may_wait, &newer);
        if (err == DW_OK)
            err = dw_jwt_verify(newer->set, &auth->rules, token, arena, ret_claims);
    }
    auth_ring_drop(auth, newer);
    auth_ring_drop(auth, ring);
    return err;
}

enum dw_err auth_token_verify(struct dw_auth *auth, bool may_wait, struct dw_str token, struct dw_arena *arena,
                              struct dw_claims *ret_claims)
{
    struct dw_claims claims = { 0 };

    if (auth->has_source)
        TRY(by_source(auth, may_wait, token, arena, &claims));
    else if (auth->key != NULL)
        TRY(dw_jwt_verify_key(auth->key, &auth->rules, token, arena, &claims));
    else
        TRY(dw_jwt_verify(auth->config.keys, &auth->rules, token, arena, &claims));
    claims.key = NULL; /* it may be gone before the claims are */
    if ((auth->config.type == NULL && !type_is_fine(&claims, arena)) || !purpose_is_access(&claims))
        return DW_ERR_TOKEN_TYPE;
    *ret_claims = claims;
    return DW_OK;
}

enum dw_err dw_auth_verify(struct dw_auth *auth, struct dw_str token, struct dw_arena *arena,
                           struct dw_claims *ret_claims)
{
    if (auth == NULL || token.ptr == NULL || arena == NULL || ret_claims == NULL)
        return DW_ERR_ARGUMENT;
    return auth_token_verify(auth, true, token, arena, ret_claims);
}

/* --- words in a token ------------------------------------------------------------------------------------------- */

/* A claim of several words: one string (RFC 8693 §4.2) or a list of strings, joined. Absent when it is not there; what
 * is neither is refused, as a guess could grant too much. */
static enum dw_err words_of(const struct dw_claims *claims, const char *name, struct dw_arena *arena,
                            struct dw_str *ret_words)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(DW_TOKEN_MAX_BYTES);
    yyjson_val *value = json_get((yyjson_val *)(uintptr_t)claims->parsed, name), *item;
    size_t i, n;

    *ret_words = json_str(value);
    if (value == NULL || yyjson_is_null(value) || yyjson_is_str(value))
        return DW_OK;
    if (!yyjson_is_arr(value))
        return DW_ERR_TOKEN_CLAIM;
    yyjson_arr_foreach(value, i, n, item) {
        if (!yyjson_is_str(item))
            return DW_ERR_TOKEN_CLAIM;
        if (i > 0)
            buffer_append_char(&b, ' ');
        buffer_append(&b, json_str(item));
    }
    TRY(buffer_error(&b));
    *ret_words = b.len == 0 ? DW_STR("") : dw_arena_copy(arena, buffer_str(&b));
    return dw_str_is_absent(*ret_words) ? DW_ERR_NO_MEMORY : DW_OK;
}

/* What the token was granted. One without such a claim is as wide as the user's permissions. */
static enum dw_err scope_of(const struct dw_claims *claims, struct dw_str permissions, struct dw_arena *arena,
                            struct dw_str *ret_scope)
{
    TRY(words_of(claims, "scope", arena, ret_scope));
    if (dw_str_is_absent(*ret_scope))
        TRY(words_of(claims, "scopes", arena, ret_scope));
    if (dw_str_is_absent(*ret_scope))
        *ret_scope = permissions;
    return DW_OK;
}

/* --- the user --------------------------------------------------------------------------------------------------- */

static enum dw_err revocation_check(const struct dw_auth *auth, struct dw_request *r, const struct dw_claims *claims)
{
    bool is_revoked = true;

    if (auth->config.is_revoked == NULL)
        return DW_OK;
    TRY(auth->config.is_revoked(r, claims, &is_revoked));
    return is_revoked ? DW_ERR_TOKEN_REVOKED : DW_OK;
}

static enum dw_err user_find(const struct dw_auth *auth, struct dw_request *r, const struct dw_claims *claims,
                             struct dw_user *ret_user)
{
    const struct dw_auth_config *config = &auth->config;
    dw_find_user *const find = config->find_user_by_id != NULL ? config->find_user_by_id : config->find_user;
    const enum dw_err err = find(r, claims->subject, ret_user);

    if (err == DW_ERR_NOT_FOUND)
        return DW_ERR_USER_GONE;
    TRY(err);
    if (ret_user->tokens_since_s > 0 && claims->issued_s < ret_user->tokens_since_s)
        return DW_ERR_TOKEN_SUPERSEDED;
    return ret_user->is_inactive ? DW_ERR_USER_INACTIVE : DW_OK;
}

/* The token's word, where the program keeps no users. */
static enum dw_err user_believe(const struct dw_claims *claims, struct dw_arena *arena, struct dw_user *ret_user)
{
    *ret_user = (struct dw_user){
        .username = dw_claim_str(claims, "username"),
        .role = dw_claim_str(claims, "role"),
        .tenant = dw_claim_str(claims, "tenant"),
    };
    return words_of(claims, "permissions", arena, &ret_user->permissions);
}

static enum dw_err principal_make(const struct dw_auth *auth, struct dw_request *r, const struct dw_claims *claims,
                                  struct dw_principal *ret_principal)
{
    const bool has_users = auth->config.find_user != NULL || auth->config.find_user_by_id != NULL;
    struct dw_user user = { 0 };
    struct dw_str scope;

    TRY(revocation_check(auth, r, claims));
    if (has_users)
        TRY(user_find(auth, r, claims, &user));
    else
        TRY(user_believe(claims, r->arena, &user));
    TRY(scope_of(claims, user.permissions, r->arena, &scope));
    *ret_principal = (struct dw_principal){
        .subject = claims->subject,
        .username = user.username,
        .tenant = user.tenant,
        .role = user.role,
        .permissions = user.permissions,
        .scope = scope,
        .session = dw_claim_str(claims, "sid"),
        .token_id = claims->id,
        .client = dw_claim_str(claims, "client_id"),
        .expires_s = claims->expires_s,
        .authenticated_s = claims_authenticated_s(claims),
        .mfa_s = claims_mfa_s(claims),
        .user = user.record,
    };
    return DW_OK;
}

/* Verified once a request, also when it moves from the loop to a worker after that. */
static enum dw_err claims_get(struct dw_auth *auth, struct dw_request *r, struct dw_str token,
                              const struct dw_claims **ret_claims)
{
    struct app_state *s = app_state(r);

    if (s->claims_auth == auth && dw_str_eq(s->claims_token, token)) {
        *ret_claims = s->claims;
        return DW_OK;
    }
    struct dw_claims *claims = dw_arena_alloc(r->arena, sizeof(*claims));
    if (claims == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(auth_token_verify(auth, r->may_block, token, r->arena, claims));
    /* A name that ends early for who reads it as a C string is another name. */
    if (claims->subject.len == 0 || memchr(claims->subject.ptr, '\0', claims->subject.len) != NULL)
        return DW_ERR_TOKEN_CLAIM;
    s->claims = claims;
    s->claims_auth = auth;
    s->claims_token = token;
    *ret_claims = claims;
    return DW_OK;
}

enum dw_err dw_auth_authenticate(struct dw_auth *auth, struct dw_request *r, struct dw_str token,
                                 struct dw_principal *ret_principal)
{
    const struct dw_claims *claims = NULL;

    if (auth == NULL || r == NULL || r->state == NULL || token.ptr == NULL || ret_principal == NULL)
        return DW_ERR_ARGUMENT;
    const struct dw_auth_config *config = &auth->config;
    TRY(claims_get(auth, r, token, &claims));
    const bool may_wait =
        config->is_revoked != NULL || config->find_user != NULL || config->find_user_by_id != NULL;
    if (may_wait && !config->never_waits && !r->may_block)
        return DW_ERR_WOULD_BLOCK;
    return principal_make(auth, r, claims, ret_principal);
}

/* --- in an application ------------------------------------------------------------------------------------------ */

enum dw_err auth_authenticate(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
                              struct dw_principal *ret_principal)
{
    return dw_auth_authenticate(app_state(r)->app->config.auth, r, credential, ret_principal);
}

enum dw_err dw_auth_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct dw_principal principal = { 0 };
    struct dw_str token;

    if (r == NULL || self == NULL || self->parameter == NULL || ret_value == NULL)
        return DW_ERR_ARGUMENT;
    struct dw_auth *auth = *(struct dw_auth *const *)self->parameter;
    if (auth == NULL || self->size != sizeof(principal))
        return DW_ERR_ARGUMENT;
    TRY(dw_scheme_extract(r, &auth->scheme, &token));
    TRY(dw_auth_authenticate(auth, r, token, &principal));
    if (!scopes_hold(principal.scope, dw_required_scopes(r)))
        return DW_ERR_SCOPE;
    *(struct dw_principal *)ret_value = principal;
    return DW_OK;
}

/* A token is no user name and password, and no answer to a challenge. */
static bool carries_token(const struct dw_scheme *scheme)
{
    return scheme->kind != DW_SCHEME_HTTP_BASIC && scheme->kind != DW_SCHEME_HTTP_DIGEST;
}

enum dw_err auth_config_fill(struct dw_app_config *config, struct problem *p)
{
    if (config->auth == NULL)
        return DW_OK;
    if (config->credentials == NULL)
        config->credentials = config->auth->credentials;
    if (config->authenticate != NULL)
        return DW_OK;
    config->authenticate = auth_authenticate;
    for (const struct dw_scheme *const *scheme = config->credentials; *scheme != NULL; scheme++)
        if (!carries_token(*scheme))
            return problem_say(p, "security scheme %s: .auth takes tokens alone; give .authenticate",
                               (*scheme)->name == NULL ? "" : (*scheme)->name);
    return DW_OK;
}
