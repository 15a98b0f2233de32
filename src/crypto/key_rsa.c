/* RSA components: checks of RFC 7518 §6.3 and of arithmetic, to OpenSSL and back. */
#include "crypto/algorithms.h"
#include "crypto/key_internal.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

enum { EXPONENT_MAX_BITS = 64 }; /* OpenSSL's own limit for large moduli; more only costs time */

/* Each component: its OpenSSL name and its place in struct key_parts. */
static const struct component {
    const char *name;
    size_t offset;
    bool is_private;
} COMPONENTS[] = {
    { OSSL_PKEY_PARAM_RSA_N, offsetof(struct key_parts, n), false },
    { OSSL_PKEY_PARAM_RSA_E, offsetof(struct key_parts, e), false },
    { OSSL_PKEY_PARAM_RSA_D, offsetof(struct key_parts, d), true },
    { OSSL_PKEY_PARAM_RSA_FACTOR1, offsetof(struct key_parts, p), true },
    { OSSL_PKEY_PARAM_RSA_FACTOR2, offsetof(struct key_parts, q), true },
    { OSSL_PKEY_PARAM_RSA_EXPONENT1, offsetof(struct key_parts, dp), true },
    { OSSL_PKEY_PARAM_RSA_EXPONENT2, offsetof(struct key_parts, dq), true },
    { OSSL_PKEY_PARAM_RSA_COEFFICIENT1, offsetof(struct key_parts, qi), true },
};
enum { N, E, D, P, Q, DP, DQ, QI, N_COMPONENTS = ARRAY_SIZE(COMPONENTS) };

struct numbers {
    BIGNUM *of[N_COMPONENTS];
    BN_CTX *scratch;
};

static void numbers_free(struct numbers *numbers)
{
    for (size_t i = 0; i < N_COMPONENTS; i++)
        BN_clear_free(numbers->of[i]);
    BN_CTX_free(numbers->scratch);
}

/* A leading zero is a second way to write the same number, and a second thumbprint (RFC 7518 §2, Base64urlUInt). */
static bool is_minimal(struct dw_str number)
{
    return number.len > 0 && number.ptr[0] != 0 && number.len <= KEY_SIGNATURE_MAX;
}

static enum dw_err numbers_read(const struct key_parts *parts, struct numbers *numbers)
{
    numbers->scratch = BN_CTX_secure_new();
    if (numbers->scratch == NULL)
        return crypto_failed(DW_ERR_NO_MEMORY);
    for (size_t i = 0; i < N_COMPONENTS; i++) {
        const struct dw_str part = key_part_value(parts, COMPONENTS[i].offset);
        if (dw_str_is_absent(part))
            continue;
        if (!is_minimal(part))
            return DW_ERR_KEY_MALFORMED;
        numbers->of[i] = BN_bin2bn((const unsigned char *)part.ptr, (int)part.len, NULL);
        if (numbers->of[i] == NULL)
            return crypto_failed(DW_ERR_NO_MEMORY);
        if (COMPONENTS[i].is_private)
            BN_set_flags(numbers->of[i], BN_FLG_CONSTTIME);
    }
    return DW_OK;
}

static enum dw_err check_public(const BIGNUM *n, const BIGNUM *e)
{
    if (n == NULL || e == NULL || BN_num_bits(n) > KEY_RSA_MAX_BITS || !BN_is_odd(n))
        return DW_ERR_KEY_MALFORMED;
    if (BN_num_bits(n) < KEY_RSA_MIN_BITS)
        return DW_ERR_KEY_TOO_WEAK;
    if (!BN_is_odd(e) || BN_num_bits(e) > EXPONENT_MAX_BITS)
        return DW_ERR_KEY_MALFORMED;
    return BN_is_one(e) ? DW_ERR_KEY_TOO_WEAK : DW_OK;
}

/* Whether a·b ≡ 1 modulo m - minus (0 or 1). */
static bool is_inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BN_ULONG minus, BN_CTX *scratch)
{
    _cleanup_bn_ BIGNUM *modulus = BN_dup(m), *product = BN_new();

    return modulus != NULL && product != NULL && BN_sub_word(modulus, minus) == 1 && !BN_is_zero(modulus) &&
           BN_mod_mul(product, a, b, modulus, scratch) == 1 && BN_is_one(product);
}

