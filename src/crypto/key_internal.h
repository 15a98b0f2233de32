/* What the files of the key module share; nobody else includes it. */
#ifndef CRYPTO_KEY_INTERNAL_H
#define CRYPTO_KEY_INTERNAL_H

#include "crypto/key.h"
#include <openssl/bn.h>
#include <openssl/evp.h>

struct key {
    enum key_type type;
    bool has_private;
    unsigned bits;
    uint64_t serial; /* names its per-thread contexts */
    EVP_PKEY *pkey;
    struct dw_secret octets; /* HMAC */
};

/* One per type: components to OpenSSL's key, checked, and back. */
DW_MUST_USE enum dw_err key_rsa_make(const struct key_parts *parts, EVP_PKEY **ret_pkey);
DW_MUST_USE enum dw_err key_rsa_parts(const EVP_PKEY *pkey, bool with_private, struct dw_arena *arena,
                                      struct key_parts *ret_parts);
DW_MUST_USE enum dw_err key_ec_make(const struct key_parts *parts, EVP_PKEY **ret_pkey);
DW_MUST_USE enum dw_err key_ec_parts(const EVP_PKEY *pkey, bool with_private, struct dw_arena *arena,
                                     struct key_parts *ret_parts);
DW_MUST_USE enum dw_err key_okp_make(const struct key_parts *parts, EVP_PKEY **ret_pkey);
DW_MUST_USE enum dw_err key_okp_parts(const EVP_PKEY *pkey, bool with_private, struct dw_arena *arena,
                                          struct key_parts *ret_parts);

/* The same by the type that OpenSSL states; DW_ERR_KEY_TYPE for one that we don't have. */
DW_MUST_USE enum dw_err key_pkey_parts(const EVP_PKEY *pkey, bool with_private, struct dw_arena *arena,
                                       struct key_parts *ret_parts);
/* A key from OpenSSL's parameters (of OSSL_PARAM_BLD); DW_ERR_KEY_MALFORMED when it refuses them. */
DW_MUST_USE enum dw_err key_from_params(const char *type, bool is_private, OSSL_PARAM *params, EVP_PKEY **ret_pkey);

/* R and S of one curve: the bytes of each. */
static inline size_t key_coordinate_size(unsigned curve_bits)
{
    return (curve_bits + 7) / 8;
}

static inline void key_pkey_free(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static inline void key_bn_free(BIGNUM **number)
{
    BN_clear_free(*number);
}

#define _cleanup_pkey_ _cleanup_(key_pkey_free)
#define _cleanup_bn_ _cleanup_(key_bn_free)

#endif
