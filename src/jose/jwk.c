/* JSON Web Keys: one table of members a key type drives reading, writing and the thumbprint. */
#include "jose/jwk.h"
#include "base/encoding.h"
#include "crypto/hash.h"
#include "jose/jose_key.h"

enum member_kind { MEMBER_KTY, MEMBER_CRV, MEMBER_PUBLIC, MEMBER_SECRET, MEMBER_PRIVATE };

struct member {
    const char *name;
    enum member_kind kind; /* SECRET: required and secret (k); PRIVATE: may be absent, makes the key private */
    size_t offset;         /* in struct key_parts */
};

#define PART(member_name) offsetof(struct key_parts, member_name)

/* The required ones in the order of RFC 7638 §3.2, then the private ones. */
static const struct member OCT_MEMBERS[] = { { "k", MEMBER_SECRET, PART(k) }, { "kty", MEMBER_KTY, 0 }, { NULL } };
static const struct member RSA_MEMBERS[] = {
    { "e", MEMBER_PUBLIC, PART(e) },    { "kty", MEMBER_KTY, 0 },           { "n", MEMBER_PUBLIC, PART(n) },
    { "d", MEMBER_PRIVATE, PART(d) },   { "p", MEMBER_PRIVATE, PART(p) },   { "q", MEMBER_PRIVATE, PART(q) },
    { "dp", MEMBER_PRIVATE, PART(dp) }, { "dq", MEMBER_PRIVATE, PART(dq) }, { "qi", MEMBER_PRIVATE, PART(qi) },
    { NULL },
};
static const struct member EC_MEMBERS[] = {
    { "crv", MEMBER_CRV, 0 },         { "kty", MEMBER_KTY, 0 },         { "x", MEMBER_PUBLIC, PART(x) },
    { "y", MEMBER_PUBLIC, PART(y) },  { "d", MEMBER_PRIVATE, PART(d) }, { NULL },
};
static const struct member OKP_MEMBERS[] = {
    { "crv", MEMBER_CRV, 0 },         { "kty", MEMBER_KTY, 0 }, { "x", MEMBER_PUBLIC, PART(x) },
    { "d", MEMBER_PRIVATE, PART(d) }, { NULL },
};

static const struct kty_info {
    const char *name;
    const struct member *members;
} KTYS[] = {
    [KEY_HMAC] = { "oct", OCT_MEMBERS },
    [KEY_RSA] = { "RSA", RSA_MEMBERS },
    [KEY_EC] = { "EC", EC_MEMBERS },
    [KEY_ED25519] = { "OKP", OKP_MEMBERS },
    [KEY_X25519] = { "OKP", OKP_MEMBERS },
};

static const struct curve_info {
    const char *name;
    enum key_type type;
    unsigned bits;
} CURVES[] = {
    { "P-256", KEY_EC, 256 },
    { "P-384", KEY_EC, 384 },
    { "P-521", KEY_EC, 521 },
    { "Ed25519", KEY_ED25519, 255 },
    { "X25519", KEY_X25519, 253 },
};

/* --- reading --- */

static enum dw_err read_kty(yyjson_val *jwk, enum key_type *ret_type)
{
    const struct dw_str kty = json_get_str(jwk, "kty");

    if (dw_str_is_absent(kty))
        return DW_ERR_KEY_MALFORMED;
    for (size_t i = KEY_HMAC; i < ARRAY_SIZE(KTYS); i++)
        if (dw_str_eq(kty, dw_str(KTYS[i].name))) {
            *ret_type = (enum key_type)i;
            return DW_OK;
        }
    return DW_ERR_UNSUPPORTED;
}

/* Among octet key pairs it is the curve that tells the type. */
static enum dw_err read_curve(yyjson_val *jwk, struct key_parts *parts)
{
    const struct dw_str crv = json_get_str(jwk, "crv");

