/*
 * JSON Web Keys as text (RFC 7517), for keys that sign and for keys that encrypt: what both read and write.
 */
#ifndef JOSE_JWK_H
#define JOSE_JWK_H

#include "base/json.h"
#include "crypto/key.h"

enum { JWK_MAX_BYTES = 64 * 1024, JWK_ARENA_BYTES = 512 * 1024 };

/* DW_ERR_KEY_MALFORMED when it is no JSON or too long. */
DW_MUST_USE enum dw_err jwk_parse(struct dw_str json, struct dw_arena *arena, yyjson_val **ret_jwk);
/* The members of the key type, decoded into the arena; not checked yet: key_import() does that. DW_ERR_KEY_MALFORMED;
 * DW_ERR_UNSUPPORTED for a kty or crv that we don't have. */
DW_MUST_USE enum dw_err jwk_read_parts(yyjson_val *jwk, struct dw_arena *arena, struct key_parts *ret_parts);
/* Borrowed from the document; absent when it has none. */
DW_MUST_USE enum dw_err jwk_read_kid(yyjson_val *jwk, struct dw_str *ret_kid);

/* A member whose value is base64url. */
void jwk_write_bytes(struct buffer *out, const char *name, struct dw_str bytes);
/* The members of the key type, without the closing brace. Private ones are written when the parts have them. */
void jwk_write_members(struct buffer *out, const struct key_parts *parts);

/* What is said about a key besides its numbers. */
struct jwk_labels {
    struct dw_str kid;
    const char *alg; /* NULL: unpinned */
    const char *use;
};

/* The public half in the arena; DW_ERR_KEY_TYPE for a symmetric key. */
DW_MUST_USE enum dw_err jwk_write_public(const struct key *key, const struct jwk_labels *labels,
                                         struct dw_arena *arena, struct dw_str *ret_json);
/* DW_ERR_KEY_USE without a private part. */
DW_MUST_USE enum dw_err jwk_write_private(const struct key *key, const struct jwk_labels *labels,
                                          struct dw_secret *ret_json);
/* RFC 7638, base64url, in the arena. */
DW_MUST_USE enum dw_err jwk_thumbprint(const struct key *key, unsigned hash_bits, struct dw_arena *arena,
                                       struct dw_str *ret_thumbprint);

/* A kid that its key owns: replaced by a copy of `text`, and freed. */
DW_MUST_USE enum dw_err jose_kid_set(struct dw_str *kid, struct dw_str text);
void jose_kid_free(struct dw_str *kid);

#endif
