/*
 * Rate limits (spec G5): what one address may ask, of all routes together and of a row that names a limit of its own.
 *
 * Refused before authentication, body and hashing: a flood costs a look-up. The answer says when to come back
 * (Retry-After), and every answer under a limit how much of it is left (RateLimit-*, of the limit nearest to its end).
 */
#include "app/middleware/middleware.h"

#include "app/problem.h"
#include "base/clock.h"
#include "base/ip.h"

enum { AMOUNT_MAX = 100 * 1000 * 1000, WINDOW_S_MAX = 366 * 24 * 3600, KEY_MAX = 160 };

/* --- at the start ----------------------------------------------------------------------------------------------- */

/* The shortest window first: what it refuses is then not counted by the longer ones. */
static void sort_rates(struct dw_rate *rates, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && rates[j].seconds < rates[j - 1].seconds; j--) {
            const struct dw_rate longer = rates[j - 1];
            rates[j - 1] = rates[j];
            rates[j] = longer;
        }
}

static enum dw_err limit_make(const struct dw_rate_limit *config, struct app_limit *limit, struct problem *p)
{
    limit->name = config->name;
    limit->window = config->window;
    if (config->rule == NULL || strcmp(config->rule, "none") == 0)
        return DW_OK;
    if (dw_rates_parse(dw_str(config->rule), limit->rates, &limit->n_rates) != DW_OK)
        return problem_say(p, "rate limit %s: \"%s\" can't be read", config->name, config->rule);
    for (size_t i = 0; i < limit->n_rates; i++)
        if (limit->rates[i].amount < 1 || limit->rates[i].amount > AMOUNT_MAX ||
            limit->rates[i].seconds > WINDOW_S_MAX)
            return problem_say(p, "rate limit %s: 1 to %d, in a year at the most", config->name, AMOUNT_MAX);
    sort_rates(limit->rates, limit->n_rates);
    return DW_OK;
}

enum dw_err rate_limits_make(struct dw_app *app, struct problem *p)
{
    const struct dw_rate_limit *config = app->config.rate_limits;
    size_t n = 0;

    while (config != NULL && config[n].name != NULL)
        n++;
    if (n == 0)
        return DW_OK;
    app->limits = dw_arena_alloc(app->arena, n * sizeof(*app->limits));
    if (app->limits == NULL)
        return DW_ERR_NO_MEMORY;
    for (; app->n_limits < n; app->n_limits++)
        TRY(limit_make(&config[app->n_limits], &app->limits[app->n_limits], p));
    app->config.rate_limits = NULL; /* read; the caller's list may be gone from here on */
    return rate_counters_new(&app->counters);
}

const struct app_limit *rate_limit_find(const struct dw_app *app, const char *name)
{
    for (size_t i = 0; name != NULL && i < app->n_limits; i++)
        if (strcmp(app->limits[i].name, name) == 0)
            return &app->limits[i];
    return NULL;
}

/* --- at each request -------------------------------------------------------------------------------------------- */

static void note(struct app_state *s, const struct dw_rate *rate, const struct rate_verdict *verdict)
{
    if (s->rate.is_set && s->rate.remaining <= verdict->remaining)
        return;
    s->rate = (struct app_rate){ true, rate->amount, verdict->remaining, verdict->reset_s };
}

static enum dw_err limit_count(const struct dw_app *app, struct dw_request *r, const struct app_limit *limit)
{
    char network[IP_NETWORK_TEXT_SIZE], key[KEY_MAX];

    if (limit == NULL || limit->n_rates == 0)
        return DW_OK;
    ip_network(dw_request_peer(r), network);
    for (size_t i = 0; i < limit->n_rates; i++) {
        const int length = snprintf(key, sizeof(key), "%zu %zu %s", (size_t)(limit - app->limits), i, network);
        const struct rate_verdict verdict = rate_counters_hit(app->counters, &limit->rates[i], limit->window,
            dw_str_n(key, (size_t)length), clock_now_ms());
        note(app_state(r), &limit->rates[i], &verdict);
        if (verdict.is_allowed)
            continue;
        dw_retry_after(r, (unsigned)verdict.retry_after_s);
        return DW_ERR_RATE_LIMITED;
    }
    return DW_OK;
}

static enum dw_err rate_limit_routed(const struct dw_app *app, struct dw_request *r)
{
    const struct app_row *row = app_row(r);

    if (app->n_limits == 0)
        return DW_OK;
    TRY(limit_count(app, r, rate_limit_find(app, DW_RATE_LIMIT_DEFAULT)));
    return row == NULL ? DW_OK : limit_count(app, r, row->limit);
}

enum dw_err dw_rate_limit_count(struct dw_request *r, const char *name)
{
    if (r == NULL || r->state == NULL)
        return DW_ERR_ARGUMENT;
    return limit_count(app_state(r)->app, r, rate_limit_find(app_state(r)->app, name));
}

static void rate_limit_after(const struct dw_app *app, struct dw_request *r)
{
    const struct app_rate *rate = r->state == NULL ? NULL : &app_state(r)->rate;

    if (rate == NULL || !rate->is_set)
        return;
    buffer_printf(&r->head, "RateLimit-Limit: %u\r\nRateLimit-Remaining: %u\r\nRateLimit-Reset: %lld\r\n", rate->limit,
        rate->remaining, (long long)rate->reset_s);
}

const struct middleware MIDDLEWARE_RATE_LIMIT = {
    .name = "rate_limit",
    .routed = rate_limit_routed,
    .after = rate_limit_after,
};
