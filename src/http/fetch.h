/*
 * One document fetched from another server, for what a resource server must know of its issuer.
 *
 * Defends against: an answer without end (size, time), a redirect to a place that was not meant (none is followed),
 * protocols other than HTTP, a certificate that does not hold. Waits: for threads that may. Any thread.
 */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include "base/cleanup.h"

enum { FETCH_SECONDS_MAX = 10, FETCH_BYTES_MAX = 1 << 20 };

/* The body of a 200 answer to GET, in the arena. DW_ERR_UNAVAILABLE for everything else, also where libcurl is not on
 * this machine; the reason is in the log. */
DW_MUST_USE enum dw_err http_fetch(const char *url, struct dw_arena *arena, struct dw_str *ret_body);

#endif
