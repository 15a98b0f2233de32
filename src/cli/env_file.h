/*
 * `.env`: lines of NAME=value, read strictly.
 *
 *     # a comment
 *     NAME=value            # a comment after a blank
 *     export NAME='as it stands'
 *     NAME="with \"escapes\": \n \r \t \\ \$"
 *
 * Nothing is expanded and nothing is run. Where readers of such files differ, the line is refused, by its number:
 * blanks around =, text after a closing quote, a value over several lines, a $ or backquote that a shell would expand,
 * a name given twice.
 */
#ifndef CLI_ENV_FILE_H
#define CLI_ENV_FILE_H

#include "base/cleanup.h"

enum { ENV_FILE_MAX_BYTES = 64 * 1024, ENV_FILE_MAX_LINES = 512, ENV_PROBLEM_SIZE = 200 };

struct env_entry {
    struct dw_str name, value; /* value: NUL-terminated, in the arena */
    unsigned line;
};

struct env_file {
    struct env_entry *entries; /* in the arena */
    size_t n;
};

/* DW_ERR_SETTING with ret_problem ("line 3: …", never with the value), DW_ERR_NO_MEMORY. */
DW_MUST_USE enum dw_err env_file_parse(struct dw_str text, struct dw_arena *arena, struct env_file *ret_file,
                                       char ret_problem[ENV_PROBLEM_SIZE]);
/* NULL when the name is not in it. */
const struct env_entry *env_file_find(const struct env_file *file, struct dw_str name);

#endif
