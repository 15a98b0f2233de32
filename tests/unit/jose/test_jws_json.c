/* JWS as JSON and apart from its payload: RFC 7515 A.6 and A.7, RFC 7797 §4.2, and tables of what is refused. */
#include "../check.h"

#include "base/encoding.h"
#include "rfc_keys.h"
#include <doorward/jws_json.h>

#define B64_HEADER "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}"
#define RFC7797_HEADER "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19"
#define RFC7797_SIGNATURE "A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY"

static struct dw_arena *arena;
static struct dw_key *hs, *es, *ed;

static int set_up(void **state)
{
    const bool done = dw_arena_new(64 * 1024 * 1024, &arena) == DW_OK &&
                      dw_key_from_jwk(DW_STR(RFC7515_A1_KEY), DW_ALG_HS256, &hs) == DW_OK &&
                      dw_key_from_jwk(DW_STR(RFC7515_A3_KEY), DW_ALG_ES256, &es) == DW_OK &&
                      dw_key_from_jwk(DW_STR(RFC8037_KEY), DW_ALG_EDDSA, &ed) == DW_OK;
    return done ? 0 : -1;
}

static int tear_down(void **state)
{
    dw_key_free(&hs);
    dw_key_free(&es);
    dw_key_free(&ed);
    dw_arena_free(&arena);
    return 0;
}

static enum dw_err verify(const struct dw_key *key, dw_alg_set algs, struct dw_str json, struct dw_jws *ret_jws)
{
    const struct dw_jws_json_rules rules = { .algs = algs };

    return dw_jws_verify_json_key(key, &rules, json, arena, ret_jws);
}

/* Segment n of a compact token. */
static struct dw_str segment(const char *token, int n)
{
    for (; n > 0; n--)
        token = strchr(token, '.') + 1;
    return dw_str_n(token, strcspn(token, "."));
}

/* RFC 7515 A.6 is made of the signatures of A.2 and A.3. */
static struct dw_str rfc_general(void)
{
    const struct dw_str rsa = segment(RFC7515_A2_TOKEN, 2), ec = segment(RFC7515_A3_TOKEN, 2),
                        payload = segment(RFC7515_A2_TOKEN, 1);

    return dw_arena_printf(arena,
                           "{\"payload\":\"%.*s\",\"signatures\":["
                           "{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"header\":{\"kid\":\"2010-12-29\"},"
                           "\"signature\":\"%.*s\"},"
                           "{\"protected\":\"eyJhbGciOiJFUzI1NiJ9\","
                           "\"header\":{\"kid\":\"e9bc097a-ce51-4036-9562-d2ade882db0d\"},\"signature\":\"%.*s\"}]}",
                           (int)payload.len, payload.ptr, (int)rsa.len, rsa.ptr, (int)ec.len, ec.ptr);
}

static void rfc_objects_verify(void **state)
{
    _cleanup_(dw_key_free) struct dw_key *rsa = NULL, *named = NULL;
    const struct dw_str json = rfc_general(), ec = segment(RFC7515_A3_TOKEN, 2);
    const struct dw_str payload = segment(RFC7515_A3_TOKEN, 1);
    struct dw_jws jws;

    CHECK_OK(dw_key_from_jwk(DW_STR(RFC7515_A2_KEY), DW_ALG_RS256, &rsa));
    CHECK_OK(verify(rsa, DW_ALG_SET_ALL, json, &jws));
    assert_int_equal(jws.alg, DW_ALG_RS256);
    CHECK_OK(verify(es, DW_ALG_SET_ALL, json, &jws));
    assert_int_equal(jws.alg, DW_ALG_ES256);
    assert_ptr_equal(jws.key, es);
    check_str(DW_STR("{\"alg\":\"ES256\"}"), jws.header_json, "protected");
    assert_true(dw_str_starts_with(jws.payload, DW_STR("{\"iss\":\"joe\"")));
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM, verify(ed, DW_ALG_SET_ALL, json, &jws));
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM, verify(es, DW_ALG_BIT(DW_ALG_EDDSA), json, &jws));
    /* The other's kid is not ours. */
    CHECK_OK(dw_key_from_jwk(DW_STR(RFC7515_A3_KEY), DW_ALG_ES256, &named));
    CHECK_OK(dw_key_set_id(named, DW_STR("2010-12-29")));
    assert_int_not_equal(verify(named, DW_ALG_BIT(DW_ALG_ES256), json, &jws), DW_OK);
    /* A.7 */
    const struct dw_str flat = dw_arena_printf(
        arena, "{\"payload\":\"%.*s\",\"protected\":\"eyJhbGciOiJFUzI1NiJ9\",\"header\":{\"kid\":\"e9bc\"},"
               "\"signature\":\"%.*s\"}",
        (int)payload.len, payload.ptr, (int)ec.len, ec.ptr);
    CHECK_OK(verify(es, DW_ALG_BIT(DW_ALG_ES256), flat, &jws));
}

