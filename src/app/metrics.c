#include "app/metrics.h"

#include "app/docs/negotiate.h"
#include "http/metrics.h"

enum { METRICS_TEXT_MAX = 8 << 20, STATUS_LIMIT = 600 };

/* The statuses that have a series of their own; 0 is an answer that nobody waited for. */
#define STATUSES(X)                                                                                                    \
    X(101) X(200) X(201) X(202) X(204) X(206) X(301) X(302) X(303) X(304) X(307) X(308) X(400) X(401) X(402) X(403)    \
    X(404) X(405) X(406) X(408) X(409) X(410) X(411) X(412) X(413) X(414) X(415) X(416) X(417) X(418) X(421) X(422)    \
    X(423) X(424) X(425) X(426) X(428) X(429) X(431) X(451) X(500) X(501) X(502) X(503) X(504) X(505)

#define STATUS_SERIES(status) STATUS_##status,
#define STATUS_TEXT(status) #status,
#define STATUS_OF(status) [status] = STATUS_##status,
enum { STATUS_OTHER, STATUS_ABORTED, STATUSES(STATUS_SERIES) STATUS_COUNT };
static const char *const STATUS_TEXTS[STATUS_COUNT] = { "other", "aborted", STATUSES(STATUS_TEXT) };
static const unsigned char STATUS_NUMBERS[STATUS_LIMIT] = { STATUSES(STATUS_OF) };

static const struct dw_metric REQUESTS = {
    .name = "doorward_http_requests_total", .kind = DW_COUNTER, .is_sparse = true,
    .help = "Requests by route and status; aborted: the client had gone.",
};
static const struct dw_metric DURATIONS = {
    .name = "doorward_http_request_seconds", .kind = DW_HISTOGRAM, .unit = DW_NANOSECONDS, .is_sparse = true,
    .help = "From the first byte of a request until its answer has left.",
};
static const struct dw_metric ERRORS = {
    .name = "doorward_http_errors_total", .kind = DW_COUNTER, .is_sparse = true,
    .help = "Requests by the error that ended them, as the log names it.",
    .labels = { METRICS_ERROR_LABEL("error") },
};
static const struct dw_metric LIMITED = {
    .name = "doorward_rate_limited_total", .kind = DW_COUNTER, .help = "Requests that a rate limit has refused.",
};

/* --- making ----------------------------------------------------------------------------------------------------- */

static const char *label_make(struct dw_arena *arena, const char *method, const char *mount, const char *path)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(METRICS_TEXT_MAX);

    buffer_printf(&b, "method=\"%s\",route=\"", method);
    for (const char *part[] = { mount, path, NULL }, **p = part; *p != NULL; p++)
        for (const char *c = *p; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\')
                buffer_append_char(&b, '\\');
            buffer_append_char(&b, *c);
        }
    buffer_append_char(&b, '"');
    return buffer_error(&b) == DW_OK ? dw_arena_copy(arena, buffer_str(&b)).ptr : NULL;
}

static size_t rows_count(const struct dw_app *app)
{
    size_t n = app->n_rows;

    for (size_t i = 0; i < app->n_mounted; i++)
        n += rows_count(app->mounted[i]);
    return n;
}

static enum dw_err rows_number(struct dw_app *app, struct app_metrics *metrics, struct dw_arena *arena)
{
    for (size_t i = 0; i < app->n_rows; i++) {
        const struct dw_route *route = app->rows[i].route;
        const char *label = label_make(arena, dw_method_name(route->method), app->mount, route->path);
        if (label == NULL)
            return DW_ERR_NO_MEMORY;
        app->rows[i].metrics_row = metrics->n_rows;
        metrics->row_labels[metrics->n_rows++] = label;
    }
    for (size_t i = 0; i < app->n_mounted; i++)
        TRY(rows_number(app->mounted[i], metrics, arena));
    return DW_OK;
}

/* What found no row comes first, by its method. */
static enum dw_err labels_make(struct dw_app *app, struct app_metrics *metrics)
{
    const size_t n = DW_METHOD_COUNT + rows_count(app);

    metrics->row_labels = dw_arena_alloc(app->arena, n * sizeof(*metrics->row_labels));
    if (metrics->row_labels == NULL)
        return DW_ERR_NO_MEMORY;
    for (int method = 0; method < DW_METHOD_COUNT; method++) {
        const char *label = label_make(app->arena, dw_method_name((enum dw_method)method), "", "none");
        if (label == NULL)
            return DW_ERR_NO_MEMORY;
        metrics->row_labels[metrics->n_rows++] = label;
    }
    return rows_number(app, metrics, app->arena);
}

