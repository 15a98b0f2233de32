/*
 * Any bytes as a JWS in JSON, verified; and as the two headers (a line each) and the payload (the rest) of one that is
 * signed here: what was signed verifies, in every form, and gives the payload back.
 */
#include "fuzz.h"

#include <doorward/jws_json.h>

static const char KEY[] = "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4"
                          "hcgUuTwjAzZr1Z9CAow\"}";

static void check_object(const struct dw_key *key, struct dw_str json, struct dw_arena *arena)
{
    const struct dw_jws_json_rules strict = { .algs = DW_ALG_SET_ALL },
                                   lax = { .algs = DW_ALG_BIT(DW_ALG_HS256), .unprotected_alg = true },
                                   apart = { .algs = DW_ALG_SET_ALL, .payload = DW_STR("{}") };
    struct dw_jws jws;

    if (dw_jws_verify_json_key(key, &strict, json, arena, &jws) == DW_OK) {
        CLAIM(jws.alg == DW_ALG_HS256 && jws.key == key && !dw_str_is_absent(jws.header_json));
        CLAIM(dw_jws_verify_json_key(key, &apart, json, arena, &jws) != DW_OK);
    }
    if (dw_jws_verify_json_key(key, &lax, json, arena, &jws) == DW_OK)
        CLAIM(jws.alg == DW_ALG_HS256);
}

static void check_detached(const struct dw_key *key, struct dw_str header, struct dw_str payload,
                           struct dw_arena *arena)
{
    struct dw_str token;
    struct dw_jws jws;

    (void)(dw_jws_verify_detached_key(key, DW_ALG_SET_ALL, header, payload, arena, &jws) == DW_OK);
    if (dw_jws_sign_detached(key, header, payload, arena, &token) != DW_OK)
        return;
    CLAIM(dw_jws_verify_detached_key(key, DW_ALG_SET_ALL, token, payload, arena, &jws) == DW_OK);
    CLAIM(dw_str_eq(jws.header_json, header));
    CLAIM(dw_jws_verify_detached_key(key, DW_ALG_SET_ALL, token, DW_STR("of another"), arena, &jws) != DW_OK ||
          dw_str_eq(payload, DW_STR("of another")));
}

static void check_signed(const struct dw_key *key, struct dw_str protected_json, struct dw_str header,
                         struct dw_str payload, struct dw_arena *arena)
{
    const struct dw_jws_json_rules rules = { .algs = DW_ALG_SET_ALL };
    const struct dw_jws_signer signers[] = { { key, protected_json, header }, { key, protected_json, { NULL, 0 } } };
    struct dw_str json;
    struct dw_jws jws;

    for (size_t n = 1; n <= ARRAY_SIZE(signers); n++) {
        if (dw_jws_sign_json(signers, n, payload, arena, &json) != DW_OK)
            continue;
        CLAIM(dw_jws_verify_json_key(key, &rules, json, arena, &jws) == DW_OK);
        CLAIM(dw_str_eq(jws.payload, payload) && dw_str_eq(jws.header_json, protected_json));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_key *key;
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str rest = dw_str_n(data, size), protected_json = DW_STR(""), header = { NULL, 0 };

    if (key == NULL)
        CLAIM(dw_key_from_jwk(dw_str(KEY), DW_ALG_HS256, &key) == DW_OK);
    if (dw_arena_new(16 << 20, &arena) != DW_OK)
        return 0;
    check_object(key, rest, arena);
    if (!fuzz_line(&rest, &protected_json) || !fuzz_line(&rest, &header) || dw_str_is_absent(rest))
        return 0;
    check_detached(key, protected_json, rest, arena);
    check_signed(key, protected_json, header.len > 0 ? header : dw_str_n(NULL, 0), rest, arena);
    return 0;
}
