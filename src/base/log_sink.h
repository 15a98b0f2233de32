/*
 * Where the log's lines go: a descriptor whose other end may be full, gone or asleep.
 *
 * Why: whoever reads the log is not to decide whether people may sign in.
 * Defends against: a reader that sleeps (a pipe that is full is waited for once, for a second; from then on lines are
 * dropped until it reads again, and counted), a reader that is gone, a full disk (dropped), a descriptor that somebody
 * made non-blocking, lines of two threads that mix. What is dropped is whole lines.
 * Does not defend against: a terminal that is stopped in the middle of a line. Any thread.
 */
#ifndef BASE_LOG_SINK_H
#define BASE_LOG_SINK_H

#include "base/cleanup.h"

enum { LOG_STALL_MS = 1000 };

void log_sink_set(int fd);
/* Whole lines. */
void log_sink_write(struct dw_str lines);
/* How many lines were dropped since it was last asked, once the reader reads again; 0 until then. */
int64_t log_sink_take_lost(void);

#endif
