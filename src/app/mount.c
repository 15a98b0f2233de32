#include "app/application.h"

/*
 * Applications in applications (spec B): made with the outer one, found by their prefix before its rows.
 *
 * What only the outermost can know is its own: who the proxies are, where limits are counted. What the world sees of
 * all of them together is one: whether the public URL is https.
 */

enum { MOUNTS_MAX = 64 };

static size_t mounts_count(const struct dw_mount *mounts)
{
    size_t n = 0;

    while (mounts != NULL && mounts[n].prefix != NULL)
        n++;
    return n;
}

static unsigned depth_of(const struct dw_app *app)
{
    unsigned depth = 0;

    for (; app != NULL; app = app->outer)
        depth++;
    return depth;
}

/* "https://api.example.com/" and "/shop" make "https://api.example.com/shop". */
static const char *url_join(struct dw_arena *arena, const char *url, const char *prefix)
{
    struct dw_str base = dw_str(url);

    while (base.len > 0 && base.ptr[base.len - 1] == '/')
        base.len--;
    return dw_arena_printf(arena, "%.*s%s", (int)base.len, base.len == 0 ? "" : base.ptr, prefix).ptr;
}

static enum dw_err mount_make(struct dw_app *app, const struct dw_mount *mount, struct problem *p)
{
    if (mount->config == NULL)
        return problem_say(p, "no configuration");
    if (depth_of(app) >= DW_MOUNT_DEPTH_MAX)
        return problem_say(p, "more than %d applications in each other", DW_MOUNT_DEPTH_MAX);
    if (mount->config->trusted_proxies != NULL)
        return problem_say(p, "trusted proxies are the outermost application's");
    if (mount->config->rate_store != NULL)
        return problem_say(p, "the store of rate limits is the outermost application's");
    struct dw_app_config config = *mount->config;
    const char *prefix = dw_arena_printf(app->arena, "%s%s", app->mount, mount->prefix).ptr;

    if (config.server_url == NULL)
        config.server_url = url_join(app->arena, app->config.server_url, mount->prefix);
    if (config.server_url == NULL || prefix == NULL)
        return DW_ERR_NO_MEMORY;
    config.is_https = config.is_https || app->config.is_https;
    config.rate_store = &app->rate_store;
    TRY(app_new(&config, app, prefix, p, &app->mounted[app->n_mounted]));
    return router_mount(&app->router, mount->prefix, app->mounted[app->n_mounted++], p);
}

enum dw_err mounts_make(struct dw_app *app, struct problem *p)
{
    const size_t n = mounts_count(app->config.mounts);

    if (n == 0)
        return DW_OK;
    if (n > MOUNTS_MAX)
        return problem_say(p, "more than %d applications are mounted", MOUNTS_MAX);
    app->mounted = dw_arena_alloc(app->arena, n * sizeof(*app->mounted));
    if (app->mounted == NULL)
        return DW_ERR_NO_MEMORY;
    for (const struct dw_mount *mount = app->config.mounts; mount->prefix != NULL; mount++)
        TRY(problem_at(p, mount->prefix, mount_make(app, mount, p)));
    app->config.mounts = NULL; /* read; the caller's list may be gone from here on */
    return DW_OK;
}

struct dw_app *dw_app_mounted(struct dw_app *app, const char *prefix)
{
    struct router_path path;

    if (app == NULL || prefix == NULL || router_split(app->arena, dw_str(prefix), &path) != DW_OK)
        return NULL;
    while (app != NULL && path.first < path.n)
        app = router_find_mounted(&app->router, &path);
    return app != NULL && app->outer != NULL ? app : NULL;
}

const struct dw_app *dw_request_app(const struct dw_request *r)
{
    return r == NULL || r->state == NULL ? NULL : app_state(r)->app;
}

struct dw_str dw_request_mount(const struct dw_request *r)
{
    return r == NULL || r->state == NULL ? DW_STR("") : dw_str(app_state(r)->app->mount);
}
