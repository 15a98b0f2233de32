/* A compact JWS taken apart and verified: what dw_jws_*() and dw_jwt_*() share. */
#ifndef JOSE_JWS_H
#define JOSE_JWS_H

#include "jose/header.h"
#include "jose/keyset.h"

/* The three segments, still encoded, and what is signed (RFC 7515 §5.2). */
struct jws_parts {
    struct dw_str header, payload, signature, signed_bytes;
};

/* Where the key comes from: exactly one of the two. */
struct jws_keys {
    const struct dw_key *key;
    const struct dw_keyset *set;
};

/* The key that alg and kid (or none) mean. DW_ERR_JOSE_NO_KEY; DW_ERR_JOSE_ALGORITHM for a set of both kinds. */
DW_MUST_USE enum dw_err jws_choose_key(const struct jws_keys *keys, enum dw_alg alg, struct dw_str kid,
                                       const struct dw_key **ret_key);
/* `signature` still encoded. */
DW_MUST_USE enum dw_err jws_check_signature(const struct dw_key *key, enum dw_alg alg, struct dw_str signed_bytes,
                                            struct dw_str signature);
/* What is signed (RFC 7515 §5.1, step 5): the header as it is written, a dot, and the payload, in base64url unless it
 * is_unencoded (RFC 7797 §3). In the arena. */
DW_MUST_USE enum dw_err jws_input(struct dw_str header_text, struct dw_str payload, bool is_unencoded,
                                  struct dw_arena *arena, struct dw_str *ret_input);
/* Whether the key may sign under such a header: DW_ERR_JOSE_CRITICAL, _ALGORITHM, DW_ERR_KEY_USE. */
DW_MUST_USE enum dw_err jws_check_signing(const struct dw_key *key, const struct jose_header *header,
                                          bool knows_b64);
DW_MUST_USE enum dw_err jws_split(struct dw_str token, struct jws_parts *ret_parts);
/* Header, key and signature; the payload in the arena, decoded. Errors of dw_jws_verify(). */
DW_MUST_USE enum dw_err jws_open(const struct jws_keys *keys, dw_alg_set algs, struct dw_str token,
                                 struct dw_arena *arena, struct jose_header *ret_header, struct dw_jws *ret_jws);

#endif
