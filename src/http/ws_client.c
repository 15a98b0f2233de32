#include "http/ws_client.h"

#include "base/clock.h"
#include "base/log.h"

enum { HEAD_SIZE_MAX = 14, MASKED = 0x80, OPCODE_BITS = 0x0f, LENGTH_BITS = 0x7f, LENGTH_16 = 126, BYTE_BITS = 8 };

/* A frame that the server sent. */
struct heard {
    struct heard *next;
    enum frame_opcode opcode;
    size_t size;
    char payload[];
};

struct dw_ws_client {
    struct websocket *websocket; /* NULL when it has ended */
    struct heard *first, *last;
    bool has_failed;     /* no memory for what came */
};

/* --- what the server sends -------------------------------------------------------------------------------------- */

static void heard_add(struct dw_ws_client *client, enum frame_opcode opcode, struct dw_str payload)
{
    struct heard *heard = malloc(sizeof(*heard) + payload.len);

    if (heard == NULL) {
        client->has_failed = true;
        return;
    }
    *heard = (struct heard){ .opcode = opcode, .size = payload.len };
    if (payload.len > 0)
        memcpy(heard->payload, payload.ptr, payload.len);
    if (client->last != NULL)
        client->last->next = heard;
    else
        client->first = heard;
    client->last = heard;
}

/* A server's frame: no mask, one a message (http/frame.h). */
static void frame_take(struct dw_ws_client *client, struct dw_str frame)
{
    const enum frame_opcode opcode = (unsigned char)frame.ptr[0] & OPCODE_BITS;
    const unsigned length = (unsigned char)frame.ptr[1] & LENGTH_BITS;
    const size_t head = 2 + (length < LENGTH_16 ? 0 : length == LENGTH_16 ? sizeof(uint16_t) : sizeof(uint64_t));

    if (opcode != FRAME_OPCODE_PING && opcode != FRAME_OPCODE_PONG)
        heard_add(client, opcode, dw_str_n(frame.ptr + head, frame.len - head));
}

static void queue_take(struct dw_ws_client *client)
{
    struct websocket *ws = client->websocket;
    struct hub_view view;

    for (hub_peek(ws->hub, &ws->member, &view); view.n_bufs > 0; hub_peek(ws->hub, &ws->member, &view)) {
        for (unsigned i = 0; i < view.n_bufs; i++)
            frame_take(client, dw_str_n(view.bufs[i].base, view.bufs[i].len));
        hub_sent(ws->hub, &ws->member, view.size);
    }
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static void event_run(struct websocket *ws, const struct websocket_event *event)
{
    _cleanup_(http_request_free) struct dw_request *r = NULL;

    if (http_request_new(&r) != DW_OK) {
        hub_close(ws->hub, ws->member.id, CLOSE_INTERNAL, dw_str(dw_error_info(DW_ERR_NO_MEMORY)->message));
        return;
    }
    http_request_begin_call(r);
    const struct log_context *before = log_within(&r->log);
    (void)ws->calls->event(ws->owner, r, event); /* this thread may do all of it */
    log_within(before);
}

/* As websocket_end(): nobody finds it any more, and then it hears how it ended. */
static void client_end(struct dw_ws_client *client)
{
    struct websocket *ws = client->websocket;
    struct websocket_event closed = { .kind = WEBSOCKET_CLOSED, .code = CLOSE_CUT };

    queue_take(client);
    (void)hub_is_closing(ws->hub, &ws->member, &closed.code);
    hub_remove(ws->hub, &ws->member);
    event_run(ws, &closed);
    websocket_free(&client->websocket);
}

static void client_run(struct dw_ws_client *client, const struct websocket_event *event)
{
    event_run(client->websocket, event);
    if (hub_is_closing(client->websocket->hub, &client->websocket->member, NULL))
        client_end(client);
}

enum dw_err ws_client_open(struct websocket *websocket, struct dw_ws_client **ret_client)
{
    const struct websocket_event opened = { .kind = WEBSOCKET_OPENED };
    struct dw_ws_client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        websocket_free(&websocket);
        return DW_ERR_NO_MEMORY;
    }
    client->websocket = websocket;
    client_run(client, &opened);
    *ret_client = client;
    return DW_OK;
}

/* --- what the client sends -------------------------------------------------------------------------------------- */

/* §5.3 asks a client for a mask; one of zeros is one. */
static void frame_write(enum frame_opcode opcode, struct dw_str payload, struct buffer *b)
{
    const size_t bytes = payload.len < LENGTH_16 ? 0 : payload.len <= UINT16_MAX ? sizeof(uint16_t) : sizeof(uint64_t);
    const unsigned length = bytes == 0 ? (unsigned)payload.len : bytes == sizeof(uint16_t) ? LENGTH_16 : LENGTH_BITS;

    buffer_append_char(b, (char)(0x80 | opcode));
    buffer_append_char(b, (char)(MASKED | length));
    for (size_t i = bytes; i-- > 0;)
        buffer_append_char(b, (char)((uint64_t)payload.len >> (i * BYTE_BITS)));
    buffer_append(b, DW_STR("\0\0\0\0"));
    buffer_append(b, payload);
}

