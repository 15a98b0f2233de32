/*
 * A WebSocket route's handshake: the two calls that stand around what the route needs.
 *
 * Defends against: pages of other sites that connect with a visitor's cookies or from inside her network (§10.2 of
 * RFC 6455: Origin must be the server's own, or listed). Refuses by status what is no handshake, and by a close frame
 * those who may not, as a browser shows scripts no more than that.
 */
#ifndef APP_ACCEPT_H
#define APP_ACCEPT_H

#include "app/application.h"

/* Reads the handshake, checks Origin, and puts a token of Sec-WebSocket-Protocol where schemes look. Once a request. */
DW_MUST_USE enum dw_err accept_prepare(struct dw_request *r);
/* Whether this error of a request is told by a close frame. */
bool accept_closes(const struct dw_request *r, enum dw_err err);
/* Answers 101, with a dialog in the request that will open, or close by `err`. */
DW_MUST_USE enum dw_err accept_answer(struct dw_request *r, enum dw_err err);

#endif
