#include "jose/jwe_alg.h"

static const struct jwe_alg_info ALGS[DW_JWE_ALG_COUNT] = {
    [DW_JWE_DIR] = { "dir", JWE_DIRECT, 0 },
    [DW_JWE_A128KW] = { "A128KW", JWE_KEY_WRAP, 128 },
    [DW_JWE_A192KW] = { "A192KW", JWE_KEY_WRAP, 192 },
    [DW_JWE_A256KW] = { "A256KW", JWE_KEY_WRAP, 256 },
    [DW_JWE_A128GCMKW] = { "A128GCMKW", JWE_GCM_WRAP, 128 },
    [DW_JWE_A192GCMKW] = { "A192GCMKW", JWE_GCM_WRAP, 192 },
    [DW_JWE_A256GCMKW] = { "A256GCMKW", JWE_GCM_WRAP, 256 },
    [DW_JWE_RSA_OAEP] = { "RSA-OAEP", JWE_OAEP, 160 },
    [DW_JWE_RSA_OAEP_256] = { "RSA-OAEP-256", JWE_OAEP, 256 },
    [DW_JWE_ECDH_ES] = { "ECDH-ES", JWE_AGREEMENT, 0 },
    [DW_JWE_ECDH_ES_A128KW] = { "ECDH-ES+A128KW", JWE_AGREEMENT, 128 },
    [DW_JWE_ECDH_ES_A192KW] = { "ECDH-ES+A192KW", JWE_AGREEMENT, 192 },
    [DW_JWE_ECDH_ES_A256KW] = { "ECDH-ES+A256KW", JWE_AGREEMENT, 256 },
};

static const struct jwe_enc_info ENCS[DW_JWE_ENC_COUNT] = {
    [DW_JWE_A128GCM] = { "A128GCM", { true, 128 } },
    [DW_JWE_A192GCM] = { "A192GCM", { true, 192 } },
    [DW_JWE_A256GCM] = { "A256GCM", { true, 256 } },
    [DW_JWE_A128CBC_HS256] = { "A128CBC-HS256", { false, 256 } },
    [DW_JWE_A192CBC_HS384] = { "A192CBC-HS384", { false, 384 } },
    [DW_JWE_A256CBC_HS512] = { "A256CBC-HS512", { false, 512 } },
};

const struct jwe_alg_info *jwe_alg_info(enum dw_jwe_alg alg)
{
    return alg > DW_JWE_ALG_NONE_GIVEN && alg < DW_JWE_ALG_COUNT ? &ALGS[alg] : NULL;
}

const struct jwe_enc_info *jwe_enc_info(enum dw_jwe_enc enc)
{
    return enc > DW_JWE_ENC_NONE_GIVEN && enc < DW_JWE_ENC_COUNT ? &ENCS[enc] : NULL;
}

enum dw_jwe_alg dw_jwe_alg_by_name(struct dw_str name)
{
    for (enum dw_jwe_alg alg = DW_JWE_ALG_NONE_GIVEN + 1; alg < DW_JWE_ALG_COUNT; alg++)
        if (dw_str_eq(name, dw_str(ALGS[alg].name)))
            return alg;
    return DW_JWE_ALG_NONE_GIVEN;
}

enum dw_jwe_enc dw_jwe_enc_by_name(struct dw_str name)
{
    for (enum dw_jwe_enc enc = DW_JWE_ENC_NONE_GIVEN + 1; enc < DW_JWE_ENC_COUNT; enc++)
        if (dw_str_eq(name, dw_str(ENCS[enc].name)))
            return enc;
    return DW_JWE_ENC_NONE_GIVEN;
}

const char *dw_jwe_alg_name(enum dw_jwe_alg alg)
{
    const struct jwe_alg_info *info = jwe_alg_info(alg);

    return info != NULL ? info->name : NULL;
}

const char *dw_jwe_enc_name(enum dw_jwe_enc enc)
{
    const struct jwe_enc_info *info = jwe_enc_info(enc);

    return info != NULL ? info->name : NULL;
}
