#include "app/dialog.h"

/*
 * A message on its way: its envelope, its row, what that needs, its model, its handler, the answer.
 */

enum { ID_MAX = 128 };

/* In the request's arena. */
struct envelope {
    yyjson_val *root;
    const struct channel_message *message; /* NULL: it says who the client is */
    struct dw_str id;                      /* JSON; absent: none */
    struct dw_str authorization;           /* of one that says who */
    bool is_told;
    void *out;
};

/* --- the envelope ----------------------------------------------------------------------------------------------- */

/* The client's own name for the message goes back as it came. */
static enum dw_err id_read(struct dw_request *r, yyjson_val *root, struct dw_str *ret_id)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(8 * ID_MAX);
    yyjson_val *id = json_get(root, "id");

    if (id == NULL || yyjson_is_null(id))
        return DW_OK;
    if (!yyjson_is_num(id) && (!yyjson_is_str(id) || yyjson_get_len(id) > ID_MAX))
        return dw_fail(r, DW_ERR_BAD_REQUEST, "The id of a message is a number or a short string");
    json_write_value(&b, id);
    TRY(buffer_error(&b));
    *ret_id = dw_arena_copy(r->arena, buffer_str(&b));
    return dw_str_is_absent(*ret_id) ? DW_ERR_NO_MEMORY : DW_OK;
}

static const struct channel_message *message_find(const struct channel *channel, struct dw_str type)
{
    for (size_t i = 0; i < channel->n_messages; i++)
        if (dw_str_eq(channel->messages[i].type, type))
            return &channel->messages[i];
    return NULL;
}

static enum dw_err authorization_read(struct dw_request *r, struct envelope *e)
{
    const struct dw_str token = json_get_str(e->root, "token");

    if (token.len == 0 || token.len > INT_MAX)
        return dw_fail(r, DW_ERR_BAD_REQUEST, "A message of type auth has a token");
    e->authorization = dw_arena_printf(r->arena, "Bearer %.*s", (int)token.len, token.ptr);
    return dw_str_is_absent(e->authorization) ? DW_ERR_NO_MEMORY : DW_OK;
}

static enum dw_err type_read(const struct dialog *dialog, struct dw_request *r, struct envelope *e)
{
    const struct dw_str type = json_get_str(e->root, "type");

    if (dw_str_is_absent(type))
        return dw_fail(r, DW_ERR_BAD_REQUEST, "A message is an object with a type");
    if (dialog->channel->config->takes_auth_message && dw_str_eq(type, DW_STR("auth")))
        return authorization_read(r, e);
    e->message = message_find(dialog->channel, type);
    return e->message != NULL ? DW_OK : dw_fail(r, DW_ERR_NOT_FOUND, "Unknown message type");
}

/* Sets the state's envelope also where something is wrong with it, as far as it could be read. */
static enum dw_err envelope_read(const struct dialog *dialog, struct dw_request *r, struct dw_str text)
{
    struct envelope *e = dw_arena_alloc(r->arena, sizeof(*e));

    if (e == NULL)
        return DW_ERR_NO_MEMORY;
    app_state(r)->envelope = e;
    const enum dw_err err = json_parse(r->arena, text, JSON_DEPTH_DEFAULT, &e->root, NULL);
    if (err == DW_ERR_NO_MEMORY)
        return DW_ERR_BODY_TOO_LARGE; /* the arena's limit: text that becomes too much */
    TRY(err);
    TRY(id_read(r, e->root, &e->id));
    return type_read(dialog, r, e);
}

/* --- messages --------------------------------------------------------------------------------------------------- */

/* Whether it was not this message that went wrong, but who sends it, or whether he may be here at all. */
static bool ends_connection(const struct dialog *dialog, const struct dw_request *r, enum dw_err err)
{
    enum { STATUS_UNAUTHORIZED = 401 };
    const struct app_state *s = app_state(r);

    if (err == DW_ERR_TOKEN_SUBJECT)
        return true;
    if (s->failed == NULL)
        return false;
    const size_t step = (size_t)(s->failed - s->match.row->plan.steps);
    return step < dialog->channel->row->plan.n_steps ||
           (dw_error_info(err)->status == STATUS_UNAUTHORIZED && s->is_credential_sent);
}

static void error_send(const struct dialog *dialog, struct dw_request *r, enum dw_err err)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(HTTP_ANSWER_LIMIT);
    const struct envelope *e = app_state(r)->envelope;

    dispatch_log_failure(r, err);
    message_write_error(r, e == NULL ? dw_str_n(NULL, 0) : e->id, err, &b);
    message_send(dialog, &b);
}

