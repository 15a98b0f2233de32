/*
 * WebSockets (RFC 6455) on the same port, as rows of the same tables.
 *
 *     static const struct dw_ws_message MESSAGES[] = {
 *         { "say",  DW_HANDLER(say),  .body = &SAY_IN, .answer = &SAID, .needs = DW_SCOPE("rooms:write") },
 *         { "mute", DW_HANDLER(mute), .body = &MUTE_IN,                 .needs = DW_ROLE("moderator") },
 *         { 0 }
 *     };
 *     static const struct dw_ws_channel ROOM = { .messages = MESSAGES, .opened = enter, .closed = leave };
 *
 *     { DW_GET, "/rooms/{room}", .websocket = &ROOM, .needs = DW_SIGNED_IN },
 *
 * A text message {"type":"say","id":7,…} goes to the row of its type: what the row needs is resolved by the same
 * dependencies as a route's, what was sent is parsed by its model, and the answer goes back as {"type":"say","id":7,…}.
 * What goes wrong is sent back, {"type":"error","error":"role_required","detail":"Not enough permissions","id":7}, and
 * the connection stays. "id" is the client's own (a string or a number), and may be left out.
 *
 * Why: a connection lives for hours, a token for minutes. So the credential of the handshake is asked about again with
 * every message and at least every recheck_ms while nothing is said, together with all that the route needs: one that
 * expires, is revoked, or whose user lost a right ends its connection within a second.
 * Defends against: connections that outlive their rights; other sites' pages that connect with a visitor's cookies
 * (Origin is checked); floods and giants (limits on messages, fragments, rate, unsent bytes); readers that never read;
 * peers that have gone without a word (ping); handlers that meet a connection which is no more (a handle, never a
 * pointer).
 * Does not: compress (no extension is ever agreed on), connect to other servers, keep what was said. The rows are no
 * part of OpenAPI, which has no words for them.
 *
 * Lifetime: channels are borrowed, as routes are (static const, at file scope). Threading: the calls of one connection
 * run one after the other, whatever their threads; nothing more is read meanwhile. Sending is safe from any thread.
 */
#ifndef DOORWARD_WEBSOCKET_H
#define DOORWARD_WEBSOCKET_H

#include <doorward/app.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- connections ------------------------------------------------------------------------------------------------ */

/* A connection by name: a value to keep and to copy. It may outlive the connection, and then stands for nothing, ever;
 * { 0 } does so from the start. Not the application: no call after dw_app_free(). */
struct dw_ws {
    const struct dw_app *app;
    uint64_t id;
};

/* RFC 6455 §7.4.1; 3000 to 4999 are free for libraries and applications. */
enum dw_ws_code {
    DW_WS_NORMAL = 1000,
    DW_WS_GOING_AWAY = 1001,   /* the server stops */
    DW_WS_PROTOCOL = 1002,
    DW_WS_UNSUPPORTED = 1003,  /* binary, where only text is understood */
    DW_WS_NO_CODE = 1005,      /* never sent: the client closed without one */
    DW_WS_CUT = 1006,          /* never sent: the connection ended without a word */
    DW_WS_NOT_TEXT = 1007,     /* text that is no UTF-8 */
    DW_WS_POLICY = 1008,       /* an invalid token; a limit of the channel */
    DW_WS_TOO_BIG = 1009,
    DW_WS_INTERNAL = 1011,
    DW_WS_TRY_LATER = 1013,
};

/* --- what a channel is ------------------------------------------------------------------------------------------ */

/* One message that clients may send. `handler` is a route's: `in` is the struct of .body (NULL without), `out` that of
 * .answer. In it dw_principal(), dw_get(), dw_path_parameter(), dw_request_header() and the like see the handshake's
 * request; what is set of an HTTP answer (status, headers, cookies) is ignored. */
struct dw_ws_message {
    const char *type; /* NULL ends the table; "auth", "authenticated" and "error" are taken */
    dw_handler *handler;
    const struct dw_model *body;   /* the message itself; its members "type" and "id" are not the model's */
    const struct dw_model *answer; /* sent to the client when DW_OK is returned; without one nothing is */
    const char *answer_type;       /* the answer's "type"; NULL: that of the message */
    struct dw_needs needs;         /* besides what the route needs; must be stated, as a route's */
    enum dw_lane lane;             /* the zero value may wait */
};

/* A message that the server sends of its own accord: {"type":"joined",…}. Listed in the channel's .events. */
struct dw_ws_event {
    const char *type;
    const struct dw_model *model; /* NULL: the type alone */
};

