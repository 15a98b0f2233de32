/*
 * A thread that does something now and again until it is told to end.
 *
 * The first turn comes at once; turns don't pile up: a slow one is not made up for. The thread takes no signals, which
 * are the server's.
 */
#ifndef CLI_TICKER_H
#define CLI_TICKER_H

#include "base/cleanup.h"

struct ticker;

DW_MUST_USE enum dw_err ticker_start(int64_t every_ms, void (*turn)(void *argument), void *argument,
                                     struct ticker **ret_ticker);
/* The next turn comes now, or right after the one under way. Any thread. */
void ticker_nudge(struct ticker *ticker);
/* Waits for the turn under way. */
void ticker_stop(struct ticker **ticker);

#endif
