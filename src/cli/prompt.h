/*
 * Passwords and confirmations from standard input: without echo on a terminal, as they come from a pipe.
 * Threading: one at a time; signals that end the process restore the terminal first.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "cli/command.h"

enum { PROMPT_MAX_BYTES = 64 * 1024 };

/* From a pipe: all of it, but for a newline at its end. On a terminal: asked for on `err`, twice where it is a new one.
 * Refused: empty, two that differ, more than PROMPT_MAX_BYTES. */
DW_MUST_USE enum dw_err prompt_password(struct cli *cli, bool is_new, struct dw_secret *ret_password);
/* True when no terminal is there to ask, or the answer is y or yes. */
bool prompt_confirm(struct cli *cli, const char *question);

#endif
