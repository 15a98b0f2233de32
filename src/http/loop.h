/*
 * One event loop: its handles, what its connections wait for, and the memory that they take turns with.
 */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include "crypto/tls.h"
#include "http/answer.h"
#include "http/input.h"
#include "http/listener.h"
#include "http/server.h"
#include "http/waiting.h"
#include "http/websocket.h"

#include <uv.h>

/* What a connection waits for. One list each; all but the last have a deadline. */
enum wait_kind {
    WAIT_HANDSHAKE, /* the end of the TLS handshake: closed */
    WAIT_HEADER, /* the rest of a header: 408 */
    WAIT_BODY,   /* the rest of a body: 408 */
    WAIT_IDLE,   /* the next request: closed silently */
    WAIT_WRITE,  /* the client to take its answer: closed */
    WAIT_LINGER, /* the client to read the last answer: closed */
    WAIT_TURN,   /* other connections to be served first */
    WAIT_KINDS
};

enum {
    LOOP_KEPT_REQUESTS = 64,
    LOOP_SCRATCH = 64 * 1024,
    LOOP_TICK_MS = 250,
};

struct connection;

struct loop {
    uv_loop_t uv;
    struct listener listener;
    uv_async_t wake;     /* a worker has finished a request, or the server stops */
    uv_timer_t tick;     /* runs while something has a deadline */
    uv_prepare_t before; /* before the loop waits */
    uv_idle_t turn;      /* runs while connections wait for their turn */
    struct server *server;
    struct wait_list waits[WAIT_KINDS];
    _Atomic(struct work *) done; /* given back by workers, newest first */
    _Atomic unsigned n_giving_back; /* threads that are about to wake it */
    struct dw_request *free_requests;
    unsigned n_free_requests;
    struct input_store inputs;
    struct websocket_watch websockets;
    struct http_id_source ids;
    char date_text[ANSWER_DATE_SIZE];
    struct dw_str date_line;
    int64_t date_s;
    unsigned n_connections;
    _Atomic uint64_t answered; /* the last heartbeat that it saw */
    enum stop_level stop;
    uint64_t stop_at_ms;
    uint64_t unused_until_ms; /* then connections without a request so far are closed, too */
    bool has_finished;
    uv_thread_t thread;
    char scratch[LOOP_SCRATCH];  /* for bytes that nobody wants, or that are to be decrypted */
    char record[TLS_RECORD_MAX]; /* where the pieces of one are gathered */
};

/* Makes the loop listen on `fd`, which it takes. */
DW_MUST_USE enum dw_err loop_open(struct loop *loop, struct server *server, int take_fd);
/* Serves until the server stops and no connection is left. */
void loop_run(struct loop *loop);
/* After all loops have run, on any thread. */
void loop_close(struct loop *loop);

/* A request from the free list, with its id and time; NULL without memory. */
struct dw_request *loop_take_request(struct loop *loop);
void loop_give_request(struct loop *loop, struct dw_request *take_request);
struct dw_str loop_date_line(struct loop *loop);
void loop_wait(struct loop *loop, enum wait_kind kind, struct wait *wait);
/* A connection or websocket has gone: the loop may be done. */
void loop_check_finished(struct loop *loop);

#endif
