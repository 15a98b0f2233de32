/*
 * The bytes of a connection to Redis, plain or in TLS.
 *
 * Why: hiredis 0.14, that of Debian 12, knows no TLS. It makes commands into bytes and bytes into replies; between
 * those and the socket stands crypto/tls.h, or nothing.
 * Defends against: a server that is not the one that was named (its certificate must be of a trusted authority, valid
 * now, and for that name or address), one that stops in the middle of a handshake (one deadline for the whole).
 * Does not: ask whether a certificate was revoked.
 * Threading: as the connection's, one at a time.
 */
#ifndef SHARED_REDIS_WIRE_H
#define SHARED_REDIS_WIRE_H

#include "shared/redis/connection.h"

/* The connection is of no use any more, for that reason, or its beginning. DW_ERR_UNAVAILABLE. */
DW_MUST_USE static inline enum dw_err wire_break(struct redis_connection *c, const char *reason)
{
    snprintf(c->reason, sizeof(c->reason), "%.*s", REDIS_REASON_SIZE - 1, reason);
    c->is_broken = true;
    return DW_ERR_UNAVAILABLE;
}

/* The handshake of a connection that stands. */
DW_MUST_USE enum dw_err wire_secure(struct redis_connection *c, const struct redis_address *address,
                                    int64_t deadline_ms);
/* All of it, or the connection is broken. */
DW_MUST_USE enum dw_err wire_send(struct redis_connection *c, struct dw_str bytes, int64_t deadline_ms);
/* Hands what came, at least a byte, to hiredis's reader. DW_ERR_TIMEOUT: nothing came. */
DW_MUST_USE enum dw_err wire_fill(struct redis_connection *c, int64_t deadline_ms);
/* Says goodbye, if that can be said at once, and frees what TLS needs; the socket stays. */
void wire_end(struct redis_connection *c);

#endif
