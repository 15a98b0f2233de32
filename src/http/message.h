/*
 * The request and its answer as the http and app rooms share them.
 *
 * A struct dw_request is taken from its loop's free list when the first byte of a request arrives and goes back when
 * the answer has left: an idle connection holds none. Its buffers and arena keep their memory for the next one.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include <doorward/http.h>

enum {
    HTTP_MAX_HEADERS = 100,
    HTTP_REQUEST_ID_SIZE = 33, /* 32 hex digits and NUL */
    HTTP_ADDRESS_SIZE = 46,    /* INET6_ADDRSTRLEN */
    HTTP_ARENA_LIMIT = 8 << 20,
    HTTP_ANSWER_LIMIT = 16 << 20,
    HTTP_ANSWER_HEAD_LIMIT = 64 << 10,
    HTTP_KEPT_BUFFER = 64 << 10, /* a buffer that grew past it is given back between requests */
    HTTP_CONTENT_TYPE_MAX = 100,
    HTTP_LEAD_SIZE = 384, /* status line, Date, Content-Type, Content-Length, Connection */
};

/* Makes ids that never repeat in a process. No secrets: who has seen one can work out those that follow. One thread. */
struct http_id_source {
    char prefix[16]; /* hex digits */
    uint64_t key, counter;
};

struct http_header {
    struct dw_str name;
    struct dw_str value;
};

struct dw_request {
    struct log_context log; /* what lines about it carry */
    /* what came in; slices into the connection's buffer or the arena */
    enum dw_method method;
    struct dw_str method_text;
    struct dw_str path;
    struct dw_str query;
    struct http_header headers[HTTP_MAX_HEADERS];
    unsigned n_headers;
    struct dw_str body;
    char peer[HTTP_ADDRESS_SIZE];
    bool is_https; /* it came by TLS, or a trusted proxy says that it came so to it */
    bool is_http_1_0;
    char id[HTTP_REQUEST_ID_SIZE];
    int64_t started_ns; /* monotonic */
    int64_t ended_ns;   /* the first time that somebody asked how long it took; 0: nobody has */

    struct buffer body_bytes; /* where the body is gathered when it does not fit behind the header */
    struct dw_arena *arena;
    bool may_block, may_hash;
    struct work *work; /* its connection's; NULL: an in-process call */

    /* the answer */
    int status;
    struct buffer head; /* header lines, "Name: value\r\n" each, without Content-Length, Content-Type and Date */
    struct buffer answer;
    struct dw_str answer_static; /* sent instead of `answer` when present */
    const char *content_type;
    bool close;  /* end the connection after this answer */
    bool broken; /* an answer header was refused: becomes a 500 */
    char lead[HTTP_LEAD_SIZE];
    size_t lead_size;

    struct websocket *upgrade; /* with status 101: what the connection becomes; owned until it has left */
    void *state; /* the app room's, in the arena */
    struct dw_request *next_free;
};

/* From its first byte to the first call, when it is over: the log and the metrics share one look at the clock. */
static inline int64_t http_request_duration_ns(struct dw_request *r)
{
    if (r->ended_ns == 0)
        r->ended_ns = clock_monotonic_ns();
    return r->ended_ns - r->started_ns;
}

void http_id_source_init(struct http_id_source *source);
void http_id_make(struct http_id_source *source, char ret_id[HTTP_REQUEST_ID_SIZE]);

/* One that nobody sent, on a thread that may do all of it: its id comes from no connection. */
void http_request_begin_call(struct dw_request *r);

/* Makes an empty request (arena, buffers), empties it for the next one, frees it. */
DW_MUST_USE enum dw_err http_request_new(struct dw_request **ret_request);
void http_request_reset(struct dw_request *r);
void http_request_free(struct dw_request **r);

/* Splits a target into path and query; DW_ERR_BAD_REQUEST unless it is in origin-form (RFC 9112 §3.2.1), or "*" of
 * OPTIONS. The method must have been set. */
DW_MUST_USE enum dw_err http_request_set_target(struct dw_request *r, struct dw_str target);
enum dw_method http_method_by_name(struct dw_str name);
/* The reason phrase of a status; "" for an unknown one. */
const char *http_reason(int status);
/* The same as a whole status line with its CRLF; absent for an unknown one. */
struct dw_str http_status_line(int status);
/* Forgets what was answered so far, so that another answer can be written. */
void http_answer_clear(struct dw_request *r);
/* Appends header lines that are known to be good ("Name: value\r\n" each), without looking at them: what every answer
 * carries is checked once, not a hundred thousand times a second. */
void http_answer_lines(struct dw_request *r, struct dw_str lines);
/* RFC 9110 §5.6.2 */
bool http_is_token(struct dw_str s);

#endif
