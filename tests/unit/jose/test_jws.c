/* Compact JWS: the RFCs' own examples, and tables of bad headers and bad writings. */
#include "../check.h"

#include "forge.h"
#include "rfc_keys.h"

#define RFC7515_CLAIMS "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

static struct dw_arena *arena;
static struct dw_key *hs, *es;

static int set_up(void **state)
{
    if (dw_arena_new(4 * 1024 * 1024, &arena) != DW_OK || dw_key_generate(DW_ALG_HS256, 0, &hs) != DW_OK ||
        dw_key_generate(DW_ALG_ES256, 0, &es) != DW_OK || dw_key_set_id(es, DW_STR("k1")) != DW_OK)
        return -1;
    return 0;
}

static int tear_down(void **state)
{
    dw_key_free(&hs);
    dw_key_free(&es);
    dw_arena_free(&arena);
    return 0;
}

static void rfc_tokens_verify(void **state)
{
    static const struct {
        const char *label, *key, *token, *payload;
        enum dw_alg alg;
    } ROWS[] = {
        { "RFC 7515 A.1", RFC7515_A1_KEY, RFC7515_A1_TOKEN, NULL, DW_ALG_HS256 },
        { "RFC 7515 A.2", RFC7515_A2_KEY, RFC7515_A2_TOKEN, NULL, DW_ALG_RS256 },
        { "RFC 7515 A.3", RFC7515_A3_KEY, RFC7515_A3_TOKEN, NULL, DW_ALG_ES256 },
        { "RFC 7515 A.4", RFC7515_A4_KEY, RFC7515_A4_TOKEN, "Payload", DW_ALG_ES512 },
        { "RFC 8037 A.4", RFC8037_KEY, RFC8037_TOKEN, "Example of Ed25519 signing", DW_ALG_EDDSA },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_key_free) struct dw_key *key = NULL;
        struct dw_jws jws;
        check_err(DW_OK, dw_key_from_jwk(dw_str(ROWS[i].key), DW_ALG_NONE_GIVEN, &key), ROWS[i].label);
        for (int round = 0; round < 2; round++) { /* the second finds the header remembered */
            check_err(DW_OK, dw_jws_verify_key(key, DW_ALG_BIT(ROWS[i].alg), dw_str(ROWS[i].token), arena, &jws),
                      ROWS[i].label);
            assert_int_equal(jws.alg, ROWS[i].alg);
            assert_ptr_equal(jws.key, key);
            check_str(dw_str(ROWS[i].payload != NULL ? ROWS[i].payload : RFC7515_CLAIMS), jws.payload, ROWS[i].label);
            assert_true(dw_str_starts_with(jws.header_json, DW_STR("{\"")));
        }
        check_err(DW_ERR_JOSE_ALGORITHM,
                  dw_jws_verify_key(key, DW_ALG_SET_ALL & ~DW_ALG_BIT(ROWS[i].alg), dw_str(ROWS[i].token), arena, &jws),
                  ROWS[i].label);
    }
}

/* Deterministic ones come out byte for byte. */
static void rfc_tokens_are_made(void **state)
{
    _cleanup_(dw_key_free) struct dw_key *a1 = NULL, *ed = NULL;
    struct dw_str token;

    CHECK_OK(dw_key_from_jwk(DW_STR(RFC7515_A1_KEY), DW_ALG_HS256, &a1));
    CHECK_OK(dw_jws_sign(a1, DW_STR("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}"), DW_STR(RFC7515_CLAIMS), arena,
                         &token));
    check_str(DW_STR(RFC7515_A1_TOKEN), token, "RFC 7515 A.1");
    CHECK_OK(dw_key_from_jwk(DW_STR(RFC8037_KEY), DW_ALG_NONE_GIVEN, &ed));
    CHECK_OK(dw_jws_sign(ed, DW_STR("{\"alg\":\"EdDSA\"}"), DW_STR("Example of Ed25519 signing"), arena, &token));
    check_str(DW_STR(RFC8037_TOKEN), token, "RFC 8037 A.4");
}