static void sets_of_keys(void **state)
{
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL, *mixed = NULL;
    const struct dw_jws_json_rules rules = { .algs = DW_ALG_SET_ALL };
    struct dw_key *key = NULL;
    struct dw_jws jws;

    CHECK_OK(dw_keyset_new(&set));
    CHECK_OK(dw_key_from_jwk(DW_STR(RFC7515_A3_KEY), DW_ALG_ES256, &key));
    CHECK_OK(dw_key_set_id(key, DW_STR("e9bc097a-ce51-4036-9562-d2ade882db0d")));
    CHECK_OK(dw_keyset_take(set, key));
    CHECK_OK(dw_jws_verify_json(set, &rules, rfc_general(), arena, &jws));
    CHECK_OK(dw_keyset_new(&mixed));
    CHECK_OK(dw_key_generate(DW_ALG_HS256, 0, &key));
    CHECK_OK(dw_keyset_take(mixed, key));
    CHECK_OK(dw_key_generate(DW_ALG_ES256, 0, &key));
    CHECK_OK(dw_keyset_take(mixed, key));
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jws_verify_json(mixed, &rules, rfc_general(), arena, &jws));
}

/* The signature of `hs` over a protected header and a payload as they are written. */
static struct dw_str sign_text(struct dw_str protected_text, const char *payload_text)
{
    const struct dw_str input =
        dw_arena_printf(arena, "%.*s.%s", (int)protected_text.len, protected_text.ptr, payload_text);
    struct dw_str signature;

    CHECK_OK(dw_sign(hs, DW_ALG_HS256, input, arena, &signature));
    return base64url_encode_arena(arena, signature);
}

/* One signature of an object: its headers as they may come, rightly signed. */
static void signatures(void **state)
{
    static const struct {
        const char *protected_json, *header; /* NULL: no such member */
        enum dw_err expected;
    } ROWS[] = {
        { "{\"alg\":\"HS256\"}", NULL, DW_OK },
        { "{\"alg\":\"HS256\"}", "{}", DW_OK },
        { "{\"alg\":\"HS256\"}", "{\"kid\":\"any\",\"jku\":\"https://evil.example\"}", DW_OK },
        { "{\"alg\":\"HS256\",\"kid\":\"any\"}", "{\"x\":1}", DW_OK },
        { "{\"alg\":\"HS256\",\"b64\":true}", NULL, DW_OK },
        { NULL, "{\"alg\":\"HS256\"}", DW_ERR_JOSE_MALFORMED }, /* nothing protects it */
        { "{}", "{\"alg\":\"HS256\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"typ\":\"JOSE\"}", NULL, DW_ERR_JOSE_MALFORMED },
        { NULL, NULL, DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\"}", "{\"alg\":\"HS256\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\"}", "{\"\\u0061lg\":\"none\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\",\"kid\":\"a\"}", "{\"kid\":\"b\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\"}", "{\"kid\":7}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\"}", "[]", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\"}", "null", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\"}", "{\"crit\":[\"b64\"]}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\"}", "{\"b64\":false}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"crit\":[\"b64\"]}", "{\"b64\":false}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"b64\":false}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"b64\":true,\"crit\":[\"b64\"]}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\",\"b64\"]}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\",\"exp\"]}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"b64\":false,\"crit\":\"b64\"}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"b64\":0,\"crit\":[\"b64\"]}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"crit\":[\"b64\"]}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"none\"}", NULL, DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS512\"}", NULL, DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS256\"", NULL, DW_ERR_JOSE_MALFORMED },
        { "[]", NULL, DW_ERR_JOSE_MALFORMED },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_str text = ROWS[i].protected_json != NULL
                                       ? base64url_encode_arena(arena, dw_str(ROWS[i].protected_json))
                                       : DW_STR("");
        const struct dw_str signature = sign_text(text, "e30");
        const struct dw_str members = dw_arena_printf(
            arena, "%s%s\"signature\":\"%s\"",
            text.len > 0 ? dw_arena_printf(arena, "\"protected\":\"%s\",", text.ptr).ptr : "",
            ROWS[i].header != NULL ? dw_arena_printf(arena, "\"header\":%s,", ROWS[i].header).ptr : "", signature.ptr);
        struct dw_jws jws;
        check_err(ROWS[i].expected,
                  verify(hs, DW_ALG_SET_ALL, dw_arena_printf(arena, "{\"payload\":\"e30\",%s}", members.ptr), &jws),
                  members.ptr);
        check_err(ROWS[i].expected,
                  verify(hs, DW_ALG_SET_ALL,
                         dw_arena_printf(arena, "{\"payload\":\"e30\",\"signatures\":[{%s}]}", members.ptr), &jws),
                  members.ptr);
    }
}

