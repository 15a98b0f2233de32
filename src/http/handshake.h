/*
 * The server's half of the WebSocket handshake (RFC 6455 §4.2).
 *
 * Says whether a request asks for a WebSocket, and how it is answered. Who asks, and from which page, is the business
 * of the room above. Does not: agree on extensions.
 */
#ifndef HTTP_HANDSHAKE_H
#define HTTP_HANDSHAKE_H

#include "http/message.h"

enum { HANDSHAKE_ACCEPT_SIZE = 28, HANDSHAKE_PROTOCOLS_MAX = 16 };

struct handshake {
    char accept[HANDSHAKE_ACCEPT_SIZE]; /* Sec-WebSocket-Accept; no NUL */
    struct dw_str protocols[HANDSHAKE_PROTOCOLS_MAX]; /* as the client prefers them; borrowed from the request */
    size_t n_protocols;
};

/* DW_ERR_UPGRADE: no WebSocket is asked for, or another version. DW_ERR_BAD_REQUEST: one is, but wrongly. */
DW_MUST_USE enum dw_err handshake_read(const struct dw_request *r, struct handshake *ret_handshake);

/* Takes the next item off a comma-separated list (RFC 9110 §5.6.1), without blanks around it; false at its end. */
bool handshake_list_next(struct dw_str *rest, struct dw_str *ret_item);

#endif
