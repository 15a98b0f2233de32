#include "jose/jwe_key.h"
#include <doorward/jose.h>

enum { RSA_BITS = 2048, CURVE_BITS = 256, X25519_BITS = 255 };

void dw_jwe_key_free(struct dw_jwe_key **key)
{
    if (key == NULL || *key == NULL)
        return;
    key_free(&(*key)->key);
    jose_kid_free(&(*key)->kid);
    free(*key);
    *key = NULL;
}

/* --- what fits what --- */

static bool is_some_content_key(size_t size)
{
    for (enum dw_jwe_enc enc = DW_JWE_ENC_NONE_GIVEN + 1; enc < DW_JWE_ENC_COUNT; enc++)
        if (content_key_size(&jwe_enc_info(enc)->scheme) == size)
            return true;
    return false;
}

static enum dw_err check_octets(const struct key *key, bool is_size)
{
    if (key_type_of(key) != KEY_HMAC)
        return DW_ERR_KEY_TYPE;
    return is_size ? DW_OK : DW_ERR_KEY_TOO_WEAK;
}

/* DW_OK when the key is of the type and size for `alg`. */
static enum dw_err check_alg(const struct key *key, enum dw_jwe_alg alg)
{
    const struct jwe_alg_info *info = jwe_alg_info(alg);
    const enum key_type type = key_type_of(key);

    if (info == NULL)
        return DW_ERR_KEY_TYPE;
    switch (info->method) {
    case JWE_DIRECT:
        return check_octets(key, is_some_content_key(key_octets(key)->size));
    case JWE_KEY_WRAP:
    case JWE_GCM_WRAP:
        return check_octets(key, key_octets(key)->size * 8 == info->bits);
    case JWE_OAEP:
        return type == KEY_RSA ? DW_OK : DW_ERR_KEY_TYPE;
    case JWE_AGREEMENT:
        return type == KEY_EC || type == KEY_X25519 ? DW_OK : DW_ERR_KEY_TYPE;
    }
    return DW_ERR_KEY_TYPE;
}

bool jwe_key_allows(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc)
{
    if (key->alg != DW_JWE_ALG_NONE_GIVEN && key->alg != alg)
        return false;
    if (check_alg(key->key, alg) != DW_OK)
        return false;
    if (jwe_alg_info(alg)->method != JWE_DIRECT)
        return true;
    return (key->enc == DW_JWE_ENC_NONE_GIVEN || key->enc == enc) &&
           key_octets(key->key)->size == content_key_size(&jwe_enc_info(enc)->scheme);
}

/* --- making --- */

/* Takes the key, also on failure. An unpinned one must fit some algorithm at least. */
static enum dw_err wrap(struct key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc, struct dw_jwe_key **ret_key)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *made = calloc(1, sizeof *made);
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str thumbprint = { 0 };

    if (made == NULL) {
        key_free(&key);
        return DW_ERR_NO_MEMORY;
    }
    made->key = key;
    made->alg = alg;
    made->enc = alg == DW_JWE_DIR ? enc : DW_JWE_ENC_NONE_GIVEN;
    made->may_encrypt = true;
    made->may_decrypt = key_has_private(key);
    if (alg != DW_JWE_ALG_NONE_GIVEN)
        TRY(check_alg(key, alg));
    else if (key_type_of(key) == KEY_ED25519)
        return DW_ERR_KEY_TYPE;
    else if (key_type_of(key) == KEY_HMAC)
        TRY(check_octets(key, is_some_content_key(key_octets(key)->size)));
    if (made->enc != DW_JWE_ENC_NONE_GIVEN && !jwe_key_allows(made, alg, enc))
        return DW_ERR_KEY_TOO_WEAK;
    TRY(dw_arena_new(JWK_ARENA_BYTES, &arena));
    TRY(jwk_thumbprint(key, 256, arena, &thumbprint));
    TRY(jose_kid_set(&made->kid, thumbprint));
    *ret_key = TAKE_PTR(made);
    return DW_OK;
}

enum dw_err dw_jwe_key_from_pem(struct dw_str pem, enum dw_jwe_alg alg, struct dw_jwe_key **ret_key)
{
    struct key *key = NULL;

    if (ret_key == NULL || jwe_alg_info(alg) == NULL)
        return DW_ERR_ARGUMENT;
    TRY(key_import_pem(pem, &key));
    return wrap(key, alg, DW_JWE_ENC_NONE_GIVEN, ret_key);
}

enum dw_err dw_jwe_key_from_octets(const struct dw_secret *octets, enum dw_jwe_alg alg, struct dw_jwe_key **ret_key)
{
    struct key *key = NULL;

    if (octets == NULL || ret_key == NULL || jwe_alg_info(alg) == NULL)
        return DW_ERR_ARGUMENT;
    const struct key_parts parts = { .type = KEY_HMAC, .k = dw_secret_borrow(octets) };
    TRY(key_import(&parts, &key));
    return wrap(key, alg, DW_JWE_ENC_NONE_GIVEN, ret_key);
}