/* Objects around one right signature. %s is its members. */
static void objects(void **state)
{
    static const struct {
        const char *format;
        enum dw_err expected;
    } ROWS[] = {
        { "{\"payload\":\"e30\",%s}", DW_OK },
        { "{\"payload\":\"e30\",\"signatures\":[{%s}],\"more\":1}", DW_OK },
        { "{\"payload\":\"e31\",%s}", DW_ERR_JOSE_MALFORMED }, /* spare bits */
        { "{\"payload\":\"e301\",%s}", DW_ERR_JOSE_SIGNATURE },
        { "{\"payload\":\"\",%s}", DW_ERR_JOSE_SIGNATURE },
        { "{\"payload\":7,%s}", DW_ERR_JOSE_MALFORMED },
        { "{\"payload\":\"e30=\",%s}", DW_ERR_JOSE_MALFORMED },
        { "{%s}", DW_ERR_JOSE_MALFORMED },
        { "{\"payload\":\"e30\",\"payload\":\"e30\",%s}", DW_ERR_JOSE_MALFORMED },
        { "{\"payload\":\"e30\",\"signatures\":[{%s}],\"signature\":\"AAAA\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"payload\":\"e30\",\"signatures\":[{%s}],\"protected\":\"e30\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"payload\":\"e30\",\"signatures\":[{%s}],\"header\":{}}", DW_ERR_JOSE_MALFORMED },
        { "{\"payload\":\"e30\",\"signatures\":{%s}}", DW_ERR_JOSE_MALFORMED },
        { "{\"payload\":\"e30\",\"signatures\":[{%s},7]}", DW_ERR_JOSE_MALFORMED },
        { "{\"payload\":\"e30\",\"signatures\":[{%s},{}]}", DW_ERR_JOSE_MALFORMED },
        { "[{\"payload\":\"e30\",%s}]", DW_ERR_JOSE_MALFORMED },
        { "{\"payload\":\"e30\",%s}}", DW_ERR_JOSE_MALFORMED },
        /* one that is not encoded beside one that is (RFC 7797 §3) */
        { "{\"payload\":\"e30\",\"signatures\":[{%s},{\"protected\":\"" RFC7797_HEADER "\",\"signature\":\"AAAA\"}]}",
          DW_ERR_JOSE_MALFORMED },
        /* one that does not match refuses nothing; one that asks for an extension does */
        { "{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"eyJhbGciOiJIUzI1NiJ9\",\"signature\":\"AAAA\"},{%s}]}",
          DW_OK },
        { "{\"payload\":\"e30\",\"signatures\":[{%s},{\"protected\":\"eyJhbGciOiJFUzI1NiIsImNyaXQiOlsieCJdfQ\","
          "\"signature\":\"AAAA\"}]}",
          DW_ERR_JOSE_CRITICAL },
    };
    const struct dw_str text = DW_STR("eyJhbGciOiJIUzI1NiJ9");
    const struct dw_str signature = sign_text(text, "e30");
    const struct dw_str members =
        dw_arena_printf(arena, "\"protected\":\"%s\",\"signature\":\"%s\"", text.ptr, signature.ptr);

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const char *at = strstr(ROWS[i].format, "%s");
        const struct dw_str json = dw_arena_printf(arena, "%.*s%s%s", (int)(at - ROWS[i].format), ROWS[i].format,
                                                   members.ptr, at + 2);
        struct dw_jws jws;
        check_err(ROWS[i].expected, verify(hs, DW_ALG_SET_ALL, json, &jws), json.ptr);
    }
}

