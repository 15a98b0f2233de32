/*
 * OpenSSL's algorithms, fetched once for the process: a fetch takes locks and costs more than the hash itself.
 * Internal to this room. Any thread; what is handed out lives until the process ends.
 */
#ifndef CRYPTO_ALGORITHMS_H
#define CRYPTO_ALGORITHMS_H

#include "base/cleanup.h"
#include <openssl/evp.h>
#include <openssl/kdf.h>

struct algorithms {
    EVP_MD *sha256, *sha384, *sha512;
    EVP_MAC *hmac;
    EVP_KDF *hkdf;
    EVP_CIPHER *aes_256_gcm;
};

/* Never NULL; ends the process when OpenSSL can't offer them, since nothing safe can follow. */
const struct algorithms *algorithms_get(void);
/* NULL unless bits is 256, 384 or 512. */
const EVP_MD *algorithms_sha2(unsigned bits);
/* OpenSSL's name of it, "SHA256"; NULL as above. */
const char *algorithms_sha2_name(unsigned bits);

/* `size` bytes from a secret by a KDF on SHA-256 that takes key and info. */
DW_MUST_USE enum dw_err algorithm_derive(EVP_KDF *kdf, const struct dw_secret *key, struct dw_str info, size_t size,
                                         struct dw_secret *ret_key);

/* Forgets what OpenSSL queued about a failure, so that nobody reads it as his own; returns `err`. */
DW_MUST_USE enum dw_err crypto_failed(enum dw_err err);

#endif
