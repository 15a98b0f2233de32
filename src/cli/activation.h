/*
 * Sockets that a supervisor opened before it started us (sd_listen_fds(3)).
 *
 * Why: systemd can then keep the port while the server restarts, connections wait instead of being refused, and the
 * server needs no right to a low port.
 */
#ifndef CLI_ACTIVATION_H
#define CLI_ACTIVATION_H

#include "cli/command.h"

/* The one that was passed; 0 when there is none. Several, or LISTEN_FDS that makes no sense: refused. */
DW_MUST_USE enum dw_err activation_socket(struct cli *cli, int *ret_fd);

#endif
