#include "app/application.h"

#include "app/accept.h"
#include "app/middleware/middleware.h"
#include "base/log.h"

enum { STATUS_OK = 200, STATUS_NO_CONTENT = 204, STATUS_NOT_MODIFIED = 304, STATUS_SERVER_ERROR = 500 };

struct app_state *app_state_make(const struct dw_app *app, struct dw_request *r)
{
    if (r->state == NULL) {
        struct app_state *s = dw_arena_alloc(r->arena, sizeof(*s));
        if (s == NULL)
            return NULL;
        s->app = app;
        r->state = s;
    }
    return r->state;
}

/* --- the answer ------------------------------------------------------------------------------------------------- */

/* Busy is told by the line of the request itself. */
void dispatch_log_failure(const struct dw_request *r, enum dw_err err)
{
    if (dw_error_info(err)->status < STATUS_SERVER_ERROR || err == DW_ERR_BUSY)
        return;
    log_event(err == DW_ERR_UNAVAILABLE ? LOG_WARNING : LOG_ERROR, "request_failed",
              LOG_CSTR("route", app_row(r) == NULL ? "" : app_row(r)->label), LOG_ERR(err));
}

static void fail(const struct dw_app *app, struct dw_request *r, enum dw_err err)
{
    if (accept_closes(r, err)) {
        err = accept_answer(r, err);
        if (err == DW_OK) {
            dispatch_release(r);
            return;
        }
    }
    dispatch_log_failure(r, err);
    error_answer_write(app, r, err);
    dispatch_release(r);
}

static void early_write(const struct app_early *early, struct dw_request *r)
{
    r->status = early->status;
    if (!dw_str_is_absent(early->location))
        dw_answer_header(r, "Location", early->location);
    if (early->text.len > 0)
        dw_answer_body(r, "text/plain; charset=utf-8", early->text);
}

static void dispatch_refuse(void *context, struct dw_request *r, enum dw_err err)
{
    /* Without memory the answer is still made, only without the words that a state could add. */
    const struct app_state *s = app_state_make(context, r);

    if (s != NULL && s->early.status != 0)
        early_write(&s->early, r);
    else
        fail(s == NULL ? context : s->app, r, err);
}

static bool has_body(const struct dw_request *r)
{
    return r->answer.len > 0 || !dw_str_is_absent(r->answer_static);
}

static void succeed(const struct dw_app *app, struct dw_request *r, const void *out)
{
    const struct app_row *row = app_state(r)->match.row;

    if (row->answer != NULL && !has_body(r)) {
        if (row->route->answer_is_list)
            model_write_list(row->answer, out, &r->answer);
        else
            model_write(row->answer, out, &r->answer);
        r->content_type = "application/json";
    }
    if (buffer_error(&r->answer) != DW_OK) {
        fail(app, r, buffer_error(&r->answer));
        return;
    }
    if (r->status == 0)
        r->status = row->route->status;
    if (r->status == 0)
        r->status = has_body(r) ? STATUS_OK : STATUS_NO_CONTENT;
    dispatch_release(r);
}

enum dw_err dw_answer_model(struct dw_request *r, const struct dw_model *model, const void *out)
{
    if (r == NULL || r->state == NULL || model == NULL || out == NULL)
        return DW_ERR_ARGUMENT;
    for (const struct model_plan *plan = app_state(r)->app->models.first; plan != NULL; plan = plan->next) {
        if (plan->model != model || (plan->uses & MODEL_OUT) == 0)
            continue;
        dw_answer_body(r, "application/json", dw_str_n(NULL, 0));
        model_write(plan, out, &r->answer);
        return buffer_error(&r->answer);
    }
    return DW_ERR_ARGUMENT;
}

/* --- serving ---------------------------------------------------------------------------------------------------- */

enum dw_err dispatch_call_handler(struct dw_request *r, void **ret_out)
{
    const struct app_state *s = app_state(r);
    const struct app_row *row = s->match.row;
    void *out = NULL;

    if (row->answer != NULL) {
        out = dw_arena_alloc(r->arena, row->route->answer_is_list ? sizeof(struct dw_list) : row->answer->model->size);
        if (out == NULL)
            return DW_ERR_NO_MEMORY;
    }
    r->status = 0;
    if (row->channel != NULL)
        return accept_answer(r, DW_OK);
    TRY(row->route->handler(r, s->body != NULL ? s->body : s->parameters[PLACE_QUERY], out));
    *ret_out = out;
    return DW_OK;
}