static void headers(void **state)
{
    static const struct {
        const char *header;
        enum dw_err expected;
    } ROWS[] = {
        { "{\"alg\":\"HS256\"}", DW_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"any\"}", DW_OK },
        { " { \"alg\" : \"HS256\" } ", DW_OK },
        { "{\"alg\":\"HS256\",\"jku\":\"https://evil.example/jwks\",\"x5u\":\"https://evil.example/c\"}", DW_OK },
        { "{\"alg\":\"HS256\",\"b64\":true}", DW_OK },
        { "", DW_ERR_JOSE_MALFORMED },
        { "{", DW_ERR_JOSE_MALFORMED },
        { "[]", DW_ERR_JOSE_MALFORMED },
        { "\"HS256\"", DW_ERR_JOSE_MALFORMED },
        { "null", DW_ERR_JOSE_MALFORMED },
        { "{}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\"}{}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\",}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\",\"alg\":\"HS256\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":[\"HS256\"]}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":null}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":256}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\",\"kid\":7}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\",\"typ\":[]}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\",\"x\":[[[[[[[[[[1]]]]]]]]]]}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\",\"x\":\"\xff\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"none\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"None\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"nOnE\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"hs256\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS256 \"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS256\\u0000\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS384\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"ES256\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"A256GCMKW\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"crit\":[]}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"crit\":null}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"b64\":false}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"b64\":\"false\"}", DW_ERR_JOSE_CRITICAL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_str token = forge(hs, DW_ALG_HS256, dw_str(ROWS[i].header), DW_STR("{}"), arena);
        struct dw_jws jws;
        for (int round = 0; round < 2; round++)
            check_err(ROWS[i].expected, dw_jws_verify_key(hs, DW_ALG_SET_ALL, token, arena, &jws), ROWS[i].header);
    }
}

/* One right token, written wrongly. */
static void writings(void **state)
{
    const struct dw_str good = forge(hs, DW_ALG_HS256, DW_STR("{\"alg\":\"HS256\"}"), DW_STR("{\"a\":1}"), arena);
    const char *first = memchr(good.ptr, '.', good.len), *last = memrchr(good.ptr, '.', good.len);
    const int head = (int)(first - good.ptr), body = (int)(last - first - 1);
    const int tail = (int)(good.ptr + good.len - last - 1);
    static const struct {
        const char *label, *format; /* of header, payload, signature */
        enum dw_err expected;
    } ROWS[] = {
        { "as it was", "%.*s.%.*s.%.*s", DW_OK },
        { "blank in front", " %.*s.%.*s.%.*s", DW_ERR_JOSE_MALFORMED },
        { "line break at the end", "%.*s.%.*s.%.*s\n", DW_ERR_JOSE_MALFORMED },
        { "header padded", "%.*s=.%.*s.%.*s", DW_ERR_JOSE_MALFORMED },
        { "payload padded", "%.*s.%.*s=.%.*s", DW_ERR_JOSE_SIGNATURE },
        { "signature padded", "%.*s.%.*s.%.*s=", DW_ERR_JOSE_MALFORMED },
        { "a fourth part", "%.*s.%.*s.%.*s.", DW_ERR_JOSE_MALFORMED },
        { "five parts", "%.*s.%.*s.%.*s.e30.e30", DW_ERR_JOSE_MALFORMED },
        { "two dots in a row", "%.*s..%.*s.%.*s", DW_ERR_JOSE_MALFORMED },
        { "dot in front", ".%.*s.%.*s.%.*s", DW_ERR_JOSE_MALFORMED },
    };
    struct dw_jws jws;

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        const struct dw_str token =
            dw_arena_printf(arena, ROWS[i].format, head, good.ptr, body, first + 1, tail, last + 1);
#pragma GCC diagnostic pop
        check_err(ROWS[i].expected, dw_jws_verify_key(hs, DW_ALG_SET_ALL, token, arena, &jws), ROWS[i].label);
    }
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, dw_jws_verify_key(hs, DW_ALG_SET_ALL, DW_STR(""), arena, &jws));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, dw_jws_verify_key(hs, DW_ALG_SET_ALL, dw_str(NULL), arena, &jws));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, dw_jws_verify_key(hs, DW_ALG_SET_ALL, DW_STR(".."), arena, &jws));
    for (size_t cut = 1; cut < good.len; cut++)
        assert_int_not_equal(dw_jws_verify_key(hs, DW_ALG_SET_ALL, dw_str_n(good.ptr, cut), arena, &jws), DW_OK);
}

/* A right MAC over a payload that is no strict base64url (Wycheproof's json_web_signature 375). */
static void a_signed_bad_payload_is_refused(void **state)
{
    const struct dw_str message = DW_STR("eyJhbGciOiJIUzI1NiJ9.AB");
    struct dw_str signature;
    struct dw_jws jws;

    CHECK_OK(dw_sign(hs, DW_ALG_HS256, message, arena, &signature));
    const struct dw_str tail = base64url_encode_arena(arena, signature);
    const struct dw_str token = dw_arena_printf(arena, "%s.%s", message.ptr, tail.ptr);
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, dw_jws_verify_key(hs, DW_ALG_SET_ALL, token, arena, &jws));
}

