/*
 * A WebSocket on its loop: bytes become events for the room above, what waits in the hub leaves.
 *
 * Why: a connection that lives for hours needs a small, bounded state of its own. It takes no part in the requests of
 * http/exchange.h: a request that answers 101 hands its connection over, and the websocket keeps it to the end.
 * Defends against: peers that have gone without a word (ping), readers that never read, connections whose rights have
 * ended (a check at least every recheck_ms), callbacks that overlap: the events of one connection run one after the
 * other, on the loop or on a worker, and nothing is read meanwhile.
 * Lifetime: made by websocket_new() (any thread), boarded by the engine; freed after the event WEBSOCKET_CLOSED, which
 * comes last, exactly once, when the connection and the work for it have ended.
 */
#ifndef HTTP_WEBSOCKET_H
#define HTTP_WEBSOCKET_H

#include "http/frame_reader.h"
#include "http/hub.h"
#include "http/service.h"
#include "http/work.h"

enum { WEBSOCKET_SLICE_MS = 50, WEBSOCKET_SLICES = 8 /* in which every connection is looked at once */ };

enum websocket_event_kind {
    WEBSOCKET_OPENED,
    WEBSOCKET_MESSAGE,
    WEBSOCKET_CHECK, /* its time has come: recheck_ms has passed, it expires, or the deadline is over */
    WEBSOCKET_CLOSED,
};

struct websocket_event {
    enum websocket_event_kind kind;
    bool is_late;       /* a check: the deadline is over */
    bool is_text;       /* of a message */
    struct dw_str data; /* of a message */
    unsigned code;      /* of the end */
};

struct websocket_limits {
    struct frame_limits frames;
    size_t max_unsent_bytes;
    uint64_t ping_ms, pong_ms, recheck_ms;
};

struct websocket_calls {
    /* On the loop with an empty request that may not block; HTTP_ANSWERED, or it is called again with the same one on
     * a worker, and once more where it asks for the hashing lane there. The connection is ended through the hub. */
    enum http_verdict (*event)(void *owner, struct dw_request *r, const struct websocket_event *event);
    /* The worker that was asked for is not to be had, and the event is over. */
    void (*abandon)(void *owner, struct dw_request *r);
    /* A message or ping has come; false: too many. On the loop. */
    bool (*is_allowed)(void *owner, uint64_t now_ms);
    void (*free)(void *owner);
};

struct websocket_link {
    struct websocket_link *previous, *next;
};

/* The websockets of a loop. */
struct websocket_watch {
    struct hub_lane lane;
    struct websocket_link ring; /* all that have a connection, the one looked at longest ago first */
    struct websocket *ended;    /* their last event waits for a worker */
    uv_timer_t timer;           /* runs while there are any */
    unsigned n;                 /* boarded and not freed */
    unsigned n_ring;
};

struct websocket {
    struct hub_member member;
    struct hub *hub;
    const struct websocket_calls *calls;
    const struct websocket_limits *limits;
    void *owner;
    struct loop *loop;
    struct connection *connection; /* NULL when it has ended */
    struct websocket_link link;
    struct websocket *next_ended;
    struct frame_reader reader;
    struct work work;
    struct dw_request *request; /* of the event under way */
    struct websocket_event event;
    bool is_working; /* a worker has the event */
    bool was_refused; /* by the lane that it had to move to */
    bool is_writing;
    bool is_deaf;    /* the peer has closed, or broken the rules: nothing more is read */
    size_t writing_bytes;
    unsigned closed_code;
    uint64_t heard_ms;   /* the last sign of life */
    uint64_t asked_ms;   /* a ping is not answered yet */
    uint64_t checked_ms;
    uint64_t give_up_ms; /* when closing takes too long */
    /* set by the owner, in an event: */
    int64_t expires_s;     /* Unix seconds; 0: never */
    uint64_t deadline_ms;  /* see websocket_set_deadline() */
};

/* `owner` is taken when this succeeds: calls->free() gets it back. */
DW_MUST_USE enum dw_err websocket_new(struct hub *hub, const struct websocket_calls *calls,
                                      const struct websocket_limits *limits, void *owner,
                                      struct websocket **ret_websocket);
/* The words of a close for which the reader's code is the reason. Static. */
const char *websocket_failure_reason(unsigned code);
/* One that was never boarded. */
void websocket_free(struct websocket **websocket);
/* A check comes `ms` from now on; 0: no more. In an event on the loop. */
void websocket_set_deadline(struct websocket *websocket, uint64_t ms);

/* --- for the engine: all on the loop --- */

/* The answer 101 has left: the connection is the websocket's. */
void websocket_board(struct websocket *websocket, struct connection *c);
/* Bytes have come into the connection's input. */
void websocket_read(struct websocket *websocket);
/* A worker has finished: goes on with what was read meanwhile. */
void websocket_resume(struct websocket *websocket);
/* Writes what waits in the hub. */
void websocket_flush(struct websocket *websocket);
/* The connection closes now, or lingers: it is no longer the websocket's. */
void websocket_end(struct websocket *websocket);
/* A look at its clocks. */
void websocket_visit(struct websocket *websocket, uint64_t now_ms);

/* Runs an event (websocket_event.c). */
void websocket_event_run(struct websocket *websocket, const struct websocket_event *event);
/* The last one, now or when a worker has time. */
void websocket_event_closed(struct websocket *websocket);

/* websocket_watch.c */
void websocket_watch_init(struct loop *loop);
void websocket_watch_add(struct websocket *websocket);
void websocket_watch_remove(struct websocket *websocket);
/* Before the loop sleeps: everybody who has something to send sends it. */
void websocket_watch_flush(struct loop *loop);
/* All are told that the server stops, or are closed at once. */
void websocket_watch_stop(struct loop *loop, enum stop_level level);

#endif
