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

DW_MUST_USE enum dw_err jws_split(struct dw_str token, struct jws_parts *ret_parts);
/* Header, key and signature; the payload in the arena, decoded. Errors of dw_jws_verify(). */
DW_MUST_USE enum dw_err jws_open(const struct jws_keys *keys, dw_alg_set algs, struct dw_str token,
                                 struct dw_arena *arena, struct jose_header *ret_header, struct dw_jws *ret_jws);
/* Decodes a segment; DW_ERR_JOSE_MALFORMED when it is not strict base64url. */
DW_MUST_USE enum dw_err jws_decode(struct dw_str segment, struct dw_arena *arena, struct dw_str *ret_bytes);

#endif