    if (dw_str_is_absent(crv))
        return DW_ERR_KEY_MALFORMED;
    for (size_t i = 0; i < ARRAY_SIZE(CURVES); i++)
        if (dw_str_eq(crv, dw_str(CURVES[i].name)) && KTYS[CURVES[i].type].members == KTYS[parts->type].members) {
            parts->type = CURVES[i].type;
            parts->curve_bits = CURVES[i].bits;
            return DW_OK;
        }
    return DW_ERR_UNSUPPORTED;
}

static enum dw_err read_part(yyjson_val *jwk, const struct member *member, struct dw_arena *arena,
                             struct key_parts *parts)
{
    yyjson_val *value = json_get(jwk, member->name);

    if (value == NULL)
        return member->kind == MEMBER_PRIVATE ? DW_OK : DW_ERR_KEY_MALFORMED;
    const enum dw_err err = yyjson_is_str(value)
                              ? base64url_decode_arena(arena, json_str(value), key_part(parts, member->offset))
                              : DW_ERR_ENCODING;
    return err == DW_ERR_ENCODING ? DW_ERR_KEY_MALFORMED : err;
}

enum dw_err jwk_read_parts(yyjson_val *jwk, struct dw_arena *arena, struct key_parts *ret_parts)
{
    struct key_parts parts = { 0 };

    TRY(read_kty(jwk, &parts.type));
    for (const struct member *member = KTYS[parts.type].members; member->name != NULL; member++) {
        if (member->kind == MEMBER_CRV)
            TRY(read_curve(jwk, &parts));
        else if (member->kind != MEMBER_KTY)
            TRY(read_part(jwk, member, arena, &parts));
    }
    if (json_get(jwk, "oth") != NULL) /* more than two primes (RFC 7518 §6.3.2.7): may be refused */
        return DW_ERR_UNSUPPORTED;
    *ret_parts = parts;
    return DW_OK;
}

/* The JWK's own "alg" and the caller's must be the same where both are given (RFC 8725 §3.1). */
static enum dw_err read_alg(yyjson_val *jwk, enum dw_alg wanted, enum dw_alg *ret_alg)
{
    yyjson_val *value = json_get(jwk, "alg");

    if (value == NULL) {
        *ret_alg = wanted;
        return DW_OK;
    }
    if (!yyjson_is_str(value))
        return DW_ERR_KEY_MALFORMED;
    const enum dw_alg stated = dw_alg_by_name(json_str(value));
    if (stated == DW_ALG_NONE_GIVEN)
        return DW_ERR_UNSUPPORTED;
    if (wanted != DW_ALG_NONE_GIVEN && wanted != stated)
        return DW_ERR_KEY_TYPE;
    *ret_alg = stated;
    return DW_OK;
}

static enum dw_err read_use(yyjson_val *jwk)
{
    yyjson_val *use = json_get(jwk, "use");

    if (use != NULL && !yyjson_is_str(use))
        return DW_ERR_KEY_MALFORMED;
    return use == NULL || dw_str_eq(json_str(use), DW_STR("sig")) ? DW_OK : DW_ERR_KEY_USE;
}

/* RFC 7517 §4.3: what is listed is all that the key is for. */
static enum dw_err read_key_ops(yyjson_val *jwk, struct dw_key *key)
{
    yyjson_val *ops = json_get(jwk, "key_ops");
    bool sign = false, verify = false;
    size_t i, n;
    yyjson_val *op;

    if (ops == NULL)
        return DW_OK;
    if (!yyjson_is_arr(ops))
        return DW_ERR_KEY_MALFORMED;
    yyjson_arr_foreach(ops, i, n, op) {
        if (!yyjson_is_str(op))
            return DW_ERR_KEY_MALFORMED;
        bool *known = dw_str_eq(json_str(op), DW_STR("sign"))     ? &sign
                      : dw_str_eq(json_str(op), DW_STR("verify")) ? &verify
                                                                  : NULL;
        if (known != NULL && *known)
            return DW_ERR_KEY_MALFORMED; /* duplicates MUST NOT be there */
        if (known != NULL)
            *known = true;
    }
    key->may_sign = key->may_sign && sign;
    key->may_verify = verify;
    return key->may_sign || key->may_verify ? DW_OK : DW_ERR_KEY_USE;
}

