/* JWE as a JSON object: RFC 7516 A.5, several recipients, and objects that are none. */
#include "../check.h"

#include "base/cleanup.h"
#include "rfc_encryption.h"
#include <doorward/jwe.h>

static struct dw_arena *arena;
static struct dw_jwe_key *key;

static int set_up(void **state)
{
    return dw_arena_new(16 * 1024 * 1024, &arena) == DW_OK &&
                   dw_jwe_key_from_jwk(DW_STR(RFC7516_A3_KEY), DW_JWE_A128KW, &key) == DW_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    dw_jwe_key_free(&key);
    dw_arena_free(&arena);
    return 0;
}

static enum dw_err decrypt(struct dw_str json, struct dw_jwe *ret_jwe)
{
    return dw_jwe_decrypt_json(key, DW_JWE_BIT(DW_JWE_A128KW), DW_JWE_ENCS_ALL, json, arena, ret_jwe);
}

static void rfc_object_decrypts(void **state)
{
    struct dw_jwe jwe;

    CHECK_OK(decrypt(DW_STR(RFC7516_A5_JSON), &jwe));
    check_str(DW_STR(RFC7516_A3_PLAIN), jwe.plaintext, "RFC 7516 A.5");
    check_str(DW_STR("{\"enc\":\"A128CBC-HS256\"}"), jwe.header_json, "protected");
}

#define PROTECTED "\"protected\":\"eyJlbmMiOiJBMTI4Q0JDLUhTMjU2In0\""
#define KEY "\"encrypted_key\":\"6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ\""
#define HEADER "\"header\":{\"alg\":\"A128KW\"}"
#define CONTENT                                                                                                        \
    "\"iv\":\"AxY8DCtDaGlsbGljb3RoZQ\",\"ciphertext\":\"KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY\","                     \
    "\"tag\":\"Mz-VPPyU4RlcuYv1IwIvzw\""
#define OTHER "{\"header\":{\"alg\":\"RSA1_5\"},\"encrypted_key\":\"AAAA\"}"
#define OURS "{" HEADER "," KEY "}"

static void objects(void **state)
{
    static const struct {
        const char *json;
        enum dw_err expected;
    } ROWS[] = {
        { "{" PROTECTED "," HEADER "," KEY "," CONTENT "}", DW_OK },
        { "{" PROTECTED "," CONTENT ",\"recipients\":[" OURS "]}", DW_OK },
        { "{" PROTECTED "," CONTENT ",\"recipients\":[" OTHER "," OURS "]}", DW_OK },
        { "{" PROTECTED ",\"unprotected\":{\"alg\":\"A128KW\"}," CONTENT ",\"recipients\":[{" KEY "}]}", DW_OK },
        /* another content key first, which fails, then the right one */
        { "{" PROTECTED "," CONTENT ",\"recipients\":[{" HEADER ",\"encrypted_key\":\"AAAA\"}," OURS "]}", DW_OK },
        { "", DW_ERR_JOSE_MALFORMED },
        { "[]", DW_ERR_JOSE_MALFORMED },
        { "{}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," HEADER "," KEY "," CONTENT "}{}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," PROTECTED "," HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," HEADER "," KEY "," CONTENT ",\"recipients\":[" OURS "]}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," CONTENT ",\"recipients\":[]}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," CONTENT ",\"recipients\":{}}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," CONTENT ",\"recipients\":[7," OURS "]}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," CONTENT ",\"recipients\":[" OTHER "]}", DW_ERR_JOSE_ALGORITHM },
        { "{" HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_MALFORMED }, /* no enc at all */
        { "{\"protected\":7," HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_MALFORMED },
        { "{\"protected\":\"\"," HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED ",\"header\":7," KEY "," CONTENT "}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED ",\"unprotected\":[]," HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," HEADER ",\"encrypted_key\":[]," CONTENT "}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," HEADER "," KEY ",\"iv\":\"AxY8DCtDaGlsbGljb3RoZQ\",\"tag\":\"AAAA\"}",
          DW_ERR_JOSE_MALFORMED },
        /* a name in two headers (RFC 7516 §7.2.1) */
        { "{" PROTECTED ",\"header\":{\"alg\":\"A128KW\",\"enc\":\"A128CBC-HS256\"}," KEY "," CONTENT "}",
          DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED ",\"unprotected\":{\"alg\":\"A128KW\"}," HEADER "," KEY "," CONTENT "}",
          DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED ",\"unprotected\":{\"enc\":\"A128CBC-HS256\"}," HEADER "," KEY "," CONTENT "}",
          DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED ",\"header\":{\"alg\":\"A128KW\",\"crit\":[\"x\"]}," KEY "," CONTENT "}",
          DW_ERR_JOSE_CRITICAL },
        { "{" PROTECTED ",\"unprotected\":{\"zip\":\"DEF\"}," HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_ALGORITHM },
        /* aad was not there when it was encrypted */
        { "{" PROTECTED ",\"aad\":\"AAAA\"," HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_DECRYPTION },
        { "{" PROTECTED ",\"aad\":\"A\"," HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED ",\"aad\":7," HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_MALFORMED },
        { "{" PROTECTED "," HEADER "," CONTENT "}", DW_ERR_JOSE_DECRYPTION },
        { "{" PROTECTED "," HEADER "," KEY ",\"ciphertext\":\"KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY\"}",
          DW_ERR_JOSE_DECRYPTION },
        { "{\"unprotected\":{\"enc\":\"A128CBC-HS256\"}," HEADER "," KEY "," CONTENT "}", DW_ERR_JOSE_DECRYPTION },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_jwe jwe = { 0 };
        check_err(ROWS[i].expected, decrypt(dw_str(ROWS[i].json), &jwe), ROWS[i].json);
        if (ROWS[i].expected == DW_OK)
            check_str(DW_STR(RFC7516_A3_PLAIN), jwe.plaintext, ROWS[i].json);
        else
            assert_null(jwe.plaintext.ptr);
    }
}

