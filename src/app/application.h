/*
 * The application and the state of one request in it, as the files of this room share them.
 */
#ifndef APP_APPLICATION_H
#define APP_APPLICATION_H

#include "app/host.h"
#include "app/issue.h"
#include "app/model.h"
#include "app/parameters.h"
#include "app/plan.h"
#include "app/policy.h"
#include "app/rate_limit.h"
#include "app/router.h"
#include "app/suspend.h"
#include "base/ip.h"
#include "http/service.h"

enum { APP_BODY_DEFAULT = 64 * 1024, APP_ROWS_MAX = 4096, MIDDLEWARE_MAX = 12 };

/* A limit by its name. */
struct app_limit {
    const char *name;
    enum dw_rate_window window;
    enum dw_rate_key by;
    struct dw_str (*key_of)(struct dw_request *r);
    struct dw_rate rates[DW_RATES_MAX]; /* by length of the window */
    size_t n_rates;                     /* 0: no limit */
    unsigned metrics_series;
};

/* What is left of the limit nearest to its end. */
struct app_rate {
    bool is_set;
    uint32_t limit, remaining;
    int64_t reset_s;
};

/* A route with all that was made of it at the start. */
struct app_row {
    const struct dw_route *route;
    const char *label; /* "GET /users/{id}" */
    struct dw_str names[ROUTER_PARAMETERS_MAX];
    size_t n_names;
    const struct model_plan *body; /* of .body or .form */
    const struct model_plan *parameters[PLACE_COUNT];
    const struct model_plan *answer;
    struct plan plan;
    struct dw_str head; /* header lines that each of its answers carries */
    const struct app_limit *limit; /* its own; NULL: none */
    const struct channel *channel; /* of a WebSocket route (channel.h); NULL: it is none */
    unsigned metrics_row;
};

/* OpenAPI has no words for WebSockets. */
static inline bool app_row_is_hidden(const struct app_row *row)
{
    return row->route->hidden || row->route->websocket != NULL;
}

struct cors;
struct channel;
struct dialog;
struct accepting;
struct envelope;
struct middleware;
struct app_metrics;

struct dw_app {
    struct dw_app_config config;
    const struct dw_app *outer; /* that this one is mounted in; NULL: none */
    const char *mount;          /* its prefix, with those of the outer ones; "" without */
    struct dw_app **mounted;
    size_t n_mounted;
    struct dw_arena *arena;       /* rows, tree, models */
    struct dw_arena *plans_arena; /* plans; made anew by dw_app_override() */
    struct plan_override *overrides;
    struct app_row *rows;
    size_t n_rows;
    struct router router;
    struct model_set models;
    struct dw_str head; /* of answers that belong to no row */
    struct buffer openapi;
    struct http_service service;
    struct app_limit *limits;
    size_t n_limits;
    const struct app_limit *limit_of_all; /* that named "default"; NULL: none */
    struct rate_counters *counters; /* there when limits are */
    struct dw_rate_store rate_store; /* asked before them; without `hit`: none */
    struct ip_range *proxies;
    size_t n_proxies;
    struct host_pattern *hosts;
    size_t n_hosts;    /* 0: any host */
    struct cors *cors; /* NULL: none */
    struct app_metrics *metrics; /* NULL: nothing is counted */
    const struct middleware *before[MIDDLEWARE_MAX]; /* each ends with NULL */
    const struct middleware *routed[MIDDLEWARE_MAX];
    const struct middleware *resolved[MIDDLEWARE_MAX];
    const struct middleware *after[MIDDLEWARE_MAX];
    const struct middleware *finished[MIDDLEWARE_MAX];
};

/* The answer that a middleware gives instead of the row. */
struct app_early {
    int status;             /* 0: it gives none */
    struct dw_str location; /* absent: none */
    struct dw_str text;
};

/* One request: made when it begins, in its arena. */
struct app_state {
    const struct dw_app *app; /* that serves it: the innermost of those mounted */
    struct router_match match;
    void *body;
    void *parameters[PLACE_COUNT];
    unsigned char *values;
    size_t n_resolved;
    const struct plan_step *step;   /* being resolved or released */
    const struct plan_step *failed; /* whose resolve ended the request */
    bool is_input_read;
    bool has_resolved; /* the middleware's `resolved` was called */
    bool is_limit_due;      /* limits by address wait for a worker to ask the store of them, */
    enum dw_err postponed;  /* and after them this refusal, which the loop has found already */

