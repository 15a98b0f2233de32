/*
 * Sending on a connection, whether it is encrypted or not.
 *
 * What the kernel takes at once leaves at once; the rest leaves as the client reads.
 */
#ifndef HTTP_SEND_H
#define HTTP_SEND_H

#include <stdbool.h>
#include <uv.h>

struct connection;

enum { SEND_BUFS_MAX = 16 };

enum send_result {
    SEND_DONE,   /* it has all left */
    SEND_LATER,  /* on_sent() will be called, unless the connection is closed before */
    SEND_FAILED, /* the client has gone */
};

typedef void send_done(struct connection *c, bool was_sent);

/* Sends all of `bufs`, whose bytes stay where they are until it has left; one at a time. At most SEND_BUFS_MAX. */
enum send_result connection_send(struct connection *c, uv_buf_t *bufs, unsigned n_bufs, send_done *on_sent);
/* Sends a few bytes that nobody waits for, or none of them when the client is slow to read. */
enum send_result connection_send_aside(struct connection *c, uv_buf_t buf);

#endif
