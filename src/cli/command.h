/*
 * The command line: one table of commands. A row drives parsing, `--help`, what is opened before the command runs,
 * and the documentation (docs/commands.md).
 *
 * Exit codes: 0 done, 1 refused, 2 wrong usage. What a command answers goes to `out`, what went wrong to `err`: as
 * `doorward: …` for people, as {"error","detail"} under --json.
 * Does not defend against: whoever may run the program; an argument is visible to other users of the machine, so no
 * command takes a secret as one.
 * Threading: one command a process, on one thread.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/cleanup.h"

struct cli;
struct settings;
struct storage;
struct dw_passwords;
struct dw_breached_passwords;
struct identity;
struct redis;

/* A row of a command's options. */
struct option {
    const char *name;     /* "--email" */
    const char *argument; /* what it is called in the help; NULL: a switch */
    const char *meaning;
    const char *setting;  /* the setting that it replaces for this run; NULL: none */
    bool is_required;
};

enum { OPTIONS_MAX = 24, ARGUMENTS_MAX = 3 };

/* What is opened before a command runs. */
enum command_needs {
    NEEDS_NOTHING,
    NEEDS_SETTINGS, /* cli->settings */
    NEEDS_IDENTITY, /* and cli->identity, on a database that is there already */
};

/* A row of the table. */
struct command {
    const char *words;                          /* "user create" */
    enum dw_err (*run)(struct cli *cli);        /* its error is told through cli_refuse() or by its code */
    const char *arguments[ARGUMENTS_MAX + 1];   /* "USER"; one that may be left out stands in brackets: "[FILE]" */
    const struct option *options;               /* ends with a NULL name; NULL: none besides --help and --json */
    enum command_needs needs;
    bool is_server;                             /* its standard error is the server's log, as the settings want it */
    bool is_hidden;                             /* not in the main help */
    const char *summary;                        /* one line, no full stop */
    const char *details;                        /* more for its own help; NULL: none */
};

struct cli {
    FILE *in, *out, *err;
    char *const *environment; /* "NAME=value", NULL at the end */
    const struct command *command;
    const char *values[OPTIONS_MAX]; /* of the command's options, in order; a switch's is "" */
    const char *arguments[ARGUMENTS_MAX];
    bool json;
    struct dw_arena *arena; /* until the command has ended */
    struct settings *settings;      /* these six: open.h */
    struct storage *storage;
    struct dw_passwords *passwords;
    struct dw_breached_passwords *breached; /* NULL: no file is set */
    struct identity *identity;
    struct redis *redis; /* the server's; NULL: none is set */
    /* What cli_refuse() and cli_misuse() noted. */
    struct dw_str problem;
    bool is_misused;
};

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* --- for commands ----------------------------------------------------------------------------------------------- */

/* The value of an option of this command ("" for a switch that was given), NULL when it was not given. */
const char *cli_option(const struct cli *cli, const char *name);
/* The same as a slice: absent when it was not given. */
struct dw_str cli_option_str(const struct cli *cli, const char *name);
/* Whole seconds or counts; `fallback` when it was not given; a misuse when it is no number in min..max. */
DW_MUST_USE enum dw_err cli_option_int(struct cli *cli, const char *name, int64_t min, int64_t max, int64_t fallback,
                                       int64_t *ret_number);
/* Argument i, NULL when it was left out. */
const char *cli_argument(const struct cli *cli, size_t i);

/* Notes what to tell and hands `err` (not DW_OK) on: `return cli_refuse(cli, DW_ERR_NOT_FOUND, "no user %s", name)`.
 * The process ends with 1. */
enum dw_err cli_refuse(struct cli *cli, enum dw_err err, const char *format, ...) DW_PRINTF(3, 4);
/* The same for wrong usage that the table can't see. The process ends with 2. */
enum dw_err cli_misuse(struct cli *cli, const char *format, ...) DW_PRINTF(2, 3);
/* A line on `err` that stops nothing: "doorward: warning: …". */
void cli_warn(struct cli *cli, const char *format, ...) DW_PRINTF(2, 3);

/* --- for main() and tests --------------------------------------------------------------------------------------- */

/* Ends with a row without words. */
extern const struct command COMMANDS[];

/* Parses, runs, tells what went wrong; returns the exit code. `cli` has its streams and environment set. */
int cli_run(struct cli *cli, const struct command *commands, int argc, char *const *argv);

#endif
