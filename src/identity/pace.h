/*
 * Sign-ins at a pace that no person has: from several networks within minutes.
 *
 * Why: a password that goes round, or was sold, shows by where it is used before it shows by anything else. Each of
 * these devices may be known, or be let in for a right password; together they leave the event
 * "session.impossible_pace" in the audit log (spec G9).
 * Defends against: accounts shared or taken over that nobody notices. Does not: know where on earth an address is;
 * refuse anything; count sign-ins from one network, however many (that is for the rate limits), or farther back than
 * the PACE_LOOK_BACK latest events of the user.
 */
#ifndef IDENTITY_PACE_H
#define IDENTITY_PACE_H

#include "identity/session.h"

enum { PACE_WINDOW_S = 10 * 60, PACE_NETWORKS = 3, PACE_LOOK_BACK = 50 };

/* Inside the write of a sign-in that came about, before it is in the audit log itself: the event, when its address is
 * on a network that the window has not seen, and makes at least PACE_NETWORKS of them. */
DW_MUST_USE enum dw_err pace_look_in(struct transaction *tx, const struct sign_in *sign_in, struct dw_str user_id);

extern const struct statement *const PACE_STATEMENTS[];

#endif
