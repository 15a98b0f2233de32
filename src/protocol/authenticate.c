#include "protocol/authenticate.h"

#include "identity/api_key.h"
#include "identity/metrics.h"
#include "identity/role.h"
#include "protocol/account/login.h"

/* --- restoring, a function a kind of credential ------------------------------------------------------------------ */

typedef enum dw_err restore(struct dw_request *r, struct dw_str credential, struct principal *ret_principal);

/*
 * A row that runs on the event loop itself may borrow the principal from the loop's memory, since nothing else runs on
 * that thread until the answer is written. All other rows go on elsewhere: theirs is copied.
 */
static bool must_keep(const struct dw_request *r)
{
    return dw_route(r)->lane != DW_INLINE || dw_request_may_block(r);
}

static enum dw_err restore_access_token(struct dw_request *r, struct dw_str credential,
                                        struct principal *ret_principal)
{
    return principal_restore(identity_of(r), credential, dw_request_may_block(r), must_keep(r), dw_request_arena(r),
                             ret_principal);
}

/* The look-up waits for the database; what is no key at all ends on the loop. */
static enum dw_err restore_api_key(struct dw_request *r, struct dw_str credential, struct principal *ret_principal)
{
    if (!api_key_is_formed(credential))
        return DW_ERR_API_KEY;
    if (!dw_request_may_block(r))
        return DW_ERR_WOULD_BLOCK;
    return api_key_restore(identity_of(r), credential, dw_request_peer(r), dw_request_arena(r), ret_principal);
}

static const struct {
    enum dw_scheme_kind kind;
    restore *restore;
    enum credential_kind counted;
} RESTORE[] = {
    { DW_SCHEME_OAUTH2_PASSWORD, restore_access_token, CREDENTIAL_TOKEN },
    { DW_SCHEME_API_KEY_HEADER, restore_api_key, CREDENTIAL_API_KEY },
    { DW_SCHEME_API_KEY_COOKIE, cookie_restore, CREDENTIAL_COOKIE },
};

static enum dw_err restore_by_kind(struct dw_request *r, enum dw_scheme_kind kind, struct dw_str credential,
                                   struct principal *ret_principal)
{
    size_t i = 0;

    while (i < ARRAY_SIZE(RESTORE) && RESTORE[i].kind != kind)
        i++;
    if (i == ARRAY_SIZE(RESTORE))
        return DW_ERR_INTERNAL;
    const enum dw_err err = RESTORE[i].restore(r, credential, ret_principal);

    if (err != DW_ERR_WOULD_BLOCK) /* asked again where it may wait */
        metric_add(&CREDENTIALS, credential_series(RESTORE[i].counted, err), 1);
    return err;
}

enum dw_err authenticate(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
                         struct dw_principal *ret_principal)
{
    struct principal p;

    TRY(restore_by_kind(r, scheme->kind, credential, &p));
    /* The access log tells the subject after the answer has left, when borrowed memory may be gone. */
    const struct dw_str subject = dw_arena_copy(dw_request_arena(r), p.user->id);

    if (subject.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_principal = (struct dw_principal){
        .subject = subject,
        .username = p.user->username,
        .tenant = p.user->tenant,
        .role = p.is_partial ? DW_STR("") : p.user->role,
        .permissions = p.user->permissions,
        .scope = p.scope,
        .session = p.session,
        .token_id = p.token_id,
        .client = p.client,
        .expires_s = p.expires_s,
        .authenticated_s = p.authenticated_s,
        .mfa_s = p.mfa_s,
        .user = p.user,
    };
    return DW_OK;
}

/* --- the schemes ------------------------------------------------------------------------------------------------- */

/* Permissions double as scopes: what the domain knows is what the documentation offers. */
static enum dw_err fill_scopes(struct protocol *protocol)
{
    size_t n = 0;

    for (const struct permission *p = PERMISSIONS; p->name != NULL; p++) {
        if (n == PROTOCOL_SCOPES_MAX)
            return DW_ERR_LIMIT;
        protocol->scopes[n++] = (struct dw_scope_doc){ p->name, p->description };
    }
    return DW_OK;
}

enum dw_err credentials_make(struct protocol *protocol)
{
    TRY(fill_scopes(protocol));
    protocol->oauth2 = (struct dw_scheme){
        .kind = DW_SCHEME_OAUTH2_PASSWORD,
        .name = "OAuth2PasswordBearer",
        .description = "Sign in with user name (or e-mail address) and password; leave the client's fields empty. "
                       "Without a scope the token carries all that the user may do.",
        .token_url = "/token",
        .refresh_url = "/token",
        .scopes = protocol->scopes,
        .bearer_format = "JWT",
    };
    protocol->api_key = (struct dw_scheme){
        .kind = DW_SCHEME_API_KEY_HEADER,
        .name = "APIKeyHeader",
        .description = "An API key of `/users/me/api-keys`. When a bearer token is sent as well, the token decides.",
        .parameter = "X-API-Key",
    };
    protocol->session_cookie = (struct dw_scheme){
        .kind = DW_SCHEME_API_KEY_COOKIE,
        .name = "SessionCookie",
        .description = "Set by `/login`. What changes something needs the header `X-CSRF-Token` as well, with the "
                       "value of the CSRF cookie. When another credential is sent, that one decides.",
        .parameter = protocol->is_https ? "__Host-session" : "session",
    };
    protocol->csrf.key = &protocol->identity->keys.csrf;
    protocol->csrf.cookie = protocol->is_https ? "__Host-csrf" : "csrf";
    protocol->csrf.header = "X-CSRF-Token";
    /* In the order in which they decide. */
    const struct dw_scheme *const schemes[] = { &protocol->oauth2, &protocol->api_key, &protocol->session_cookie };

    _Static_assert(ARRAY_SIZE(schemes) <= PROTOCOL_CREDENTIALS_MAX, "the list ends with NULL");
    memcpy(protocol->credentials, schemes, sizeof(schemes));
    return DW_OK;
}
