#include "app/application.h"

#include "app/auth/auth.h"
#include "app/channel.h"
#include "app/metrics.h"
#include "app/middleware/middleware.h"
#include "app/scheme.h"

enum { APP_ARENA_LIMIT = 64 << 20, HEAD_MAX = 4096, OPENAPI_MAX = 8 << 20 };

/* --- checks of one row ------------------------------------------------------------------------------------------ */

enum dw_err app_needs_check(const struct dw_needs *needs, struct problem *p)
{
    switch (needs->kind) {
    case DW_NEEDS_NOTHING:
        return needs->uses == NULL ? DW_OK : problem_say(p, "public, and yet it needs something");
    case DW_NEEDS_ALL:
        if (needs->uses == NULL || needs->uses[0].dependency == NULL)
            return problem_say(p, "needs are announced, but the list is empty");
        return DW_OK;
    case DW_NEEDS_UNSTATED:
        break;
    }
    return problem_say(p, "needs are not stated (DW_PUBLIC is written out)");
}

static enum dw_err models_check(const struct dw_route *route, struct problem *p)
{
    if (route->body != NULL && route->form != NULL)
        return problem_say(p, "both a body and a form");
    if ((route->body != NULL || route->form != NULL) && (route->method == DW_GET || route->method == DW_HEAD))
        return problem_say(p, "a %s with a body", dw_method_name(route->method));
    if (route->answer != NULL && route->status == 204)
        return problem_say(p, "status 204 with an answer model");
    if (route->answer_is_list && route->answer == NULL)
        return problem_say(p, "a list of answers, and no answer model");
    return DW_OK;
}

static bool is_header_value(const char *value)
{
    for (; *value != '\0'; value++)
        if ((unsigned char)*value < ' ' || *value == '\x7f')
            return false;
    return true;
}

static enum dw_err route_check(const struct dw_app *app, const struct dw_route *route, struct problem *p)
{
    enum { STATUS_FIRST = 200, STATUS_LAST = 399 };

    if (route->method <= DW_OTHER_METHOD || route->method >= DW_METHOD_COUNT)
        return problem_say(p, "no method, or an unknown one");
    if (route->handler == NULL && route->websocket == NULL)
        return problem_say(p, "no handler");
    if (route->lane < DW_WORKER || route->lane > DW_HASHING)
        return problem_say(p, "an unknown lane");
    if (route->status != 0 && (route->status < STATUS_FIRST || route->status > STATUS_LAST))
        return problem_say(p, "status %d is none of success", route->status);
    if (route->content_security_policy != NULL && !is_header_value(route->content_security_policy))
        return problem_say(p, "a control character in its content security policy");
    if (route->rate_limit != NULL && rate_limit_find(app, route->rate_limit) == NULL)
        return problem_say(p, "no rate limit has the name %s", route->rate_limit);
    if (route->handler == dw_auth_token_handler && app->config.auth == NULL)
        return problem_say(p, "it signs in, but the application has no .auth");
    TRY(app_needs_check(&route->needs, p));
    return models_check(route, p);
}

/* --- making one row ready --------------------------------------------------------------------------------------- */

static enum dw_err head_make(struct dw_app *app, const struct dw_route *route, struct dw_str *ret_head)
{
    _cleanup_buffer_ struct buffer head = BUFFER_INIT(HEAD_MAX);

    for (size_t i = 0; i < MIDDLEWARE_COUNT; i++)
        if (MIDDLEWARE[i]->prepare != NULL)
            MIDDLEWARE[i]->prepare(app, route, &head);
    TRY(buffer_error(&head));
    const struct dw_str copy = dw_arena_copy(app->arena, buffer_str(&head));
    if (dw_str_is_absent(copy))
        return DW_ERR_NO_MEMORY;
    *ret_head = copy;
    return DW_OK;
}

static enum dw_err model_make(struct dw_app *app, const struct dw_model *model, enum model_use use, struct problem *p,
                              const struct model_plan **plan)
{
    return model == NULL ? DW_OK : model_set_add(&app->models, model, use, p, plan);
}

