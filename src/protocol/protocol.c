#include "protocol/protocol.h"

#include "protocol/authenticate.h"
#include "protocol/edge.h"
#include "protocol/oauth2/metadata.h"
#include "protocol/routes.h"
#include <doorward/docs.h>
#include <stdatomic.h>

enum { PROTOCOL_ARENA_LIMIT = 64 * 1024 };

const struct dw_route *const PROTOCOL_ROUTES[] = {
    ACCOUNT_ROUTES,   RECOVERY_ROUTES,   API_KEY_ROUTES,  TOKEN_ROUTES,     LOGIN_ROUTES,  SIGN_OUT_ROUTES,
    SESSION_ROUTES,   TWO_FACTOR_ROUTES, USER_ROUTES,     ROLE_ROUTES,      TENANT_ROUTES, KEY_ROUTES,
    LINK_PAGE_ROUTES, DASHBOARD_ROUTES, AUDIT_ROUTES,      METADATA_ROUTES, OPERATION_ROUTES, DOCS_ROUTES,
    DW_DOCS_ROUTES,   DW_METRICS_ROUTES, NULL,
};

static const char DESCRIPTION[] =
    "Accounts, sign-in and access control. Register, press *Authorize* and sign in, then call what has a lock.\n\n"
    "Access tokens are JWTs (RFC 9068) that any service can verify with the keys of `/.well-known/jwks.json`; they are "
    "sent as `Authorization: Bearer …`. Every answer carries `X-Request-Id`; errors have the form "
    "`{\"detail\": …}`, and those of `/token` the form of RFC 6749 §5.2 as well. A disabled user's token gets 400 "
    "\"Inactive user\".";

/* --- making ----------------------------------------------------------------------------------------------------- */

static struct dw_str without_slash(struct dw_str url)
{
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    return url;
}

static enum dw_err make_app(struct protocol *protocol, const struct protocol_config *config,
                            char ret_problem[DW_PROBLEM_SIZE])
{
    const struct dw_rate_limit rate_limits[] = {
        { RATE_LIMIT_LOGIN, config->rate_limit_login, DW_RATE_SLIDING },
        { RATE_LIMIT_REGISTER, config->rate_limit_register, DW_RATE_SLIDING },
        { RATE_LIMIT_FORGOT, config->rate_limit_forgot, DW_RATE_SLIDING },
        { DW_RATE_LIMIT_DEFAULT, config->rate_limit_default, DW_RATE_SLIDING },
        { NULL },
    };
    const struct dw_app_config app_config = {
        .title = "Doorward",
        .version = DOORWARD_VERSION,
        .description = DESCRIPTION,
        .routes = PROTOCOL_ROUTES,
        .context = protocol,
        .credentials = protocol->credentials,
        .authenticate = authenticate,
        .is_https = protocol->is_https,
        .access_log = config->access_log,
        .metrics = config->metrics,
        .rate_limits = rate_limits,
        .rate_store = config->rate_store,
        .trusted_proxies = config->trusted_proxies,
        .trusted_hosts = protocol->edge.trusted_hosts,
        .https_redirect = config->https_redirect,
        .cors = protocol->edge.has_cors ? &protocol->edge.cors : NULL,
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
    protocol->redis_answers = config->redis_answers;
    protocol->redis = config->redis;
    TRY(dw_arena_new(PROTOCOL_ARENA_LIMIT, &protocol->arena));
    protocol->is_https = dw_str_starts_with(public_url, DW_STR("https://"));
    TRY(dw_origin_of_url(public_url, protocol->arena, &protocol->csrf.origin));
    TRY(edge_make(protocol->arena, config, &protocol->edge));
    TRY(credentials_make(protocol));
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

void protocol_stop_soon(struct protocol *protocol)
{
    atomic_store(&protocol->is_stopping, true);
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
