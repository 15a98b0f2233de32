/*
 * What a supervisor is told (sd_notify(3)): ready, reloading, stopping, still alive.
 *
 * Why: systemd then starts what depends on the server when it listens and not before, and restarts one that hangs. The
 * protocol is a datagram to the socket that NOTIFY_SOCKET names, so no library is needed; without that nothing is sent.
 * Never waits.
 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

#include "cli/command.h"

/* "READY=1\nSTATUS=…". A supervisor that does not listen is its own misfortune. */
void notify_tell(const struct cli *cli, const char *state);
/* The start of a reload, which has to carry the time; its end is READY=1. */
void notify_reloading(const struct cli *cli);
/* How often it wants to hear WATCHDOG=1, half of its patience, in milliseconds; 0: it does not. */
unsigned notify_watchdog_ms(const struct cli *cli);

#endif
