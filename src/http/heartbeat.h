/*
 * Whether all event loops go round: each is asked, and the next time looked whether it has answered.
 *
 * Why: a supervisor that restarts what hangs needs to hear from those that may hang, not from a thread beside them.
 */
#ifndef HTTP_HEARTBEAT_H
#define HTTP_HEARTBEAT_H

#include <doorward/base.h>
#include <stdatomic.h>
#include <uv.h>

struct server;
struct loop;

struct heartbeat {
    uv_timer_t timer;
    _Atomic uint64_t asked;
};

/* On the first loop; nothing when the server's settings want none. The timer is closed with the loop. */
DW_MUST_USE enum dw_err heartbeat_open(struct server *server);
/* The loop was woken: it goes round. */
void heartbeat_answer(struct loop *loop);

#endif
