/*
 * W3C Trace Context, level 1: the trace that a request belongs to, as its caller says.
 *
 * Why: a request goes through several services; their logs are put together by one id. This server takes part in a
 * trace that somebody else has begun: its log lines bear the caller's trace id, the id of the caller's span, and one of
 * their own. It begins none and records no spans, so nothing is made up where nothing was sent.
 * Defends against: log forging (what is not exactly of the form is ignored as a whole, §4.3). The id is the caller's
 * choice: it tells nothing about who called, and X-Request-Id stays ours alone.
 * Does not: send the trace on. What the server asks others for (key sets) is asked once for many requests.
 */
#ifndef HTTP_TRACE_H
#define HTTP_TRACE_H

#include "http/message.h"

struct trace {
    struct dw_str trace_id;  /* 32 hex digits */
    struct dw_str parent_id; /* 16 hex digits */
};

/* The value of traceparent (§3.2). False: not valid, or of a version that it can't be read as. Borrows. */
bool trace_parse(struct dw_str value, struct trace *ret_trace);
/* The same of a request: also false without the header, and where it stands more than once. */
bool trace_of_request(const struct dw_request *r, struct trace *ret_trace);

#endif
