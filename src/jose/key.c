#include "jose/jose_key.h"

void jose_kid_free(struct dw_str *kid)
{
    free((char *)kid->ptr);
    *kid = (struct dw_str){ 0 };
}

enum dw_err jose_kid_set(struct dw_str *kid, struct dw_str text)
{
    char *copy = malloc(text.len + 1);

    if (copy == NULL)
        return DW_ERR_NO_MEMORY;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    jose_kid_free(kid);
    *kid = dw_str_n(copy, text.len);
    return DW_OK;
}

void dw_key_free(struct dw_key **key)
{
    if (key == NULL || *key == NULL)
        return;
    key_free(&(*key)->key);
    jose_kid_free(&(*key)->kid);
    free(*key);
    *key = NULL;
}

enum dw_err jose_key_check(const struct key *key, enum dw_alg alg)
{
    const struct alg_info *info = alg_info(alg);

    if (info == NULL || (enum key_type)info->kty != key_type_of(key))
        return DW_ERR_KEY_TYPE;
    if (info->kty == DW_KTY_EC)
        return key_bits(key) == info->key_bits ? DW_OK : DW_ERR_KEY_TYPE;
    return info->kty == DW_KTY_OKP || key_bits(key) >= info->key_bits ? DW_OK : DW_ERR_KEY_TOO_WEAK;
}

bool jose_key_allows(const struct dw_key *key, enum dw_alg alg)
{
    if (key->alg != DW_ALG_NONE_GIVEN)
        return key->alg == alg;
    return jose_key_check(key->key, alg) == DW_OK;
}

static enum dw_err set_thumbprint(struct dw_key *key)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str thumbprint = { 0 };

    TRY(dw_arena_new(JWK_ARENA_BYTES, &arena));
    TRY(dw_key_thumbprint(key, 256, arena, &thumbprint));
    TRY(dw_key_set_id(key, thumbprint));
    key->kid_is_given = false;
    return DW_OK;
}

enum dw_err jose_key_new(struct key *key, enum dw_alg alg, struct dw_key **ret_key)
{
    _cleanup_(dw_key_free) struct dw_key *made = calloc(1, sizeof *made);

    if (made == NULL) {
        key_free(&key);
        return DW_ERR_NO_MEMORY;
    }
    made->key = key;
    made->alg = alg != DW_ALG_NONE_GIVEN ? alg : alg_of_curve((enum dw_kty)key_type_of(key), key_bits(key));
    made->may_sign = key_has_private(key);
    made->may_verify = true;
    if (key_type_of(key) == KEY_X25519)
        return DW_ERR_KEY_TYPE;
    if (made->alg != DW_ALG_NONE_GIVEN)
        TRY(jose_key_check(key, made->alg));
    else if (key_type_of(key) == KEY_HMAC)
        TRY(jose_key_check(key, DW_ALG_HS256)); /* too short for any */
    TRY(set_thumbprint(made));
    *ret_key = TAKE_PTR(made);
    return DW_OK;
}

enum dw_err dw_key_from_pem(struct dw_str pem, enum dw_alg alg, struct dw_key **ret_key)
{
    struct key *key = NULL;

    if (ret_key == NULL)
        return DW_ERR_ARGUMENT;
    TRY(key_import_pem(pem, &key));
    if (key_type_of(key) == KEY_RSA && alg == DW_ALG_NONE_GIVEN) {
        key_free(&key);
        return DW_ERR_ARGUMENT;
    }
    return jose_key_new(key, alg, ret_key);
}

/* A public key's text used as an HMAC secret is the classical confusion (CVE-2016-10555): never a real secret. */
static bool looks_like_public_key(struct dw_str octets)
{
    return dw_str_starts_with(octets, DW_STR("-----BEGIN ")) || dw_str_starts_with(octets, DW_STR("ssh-"));
}

enum dw_err dw_key_from_octets(const struct dw_secret *octets, enum dw_alg alg, struct dw_key **ret_key)
{
    if (octets == NULL || ret_key == NULL)
        return DW_ERR_ARGUMENT;
    const struct alg_info *info = alg_info(alg);
    const struct key_parts parts = { .type = KEY_HMAC, .k = dw_secret_borrow(octets) };
    struct key *key = NULL;

    if (info == NULL || info->kty != DW_KTY_OCT || looks_like_public_key(parts.k))
        return DW_ERR_KEY_TYPE;
    TRY(key_import(&parts, &key));
    return jose_key_new(key, alg, ret_key);
}

enum dw_err dw_key_generate(enum dw_alg alg, unsigned rsa_bits, struct dw_key **ret_key)
{
    const struct alg_info *info = alg_info(alg);
    struct key *key = NULL;

    if (info == NULL || ret_key == NULL)
        return DW_ERR_ARGUMENT;
    TRY(key_generate(info->scheme.type, info->kty == DW_KTY_RSA && rsa_bits != 0 ? rsa_bits : info->key_bits, &key));
    return jose_key_new(key, alg, ret_key);
}

struct dw_str dw_key_id(const struct dw_key *key)
{
    return key == NULL ? dw_str_n(NULL, 0) : key->kid;
}

enum dw_alg dw_key_alg(const struct dw_key *key)
{
    return key == NULL ? DW_ALG_NONE_GIVEN : key->alg;
}

enum dw_kty dw_key_type(const struct dw_key *key)
{
    return key == NULL ? (enum dw_kty)0 : (enum dw_kty)key_type_of(key->key);
}

bool dw_key_is_private(const struct dw_key *key)
{
    return key != NULL && key_has_private(key->key);
}

enum dw_err dw_key_set_id(struct dw_key *key, struct dw_str kid)
{
    if (key == NULL)
        return DW_ERR_ARGUMENT;
    TRY(jose_kid_set(&key->kid, kid));
    key->kid_is_given = true;
    return DW_OK;
}

enum dw_err dw_sign(const struct dw_key *key, enum dw_alg alg, struct dw_str message, struct dw_arena *arena,
                    struct dw_str *ret_signature)
{
    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t size = 0;

    if (key == NULL || arena == NULL || ret_signature == NULL)
        return DW_ERR_ARGUMENT;
    if (!jose_key_allows(key, alg))
        return DW_ERR_JOSE_ALGORITHM;
    if (!key->may_sign)
        return DW_ERR_KEY_USE;
    TRY(key_sign(key->key, &alg_info(alg)->scheme, message, signature, &size));
    const struct dw_str copy = dw_arena_copy(arena, dw_str_n(signature, size));
    if (dw_str_is_absent(copy))
        return DW_ERR_NO_MEMORY;
    *ret_signature = copy;
    return DW_OK;
}

enum dw_err dw_verify(const struct dw_key *key, enum dw_alg alg, struct dw_str message, struct dw_str signature)
{
    if (key == NULL)
        return DW_ERR_ARGUMENT;
    if (!jose_key_allows(key, alg))
        return DW_ERR_JOSE_ALGORITHM;
    if (!key->may_verify)
        return DW_ERR_KEY_USE;
    return key_verify(key->key, &alg_info(alg)->scheme, message, signature);
}
