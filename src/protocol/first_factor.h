/*
 * Name and password of a request, for every route that signs in by them.
 *
 * Defends against: telling tenants apart (a tenant that does not exist is like a name that does not: the same work, the
 * same waits, the same answer).
 */
#ifndef PROTOCOL_FIRST_FACTOR_H
#define PROTOCOL_FIRST_FACTOR_H

#include "identity/session.h"
#include "protocol/context.h"

/* Fills in sign_in->tenant from its slug, then session_first_factor(). DW_ERR_RATE_LIMITED goes with Retry-After. */
DW_MUST_USE enum dw_err first_factor_check(struct dw_request *r, struct dw_str tenant, struct sign_in *sign_in,
                                           struct first_factor *ret_factor);

/* Whether it is the caller's own password, asked for again before something that can't be undone. Wrong ones count as
 * failed sign-ins do: a stolen session must not be a way to guess. DW_ERR_PASSWORD_WRONG, DW_ERR_RATE_LIMITED. */
DW_MUST_USE enum dw_err password_confirm(struct dw_request *r, struct dw_str password);

/*
 * For what decides over an account: the caller signed in a short while ago (identity/recent_sign_in.h), or gives her
 * password with the request. DW_ERR_REAUTHENTICATION when it is neither; DW_ERR_PASSWORD_WRONG, DW_ERR_RATE_LIMITED
 * when a password was sent, which counts as an attempt to sign in. An API key passes: the rows that let one in know
 * why. To be called before anything is changed: DW_ERR_WOULD_BLOCK moves the request to the hashing lane, and ordinary
 * requests never go there.
 */
DW_MUST_USE enum dw_err recent_sign_in_confirm(struct dw_request *r, struct dw_str current_password);

/* What those rows answer without it. */
#define ANSWER_REAUTHENTICATION { 403, "Sign in again, or send `current_password`: this sign-in is too old for it" }

#endif
