/*
 * Keys and signatures over OpenSSL: RSA, EC (P-256, P-384, P-521), Ed25519, X25519 and HMAC.
 *
 * Why: one door for key material. Whether it came as a JWK or as PEM, or was made here, it enters as the same named
 * components, through key_import(), and the same checks hold. Defends against: points off the curve, RSA keys that
 * are too small, too large to be verified cheaply, or of a trivial exponent, private parts that don't belong to the
 * public ones, ECDSA signatures in a second encoding, PSS with another salt length.
 * Encryption to keys and key agreement are in key_exchange.h. It does not test primes, nor look for keys from bad
 * generators.
 *
 * Threading: a struct key is immutable; any number of threads may sign and verify with it at the same time.
 */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include "base/cleanup.h"

/* KEY_HMAC: octets, for whatever takes some. KEY_X25519 can't sign. */
enum key_type { KEY_HMAC = 1, KEY_RSA, KEY_EC, KEY_ED25519, KEY_X25519 };

enum {
    KEY_RSA_MIN_BITS = 2048, /* NIST SP 800-131A */
    KEY_RSA_MAX_BITS = 8192, /* a check of a larger one costs too much */
    KEY_SIGNATURE_MAX = KEY_RSA_MAX_BITS / 8,
};

/* The components by the names that RFC 7518 §6 and RFC 8037 §2 give them, big-endian, in their exact length. Absent
 * ones are {NULL, 0}: a public key has no d (no k), an RSA private key may lack all of p to qi. */
struct key_parts {
    enum key_type type;
    unsigned curve_bits; /* EC: 256, 384, 521 */
    struct dw_str n, e;  /* RSA; minimal, without leading zeros */
    struct dw_str x, y;  /* EC: as long as the field; Ed25519, X25519: x of 32 bytes */
    struct dw_str d;     /* all but HMAC */
    struct dw_str p, q, dp, dq, qi;
    struct dw_str k; /* HMAC */
};

/* A component by its place in the struct, for tables of them. */
static inline struct dw_str *key_part(struct key_parts *parts, size_t offset)
{
    return (void *)((char *)parts + offset);
}

static inline struct dw_str key_part_value(const struct key_parts *parts, size_t offset)
{
    return *(const struct dw_str *)(const void *)((const char *)parts + offset);
}

/* How to sign. hash_bits 256, 384, 512; 0 for Ed25519. */
struct key_scheme {
    enum key_type type;
    unsigned hash_bits;
    bool is_pss;
};

struct key;

/* Checks, copies. Errors: DW_ERR_KEY_MALFORMED, DW_ERR_KEY_TOO_WEAK. */
DW_MUST_USE enum dw_err key_import(const struct key_parts *parts, struct key **ret_key);
/* Any unencrypted PEM of one key: PKCS#8, SPKI, PKCS#1, SEC1. DW_ERR_KEY_TYPE for other algorithms and curves. */
DW_MUST_USE enum dw_err key_import_pem(struct dw_str pem, struct key **ret_key);
/* bits: of the RSA modulus, of the curve, or of the HMAC key. */
DW_MUST_USE enum dw_err key_generate(enum key_type type, unsigned bits, struct key **ret_key);
void key_free(struct key **key);

enum key_type key_type_of(const struct key *key);
unsigned key_bits(const struct key *key);
bool key_has_private(const struct key *key);
/* The octets of a KEY_HMAC, borrowed; of no size for the other types. */
const struct dw_secret *key_octets(const struct key *key);
/* The components in the arena; with_private adds the secret ones, for HMAC k. */
DW_MUST_USE enum dw_err key_export(const struct key *key, bool with_private, struct dw_arena *arena,
                                   struct key_parts *ret_parts);

/* ret_signature: ECDSA as R‖S, each as long as the curve's order (RFC 7518 §3.4). Errors: DW_ERR_ARGUMENT when the
 * scheme is not for this type of key, DW_ERR_KEY_USE without a private part. */
DW_MUST_USE enum dw_err key_sign(const struct key *key, const struct key_scheme *scheme, struct dw_str message,
                                 unsigned char ret_signature[KEY_SIGNATURE_MAX], size_t *ret_size);
/* DW_ERR_JOSE_SIGNATURE when it does not match, whatever the reason. MACs are compared in constant time. */
DW_MUST_USE enum dw_err key_verify(const struct key *key, const struct key_scheme *scheme, struct dw_str message,
                                   struct dw_str signature);

#endif
