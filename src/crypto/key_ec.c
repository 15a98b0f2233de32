/* EC, Ed25519 and X25519 components: RFC 7518 §6.2, RFC 8037 §2. */
#include "crypto/algorithms.h"
#include "crypto/key_internal.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

enum { OKP_SIZE = 32, COORDINATE_MAX = 66, POINT_MAX = 1 + 2 * COORDINATE_MAX };

static const struct curve {
    unsigned bits;
    const char *group;
} CURVES[] = { { 256, "prime256v1" }, { 384, "secp384r1" }, { 521, "secp521r1" } };

static const struct curve *curve_by_bits(unsigned bits)
{
    for (size_t i = 0; i < ARRAY_SIZE(CURVES); i++)
        if (CURVES[i].bits == bits)
            return &CURVES[i];
    return NULL;
}

/* The coordinates have the full length of the field (RFC 7518 §6.2.1.2): no other writing of the same point. */
static enum dw_err check_sizes(const struct key_parts *parts)
{
    const size_t size = key_coordinate_size(parts->curve_bits);
    const bool fits = parts->x.len == size && parts->y.len == size &&
                      (dw_str_is_absent(parts->d) || parts->d.len == size);

    return fits ? DW_OK : DW_ERR_KEY_MALFORMED;
}

static OSSL_PARAM *build_params(const struct key_parts *parts, const struct curve *curve, const BIGNUM *d)
{
    const size_t size = key_coordinate_size(curve->bits);
    unsigned char point[POINT_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;

    memcpy(point + 1, parts->x.ptr, size);
    memcpy(point + 1 + size, parts->y.ptr, size);
    if (builder != NULL && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size) == 1 &&
        (d == NULL || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1))
        params = OSSL_PARAM_BLD_to_param(builder);
    OSSL_PARAM_BLD_free(builder);
    return params;
}

/* The point is on the curve (RFC 8725 §3.4), and d, when given, is its logarithm. */
static bool is_consistent(EVP_PKEY *pkey, bool has_private)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    const bool good = context != NULL && EVP_PKEY_public_check_quick(context) == 1 &&
                      (!has_private || (EVP_PKEY_private_check(context) == 1 && EVP_PKEY_pairwise_check(context) == 1));

    EVP_PKEY_CTX_free(context);
    return good;
}

enum dw_err key_ec_make(const struct key_parts *parts, EVP_PKEY **ret_pkey)
{
    const struct curve *curve = curve_by_bits(parts->curve_bits);
    const bool has_private = !dw_str_is_absent(parts->d);

    if (curve == NULL)
        return DW_ERR_KEY_TYPE;
    TRY(check_sizes(parts));
    _cleanup_bn_ BIGNUM *d = NULL;
    if (has_private) {
        d = BN_bin2bn((const unsigned char *)parts->d.ptr, (int)parts->d.len, NULL);
        if (d == NULL)
            return crypto_failed(DW_ERR_NO_MEMORY);
        BN_set_flags(d, BN_FLG_CONSTTIME);
    }
    OSSL_PARAM *params = build_params(parts, curve, d);
    _cleanup_pkey_ EVP_PKEY *pkey = NULL;
    const enum dw_err err = key_from_params("EC", has_private, params, &pkey);
    OSSL_PARAM_free(params);
    TRY(err);
    if (!is_consistent(pkey, has_private))
        return crypto_failed(DW_ERR_KEY_MALFORMED);
    *ret_pkey = TAKE_PTR(pkey);
    return DW_OK;
}

static const struct curve *curve_of(const EVP_PKEY *pkey)
{
    char group[64] = "", encoding[32] = "";

    /* Explicit parameters may name any generator (CVE-2020-0601): only a named curve is one of ours. */
    if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof encoding, NULL) == 1 &&
        strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP) != 0)
        return NULL;
    if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL) != 1)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(CURVES); i++)
        if (strcmp(CURVES[i].group, group) == 0)
            return &CURVES[i];
    return NULL;
}

