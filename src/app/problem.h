/*
 * What is wrong with a table, in words: the text that dw_app_new() hands back.
 */
#ifndef APP_PROBLEM_H
#define APP_PROBLEM_H

#include "base/cleanup.h"
#include <doorward/app.h>

struct problem {
    char text[DW_PROBLEM_SIZE];
};

/* Writes the text and returns DW_ERR_TABLE, so that a check can `return problem_say(p, "…")`. */
DW_MUST_USE enum dw_err problem_say(struct problem *p, const char *format, ...) DW_PRINTF(2, 3);
/* Puts "where: " before the text that a deeper check wrote, and returns `err`. */
DW_MUST_USE enum dw_err problem_at(struct problem *p, const char *where, enum dw_err err);

#endif
