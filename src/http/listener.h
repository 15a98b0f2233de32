/*
 * Where a loop's connections come from.
 *
 * Why not libuv's own listening: when descriptors run out it calls back without end, as its one descriptor in reserve
 * may be taken by another loop before it is given back, and the loop never returns to those that it serves.
 * Defends against: more connections than there may be, or than descriptors, held by peers that say nothing. The one
 * that has been idle longest makes room for the new one. When none is idle, the new one is closed; without a descriptor
 * the listener rests for a moment, and who is in the kernel's queue waits there.
 */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include <doorward/base.h>
#include <uv.h>

struct loop;

struct listener {
    uv_poll_t poll;
    uv_timer_t rest;
    int fd; /* -1: closed */
};

/* Listens on a bound socket, which it takes. The handles are closed with the loop. */
DW_MUST_USE enum dw_err listener_open(struct listener *listener, struct loop *loop, int take_fd);
/* Takes who is in the kernel's queue, and closes the socket. Doing so twice is fine. */
void listener_stop(struct listener *listener);
/* Closes the loop's connection that has been idle longest; false when none is. */
bool listener_make_room(struct loop *loop);
/* Closes it, whoever is in the queue. */
void listener_close(struct listener *listener);

#endif
