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

#endif