/* Each recipient may cost a private-key operation. */
static void recipients_are_limited(void **state)
{
    struct dw_str list = DW_STR(OURS);
    struct dw_jwe jwe;

    for (unsigned n = 1; n <= DW_JWE_RECIPIENTS_MAX + 1; n++) {
        const struct dw_str json =
            dw_arena_printf(arena, "{" PROTECTED "," CONTENT ",\"recipients\":[%.*s]}", (int)list.len, list.ptr);
        CHECK_ERR(n <= DW_JWE_RECIPIENTS_MAX ? DW_OK : DW_ERR_JOSE_MALFORMED, decrypt(json, &jwe));
        list = dw_arena_printf(arena, OTHER ",%.*s", (int)list.len, list.ptr);
    }
}

/* Each name of one header is looked for in the others. */
static void names_in_headers_are_limited(void **state)
{
    enum { MOST = 256 };
    struct dw_str names = DW_STR("\"n0\":0");
    struct dw_jwe jwe;

    for (unsigned n = 2; n <= MOST + 1; n++) {
        names = dw_arena_printf(arena, "%.*s,\"n%u\":0", (int)names.len, names.ptr, n);
        if (n < MOST)
            continue;
        const struct dw_str json = dw_arena_printf(arena, "{" PROTECTED ",\"unprotected\":{%.*s}," HEADER "," KEY ","
                                                   CONTENT "}", (int)names.len, names.ptr);
        CHECK_ERR(n <= MOST ? DW_OK : DW_ERR_JOSE_MALFORMED, decrypt(json, &jwe));
    }
}

static void misuse(void **state)
{
    char *big = dw_arena_alloc(arena, DW_JWE_MAX_BYTES + 1);
    struct dw_jwe jwe;

    CHECK_ERR(DW_ERR_TOKEN_TOO_LARGE, decrypt(dw_str_n(big, DW_JWE_MAX_BYTES + 1), &jwe));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, decrypt(dw_str(NULL), &jwe));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_decrypt_json(NULL, 2, 2, DW_STR("{}"), arena, &jwe));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_decrypt_json(key, 2, 2, DW_STR("{}"), NULL, &jwe));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jwe_decrypt_json(key, 2, 2, DW_STR("{}"), arena, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_object_decrypts),
        cmocka_unit_test(objects),
        cmocka_unit_test(recipients_are_limited),
        cmocka_unit_test(names_in_headers_are_limited),
        cmocka_unit_test(misuse),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
