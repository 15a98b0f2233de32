/* The help and docs/commands.md, both from the table of commands. Threading: none; writes to the stream given. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/command.h"

/* Every command that is not hidden, by group. */
void help_write_main(FILE *out, const struct command *commands);
/* The commands whose first word this is; false when there are none. */
bool help_write_group(FILE *out, const struct command *commands, const char *word);
void help_write_command(FILE *out, const struct command *command);
/* "doorward user create USER --email ADDRESS [options]" */
void help_write_usage(FILE *out, const struct command *command);
void help_write_markdown(FILE *out, const struct command *commands);

#endif
