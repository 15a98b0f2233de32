#include "app/channel.h"

#include "http/handshake.h"

enum {
    MESSAGES_MAX = 256,
    STATE_MAX = 64 << 10,
    MESSAGE_BYTES_MAX = 1 << 20, /* as much as the arena of one event can hold as JSON */
    UNSENT_BYTES_MAX = 64 << 20,
    SECONDS_MAX = 24 * 60 * 60,
    RECHECK_MS_MIN = 2 * WEBSOCKET_SLICE_MS,
    RECHECK_MS_MAX = 60 * 1000,
    MS_IN_S = 1000,
    STATUS_UNAUTHORIZED = 401,
    STATUS_FORBIDDEN = 403,
    STATUS_SERVER_ERROR = 500,
};

#define OR_DEFAULT(value, fallback) ((value) == 0 ? (fallback) : (value))

/* --- checks ----------------------------------------------------------------------------------------------------- */

static bool type_is_taken(const char *type)
{
    static const char *const TAKEN[] = { "auth", "authenticated", "error" };

    for (size_t i = 0; i < ARRAY_SIZE(TAKEN); i++)
        if (strcmp(type, TAKEN[i]) == 0)
            return true;
    return type[0] == '\0';
}

/* The envelope's members would stand there twice. */
static enum dw_err model_check(const struct dw_model *model, struct problem *p)
{
    for (const struct dw_field *f = model == NULL ? NULL : model->fields; f != NULL && f->name != NULL; f++)
        if (strcmp(f->name, "type") == 0 || strcmp(f->name, "id") == 0)
            return problem_say(p, "model %s has a member \"%s\", which is the envelope's",
                               model->name == NULL ? "" : model->name, f->name);
    return DW_OK;
}

static enum dw_err message_check(const struct dw_ws_channel *config, const struct dw_ws_message *message,
                                 struct problem *p)
{
    if (type_is_taken(message->type))
        return problem_say(p, "this type is taken, or empty");
    for (const struct dw_ws_message *other = config->messages; other != message; other++)
        if (strcmp(other->type, message->type) == 0)
            return problem_say(p, "this type stands twice");
    if (message->handler == NULL)
        return problem_say(p, "no handler");
    if (message->lane < DW_WORKER || message->lane > DW_HASHING)
        return problem_say(p, "an unknown lane");
    TRY(model_check(message->body, p));
    TRY(model_check(message->answer, p));
    return app_needs_check(&message->needs, p);
}

static enum dw_err names_check(const struct dw_ws_channel *config, struct problem *p)
{
    for (const char *const *name = config->protocols; name != NULL && *name != NULL; name++)
        if (!http_is_token(dw_str(*name)) || strcasecmp(*name, "bearer") == 0)
            return problem_say(p, "\"%.40s\" is no protocol that can be offered", *name);
    for (const char *const *origin = config->origins; origin != NULL && *origin != NULL; origin++)
        if (strcmp(*origin, "*") != 0 && !origin_is_normal(dw_str(*origin)))
            return problem_say(p, "\"%.80s\" is no origin as browsers write it (https://app.example.com)", *origin);
    return DW_OK;
}

static bool code_is_fine(unsigned code)
{
    return code == 0 || code == CLOSE_POLICY || (code >= 3000 && code <= 4999);
}

static enum dw_err limits_check(const struct dw_ws_channel *config, struct problem *p)
{
    if (config->max_message_bytes > MESSAGE_BYTES_MAX)
        return problem_say(p, "max_message_bytes: at most %d", MESSAGE_BYTES_MAX);
    if (config->max_unsent_bytes > UNSENT_BYTES_MAX)
        return problem_say(p, "max_unsent_bytes: at most %d", UNSENT_BYTES_MAX);
    if (config->ping_s > SECONDS_MAX || config->pong_s > SECONDS_MAX || config->auth_deadline_s > SECONDS_MAX)
        return problem_say(p, "ping_s, pong_s, auth_deadline_s: a day at the most");
    if (config->recheck_ms != 0 && (config->recheck_ms < RECHECK_MS_MIN || config->recheck_ms > RECHECK_MS_MAX))
        return problem_say(p, "recheck_ms: %d to %d", RECHECK_MS_MIN, RECHECK_MS_MAX);
    if (config->state_size > STATE_MAX)
        return problem_say(p, "state_size: at most %d", STATE_MAX);
    if (!code_is_fine(config->close_unauthenticated) || !code_is_fine(config->close_forbidden))
        return problem_say(p, "codes to close with: 1008, or 3000 to 4999");
    return DW_OK;
}

