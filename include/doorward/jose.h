/*
 * JOSE: keys (RFC 7517), signatures (RFC 7515) and tokens (RFC 7519), with the algorithm pinned to the key (RFC 8725).
 *
 * Why: every request of every service pays for a token check; it must be fast, and it must have no option that makes
 * it unsafe. Defends against: `none`, algorithm confusion (HS with a public key), an unlisted algorithm, keys that are
 * too short or of the wrong type, `crit`, `jku`, `x5u`, `jwk` and `x5c` headers (never followed), duplicate names,
 * lax base64url, oversized tokens. It does no I/O: where a key set comes from is the caller's business.
 *
 * Threading: a struct dw_key or dw_keyset is immutable once made; any number of threads may use it at the same time
 * (contexts are kept per thread inside). Results live in the caller's arena.
 */
#ifndef DOORWARD_JOSE_H
#define DOORWARD_JOSE_H

#include <doorward/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*    symbol            name     key type   hash bits  key floor in bits */
#define DW_JWS_ALGORITHMS(X)                                                                                           \
    X(DW_ALG_HS256, "HS256", DW_KTY_OCT, 256, 256)                                                                     \
    X(DW_ALG_HS384, "HS384", DW_KTY_OCT, 384, 384)                                                                     \
    X(DW_ALG_HS512, "HS512", DW_KTY_OCT, 512, 512)                                                                     \
    X(DW_ALG_RS256, "RS256", DW_KTY_RSA, 256, 2048)                                                                    \
    X(DW_ALG_RS384, "RS384", DW_KTY_RSA, 384, 2048)                                                                    \
    X(DW_ALG_RS512, "RS512", DW_KTY_RSA, 512, 2048)                                                                    \
    X(DW_ALG_PS256, "PS256", DW_KTY_RSA, 256, 2048)                                                                    \
    X(DW_ALG_PS384, "PS384", DW_KTY_RSA, 384, 2048)                                                                    \
    X(DW_ALG_PS512, "PS512", DW_KTY_RSA, 512, 2048)                                                                    \
    X(DW_ALG_ES256, "ES256", DW_KTY_EC, 256, 256)                                                                      \
    X(DW_ALG_ES384, "ES384", DW_KTY_EC, 384, 384)                                                                      \
    X(DW_ALG_ES512, "ES512", DW_KTY_EC, 512, 521)                                                                      \
    X(DW_ALG_EDDSA, "EdDSA", DW_KTY_OKP, 0, 255)

enum dw_kty { DW_KTY_OCT = 1, DW_KTY_RSA, DW_KTY_EC, DW_KTY_OKP };

#define DW_JWS_SYMBOL(symbol, name, kty, hash, bits) symbol,
enum dw_alg { DW_ALG_NONE_GIVEN = 0, DW_JWS_ALGORITHMS(DW_JWS_SYMBOL) DW_ALG_COUNT };
#undef DW_JWS_SYMBOL

/* A set of algorithms: bit DW_ALG_BIT(alg) for each. "none" has no bit: it can't be allowed. */
typedef uint32_t dw_alg_set;
#define DW_ALG_BIT(alg) ((dw_alg_set)1 << (alg))
#define DW_ALG_SET_ALL (((dw_alg_set)1 << DW_ALG_COUNT) - 2)

/* By its exact JOSE name; DW_ALG_NONE_GIVEN for any other text. And back; NULL for no algorithm. */
DW_API enum dw_alg dw_alg_by_name(struct dw_str name);
DW_API const char *dw_alg_name(enum dw_alg alg);

/* --- keys ------------------------------------------------------------------------------------------------------- */

struct dw_key;

/*
 * A key from a JWK's JSON text (RFC 7517, RFC 7518 §6, RFC 8037). `alg` pins the algorithm: it must agree with the
 * JWK's own "alg" when there is one; DW_ALG_NONE_GIVEN takes the JWK's "alg", and for EC and OKP the curve's.
 * An RSA or oct key without any algorithm stays unpinned: what each use allows (`alg`, `algs`) then decides alone, so
 * allow exactly one.
 * Refused: a point off the curve, coordinates or octets of the wrong length, numbers with leading zeros, oct under the
 * algorithm's hash size, RSA under 2048 or over 8192 bits, an exponent under 3, even or over 64 bits, private members
 * that don't belong to the public ones, duplicate names, a key for encryption ("use":"enc", "key_ops") for signing.
 * Errors: DW_ERR_KEY_MALFORMED, _TYPE, _TOO_WEAK, _USE; DW_ERR_UNSUPPORTED for a kty, crv or alg that we don't have.
 */
DW_API DW_MUST_USE enum dw_err dw_key_from_jwk(struct dw_str json, enum dw_alg alg, struct dw_key **ret_key);
/* From PEM (PKCS#8, SPKI, PKCS#1, SEC1; unencrypted). `alg` is required for RSA (DW_ERR_ARGUMENT without it). Errors
 * otherwise: DW_ERR_KEY_MALFORMED, _TYPE (also other algorithms and curves), _TOO_WEAK. */
