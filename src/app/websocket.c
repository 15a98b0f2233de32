#include "app/dialog.h"

/* What programs call: see <doorward/websocket.h>. */

enum { MESSAGE_MAX = 16 << 20 };

struct dw_ws dw_ws_of(const struct dw_request *r)
{
    const struct dialog *dialog = r == NULL || r->state == NULL ? NULL : app_state(r)->dialog;

    return dialog == NULL ? (struct dw_ws){ 0 } : dialog->ws;
}

void *dw_ws_state(const struct dw_request *r)
{
    const struct dialog *dialog = r == NULL || r->state == NULL ? NULL : app_state(r)->dialog;

    return dialog == NULL ? NULL : dialog->state;
}

/* Of the outermost application; NULL: there are no WebSockets. */
static struct hub *hub_of(const struct dw_app *app)
{
    while (app != NULL && app->outer != NULL)
        app = app->outer;
    return app == NULL ? NULL : app->service.hub;
}

/* --- one connection --------------------------------------------------------------------------------------------- */

static enum dw_err frame_make(enum frame_opcode opcode, struct dw_str data, struct frame **ret_frame)
{
    if (dw_str_is_absent(data))
        return DW_ERR_ARGUMENT;
    if (data.len > MESSAGE_MAX)
        return DW_ERR_LIMIT;
    if (opcode == FRAME_OPCODE_TEXT && !dw_str_is_utf8(data))
        return DW_ERR_ENCODING;
    return frame_new(opcode, data, ret_frame);
}

static enum dw_err send_data(struct dw_ws ws, enum frame_opcode opcode, struct dw_str data)
{
    _cleanup_frame_ struct frame *frame = NULL;
    struct hub *hub = hub_of(ws.app);

    TRY(frame_make(opcode, data, &frame));
    return hub == NULL ? DW_ERR_NOT_FOUND : hub_send(hub, ws.id, frame);
}

enum dw_err dw_ws_send_text(struct dw_ws ws, struct dw_str text)
{
    return send_data(ws, FRAME_OPCODE_TEXT, text);
}

enum dw_err dw_ws_send_binary(struct dw_ws ws, struct dw_str data)
{
    return send_data(ws, FRAME_OPCODE_BINARY, data);
}

enum dw_err dw_ws_close(struct dw_ws ws, unsigned code, struct dw_str reason)
{
    struct hub *hub = hub_of(ws.app);

    /* §7.4.1: 1002 is the engine's own to say, and 1010 a client's. */
    if (!close_code_may_be_sent(code) || code == CLOSE_PROTOCOL || code == 1010 || reason.len > FRAME_REASON_MAX)
        return DW_ERR_ARGUMENT;
    if (!dw_str_is_utf8(reason))
        return DW_ERR_ENCODING;
    if (hub == NULL)
        return DW_ERR_NOT_FOUND;
    return hub_close(hub, ws.id, code, reason) ? DW_OK : DW_ERR_NOT_FOUND;
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static bool channel_lists(const struct channel *channel, const struct dw_ws_event *event)
{
    const struct dw_ws_event *const *listed = channel == NULL ? NULL : channel->config->events;

    for (; listed != NULL && *listed != NULL; listed++)
        if (*listed == event)
            return true;
    return false;
}

static bool app_lists(const struct dw_app *app, const struct dw_ws_event *event)
{
    for (size_t i = 0; i < app->n_rows; i++)
        if (channel_lists(app->rows[i].channel, event))
            return true;
    return false;
}

static const struct model_plan *plan_of(const struct dw_app *app, const struct dw_model *model)
{
    const struct model_plan *plan = app->models.first;

    while (plan != NULL && (plan->model != model || (plan->uses & MODEL_OUT) == 0))
        plan = plan->next;
    return plan;
}

static enum dw_err event_make(const struct dw_app *app, const struct dw_ws_event *event, const void *value,
                              struct frame **ret_frame)
{
    _cleanup_buffer_ struct buffer object = BUFFER_INIT(MESSAGE_MAX), b = BUFFER_INIT(MESSAGE_MAX);

    if (app == NULL || event == NULL || !app_lists(app, event) || (event->model != NULL && value == NULL))
        return DW_ERR_ARGUMENT;
    if (event->model != NULL)
        model_write(plan_of(app, event->model), value, &object);
    TRY(buffer_error(&object));
    message_write(event->type, dw_str_n(NULL, 0), buffer_str(&object), &b);
    TRY(buffer_error(&b));
    return frame_make(FRAME_OPCODE_TEXT, buffer_str(&b), ret_frame);
}

enum dw_err dw_ws_send_event(struct dw_ws ws, const struct dw_ws_event *event, const void *value)
{
    _cleanup_frame_ struct frame *frame = NULL;

    if (event == NULL)
        return DW_ERR_ARGUMENT;
    if (hub_of(ws.app) == NULL)
        return DW_ERR_NOT_FOUND;
    TRY(event_make(ws.app, event, value, &frame));
    return hub_send(hub_of(ws.app), ws.id, frame);
}

/* --- topics ----------------------------------------------------------------------------------------------------- */

enum dw_err dw_ws_join(struct dw_ws ws, struct dw_str topic)
{
    struct hub *hub = hub_of(ws.app);

    if (topic.len == 0 || topic.len > HUB_TOPIC_MAX)
        return DW_ERR_ARGUMENT;
    return hub == NULL ? DW_ERR_NOT_FOUND : hub_join(hub, ws.id, topic);
}

void dw_ws_leave(struct dw_ws ws, struct dw_str topic)
{
    struct hub *hub = hub_of(ws.app);

    if (hub != NULL)
        hub_leave(hub, ws.id, topic);
}

enum dw_err dw_ws_publish_text(const struct dw_app *app, struct dw_str topic, struct dw_str text)
{
    _cleanup_frame_ struct frame *frame = NULL;
    struct hub *hub = hub_of(app);

    if (hub == NULL)
        return DW_ERR_ARGUMENT;
    TRY(frame_make(FRAME_OPCODE_TEXT, text, &frame));
    hub_publish(hub, topic, frame);
    return DW_OK;
}

enum dw_err dw_ws_publish_event(const struct dw_app *app, struct dw_str topic, const struct dw_ws_event *event,
                                const void *value)
{
    _cleanup_frame_ struct frame *frame = NULL;
    struct hub *hub = hub_of(app);

    if (hub == NULL)
        return DW_ERR_ARGUMENT;
    TRY(event_make(app, event, value, &frame));
    hub_publish(hub, topic, frame);
    return DW_OK;
}

size_t dw_ws_count(const struct dw_app *app, struct dw_str topic)
{
    struct hub *hub = hub_of(app);

    return hub == NULL ? 0 : hub_count(hub, topic);
}
