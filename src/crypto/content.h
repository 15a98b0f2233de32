/*
 * Authenticated encryption as JOSE has it (RFC 7518 §5): AES-GCM with a 96-bit IV and a 128-bit tag, and AES-CBC with
 * HMAC over all of it; and AES key wrap (RFC 3394, RFC 7518 §4.4).
 *
 * Why not aead.h: that one seals secrets at rest in a form of our own, with one key size. This one speaks a format that
 * others read.
 * Defends against: cut tags and odd IVs (exact lengths), padding oracles (nothing is decrypted before its MAC was found
 * right, in constant time), reuse of an IV (content_seal() makes its own).
 */
#ifndef CRYPTO_CONTENT_H
#define CRYPTO_CONTENT_H

#include "base/cleanup.h"

struct content_scheme {
    bool is_gcm;
    unsigned key_bits; /* of all of the key: GCM 128, 192, 256; CBC with HMAC 256, 384, 512 */
};

enum { CONTENT_KEY_MAX = 64, CONTENT_GCM_IV_SIZE = 12, CONTENT_CBC_IV_SIZE = 16 };

struct content_box {
    struct dw_str iv, body, tag;
};

static inline size_t content_key_size(const struct content_scheme *scheme)
{
    return scheme->key_bits / 8;
}

/* The parts of the box go into the arena. DW_ERR_ARGUMENT for another key size or a text over 1 GiB. */
DW_MUST_USE enum dw_err content_seal(const struct content_scheme *scheme, const struct dw_secret *key,
                                     struct dw_str associated, struct dw_str plain, struct dw_arena *arena,
                                     struct content_box *ret_box);
/* DW_ERR_CRYPTO when it does not authenticate, whatever the reason; DW_ERR_ARGUMENT as above. */
DW_MUST_USE enum dw_err content_open(const struct content_scheme *scheme, const struct dw_secret *key,
                                     struct dw_str associated, const struct content_box *box,
                                     struct dw_secret *ret_plain);

enum { KEY_WRAP_OVERHEAD = 8 };

/* wrapping: 16, 24 or 32 bytes; key: 16 bytes or more, a multiple of 8. DW_ERR_ARGUMENT otherwise. */
DW_MUST_USE enum dw_err key_wrap(const struct dw_secret *wrapping, const struct dw_secret *key, struct dw_arena *arena,
                                 struct dw_str *ret_wrapped);
/* DW_ERR_CRYPTO when it does not authenticate or is of no possible length. */
DW_MUST_USE enum dw_err key_unwrap(const struct dw_secret *wrapping, struct dw_str wrapped, struct dw_secret *ret_key);

#endif