/* RFC 7515 §10.7: alg may go unprotected only where it decides nothing. */
static void unprotected_alg(void **state)
{
    const struct dw_str signature = sign_text(DW_STR(""), "e30");
    const struct dw_str json = dw_arena_printf(
        arena, "{\"payload\":\"e30\",\"header\":{\"alg\":\"HS256\"},\"signature\":\"%s\"}", signature.ptr);
    struct dw_jws_json_rules rules = { .algs = DW_ALG_BIT(DW_ALG_HS256), .unprotected_alg = true };
    struct dw_jws jws;

    CHECK_OK(dw_jws_verify_json_key(hs, &rules, json, arena, &jws));
    assert_null(jws.header_json.ptr);
    rules.algs = DW_ALG_BIT(DW_ALG_HS512);
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jws_verify_json_key(hs, &rules, json, arena, &jws));
    rules.algs |= DW_ALG_BIT(DW_ALG_HS256);
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_verify_json_key(hs, &rules, json, arena, &jws));
    rules.algs = 0;
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_verify_json_key(hs, &rules, json, arena, &jws));
    rules = (struct dw_jws_json_rules){ .algs = DW_ALG_BIT(DW_ALG_HS256) };
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, dw_jws_verify_json_key(hs, &rules, json, arena, &jws));
}

static void signed_objects(void **state)
{
    static const char *const PAYLOADS[] = { "", "x", "{\"a\":1}", "line\n\"quoted\" \xc3\xa9" };
    const struct dw_jws_signer both[] = {
        { es, DW_STR("{\"alg\":\"ES256\"}"), DW_STR("{\"kid\":\"one\"}") },
        { ed, DW_STR("{\"alg\":\"EdDSA\",\"typ\":\"x\"}"), { NULL, 0 } },
    };
    const struct dw_jws_signer plain = { hs, DW_STR(B64_HEADER), { NULL, 0 } };
    struct dw_str json;
    struct dw_jws jws;

    for (size_t i = 0; i < ARRAY_SIZE(PAYLOADS); i++) {
        CHECK_OK(dw_jws_sign_json(both, 1, dw_str(PAYLOADS[i]), arena, &json));
        CHECK_OK(verify(es, DW_ALG_SET_ALL, json, &jws));
        check_str(dw_str(PAYLOADS[i]), jws.payload, "flattened");
        CHECK_OK(dw_jws_sign_json(both, 2, dw_str(PAYLOADS[i]), arena, &json));
        CHECK_OK(verify(es, DW_ALG_SET_ALL, json, &jws));
        CHECK_OK(verify(ed, DW_ALG_SET_ALL, json, &jws));
        check_str(dw_str(PAYLOADS[i]), jws.payload, "general");
        CHECK_OK(dw_jws_sign_json(&plain, 1, dw_str(PAYLOADS[i]), arena, &json));
        CHECK_OK(verify(hs, DW_ALG_SET_ALL, json, &jws));
        check_str(dw_str(PAYLOADS[i]), jws.payload, "not encoded");
    }
    CHECK_OK(dw_jws_sign_json(&plain, 1, DW_STR("$.02"), arena, &json));
    check_str(DW_STR("{\"payload\":\"$.02\",\"protected\":\"" RFC7797_HEADER "\",\"signature\":\"" RFC7797_SIGNATURE
                     "\"}"),
              json, "RFC 7797 4.2");
}

