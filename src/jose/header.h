/*
 * The JOSE header (RFC 7515 §4): the few members that decide, read once.
 *
 * Nearly all tokens of an issuer carry the same header text, so each thread remembers the last few texts and what they
 * said. What is remembered depends on the text alone, not on any key, and is found by comparing all of it.
 */
#ifndef JOSE_HEADER_H
#define JOSE_HEADER_H

#include "base/json.h"
#include "jose/alg.h"

struct jose_header {
    struct dw_str json;
    struct dw_str kid, typ; /* absent when not there */
    enum dw_alg alg;        /* DW_ALG_NONE_GIVEN: one that we don't have, "none" among them */
    bool has_alg;           /* names one at all */
    bool is_critical;       /* asks for an extension (crit, or b64:false of RFC 7797): must be refused … */
    bool is_unencoded;      /* … but by who knows b64: it is false, and crit lists it alone (RFC 7797 §6) */
};

/* Decodes a segment or a member; DW_ERR_JOSE_MALFORMED when it is not strict base64url. In the arena. */
DW_MUST_USE enum dw_err jose_decode(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_bytes);
/* A member that is a string when it is there at all (DW_ERR_JOSE_MALFORMED); absent otherwise. */
DW_MUST_USE enum dw_err jose_read_text(yyjson_val *object, const char *name, struct dw_str *ret_text);

/* DW_ERR_JOSE_MALFORMED when it is no JSON object, or nested deeper than any of ours. */
DW_MUST_USE enum dw_err header_parse_object(struct dw_str json, struct dw_arena *arena, yyjson_val **ret_root);
/* The same from base64url; the decoded text is in the arena. */
DW_MUST_USE enum dw_err header_decode_object(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_json,
                                             yyjson_val **ret_root);
/* Whether no name stands in both; either may be NULL. False also for more than 256 names, which nobody's header has. */
bool header_is_disjoint(yyjson_val *one, yyjson_val *other);
/* What the members of an object say. DW_ERR_JOSE_MALFORMED when alg, kid or typ are no strings. Does not set `json`. */
DW_MUST_USE enum dw_err header_read(yyjson_val *root, struct jose_header *ret_header);

/* DW_ERR_JOSE_MALFORMED when it is no JSON object with a string alg, or when kid or typ are no strings. */
DW_MUST_USE enum dw_err header_parse(struct dw_str json, struct dw_arena *arena, struct jose_header *ret_header);
/* The same from base64url. */
DW_MUST_USE enum dw_err header_decode(struct dw_str text, struct dw_arena *arena, struct jose_header *ret_header);

#endif
