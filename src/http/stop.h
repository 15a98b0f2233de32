/*
 * What makes a server stop: SIGINT, SIGTERM, dw_serve_stop().
 *
 * dw_serve_stop() may run in a signal handler, so it touches nothing but atomics and write(2): each running server
 * watches an eventfd of a small table. These descriptors are never closed, because a late caller might otherwise write
 * into somebody else's file; a slot is used again by the next server.
 */
#ifndef HTTP_STOP_H
#define HTTP_STOP_H

#include <doorward/base.h>
#include <uv.h>

enum { STOP_SLOTS = 16 /* servers at the same time in one process */ };

struct stop_watch {
    uv_signal_t interrupt, terminate;
    uv_poll_t asked;
    int slot;
    void (*on_stop)(void *argument);
    void *argument;
};

/* Calls on_stop on the loop's thread for each signal, unless they are ignored, and each dw_serve_stop(). The handles
 * are closed with the loop. */
DW_MUST_USE enum dw_err stop_watch_open(struct stop_watch *watch, uv_loop_t *loop, bool ignores_signals,
                                        void (*on_stop)(void *argument), void *argument);
/* Signals do again what they did before: another one ends the process. */
void stop_watch_release_signals(struct stop_watch *watch);
/* Gives the slot back; after the loop was closed. */
void stop_watch_close(struct stop_watch *watch);

#endif