static void signing_refusals(void **state)
{
    static const struct {
        const char *protected_json, *header;
        enum dw_err expected;
    } ROWS[] = {
        { "{}", NULL, DW_ERR_JOSE_MALFORMED },
        { "", NULL, DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"none\"}", NULL, DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"ES256\"}", NULL, DW_ERR_JOSE_ALGORITHM },
        { "{\"alg\":\"HS256\",\"crit\":[\"x\"]}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\",\"b64\":false}", NULL, DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\"}", "{\"alg\":\"HS256\"}", DW_ERR_JOSE_MALFORMED },
        { "{\"alg\":\"HS256\"}", "{\"crit\":[]}", DW_ERR_JOSE_CRITICAL },
        { "{\"alg\":\"HS256\"}", "[]", DW_ERR_JOSE_MALFORMED },
    };
    const struct dw_jws_signer uneven[] = { { hs, DW_STR(B64_HEADER), { NULL, 0 } },
                                            { hs, DW_STR("{\"alg\":\"HS256\"}"), { NULL, 0 } } };
    struct dw_str json = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_jws_signer signer = { hs, dw_str(ROWS[i].protected_json), dw_str(ROWS[i].header) };
        check_err(ROWS[i].expected, dw_jws_sign_json(&signer, 1, DW_STR("x"), arena, &json), ROWS[i].protected_json);
    }
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, dw_jws_sign_json(uneven, 2, DW_STR("x"), arena, &json));
    CHECK_ERR(DW_ERR_ENCODING, dw_jws_sign_json(uneven, 1, DW_STR("\xff"), arena, &json));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_sign_json(uneven, 0, DW_STR("x"), arena, &json));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_sign_json(uneven, DW_JWS_SIGNATURES_MAX + 1, DW_STR("x"), arena, &json));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_sign_json(NULL, 1, DW_STR("x"), arena, &json));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_sign_json(&(struct dw_jws_signer){ 0 }, 1, DW_STR("x"), arena, &json));
    char *big = dw_arena_alloc(arena, DW_JWS_JSON_MAX_BYTES);
    CHECK_ERR(DW_ERR_TOKEN_TOO_LARGE,
              dw_jws_sign_json(&uneven[1], 1, dw_str_n(big, DW_JWS_JSON_MAX_BYTES), arena, &json));
    assert_null(json.ptr);
}

static void detached(void **state)
{
    static const struct {
        const char *label, *header;
        struct dw_str payload;
    } ROWS[] = {
        { "encoded", "{\"alg\":\"HS256\"}", DW_STR_INIT("a body") },
        { "empty", "{\"alg\":\"HS256\"}", DW_STR_INIT("") },
        { "not encoded", B64_HEADER, DW_STR_INIT("a body. With dots, and\0NUL") },
    };
    struct dw_str token;
    struct dw_jws jws;

    CHECK_OK(dw_jws_sign_detached(hs, DW_STR(B64_HEADER), DW_STR("$.02"), arena, &token));
    check_str(DW_STR(RFC7797_HEADER ".." RFC7797_SIGNATURE), token, "RFC 7797 4.2");
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        CHECK_OK(dw_jws_sign_detached(hs, dw_str(ROWS[i].header), ROWS[i].payload, arena, &token));
        check_err(DW_OK, dw_jws_verify_detached_key(hs, DW_ALG_SET_ALL, token, ROWS[i].payload, arena, &jws),
                  ROWS[i].label);
        check_str(ROWS[i].payload, jws.payload, ROWS[i].label);
        check_str(dw_str(ROWS[i].header), jws.header_json, ROWS[i].label);
        CHECK_ERR(DW_ERR_JOSE_SIGNATURE,
                  dw_jws_verify_detached_key(hs, DW_ALG_SET_ALL, token, DW_STR("another"), arena, &jws));
        CHECK_ERR(DW_ERR_JOSE_ALGORITHM,
                  dw_jws_verify_detached_key(hs, DW_ALG_BIT(DW_ALG_ES256), token, ROWS[i].payload, arena, &jws));
        CHECK_ERR(DW_ERR_JOSE_ALGORITHM,
                  dw_jws_verify_detached_key(es, DW_ALG_SET_ALL, token, ROWS[i].payload, arena, &jws));
        /* It is no token of an empty payload. */
        assert_int_equal(dw_jws_verify_key(hs, DW_ALG_SET_ALL, token, arena, &jws) == DW_OK, i == 1);
    }
}

