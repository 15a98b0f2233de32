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

#endif