static bool plan_uses(const struct plan *plan, const struct dw_dependency *dependency)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].made == dependency)
            return true;
    return false;
}

static enum dw_err dependency_schemes_check(const struct dw_dependency *d, struct problem *p)
{
    const bool extracts = d->resolve == dw_resolve_credential || d->resolve == dw_resolve_credential_optional;

    if (extracts && (d->schemes == NULL || d->schemes[0] == NULL || d->size != sizeof(struct dw_credential)))
        return problem_say(p, "dependency %s: no schemes, or its size is not that of a dw_credential", d->name);
    for (const struct dw_scheme *const *scheme = d->schemes; scheme != NULL && *scheme != NULL; scheme++)
        TRY(scheme_check(*scheme, p));
    return DW_OK;
}

static enum dw_err row_schemes_check(const struct plan *plan, struct problem *p)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        TRY(dependency_schemes_check(plan->steps[i].asked, p));
    return DW_OK;
}

enum dw_err app_row_plan(struct dw_app *app, const struct app_row *row, struct dw_arena *arena, struct problem *p,
                         struct plan *ret_plan)
{
    const struct dw_app_config *config = &app->config;

    TRY(plan_make(arena, &row->route->needs, app->overrides, p, ret_plan));
    const bool can_authenticate =
        config->credentials != NULL && config->credentials[0] != NULL && config->authenticate != NULL;
    if (!can_authenticate && plan_uses(ret_plan, &DW_CURRENT_PRINCIPAL))
        return problem_say(p, "it needs the current principal, but the application has no credentials or authenticate");
    return row_schemes_check(ret_plan, p);
}

/* A member that the path has no segment for would be missing in every request. */
static enum dw_err segments_check(const struct app_row *row, struct problem *p)
{
    const struct model_plan *plan = row->parameters[PLACE_PATH];

    for (size_t i = 0; plan != NULL && i < plan->n_fields; i++) {
        bool is_there = false;
        for (size_t j = 0; j < row->n_names; j++)
            is_there = is_there || dw_str_eq(row->names[j], dw_str(plan->fields[i].field->name));
        if (!is_there)
            return problem_say(p, "the path has no {%s}", plan->fields[i].field->name);
    }
    return DW_OK;
}

static enum dw_err row_parameters_make(struct dw_app *app, struct app_row *row, struct problem *p)
{
    for (enum parameter_place place = PLACE_PATH; place < PLACE_COUNT; place++)
        TRY(model_make(app, parameter_model(row->route, place), MODEL_TEXT_IN, p, &row->parameters[place]));
    return segments_check(row, p);
}

static enum dw_err row_make(struct dw_app *app, const struct dw_route *route, struct app_row *row, struct problem *p)
{
    row->route = route;
    TRY(route_check(app, route, p));
    row->limit = rate_limit_find(app, route->rate_limit);
    TRY(router_add(&app->router, route->method, route->path, row, p, row->names, &row->n_names));
    TRY(model_make(app, route->body, MODEL_JSON_IN, p, &row->body));
    TRY(model_make(app, route->form, MODEL_TEXT_IN, p, &row->body));
    if (route->form != NULL)
        ((struct model_plan *)row->body)->is_form = true;
    TRY(row_parameters_make(app, row, p));
    TRY(model_make(app, route->answer, MODEL_OUT, p, &row->answer));
    TRY(app_row_plan(app, row, app->plans_arena, p, &row->plan));
    TRY(head_make(app, route, &row->head));
    return route->websocket == NULL ? DW_OK : channel_make(app, row, p);
}

/* --- all rows --------------------------------------------------------------------------------------------------- */

/* Rows are made of routes, and of the messages of WebSocket routes. */
static size_t rows_count(const struct dw_route *const *tables)
{
    size_t n = 0;

    for (; *tables != NULL; tables++)
        for (const struct dw_route *route = *tables; route->path != NULL; route++)
            n += 1 + channel_count_rows(route);
    return n;
}

