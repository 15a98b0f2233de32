/*
 * Patterns (PCRE2) that a whole text must match: of a model's member, of CORS origins.
 *
 * Defends against: patterns that run away (limits on matching, depth and memory; one that exceeds them has not
 * matched), a match in the middle of a text (both ends are anchored), a newline at its end.
 * Threading: a compiled pattern is immutable; matching may happen on any thread.
 */
#ifndef APP_PATTERN_H
#define APP_PATTERN_H

#include "app/problem.h"

struct pattern;

/* DW_ERR_TABLE when it does not compile: the problem says why. */
DW_MUST_USE enum dw_err pattern_new(struct dw_str text, struct problem *p, struct pattern **ret_pattern);
void pattern_free(struct pattern **pattern);
/* What is no UTF-8 does not match. */
bool pattern_matches(const struct pattern *pattern, struct dw_str s);

#endif
