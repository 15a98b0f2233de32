/*
 * A connection: bytes in, requests one after the other, and its end.
 *
 * connection.c reads, waits and closes; exchange.c takes one request to its answer. A connection that waits for its
 * next request holds neither buffer nor request, only this struct.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "http/loop.h"
#include "http/secure.h"

enum connection_state {
    CONNECTION_READING,   /* for a request, or the rest of one */
    CONNECTION_WORKING,   /* a worker has the request; nothing is read */
    CONNECTION_WRITING,   /* the client is slow to take its answer; nothing is read */
    CONNECTION_TURN,      /* has had its share of pipelined requests and waits for its turn */
    CONNECTION_WEBSOCKET, /* it has changed its protocol: http/websocket.h */
    CONNECTION_LINGERING, /* the last answer is out; what still comes is thrown away */
    CONNECTION_CLOSING,
};

struct connection {
    uv_tcp_t tcp;
    uv_write_t write;
    send_done *on_sent; /* of `write` */
    struct secure *secure; /* NULL: bytes go as they are */
    struct loop *loop;
    enum connection_state state;
    bool is_reading;
    bool has_begun;   /* the service knows of the request, so finished() is due */
    bool keep;        /* may serve another request */
    bool must_linger; /* the client may still be sending */
    bool is_used;     /* has had a request */
    bool was_skipped; /* the worker did not serve it, as the server stops */
    bool is_cut;      /* it was to close while somebody else had its request: that gets no answer */
    struct wait wait;
    struct input input;
    struct parse parse;
    struct dw_request *request; /* NULL between requests */
    size_t body_at;             /* where the header ends in the input */
    size_t linger_left;
    struct work work;
    struct websocket *websocket; /* NULL: it speaks HTTP */
    char peer[HTTP_ADDRESS_SIZE];
};

static inline uv_stream_t *connection_stream(struct connection *c)
{
    return (uv_stream_t *)&c->tcp;
}

static inline struct connection *connection_of_wait(struct wait *wait)
{
    return container_of(wait, struct connection, wait);
}

/* --- connection.c --- */

/* Serves whoever is at the accepted socket. */
void connection_adopt(struct loop *loop, int take_fd);
/* Whether bytes have come that nobody has read. */
bool connection_has_input(const struct connection *c);
/* Serves from the bytes at hand, as far as they reach and its share allows, then waits for more. */
void connection_go_on(struct connection *c);
void connection_read(struct connection *c);
void connection_stop_reading(struct connection *c);
/* For those who fill its input: whether it has room, now that more bytes come (if not, the client is told, or gone);
 * that so many were put there; that there are no more for now. */
bool connection_has_room(struct connection *c);
void connection_took(struct connection *c, size_t size);
void connection_rest(struct connection *c);
/* After the last answer: closes, at once or when the client has had time to read it. */
void connection_finish(struct connection *c);
/* At once, or as soon as the worker, or whoever it was suspended for, has given the request back. */
void connection_close(struct connection *c);
/* The time of what it waits for is over. */
void connection_time_out(struct connection *c, enum wait_kind kind);

/* --- exchange.c --- */

/* One request from the bytes at hand; true when its answer has left and the next one may be looked at. */
bool exchange_step(struct connection *c);
/* Answers an error of the engine's own and ends the connection. */
void exchange_refuse(struct connection *c, enum dw_err err);
/* The client has gone or must go: the request ends without an answer. */
void exchange_abandon(struct connection *c);

#endif