static void answer_send(const struct dialog *dialog, struct dw_request *r)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(HTTP_ANSWER_LIMIT);
    const struct envelope *e = app_state(r)->envelope;
    const struct app_row *row = e->message->row;

    if (row->answer != NULL && r->answer.len == 0)
        model_write(row->answer, e->out, &r->answer);
    if (r->answer.len == 0 && buffer_error(&r->answer) == DW_OK)
        return;
    message_write(e->message->answer_type, e->id, buffer_str(&r->answer), &b);
    if (buffer_error(&r->answer) != DW_OK)
        error_send(dialog, r, buffer_error(&r->answer));
    else
        message_send(dialog, &b);
}

static enum dw_err message_prepare(struct dialog *dialog, struct dw_request *r)
{
    struct app_state *s = app_state(r);
    const struct app_row *row = s->match.row;

    TRY(dialog_resolve(dialog, r));
    if (row->body == NULL || s->is_input_read)
        return DW_OK;
    s->is_input_read = true;
    return model_parse_message(row->body, s->envelope->root, r->arena, &s->issues, &s->body);
}

static enum dw_err message_call(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    return dispatch_call_handler(r, &app_state(r)->envelope->out);
}

static void message_finish(struct dialog *dialog, struct dw_request *r, enum dw_err err)
{
    if (err == DW_OK)
        answer_send(dialog, r);
    else if (ends_connection(dialog, r, err))
        dialog_close(dialog, r, err);
    else
        error_send(dialog, r, err);
}

/* --- who it is -------------------------------------------------------------------------------------------------- */

static enum dw_err auth_prepare(struct dialog *dialog, struct dw_request *r)
{
    TRY(dialog_authorize(r, app_state(r)->envelope->authorization));
    return dialog_resolve(dialog, r);
}

static void auth_tell(const struct dialog *dialog, struct envelope *e)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(8 * ID_MAX);

    if (e->is_told)
        return;
    e->is_told = true;
    message_write("authenticated", e->id, dw_str_n(NULL, 0), &b);
    message_send(dialog, &b);
}

static enum dw_err auth_call(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    struct envelope *e = app_state(r)->envelope;
    struct dw_secret newest = { 0 };

    TRY(dw_secret_copy(e->authorization, &newest));
    dw_secret_free(&dialog->authorization);
    dialog->authorization = newest;
    auth_tell(dialog, e);
    if (dialog->is_waiting)
        TRY(dialog_open(dialog, r));
    dialog->is_waiting = false;
    websocket_set_deadline(dialog->websocket, 0);
    return DW_OK;
}

static enum http_verdict auth_event(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    const struct dw_ws_channel *config = dialog->channel->config;
    const bool has_to_wait = dialog->is_waiting && config->opened != NULL;
    const struct dialog_event how = { has_to_wait ? config->lane : DW_INLINE, auth_prepare, auth_call,
                                       dialog_finish };

    return dialog_event_run(&how, dialog, r, event);
}

/* --- events ----------------------------------------------------------------------------------------------------- */

enum http_verdict message_event(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    struct app_state *s = app_state(r);
    const enum dw_err err = s->envelope != NULL ? DW_OK : envelope_read(dialog, r, event->data);
    const struct channel_message *message = s->envelope == NULL ? NULL : s->envelope->message;

    if (dialog->is_waiting && (err != DW_OK || message != NULL)) {
        dialog_close(dialog, r, DW_ERR_UNAUTHENTICATED);
        return HTTP_ANSWERED;
    }
    if (err != DW_OK) {
        error_send(dialog, r, err);
        return HTTP_ANSWERED;
    }
    if (message == NULL)
        return auth_event(dialog, r, event);
    s->match.row = message->row;
    const struct dialog_event how = { message->row->route->lane, message_prepare, message_call, message_finish };
    return dialog_event_run(&how, dialog, r, event);
}

static enum dw_err raw_call(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    return dialog->channel->config->message(r, event->data, event->is_text);
}

enum http_verdict raw_event(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    const struct dw_ws_channel *config = dialog->channel->config;
    const struct dialog_event how = { config->lane, dialog_resolve, raw_call, dialog_finish };

    if (dialog->is_waiting) {
        dialog_close(dialog, r, DW_ERR_UNAUTHENTICATED);
        return HTTP_ANSWERED;
    }
    if (config->message == NULL) {
        hub_close(dialog->websocket->hub, dialog->ws.id, CLOSE_UNSUPPORTED, DW_STR("Text is expected"));
        return HTTP_ANSWERED;
    }
    return dialog_event_run(&how, dialog, r, event);
}