static void client_fail(struct dw_ws_client *client, unsigned code, const char *reason)
{
    struct websocket *ws = client->websocket;

    hub_close(ws->hub, ws->member.id, code, dw_str(reason));
    client_end(client);
}

static void message_run(struct dw_ws_client *client, bool is_text)
{
    const struct dw_str data = buffer_str(&client->websocket->reader.message);
    const struct websocket_event message = { .kind = WEBSOCKET_MESSAGE, .is_text = is_text,
                                             .data = data.len == 0 ? DW_STR("") : data };

    client_run(client, &message);
}

static void result_take(struct dw_ws_client *client, enum frame_result result)
{
    struct websocket *ws = client->websocket;
    const bool is_message = result == FRAME_TEXT || result == FRAME_BINARY;

    if (is_message && !ws->calls->is_allowed(ws->owner, (uint64_t)clock_now_ms()))
        client_fail(client, CLOSE_POLICY, "Too many messages");
    else if (is_message)
        message_run(client, result == FRAME_TEXT);
    else if (result == FRAME_CLOSE)
        client_fail(client, ws->reader.code, NULL);
    else if (result == FRAME_FAILED)
        client_fail(client, ws->reader.code, websocket_failure_reason(ws->reader.code));
}

enum dw_err ws_client_send(struct dw_ws_client *client, enum frame_opcode opcode, struct dw_str payload)
{
    _cleanup_buffer_ struct buffer frame = BUFFER_INIT(payload.len + HEAD_SIZE_MAX);
    enum frame_result result = FRAME_PONG;

    if (client->websocket == NULL)
        return DW_ERR_NOT_FOUND;
    frame_write(opcode, payload, &frame);
    TRY(buffer_error(&frame));
    for (struct dw_str rest = buffer_str(&frame); client->websocket != NULL && result != FRAME_MORE;) {
        result = frame_reader_next(&client->websocket->reader, &rest);
        result_take(client, result);
    }
    return DW_OK;
}

void ws_client_check(struct dw_ws_client *client)
{
    const struct websocket_event check = { .kind = WEBSOCKET_CHECK };

    if (client->websocket == NULL)
        return;
    client_run(client, &check);
}

/* --- what the client hears -------------------------------------------------------------------------------------- */

static enum dw_err heard_copy(const struct heard *heard, struct dw_arena *arena, struct ws_client_heard *ret_heard)
{
    const bool is_close = heard->opcode == FRAME_OPCODE_CLOSE;
    const unsigned char *bytes = (const unsigned char *)heard->payload;
    const size_t head = is_close && heard->size >= sizeof(uint16_t) ? sizeof(uint16_t) : 0;
    const struct dw_str payload = dw_arena_copy(arena, dw_str_n(heard->payload + head, heard->size - head));

    if (dw_str_is_absent(payload))
        return DW_ERR_NO_MEMORY;
    *ret_heard = (struct ws_client_heard){
        heard->opcode, payload, !is_close ? 0 : head == 0 ? CLOSE_NO_CODE : (unsigned)bytes[0] << BYTE_BITS | bytes[1],
    };
    return DW_OK;
}

enum dw_err ws_client_hear(struct dw_ws_client *client, struct dw_arena *arena, struct ws_client_heard *ret_heard)
{
    if (client->websocket != NULL) {
        queue_take(client); /* another connection's event may have sent something */
        if (hub_is_closing(client->websocket->hub, &client->websocket->member, NULL))
            client_end(client);
    }
    if (client->has_failed)
        return DW_ERR_NO_MEMORY;
    struct heard *first = client->first;
    if (first == NULL && client->websocket != NULL) {
        *ret_heard = (struct ws_client_heard){ 0 };
        return DW_OK;
    }
    if (first == NULL) { /* it ended without a word */
        *ret_heard = (struct ws_client_heard){ .opcode = FRAME_OPCODE_CLOSE, .code = CLOSE_CUT };
        return DW_OK;
    }
    TRY(heard_copy(first, arena, ret_heard));
    if (first->opcode == FRAME_OPCODE_CLOSE)
        return DW_OK;
    client->first = first->next;
    if (client->first == NULL)
        client->last = NULL;
    free(first);
    return DW_OK;
}

void ws_client_free(struct dw_ws_client **client)
{
    struct dw_ws_client *c = *client;

    *client = NULL;
    if (c == NULL)
        return;
    if (c->websocket != NULL)
        client_end(c);
    while (c->first != NULL) {
        struct heard *next = c->first->next;
        free(c->first);
        c->first = next;
    }
    free(c);
}