/* Zero members take the default in brackets. A limit that is passed closes the connection with the code named. */
struct dw_ws_channel {
    const struct dw_ws_message *messages;     /* ends with a NULL type; NULL: `message` takes all */
    const struct dw_ws_event *const *events;  /* NULL-terminated; may be NULL */

    /* A whole message that is not for `messages` (they are not there, or it is binary), for protocols of one's own. An
     * error closes the connection with the code of its kind (below). NULL: text is an error sent back, binary 1003. */
    enum dw_err (*message)(struct dw_request *r, struct dw_str data, bool is_text);
    /* The connection is there and what the route needs is resolved. An error closes it (and closed() is not called). */
    enum dw_err (*opened)(struct dw_request *r);
    /* Called exactly once for each connection that was opened, however it ended: the code that the client or the server
     * closed with, or DW_WS_CUT. Nothing can be sent to it any more; nothing is resolved: dw_principal() is NULL. */
    void (*closed)(struct dw_request *r, unsigned code);
    enum dw_lane lane; /* of these three; the zero value may wait */

    size_t state_size; /* of dw_ws_state(): zeroed when the connection opens, freed after closed(); at most 64 KiB */

    const char *const *protocols; /* Sec-WebSocket-Protocol: those it speaks, the best first; NULL-terminated */
    /* Origins whose pages may connect besides the server's own, as browsers write them ("https://app.example.com");
     * NULL-terminated. { "*", NULL }: any page, also one that rides on a visitor's cookies. */
    const char *const *origins;

    /* The client may leave out the credential at the handshake and send it as its first message, within
     * auth_deadline_s [5]: {"type":"auth","token":"…"} is answered by {"type":"authenticated"}. Later ones replace the
     * credential by a newer one of the same subject and tenant. */
    bool takes_auth_message;
    unsigned auth_deadline_s;

    unsigned close_unauthenticated; /* code for who you are: none, invalid, expired, revoked [1008]; 4401 */
    unsigned close_forbidden;       /* code for what you may not, of the route [1008]; 4403 */

    size_t max_message_bytes; /* 1009 [64 KiB] */
    unsigned max_fragments;   /* frames of one message: 1009 [128] */
    size_t max_unsent_bytes;  /* waiting for a slow reader: 1008 [256 KiB] */
    const char *message_rate; /* "20/second;300/minute", of messages and pings of one connection: 1008 [none] */
    unsigned ping_s;          /* silence after which a ping asks whether it still lives [30] */
    unsigned pong_s;          /* then it has so long to say anything, or is cut [10] */
    unsigned recheck_ms;      /* how long a revoked credential can go unnoticed; 100 or more [500] */
};

/*
 * Where the credential is looked for, by the application's schemes as for any route: Authorization; a cookie; a query
 * parameter where a scheme says so. A browser's script can set none but its cookies, so that there are two ways more:
 *
 *     new WebSocket(url, ["bearer", token])     Sec-WebSocket-Protocol: bearer, <token>; the answer names "bearer"
 *     socket.send('{"type":"auth","token":…}')  takes_auth_message
 *
 * Both become what `Authorization: Bearer` would have been. With a credential that is refused, or without one, the
 * handshake still succeeds and the connection is closed at once: a browser shows scripts the code of a close, and
 * nothing of a refused handshake. What is refused before, with a status: 403 for a foreign Origin, 400 and 426 for what
 * is no WebSocket handshake of version 13 (§4.2.1).
 *
 * An error's code: 401 gives close_unauthenticated, 403 close_forbidden, other errors of the client 1008, ours 1011,
 * DW_ERR_BUSY and DW_ERR_UNAVAILABLE 1013. Its message is the reason.
 */

/* --- in a handler ----------------------------------------------------------------------------------------------- */

/* The connection that the request belongs to; { 0 } in one of plain HTTP. */
DW_API struct dw_ws dw_ws_of(const struct dw_request *r);
/* The connection's own memory, .state_size bytes; NULL in plain HTTP or without any. */
DW_API void *dw_ws_state(const struct dw_request *r);

/* --- sending: any thread, never waits --------------------------------------------------------------------------- */

/* One message each, in the order of the calls; the bytes are copied. DW_ERR_ENCODING for text that is no UTF-8,
 * DW_ERR_NOT_FOUND when the connection is no more, DW_ERR_LIMIT when it reads too slowly (max_unsent_bytes) and is
 * being closed. */
