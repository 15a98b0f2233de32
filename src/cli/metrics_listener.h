/*
 * A listener of its own for those who run the server: /metrics, /healthz and /readyz, in plain http.
 *
 * Why: what only Prometheus and a supervisor ask should not stand where all clients come, and should answer when those
 * keep every loop busy. It has a thread and a loop of its own, and is there until the last request is finished.
 * Defends against: strangers who read metrics, by where it listens (a private address), and by a secret if one is set.
 * Does not: watch signals, which are the server's; speak TLS.
 */
#ifndef CLI_METRICS_LISTENER_H
#define CLI_METRICS_LISTENER_H

#include "cli/command.h"
#include <doorward/app.h>

struct metrics_listener;

/* Listens on DOORWARD_METRICS_LISTEN when it returns. `app` is borrowed until metrics_listener_stop(). */
DW_MUST_USE enum dw_err metrics_listener_start(struct cli *cli, struct dw_app *app,
                                               struct metrics_listener **ret_listener);
/* When the server serves no longer: finishes what is under way. Does nothing with NULL. */
void metrics_listener_stop(struct metrics_listener **listener);

#endif
