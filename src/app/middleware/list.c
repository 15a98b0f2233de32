#include "app/middleware/middleware.h"

const struct middleware *const MIDDLEWARE[] = {
    &MIDDLEWARE_ACCESS_LOG,
    &MIDDLEWARE_METRICS,
    &MIDDLEWARE_REQUEST_ID,
    &MIDDLEWARE_SECURITY_HEADERS,
    &MIDDLEWARE_FORWARDED,
    &MIDDLEWARE_TRUSTED_HOST,
    &MIDDLEWARE_HTTPS_REDIRECT,
    &MIDDLEWARE_CORS,
    &MIDDLEWARE_RATE_LIMIT,
    &MIDDLEWARE_COOKIES,
};
const size_t MIDDLEWARE_COUNT = ARRAY_SIZE(MIDDLEWARE);
_Static_assert(ARRAY_SIZE(MIDDLEWARE) < MIDDLEWARE_MAX, "the lists of an application end with NULL");

static bool is_on(const struct middleware *m, const struct dw_app *app)
{
    return m->is_on == NULL || m->is_on(app);
}

/* What is called once does the work of all applications that the one that serves is mounted in. */
static bool is_on_around(const struct middleware *m, const struct dw_app *app)
{
    while (app != NULL && !is_on(m, app))
        app = app->outer;
    return app != NULL;
}

void middleware_choose(struct dw_app *app)
{
    size_t before = 0, routed = 0, resolved = 0, after = 0, finished = 0;

    for (size_t i = 0; i < MIDDLEWARE_COUNT; i++) {
        const struct middleware *m = MIDDLEWARE[i], *last = MIDDLEWARE[MIDDLEWARE_COUNT - 1 - i];
        if (m->before != NULL && is_on(m, app))
            app->before[before++] = m;
        if (m->routed != NULL && is_on_around(m, app))
            app->routed[routed++] = m;
        if (m->resolved != NULL && is_on_around(m, app))
            app->resolved[resolved++] = m;
        if (last->after != NULL && is_on_around(last, app))
            app->after[after++] = last;
        if (last->finished != NULL && is_on(last, app))
            app->finished[finished++] = last;
    }
}
