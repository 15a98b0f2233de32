/*
 * JWE: payloads that must not be readable on the way (RFC 7516, RFC 7518 §4 and §5, RFC 8037), for a key that is for
 * encryption alone.
 *
 * Why: a token that travels through a browser or a queue may hold what those must not see. Encryption says nothing of
 * who wrote it when the key is public: sign first, then encrypt (RFC 7519 §11.2), cty "JWT".
 * Defends against: algorithms that the receiver did not ask for, keys that sign as well (a key for encryption is a type
 * of its own), points off the curve, oracles (every failure behind the header is the same error, after the same work:
 * RFC 7516 §11.5), cut tags, header members that stand twice, `crit`, bombs of compressed text (`zip` is refused),
 * passwords in the place of keys and their costs (PBES2 is not offered), RSA with PKCS #1 v1.5 padding (RSA1_5 is not
 * offered: RFC 8725 §3.2), oversized tokens. It does not hide lengths, and does no I/O.
 *
 * Threading: a struct dw_jwe_key is immutable once made; any number of threads may use it at the same time. Results
 * live in the caller's arena, which is wiped when it is freed.
 */
#ifndef DOORWARD_JWE_H
#define DOORWARD_JWE_H

#include <doorward/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the content key reaches the receiver (RFC 7518 §4). RSA-OAEP, with SHA-1, is for those who have nothing newer:
 * RSA-OAEP-256 otherwise. */
enum dw_jwe_alg {
    DW_JWE_ALG_NONE_GIVEN = 0,
    DW_JWE_DIR, /* the key itself encrypts the content */
    DW_JWE_A128KW,
    DW_JWE_A192KW,
    DW_JWE_A256KW,
    DW_JWE_A128GCMKW,
    DW_JWE_A192GCMKW,
    DW_JWE_A256GCMKW,
    DW_JWE_RSA_OAEP,
    DW_JWE_RSA_OAEP_256,
    DW_JWE_ECDH_ES,
    DW_JWE_ECDH_ES_A128KW,
    DW_JWE_ECDH_ES_A192KW,
    DW_JWE_ECDH_ES_A256KW,
    DW_JWE_ALG_COUNT
};

/* How the content is encrypted (RFC 7518 §5). */
enum dw_jwe_enc {
    DW_JWE_ENC_NONE_GIVEN = 0,
    DW_JWE_A128GCM,
    DW_JWE_A192GCM,
    DW_JWE_A256GCM,
    DW_JWE_A128CBC_HS256,
    DW_JWE_A192CBC_HS384,
    DW_JWE_A256CBC_HS512,
    DW_JWE_ENC_COUNT
};

/* Sets of either: bit DW_JWE_BIT(x) for each. */
typedef uint32_t dw_jwe_algs;
typedef uint32_t dw_jwe_encs;
#define DW_JWE_BIT(x) ((uint32_t)1 << (x))
#define DW_JWE_ENCS_ALL (((dw_jwe_encs)1 << DW_JWE_ENC_COUNT) - 2)

/* By their exact JOSE names; …_NONE_GIVEN for any other text. And back; NULL for none. */
DW_API enum dw_jwe_alg dw_jwe_alg_by_name(struct dw_str name);
DW_API enum dw_jwe_enc dw_jwe_enc_by_name(struct dw_str name);
DW_API const char *dw_jwe_alg_name(enum dw_jwe_alg alg);
DW_API const char *dw_jwe_enc_name(enum dw_jwe_enc enc);

/* --- keys ------------------------------------------------------------------------------------------------------- */

/* A key for encryption. It is no struct dw_key: nothing can sign with it, and no signing key can decrypt. */
struct dw_jwe_key;

