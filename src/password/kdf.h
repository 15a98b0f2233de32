/*
 * The algorithms by themselves: bytes in, bytes out, as their RFCs have them. No policy and no ceilings; those
 * stand one floor up, in scheme.h. Also what `doorward vectors` measures against known answers.
 */
#ifndef PASSWORD_KDF_H
#define PASSWORD_KDF_H

#include "base/cleanup.h"

enum kdf_argon2_type { KDF_ARGON2D, KDF_ARGON2I, KDF_ARGON2ID }; /* numbered as in RFC 9106 §3.2 */

struct kdf_argon2 {
    enum kdf_argon2_type type;
    uint32_t version; /* 0x10 or 0x13 */
    uint32_t time, memory_kib, lanes;
    struct dw_str password, salt, secret, associated_data;
};

/* RFC 9106. Memory from this thread's slot, if it has one (slots.h). DW_ERR_ARGUMENT for parameters that the RFC rules
 * out, DW_ERR_NO_MEMORY. */
DW_MUST_USE enum dw_err kdf_argon2(const struct kdf_argon2 *in, void *ret_tag, size_t tag_size);

/* RFC 7914. n: the cost itself, a power of two. DW_ERR_ARGUMENT for parameters that the RFC rules out or that need more
 * than 2 GiB. */
DW_MUST_USE enum dw_err kdf_scrypt(struct dw_str password, struct dw_str salt, uint64_t n, uint64_t r, uint64_t p,
                                   void *ret_key, size_t key_size);

/* RFC 8018 §5.2 with HMAC of SHA-1 (bits: 160), SHA-256 or SHA-512. DW_ERR_ARGUMENT for parameters out of bounds. */
DW_MUST_USE enum dw_err kdf_pbkdf2(unsigned bits, struct dw_str password, struct dw_str salt, uint32_t iterations,
                                   void *ret_key, size_t key_size);

enum { KDF_BCRYPT_SALT_SIZE = 16, KDF_BCRYPT_HASH_SIZE = 23, KDF_BCRYPT_PASSWORD_MAX = 72 };
enum { KDF_BCRYPT_SETTING_SIZE = 29, KDF_BCRYPT_ENCODED_SIZE = 60 };

/* DW_ERR_PASSWORD_LONG past 72 bytes, DW_ERR_PASSWORD_NUL: what bcrypt itself would cut off without a word. */
DW_MUST_USE enum dw_err kdf_bcrypt(struct dw_str password, const unsigned char salt[KDF_BCRYPT_SALT_SIZE],
                                   uint32_t cost, unsigned char ret_hash[KDF_BCRYPT_HASH_SIZE]);

/* bcrypt's own base64: the order of its alphabet differs, there is no padding. Sizes as base64 without padding. */
size_t kdf_bcrypt_encode(struct dw_str bytes, char *ret_text);
/* Bits past the end are ignored, as every bcrypt does: old writers left them set. */
DW_MUST_USE enum dw_err kdf_bcrypt_decode(struct dw_str text, void *ret_bytes, size_t capacity, size_t *ret_size);

#endif