enum dw_err jwk_read_kid(yyjson_val *jwk, struct dw_str *ret_kid)
{
    yyjson_val *kid = json_get(jwk, "kid");

    *ret_kid = json_str(kid);
    return kid == NULL || yyjson_is_str(kid) ? DW_OK : DW_ERR_KEY_MALFORMED;
}

enum dw_err jwk_import(yyjson_val *jwk, enum dw_alg alg, struct dw_arena *arena, struct dw_key **ret_key)
{
    struct key_parts parts = { 0 };
    struct key *crypto_key = NULL;
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    struct dw_str kid;

    if (!yyjson_is_obj(jwk))
        return DW_ERR_KEY_MALFORMED;
    TRY(read_alg(jwk, alg, &alg));
    TRY(read_use(jwk));
    TRY(jwk_read_parts(jwk, arena, &parts));
    if (parts.type == KEY_X25519) /* it can't sign */
        return DW_ERR_UNSUPPORTED;
    TRY(key_import(&parts, &crypto_key));
    TRY(jose_key_new(crypto_key, alg, &key));
    TRY(read_key_ops(jwk, key));
    TRY(jwk_read_kid(jwk, &kid));
    if (!dw_str_is_absent(kid))
        TRY(dw_key_set_id(key, kid));
    *ret_key = TAKE_PTR(key);
    return DW_OK;
}

enum dw_err jwk_parse(struct dw_str json, struct dw_arena *arena, yyjson_val **ret_jwk)
{
    if (json.len > JWK_MAX_BYTES)
        return DW_ERR_KEY_MALFORMED;
    const enum dw_err err = json_parse(arena, json, JSON_DEPTH_DEFAULT, ret_jwk, NULL);
    return err == DW_OK || err == DW_ERR_NO_MEMORY ? err : DW_ERR_KEY_MALFORMED;
}

enum dw_err dw_key_from_jwk(struct dw_str json, enum dw_alg alg, struct dw_key **ret_key)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    yyjson_val *jwk = NULL;

    if (ret_key == NULL)
        return DW_ERR_ARGUMENT;
    TRY(dw_arena_new(JWK_ARENA_BYTES, &arena));
    TRY(jwk_parse(json, arena, &jwk));
    return jwk_import(jwk, alg, arena, ret_key);
}

/* --- writing --- */

static const char *curve_name(const struct key_parts *parts)
{
    for (size_t i = 0; i < ARRAY_SIZE(CURVES); i++)
        if (CURVES[i].type == parts->type && (parts->type != KEY_EC || CURVES[i].bits == parts->curve_bits))
            return CURVES[i].name;
    return "";
}

void jwk_write_bytes(struct buffer *out, const char *name, struct dw_str bytes)
{
    json_write_key(out, name);
    buffer_append_char(out, '"');
    char *text = buffer_reserve(out, base64url_encoded_size(bytes.len));
    if (text != NULL)
        buffer_commit(out, base64url_encode(bytes, text));
    buffer_append_char(out, '"');
}

static void write_part(struct buffer *out, const struct member *member, const struct key_parts *parts)
{
    const struct dw_str part = key_part_value(parts, member->offset);

    if (!dw_str_is_absent(part))
        jwk_write_bytes(out, member->name, part);
}

void jwk_write_members(struct buffer *out, const struct key_parts *parts)
{
    const struct kty_info *kty = &KTYS[parts->type];

    buffer_append_char(out, '{');
    for (const struct member *member = kty->members; member->name != NULL; member++) {
        if (member->kind == MEMBER_KTY)
            json_write_member_str(out, "kty", dw_str(kty->name));
        else if (member->kind == MEMBER_CRV)
            json_write_member_str(out, "crv", dw_str(curve_name(parts)));
        else
            write_part(out, member, parts);
    }
}

