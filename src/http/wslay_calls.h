/*
 * wslay, loaded when an application has a WebSocket row.
 *
 * Why: most programs have none, and every library linked in costs each process its own pages.
 */
#ifndef HTTP_WSLAY_CALLS_H
#define HTTP_WSLAY_CALLS_H

#include <wslay/wslay.h>

#define WSLAY_CALLS(X)                                                                                                 \
    X(wslay_frame_context_init)                                                                                        \
    X(wslay_frame_context_free)                                                                                        \
    X(wslay_frame_recv)

#define WSLAY_MEMBER(name) __typeof__(name) *name;
struct wslay_calls {
    WSLAY_CALLS(WSLAY_MEMBER)
};
#undef WSLAY_MEMBER

/* Loads the library once, for good; NULL when it is not on this machine. Any thread. */
const struct wslay_calls *wslay_calls_load(void);

#endif
