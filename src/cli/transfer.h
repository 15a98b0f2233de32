/*
 * doorward migrate --to: a whole installation copied into another database, and proved to be there.
 *
 * Defends against: a copy that can't be opened (the secret is tried on both sides), a password that others see in the
 * list of processes (--to-file), a copy that is told to be good and is not (storage/copy.h).
 */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include "cli/command.h"

/* Where --to or --to-file says. */
DW_MUST_USE enum dw_err transfer(struct cli *cli);

#endif