enum dw_err dw_jwe_key_generate(enum dw_jwe_alg alg, enum dw_jwe_enc enc, unsigned bits, struct dw_jwe_key **ret_key)
{
    const struct jwe_alg_info *info = jwe_alg_info(alg);
    const struct jwe_enc_info *content = jwe_enc_info(enc);
    struct key *key = NULL;

    if (info == NULL || ret_key == NULL || (info->method == JWE_DIRECT && content == NULL))
        return DW_ERR_ARGUMENT;
    switch (info->method) {
    case JWE_DIRECT:
        TRY(key_generate(KEY_HMAC, content->scheme.key_bits, &key));
        break;
    case JWE_KEY_WRAP:
    case JWE_GCM_WRAP:
        TRY(key_generate(KEY_HMAC, info->bits, &key));
        break;
    case JWE_OAEP:
        TRY(key_generate(KEY_RSA, bits != 0 ? bits : RSA_BITS, &key));
        break;
    case JWE_AGREEMENT:
        if (bits != 0 && bits != X25519_BITS && bits != CURVE_BITS && bits != 384 && bits != 521)
            return DW_ERR_ARGUMENT;
        TRY(key_generate(bits == X25519_BITS ? KEY_X25519 : KEY_EC, bits != 0 ? bits : CURVE_BITS, &key));
        break;
    }
    return wrap(key, alg, enc, ret_key);
}

/* --- JWK --- */

/* The JWK's own "alg" and the caller's must be the same where both are given (RFC 8725 §3.1). */
static enum dw_err read_alg(yyjson_val *jwk, enum dw_jwe_alg *alg, enum dw_jwe_enc *ret_enc)
{
    yyjson_val *value = json_get(jwk, "alg");

    *ret_enc = DW_JWE_ENC_NONE_GIVEN;
    if (value == NULL)
        return DW_OK;
    if (!yyjson_is_str(value))
        return DW_ERR_KEY_MALFORMED;
    if (dw_alg_by_name(json_str(value)) != DW_ALG_NONE_GIVEN)
        return DW_ERR_KEY_USE;
    *ret_enc = dw_jwe_enc_by_name(json_str(value));
    const enum dw_jwe_alg stated =
        *ret_enc != DW_JWE_ENC_NONE_GIVEN ? DW_JWE_DIR : dw_jwe_alg_by_name(json_str(value));
    if (stated == DW_JWE_ALG_NONE_GIVEN)
        return DW_ERR_UNSUPPORTED;
    if (*alg != DW_JWE_ALG_NONE_GIVEN && *alg != stated)
        return DW_ERR_KEY_TYPE;
    *alg = stated;
    return DW_OK;
}

static enum dw_err read_use(yyjson_val *jwk)
{
    yyjson_val *use = json_get(jwk, "use");

    if (use != NULL && !yyjson_is_str(use))
        return DW_ERR_KEY_MALFORMED;
    return use == NULL || dw_str_eq(json_str(use), DW_STR("enc")) ? DW_OK : DW_ERR_KEY_USE;
}

/* The operations of RFC 7517 §4.3, and what each lets a key do here. */
enum { OP_ENCRYPTS = 1, OP_DECRYPTS = 2, OP_SIGNS = 4 };

static const struct key_op {
    const char *name;
    unsigned gives;
} KEY_OPS[] = {
    { "encrypt", OP_ENCRYPTS },
    { "wrapKey", OP_ENCRYPTS },
    { "decrypt", OP_DECRYPTS },
    { "unwrapKey", OP_DECRYPTS },
    { "deriveKey", OP_ENCRYPTS | OP_DECRYPTS },
    { "deriveBits", OP_ENCRYPTS | OP_DECRYPTS },
    { "sign", OP_SIGNS },
    { "verify", OP_SIGNS },
};

/* What the listed operations give together; DW_ERR_KEY_MALFORMED when one stands twice or is no string. */
static enum dw_err read_gives(yyjson_val *ops, unsigned *ret_gives)
{
    unsigned seen = 0, gives = 0;
    size_t i, n;
    yyjson_val *op;

    yyjson_arr_foreach(ops, i, n, op) {
        if (!yyjson_is_str(op))
            return DW_ERR_KEY_MALFORMED;
        for (unsigned row = 0; row < ARRAY_SIZE(KEY_OPS); row++) {
            if (!dw_str_eq(json_str(op), dw_str(KEY_OPS[row].name)))
                continue;
            if ((seen & 1u << row) != 0)
                return DW_ERR_KEY_MALFORMED;
            seen |= 1u << row;
            gives |= KEY_OPS[row].gives;
        }
    }
    *ret_gives = gives;
    return DW_OK;
}