DW_API DW_MUST_USE enum dw_err dw_key_from_pem(struct dw_str pem, enum dw_alg alg, struct dw_key **ret_key);
/* A symmetric key; `alg` must be an HS algorithm, and the octets at least its hash size. The text of a public key is
 * refused: DW_ERR_KEY_TYPE. */
DW_API DW_MUST_USE enum dw_err dw_key_from_octets(const struct dw_secret *octets, enum dw_alg alg,
                                                  struct dw_key **ret_key);
/* A new random key for `alg` (RSA: rsa_bits, 0 for 2048). */
DW_API DW_MUST_USE enum dw_err dw_key_generate(enum dw_alg alg, unsigned rsa_bits, struct dw_key **ret_key);
DW_API void dw_key_free(struct dw_key **key);

/* `kid`: as given, else the RFC 7638 thumbprint. Borrowed from the key. */
DW_API struct dw_str dw_key_id(const struct dw_key *key);
DW_API enum dw_alg dw_key_alg(const struct dw_key *key);
DW_API enum dw_kty dw_key_type(const struct dw_key *key);
DW_API bool dw_key_is_private(const struct dw_key *key);
/* Replaces the kid (a copy is made). */
DW_API DW_MUST_USE enum dw_err dw_key_set_id(struct dw_key *key, struct dw_str kid);
/* RFC 7638 over SHA-256, base64url: 43 characters in the arena. hash_bits 256, 384 or 512. */
DW_API DW_MUST_USE enum dw_err dw_key_thumbprint(const struct dw_key *key, unsigned hash_bits, struct dw_arena *arena,
                                                 struct dw_str *ret_thumbprint);
/* The public half as JWK JSON, with kid, alg and "use":"sig"; DW_ERR_KEY_TYPE for a symmetric key. */
DW_API DW_MUST_USE enum dw_err dw_key_public_jwk(const struct dw_key *key, struct dw_arena *arena,
                                                 struct dw_str *ret_json);
/* All of the key as JWK JSON: a secret. DW_ERR_KEY_USE when there is no private part. */
DW_API DW_MUST_USE enum dw_err dw_key_private_jwk(const struct dw_key *key, struct dw_secret *ret_json);

/* An ordered set of keys; owns them. */
struct dw_keyset;
/* An empty one. */
DW_API DW_MUST_USE enum dw_err dw_keyset_new(struct dw_keyset **ret_set);
/* From JWKS JSON (RFC 7517 §5). Members that can't be used (unknown kty, crv or alg, encryption keys) are skipped, as
 * §5 asks; weak and malformed ones of a known type are refused, and a kid that stands twice (DW_ERR_CONFLICT). */
DW_API DW_MUST_USE enum dw_err dw_keyset_from_jwks(struct dw_str json, struct dw_keyset **ret_set);
/* Takes the key, also on failure. DW_ERR_CONFLICT when its kid is in the set, DW_ERR_LIMIT past 256 keys. Only before
 * the set is shared. */
DW_API DW_MUST_USE enum dw_err dw_keyset_take(struct dw_keyset *set, struct dw_key *key);
DW_API void dw_keyset_free(struct dw_keyset **set);
DW_API size_t dw_keyset_size(const struct dw_keyset *set);
DW_API const struct dw_key *dw_keyset_at(const struct dw_keyset *set, size_t index);
/* By kid; NULL when absent. */
DW_API const struct dw_key *dw_keyset_find(const struct dw_keyset *set, struct dw_str kid);
/* {"keys":[…]} with the public halves; symmetric keys are left out. */
DW_API DW_MUST_USE enum dw_err dw_keyset_public_jwks(const struct dw_keyset *set, struct dw_arena *arena,
                                                     struct dw_str *ret_json);

/* --- signatures ------------------------------------------------------------------------------------------------- */

/* Raw signature in JOSE form (RFC 7518 §3: ECDSA as R‖S) over `message`, in the arena. The key must be private (or
 * symmetric: DW_ERR_KEY_USE) and pinned to `alg` or unpinned (DW_ERR_JOSE_ALGORITHM). */
DW_API DW_MUST_USE enum dw_err dw_sign(const struct dw_key *key, enum dw_alg alg, struct dw_str message,
                                       struct dw_arena *arena, struct dw_str *ret_signature);
/* DW_OK, DW_ERR_JOSE_SIGNATURE when it does not match, DW_ERR_JOSE_ALGORITHM when the key is not for `alg`. MACs are
 * compared in constant time. */
DW_API DW_MUST_USE enum dw_err dw_verify(const struct dw_key *key, enum dw_alg alg, struct dw_str message,
                                         struct dw_str signature);

/* A compact JWS that verified. header_json and payload are in the arena. */
struct dw_jws {
    enum dw_alg alg;
    const struct dw_key *key;
    struct dw_str header_json;
    struct dw_str payload;
};

/* The compact form (RFC 7515 §7.1) of `payload`. header_json is the protected header, complete, and must name `alg`. */
DW_API DW_MUST_USE enum dw_err dw_jws_sign(const struct dw_key *key, struct dw_str header_json, struct dw_str payload,
                                           struct dw_arena *arena, struct dw_str *ret_token);

