/* A folder of its own to work in, and commands run in this process with their streams caught. */
#ifndef UNIT_CLI_FIXTURE_H
#define UNIT_CLI_FIXTURE_H

#include "../check.h"

#include "cli/command.h"

/* Makes a folder under /tmp and enters it; the way back removes it with all that is in it. */
int folder_enter(void **state);
int folder_leave(void **state);

void file_write(const char *path, const char *text, unsigned mode);
/* The whole of a file, NUL-terminated; the caller frees it. */
char *file_read(const char *path);

enum { RUN_WORDS_MAX = 12 };

/* One run of the program. */
struct run {
    const char *words[RUN_WORDS_MAX]; /* after "doorward" */
    const char *input;                /* NULL: nothing */
    char *const *environment;         /* NULL: empty */
};

struct ran {
    int code;
    char *out, *err; /* freed by ran_free() */
};

/* Through the program's own table. */
struct ran run_command(const struct run *run);
struct ran run_table(const struct run *run, const struct command *commands);
void ran_free(struct ran *ran);

#define _cleanup_ran_ _cleanup_(ran_free)

void check_contains(const char *text, const char *part, const char *label);
/* A string of the JSON in `text`, first member of that name: borrowed in a static buffer. */
const char *json_member(const char *text, const char *name);

#endif
