/*
 * Rate limits (spec G5): what one address, user or credential may ask, of all routes together and of a row that names a
 * limit of its own.
 *
 * By address it is refused before authentication, body and hashing: a flood costs a look-up. By the other keys it is
 * refused when they are known, still before the body. The answer says when to come back
 * (Retry-After), and every answer under a limit how much of it is left (RateLimit-*, of the limit nearest to its end).
 */
#include "app/middleware/middleware.h"

#include "app/metrics.h"
#include "app/problem.h"
#include "base/clock.h"
#include "base/ip.h"
#include "crypto/hash.h"

enum { AMOUNT_MAX = 100 * 1000 * 1000, WINDOW_S_MAX = 366 * 24 * 3600, KEY_MAX = 160,
       SUBJECT_MAX = 1 + (int)IP_NETWORK_TEXT_SIZE };
_Static_assert(SUBJECT_MAX > (int)SHA256_SIZE, "a hash does not fit");

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
    limit->by = config->by;
    limit->key_of = config->key_of;
    if (config->by < DW_RATE_BY_ADDRESS || config->by > DW_RATE_BY_FUNCTION)
        return problem_say(p, "rate limit %s: an unknown key", config->name);
    if ((config->by == DW_RATE_BY_FUNCTION) != (config->key_of != NULL))
        return problem_say(p, "rate limit %s: key_of goes with DW_RATE_BY_FUNCTION", config->name);
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
    for (; app->n_limits < n; app->n_limits++) {
        if (rate_limit_find(app, config[app->n_limits].name) != NULL)
            return problem_say(p, "rate limit %s stands twice", config[app->n_limits].name);
        TRY(limit_make(&config[app->n_limits], &app->limits[app->n_limits], p));
    }
    app->limit_of_all = rate_limit_find(app, DW_RATE_LIMIT_DEFAULT);
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

/* Whose count it is, as bytes; 0: nobody's, the request is not limited. Long ones and credentials are hashed. */
static size_t subject_write(struct dw_request *r, const struct app_limit *limit, char ret_subject[SUBJECT_MAX])
{
    const struct dw_principal *who = limit->by == DW_RATE_BY_ADDRESS ? NULL : dw_principal(r);
    struct dw_str key = { NULL, 0 };
    unsigned char hash[SHA256_SIZE];

    if (limit->by == DW_RATE_BY_FUNCTION) {
        key = limit->key_of(r);
        if (dw_str_is_absent(key))
            return 0;
    } else if (limit->by == DW_RATE_BY_USER && who != NULL && who->subject.len > 0) {
        key = dw_arena_printf(r->arena, "%.*s %.*s", (int)who->tenant.len,
            who->tenant.len == 0 ? "" : who->tenant.ptr, (int)who->subject.len, who->subject.ptr);
    } else if (limit->by == DW_RATE_BY_CREDENTIAL) {
        key = app_state(r)->credential;
    }
    if (dw_str_is_absent(key) || hash_sha256(key, hash) != DW_OK) {
        ret_subject[0] = 'a';
        ip_network(dw_request_peer(r), ret_subject + 1);
        return strlen(ret_subject);
    }
    ret_subject[0] = 'k';
    memcpy(ret_subject + 1, hash, sizeof(hash));
    return 1 + sizeof(hash);
}

static enum dw_err limit_count(const struct dw_app *app, struct dw_request *r, const struct app_limit *limit)
{
    char subject[SUBJECT_MAX], key[KEY_MAX];

    if (limit == NULL || limit->n_rates == 0)
        return DW_OK;
    const size_t subject_len = subject_write(r, limit, subject);
    for (size_t i = 0; i < limit->n_rates && subject_len > 0; i++) {
        const size_t length = (size_t)snprintf(key, sizeof(key), "%zu %zu ", (size_t)(limit - app->limits), i);
        memcpy(key + length, subject, subject_len);
        const struct rate_verdict verdict = rate_counters_hit(app->counters, &limit->rates[i], limit->window,
            dw_str_n(key, length + subject_len), clock_now_ms());
        note(app_state(r), &limit->rates[i], &verdict);
        if (verdict.is_allowed)
            continue;
        app_metrics_count_limited(app, limit);
        dw_retry_after(r, (unsigned)verdict.retry_after_s);
        return DW_ERR_RATE_LIMITED;
    }
    return DW_OK;
}

static enum dw_err limit_count_if(const struct dw_app *app, struct dw_request *r, const struct app_limit *limit,
    bool by_address)
{
    if (limit == NULL || (limit->by == DW_RATE_BY_ADDRESS) != by_address)
        return DW_OK;
    return limit_count(app, r, limit);
}

static enum dw_err rate_limit_before(const struct dw_app *app, struct dw_request *r)
{
    return limit_count_if(app, r, app->limit_of_all, true);
}

static enum dw_err rate_limit_routed(const struct dw_app *app, struct dw_request *r)
{
    const struct app_row *row = app_row(r);

    return row == NULL ? DW_OK : limit_count_if(app, r, row->limit, true);
}

/* The outer applications' first, as they were by address. */
static enum dw_err limits_of_all_count(const struct dw_app *app, struct dw_request *r)
{
    if (app->outer != NULL)
        TRY(limits_of_all_count(app->outer, r));
    return limit_count_if(app, r, app->limit_of_all, false);
}

static enum dw_err rate_limit_resolved(const struct dw_app *app, struct dw_request *r)
{
    const struct app_row *row = app_row(r);

    TRY(limits_of_all_count(app, r));
    return row == NULL ? DW_OK : limit_count_if(app, r, row->limit, false);
}

enum dw_err dw_rate_limit_count(struct dw_request *r, const char *name)
{
    if (r == NULL || r->state == NULL || name == NULL)
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

static bool rate_limit_is_on(const struct dw_app *app)
{
    return app->n_limits > 0;
}

const struct middleware MIDDLEWARE_RATE_LIMIT = {
    .name = "rate_limit",
    .is_on = rate_limit_is_on,
    .before = rate_limit_before,
    .routed = rate_limit_routed,
    .resolved = rate_limit_resolved,
    .after = rate_limit_after,
};
