/*
 * What a running server takes up anew: its certificate, and the settings that may change.
 *
 * Why: certificates are renewed every few weeks, and nobody should have to send clients away for it. SIGHUP reads
 * everything again; a certificate that was replaced is found within RELOAD_EVERY_S without it, and read again once a
 * day anyhow, which gives session tickets a new key.
 * Defends against: a reload that ends the server (whatever is wrong is told, and what was goes on).
 * Threading: works on a thread of its own; the loops are never kept waiting for a file.
 */
#ifndef CLI_RELOAD_H
#define CLI_RELOAD_H

#include "cli/command.h"

#include <doorward/tls.h>

enum { RELOAD_EVERY_S = 60 };

struct reloader;

/* `cli` and `tls` (NULL: no certificate) are borrowed until reloader_stop(). */
DW_MUST_USE enum dw_err reloader_start(const struct cli *cli, struct dw_tls *tls, struct reloader **ret_reloader);
/* Reads everything again, soon. Any thread; never waits. */
void reloader_ask(struct reloader *reloader);
void reloader_stop(struct reloader **reloader);

#endif