static void detached_refusals(void **state)
{
    static const struct {
        const char *token;
        enum dw_err expected;
    } ROWS[] = {
        { RFC7797_HEADER ".." RFC7797_SIGNATURE, DW_OK },
        { RFC7797_HEADER ".JC4wMg." RFC7797_SIGNATURE, DW_ERR_JOSE_MALFORMED },
        { RFC7797_HEADER "." RFC7797_SIGNATURE, DW_ERR_JOSE_MALFORMED },
        { RFC7797_HEADER "..." RFC7797_SIGNATURE, DW_ERR_JOSE_MALFORMED },
        { ".." RFC7797_SIGNATURE, DW_ERR_JOSE_MALFORMED },
        { RFC7797_HEADER "..", DW_ERR_JOSE_SIGNATURE },
        { RFC7797_HEADER "..A", DW_ERR_JOSE_MALFORMED },
        { "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2V9.." RFC7797_SIGNATURE, DW_ERR_JOSE_CRITICAL }, /* b64 without crit */
        { "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdfQ.." RFC7797_SIGNATURE, DW_ERR_JOSE_CRITICAL },
        { "eyJhbGciOiJub25lIn0..", DW_ERR_JOSE_ALGORITHM },
        { "", DW_ERR_JOSE_MALFORMED },
    };
    struct dw_str token;
    struct dw_jws jws;

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_err(ROWS[i].expected,
                  dw_jws_verify_detached_key(hs, DW_ALG_SET_ALL, dw_str(ROWS[i].token), DW_STR("$.02"), arena, &jws),
                  ROWS[i].token);
    CHECK_ERR(DW_ERR_JOSE_CRITICAL,
              dw_jws_sign_detached(hs, DW_STR("{\"alg\":\"HS256\",\"crit\":[\"x\"]}"), DW_STR("x"), arena, &token));
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM,
              dw_jws_sign_detached(hs, DW_STR("{\"alg\":\"none\"}"), DW_STR("x"), arena, &token));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_sign_detached(NULL, DW_STR("{}"), DW_STR("x"), arena, &token));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_verify_detached(NULL, 2, DW_STR("x"), DW_STR("x"), arena, &jws));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_verify_detached_key(hs, 2, DW_STR("x"), DW_STR("x"), NULL, &jws));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_verify_json(NULL, &(struct dw_jws_json_rules){ 2 }, DW_STR("{}"), arena, &jws));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_jws_verify_json_key(hs, NULL, DW_STR("{}"), arena, &jws));
}

/* An object that is sent without its payload. */
static void payload_apart(void **state)
{
    struct dw_jws_json_rules rules = { .algs = DW_ALG_BIT(DW_ALG_HS256), .payload = DW_STR("{}") };
    const struct dw_str text = DW_STR("eyJhbGciOiJIUzI1NiJ9");
    const struct dw_str signature = sign_text(text, "e30");
    const struct dw_str members =
        dw_arena_printf(arena, "\"protected\":\"%s\",\"signature\":\"%s\"", text.ptr, signature.ptr);
    const struct dw_str apart = dw_arena_printf(arena, "{%s}", members.ptr);
    const struct dw_str whole = dw_arena_printf(arena, "{\"payload\":\"e30\",%s}", members.ptr);
    struct dw_jws jws;

    CHECK_OK(dw_jws_verify_json_key(hs, &rules, apart, arena, &jws));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, dw_jws_verify_json_key(hs, &rules, whole, arena, &jws)); /* which of the two? */
    rules.payload = DW_STR("other");
    CHECK_ERR(DW_ERR_JOSE_SIGNATURE, dw_jws_verify_json_key(hs, &rules, apart, arena, &jws));
}

static void limits(void **state)
{
    char *big = dw_arena_alloc(arena, DW_JWS_JSON_MAX_BYTES + 1);
    struct dw_jws_signer many[DW_JWS_SIGNATURES_MAX];
    struct dw_str json;
    struct dw_jws jws;

    CHECK_ERR(DW_ERR_TOKEN_TOO_LARGE, verify(hs, DW_ALG_SET_ALL, dw_str_n(big, DW_JWS_JSON_MAX_BYTES + 1), &jws));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, verify(hs, DW_ALG_SET_ALL, dw_str(NULL), &jws));
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = (struct dw_jws_signer){ hs, DW_STR("{\"alg\":\"HS256\"}"), { NULL, 0 } };
    CHECK_OK(dw_jws_sign_json(many, ARRAY_SIZE(many), DW_STR("x"), arena, &json));
    CHECK_OK(verify(hs, DW_ALG_SET_ALL, json, &jws));
    const struct dw_str more = dw_arena_printf(arena, "%.*s,{\"protected\":\"e30\",\"signature\":\"\"}]}",
                                               (int)json.len - 2, json.ptr);
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, verify(hs, DW_ALG_SET_ALL, more, &jws));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_objects_verify), cmocka_unit_test(sets_of_keys),
        cmocka_unit_test(signatures),         cmocka_unit_test(objects),
        cmocka_unit_test(unprotected_alg),    cmocka_unit_test(signed_objects),
        cmocka_unit_test(signing_refusals),   cmocka_unit_test(detached),
        cmocka_unit_test(detached_refusals),  cmocka_unit_test(payload_apart),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
