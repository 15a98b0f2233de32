/*
 * Trusted hosts (spec G2): a request for a name that is not ours is refused before anything is made of it.
 *
 * Defends against: names that a client chose in links, redirects and caches; DNS rebinding, by which a page of another
 * site reaches a server in a private network under its own name.
 * As Starlette's TrustedHostMiddleware: the port does not count, a wildcard stands for one label or several but not for
 * the bare domain. Other than there: names are compared without regard to case and to a dot at their end, IPv6 literals
 * are read, a port must be one, the answer is JSON, and who comes without "www." is sent there only where the
 * application asks for it (www_redirect).
 */
#include "app/middleware/middleware.h"

#include "app/problem.h"
#include "base/list.h"

enum { HOSTS_MAX = 256, SHOWN_MAX = 80 };

enum dw_err trusted_hosts_make(struct dw_app *app, struct problem *p)
{
    const struct dw_str text = dw_arena_copy(app->arena, dw_str(app->config.trusted_hosts));
    struct dw_str rest = text;

    app->config.trusted_hosts = NULL; /* read; the caller's text may be gone from here on */
    if (text.len == 0 || dw_str_eq(text, DW_STR("*")))
        return app->config.https_redirect || app->config.www_redirect
            ? problem_say(p, "%s without trusted hosts: whoever writes Host would choose where clients go",
                app->config.https_redirect ? "https_redirect" : "www_redirect")
            : DW_OK;
    if (list_count(text) > HOSTS_MAX)
        return problem_say(p, "more than %d trusted hosts", HOSTS_MAX);
    app->hosts = dw_arena_alloc(app->arena, list_count(text) * sizeof(*app->hosts));
    if (app->hosts == NULL)
        return DW_ERR_NO_MEMORY;
    while (!dw_str_is_absent(rest)) {
        const struct dw_str entry = list_take(&rest);
        if (host_pattern_parse(entry, &app->hosts[app->n_hosts]) != DW_OK)
            return problem_say(p, "trusted hosts: \"%.*s\" is none (example.com, *.example.com, [::1]; no port)",
                (int)MIN_OF(entry.len, SHOWN_MAX), entry.ptr);
        app->n_hosts++;
    }
    return DW_OK;
}

enum dw_err trusted_host_find(const struct dw_app *app, const struct dw_request *r, struct host *ret_host)
{
    TRY(host_parse(dw_request_header(r, "Host"), ret_host));
    for (size_t i = 0; i < app->n_hosts; i++)
        if (host_matches(ret_host, &app->hosts[i]))
            return DW_OK;
    return DW_ERR_HOST;
}

static bool is_its_www(const struct host *www, const struct host *host)
{
    static const struct dw_str PREFIX = DW_STR_INIT("www.");
    const struct dw_str name = www->name;

    return !www->is_ipv6 && !host->is_ipv6 && name.len > PREFIX.len &&
        dw_str_eq_nocase(dw_str_n(name.ptr, PREFIX.len), PREFIX) &&
        dw_str_eq_nocase(dw_str_n(name.ptr + PREFIX.len, name.len - PREFIX.len), host->name);
}

/* NULL: that name is not listed. A wildcard is no place to go to. */
static const struct host *www_find(const struct dw_app *app, const struct host *host)
{
    for (size_t i = 0; i < app->n_hosts; i++)
        if (!app->hosts[i].is_wildcard && is_its_www(&app->hosts[i].host, host))
            return &app->hosts[i].host;
    return NULL;
}

/* Never from https to http, also where a proxy that nobody told us of took that off. */
static enum dw_err www_redirect(const struct dw_app *app, struct dw_request *r)
{
    const bool is_https = dw_request_is_https(r) || app->config.is_https || app->config.https_redirect;
    struct host host;

    TRY(host_parse(dw_request_header(r, "Host"), &host));
    const struct host *www = www_find(app, &host);
    if (www == NULL || !dw_str_starts_with(r->path, DW_STR("/")))
        return DW_ERR_HOST;
    return redirect_to(r, dw_arena_printf(r->arena, "%s://%.*s%s%.*s", is_https ? "https" : "http", (int)www->name.len,
        www->name.ptr, dw_str_is_absent(host.port) ? "" : ":", (int)host.port.len,
        dw_str_is_absent(host.port) ? "" : host.port.ptr));
}

static enum dw_err trusted_host_before(const struct dw_app *app, struct dw_request *r)
{
    struct host host;
    const enum dw_err err = trusted_host_find(app, r, &host);

    return err == DW_ERR_HOST && app->config.www_redirect ? www_redirect(app, r) : err;
}

static bool trusted_host_is_on(const struct dw_app *app)
{
    return app->n_hosts > 0;
}

const struct middleware MIDDLEWARE_TRUSTED_HOST = {
    .name = "trusted_host",
    .is_on = trusted_host_is_on,
    .before = trusted_host_before,
};
