/*
 * How long ago a sign-in was made, or its password given again: what decides over the account asks for it.
 *
 * Why: an access token or a cookie can be stolen without the password. With it alone nobody shall change the address
 * that resets the password, make a key that outlives the token, or set up a second factor that locks the owner out.
 * What counts is when the person signed in (with all of her factors), never when a token was issued: refreshing makes
 * no sign-in recent.
 * Does not: ask for the password; that is protocol/first_factor.h.
 *
 * Threading: both calls wait for the database.
 */
#ifndef IDENTITY_RECENT_SIGN_IN_H
#define IDENTITY_RECENT_SIGN_IN_H

#include "identity/tenant.h"

/* DW_ERR_REAUTHENTICATION when the sign-in `session` of that user is older than identity_config.reauth_ttl_s (0:
 * always) or has ended. */
DW_MUST_USE enum dw_err recent_sign_in_check(struct identity *identity, struct dw_str user_id, struct dw_str session);
/* The password was right: the sign-in is as good as new. */
DW_MUST_USE enum dw_err recent_sign_in_renew(struct identity *identity, const struct tenant *tenant,
                                             const struct actor *actor, struct dw_str session);

extern const struct statement *const RECENT_SIGN_IN_STATEMENTS[];
extern const char RECENT_SIGN_IN_COLUMN[];

#endif
