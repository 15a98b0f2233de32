#include "protocol/protocol.h"

#include "protocol/authenticate.h"
#include "protocol/edge.h"
#include "protocol/oauth2/metadata.h"
#include "protocol/routes.h"
#include <doorward/docs.h>
#include <stdatomic.h>

enum { PROTOCOL_ARENA_LIMIT = 64 * 1024 };

#define ROUTES_OF_CLIENTS                                                                                              \
    ACCOUNT_ROUTES, RECOVERY_ROUTES, API_KEY_ROUTES, TOKEN_ROUTES, LOGIN_ROUTES, SIGN_OUT_ROUTES, SESSION_ROUTES,      \
        TWO_FACTOR_ROUTES, USER_ROUTES, ROLE_ROUTES, TENANT_ROUTES, KEY_ROUTES, LINK_PAGE_ROUTES, DASHBOARD_ROUTES,    \
        AUDIT_ROUTES, METADATA_ROUTES, OPERATION_ROUTES, DOCS_ROUTES, DW_DOCS_ROUTES

const struct dw_route *const PROTOCOL_ROUTES[] = { ROUTES_OF_CLIENTS, DW_METRICS_ROUTES, NULL };
/* The same in two, for two listeners. */
static const struct dw_route *const CLIENT_ROUTES[] = { ROUTES_OF_CLIENTS, NULL };
static const struct dw_route *const OPERATOR_ROUTES[] = { OPERATION_ROUTES, DW_METRICS_ROUTES, NULL };

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
    const struct dw_metrics counted = { .is_public = true }; /* by nobody here: no route shows them */
    const struct dw_app_config app_config = {
        .title = "Doorward",
        .version = DOORWARD_VERSION,
        .description = DESCRIPTION,
        .routes = config->metrics_apart ? CLIENT_ROUTES : PROTOCOL_ROUTES,
        .context = protocol,
        .credentials = protocol->credentials,
        .authenticate = authenticate,
        .is_https = protocol->is_https,
        .access_log = config->access_log,
        .metrics = config->metrics_apart ? &counted : config->metrics,
        .rate_limits = rate_limits,
        .rate_store = config->rate_store,
        .trusted_proxies = config->trusted_proxies,
        .trusted_hosts = protocol->edge.trusted_hosts,
        .https_redirect = config->https_redirect,
        .cors = protocol->edge.has_cors ? &protocol->edge.cors : NULL,
    };

    return dw_app_new(&app_config, &protocol->app, ret_problem);
}

/* What those who run the server may ask at a listener of their own: no account, no limit, no other host's name. */
static enum dw_err make_operator_app(struct protocol *protocol, const struct protocol_config *config,
                                     char ret_problem[DW_PROBLEM_SIZE])
{
    const struct dw_metrics metrics = { .token = config->metrics->token, .is_public = config->metrics->is_public,
                                        .of = protocol->app };
    const struct dw_app_config app_config = {
        .title = "Doorward for its operators", .version = DOORWARD_VERSION, .routes = OPERATOR_ROUTES,
        .context = protocol, .access_log = config->access_log, .metrics = &metrics,
    };

    return dw_app_new(&app_config, &protocol->operator_app, ret_problem);
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
    if (config->metrics_apart)
        TRY(make_operator_app(protocol, config, ret_problem));
    *ret_protocol = TAKE_PTR(protocol);
    return DW_OK;
}

struct dw_app *protocol_app(const struct protocol *protocol)
{
    return protocol->app;
}

struct dw_app *protocol_operator_app(const struct protocol *protocol)
{
    return protocol->operator_app;
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
    dw_app_free(&p->operator_app);
    dw_app_free(&p->app);
    dw_arena_free(&p->arena);
    free(p);
    *protocol = NULL;
}