/*
 * From a JWK's JSON text: kty oct, RSA, EC (P-256, P-384, P-521) or OKP (X25519). `alg` pins the algorithm: it must
 * agree with the JWK's own "alg" when there is one; DW_JWE_ALG_NONE_GIVEN takes the JWK's. An "alg" that names a
 * content encryption (RFC 7518 §5: "A256GCM") is for `dir` with that alone. A key without any algorithm stays
 * unpinned: what each use allows then decides, so allow exactly one.
 * Refused: what dw_key_from_jwk() refuses of the numbers themselves; a key whose "use" is not "enc", whose "alg" is
 * one for signatures, or whose "key_ops" name signing (DW_ERR_KEY_USE); octets of another size than the algorithm's.
 * Errors: DW_ERR_KEY_MALFORMED, _TYPE, _TOO_WEAK, _USE; DW_ERR_UNSUPPORTED for a kty, crv or alg that we don't have.
 */
DW_API DW_MUST_USE enum dw_err dw_jwe_key_from_jwk(struct dw_str json, enum dw_jwe_alg alg,
                                                   struct dw_jwe_key **ret_key);
/* From PEM (PKCS#8, SPKI, PKCS#1, SEC1; unencrypted): RSA, EC, X25519. PEM does not say what a key is for: `alg` is
 * required (DW_ERR_ARGUMENT). Errors otherwise: DW_ERR_KEY_MALFORMED, _TYPE, _TOO_WEAK. */
DW_API DW_MUST_USE enum dw_err dw_jwe_key_from_pem(struct dw_str pem, enum dw_jwe_alg alg,
                                                   struct dw_jwe_key **ret_key);
/* A symmetric key for `alg`: exactly as many octets as it takes (`dir`: as some content encryption takes). Errors:
 * DW_ERR_KEY_TYPE, DW_ERR_KEY_TOO_WEAK for another number of octets. */
DW_API DW_MUST_USE enum dw_err dw_jwe_key_from_octets(const struct dw_secret *octets, enum dw_jwe_alg alg,
                                                      struct dw_jwe_key **ret_key);
/* A new random key. `dir` asks for `enc`, which it is then for alone; the others ignore it. bits: of an RSA modulus
 * (0: 2048); the curve of an ECDH key: 256, 384, 521, or 255 for X25519 (0: 256). */
DW_API DW_MUST_USE enum dw_err dw_jwe_key_generate(enum dw_jwe_alg alg, enum dw_jwe_enc enc, unsigned bits,
                                                   struct dw_jwe_key **ret_key);
DW_API void dw_jwe_key_free(struct dw_jwe_key **key);

/* `kid`: as given, else the RFC 7638 thumbprint. Borrowed from the key. */
DW_API struct dw_str dw_jwe_key_id(const struct dw_jwe_key *key);
/* What it is pinned to, or DW_JWE_ALG_NONE_GIVEN. */
DW_API enum dw_jwe_alg dw_jwe_key_alg(const struct dw_jwe_key *key);
/* The content encryption that a `dir` key is for alone, or DW_JWE_ENC_NONE_GIVEN. */
DW_API enum dw_jwe_enc dw_jwe_key_enc(const struct dw_jwe_key *key);
DW_API bool dw_jwe_key_is_private(const struct dw_jwe_key *key);
/* Replaces the kid (a copy is made). */
DW_API DW_MUST_USE enum dw_err dw_jwe_key_set_id(struct dw_jwe_key *key, struct dw_str kid);
/* The public half as JWK JSON with kid, alg and "use":"enc"; DW_ERR_KEY_TYPE for a symmetric key. */
DW_API DW_MUST_USE enum dw_err dw_jwe_key_public_jwk(const struct dw_jwe_key *key, struct dw_arena *arena,
                                                     struct dw_str *ret_json);
/* All of the key as JWK JSON: a secret. DW_ERR_KEY_USE when there is no private part. */
DW_API DW_MUST_USE enum dw_err dw_jwe_key_private_jwk(const struct dw_jwe_key *key, struct dw_secret *ret_json);

/* --- encrypting and decrypting ---------------------------------------------------------------------------------- */

enum {
    DW_JWE_MAX_BYTES = 1024 * 1024, /* of a token or a JSON object; longer ones are refused unread, and not made */
    DW_JWE_RECIPIENTS_MAX = 16,     /* of a JSON object */
};

/* What else the header says; absent members are left out. */
struct dw_jwe_header {
    struct dw_str typ, cty; /* "JWT" as cty when the plain text is a signed token */
    struct dw_str apu, apv; /* bytes, bound into ECDH-ES keys alone (RFC 7518 §4.6.1) */
};

