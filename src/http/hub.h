/*
 * The hub: all WebSocket connections of an application by number, what waits to be sent to them, and their topics.
 *
 * Why: any thread may send to any connection, and a connection may end at any moment. So nobody but its loop holds a
 * pointer to it: others name it by a number that is never given twice, and put frames into its queue here.
 * Defends against: use after free, endless queues (a reader that is too slow is marked, and closed by its loop).
 * One lock over all; what it guards is short. Frames are shared among those who get them.
 */
#ifndef HTTP_HUB_H
#define HTTP_HUB_H

#include "http/frame.h"

#include <pthread.h>
#include <uv.h>

enum { HUB_TOPIC_MAX = 128, HUB_SEATS_MAX = 64, HUB_PEEK_MAX = 16 };

struct hub;
struct topic;
struct hub_member;

/* One event loop's members that have something to do. Zeroed, with `wake` and `thread` set. */
struct hub_lane {
    struct hub_member *dirty;
    uv_async_t *wake;
    pthread_t thread; /* the loop's own, which needs no waking */
};

struct queued {
    struct queued *next;
    struct frame *frame;
};

struct seat {
    struct topic *topic;
    size_t number; /* among the topic's */
};

/* A connection. All members are the hub's, guarded by its lock. */
struct hub_member {
    uint64_t id; /* 0: in no hub */
    struct hub_lane *lane; /* NULL: not on a loop yet */
    size_t max_unsent;
    struct queued *first, *last;
    size_t unsent;        /* bytes in the queue */
    size_t sent_of_first; /* of these have left */
    bool is_closing;      /* a close frame stands at the end; nothing follows it */
    bool is_too_slow;     /* the queue is to be given up for a close frame */
    unsigned close_code;
    bool is_dirty;
    struct hub_member *next_dirty;
    struct seat *seats;
    unsigned n_seats;
};

/* What is to be written, and where the member stands. */
struct hub_view {
    uv_buf_t bufs[HUB_PEEK_MAX];
    unsigned n_bufs;
    size_t size;
    bool is_closing;
};

DW_MUST_USE enum dw_err hub_new(struct hub **ret_hub);
/* After all members have left. */
void hub_free(struct hub **hub);

/* Gives the zeroed member its number. */
DW_MUST_USE enum dw_err hub_add(struct hub *hub, struct hub_member *member, size_t max_unsent);
/* From now on it is found by nobody; its queue and its seats go. Its id stays, for the log. Doing so twice is fine. */
void hub_remove(struct hub *hub, struct hub_member *member);
/* What was sent to it before is now the loop's to write. */
void hub_board(struct hub *hub, struct hub_member *member, struct hub_lane *lane);

/* --- any thread --- */

/* DW_ERR_NOT_FOUND: no such member, or it is closing. DW_ERR_LIMIT: it reads too slowly and will be closed. */
DW_MUST_USE enum dw_err hub_send(struct hub *hub, uint64_t id, struct frame *frame);
/* Puts a close frame behind what waits, unless one is there already; false when there is no such member. */
bool hub_close(struct hub *hub, uint64_t id, unsigned code, struct dw_str reason);
DW_MUST_USE enum dw_err hub_join(struct hub *hub, uint64_t id, struct dw_str topic);
void hub_leave(struct hub *hub, uint64_t id, struct dw_str topic);
void hub_publish(struct hub *hub, struct dw_str topic, struct frame *frame);
size_t hub_count(struct hub *hub, struct dw_str topic);

/* --- the member's loop --- */

/* The next of the lane that has something to do; NULL when none has. */
struct hub_member *hub_next_dirty(struct hub *hub, struct hub_lane *lane);
/* Whether its end has been decided, and by which code. ret_code may be NULL. */
bool hub_is_closing(struct hub *hub, const struct hub_member *member, unsigned *ret_code);
/* What is first in the queue; stays there until hub_sent(). Not while a write is under way: a queue that is given up
 * loses its frames here. */
void hub_peek(struct hub *hub, struct hub_member *member, struct hub_view *ret_view);
void hub_sent(struct hub *hub, struct hub_member *member, size_t bytes);

#endif
