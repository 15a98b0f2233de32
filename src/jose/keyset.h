/* struct dw_keyset as the files of this room see it. */
#ifndef JOSE_KEYSET_H
#define JOSE_KEYSET_H

#include "jose/jose_key.h"

struct dw_keyset {
    struct dw_key **keys; /* owned */
    size_t size;
    bool is_mixed; /* holds symmetric and asymmetric keys: never used to verify (RFC 8725 §3.1) */
};

/* The key that a header of `alg` and `kid` (or none) means: DW_ERR_JOSE_NO_KEY when there is none, or more than one. */
DW_MUST_USE enum dw_err keyset_choose(const struct dw_keyset *set, enum dw_alg alg, struct dw_str kid,
                                      const struct dw_key **ret_key);

#endif
