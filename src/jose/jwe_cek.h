/*
 * The content encryption key: how it is made for a receiver, and how the receiver gets it back (RFC 7518 §4).
 */
#ifndef JOSE_JWE_CEK_H
#define JOSE_JWE_CEK_H

#include "jose/jwe_header.h"
#include "jose/jwe_key.h"

/* A key for `enc`, what goes into the token for it, and the header members it needs, appended to `members`. */
DW_MUST_USE enum dw_err jwe_cek_make(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                                     const struct dw_jwe_header *wanted, struct dw_arena *arena,
                                     struct buffer *members, struct dw_secret *ret_cek, struct dw_str *ret_encrypted);
/* The same for a content key that is there. Where the algorithm has one of its own (`dir`, plain ECDH-ES) it takes its
 * place. ret_encrypted stays as it is where nothing goes into the token. */
DW_MUST_USE enum dw_err jwe_cek_wrap(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                                     const struct dw_jwe_header *wanted, struct dw_arena *arena,
                                     struct buffer *members, struct dw_secret *cek, struct dw_str *ret_encrypted);
/*
 * The key back. DW_ERR_JOSE_DECRYPTION, whatever the reason, when it can't be had; the caller then goes on with a key
 * of random bytes (RFC 7516 §11.5).
 */
DW_MUST_USE enum dw_err jwe_cek_recover(const struct dw_jwe_key *key, const struct jwe_header *header,
                                        struct dw_str encrypted, struct dw_arena *arena, struct dw_secret *ret_cek);

/* RFC 7518 §4.6.2: `size` bytes for `algorithm` from what was agreed. Absent apu, apv are empty. */
DW_MUST_USE enum dw_err jwe_derive(const struct dw_secret *shared, struct dw_str algorithm, struct dw_str apu,
                                   struct dw_str apv, size_t size, struct dw_secret *ret_key);

#endif
