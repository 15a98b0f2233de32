/* What each signature algorithm is: one row, made from DW_JWS_ALGORITHMS. */
#ifndef JOSE_ALG_H
#define JOSE_ALG_H

#include "crypto/key.h"
#include <doorward/jose.h>

struct alg_info {
    const char *name;
    enum dw_kty kty;
    unsigned key_bits; /* oct, RSA: at least; EC: the curve's */
    struct key_scheme scheme;
};

/* NULL for no algorithm. */
const struct alg_info *alg_info(enum dw_alg alg);
/* The only algorithm that an EC key of this curve, or an Ed25519 key, can have; DW_ALG_NONE_GIVEN for other types. */
enum dw_alg alg_of_curve(enum dw_kty kty, unsigned bits);

#endif
