/*
 * What the engine asks of the room above: one table of calls. The app room fills it in; the engine knows no routes.
 */
#ifndef HTTP_SERVICE_H
#define HTTP_SERVICE_H

#include "http/message.h"

enum http_verdict {
    HTTP_ANSWERED,     /* the answer is in the request */
    HTTP_TO_WORKER,    /* run serve_waiting() on a worker thread */
    HTTP_TO_HASHING,   /* the same in the lane that hashes passwords */
    HTTP_SUSPENDED,    /* from serve() or resume(): somebody calls http_resume() once, then resume() goes on */
};

struct http_service {
    void *context;
    /* Header complete, body not yet read: may refuse (404, 405, 413, 415 …) and lowers *max_body to the route's. Any
     * error is answered through refuse() and, when a body was announced, the connection ends. */
    enum dw_err (*begin)(void *context, struct dw_request *r, size_t *max_body);
    /* On the event loop; never waits. */
    enum http_verdict (*serve)(void *context, struct dw_request *r);
    /* On a pool thread; may wait. On a worker's, HTTP_TO_HASHING when the request turned out to hash a password: it is
     * called again in that lane. Ends with an answer otherwise. */
    enum http_verdict (*serve_waiting)(void *context, struct dw_request *r);
    /* Writes the answer for an error found by the engine itself (malformed, too large, too slow, too busy). */
    void (*refuse)(void *context, struct dw_request *r, enum dw_err err);
    /* On the event loop, when the answer has been handed to the kernel or the client has gone (sent false): log it,
     * release what the request holds. Called exactly once for each request that begin() or refuse() saw; after a
     * malformed one `state`, the path and the headers may be missing. */
    void (*finished)(void *context, struct dw_request *r, bool sent);
    /* Adds the headers that every answer carries, just before it is sent. */
    void (*finish_head)(void *context, struct dw_request *r);
    struct hub *hub; /* of its WebSockets; NULL: it has none */
    /* On the event loop after http_resume(), as serve(); serve_waiting() goes on with it where it says so. NULL where
     * nothing is ever suspended. */
    enum http_verdict (*resume)(void *context, struct dw_request *r);
};

/*
 * A request that waits for something without a thread: serve() calls http_suspend() before it hands the request to
 * whoever will call http_resume(), once, from any thread, and returns HTTP_SUSPENDED. Meanwhile its connection is left
 * alone, as while a worker has it. Only where http_may_suspend(): on an event loop, not in an in-process call.
 */
bool http_may_suspend(const struct dw_request *r);
void http_suspend(struct dw_request *r);
void http_resume(struct dw_request *r);

/* Serves the calls above until a signal: see dw_serve(). */
DW_MUST_USE enum dw_err http_serve(const struct http_service *service, const struct dw_server_config *config);
/* One request through the service, on this thread, without a socket: see dw_call(). */
DW_MUST_USE enum dw_err http_call(const struct http_service *service, const struct dw_call *call,
                                  struct dw_arena *arena, struct dw_called *ret_called);
struct websocket;
/* The same; what the request became goes to the caller, NULL when it became nothing. */
DW_MUST_USE enum dw_err http_call_upgrade(const struct http_service *service, const struct dw_call *call,
                                          struct dw_arena *arena, struct dw_called *ret_called,
                                          struct websocket **ret_upgrade);

#endif