/* Once, also where a request that had to move is resolved again; unless it was this that made it move. */
static enum dw_err resolved_run(struct dw_request *r)
{
    struct app_state *s = app_state(r);
    enum dw_err err = DW_OK;

    if (s->has_resolved)
        return DW_OK;
    for (const struct middleware *const *m = s->app->resolved; err == DW_OK && *m != NULL; m++)
        err = (*m)->resolved(s->app, r);
    s->has_resolved = err != DW_ERR_WOULD_BLOCK;
    return err;
}

/* Who, then what was sent: an unknown caller learns nothing about the form of a body. */
static enum dw_err prepare(struct dw_request *r)
{
    if (app_state(r)->match.row->channel != NULL)
        TRY(accept_prepare(r));
    TRY(resolve_plan(r));
    TRY(resolved_run(r));
    return input_read(r);
}

enum http_verdict dispatch_lane(const struct dw_request *r)
{
    return app_state(r)->match.row->route->lane == DW_HASHING ? HTTP_TO_HASHING : HTTP_TO_WORKER;
}

/* Before a row of the loop moves to a worker: what was resolved may borrow from the loop's memory, so all of it goes
 * and is resolved again there. Rows of the other lanes keep theirs, which was made to be kept. */
void dispatch_start_over(struct dw_request *r)
{
    struct app_state *s = app_state(r);

    if (s->match.row->route->lane != DW_INLINE)
        return;
    dispatch_release(r);
    if (s->values != NULL)
        memset(s->values, 0, s->match.row->plan.values_size);
    s->principal = (struct dw_principal){ 0 };
    s->is_authenticated = false;
    s->cookies = dw_str_n(NULL, 0);
}

/* The handler, or, where it has waited without a thread, how it goes on. */
static enum dw_err run_handler(struct dw_request *r, void **ret_out)
{
    struct app_state *s = app_state(r);
    suspend_finish *finish = s->finish;

    if (finish == NULL)
        return dispatch_call_handler(r, ret_out);
    s->finish = NULL;
    const enum dw_err err = finish(r, s->finish_state, s->out);

    if (err == DW_ERR_WOULD_BLOCK)
        s->finish = finish;
    *ret_out = s->out;
    return err;
}

/* HTTP_TO_HASHING when it would have to wait, or to hash, where it may not: then nothing of its answer is left. The
 * cookies that dependencies set before it are: a session's new value is not made a second time. */
static enum http_verdict run(const struct dw_app *app, struct dw_request *r)
{
    struct app_state *s = app_state(r);
    const struct dw_str cookies = s->cookies;
    void *out = NULL;
    const enum dw_err err = run_handler(r, &out);

    if (err == DW_OK && s->finish != NULL) {
        s->out = out;
        return HTTP_SUSPENDED;
    }
    if (err == DW_ERR_WOULD_BLOCK && !(r->may_block && r->may_hash)) {
        http_answer_clear(r);
        s->fail_error = DW_OK;
        s->issues = (struct issue_list){ 0 };
        s->cookies = cookies;
        return HTTP_TO_HASHING;
    }
    s->finish = NULL;
    if (err == DW_OK)
        succeed(app, r, out);
    else
        fail(app, r, err);
    return HTTP_ANSWERED;
}

/* A WebSocket's handshake has no handler that could wait. */
static bool lane_waits(const struct app_row *row)
{
    return row->route->lane != DW_INLINE && !row->route->tries_loop && row->channel == NULL;
}

/* On the loop: as much as never waits. What was resolved here stays so on the worker, so that floods of unknown callers
 * and broken bodies end here. */
static enum http_verdict dispatch_serve(void *context, struct dw_request *r)
{
    const struct dw_app *app = context;

    if (app_state(r)->is_limit_due)
        return HTTP_TO_WORKER;
    const enum dw_err err = app_row(r) == NULL ? DW_ERR_INTERNAL : prepare(r);
    if (err == DW_ERR_WOULD_BLOCK && !r->may_block) {
        dispatch_start_over(r);
        return dispatch_lane(r);
    }
    if (err != DW_OK) {
        fail(app, r, err);
        return HTTP_ANSWERED;
    }
    if (lane_waits(app_state(r)->match.row) && !r->may_block)
        return dispatch_lane(r);
    const enum http_verdict verdict = run(app, r);

    if (verdict != HTTP_TO_HASHING)
        return verdict;
    dispatch_start_over(r);
    return dispatch_lane(r);
}

static enum http_verdict dispatch_resume(void *context, struct dw_request *r)
{
    const enum http_verdict verdict = run(context, r);

