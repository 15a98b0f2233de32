/*
 * The header of a JWE (RFC 7516 §4): one JSON object in the compact form, up to three in the JSON form, of which only
 * the first is authenticated. A name may stand in one of them alone (§7.2.1), so that nobody can hide a member.
 */
#ifndef JOSE_JWE_HEADER_H
#define JOSE_JWE_HEADER_H

#include "base/json.h"
#include "jose/jwe_alg.h"

/* The objects; NULL where there is none. */
struct jwe_headers {
    yyjson_val *protected_, *shared, *recipient;
};

struct jwe_header {
    enum dw_jwe_alg alg; /* …_NONE_GIVEN: one that we don't have */
    enum dw_jwe_enc enc;
    bool is_critical, is_compressed; /* crit, zip: must be refused */
    struct dw_str kid;               /* absent when not there */
    yyjson_val *epk;                 /* NULL when not there */
    struct dw_str apu, apv;          /* decoded; absent when not there */
    struct dw_str iv, tag;           /* of GCM key wrap, decoded */
};

/* DW_ERR_JOSE_MALFORMED when a name stands twice, alg or enc is missing, or a member is not of its type. */
DW_MUST_USE enum dw_err jwe_header_read(const struct jwe_headers *headers, struct dw_arena *arena,
                                        struct jwe_header *ret_header);

#endif
