/*
 * Looking a password up in a file of breached ones: struct dw_breached_passwords of <doorward/password.h>.
 *
 * Why: ASVS 5.0 6.2.12 and NIST SP 800-63B-4 §3.1.1.2 want new passwords compared with those of known breaches. The
 * public list has a thousand million lines; it is never loaded, but searched where it lies: some thirty reads of the
 * page cache or the disk a look-up.
 * Defends against: passwords that guessers try first. Does not: ask a service, or tell anybody what was looked up;
 * take a file that is not what it should be for one without a match (DW_ERR_IO instead).
 */
#ifndef PASSWORD_BREACHED_H
#define PASSWORD_BREACHED_H

#include "base/cleanup.h"
#include <doorward/password.h>

/* Waits for the disk. */
DW_MUST_USE enum dw_err breached_find(const struct dw_breached_passwords *breached, struct dw_str password,
                                      bool *ret_is_there);

#endif
