/* "Did you mean …?": the name that a misspelt one was probably meant to be. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <doorward/base.h>

/* The number of insertions, deletions and changes between two names; names past 64 bytes are as far as can be. */
unsigned nearest_distance(struct dw_str a, struct dw_str b);
/* Whether two names are near enough to be worth telling. */
bool nearest_is_likely(unsigned distance, struct dw_str name);

#endif