/*
 * Verifies a compact JWS against the keys. `algs`: what may be used at all. The key is the one that the header's kid
 * names, or the only one that fits the algorithm when the header has no kid; the header's alg must be in `algs` and be
 * the one that the key is pinned to. A set that mixes symmetric and asymmetric keys verifies nothing (RFC 8725 §3.1:
 * DW_ERR_JOSE_ALGORITHM): keep two sets.
 * Errors: DW_ERR_JOSE_MALFORMED, _ALGORITHM, _CRITICAL, _NO_KEY, _SIGNATURE, DW_ERR_KEY_USE (key_ops without verify),
 * DW_ERR_TOKEN_TOO_LARGE.
 */
DW_API DW_MUST_USE enum dw_err dw_jws_verify(const struct dw_keyset *keys, dw_alg_set algs, struct dw_str token,
                                             struct dw_arena *arena, struct dw_jws *ret_jws);
/* The same with a single key. A kid in the header that differs from the key's own given kid is refused. */
DW_API DW_MUST_USE enum dw_err dw_jws_verify_key(const struct dw_key *key, dw_alg_set algs, struct dw_str token,
                                                 struct dw_arena *arena, struct dw_jws *ret_jws);

/* --- tokens ----------------------------------------------------------------------------------------------------- */

enum {
    DW_TOKEN_MAX_BYTES = 8192,    /* longer ones are refused unread */
    DW_TOKEN_WARN_BYTES = 1024,   /* an issued token past this deserves a warning in the log */
    DW_TOKEN_COOKIE_BYTES = 4096, /* never put a longer one into a cookie */
};

/* What a token must show. Zero members are not asked for; `exp`, `nbf` and `iat` are always checked when present (an
 * `iat` in the future is DW_ERR_TOKEN_NOT_YET), and registered claims must be of their type (RFC 7519 §4.1). */
struct dw_jwt_rules {
    dw_alg_set algs;            /* required */
    int64_t now_s;              /* 0: the clock's */
    int64_t leeway_s;           /* both ways; 0 to 300 */
    struct dw_str issuer;       /* `iss` must be equal */
    struct dw_str audience;     /* must be in `aud` (string or list) */
    struct dw_str subject;      /* `sub` must be equal */
    struct dw_str type;         /* header `typ`, without case and without "application/" (RFC 8725 §3.11) */
    const char *const *require; /* NULL-terminated names of claims that must be there */
    bool allow_no_expiry;       /* a token without `exp` is refused otherwise */
};

/* The parsed claims of a verified token, in the arena. `exp`, `nbf`, `iat` are -1 where absent. */
struct dw_claims {
    struct dw_str issuer, subject, id; /* iss, sub, jti */
    int64_t expires_s, not_before_s, issued_s;
    struct dw_str json; /* the payload, for dw_claim_*() and tools */
    struct dw_str header_json;
    const struct dw_key *key;
    enum dw_alg alg;
    const void *parsed; /* private */
};

/*
 * Verifies the signature, then the claims, and fills ret_claims. Errors: those of dw_jws_verify(), DW_ERR_TOKEN_EXPIRED
 * (only after the signature was found right), _NOT_YET, _ISSUER, _AUDIENCE, _SUBJECT, _TYPE, _CLAIM.
 */
DW_API DW_MUST_USE enum dw_err dw_jwt_verify(const struct dw_keyset *keys, const struct dw_jwt_rules *rules,
                                             struct dw_str token, struct dw_arena *arena, struct dw_claims *ret_claims);
DW_API DW_MUST_USE enum dw_err dw_jwt_verify_key(const struct dw_key *key, const struct dw_jwt_rules *rules,
                                                 struct dw_str token, struct dw_arena *arena,
                                                 struct dw_claims *ret_claims);
/* For tools alone: reads a token WITHOUT checking its signature. Nothing in it may be believed. */
DW_API DW_MUST_USE enum dw_err dw_jwt_decode_unverified(struct dw_str token, struct dw_arena *arena,
                                                        struct dw_claims *ret_claims);

/* A claim by name: absent or of another type gives {NULL, 0}, `fallback`. Arrays of strings: item i, absent past the
 * end. */
DW_API struct dw_str dw_claim_str(const struct dw_claims *claims, const char *name);
DW_API int64_t dw_claim_int(const struct dw_claims *claims, const char *name, int64_t fallback);
DW_API struct dw_str dw_claim_item(const struct dw_claims *claims, const char *name, size_t index);

/* A compact JWT of `claims_json` (a JSON object). typ NULL gives "JWT"; the header carries alg, typ and the kid. The
 * key must be pinned: DW_ERR_JOSE_ALGORITHM. DW_ERR_JSON and its kin when the claims are no object. */
DW_API DW_MUST_USE enum dw_err dw_jwt_sign(const struct dw_key *key, const char *typ, struct dw_str claims_json,
                                           struct dw_arena *arena, struct dw_str *ret_token);

#ifdef __cplusplus
}
#endif
#endif
