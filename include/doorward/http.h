/*
 * HTTP as a handler sees it: a request to read, an answer to fill, a server to run, a client without a socket.
 *
 * Why: handlers shall not know the engine. Everything that a request owns lives in its arena until the answer is sent;
 * header values and the body are borrowed from the engine's buffer for that time.
 * Defends against: header injection (names and values are checked), overlong input (limits below), slow clients
 * (absolute deadlines), request smuggling (the guard of http/guard.h).
 * Threading: a request belongs to one thread at a time; it moves from the event loop to a worker and back.
 */
#ifndef DOORWARD_HTTP_H
#define DOORWARD_HTTP_H

#include <doorward/base.h>
#include <doorward/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dw_method { DW_OTHER_METHOD, DW_GET, DW_HEAD, DW_POST, DW_PUT, DW_PATCH, DW_DELETE, DW_OPTIONS, DW_METHOD_COUNT };

/* "GET", "POST"; "OTHER" for what is none of these. Static. */
DW_API const char *dw_method_name(enum dw_method method);

struct dw_request;

/* --- reading the request ---------------------------------------------------------------------------------------- */

/* The method of its first line. */
DW_API enum dw_method dw_request_method(const struct dw_request *r);
/* The path as sent, before percent-decoding, without the query. */
DW_API struct dw_str dw_request_path(const struct dw_request *r);
/* The raw query after '?', absent when there is none. */
DW_API struct dw_str dw_request_query(const struct dw_request *r);
/* The first header of that name (no case), without surrounding blanks; absent when missing. */
DW_API struct dw_str dw_request_header(const struct dw_request *r, const char *name);
DW_API struct dw_str dw_request_body(const struct dw_request *r);
/* The value of a cookie (RFC 6265 §4.2); the first one of that name. */
DW_API struct dw_str dw_request_cookie(const struct dw_request *r, const char *name);
/* The client's address as text without the port, as trusted proxies tell it, else the peer's; dw_call.peer of the
 * in-process client. */
DW_API struct dw_str dw_request_peer(const struct dw_request *r);
/* Whether the client used https: as a trusted proxy says (dw_app_config.trusted_proxies), else as the server saw it. */
DW_API bool dw_request_is_https(const struct dw_request *r);
/* A unique id of this request: what X-Request-Id carries. */
DW_API struct dw_str dw_request_id(const struct dw_request *r);
/* Memory until the answer is sent. */
DW_API struct dw_arena *dw_request_arena(struct dw_request *r);
/* False on an event loop: then nothing may wait, and a function that would have to returns DW_ERR_WOULD_BLOCK. */
DW_API bool dw_request_may_block(const struct dw_request *r);
/* Whether this is the hashing lane. A handler of another lane that has to hash a password after all returns
 * DW_ERR_WOULD_BLOCK where this is false, before it has changed anything: it is called again in that lane. */
DW_API bool dw_request_may_hash(const struct dw_request *r);

/* --- filling the answer ----------------------------------------------------------------------------------------- */

/* The status of a success, instead of the row's. */
DW_API void dw_answer_status(struct dw_request *r, int status);
/* Adds a header. One with a control character is dropped and the answer becomes a 500: a bug, not the caller's fault.
 * So does Connection, Content-Length, Content-Type, Date, Transfer-Encoding: the engine writes them. */
DW_API void dw_answer_header(struct dw_request *r, const char *name, struct dw_str value);
/* Replaces the body; the bytes are copied. content_type must be static, 100
 * characters at the most; NULL leaves the header out. */
DW_API void dw_answer_body(struct dw_request *r, const char *content_type, struct dw_str body);
/* The same without a copy, for bytes that outlive the answer (embedded files). */
DW_API void dw_answer_body_static(struct dw_request *r, const char *content_type, struct dw_str body);

/* --- the server ------------------------------------------------------------------------------------------------- */

