/* struct dw_jwe_key as the files of this room see it. */
#ifndef JOSE_JWE_KEY_H
#define JOSE_JWE_KEY_H

#include "jose/jwe_alg.h"
#include "jose/jwk.h"

struct dw_jwe_key {
    struct key *key;
    enum dw_jwe_alg alg; /* DW_JWE_ALG_NONE_GIVEN: unpinned */
    enum dw_jwe_enc enc; /* `dir` alone: DW_JWE_ENC_NONE_GIVEN when any of its size will do */
    struct dw_str kid;   /* owned */
    bool kid_is_given;   /* else it is the thumbprint */
    bool may_encrypt, may_decrypt; /* what key_ops leaves (RFC 7517 §4.3) */
};

/* Whether the key may be used so: of the right type and size, and pinned to these or unpinned. */
bool jwe_key_allows(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc);

#endif
