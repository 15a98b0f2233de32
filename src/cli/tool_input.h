/*
 * What the tools read and write: tokens, claims and texts from standard input, keys from files, one answer a line.
 */
#ifndef CLI_TOOL_INPUT_H
#define CLI_TOOL_INPUT_H

#include "cli/command.h"
#include "cli/jose_keys.h"

/* All of standard input, at most `max` bytes; told as `what` when it is longer. */
DW_MUST_USE enum dw_err tool_read_input(struct cli *cli, const char *what, size_t max, struct dw_secret *ret_input);
/* All of a key file. */
DW_MUST_USE enum dw_err tool_read_file(struct cli *cli, const char *path, struct dw_secret *ret_text);
/* The keys in a file; the reason is told when there is none of use. */
DW_MUST_USE enum dw_err tool_read_keys(struct cli *cli, const char *path, enum dw_alg alg, struct jose_keys *ret_keys);
/* Without the blanks and line breaks around it. */
struct dw_str tool_trimmed(struct dw_str s);

DW_MUST_USE enum dw_err tool_write_line(struct cli *cli, struct dw_str text);

#endif
