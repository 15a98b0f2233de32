#include "protocol/edge.h"

#include "app/host.h"
#include "base/list.h"

/* What our own routes know; a page that sends more is mistaken. */
static const char *const METHODS[] = { "*", NULL };
static const char *const HEADERS[] = { "Authorization", "X-API-Key", "X-CSRF-Token", NULL };
static const char *const EXPOSED[] = {
    "RateLimit-Limit",  "RateLimit-Remaining", "RateLimit-Reset", "Retry-After",
    "WWW-Authenticate", "X-Request-Id",        NULL,
};

static enum dw_err origins_make(struct dw_arena *arena, const char *text, const char *const **ret_origins)
{
    struct dw_str rest = dw_str(text);
    const char **origins = dw_arena_alloc(arena, (list_count(rest) + 1) * sizeof(*origins));
    size_t n = 0;

    if (origins == NULL)
        return DW_ERR_NO_MEMORY;
    while (!dw_str_is_absent(rest)) {
        origins[n] = dw_arena_copy(arena, list_take(&rest)).ptr;
        if (origins[n++] == NULL)
            return DW_ERR_NO_MEMORY;
    }
    *ret_origins = origins;
    return DW_OK;
}

static enum dw_err cors_make(struct dw_arena *arena, const struct protocol_config *config, struct edge *edge)
{
    const bool is_everyone = config->cors_origins != NULL && strcmp(config->cors_origins, "*") == 0;

    edge->has_cors = config->cors_origins != NULL || config->cors_origin_pattern != NULL;
    edge->cors = (struct dw_cors){
        .methods = METHODS, .headers = HEADERS, .exposed_headers = EXPOSED, .credentials = !is_everyone,
    };
    if (config->cors_origins != NULL)
        TRY(origins_make(arena, config->cors_origins, &edge->cors.origins));
    if (config->cors_origin_pattern == NULL)
        return DW_OK;
    edge->cors.origin_pattern = dw_arena_copy(arena, dw_str(config->cors_origin_pattern)).ptr;
    return edge->cors.origin_pattern == NULL ? DW_ERR_NO_MEMORY : DW_OK;
}

/* The host of an http or https URL, as a list of trusted hosts names it. */
static enum dw_err url_host(struct dw_arena *arena, const char *url, const char **ret_host)
{
    struct dw_str origin;
    struct host host;

    TRY(dw_origin_of_url(dw_str(url), arena, &origin));
    const char *start = (const char *)memchr(origin.ptr, ':', origin.len) + strlen("://");
    TRY(host_parse(dw_str_n(start, origin.len - (size_t)(start - origin.ptr)), &host));
    *ret_host = dw_arena_printf(arena, "%s%.*s%s", host.is_ipv6 ? "[" : "", (int)host.name.len, host.name.ptr,
                                host.is_ipv6 ? "]" : "").ptr;
    return *ret_host == NULL ? DW_ERR_NO_MEMORY : DW_OK;
}

enum dw_err edge_make(struct dw_arena *arena, const struct protocol_config *config, struct edge *ret_edge)
{
    ret_edge->trusted_hosts = config->trusted_hosts;
    if (config->https_redirect && config->trusted_hosts == NULL)
        TRY(url_host(arena, config->public_url, &ret_edge->trusted_hosts));
    return cors_make(arena, config, ret_edge);
}
