/*
 * The request and its answer as the http and app rooms share them.
 *
 * A struct dw_request is taken from its loop's free list when the first byte of a request arrives and goes back when
 * the answer has left: an idle connection holds none. Its buffers and arena keep their memory for the next one.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "base/buffer.h"
#include <doorward/http.h>

enum {
    HTTP_MAX_HEADERS = 100,
    HTTP_REQUEST_ID_SIZE = 33, /* 32 hex digits and NUL */
    HTTP_ADDRESS_SIZE = 46,    /* INET6_ADDRSTRLEN */
    HTTP_ARENA_LIMIT = 8 << 20,
    HTTP_ANSWER_LIMIT = 16 << 20,
};

struct http_header {
    struct dw_str name;
    struct dw_str value;
};


struct dw_request {
    /* what came in; slices into the connection's buffer or the arena */
    enum dw_method method;
    struct dw_str method_text;
    struct dw_str path;
    struct dw_str query;
    struct http_header headers[HTTP_MAX_HEADERS];
    unsigned n_headers;
    struct dw_str body;
    char peer[HTTP_ADDRESS_SIZE];
    char id[HTTP_REQUEST_ID_SIZE];
    int64_t started_ns; /* monotonic */

    struct dw_arena *arena;
    bool may_block;

    /* the answer */
    int status;
    struct buffer head; /* header lines, "Name: value\r\n" each, without Content-Length, Content-Type and Date */
    struct buffer answer;
    struct dw_str answer_static; /* sent instead of `answer` when present */
    const char *content_type;
    bool close; /* end the connection after this answer */
    bool broken; /* an answer header was refused: becomes a 500 */

    void *state; /* the app room's, in the arena */
};

/* Makes an empty request (arena, buffers), empties it for the next one, frees it. */
DW_MUST_USE enum dw_err http_request_new(struct dw_request **ret_request);
void http_request_reset(struct dw_request *r);
void http_request_free(struct dw_request **r);

/* Splits a target into path and query; DW_ERR_BAD_REQUEST unless it is in origin-form (RFC 9112 §3.2.1) or "*". */
DW_MUST_USE enum dw_err http_request_set_target(struct dw_request *r, struct dw_str target);
enum dw_method http_method_by_name(struct dw_str name);
/* The reason phrase of a status; "" for an unknown one. */
const char *http_reason(int status);
/* Forgets what was answered so far, so that another answer can be written. */
void http_answer_clear(struct dw_request *r);

#endif
