/*
 * A file that is made beside the place where it is wanted, and gets its name when it is whole.
 *
 * Why: a back-up that is there by name is complete, whatever ends the program before: a signal takes what is half made
 * away with it, as it may be many gigabytes.
 * Defends against: --force on what is no back-up: the database itself, one that is in use, the secret key, any other
 * file; a name that somebody else takes meanwhile (link(2) never replaces).
 * Threading: one draft at a time, for the signals; before other threads there are none.
 */
#ifndef CLI_DRAFT_H
#define CLI_DRAFT_H

#include "cli/command.h"

enum { DRAFT_PATH_SIZE = 4096 };

/* The file itself, and what SQLite may put beside it. */
extern const char *const DRAFT_SUFFIXES[4];

struct draft {
    char path[DRAFT_PATH_SIZE]; /* "": none */
    char url[DRAFT_PATH_SIZE + 8];
};

/* Whether a back-up of `database` may come to `path`: nothing is there, or, with `replace`, another back-up. */
DW_MUST_USE enum dw_err draft_check_place(struct cli *cli, const char *path, const char *database, bool replace);
/* A name of its own beside `wanted`; from now on SIGINT, SIGTERM and SIGHUP remove what has that name. */
DW_MUST_USE enum dw_err draft_name(struct cli *cli, const char *wanted, struct draft *draft);
/* As root: to the owner of `like`, or of its folder where it is not there, as SQLite does it with its journals: what
 * root restores is for the server to open. */
DW_MUST_USE enum dw_err draft_give(struct cli *cli, const struct draft *draft, const char *like);
/* From now on they end nothing, until the draft is installed or removed. */
void draft_hold_signals(void);
/* Under the wanted name at once and whole, and on the disk; without `replace` never in place of what is there. */
DW_MUST_USE enum dw_err draft_install(struct cli *cli, struct draft *draft, const char *path, bool replace);
/* What was not installed goes. */
void draft_remove(struct draft *draft);

#endif
