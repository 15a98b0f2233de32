#include "protocol/protocol.h"

#include "identity/principal.h"
#include "identity/role.h"
#include "protocol/context.h"
#include "protocol/oauth2/metadata.h"
#include "protocol/routes.h"

enum { PROTOCOL_ARENA_LIMIT = 64 * 1024 };

const struct dw_route *const PROTOCOL_ROUTES[] = {
    ACCOUNT_ROUTES, TOKEN_ROUTES, SIGN_OUT_ROUTES, USER_ROUTES, METADATA_ROUTES, OPERATION_ROUTES, DOCS_ROUTES, NULL,
};

static const char DESCRIPTION[] =
    "Accounts, sign-in and access control. Register, press *Authorize* and sign in, then call what has a lock.\n\n"
    "Access tokens are JWTs (RFC 9068) that any service can verify with the keys of `/.well-known/jwks.json`; they are "
    "sent as `Authorization: Bearer …`. Every answer carries `X-Request-Id`; errors have the form "
    "`{\"detail\": …}`, and those of `/token` the form of RFC 6749 §5.2 as well. A disabled user's token gets 400 "
    "\"Inactive user\".";

/* --- who is calling --------------------------------------------------------------------------------------------- */

/*
 * A row that runs on the event loop itself may borrow the principal from the loop's memory, since nothing else runs on
 * that thread until the answer is written. All other rows go on elsewhere: theirs is copied.
 */
static bool must_keep(const struct dw_request *r)
{
    return dw_route(r)->lane != DW_INLINE || dw_request_may_block(r);
}

static enum dw_err authenticate(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
                                struct dw_principal *ret_principal)
{
    struct dw_arena *arena = dw_request_arena(r);
    struct principal p;

    TRY(principal_restore(identity_of(r), credential, dw_request_may_block(r), must_keep(r), arena, &p));
    /* The access log tells the subject after the answer has left, when borrowed memory may be gone. */
    const struct dw_str subject = dw_arena_copy(arena, p.user->id);

    if (subject.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_principal = (struct dw_principal){
        .subject = subject,
        .username = p.user->username,
        .tenant = p.user->tenant,
        .role = p.user->role,
        .permissions = p.user->permissions,
        .scope = p.scope,
        .session = p.session,
        .token_id = p.token_id,
        .client = p.client,
        .expires_s = p.expires_s,
        .user = p.user,
    };
    return DW_OK;
}

/* --- making ----------------------------------------------------------------------------------------------------- */

/* Permissions double as scopes: what the domain knows is what the documentation offers. */
static enum dw_err fill_scheme(struct protocol *protocol)
{
    size_t n = 0;

    for (const struct permission *p = PERMISSIONS; p->name != NULL; p++) {
        if (n == PROTOCOL_SCOPES_MAX)
            return DW_ERR_LIMIT;
        protocol->scopes[n++] = (struct dw_scope_doc){ p->name, p->description };
    }
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
    protocol->credentials[0] = &protocol->oauth2;
    return DW_OK;
}

static struct dw_str without_slash(struct dw_str url)
{
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    return url;
}

static enum dw_err make_app(struct protocol *protocol, const struct protocol_config *config,
                            char ret_problem[DW_PROBLEM_SIZE])
{
    const struct dw_app_config app_config = {
        .title = "Doorward",
        .version = DOORWARD_VERSION,
        .description = DESCRIPTION,
        .routes = PROTOCOL_ROUTES,
        .context = protocol,
        .credentials = protocol->credentials,
        .authenticate = authenticate,
        .is_https = dw_str_starts_with(dw_str(config->public_url), DW_STR("https://")),
        .access_log = config->access_log,
    };

    return dw_app_new(&app_config, &protocol->app, ret_problem);
}

enum dw_err protocol_app_new(const struct protocol_config *config, struct protocol **ret_protocol,
                             char ret_problem[DW_PROBLEM_SIZE])
{
    _cleanup_(protocol_app_free) struct protocol *protocol = NULL;
    const struct dw_str public_url = without_slash(dw_str(config->public_url));

    ret_problem[0] = '\0';
    protocol = calloc(1, sizeof(*protocol));
    if (protocol == NULL)
        return DW_ERR_NO_MEMORY;
    protocol->identity = config->identity;
    TRY(dw_arena_new(PROTOCOL_ARENA_LIMIT, &protocol->arena));
    TRY(fill_scheme(protocol));
    TRY(metadata_make(protocol->arena, config->issuer ? config->issuer : config->public_url, public_url,
                      &protocol->metadata));
    TRY(make_app(protocol, config, ret_problem));
    *ret_protocol = TAKE_PTR(protocol);
    return DW_OK;
}

struct dw_app *protocol_app(const struct protocol *protocol)
{
    return protocol->app;
}

void protocol_app_free(struct protocol **protocol)
{
    struct protocol *p = *protocol;

    if (p == NULL)
        return;
    dw_app_free(&p->app);
    dw_arena_free(&p->arena);
    free(p);
    *protocol = NULL;
}
