/*
 * Hashes, MACs and key derivation over OpenSSL, with contexts kept per thread (fetching one each time costs four
 * times the hash itself). SHA-256 (FIPS 180-4), HMAC (RFC 2104), HKDF (RFC 5869). Constant-time in the key.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/cleanup.h"

enum { SHA1_SIZE = 20, SHA256_SIZE = 32, HASH_MAX_SIZE = 64 };

DW_MUST_USE enum dw_err hash_sha256(struct dw_str data, unsigned char ret_digest[SHA256_SIZE]);
/* bits: 256, 384 or 512. */
DW_MUST_USE enum dw_err hash_sha2(unsigned bits, struct dw_str data, unsigned char *ret_digest);
/* For the WebSocket handshake (RFC 6455 §4.2.2) and the names of scripts in Redis alone, where it protects nothing. */
DW_MUST_USE enum dw_err hash_sha1(struct dw_str data, unsigned char ret_digest[SHA1_SIZE]);
DW_MUST_USE enum dw_err hmac_sha256(const struct dw_secret *key, struct dw_str data,
                                    unsigned char ret_mac[SHA256_SIZE]);
DW_MUST_USE enum dw_err hmac_sha2(unsigned bits, struct dw_str key, struct dw_str data, unsigned char *ret_mac);
/* Over several pieces, one behind the other. */
DW_MUST_USE enum dw_err hmac_sha2_parts(unsigned bits, struct dw_str key, const struct dw_str *parts, size_t n_parts,
                                        unsigned char *ret_mac);
/* For one-time codes alone (RFC 4226 asks for it); as a MAC it is sound still (RFC 6194 §3.3). */
DW_MUST_USE enum dw_err hmac_sha1(struct dw_str key, struct dw_str data, unsigned char ret_mac[SHA1_SIZE]);
/* `size` bytes bound to `info`; no salt, as the input key is already uniform. */
DW_MUST_USE enum dw_err hkdf_sha256(const struct dw_secret *key, struct dw_str info, size_t size,
                                    struct dw_secret *ret_key);

#endif
