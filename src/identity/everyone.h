/*
 * The end of everything that was handed out, to everyone: after a break-in, and after a back-up was restored.
 *
 * Why: a restored database has forgotten what was revoked after the back-up was made. A token that was denied since, a
 * family that was ended, a link that was used would be good again until they expire. None of them may be: every signing
 * key is replaced at once (no access token verifies any more, also none of a key that the back-up does not know), every
 * sign-in by cookie or tokens ends, every link in a mail is void.
 * Does not do: API keys, passwords, roles and users stay as they are; which of them changed since a back-up nobody
 * knows but its operators.
 */
#ifndef IDENTITY_EVERYONE_H
#define IDENTITY_EVERYONE_H

#include "identity/identity.h"

/*
 * Beside a running server too, which obeys within a second; in transactions of bounded size. What is interrupted is run
 * again: the keys go first. `restored` (absent: nothing was): where from, for the audit log. ret_sign_ins: how many
 * ended.
 */
DW_MUST_USE enum dw_err everyone_sign_out(struct identity *identity, const struct actor *actor, struct dw_str restored,
                                          struct dw_arena *arena, int64_t *ret_sign_ins);

extern const struct statement *const EVERYONE_STATEMENTS[];

#endif
