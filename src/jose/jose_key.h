/* struct dw_key as the files of this room see it. */
#ifndef JOSE_KEY_H
#define JOSE_KEY_H

#include "jose/alg.h"
#include "jose/jwk.h"

struct dw_key {
    struct key *key;
    enum dw_alg alg; /* DW_ALG_NONE_GIVEN: unpinned (oct and RSA alone) */
    struct dw_str kid; /* owned */
    bool kid_is_given; /* else it is the thumbprint */
    bool may_sign, may_verify; /* what key_ops leaves (RFC 7517 §4.3) */
};

enum { JWKS_MAX_BYTES = 1024 * 1024 };

/* A dw_key around `key`, which is taken, also on failure; pinned to `alg`, or to its curve's. kid is the thumbprint. */
DW_MUST_USE enum dw_err jose_key_new(struct key *key, enum dw_alg alg, struct dw_key **ret_key);
/* DW_OK when the key is of the type and size for `alg`, else DW_ERR_KEY_TYPE or DW_ERR_KEY_TOO_WEAK. */
DW_MUST_USE enum dw_err jose_key_check(const struct key *key, enum dw_alg alg);
/* Whether the key may be used with `alg`: of its type, strong enough, and pinned to it or unpinned. */
bool jose_key_allows(const struct dw_key *key, enum dw_alg alg);
/* From a parsed JWK; `arena` takes the decoded members and should be freed soon. */
DW_MUST_USE enum dw_err jwk_import(yyjson_val *jwk, enum dw_alg alg, struct dw_arena *arena, struct dw_key **ret_key);

#endif
