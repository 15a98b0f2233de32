/*
 * AES-256-GCM for secrets at rest (private keys, later TOTP secrets). NIST SP 800-38D.
 *
 * The sealed form is nonce (12, random) ‖ ciphertext ‖ tag (16). `context` is authenticated, not stored: it binds the
 * bytes to their place (table and row), so that a sealed value copied elsewhere does not open.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "base/cleanup.h"

enum { AEAD_KEY_SIZE = 32, AEAD_OVERHEAD = 28 };

DW_MUST_USE enum dw_err aead_seal(const struct dw_secret *key, struct dw_str context, struct dw_str plain,
                                  struct dw_arena *arena, struct dw_str *ret_sealed);
/* DW_ERR_CRYPTO when it does not authenticate. */
DW_MUST_USE enum dw_err aead_open(const struct dw_secret *key, struct dw_str context, struct dw_str sealed,
                                  struct dw_secret *ret_plain);

#endif