static enum dw_err rows_make(struct dw_app *app, struct problem *p)
{
    const size_t n = app->config.routes == NULL ? 0 : rows_count(app->config.routes);

    if (n == 0 && app->n_mounted > 0)
        return DW_OK;
    if (n == 0 || n > APP_ROWS_MAX)
        return problem_say(p, n == 0 ? "no routes" : "too many routes");
    app->rows = dw_arena_alloc(app->arena, n * sizeof(*app->rows));
    if (app->rows == NULL)
        return DW_ERR_NO_MEMORY;
    for (const struct dw_route *const *table = app->config.routes; *table != NULL; table++)
        for (const struct dw_route *route = *table; route->path != NULL; route++) {
            struct app_row *row = &app->rows[app->n_rows++];
            row->label = dw_arena_printf(app->arena, "%s %s", dw_method_name(route->method), route->path).ptr;
            if (row->label == NULL)
                return DW_ERR_NO_MEMORY;
            TRY(problem_at(p, row->label, row_make(app, route, row, p)));
        }
    return DW_OK;
}

static enum dw_err config_check(const struct dw_app_config *config, struct problem *p)
{
    if (config->title == NULL || config->version == NULL)
        return problem_say(p, "the application has no title or no version");
    if (config->routes == NULL && config->mounts == NULL)
        return problem_say(p, "no routes");
    for (const struct dw_scheme *const *scheme = config->credentials; scheme != NULL && *scheme != NULL; scheme++)
        TRY(scheme_check(*scheme, p));
    return DW_OK;
}

static enum dw_err app_make(struct dw_app *app, struct problem *p)
{
    TRY(auth_config_fill(&app->config, p));
    TRY(config_check(&app->config, p));
    TRY(dw_arena_new(APP_ARENA_LIMIT, &app->arena));
    TRY(dw_arena_new(APP_ARENA_LIMIT, &app->plans_arena));
    app->router.arena = app->models.arena = app->arena;
    TRY(forwarded_make(app, p));
    TRY(trusted_hosts_make(app, p));
    TRY(cors_make(app, p));
    TRY(rate_limits_make(app, p));
    TRY(mounts_make(app, p));
    TRY(rows_make(app, p));
    TRY(head_make(app, NULL, &app->head));
    model_set_finish(&app->models);
    app->openapi = (struct buffer)BUFFER_INIT(OPENAPI_MAX);
    TRY(openapi_make(app, p));
    TRY(app_metrics_make(app, p));
    middleware_choose(app);
    dispatch_fill(app);
    return DW_OK;
}

/* --- public ----------------------------------------------------------------------------------------------------- */

enum dw_err app_new(const struct dw_app_config *config, const struct dw_app *outer, const char *prefix,
                    struct problem *p, struct dw_app **ret_app)
{
    _cleanup_(dw_app_free) struct dw_app *app = calloc(1, sizeof(*app));

    if (app == NULL)
        return DW_ERR_NO_MEMORY;
    app->config = *config;
    app->outer = outer;
    app->mount = prefix;
    TRY(app_make(app, p));
    *ret_app = TAKE_PTR(app);
    return DW_OK;
}

static bool has_channels(const struct dw_app *app)
{
    for (size_t i = 0; i < app->n_rows; i++)
        if (app->rows[i].channel != NULL)
            return true;
    for (size_t i = 0; i < app->n_mounted; i++)
        if (has_channels(app->mounted[i]))
            return true;
    return false;
}

enum dw_err dw_app_new(const struct dw_app_config *config, struct dw_app **ret_app, char ret_problem[DW_PROBLEM_SIZE])
{
    _cleanup_(dw_app_free) struct dw_app *app = NULL;
    struct problem p = { "" };

    if (config == NULL || ret_app == NULL)
        return DW_ERR_ARGUMENT;
    enum dw_err err = app_new(config, NULL, "", &p, &app);
    if (err == DW_OK && has_channels(app))
        err = hub_new(&app->service.hub);
    if (err == DW_OK)
        *ret_app = TAKE_PTR(app);
    else if (ret_problem != NULL)
        snprintf(ret_problem, DW_PROBLEM_SIZE, "%s", p.text[0] == '\0' ? dw_error_info(err)->code : p.text);
    return err;
}

