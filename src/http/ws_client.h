/*
 * The client's end of a WebSocket without a socket: what dw_ws_call() opens, for tests of programs.
 *
 * Why: a test wants to say what a client says and see what it hears, without a port, a loop or a wait. So the frames of
 * a client are made here and read by the engine's own reader, the events run on this thread, each to its end, and what
 * waits in the hub is taken out of it.
 * Does not: ping, keep deadlines, or look at a clock of its own; rates and expiry go by dw_clock_set().
 * One thread at a time, as any client; the application must outlive it.
 */
#ifndef HTTP_WS_CLIENT_H
#define HTTP_WS_CLIENT_H

#include "http/websocket.h"

struct dw_ws_client;

/* Takes the websocket, also on failure, and opens it: its owner's events may run, and end it. */
DW_MUST_USE enum dw_err ws_client_open(struct websocket *websocket, struct dw_ws_client **ret_client);
/* What a client sends. DW_ERR_NOT_FOUND when the connection has ended. */
DW_MUST_USE enum dw_err ws_client_send(struct dw_ws_client *client, enum frame_opcode opcode, struct dw_str payload);
/* What the engine does every recheck_ms. */
void ws_client_check(struct dw_ws_client *client);

/* What has come. */
struct ws_client_heard {
    enum frame_opcode opcode; /* FRAME_OPCODE_TEXT, _BINARY, _CLOSE; 0: nothing */
    struct dw_str payload;    /* in the arena; of a close: the reason */
    unsigned code;            /* of a close */
};
/* The next of it. After a close: that close, each time. */
DW_MUST_USE enum dw_err ws_client_hear(struct dw_ws_client *client, struct dw_arena *arena,
                                       struct ws_client_heard *ret_heard);

/* Ends it, as by a cut where it has not been closed. NULL is fine. */
void ws_client_free(struct dw_ws_client **client);

#endif
