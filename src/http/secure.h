/*
 * TLS between a connection and its socket.
 *
 * Why: what serves requests shall not know whether their bytes were encrypted. What comes is decrypted into the
 * connection's input; what it sends is encrypted a record at a time, as the socket takes it: a slow reader costs one
 * record of memory and not the whole answer.
 * Defends against: plain HTTP sent here (told so, and closed), peers that make us write without reading (their bytes
 * wait until ours have left).
 * On the connection's loop.
 */
#ifndef HTTP_SECURE_H
#define HTTP_SECURE_H

#include "base/buffer.h"
#include "crypto/tls.h"
#include "http/send.h"

#include <uv.h>

struct connection;

struct secure {
    struct tls_session *session;
    struct connection *connection;
    uv_buf_t plain[SEND_BUFS_MAX]; /* being sent; not encrypted yet from `first` on */
    unsigned first, n_plain;
    send_done *on_sent;            /* NULL: nobody waits */
    uv_write_t write;
    struct buffer leaving; /* in the hands of `write`; empty: it is free */
    bool has_begun;        /* bytes have come */
    bool is_reading;       /* in secure_read(), which goes on by itself */
    bool is_choked;        /* nothing is read until what is to leave has left */
};

DW_MUST_USE enum dw_err secure_new(struct dw_tls *tls, struct connection *c, struct secure **ret_secure);
void secure_free(struct secure **secure);

/* Whether requests can come: the handshake is over. */
bool secure_is_open(const struct secure *secure);
/* Bytes have come from the socket; they are taken or copied. */
void secure_take(struct secure *secure, struct dw_str bytes);
/* Reads on in what has come, as the connection wants to read again. */
void secure_read(struct secure *secure);
/* As connection_send(). */
enum send_result secure_send(struct secure *secure, const uv_buf_t *bufs, unsigned n_bufs, send_done *on_sent);
/* Says that nothing more is sent, if the socket takes it and everything has been sent. */
void secure_end(struct secure *secure);

#endif
