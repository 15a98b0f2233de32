/* What each JWE algorithm is: one row. */
#ifndef JOSE_JWE_ALG_H
#define JOSE_JWE_ALG_H

#include "crypto/content.h"
#include "crypto/key.h"
#include <doorward/jwe.h>

/* How the content key gets to the receiver: the classes of RFC 7516 §2, by what they need of the key. */
enum jwe_method { JWE_DIRECT, JWE_KEY_WRAP, JWE_GCM_WRAP, JWE_OAEP, JWE_AGREEMENT };

struct jwe_alg_info {
    const char *name;
    enum jwe_method method;
    unsigned bits; /* of the wrapping key (agreement: 0 when what was agreed encrypts the content); OAEP: of the hash */
};

struct jwe_enc_info {
    const char *name;
    struct content_scheme scheme;
};

/* NULL for none. */
const struct jwe_alg_info *jwe_alg_info(enum dw_jwe_alg alg);
const struct jwe_enc_info *jwe_enc_info(enum dw_jwe_enc enc);

#endif