static enum dw_err padded_part(const EVP_PKEY *pkey, const char *name, size_t size, struct dw_arena *arena,
                               struct dw_str *ret_part)
{
    _cleanup_bn_ BIGNUM *number = NULL;
    unsigned char *bytes = dw_arena_alloc(arena, size);

    if (bytes == NULL)
        return DW_ERR_NO_MEMORY;
    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1 || BN_bn2binpad(number, bytes, (int)size) < 0)
        return crypto_failed(DW_ERR_KEY_MALFORMED);
    *ret_part = dw_str_n(bytes, size);
    return DW_OK;
}

enum dw_err key_ec_parts(const EVP_PKEY *pkey, bool with_private, struct dw_arena *arena, struct key_parts *ret_parts)
{
    const struct curve *curve = curve_of(pkey);

    if (curve == NULL)
        return crypto_failed(DW_ERR_KEY_TYPE);
    const size_t size = key_coordinate_size(curve->bits);
    struct key_parts parts = { .type = KEY_EC, .curve_bits = curve->bits };
    TRY(padded_part(pkey, OSSL_PKEY_PARAM_EC_PUB_X, size, arena, &parts.x));
    TRY(padded_part(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, size, arena, &parts.y));
    if (with_private)
        TRY(padded_part(pkey, OSSL_PKEY_PARAM_PRIV_KEY, size, arena, &parts.d));
    *ret_parts = parts;
    return DW_OK;
}

/* OpenSSL's name of an octet key pair's type. */
static const char *okp_name(enum key_type type)
{
    return type == KEY_X25519 ? "X25519" : "ED25519";
}

enum dw_err key_okp_make(const struct key_parts *parts, EVP_PKEY **ret_pkey)
{
    const bool has_private = !dw_str_is_absent(parts->d);
    const char *name = okp_name(parts->type);

    if (parts->x.len != OKP_SIZE || (has_private && parts->d.len != OKP_SIZE))
        return DW_ERR_KEY_MALFORMED;
    const unsigned char *x = (const unsigned char *)parts->x.ptr, *d = (const unsigned char *)parts->d.ptr;
    _cleanup_pkey_ EVP_PKEY *pkey = has_private ? EVP_PKEY_new_raw_private_key_ex(NULL, name, NULL, d, OKP_SIZE)
                                                : EVP_PKEY_new_raw_public_key_ex(NULL, name, NULL, x, OKP_SIZE);
    unsigned char derived[OKP_SIZE];
    size_t size = sizeof derived;
    if (pkey == NULL || EVP_PKEY_get_raw_public_key(pkey, derived, &size) != 1 || memcmp(derived, x, size) != 0)
        return crypto_failed(DW_ERR_KEY_MALFORMED);
    *ret_pkey = TAKE_PTR(pkey);
    return DW_OK;
}

enum dw_err key_okp_parts(const EVP_PKEY *pkey, bool with_private, struct dw_arena *arena, struct key_parts *ret_parts)
{
    unsigned char *x = dw_arena_alloc(arena, OKP_SIZE), *d = dw_arena_alloc(arena, OKP_SIZE);
    size_t x_size = OKP_SIZE, d_size = OKP_SIZE;

    if (x == NULL || d == NULL)
        return DW_ERR_NO_MEMORY;
    if (EVP_PKEY_get_raw_public_key(pkey, x, &x_size) != 1 ||
        (with_private && EVP_PKEY_get_raw_private_key(pkey, d, &d_size) != 1))
        return crypto_failed(DW_ERR_KEY_MALFORMED);
    *ret_parts = (struct key_parts){ .type = EVP_PKEY_is_a(pkey, "X25519") ? KEY_X25519 : KEY_ED25519,
                                     .x = dw_str_n(x, x_size),
                                     .d = with_private ? dw_str_n(d, d_size) : dw_str_n(NULL, 0) };
    return DW_OK;
}