    struct dw_principal principal;
    bool is_authenticated;
    const struct dw_claims *claims;    /* of a token that was verified, */
    const struct dw_auth *claims_auth; /* by whom, */
    struct dw_str claims_token;        /* and which one it was */
    struct dw_str credential;          /* that the principal came from */
    const struct dw_scheme *scheme; /* of the credential found, or the first one asked for */
    bool is_credential_sent;

    enum dw_err error; /* what ended the request, for the log */
    enum dw_err fail_error;
    const char *fail_text;
    struct dw_str challenge;
    struct dw_str challenge_scope;
    int64_t challenge_max_age_s;
    struct dw_trace *trace; /* of the last policy */
    unsigned retry_after_s;
    struct app_rate rate;
    struct dw_str cookies; /* lines of Set-Cookie */
    struct app_early early;
    struct dw_str cors_head; /* lines; absent: no application with CORS has seen the request */
    struct issue_list issues;

    suspend_finish *finish; /* how a handler that waits without a thread goes on; NULL: it does not wait */
    void *finish_state, *out;
    struct accepting *accepting; /* a WebSocket's handshake that is in order (accept.c) */
    struct dialog *dialog;       /* of a WebSocket's event (dialog.h) */
    struct envelope *envelope;   /* of its message (message_event.c) */
};

static inline struct app_state *app_state(const struct dw_request *r)
{
    return r->state;
}

/* Whether the row parses anything, and so may find it wrong. */
static inline bool app_row_takes_input(const struct app_row *row)
{
    bool takes = row->body != NULL;

    for (size_t i = 0; i < PLACE_COUNT; i++)
        takes = takes || row->parameters[i] != NULL;
    return takes;
}

static inline const struct app_row *app_row(const struct dw_request *r)
{
    return r->state == NULL ? NULL : app_state(r)->match.row;
}

/* The state, made when there is none yet; NULL without memory. */
struct app_state *app_state_make(const struct dw_app *app, struct dw_request *r);

/* An application, mounted in `outer` at `prefix` when that is not NULL (app.c). */
DW_MUST_USE enum dw_err app_new(const struct dw_app_config *config, const struct dw_app *outer, const char *prefix,
                                struct problem *p, struct dw_app **ret_app);
/* What a row is made of (app.c). */
DW_MUST_USE enum dw_err app_needs_check(const struct dw_needs *needs, struct problem *p);
DW_MUST_USE enum dw_err app_row_plan(struct dw_app *app, const struct app_row *row, struct dw_arena *arena,
                                     struct problem *p, struct plan *ret_plan);
/* Makes those of config.mounts and adds them to the router, before the rows (mount.c). */
DW_MUST_USE enum dw_err mounts_make(struct dw_app *app, struct problem *p);

/* Whether CORS lets pages of this origin ask with cookies: then they are not strangers to checks of Origin. */
bool cors_allows_origin(const struct dw_app *app, struct dw_str origin);

/* The calls of the engine (dispatch.c). */
void dispatch_fill(struct dw_app *app);
/* Calls the row's handler; its answer's struct, or NULL. */
DW_MUST_USE enum dw_err dispatch_call_handler(struct dw_request *r, void **ret_out);
/* Before a request moves to another thread, and the lane that it moves to. */
void dispatch_start_over(struct dw_request *r);
enum http_verdict dispatch_lane(const struct dw_request *r);
/* The outermost handler logs, once: what is ours to mend. */
void dispatch_log_failure(const struct dw_request *r, enum dw_err err);
/* Makes everything that was resolved and not yet released go, newest first. */
void dispatch_release(struct dw_request *r);

/* Resolves the row's plan from where it stands (resolve.c). */
DW_MUST_USE enum dw_err resolve_plan(struct dw_request *r);

/* Replaces whatever was answered by the answer of an error (error_answer.c). */
void error_answer_write(const struct dw_app *app, struct dw_request *r, enum dw_err err);
/* The value of its "detail" alone. */
void error_answer_write_detail(const struct app_state *s, enum dw_err err, struct buffer *b);
/* Adds WWW-Authenticate (challenge.c). */
void challenge_write(struct dw_request *r, enum dw_err err);

/* Whether every space-separated item of `needed` is in `granted` (principal.c). */
bool scopes_hold(struct dw_str granted, struct dw_str needed);

/* Reads parameters, body or form of the row (input.c). DW_ERR_VALIDATION: the state's issues say why. */
DW_MUST_USE enum dw_err input_read(struct dw_request *r);

/* Fills app->openapi (openapi.c). */
DW_MUST_USE enum dw_err openapi_make(struct dw_app *app, struct problem *p);

#endif
