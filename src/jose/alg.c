#include "jose/alg.h"

/* kty and crypto's own key types are the same four. */
_Static_assert((int)DW_KTY_OCT == (int)KEY_HMAC && (int)DW_KTY_RSA == (int)KEY_RSA && (int)DW_KTY_EC == (int)KEY_EC &&
                   (int)DW_KTY_OKP == (int)KEY_ED25519,
               "enum dw_kty and enum key_type differ");

#define ALG_ROW(symbol, jose_name, jose_kty, hash, bits)                                                               \
    [symbol] = { .name = (jose_name),                                                                                  \
                 .kty = (jose_kty),                                                                                    \
                 .key_bits = (bits),                                                                                   \
                 .scheme = { (enum key_type)(jose_kty), (hash), (jose_name)[0] == 'P' } },

static const struct alg_info ALGS[DW_ALG_COUNT] = { DW_JWS_ALGORITHMS(ALG_ROW) };

const struct alg_info *alg_info(enum dw_alg alg)
{
    return alg > DW_ALG_NONE_GIVEN && alg < DW_ALG_COUNT ? &ALGS[alg] : NULL;
}

enum dw_alg alg_of_curve(enum dw_kty kty, unsigned bits)
{
    if (kty == DW_KTY_OKP)
        return DW_ALG_EDDSA;
    for (enum dw_alg alg = DW_ALG_NONE_GIVEN + 1; kty == DW_KTY_EC && alg < DW_ALG_COUNT; alg++)
        if (ALGS[alg].kty == DW_KTY_EC && ALGS[alg].key_bits == bits)
            return alg;
    return DW_ALG_NONE_GIVEN;
}

enum dw_alg dw_alg_by_name(struct dw_str name)
{
    for (enum dw_alg alg = DW_ALG_NONE_GIVEN + 1; alg < DW_ALG_COUNT; alg++)
        if (dw_str_eq(name, dw_str(ALGS[alg].name)))
            return alg;
    return DW_ALG_NONE_GIVEN;
}

const char *dw_alg_name(enum dw_alg alg)
{
    const struct alg_info *info = alg_info(alg);

    return info != NULL ? info->name : NULL;
}