/* Zero members take the default in brackets. */
struct dw_server_config {
    const char *listen;             /* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080"; port 0: any */
    unsigned loops;                 /* event loops [one a core] */
    unsigned workers;               /* threads for what may wait [64] */
    unsigned worker_queue;          /* requests waiting for them [1024] */
    unsigned hashing_workers;       /* threads of the hashing lane [2 × cores + 2] */
    unsigned hashing_queue;         /* requests waiting for them [256] */
    unsigned max_connections;       /* [20000] */
    size_t max_request_line;        /* bytes; 414 past it [8192] */
    size_t max_header_bytes;        /* 431 past it [32768] */
    unsigned max_headers;           /* 431 past it [100, also the most] */
    size_t max_body;                /* bytes, whatever a route allows; 413 past it [1 MiB] */
    unsigned header_deadline_s;     /* from the first byte to the end of the header; also for the TLS handshake [10] */
    unsigned body_deadline_s;       /* from the end of the header to the end of the body [30] */
    unsigned idle_s;                /* a kept connection without a request [75] */
    unsigned write_deadline_s;      /* until a written answer has left [30] */
    unsigned stop_delay_s;          /* from the signal to the end of listening, for balancers to see it coming [0] */
    unsigned stop_deadline_s;       /* for requests under way when the server stops [10] */
    int listen_fd;                  /* a listening TCP socket from whoever started us, instead of `listen`; borrowed */
    struct dw_tls *tls;             /* speaks https with this certificate; borrowed. NULL: plain http */
    bool ignores_signals;           /* SIGINT and SIGTERM are somebody else's: dw_serve_stop() alone ends it */
    /* Called on the first event loop, where nothing may wait; each may be NULL. */
    void (*on_ready)(void *argument, const char *address); /* once, when it listens: "127.0.0.1:8080" */
    void (*on_reload)(void *argument);    /* at each SIGHUP, which does nothing else then */
    void (*on_heartbeat)(void *argument); /* every heartbeat_ms, as long as all event loops go round */
    unsigned heartbeat_ms;                /* [1000] */
    void *on_ready_argument;              /* what these three get */
    void (*on_stop)(void *argument); /* once, when it is told to stop, before stop_delay_s: no longer ready */
    void *on_stop_argument;
};

struct dw_app;

/* Serves until SIGINT or SIGTERM (unless ignores_signals) or dw_serve_stop(), and stop_delay_s longer, then finishes
 * what is under way and returns. DW_ERR_SETTING for an address that is malformed and for a listen_fd that is no such
 * socket, DW_ERR_IO for an address that can't be bound (in use, no right). */
DW_API DW_MUST_USE enum dw_err dw_serve(struct dw_app *app, const struct dw_server_config *config);
/* Makes dw_serve() return as SIGTERM would; a second call or signal ends it without waiting for the requests under way.
 * Does nothing when nothing serves. Safe in a signal handler and from any thread. */
DW_API void dw_serve_stop(void);

/* --- in process: tests without a socket ------------------------------------------------------------------------- */

struct dw_call_header {
    const char *name;
    struct dw_str value;
};

struct dw_call {
    enum dw_method method;
    const char *target;                   /* path and query */
    const struct dw_call_header *headers; /* ends with a NULL name; may be NULL */
    struct dw_str body;
    const char *peer; /* the address that it seems to come from; NULL: "test", which is none */
};

struct dw_called {
    int status;
    struct dw_str body; /* in the caller's arena, as header values are */
    struct dw_str head; /* all header lines, "Name: value\r\n" each */
};

/* Runs one request through the application on this thread, as the server would. Without a Host header among `headers`
 * there is "Host: test". */
DW_API DW_MUST_USE enum dw_err dw_call(struct dw_app *app, const struct dw_call *call, struct dw_arena *arena,
                                       struct dw_called *ret_called);
DW_API struct dw_str dw_called_header(const struct dw_called *called, const char *name);

#ifdef __cplusplus
}
#endif
#endif