static bool plan_asks_for(const struct plan *plan, const struct dw_dependency *dependency)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].asked == dependency)
            return true;
    return false;
}

static enum dw_err route_check(const struct app_row *row, struct problem *p)
{
    const struct dw_route *route = row->route;
    const struct dw_ws_channel *config = route->websocket;

    if (route->method != DW_GET)
        return problem_say(p, "a WebSocket begins with GET (RFC 6455 §4.1)");
    bool has_model = route->body != NULL || route->form != NULL || route->answer != NULL;
    for (enum parameter_place place = PLACE_PATH; place < PLACE_COUNT; place++)
        has_model = has_model || row->parameters[place] != NULL;
    if (route->handler != NULL || has_model)
        return problem_say(p, "a WebSocket route has no handler and no models of its own");
    if (config->messages == NULL && config->message == NULL)
        return problem_say(p, "the channel takes no messages");
    if (config->lane < DW_WORKER || config->lane > DW_HASHING)
        return problem_say(p, "the channel's lane is unknown");
    if (config->takes_auth_message && !plan_asks_for(&row->plan, &DW_CURRENT_PRINCIPAL))
        return problem_say(p, "takes_auth_message, but the route needs no current principal");
    if (channel_count_rows(route) > MESSAGES_MAX)
        return problem_say(p, "more than %d messages", MESSAGES_MAX);
    TRY(names_check(config, p));
    return limits_check(config, p);
}

/* --- making ready ----------------------------------------------------------------------------------------------- */

static size_t uses_count(const struct dw_needs *needs)
{
    size_t n = 0;

    while (needs->uses != NULL && needs->uses[n].dependency != NULL)
        n++;
    return n;
}

/* What the route needs, and then what the message needs. */
static enum dw_err needs_join(struct dw_arena *arena, const struct dw_needs *first, const struct dw_needs *second,
                              struct dw_needs *ret_needs)
{
    const size_t n_first = uses_count(first), n_second = uses_count(second);
    struct dw_use *uses = dw_arena_alloc(arena, (n_first + n_second + 1) * sizeof(*uses));

    if (uses == NULL)
        return DW_ERR_NO_MEMORY;
    if (n_first > 0)
        memcpy(uses, first->uses, n_first * sizeof(*uses));
    if (n_second > 0)
        memcpy(uses + n_first, second->uses, n_second * sizeof(*uses));
    *ret_needs = (struct dw_needs){ n_first + n_second > 0 ? DW_NEEDS_ALL : DW_NEEDS_NOTHING, uses };
    return DW_OK;
}

static enum dw_err message_make(struct dw_app *app, const struct channel *channel, const struct dw_ws_message *message,
                                struct channel_message *out, struct problem *p)
{
    struct dw_route *route = dw_arena_alloc(app->arena, sizeof(*route));
    struct app_row *row = &app->rows[app->n_rows];

    TRY(message_check(channel->config, message, p));
    if (route == NULL)
        return DW_ERR_NO_MEMORY;
    *route = (struct dw_route){ .method = DW_GET, .path = channel->row->route->path, .handler = message->handler,
                                .body = message->body, .answer = message->answer, .lane = message->lane,
                                .hidden = true };
    TRY(needs_join(app->arena, &channel->row->route->needs, &message->needs, &route->needs));
    *row = (struct app_row){ .route = route, .n_names = channel->row->n_names, .head = channel->row->head };
    memcpy(row->names, channel->row->names, sizeof(row->names));
    row->label = dw_arena_printf(app->arena, "%s %s", channel->row->label, message->type).ptr;
    if (row->label == NULL)
        return DW_ERR_NO_MEMORY;
    if (message->body != NULL)
        TRY(model_set_add(&app->models, message->body, MODEL_JSON_IN, p, &row->body));
    if (message->answer != NULL)
        TRY(model_set_add(&app->models, message->answer, MODEL_OUT, p, &row->answer));
    TRY(app_row_plan(app, row, app->plans_arena, p, &row->plan));
    app->n_rows++;
    *out = (struct channel_message){ dw_str(message->type),
                                     message->answer_type == NULL ? message->type : message->answer_type, row };
    return DW_OK;
}

static enum dw_err messages_make(struct dw_app *app, struct channel *channel, struct problem *p)
{
    const struct dw_ws_message *messages = channel->config->messages;
    const size_t n = channel_count_rows(channel->row->route);

