#include "http/websocket.h"

#include "http/connection.h"

enum { CLOSE_PATIENCE_MS = 5000 };

/* --- life ------------------------------------------------------------------------------------------------------- */

enum dw_err websocket_new(struct hub *hub, const struct websocket_calls *calls, const struct websocket_limits *limits,
                          void *owner, struct websocket **ret_websocket)
{
    _cleanup_free_ struct websocket *ws = calloc(1, sizeof(*ws));

    if (ws == NULL)
        return DW_ERR_NO_MEMORY;
    ws->hub = hub;
    ws->calls = calls;
    ws->limits = limits;
    frame_reader_init(&ws->reader, &limits->frames);
    TRY(hub_add(hub, &ws->member, limits->max_unsent_bytes));
    ws->owner = owner;
    *ret_websocket = TAKE_PTR(ws);
    return DW_OK;
}

void websocket_free(struct websocket **websocket)
{
    struct websocket *ws = *websocket;

    *websocket = NULL;
    if (ws == NULL)
        return;
    hub_remove(ws->hub, &ws->member);
    frame_reader_free(&ws->reader);
    ws->calls->free(ws->owner);
    free(ws);
}

void websocket_set_deadline(struct websocket *ws, uint64_t ms)
{
    ws->deadline_ms = ms == 0 || ws->loop == NULL ? 0 : uv_now(&ws->loop->uv) + ms;
}

void websocket_board(struct websocket *ws, struct connection *c)
{
    struct loop *loop = c->loop;
    const struct websocket_event opened = { .kind = WEBSOCKET_OPENED };

    wait_disarm(&c->wait);
    c->state = CONNECTION_WEBSOCKET;
    c->websocket = ws;
    ws->connection = c;
    ws->loop = loop;
    ws->heard_ms = ws->checked_ms = uv_now(&loop->uv);
    websocket_watch_add(ws);
    hub_board(ws->hub, &ws->member, &loop->websockets.lane);
    if (loop->stop >= STOP_GENTLY)
        hub_close(ws->hub, ws->member.id, CLOSE_GOING_AWAY, dw_str_n(NULL, 0));
    websocket_event_run(ws, &opened);
    websocket_resume(ws);
}

