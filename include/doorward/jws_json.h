/*
 * JWS in its other forms: a JSON object with one signature or several (RFC 7515 §7.2), and a signature that is sent
 * apart from what it signs (RFC 7515 appendix F), also of a payload that is not encoded (RFC 7797).
 *
 * Why: several parties sign one document, or the document must stay readable, or it is a request's body and goes its
 * own way. Tokens are compact: <doorward/jose.h>.
 * Defends against: what dw_jws_verify() does; a name that stands in both headers; an algorithm that nothing protects;
 * an extension that is not understood. The one understood is b64 (RFC 7797), and only where `crit` lists it, and it
 * alone, and b64 is false: any other `crit`, or b64 without it, is refused.
 * Does not follow: which signatures of several are needed is the program's to say: ask once for each key that must have
 * signed.
 * Threading: as <doorward/jose.h>; results live in the caller's arena.
 */
#ifndef DOORWARD_JWS_JSON_H
#define DOORWARD_JWS_JSON_H

#include <doorward/jose.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DW_JWS_JSON_MAX_BYTES = 1024 * 1024, /* of an object; longer ones are refused unread, and not made */
    DW_JWS_SIGNATURES_MAX = 16,          /* in one object */
};

/* --- signing ---------------------------------------------------------------------------------------------------- */

/* One signature of an object. */
struct dw_jws_signer {
    const struct dw_key *key;
    struct dw_str protected_json; /* the protected header, complete; must name alg */
    struct dw_str header_json;    /* what is not protected; absent: nothing */
};

/*
 * The object: flattened with one signer, general with more (at most DW_JWS_SIGNATURES_MAX). b64 must be the same in all
 * headers (RFC 7797 §3); with b64 false the payload must be UTF-8 and is written as it is.
 * Errors: those of dw_jws_sign(), DW_ERR_JOSE_MALFORMED for headers that share a name or say crit or b64 unprotected,
 * DW_ERR_ENCODING, DW_ERR_TOKEN_TOO_LARGE, DW_ERR_ARGUMENT.
 */
DW_API DW_MUST_USE enum dw_err dw_jws_sign_json(const struct dw_jws_signer *signers, size_t n_signers,
                                                struct dw_str payload, struct dw_arena *arena, struct dw_str *ret_json);
/* header '..' signature, for a payload that goes apart. With b64 false in header_json (and crit ["b64"]) the payload is
 * signed as it is, without a copy in base64url; it may be any bytes. Errors: those of dw_jws_sign(). */
DW_API DW_MUST_USE enum dw_err dw_jws_sign_detached(const struct dw_key *key, struct dw_str header_json,
                                                    struct dw_str payload, struct dw_arena *arena,
                                                    struct dw_str *ret_token);

/* --- verifying -------------------------------------------------------------------------------------------------- */

struct dw_jws_json_rules {
    dw_alg_set algs;       /* required: what may be used at all */
    struct dw_str payload; /* of an object that is sent without; absent: it must be in the object */
    /* alg may stand in the header that is not protected. Only with a single algorithm in `algs`, which then decides
     * alone (RFC 7515 §10.7): DW_ERR_ARGUMENT otherwise. */
    bool unprotected_alg;
};

/*
 * Whether one of the signatures in the object is one of the keys', chosen as dw_jws_verify() chooses; kid may stand in
 * either header. ret_jws->header_json is the protected header of that signature, {NULL, 0} without one.
 * Errors: those of dw_jws_verify(). One signature that is malformed or asks for an extension is enough to refuse all.
 */
DW_API DW_MUST_USE enum dw_err dw_jws_verify_json(const struct dw_keyset *keys, const struct dw_jws_json_rules *rules,
                                                  struct dw_str json, struct dw_arena *arena, struct dw_jws *ret_jws);
/* The same with a single key. */
DW_API DW_MUST_USE enum dw_err dw_jws_verify_json_key(const struct dw_key *key, const struct dw_jws_json_rules *rules,
                                                      struct dw_str json, struct dw_arena *arena,
                                                      struct dw_jws *ret_jws);

/* header '..' signature over `payload`, which ret_jws->payload then borrows. Errors: those of dw_jws_verify(); a token
 * that has a payload of its own is DW_ERR_JOSE_MALFORMED. */
DW_API DW_MUST_USE enum dw_err dw_jws_verify_detached(const struct dw_keyset *keys, dw_alg_set algs,
                                                      struct dw_str token, struct dw_str payload,
                                                      struct dw_arena *arena, struct dw_jws *ret_jws);
/* The same with a single key. */
DW_API DW_MUST_USE enum dw_err dw_jws_verify_detached_key(const struct dw_key *key, dw_alg_set algs,
                                                          struct dw_str token, struct dw_str payload,
                                                          struct dw_arena *arena, struct dw_jws *ret_jws);

#ifdef __cplusplus
}
#endif
#endif
