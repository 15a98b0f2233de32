/*
 * OpenSSL contexts kept per thread, made ready for one key and one use.
 *
 * Why: making a context, setting its parameters and its key costs a multiple of a short HMAC and a noticeable part of
 * a signature check. Each thread keeps a few ready ones, found by the key's serial number, which is never used twice.
 * When a key is freed, its contexts in this thread go at once; those in other threads go when they are displaced or
 * when the thread ends. Internal to this room.
 */
#ifndef CRYPTO_CONTEXT_H
#define CRYPTO_CONTEXT_H

#include "base/cleanup.h"
#include <openssl/evp.h>

enum context_use { CONTEXT_MAC = 1, CONTEXT_VERIFY, CONTEXT_SIGN, CONTEXT_VERIFY_PSS, CONTEXT_SIGN_PSS };

/* A new serial number. */
uint64_t context_serial_new(void);

/* HMAC keyed with `key`: start each message with EVP_MAC_init(context, NULL, 0, NULL). */
DW_MUST_USE enum dw_err context_mac(uint64_t serial, unsigned hash_bits, struct dw_str key, EVP_MAC_CTX **ret_context);
/* Ready for EVP_PKEY_verify() or EVP_PKEY_sign() over a digest of hash_bits. */
DW_MUST_USE enum dw_err context_pkey(uint64_t serial, unsigned hash_bits, enum context_use use, EVP_PKEY *pkey,
                                     EVP_PKEY_CTX **ret_context);
/* This thread's digest context, in no particular state; NULL without memory. */
EVP_MD_CTX *context_digest(void);
/* This thread's unkeyed HMAC context for hash_bits; NULL without memory. */
EVP_MAC_CTX *context_hmac(unsigned hash_bits);
/* Frees what this thread keeps for the serial number. */
void context_forget(uint64_t serial);

#endif
