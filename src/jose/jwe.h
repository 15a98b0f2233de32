/* A JWE taken apart, from either form, and decrypted, or made: what dw_jwe_decrypt() and dw_jwe_decrypt_json() share,
 * and dw_jwe_encrypt() and dw_jwe_encrypt_json(). */
#ifndef JOSE_JWE_H
#define JOSE_JWE_H

#include "jose/header.h"
#include "jose/jwe_header.h"
#include "jose/jwe_key.h"

/* Who decrypts, and what is allowed at all. */
struct jwe_rules {
    const struct dw_jwe_key *key;
    dw_jwe_algs algs;
    dw_jwe_encs encs;
};

/* All decoded but `associated`, which is authenticated as it was written. */
struct jwe_parts {
    struct dw_str associated, encrypted_key;
    struct content_box box;
};

/* Whether the header may be acted upon: DW_ERR_JOSE_CRITICAL, _ALGORITHM, _NO_KEY, DW_ERR_KEY_USE. */
DW_MUST_USE enum dw_err jwe_check(const struct jwe_rules *rules, const struct jwe_header *header);
/* The plain text in the arena; DW_ERR_JOSE_DECRYPTION for everything that fails. The header was checked. */
DW_MUST_USE enum dw_err jwe_open(const struct dw_jwe_key *key, const struct jwe_header *header,
                                 const struct jwe_parts *parts, struct dw_arena *arena, struct dw_str *ret_plain);
/* --- making --- */

enum { JWE_HEADER_MAX_BYTES = 12 * 1024 }; /* what header_decode_object() takes, as it is in base64url */

/* Zeroed, and wiped by jwe_made_wipe(); the rest is in the arena. */
struct jwe_made {
    struct dw_secret cek;
    struct dw_str protected_text, encrypted_key; /* the header as it is written, the key as bytes */
};
void jwe_made_wipe(struct jwe_made *made);

/* Whether this key may encrypt so: see dw_jwe_encrypt(). */
DW_MUST_USE enum dw_err jwe_check_encryption(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                                             struct dw_str plaintext);
/* A content key for one reader, and a header of which all is protected. */
DW_MUST_USE enum dw_err jwe_protect(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                                    const struct dw_jwe_header *header, struct dw_arena *arena,
                                    struct jwe_made *ret_made);
/* Nothing for an absent value. */
void jwe_write_member(struct buffer *out, const char *name, struct dw_str value);

#endif