/* Limits of all applications by name: those of one name count together. */
static unsigned limit_find(const struct app_metrics *metrics, const char *name)
{
    unsigned i = 0;

    while (i < metrics->n_limits && strcmp(metrics->limit_names[i], name) != 0)
        i++;
    return i;
}

static size_t limits_count(const struct dw_app *app)
{
    size_t n = app->n_limits;

    for (size_t i = 0; i < app->n_mounted; i++)
        n += limits_count(app->mounted[i]);
    return n;
}

static void limits_add(struct dw_app *app, struct app_metrics *metrics)
{
    for (size_t i = 0; i < app->n_limits; i++) {
        const unsigned at = limit_find(metrics, app->limits[i].name);
        metrics->limit_names[at] = app->limits[i].name;
        metrics->n_limits = MAX_OF(metrics->n_limits, at + 1);
        app->limits[i].metrics_series = at;
    }
    for (size_t i = 0; i < app->n_mounted; i++)
        limits_add(app->mounted[i], metrics);
}

static enum dw_err limits_make(struct dw_app *app, struct app_metrics *metrics)
{
    const size_t n = limits_count(app);

    metrics->limit_names = dw_arena_alloc(app->arena, (n + 1) * sizeof(*metrics->limit_names));
    if (metrics->limit_names == NULL)
        return DW_ERR_NO_MEMORY;
    limits_add(app, metrics);
    return DW_OK;
}

static void metrics_fill(struct app_metrics *m)
{
    const struct dw_label route = { NULL, m->row_labels, m->n_rows };
    size_t n = 0;

    m->requests = REQUESTS;
    m->requests.labels[0] = route;
    m->requests.labels[1] = (struct dw_label){ "code", STATUS_TEXTS, STATUS_COUNT };
    m->durations = DURATIONS;
    m->durations.labels[0] = route;
    m->errors = ERRORS;
    m->limited = LIMITED;
    m->limited.labels[0] = (struct dw_label){ "limit", m->limit_names, m->n_limits };
    m->rows[n++] = &m->requests;
    m->rows[n++] = &m->durations;
    m->rows[n++] = &m->errors;
    if (m->n_limits > 0)
        m->rows[n++] = &m->limited;
    m->rows[n] = NULL;
}

/* What could not be sent as a bearer token would keep everybody out (RFC 6750 §2.1). */
static enum dw_err token_make(const struct dw_metrics *config, struct app_metrics *metrics, struct problem *p)
{
    static const char ALLOWED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
    const struct dw_secret *token = config->token;

    if (token == NULL)
        return config->is_public ? DW_OK : problem_say(p, "metrics: neither a token nor open to everyone");
    if (config->is_public)
        return problem_say(p, "metrics: both a token and open to everyone");
    if (token->size < METRICS_TOKEN_MIN)
        return problem_say(p, "metrics: the token has fewer than %d bytes", METRICS_TOKEN_MIN);
    for (size_t i = 0; i < token->size; i++)
        if (token->bytes[i] == '\0' || strchr(ALLOWED, token->bytes[i]) == NULL)
            return problem_say(p, "metrics: the token has a character that Authorization can't carry");
    return dw_secret_copy(dw_secret_borrow(token), &metrics->token);
}

static enum dw_err rows_register(struct dw_metric *const *rows, const void *owner, struct problem *p)
{
    const struct dw_metric *bad = NULL;
    const enum dw_err err = metrics_register(rows, owner, &bad);

    if (err == DW_ERR_LIMIT)
        return problem_say(p, "metrics: too many series at %.80s", bad->name);
    if (err == DW_ERR_TABLE)
        return problem_say(p, "metrics: the row %.80s is malformed, or its name is taken",
                           bad->name == NULL ? "without a name" : bad->name);
    return err;
}

/* Its own rows are not registered, so that nothing is counted in them. */
static enum dw_err of_another(struct dw_app *app, const struct dw_metrics *config, struct problem *p)
{
    if (config->of->metrics == NULL || config->rows != NULL)
        return problem_say(p, config->rows != NULL ? "metrics: rows, and those of another application"
                                                   : "metrics: of an application that has none");
    app->metrics->of = config->of->metrics;
    app->config.metrics = NULL;
    return DW_OK;
}

enum dw_err app_metrics_make(struct dw_app *app, struct problem *p)
{
    const struct dw_metrics *config = app->config.metrics;