static void the_key_decides_not_the_header(void **state)
{
    _cleanup_(dw_key_free) struct dw_key *confused = NULL;
    struct dw_str public_json, token;
    struct dw_jws jws;

    /* HS256 keyed with the public key's text (RFC 8725 §2.1). */
    CHECK_OK(dw_key_public_jwk(es, arena, &public_json));
    const struct dw_secret octets = { (unsigned char *)public_json.ptr, public_json.len };
    CHECK_OK(dw_key_from_octets(&octets, DW_ALG_HS256, &confused));
    token = forge(confused, DW_ALG_HS256, DW_STR("{\"alg\":\"HS256\",\"kid\":\"k1\"}"), DW_STR("{}"), arena);
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jws_verify_key(es, DW_ALG_SET_ALL, token, arena, &jws));
    /* Another kid than the key was given. */
    token = forge(es, DW_ALG_ES256, DW_STR("{\"alg\":\"ES256\",\"kid\":\"k2\"}"), DW_STR("{}"), arena);
    CHECK_ERR(DW_ERR_JOSE_NO_KEY, dw_jws_verify_key(es, DW_ALG_SET_ALL, token, arena, &jws));
    token = forge(es, DW_ALG_ES256, DW_STR("{\"alg\":\"ES256\",\"kid\":\"k1\"}"), DW_STR("{}"), arena);
    CHECK_OK(dw_jws_verify_key(es, DW_ALG_SET_ALL, token, arena, &jws));
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jws_verify_key(es, 0, token, arena, &jws));
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jws_verify_key(es, 1, token, arena, &jws)); /* bit 0 is no algorithm */
}

static void an_embedded_key_is_not_followed(void **state)
{
    _cleanup_(dw_key_free) struct dw_key *evil = NULL;
    struct dw_str evil_json;
    struct dw_jws jws;

    CHECK_OK(dw_key_generate(DW_ALG_ES256, 0, &evil));
    CHECK_OK(dw_key_public_jwk(evil, arena, &evil_json));
    const struct dw_str header = dw_arena_printf(arena, "{\"alg\":\"ES256\",\"jwk\":%s}", evil_json.ptr);
    const struct dw_str token = forge(evil, DW_ALG_ES256, header, DW_STR("{}"), arena);
    CHECK_ERR(DW_ERR_JOSE_SIGNATURE, dw_jws_verify_key(es, DW_ALG_SET_ALL, token, arena, &jws));
}

static void size_limits(void **state)
{
    char *big = dw_arena_alloc(arena, DW_TOKEN_MAX_BYTES + 2);
    struct dw_jws jws;

    memset(big, 'A', DW_TOKEN_MAX_BYTES + 1);
    big[20] = big[40] = '.';
    CHECK_ERR(DW_ERR_TOKEN_TOO_LARGE,
              dw_jws_verify_key(hs, DW_ALG_SET_ALL, dw_str_n(big, DW_TOKEN_MAX_BYTES + 1), arena, &jws));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED,
              dw_jws_verify_key(hs, DW_ALG_SET_ALL, dw_str_n(big, DW_TOKEN_MAX_BYTES), arena, &jws));
    /* A signature longer than any. */
    memset(big, 'A', DW_TOKEN_MAX_BYTES);
    memcpy(big, "eyJhbGciOiJIUzI1NiJ9.e30.", 25);
    CHECK_ERR(DW_ERR_JOSE_SIGNATURE,
              dw_jws_verify_key(hs, DW_ALG_SET_ALL, dw_str_n(big, 25 + 4000), arena, &jws));
}

static void signing_refuses_what_would_not_verify(void **state)
{
    static const struct {
        const char *header;
        enum dw_err expected;
    } ROWS[] = {
        { "{\"alg\":\"none\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS384\"}", DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS256\",\"crit\":[\"x\"]}", DW_ERR_JOSE_CRITICAL },
        { "{\"typ\":\"JWT\"}", DW_ERR_JOSE_MALFORMED },
        { "not JSON", DW_ERR_JOSE_MALFORMED },
    };
    struct dw_str token;

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_err(ROWS[i].expected, dw_jws_sign(hs, dw_str(ROWS[i].header), DW_STR("x"), arena, &token),
                  ROWS[i].header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_tokens_verify),
        cmocka_unit_test(rfc_tokens_are_made),
        cmocka_unit_test(headers),
        cmocka_unit_test(writings),
        cmocka_unit_test(a_signed_bad_payload_is_refused),
        cmocka_unit_test(the_key_decides_not_the_header),
        cmocka_unit_test(an_embedded_key_is_not_followed),
        cmocka_unit_test(size_limits),
        cmocka_unit_test(signing_refuses_what_would_not_verify),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