    channel->messages = dw_arena_alloc(app->arena, n * sizeof(*channel->messages));
    if (channel->messages == NULL)
        return DW_ERR_NO_MEMORY;
    for (; channel->n_messages < n; channel->n_messages++) {
        const struct dw_ws_message *message = &messages[channel->n_messages];
        TRY(problem_at(p, message->type,
                       message_make(app, channel, message, &channel->messages[channel->n_messages], p)));
    }
    return DW_OK;
}

static enum dw_err events_make(struct dw_app *app, const struct dw_ws_channel *config, struct problem *p)
{
    const struct model_plan *plan;

    for (const struct dw_ws_event *const *event = config->events; event != NULL && *event != NULL; event++) {
        if ((*event)->type == NULL || type_is_taken((*event)->type))
            return problem_say(p, "an event whose type is taken, or missing");
        TRY(model_check((*event)->model, p));
        if ((*event)->model != NULL)
            TRY(model_set_add(&app->models, (*event)->model, MODEL_OUT, p, &plan));
    }
    return DW_OK;
}

static enum dw_err limits_make(struct channel *channel, struct problem *p)
{
    enum { MESSAGE_BYTES = 64 << 10, FRAGMENTS = 128, UNSENT_BYTES = 256 << 10, PING_S = 30, PONG_S = 10, AUTH_S = 5,
           RECHECK_MS = 500 };
    const struct dw_ws_channel *config = channel->config;

    channel->limits = (struct websocket_limits){
        .frames = { .max_message_bytes = OR_DEFAULT(config->max_message_bytes, (size_t)MESSAGE_BYTES),
                    .max_fragments = OR_DEFAULT(config->max_fragments, (unsigned)FRAGMENTS) },
        .max_unsent_bytes = OR_DEFAULT(config->max_unsent_bytes, (size_t)UNSENT_BYTES),
        .ping_ms = (uint64_t)OR_DEFAULT(config->ping_s, (unsigned)PING_S) * MS_IN_S,
        .pong_ms = (uint64_t)OR_DEFAULT(config->pong_s, (unsigned)PONG_S) * MS_IN_S,
        /* The slices come round in less than that, and are what is late. */
        .recheck_ms = OR_DEFAULT(config->recheck_ms, (unsigned)RECHECK_MS) - WEBSOCKET_SLICE_MS,
    };
    channel->auth_deadline_s = OR_DEFAULT(config->auth_deadline_s, (unsigned)AUTH_S);
    channel->close_unauthenticated = OR_DEFAULT(config->close_unauthenticated, (unsigned)CLOSE_POLICY);
    channel->close_forbidden = OR_DEFAULT(config->close_forbidden, (unsigned)CLOSE_POLICY);
    if (config->message_rate != NULL &&
        dw_rates_parse(dw_str(config->message_rate), channel->rates, &channel->n_rates) != DW_OK)
        return problem_say(p, "message_rate: \"%.80s\" can't be read", config->message_rate);
    for (size_t i = 0; i < channel->n_rates; i++)
        if (channel->rates[i].amount == 0 || channel->rates[i].seconds > INT32_MAX)
            return problem_say(p, "message_rate: at least one, in less than a lifetime");
    return DW_OK;
}

size_t channel_count_rows(const struct dw_route *route)
{
    const struct dw_ws_message *messages = route->websocket == NULL ? NULL : route->websocket->messages;
    size_t n = 0;

    while (messages != NULL && messages[n].type != NULL)
        n++;
    return n;
}

enum dw_err channel_make(struct dw_app *app, struct app_row *row, struct problem *p)
{
    struct channel *channel = dw_arena_alloc(app->arena, sizeof(*channel));

    if (channel == NULL)
        return DW_ERR_NO_MEMORY;
    channel->config = row->route->websocket;
    channel->row = row;
    TRY(route_check(row, p));
    TRY(limits_make(channel, p));
    TRY(messages_make(app, channel, p));
    TRY(events_make(app, channel->config, p));
    row->channel = channel;
    return wslay_calls_load() != NULL ? DW_OK : problem_say(p, "the library wslay is not on this machine");
}

unsigned channel_close_code(const struct channel *channel, enum dw_err err)
{
    const int status = dw_error_info(err)->status;

    if (status == STATUS_UNAUTHORIZED || err == DW_ERR_USER_INACTIVE)
        return channel->close_unauthenticated;
    if (status == STATUS_FORBIDDEN)
        return channel->close_forbidden;
    if (err == DW_ERR_BUSY || err == DW_ERR_UNAVAILABLE)
        return CLOSE_TRY_LATER;
    return status >= STATUS_SERVER_ERROR ? CLOSE_INTERNAL : CLOSE_POLICY;
}
