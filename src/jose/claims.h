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

/* When the user signed in (`auth_time`, OpenID Connect Core §2, RFC 9068 §2.2.1), and when that took more than one
 * factor (`amr` has "mfa", RFC 8176 §2); 0: not told, or not so. */
int64_t claims_authenticated_s(const struct dw_claims *claims);
int64_t claims_mfa_s(const struct dw_claims *claims);

#endif