static enum dw_err write_jwk(const struct key *key, bool with_private, const struct jwk_labels *labels,
                             struct dw_arena *scratch, struct buffer *out)
{
    struct key_parts parts = { 0 };

    TRY(key_export(key, with_private, scratch, &parts));
    jwk_write_members(out, &parts);
    json_write_member_str(out, "kid", labels->kid);
    if (labels->alg != NULL)
        json_write_member_str(out, "alg", dw_str(labels->alg));
    json_write_member_str(out, "use", dw_str(labels->use));
    buffer_append_char(out, '}');
    return buffer_error(out);
}

enum dw_err jwk_write_public(const struct key *key, const struct jwk_labels *labels, struct dw_arena *arena,
                             struct dw_str *ret_json)
{
    _cleanup_buffer_ struct buffer out = BUFFER_INIT(JWK_MAX_BYTES);

    if (key_type_of(key) == KEY_HMAC)
        return DW_ERR_KEY_TYPE;
    TRY(write_jwk(key, false, labels, arena, &out));
    const struct dw_str json = dw_arena_copy(arena, buffer_str(&out));
    if (dw_str_is_absent(json))
        return DW_ERR_NO_MEMORY;
    *ret_json = json;
    return DW_OK;
}

enum dw_err jwk_write_private(const struct key *key, const struct jwk_labels *labels, struct dw_secret *ret_json)
{
    _cleanup_buffer_ struct buffer out = BUFFER_INIT(JWK_MAX_BYTES);
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(JWK_ARENA_BYTES, &arena));
    TRY(write_jwk(key, true, labels, arena, &out));
    return dw_secret_copy(buffer_str(&out), ret_json);
}

static struct jwk_labels labels_of(const struct dw_key *key)
{
    return (struct jwk_labels){ .kid = key->kid, .alg = dw_alg_name(key->alg), .use = "sig" };
}

enum dw_err dw_key_public_jwk(const struct dw_key *key, struct dw_arena *arena, struct dw_str *ret_json)
{
    if (key == NULL || arena == NULL || ret_json == NULL)
        return DW_ERR_ARGUMENT;
    const struct jwk_labels labels = labels_of(key);

    return jwk_write_public(key->key, &labels, arena, ret_json);
}

enum dw_err dw_key_private_jwk(const struct dw_key *key, struct dw_secret *ret_json)
{
    if (key == NULL || ret_json == NULL)
        return DW_ERR_ARGUMENT;
    const struct jwk_labels labels = labels_of(key);

    return jwk_write_private(key->key, &labels, ret_json);
}

enum dw_err jwk_thumbprint(const struct key *key, unsigned hash_bits, struct dw_arena *arena,
                           struct dw_str *ret_thumbprint)
{
    _cleanup_buffer_ struct buffer out = BUFFER_INIT(JWK_MAX_BYTES);
    _cleanup_arena_ struct dw_arena *scratch = NULL;
    struct key_parts parts = { 0 };
    unsigned char digest[HASH_MAX_SIZE];

    TRY(dw_arena_new(JWK_ARENA_BYTES, &scratch));
    TRY(key_export(key, key_type_of(key) == KEY_HMAC, scratch, &parts));
    jwk_write_members(&out, &parts);
    buffer_append_char(&out, '}');
    TRY(buffer_error(&out));
    TRY(hash_sha2(hash_bits, buffer_str(&out), digest));
    const struct dw_str text = base64url_encode_arena(arena, dw_str_n(digest, hash_bits / 8));
    if (dw_str_is_absent(text))
        return DW_ERR_NO_MEMORY;
    *ret_thumbprint = text;
    return DW_OK;
}

enum dw_err dw_key_thumbprint(const struct dw_key *key, unsigned hash_bits, struct dw_arena *arena,
                              struct dw_str *ret_thumbprint)
{
    if (key == NULL || arena == NULL || ret_thumbprint == NULL)
        return DW_ERR_ARGUMENT;
    return jwk_thumbprint(key->key, hash_bits, arena, ret_thumbprint);
}