/*
 * The compact form (RFC 7516 §7.1) of `plaintext`, which may be any bytes. `alg` must be the one that the key is pinned
 * to; for an unpinned key it decides. header NULL: alg, enc and the key's kid alone. A public key is enough for RSA and
 * ECDH-ES. Each call makes its own content key (but `dir`) and IV. A `dir` or GCMKW key must be replaced before it has
 * been used 2^32 times (RFC 7518 §8.2).
 * Errors: DW_ERR_JOSE_ALGORITHM when the key is not for alg or enc, DW_ERR_KEY_USE when its key_ops say so,
 * DW_ERR_TOKEN_TOO_LARGE, DW_ERR_ENCODING for a typ or cty that is no UTF-8, DW_ERR_ARGUMENT for an alg or enc that is
 * none.
 */
DW_API DW_MUST_USE enum dw_err dw_jwe_encrypt(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                                              const struct dw_jwe_header *header, struct dw_str plaintext,
                                              struct dw_arena *arena, struct dw_str *ret_token);

/* One of those who may read an object. */
struct dw_jwe_recipient {
    const struct dw_jwe_key *key;
    enum dw_jwe_alg alg;
    struct dw_str apu, apv; /* as those of dw_jwe_header */
};

/*
 * The same as a JSON object (RFC 7516 §7.2): flattened for one recipient, with all of the header protected; general for
 * more, of whose headers what concerns the content (enc, typ, cty) is protected, and what concerns one recipient's key
 * is not. `aad` is bound to it and can be read by anyone; absent: none. The header's own apu and apv must be absent.
 * Errors: those of dw_jwe_encrypt(); DW_ERR_JOSE_ALGORITHM for `dir` and plain ECDH-ES among several recipients, as
 * their key would be everybody's; DW_ERR_ARGUMENT for none, and for more than DW_JWE_RECIPIENTS_MAX.
 */
DW_API DW_MUST_USE enum dw_err dw_jwe_encrypt_json(const struct dw_jwe_recipient *recipients, size_t n_recipients,
                                                   enum dw_jwe_enc enc, const struct dw_jwe_header *header,
                                                   struct dw_str aad, struct dw_str plaintext, struct dw_arena *arena,
                                                   struct dw_str *ret_json);

/* What was decrypted, in the arena. header_json is the protected header, {NULL, 0} where a JSON object had none. */
struct dw_jwe {
    enum dw_jwe_alg alg;
    enum dw_jwe_enc enc;
    struct dw_str header_json;
    struct dw_str plaintext;
    struct dw_str aad; /* of a JSON object, decoded: not secret, but as it was written; absent without */
};

/*
 * Decrypts a compact JWE. `algs`, `encs`: what may be used at all; the header's must be in them, and be what the key is
 * pinned to. A kid in the header that differs from the key's own given kid is refused.
 * Errors that the header alone decides: DW_ERR_JOSE_MALFORMED, _ALGORITHM (also any "zip"), _CRITICAL, _NO_KEY,
 * DW_ERR_KEY_USE, DW_ERR_TOKEN_TOO_LARGE. Whatever fails behind it is DW_ERR_JOSE_DECRYPTION.
 */
DW_API DW_MUST_USE enum dw_err dw_jwe_decrypt(const struct dw_jwe_key *key, dw_jwe_algs algs, dw_jwe_encs encs,
                                              struct dw_str token, struct dw_arena *arena, struct dw_jwe *ret_jwe);
/*
 * The same of a JSON object (RFC 7516 §7.2), flattened or general: the recipients are those whose alg and kid the key
 * fits. alg may stand in a header that is not protected, since the caller's algs pin it; a name that stands in two of
 * the headers is refused (§7.2.1).
 */
DW_API DW_MUST_USE enum dw_err dw_jwe_decrypt_json(const struct dw_jwe_key *key, dw_jwe_algs algs, dw_jwe_encs encs,
                                                   struct dw_str json, struct dw_arena *arena, struct dw_jwe *ret_jwe);

#ifdef __cplusplus
}
#endif
#endif