void websocket_end(struct websocket *ws)
{
    ws->closed_code = CLOSE_CUT;
    (void)hub_is_closing(ws->hub, &ws->member, &ws->closed_code);
    hub_remove(ws->hub, &ws->member);
    websocket_watch_remove(ws);
    ws->connection->websocket = NULL;
    ws->connection = NULL;
    if (!ws->is_working)
        websocket_event_closed(ws);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

static void websocket_close(struct websocket *ws, unsigned code, const char *reason)
{
    hub_close(ws->hub, ws->member.id, code, dw_str(reason));
}

static void websocket_pong(struct websocket *ws)
{
    _cleanup_frame_ struct frame *frame = NULL;

    if (frame_new(FRAME_OPCODE_PONG, ws->reader.control, &frame) == DW_OK)
        (void)!hub_send(ws->hub, ws->member.id, frame);
}

const char *websocket_failure_reason(unsigned code)
{
    switch (code) {
    case CLOSE_NOT_TEXT:
        return "Text is no UTF-8";
    case CLOSE_TOO_BIG:
        return "The message is too big";
    case CLOSE_INTERNAL:
        return dw_error_info(DW_ERR_INTERNAL)->message;
    default:
        return "Not RFC 6455";
    }
}

/* RFC 6455 §7.1.7: what comes after a broken rule or a close means nothing. */
static void websocket_stop_listening(struct websocket *ws)
{
    ws->is_deaf = true;
    connection_stop_reading(ws->connection);
    input_release(&ws->connection->input, &ws->loop->inputs);
}

static void websocket_message(struct websocket *ws, bool is_text)
{
    const struct dw_str data = buffer_str(&ws->reader.message);
    const struct websocket_event message = { .kind = WEBSOCKET_MESSAGE, .is_text = is_text,
                                             .data = data.len == 0 ? DW_STR("") : data }; /* empty is not absent */

    if (!hub_is_closing(ws->hub, &ws->member, NULL))
        websocket_event_run(ws, &message);
}

static void websocket_take(struct websocket *ws, enum frame_result result)
{
    const bool is_counted = result == FRAME_TEXT || result == FRAME_BINARY || result == FRAME_PING;

    if (is_counted && !ws->calls->is_allowed(ws->owner, uv_now(&ws->loop->uv))) {
        websocket_close(ws, CLOSE_POLICY, "Too many messages");
        websocket_stop_listening(ws);
        return;
    }
    switch (result) {
    case FRAME_TEXT:
    case FRAME_BINARY:
        websocket_message(ws, result == FRAME_TEXT);
        break;
    case FRAME_PING:
        websocket_pong(ws);
        break;
    case FRAME_CLOSE:
        websocket_close(ws, ws->reader.code, NULL);
        websocket_stop_listening(ws);
        break;
    case FRAME_FAILED:
        websocket_close(ws, ws->reader.code, websocket_failure_reason(ws->reader.code));
        websocket_stop_listening(ws);
        break;
    case FRAME_MORE:
    case FRAME_PONG:
        break;
    }
}

/* As far as the bytes at hand go, or until a worker has a message. */
static void websocket_step(struct websocket *ws)
{
    enum frame_result result = FRAME_PONG;

    while (ws->connection != NULL && !ws->is_working && !ws->is_deaf && result != FRAME_MORE) {
        struct input *in = &ws->connection->input;
        struct dw_str bytes = dw_str_n(in->ptr + in->pos, in->len - in->pos);
        result = frame_reader_next(&ws->reader, &bytes);
        in->pos = in->len - bytes.len;
        websocket_take(ws, result);
    }
    if (result != FRAME_MORE || ws->connection == NULL)
        return;
    input_release(&ws->connection->input, &ws->loop->inputs);
    connection_read(ws->connection);
}

void websocket_resume(struct websocket *ws)
{
    websocket_step(ws);
}

void websocket_read(struct websocket *ws)
{
    ws->heard_ms = uv_now(&ws->loop->uv);
    ws->asked_ms = 0;
    websocket_step(ws);
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static void on_sent(struct connection *c, bool was_sent)
{
    struct websocket *ws = c->websocket;

    if (ws == NULL)
        return;
    ws->is_writing = false;
    if (!was_sent) {
        connection_close(c);
        return;
    }
    hub_sent(ws->hub, &ws->member, ws->writing_bytes);
    websocket_flush(ws);
}

/* The close has left: the peer has some time to read it. */
static void websocket_part(struct websocket *ws)
{
    struct connection *c = ws->connection;

    c->must_linger = true;
    connection_stop_reading(c);
    websocket_end(ws);
    connection_finish(c);
}

void websocket_flush(struct websocket *ws)
{
    struct hub_view view;

    while (ws->connection != NULL && !ws->is_writing) {
        hub_peek(ws->hub, &ws->member, &view);
        if (view.n_bufs == 0) {
            if (view.is_closing)
                websocket_part(ws);
            return;
        }
        switch (connection_send(ws->connection, view.bufs, view.n_bufs, on_sent)) {
        case SEND_DONE:
            hub_sent(ws->hub, &ws->member, view.size);
            break;
        case SEND_LATER: /* what the kernel did not take leaves when the peer has read */
            ws->is_writing = true;
            ws->writing_bytes = view.size;
            break;
        case SEND_FAILED:
            connection_close(ws->connection);
            return;
        }
    }
}

/* --- clocks ----------------------------------------------------------------------------------------------------- */

static void websocket_ping(struct websocket *ws, uint64_t now_ms)
{
    _cleanup_frame_ struct frame *frame = NULL;

    if (frame_new(FRAME_OPCODE_PING, DW_STR(""), &frame) != DW_OK ||
        hub_send(ws->hub, ws->member.id, frame) != DW_OK)
        return;
    ws->asked_ms = now_ms;
}

static bool check_is_due(const struct websocket *ws, uint64_t now_ms)
{
    return now_ms - ws->checked_ms >= ws->limits->recheck_ms || (ws->deadline_ms != 0 && now_ms >= ws->deadline_ms) ||
           (ws->expires_s != 0 && dw_clock_now_s() >= ws->expires_s);
}

/* True when it is over. */
static bool websocket_is_given_up(struct websocket *ws, uint64_t now_ms)
{
    if (!hub_is_closing(ws->hub, &ws->member, NULL))
        return ws->asked_ms != 0 && now_ms - ws->asked_ms >= ws->limits->pong_ms;
    if (ws->give_up_ms == 0)
        ws->give_up_ms = now_ms + CLOSE_PATIENCE_MS;
    return now_ms >= ws->give_up_ms;
}

void websocket_visit(struct websocket *ws, uint64_t now_ms)
{
    const struct websocket_event check = { .kind = WEBSOCKET_CHECK,
                                           .is_late = ws->deadline_ms != 0 && now_ms >= ws->deadline_ms };

    if (ws->is_working)
        return; /* nothing is read, so nothing could be heard */
    if (websocket_is_given_up(ws, now_ms)) {
        connection_close(ws->connection);
        return;
    }
    if (ws->give_up_ms != 0)
        return;
    if (ws->asked_ms == 0 && now_ms - ws->heard_ms >= ws->limits->ping_ms)
        websocket_ping(ws, now_ms);
    if (check_is_due(ws, now_ms)) {
        ws->checked_ms = now_ms;
        websocket_event_run(ws, &check);
    }
}
