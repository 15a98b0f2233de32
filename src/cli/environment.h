/* Variables of the environment that are not settings: what a supervisor tells the process that it starts. */
#ifndef CLI_ENVIRONMENT_H
#define CLI_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

/* The value; NULL when there is none. */
const char *environment_find(char *const *environment, const char *name);
/* The same of one that is decimal digits; false for anything else. */
bool environment_number(char *const *environment, const char *name, uint64_t *ret_number);

#endif
