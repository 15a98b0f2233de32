/*
 * The second step of a sign-in: what /token and /login share with /2fa/verify.
 */
#ifndef PROTOCOL_ACCOUNT_TWO_FACTOR_H
#define PROTOCOL_ACCOUNT_TWO_FACTOR_H

#include "identity/mfa.h"
#include "protocol/context.h"

/* For a user with mfa_enabled, in place of opening a sign-in: answers 403
 * {"error":"mfa_required","error_description","detail","mfa_token"}, whatever the row's own answer model is. Waits for
 * the database. */
DW_MUST_USE enum dw_err two_factor_ask(struct dw_request *r, const struct sign_in *sign_in,
                                       const struct first_factor *factor, enum mfa_kind kind);

#endif