/* Whether part ≡ d modulo prime - 1. */
static bool is_reduced(const BIGNUM *part, const BIGNUM *d, const BIGNUM *prime, BN_CTX *scratch)
{
    _cleanup_bn_ BIGNUM *modulus = BN_dup(prime), *rest = BN_new();

    return modulus != NULL && rest != NULL && BN_sub_word(modulus, 1) == 1 && !BN_is_zero(modulus) &&
           BN_nnmod(rest, d, modulus, scratch) == 1 && BN_cmp(rest, part) == 0;
}

static bool is_product(const BIGNUM *n, const BIGNUM *p, const BIGNUM *q, BN_CTX *scratch)
{
    _cleanup_bn_ BIGNUM *product = BN_new();

    return product != NULL && BN_is_odd(p) && BN_is_odd(q) && !BN_is_one(p) && !BN_is_one(q) &&
           BN_mul(product, p, q, scratch) == 1 && BN_cmp(product, n) == 0;
}

/* RFC 7518 §6.3.2: all of the primes' members or none; RFC 8017 §3.2 says how they hang together. */
static enum dw_err check_private(const struct numbers *numbers)
{
    BIGNUM *const *of = numbers->of;
    size_t present = 0;

    for (size_t i = P; i <= QI; i++)
        present += of[i] != NULL;
    if (of[D] == NULL || present == 0)
        return present == 0 ? DW_OK : DW_ERR_KEY_MALFORMED;
    if (present != QI - P + 1 || BN_cmp(of[D], of[N]) >= 0)
        return DW_ERR_KEY_MALFORMED;
    BN_CTX *scratch = numbers->scratch;
    const bool fits = is_product(of[N], of[P], of[Q], scratch) && is_reduced(of[DP], of[D], of[P], scratch) &&
                      is_reduced(of[DQ], of[D], of[Q], scratch) && is_inverse(of[DP], of[E], of[P], 1, scratch) &&
                      is_inverse(of[DQ], of[E], of[Q], 1, scratch) && is_inverse(of[QI], of[Q], of[P], 0, scratch);
    return fits ? DW_OK : crypto_failed(DW_ERR_KEY_MALFORMED);
}

enum dw_err key_rsa_make(const struct key_parts *parts, EVP_PKEY **ret_pkey)
{
    _cleanup_(numbers_free) struct numbers numbers = { 0 };

    TRY(numbers_read(parts, &numbers));
    TRY(check_public(numbers.of[N], numbers.of[E]));
    TRY(check_private(&numbers));
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    bool pushed = builder != NULL;
    for (size_t i = 0; pushed && i < N_COMPONENTS; i++)
        pushed = numbers.of[i] == NULL || OSSL_PARAM_BLD_push_BN(builder, COMPONENTS[i].name, numbers.of[i]) == 1;
    OSSL_PARAM *params = pushed ? OSSL_PARAM_BLD_to_param(builder) : NULL;
    enum dw_err err = key_from_params("RSA", numbers.of[D] != NULL, params, ret_pkey);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return err;
}

static enum dw_err part_get(const EVP_PKEY *pkey, const char *name, struct dw_arena *arena, struct dw_str *ret_part)
{
    _cleanup_bn_ BIGNUM *number = NULL;

    if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1)
        return crypto_failed(DW_ERR_KEY_MALFORMED);
    const size_t size = (size_t)BN_num_bytes(number);
    unsigned char *bytes = dw_arena_alloc(arena, MAX_OF(size, 1u));
    if (bytes == NULL)
        return DW_ERR_NO_MEMORY;
    BN_bn2bin(number, bytes);
    *ret_part = dw_str_n(bytes, size);
    return DW_OK;
}

static bool has_number(const EVP_PKEY *pkey, const char *name)
{
    _cleanup_bn_ BIGNUM *number = NULL;
    const bool has = EVP_PKEY_get_bn_param(pkey, name, &number) == 1;

    ERR_clear_error();
    return has;
}

enum dw_err key_rsa_parts(const EVP_PKEY *pkey, bool with_private, struct dw_arena *arena, struct key_parts *ret_parts)
{
    struct key_parts parts = { .type = KEY_RSA };
    /* A key of more than two primes (RFC 8017 §3.2) is read by its n, e and d alone. */
    const bool has_primes = has_number(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1) &&
                            !has_number(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3);
    const size_t end = !with_private ? D : has_primes ? N_COMPONENTS : P;

    for (size_t i = 0; i < end; i++)
        TRY(part_get(pkey, COMPONENTS[i].name, arena, key_part(&parts, COMPONENTS[i].offset)));
    *ret_parts = parts;
    return DW_OK;
}
