/*
 * Who is calling: from a credential, by the kind of the scheme that carried it, to a principal.
 *
 * Why: a bearer token, an API key and a session cookie must end in the same questions (is the user there, active, may
 * she), answered by identity/. Each kind is one row: the scheme that extracts it, and the function that restores whom
 * it stands for.
 * When several are sent, the first scheme of the list decides alone: a refused token is refused, whatever key came with
 * it, since a caller whose credentials disagree must hear of it.
 */
#ifndef PROTOCOL_AUTHENTICATE_H
#define PROTOCOL_AUTHENTICATE_H

#include "protocol/context.h"

/* Fills in protocol->credentials and what they borrow. */
DW_MUST_USE enum dw_err credentials_make(struct protocol *protocol);

/* For dw_app_config.authenticate. */
DW_MUST_USE enum dw_err authenticate(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
                                     struct dw_principal *ret_principal);

#endif
