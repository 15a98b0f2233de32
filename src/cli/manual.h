/* doorward(1), from the tables of commands and settings. Threading: none; writes to the stream given. */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "cli/command.h"

DW_MUST_USE enum dw_err manual_write(FILE *out, const struct command *commands);

#endif
