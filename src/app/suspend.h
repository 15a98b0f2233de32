/*
 * Handlers that wait without a thread.
 *
 * Why: a write waits for its commit, and where hundreds of requests write at once a sleeping thread for each costs more
 * than the write. A handler that runs on an event loop starts what takes its time, says by suspend() how it will go on,
 * and returns DW_OK; whoever was started calls suspend_over(), once, from any thread. `finish` then runs on the loop in
 * the handler's place: same errors, same answer. DW_ERR_WOULD_BLOCK, before it has changed anything: again on a worker.
 * An error that the handler itself returns means that nothing was started.
 * Does not: keep what dependencies borrow from the loop's memory. For rows that need nobody (DW_PUBLIC).
 */
#ifndef APP_SUSPEND_H
#define APP_SUSPEND_H

#include <doorward/app.h>

typedef enum dw_err suspend_finish(struct dw_request *r, void *state, void *out);

/* Not on a worker and not in an in-process call: there the handler waits itself. */
bool suspend_is_possible(const struct dw_request *r);
/* Before anything is started. `state` is in the request's arena. */
void suspend(struct dw_request *r, suspend_finish *finish, void *state);
/* For whoever was started; the argument is the request. */
void suspend_over(void *request);

#endif
