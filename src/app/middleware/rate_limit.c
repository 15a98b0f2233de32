/*
 * Rate limits (spec G5): what one address, user or credential may ask, of all routes together and of a row that names a
 * limit of its own.
 *
 * By address it is refused before authentication, body and hashing: a flood costs a look-up. By the other keys it is
 * refused when they are known, still before the body. Where a store must be asked (struct dw_rate_store), all of that
 * happens on a worker, before anything else does. The answer says when to come back
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

/* That of a mounted application is the outer one's, which may have none. */
static enum dw_err store_make(struct dw_app *app, struct problem *p)
{
    if (app->config.rate_store == NULL)
        return DW_OK;
    if (app->config.rate_store->hit == NULL && app->outer == NULL)
        return problem_say(p, "a rate store without hit");
    app->rate_store = *app->config.rate_store;
    app->config.rate_store = NULL; /* read; what the caller had may be gone from here on */
    return DW_OK;
}

enum dw_err rate_limits_make(struct dw_app *app, struct problem *p)
{
    const struct dw_rate_limit *config = app->config.rate_limits;
    size_t n = 0;

    TRY(store_make(app, p));
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
    app->config.rate_limits = NULL; /* as the store */
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

static void note(struct app_state *s, const struct dw_rate *rate, const struct dw_rate_verdict *verdict)
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

/* Both ask one rate after the other, up to the first that refuses; how many were asked. */
static size_t memory_ask(const struct dw_app *app, const struct app_limit *limit, struct dw_str subject,
    struct dw_rate_verdict ret_verdicts[DW_RATES_MAX])
{
    char key[KEY_MAX];
    size_t n = 0;

    do {
        const size_t length = (size_t)snprintf(key, sizeof(key), "%zu %zu ", (size_t)(limit - app->limits), n);
        memcpy(key + length, subject.ptr, subject.len);
        ret_verdicts[n] = rate_counters_hit(app->counters, &limit->rates[n], limit->window,
            dw_str_n(key, length + subject.len), clock_now_ms());
    } while (ret_verdicts[n++].is_allowed && n < limit->n_rates);
    return n;
}

static enum dw_err store_ask(const struct dw_app *app, struct dw_request *r, const struct app_limit *limit,
    struct dw_str subject, struct dw_rate_verdict ret_verdicts[DW_RATES_MAX], size_t *ret_n)
{
    const struct dw_str name = dw_arena_printf(r->arena, "%s %s ", app->mount, limit->name);
    char *key = name.ptr == NULL ? NULL : dw_arena_alloc(r->arena, name.len + subject.len);
    size_t n = 0;

    if (key == NULL)
        return DW_ERR_NO_MEMORY;
    memcpy(key, name.ptr, name.len);
    memcpy(key + name.len, subject.ptr, subject.len);
    const struct dw_rate_hit hit = {
        .key = dw_str_n(key, name.len + subject.len),
        .rates = limit->rates, .n_rates = limit->n_rates, .window = limit->window,
    };
    TRY(app->rate_store.hit(app->rate_store.context, &hit, ret_verdicts, &n));
    if (n == 0 || n > limit->n_rates)
        return DW_ERR_INTERNAL;
    *ret_n = n;
    return DW_OK;
}

/* Whether nothing can be counted here, on the loop. */
static bool must_wait(const struct dw_app *app, const struct dw_request *r)
{
    return app->rate_store.hit != NULL && !r->may_block;
}

static enum dw_err limit_count(const struct dw_app *app, struct dw_request *r, const struct app_limit *limit)
{
    struct dw_rate_verdict verdicts[DW_RATES_MAX];
    char bytes[SUBJECT_MAX];
    size_t n = 0;

    if (limit == NULL || limit->n_rates == 0)
        return DW_OK;
    if (must_wait(app, r))
        return DW_ERR_WOULD_BLOCK;
    const struct dw_str subject = dw_str_n(bytes, subject_write(r, limit, bytes));
    if (subject.len == 0)
        return DW_OK;
    if (app->rate_store.hit == NULL || store_ask(app, r, limit, subject, verdicts, &n) != DW_OK)
        n = memory_ask(app, limit, subject, verdicts);
    for (size_t i = 0; i < n; i++)
        note(app_state(r), &limit->rates[i], &verdicts[i]);
    if (verdicts[n - 1].is_allowed)
        return DW_OK;
    app_metrics_count_limited(app, limit);
    dw_retry_after(r, (unsigned)verdicts[n - 1].retry_after_s);
    return DW_ERR_RATE_LIMITED;
}

static bool is_of_kind(const struct app_limit *limit, bool by_address)
{
    return limit != NULL && limit->n_rates > 0 && (limit->by == DW_RATE_BY_ADDRESS) == by_address;
}

/* By address: as soon as the header is there, or, where that would have to wait, first of all on a worker. */
static enum dw_err limit_count_early(const struct dw_app *app, struct dw_request *r, const struct app_limit *limit)
{
    if (!is_of_kind(limit, true))
        return DW_OK;
    if (!must_wait(app, r))
        return limit_count(app, r, limit);
    app_state(r)->is_limit_due = true;
    return DW_OK;
}

static enum dw_err rate_limit_before(const struct dw_app *app, struct dw_request *r)
{
    return limit_count_early(app, r, app->limit_of_all);
}

static enum dw_err rate_limit_routed(const struct dw_app *app, struct dw_request *r)
{
    const struct app_row *row = app_row(r);

    return row == NULL ? DW_OK : limit_count_early(app, r, row->limit);
}

/* The outer applications' first, then the row's. */
static enum dw_err limits_of_all_count(const struct dw_app *app, struct dw_request *r, bool by_address)
{
    if (app->outer != NULL)
        TRY(limits_of_all_count(app->outer, r, by_address));
    return is_of_kind(app->limit_of_all, by_address) ? limit_count(app, r, app->limit_of_all) : DW_OK;
}

static enum dw_err limits_count(const struct dw_app *app, struct dw_request *r, bool by_address)
{
    const struct app_row *row = app_row(r);

    TRY(limits_of_all_count(app, r, by_address));
    return row != NULL && is_of_kind(row->limit, by_address) ? limit_count(app, r, row->limit) : DW_OK;
}

enum dw_err rate_limits_count_due(struct dw_request *r)
{
    struct app_state *s = app_state(r);

    if (!s->is_limit_due)
        return DW_OK;
    s->is_limit_due = false;
    return limits_count(s->app, r, true);
}

static enum dw_err rate_limit_resolved(const struct dw_app *app, struct dw_request *r)
{
    return limits_count(app, r, false);
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
