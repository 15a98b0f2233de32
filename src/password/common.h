/*
 * Passwords that many people use.
 *
 * Why: NIST SP 800-63B section 5.1.1.2 wants a new password compared with a list of commonly used ones.
 * Defends against: guessing from such lists. The list holds what a policy of eight characters would let through.
 * Does not: know passwords from a particular leak; it is no substitute for slow hashing.
 *
 * Made at build time by tools/common_passwords.py. Constant; any thread may read it.
 */
#ifndef DOORWARD_PASSWORD_COMMON_H
#define DOORWARD_PASSWORD_COMMON_H

#include <stddef.h>

/* Lower case, at least 8 characters, unique, in strcmp's order: made for bsearch. */
extern const char *const PASSWORD_COMMON[];
extern const size_t PASSWORD_COMMON_COUNT;

#endif
