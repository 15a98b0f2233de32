/*
 * What verifies a token on the command line and in vectors: one key, or a set of them.
 */
#ifndef CLI_JOSE_KEYS_H
#define CLI_JOSE_KEYS_H

#include "base/cleanup.h"
#include <doorward/jose.h>

/* Exactly one of the two. */
struct jose_keys {
    struct dw_key *key;
    struct dw_keyset *set;
};

void jose_keys_free(struct jose_keys *keys);
/* From PEM, a JWK or a JWKS, whichever the text is. Errors: those of dw_key_from_pem(), dw_key_from_jwk() and
 * dw_keyset_from_jwks(). */
DW_MUST_USE enum dw_err jose_keys_parse(struct dw_str text, enum dw_alg alg, struct jose_keys *ret_keys);
DW_MUST_USE enum dw_err jose_keys_verify_jwt(const struct jose_keys *keys, const struct dw_jwt_rules *rules,
                                             struct dw_str token, struct dw_arena *arena,
                                             struct dw_claims *ret_claims);

#endif