    if (config == NULL)
        return DW_OK;
    if (app->outer != NULL)
        return problem_say(p, "metrics are the outermost application's");
    app->metrics = calloc(1, sizeof(*app->metrics));
    if (app->metrics == NULL)
        return DW_ERR_NO_MEMORY;
    app->metrics->of = app->metrics;
    TRY(token_make(config, app->metrics, p));
    if (config->of != NULL)
        return of_another(app, config, p);
    TRY(labels_make(app, app->metrics));
    TRY(limits_make(app, app->metrics));
    metrics_fill(app->metrics);
    TRY(rows_register(METRICS_PROCESS, NULL, p));
    TRY(rows_register(HTTP_METRICS, NULL, p));
    TRY(rows_register(app->metrics->rows, app->metrics, p));
    if (config->rows != NULL)
        TRY(rows_register(config->rows, app->metrics, p));
    app->config.metrics = NULL; /* read; the caller's may be gone from here on */
    return DW_OK;
}

void app_metrics_free(struct app_metrics **metrics)
{
    if (*metrics == NULL)
        return;
    metrics_unregister(*metrics);
    dw_secret_free(&(*metrics)->token);
    free(*metrics);
    *metrics = NULL;
}

/* --- counting --------------------------------------------------------------------------------------------------- */

static unsigned status_number(int status, bool sent)
{
    if (!sent)
        return STATUS_ABORTED;
    return status < 0 || status >= STATUS_LIMIT ? STATUS_OTHER : STATUS_NUMBERS[status];
}

void app_metrics_count(const struct app_metrics *metrics, struct dw_request *r, bool sent)
{
    const struct app_row *row = app_row(r);
    const unsigned number = row != NULL ? row->metrics_row : (unsigned)r->method;

    metric_add(&metrics->requests, number * STATUS_COUNT + status_number(r->status, sent), 1);
    metric_observe(&metrics->durations, number, (uint64_t)http_request_duration_ns(r));
    if (r->state != NULL && app_state(r)->error != DW_OK)
        metric_add(&metrics->errors, (unsigned)app_state(r)->error, 1);
}

static const struct dw_app *outermost(const struct dw_app *app)
{
    while (app->outer != NULL)
        app = app->outer;
    return app;
}

void app_metrics_count_limited(const struct dw_app *app, const struct app_limit *limit)
{
    const struct app_metrics *metrics = outermost(app)->metrics;

    if (metrics != NULL)
        metric_add(&metrics->limited, limit->metrics_series, 1);
}

/* --- the route --------------------------------------------------------------------------------------------------- */

static const struct dw_scheme TOKEN_SCHEME = { .kind = DW_SCHEME_HTTP_BEARER, .name = "MetricsToken" };

static enum dw_err reader_check(struct dw_request *r, const struct app_metrics *metrics)
{
    struct dw_str sent;

    if (metrics->token.size == 0)
        return DW_OK;
    TRY(dw_scheme_extract(r, &TOKEN_SCHEME, &sent));
    /* The length is no secret: it is the operator's choice, and a comparison of unlike lengths has nothing to hide. */
    if (sent.len != metrics->token.size || !dw_mem_eq(sent.ptr, metrics->token.bytes, sent.len))
        return DW_ERR_TOKEN_INVALID;
    return DW_OK;
}

static enum dw_err show_metrics(struct dw_request *r, const void *in, void *out)
{
    const struct app_metrics *metrics = outermost(app_state(r)->app)->metrics;
    _cleanup_buffer_ struct buffer text = BUFFER_INIT(METRICS_TEXT_MAX);

    if (metrics == NULL)
        return DW_ERR_NOT_FOUND;
    TRY(reader_check(r, metrics));
    const enum metrics_format format =
        accepts_openmetrics(dw_request_header(r, "Accept")) ? METRICS_OPENMETRICS : METRICS_TEXT;

    metrics_write(metrics->of, format, &text);
    TRY(buffer_error(&text));
    dw_answer_header(r, "Vary", DW_STR("Accept, Authorization"));
    dw_answer_body(r, METRICS_CONTENT_TYPES[format], buffer_str(&text));
    return DW_OK;
}

/* Public as far as the row knows: who may read is nobody's account, and the handler asks for the secret itself. */
const struct dw_route DW_METRICS_ROUTES[] = {
    { DW_GET, "/metrics", show_metrics, .answer_type = "text/plain", .needs = DW_PUBLIC, .lane = DW_INLINE,
      .no_store = true, .hidden = true, .summary = "Metrics for Prometheus" },
    { 0 },
};
