/* The claims of a token (RFC 7519 §4): read in one pass, then held against the rules. */
#ifndef JOSE_CLAIMS_H
#define JOSE_CLAIMS_H

#include "base/json.h"
#include <doorward/jose.h>

/* Fills the registered claims from the payload in claims->json. DW_ERR_TOKEN_CLAIM when it is no JSON object or a
 * registered claim is not of its type; ret_claims is then filled as far as it could be read. */
DW_MUST_USE enum dw_err claims_read(struct dw_arena *arena, struct dw_claims *ret_claims);
/* `typ` is the header's. */
DW_MUST_USE enum dw_err claims_check(const struct dw_claims *claims, struct dw_str typ,
                                     const struct dw_jwt_rules *rules);

#endif
