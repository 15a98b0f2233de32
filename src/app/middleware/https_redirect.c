/*
 * Redirect to https (spec G3): 307, which keeps method and body, to the same host, path and query.
 *
 * Defends against: credentials sent in the clear a second time. Not the first time: Strict-Transport-Security does.
 * Where to is never the client's choice alone: the host is one of the trusted ones. As in Starlette, the ports 80 and
 * 443 are left out and another one is kept.
 */
#include "app/middleware/middleware.h"

enum { STATUS_TEMPORARY_REDIRECT = 307 };

static bool is_usual_port(struct dw_str port)
{
    return dw_str_eq(port, DW_STR("80")) || dw_str_eq(port, DW_STR("443"));
}

enum dw_err redirect_to(struct dw_request *r, struct dw_str origin)
{
    const bool has_query = !dw_str_is_absent(r->query);
    const struct dw_str location = dw_str_is_absent(origin) ? origin
        : dw_arena_printf(r->arena, "%.*s%.*s%s%.*s", (int)origin.len, origin.ptr, (int)r->path.len, r->path.ptr,
            has_query ? "?" : "", has_query ? (int)r->query.len : 0, has_query ? r->query.ptr : "");

    if (dw_str_is_absent(location))
        return DW_ERR_NO_MEMORY;
    app_state(r)->early = (struct app_early){ .status = STATUS_TEMPORARY_REDIRECT, .location = location };
    return DW_OK;
}

static enum dw_err https_redirect_before(const struct dw_app *app, struct dw_request *r)
{
    struct host host;

    /* "*" of OPTIONS is no place to go to. */
    if (dw_request_is_https(r) || !dw_str_starts_with(r->path, DW_STR("/")))
        return DW_OK;
    TRY(trusted_host_find(app, r, &host));
    const bool has_port = !dw_str_is_absent(host.port) && !is_usual_port(host.port);

    return redirect_to(r, dw_arena_printf(r->arena, "https://%s%.*s%s%s%.*s", host.is_ipv6 ? "[" : "",
        (int)host.name.len, host.name.ptr, host.is_ipv6 ? "]" : "", has_port ? ":" : "",
        has_port ? (int)host.port.len : 0, has_port ? host.port.ptr : ""));
}

static bool https_redirect_is_on(const struct dw_app *app)
{
    return app->config.https_redirect;
}

const struct middleware MIDDLEWARE_HTTPS_REDIRECT = {
    .name = "https_redirect",
    .is_on = https_redirect_is_on,
    .before = https_redirect_before,
};
