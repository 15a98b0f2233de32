/* A JWE taken apart, from either form, and decrypted: what dw_jwe_decrypt() and dw_jwe_decrypt_json() share. */
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

#endif