static enum dw_err read_key_ops(yyjson_val *jwk, struct dw_jwe_key *key)
{
    yyjson_val *ops = json_get(jwk, "key_ops");
    unsigned gives = 0;

    if (ops == NULL)
        return DW_OK;
    if (!yyjson_is_arr(ops))
        return DW_ERR_KEY_MALFORMED;
    TRY(read_gives(ops, &gives));
    if ((gives & OP_SIGNS) != 0) /* one key, one purpose */
        return DW_ERR_KEY_USE;
    /* The public half of an agreement needs no operation: what derives is the sender's own key. */
    const bool is_public_agreement = !key_has_private(key->key) && key_type_of(key->key) != KEY_RSA;
    key->may_encrypt = is_public_agreement || (gives & OP_ENCRYPTS) != 0;
    key->may_decrypt = key->may_decrypt && (gives & OP_DECRYPTS) != 0;
    return key->may_encrypt || key->may_decrypt ? DW_OK : DW_ERR_KEY_USE;
}

static enum dw_err import(yyjson_val *jwk, enum dw_jwe_alg alg, struct dw_arena *arena, struct dw_jwe_key **ret_key)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *made = NULL;
    enum dw_jwe_enc enc = DW_JWE_ENC_NONE_GIVEN;
    struct key_parts parts = { 0 };
    struct key *key = NULL;
    struct dw_str kid = { 0 };

    if (!yyjson_is_obj(jwk))
        return DW_ERR_KEY_MALFORMED;
    TRY(read_use(jwk));
    TRY(read_alg(jwk, &alg, &enc));
    TRY(jwk_read_parts(jwk, arena, &parts));
    if (parts.type == KEY_ED25519) /* it can only sign */
        return DW_ERR_UNSUPPORTED;
    TRY(key_import(&parts, &key));
    TRY(wrap(key, alg, enc, &made));
    TRY(read_key_ops(jwk, made));
    TRY(jwk_read_kid(jwk, &kid));
    if (!dw_str_is_absent(kid))
        TRY(dw_jwe_key_set_id(made, kid));
    *ret_key = TAKE_PTR(made);
    return DW_OK;
}

enum dw_err dw_jwe_key_from_jwk(struct dw_str json, enum dw_jwe_alg alg, struct dw_jwe_key **ret_key)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    yyjson_val *jwk = NULL;

    if (ret_key == NULL)
        return DW_ERR_ARGUMENT;
    TRY(dw_arena_new(JWK_ARENA_BYTES, &arena));
    TRY(jwk_parse(json, arena, &jwk));
    return import(jwk, alg, arena, ret_key);
}

/* `dir` with one content encryption is named by that (RFC 7517 §4.4, RFC 7518 §5). */
static struct jwk_labels labels_of(const struct dw_jwe_key *key)
{
    const char *alg = key->enc != DW_JWE_ENC_NONE_GIVEN ? dw_jwe_enc_name(key->enc) : dw_jwe_alg_name(key->alg);

    return (struct jwk_labels){ .kid = key->kid, .alg = alg, .use = "enc" };
}

enum dw_err dw_jwe_key_public_jwk(const struct dw_jwe_key *key, struct dw_arena *arena, struct dw_str *ret_json)
{
    if (key == NULL || arena == NULL || ret_json == NULL)
        return DW_ERR_ARGUMENT;
    const struct jwk_labels labels = labels_of(key);
    return jwk_write_public(key->key, &labels, arena, ret_json);
}

enum dw_err dw_jwe_key_private_jwk(const struct dw_jwe_key *key, struct dw_secret *ret_json)
{
    if (key == NULL || ret_json == NULL)
        return DW_ERR_ARGUMENT;
    const struct jwk_labels labels = labels_of(key);
    return jwk_write_private(key->key, &labels, ret_json);
}

/* --- asking --- */

struct dw_str dw_jwe_key_id(const struct dw_jwe_key *key)
{
    return key != NULL ? key->kid : dw_str_n(NULL, 0);
}

enum dw_jwe_alg dw_jwe_key_alg(const struct dw_jwe_key *key)
{
    return key != NULL ? key->alg : DW_JWE_ALG_NONE_GIVEN;
}

enum dw_jwe_enc dw_jwe_key_enc(const struct dw_jwe_key *key)
{
    return key != NULL ? key->enc : DW_JWE_ENC_NONE_GIVEN;
}

bool dw_jwe_key_is_private(const struct dw_jwe_key *key)
{
    return key != NULL && key_has_private(key->key);
}

enum dw_err dw_jwe_key_set_id(struct dw_jwe_key *key, struct dw_str kid)
{
    if (key == NULL)
        return DW_ERR_ARGUMENT;
    TRY(jose_kid_set(&key->kid, kid));
    key->kid_is_given = true;
    return DW_OK;
}
