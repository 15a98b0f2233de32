/*
 * What RSA, EC and X25519 keys do besides signing: RSAES-OAEP (RFC 8017 §7.1), Diffie-Hellman (SP 800-56A §5.7.1.2,
 * RFC 7748 §6.1) and the key derivation behind it (SP 800-56A §5.8.2.1, as RFC 7518 §4.6 uses it).
 *
 * Defends against: points that are not on the curve (key_import() refused them), shared secrets that are all zeros, and
 * a reason given for a failure: OAEP has one error. RSA with PKCS #1 v1.5 padding is not offered: OpenSSL 3.0 tells a
 * wrong padding apart from a right one (Bleichenbacher 1998), and RFC 8725 §3.2 advises against it.
 * Threading: as struct key.
 */
#ifndef CRYPTO_KEY_EXCHANGE_H
#define CRYPTO_KEY_EXCHANGE_H

#include "crypto/key.h"

/* hash_bits: 160 for SHA-1, or 256; MGF1 with the same, no label. DW_ERR_ARGUMENT for another key or hash,
 * DW_ERR_CRYPTO when the text is too long for the modulus. */
DW_MUST_USE enum dw_err key_oaep_encrypt(const struct key *key, unsigned hash_bits, struct dw_str plain,
                                         struct dw_arena *arena, struct dw_str *ret_encrypted);
/* DW_ERR_CRYPTO when it does not decrypt, whatever the reason; DW_ERR_KEY_USE without a private part. */
DW_MUST_USE enum dw_err key_oaep_decrypt(const struct key *key, unsigned hash_bits, struct dw_str encrypted,
                                         struct dw_secret *ret_plain);

/* The shared secret of our private key and their public one: the x coordinate in the field's full length. Errors:
 * DW_ERR_KEY_TYPE when they are not on the same curve, DW_ERR_KEY_USE without a private part, DW_ERR_CRYPTO. */
DW_MUST_USE enum dw_err key_agree(const struct key *ours, const struct key *theirs, struct dw_secret *ret_shared);

/* The single-step derivation with SHA-256. `size` bytes (1 to 1024); `context` is the whole OtherInfo. */
DW_MUST_USE enum dw_err concat_kdf(const struct dw_secret *shared, struct dw_str context, size_t size,
                                   struct dw_secret *ret_key);

#endif
