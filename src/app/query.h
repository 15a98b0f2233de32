/*
 * The pairs of a form or a query (application/x-www-form-urlencoded, WHATWG URL §5.1), one at a time.
 *
 * Stricter than browsers: a bad escape is an error. Limits: QUERY_PAIRS_MAX.
 */
#ifndef APP_QUERY_H
#define APP_QUERY_H

#include "base/cleanup.h"

enum { QUERY_PAIRS_MAX = 512 };

struct query_pair {
    struct dw_str name;
    struct dw_str value; /* absent without '=' */
};

/* All pairs, decoded, in the arena. DW_ERR_ENCODING for a bad escape, DW_ERR_BAD_REQUEST for too many. */
DW_MUST_USE enum dw_err query_parse(struct dw_arena *arena, struct dw_str encoded, struct query_pair **ret_pairs,
                                    size_t *ret_n);
/* The value of the only pair of that name; absent when there is none; DW_ERR_BAD_REQUEST when there are several. */
DW_MUST_USE enum dw_err query_find(struct dw_arena *arena, struct dw_str encoded, struct dw_str name,
                                   struct dw_str *ret_value);

#endif
