#include "app/application.h"

#include "http/ws_client.h"
#include <doorward/websocket.h>

/* dw_ws_call() and what its client says and hears: see <doorward/websocket.h>. */

/* What a client's handshake has besides the program's own lines (RFC 6455 §4.1); the key is that of §1.3. */
static const struct dw_call_header HANDSHAKE[] = {
    { "Upgrade", DW_STR_INIT("websocket") },
    { "Connection", DW_STR_INIT("Upgrade") },
    { "Sec-WebSocket-Version", DW_STR_INIT("13") },
    { "Sec-WebSocket-Key", DW_STR_INIT("dGhlIHNhbXBsZSBub25jZQ==") },
};

static bool headers_have(const struct dw_call_header *header, struct dw_str name)
{
    for (; header != NULL && header->name != NULL; header++)
        if (dw_str_eq_nocase(dw_str(header->name), name))
            return true;
    return false;
}

/* Only those that are not given: a test may want to shake hands wrongly. */
static const struct dw_call_header *headers_complete(const struct dw_call_header *given, struct dw_arena *arena)
{
    size_t n = 0;

    while (given != NULL && given[n].name != NULL)
        n++;
    struct dw_call_header *all = dw_arena_alloc(arena, (n + ARRAY_SIZE(HANDSHAKE) + 1) * sizeof(*all));
    if (all == NULL)
        return NULL;
    if (n > 0)
        memcpy(all, given, n * sizeof(*all));
    for (size_t i = 0; i < ARRAY_SIZE(HANDSHAKE); i++)
        if (!headers_have(given, dw_str(HANDSHAKE[i].name)))
            all[n++] = HANDSHAKE[i];
    all[n] = (struct dw_call_header){ 0 };
    return all;
}

enum dw_err dw_ws_call(struct dw_app *app, const struct dw_call *call, struct dw_arena *arena,
                       struct dw_ws_client **ret_client, struct dw_called *ret_called)
{
    struct dw_ws_client *client = NULL;
    struct websocket *upgrade = NULL;
    struct dw_called called;

    if (app == NULL || call == NULL || arena == NULL || ret_client == NULL || ret_called == NULL)
        return DW_ERR_ARGUMENT;
    struct dw_call complete = *call;
    complete.headers = headers_complete(call->headers, arena);
    if (complete.headers == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(http_call_upgrade(&app->service, &complete, arena, &called, &upgrade));
    if (upgrade != NULL)
        TRY(ws_client_open(upgrade, &client));
    *ret_called = called;
    *ret_client = client;
    return DW_OK;
}

static enum dw_err client_send(struct dw_ws_client *client, enum frame_opcode opcode, struct dw_str data)
{
    if (client == NULL || dw_str_is_absent(data))
        return DW_ERR_ARGUMENT;
    return ws_client_send(client, opcode, data);
}

enum dw_err dw_ws_client_send_text(struct dw_ws_client *client, struct dw_str text)
{
    return client_send(client, FRAME_OPCODE_TEXT, text);
}

enum dw_err dw_ws_client_send_binary(struct dw_ws_client *client, struct dw_str data)
{
    return client_send(client, FRAME_OPCODE_BINARY, data);
}

enum dw_err dw_ws_client_send_close(struct dw_ws_client *client, unsigned code)
{
    const unsigned char bytes[] = { (unsigned char)(code >> 8), (unsigned char)code };

    if (client == NULL || code > UINT16_MAX)
        return DW_ERR_ARGUMENT;
    return ws_client_send(client, FRAME_OPCODE_CLOSE, dw_str_n(bytes, code == 0 ? 0 : sizeof(bytes)));
}

enum dw_err dw_ws_client_receive(struct dw_ws_client *client, struct dw_arena *arena,
                                 struct dw_ws_received *ret_received)
{
    struct ws_client_heard heard = { 0 };

    if (client == NULL || arena == NULL || ret_received == NULL)
        return DW_ERR_ARGUMENT;
    TRY(ws_client_hear(client, arena, &heard));
    const enum dw_ws_kind kind = heard.opcode == FRAME_OPCODE_TEXT ? DW_WS_TEXT
        : heard.opcode == FRAME_OPCODE_BINARY ? DW_WS_BINARY
        : heard.opcode == FRAME_OPCODE_CLOSE ? DW_WS_CLOSED : DW_WS_NOTHING;
    *ret_received = (struct dw_ws_received){ kind, heard.payload, heard.code };
    return DW_OK;
}

void dw_ws_client_recheck(struct dw_ws_client *client)
{
    if (client != NULL)
        ws_client_check(client);
}

void dw_ws_client_free(struct dw_ws_client **client)
{
    if (client != NULL)
        ws_client_free(client);
}
