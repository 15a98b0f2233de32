/*
 * What is wrong with an input: the entries of a 422's `detail`, all of them in one answer.
 *
 * Each says where (loc), what kind (type, in pydantic's words), a text, and sometimes the input itself.
 * Defends against: a flood of entries (ISSUE_MAX), long or secret input in an answer (the caller hands on only what
 * may be seen). Everything lives in the request's arena.
 */
#ifndef APP_ISSUE_H
#define APP_ISSUE_H

#include "base/buffer.h"
#include <doorward/app.h>

enum { ISSUE_MAX = 64, ISSUE_DEPTH_MAX = 40 };

/* A place in an input, as a chain on the stack from the inside to the outside. */
struct place {
    const struct place *outer;
    struct dw_str name; /* absent: an index */
    size_t index;
};

struct issue {
    struct issue *next;
    const char *type;
    struct dw_str message;
    struct dw_str loc;   /* JSON array */
    struct dw_str input; /* JSON, absent when it must not be seen */
};

struct issue_list {
    struct issue *first;
    struct issue *last;
    unsigned n;
};

/* Adds an entry and returns DW_ERR_VALIDATION (DW_ERR_NO_MEMORY without memory). `input` is JSON or absent. */
DW_MUST_USE enum dw_err issue_add(struct issue_list *list, struct dw_arena *arena, const struct place *place,
                                  const char *type, struct dw_str message, struct dw_str input);
/* Writes the list as a JSON array. */
void issue_list_write(const struct issue_list *list, struct buffer *b);
/* "email: Field required" of the first entry, for answers that have room for one text. */
struct dw_str issue_list_text(const struct issue_list *list, struct dw_arena *arena);

#endif