DW_API DW_MUST_USE enum dw_err dw_ws_send_text(struct dw_ws ws, struct dw_str text);
DW_API DW_MUST_USE enum dw_err dw_ws_send_binary(struct dw_ws ws, struct dw_str data);
/* One of the channel's events; `value` is the struct of its model. DW_ERR_ARGUMENT for an event that no channel of the
 * application lists. */
DW_API DW_MUST_USE enum dw_err dw_ws_send_event(struct dw_ws ws, const struct dw_ws_event *event, const void *value);
/* Closes: what was sent before still leaves, then the code and the reason (UTF-8, 123 bytes at the most; absent: none).
 * DW_ERR_ARGUMENT for a code that must not be sent (§7.4: it is 1000, 1001, 1003, 1007 to 1014, or 3000 to 4999). */
DW_API DW_MUST_USE enum dw_err dw_ws_close(struct dw_ws ws, unsigned code, struct dw_str reason);

/* --- topics: one message for many ------------------------------------------------------------------------------- */

/* The connection hears what is published to the topic (1 to 128 bytes, any) until it leaves or ends. Joining twice is
 * once. At most 64 topics a connection: DW_ERR_LIMIT. Topics are there while somebody listens. */
DW_API DW_MUST_USE enum dw_err dw_ws_join(struct dw_ws ws, struct dw_str topic);
DW_API void dw_ws_leave(struct dw_ws ws, struct dw_str topic);
/* `app`: dw_request_app() in a handler; applications mounted in each other share their topics.
 * To all of the topic, in one order for all, the sender too if it has joined. Who reads too slowly is closed; nobody
 * else waits. Nobody there: DW_OK. */
DW_API DW_MUST_USE enum dw_err dw_ws_publish_text(const struct dw_app *app, struct dw_str topic, struct dw_str text);
DW_API DW_MUST_USE enum dw_err dw_ws_publish_event(const struct dw_app *app, struct dw_str topic,
                                                   const struct dw_ws_event *event, const void *value);
/* How many have joined. */
DW_API size_t dw_ws_count(const struct dw_app *app, struct dw_str topic);

/* --- in process: tests without a socket --------------------------------------------------------------------------- */

/*
 * The client's end of a connection that no socket carries. What it sends is read by the same code as any client's, and
 * handled on this thread before the call returns: rights, models, limits, opened() and closed() are the server's. No
 * pings, no deadline of takes_auth_message, and no time passes but by dw_clock_set(). One thread at a time; free it
 * before its application.
 */
struct dw_ws_client;

enum dw_ws_kind {
    DW_WS_NOTHING, /* nothing has been sent that was not received yet */
    DW_WS_TEXT,
    DW_WS_BINARY,
    DW_WS_CLOSED,  /* by now closed() has been called; comes again each time */
};

struct dw_ws_received {
    enum dw_ws_kind kind;
    struct dw_str data; /* in the arena; of a close: its reason */
    unsigned code;      /* of a close; DW_WS_NO_CODE, DW_WS_CUT */
};

/* The handshake: a GET as dw_call() makes it, with those of the lines of RFC 6455 §4.1 that `call` has not. The client
 * is NULL unless the answer is 101; one whose credential was refused is closed, as a browser would see it. */
DW_API DW_MUST_USE enum dw_err dw_ws_call(struct dw_app *app, const struct dw_call *call, struct dw_arena *arena,
                                          struct dw_ws_client **ret_client, struct dw_called *ret_called);
/* One message. DW_ERR_NOT_FOUND when the connection has ended. */
DW_API DW_MUST_USE enum dw_err dw_ws_client_send_text(struct dw_ws_client *client, struct dw_str text);
DW_API DW_MUST_USE enum dw_err dw_ws_client_send_binary(struct dw_ws_client *client, struct dw_str data);
/* The client closes; 0: without a code. */
DW_API DW_MUST_USE enum dw_err dw_ws_client_send_close(struct dw_ws_client *client, unsigned code);
/* The next of what was sent to it, in order. */
DW_API DW_MUST_USE enum dw_err dw_ws_client_receive(struct dw_ws_client *client, struct dw_arena *arena,
                                                    struct dw_ws_received *ret_received);
/* Asks about its rights once more, as the server does every recheck_ms. */
DW_API void dw_ws_client_recheck(struct dw_ws_client *client);
/* One that has not been closed is cut. */
DW_API void dw_ws_client_free(struct dw_ws_client **client);

#ifdef __cplusplus
}
#endif
#endif