    return verdict == HTTP_TO_HASHING ? HTTP_TO_WORKER : verdict;
}

/* What dispatch_begin() had to leave to a worker. False when that has answered the request. */
static bool begin_end(void *context, struct dw_request *r)
{
    const struct app_state *s = app_state(r);
    const enum dw_err err = rate_limits_count_due(r);

    if (err != DW_OK)
        fail(s->app, r, err);
    else if (s->postponed != DW_OK)
        dispatch_refuse(context, r, s->postponed);
    return err == DW_OK && s->postponed == DW_OK;
}

/* Whether its handler had its turn before, and waits no longer. */
static bool goes_on(const struct dw_request *r)
{
    return app_row(r) != NULL && app_state(r)->finish != NULL;
}

/* Rows that try the loop say themselves when they have to hash. */
static bool is_for_hashing(const struct dw_request *r)
{
    const struct dw_route *route = app_state(r)->match.row->route;

    return route->lane == DW_HASHING && !route->tries_loop;
}

static enum http_verdict dispatch_serve_waiting(void *context, struct dw_request *r)
{
    const struct dw_app *app = context;

    if (goes_on(r))
        return run(app, r);
    if (!begin_end(context, r))
        return HTTP_ANSWERED;
    const enum dw_err err = app_row(r) == NULL ? DW_ERR_INTERNAL : prepare(r);
    const bool must_move = !r->may_hash && (err == DW_ERR_WOULD_BLOCK || (err == DW_OK && is_for_hashing(r)));
    if (must_move)
        return HTTP_TO_HASHING;
    if (err == DW_OK)
        return run(app, r);
    fail(app, r, err);
    return HTTP_ANSWERED;
}

/* --- finding the row -------------------------------------------------------------------------------------------- */

static enum dw_err before_run(const struct dw_app *app, struct dw_request *r)
{
    for (const struct middleware *const *m = app->before; *m != NULL; m++) {
        TRY((*m)->before(app, r));
        /* Any error: dispatch_refuse() writes what has been answered. */
        if (app_state(r)->early.status != 0)
            return DW_ERR_BAD_REQUEST;
    }
    return DW_OK;
}

/* Through the applications that are mounted in each other to the row. */
static enum dw_err row_find(struct dw_request *r, struct app_state *s)
{
    struct router_path path;
    struct dw_app *mounted;
    enum dw_err found = router_split(r->arena, r->path, &path);

    while (found == DW_OK && (mounted = router_find_mounted(&s->app->router, &path)) != NULL) {
        s->app = mounted;
        TRY(before_run(mounted, r));
    }
    if (found == DW_OK)
        found = router_find(&s->app->router, r->method, &path, &s->match);
    for (const struct middleware *const *m = s->app->routed; *m != NULL; m++)
        TRY((*m)->routed(s->app, r));
    return found;
}

static enum dw_err dispatch_begin(void *context, struct dw_request *r, size_t *max_body)
{
    const struct dw_app *app = context;
    struct app_state *s = app_state_make(app, r);

    if (s == NULL)
        return DW_ERR_NO_MEMORY;
    enum dw_err err = before_run(app, r);
    if (err == DW_OK)
        err = row_find(r, s);
    if (err != DW_OK && s->is_limit_due) { /* what is no route counts as well */
        s->postponed = err;
        err = DW_OK;
    }
    TRY(err);
    const size_t wanted = s->postponed != DW_OK ? 0 : s->match.row->route->max_body_bytes;
    *max_body = MIN_OF(*max_body, wanted == 0 ? APP_BODY_DEFAULT : wanted);
    return DW_OK;
}

static void dispatch_finish_head(void *context, struct dw_request *r)
{
    const struct dw_app *app = r->state == NULL ? context : app_state(r)->app;

    for (const struct middleware *const *m = app->after; *m != NULL; m++)
        (*m)->after(app, r);
}

static void dispatch_finished(void *context, struct dw_request *r, bool sent)
{
    const struct dw_app *app = context;

    dispatch_release(r);
    for (const struct middleware *const *m = app->finished; *m != NULL; m++)
        (*m)->finished(app, r, sent);
}

void dispatch_fill(struct dw_app *app)
{
    app->service = (struct http_service){
        .context = app,
        .begin = dispatch_begin,
        .serve = dispatch_serve,
        .serve_waiting = dispatch_serve_waiting,
        .refuse = dispatch_refuse,
        .finished = dispatch_finished,
        .finish_head = dispatch_finish_head,
        .resume = dispatch_resume,
    };
}