void dw_app_free(struct dw_app **app)
{
    if (app == NULL || *app == NULL)
        return;
    while ((*app)->overrides != NULL) {
        struct plan_override *next = (*app)->overrides->next;
        free((*app)->overrides);
        (*app)->overrides = next;
    }
    for (size_t i = 0; i < (*app)->n_mounted; i++)
        dw_app_free(&(*app)->mounted[i]);
    hub_free(&(*app)->service.hub);
    app_metrics_free(&(*app)->metrics);
    cors_free((*app)->cors);
    model_set_free(&(*app)->models);
    buffer_free(&(*app)->openapi);
    rate_counters_free(&(*app)->counters);
    dw_arena_free(&(*app)->plans_arena);
    dw_arena_free(&(*app)->arena);
    free(*app);
    *app = NULL;
}

struct dw_str dw_app_openapi(const struct dw_app *app)
{
    return app == NULL ? dw_str_n(NULL, 0) : buffer_str(&app->openapi);
}

static enum dw_err plans_make(struct dw_app *app, struct dw_arena *arena, struct plan *plans)
{
    struct problem p = { "" };

    for (size_t i = 0; i < app->n_rows; i++)
        TRY(app_row_plan(app, &app->rows[i], arena, &p, &plans[i]));
    return DW_OK;
}

/* All plans anew, or all as they were. */
static enum dw_err plans_replace(struct dw_app *app)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    _cleanup_free_ struct plan *plans = calloc(MAX_OF(app->n_rows, 1u), sizeof(*plans));

    if (plans == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(dw_arena_new(APP_ARENA_LIMIT, &arena));
    TRY(plans_make(app, arena, plans));
    for (size_t i = 0; i < app->n_rows; i++)
        app->rows[i].plan = plans[i];
    dw_arena_free(&app->plans_arena);
    app->plans_arena = TAKE_PTR(arena);
    return DW_OK;
}

/* Unlinks and returns the override of `asked`, if there is one. */
static struct plan_override *override_take(struct dw_app *app, const struct dw_dependency *asked)
{
    for (struct plan_override **o = &app->overrides; *o != NULL; o = &(*o)->next)
        if ((*o)->asked == asked) {
            struct plan_override *taken = *o;
            *o = taken->next;
            return taken;
        }
    return NULL;
}

static void override_link(struct dw_app *app, struct plan_override *o)
{
    if (o == NULL)
        return;
    o->next = app->overrides;
    app->overrides = o;
}

enum dw_err dw_app_override(struct dw_app *app, const struct dw_dependency *dependency,
                            const struct dw_dependency *replacement)
{
    if (app == NULL || dependency == NULL || (replacement != NULL && replacement->size != dependency->size))
        return DW_ERR_ARGUMENT;
    struct plan_override *new_one = replacement == NULL ? NULL : calloc(1, sizeof(*new_one));
    if (replacement != NULL && new_one == NULL)
        return DW_ERR_NO_MEMORY;
    if (new_one != NULL)
        *new_one = (struct plan_override){ .asked = dependency, .made = replacement };
    struct plan_override *old_one = override_take(app, dependency);
    override_link(app, new_one);
    const enum dw_err err = plans_replace(app);
    if (err != DW_OK) {
        free(override_take(app, dependency));
        override_link(app, old_one);
        return err;
    }
    free(old_one);
    return DW_OK;
}

enum dw_err dw_serve(struct dw_app *app, const struct dw_server_config *config)
{
    if (app == NULL || config == NULL)
        return DW_ERR_ARGUMENT;
    return http_serve(&app->service, config);
}

enum dw_err dw_call(struct dw_app *app, const struct dw_call *call, struct dw_arena *arena,
                    struct dw_called *ret_called)
{
    if (app == NULL || call == NULL || arena == NULL || ret_called == NULL)
        return DW_ERR_ARGUMENT;
    return http_call(&app->service, call, arena, ret_called);
}
