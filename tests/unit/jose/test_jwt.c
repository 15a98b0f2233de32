/* Claims against rules: a row a token. */
#include "../check.h"

#include "forge.h"

enum { NOW = 1732300000 };

static struct dw_arena *arena;
static struct dw_key *key;

static int set_up(void **state)
{
    return dw_arena_new(4 * 1024 * 1024, &arena) == DW_OK && dw_key_generate(DW_ALG_HS256, 0, &key) == DW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    dw_key_free(&key);
    dw_arena_free(&arena);
    return 0;
}

static const struct dw_jwt_rules RULES = { .algs = DW_ALG_BIT(DW_ALG_HS256), .now_s = NOW };

static enum dw_err verify(struct dw_str header, const char *claims_json, const struct dw_jwt_rules *rules)
{
    struct dw_claims claims;

    return dw_jwt_verify_key(key, rules, forge(key, DW_ALG_HS256, header, dw_str(claims_json), arena), arena, &claims);
}

static const struct dw_str HEADER = DW_STR_INIT("{\"alg\":\"HS256\"}");

static void times(void **state)
{
    static const struct {
        const char *claims;
        int64_t leeway_s;
        enum dw_err expected;
    } ROWS[] = {
        { "{\"exp\":1732300001}", 0, DW_OK },
        { "{\"exp\":1732300000}", 0, DW_ERR_TOKEN_EXPIRED }, /* "on or after" */
        { "{\"exp\":1732299999}", 0, DW_ERR_TOKEN_EXPIRED },
        { "{\"exp\":1732299999}", 2, DW_OK },
        { "{\"exp\":1732299998}", 2, DW_ERR_TOKEN_EXPIRED },
        { "{\"exp\":1732300001.5}", 0, DW_OK },
        { "{\"exp\":1732300000.9}", 0, DW_ERR_TOKEN_EXPIRED },
        { "{\"exp\":1.8e9}", 0, DW_OK },
        { "{\"exp\":0}", 0, DW_ERR_TOKEN_EXPIRED },
        { "{\"exp\":9007199254740991}", 0, DW_OK },
        { "{\"exp\":9007199254740992}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":1e300}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":18446744073709551616}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":-1}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":-0.5}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":\"1800000000\"}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":null}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":true}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":[1800000000]}", 0, DW_ERR_TOKEN_CLAIM },
        { "{}", 0, DW_ERR_TOKEN_CLAIM }, /* exp is asked for unless the rules say otherwise */
        { "{\"exp\":1800000000,\"nbf\":1732300000}", 0, DW_OK },
        { "{\"exp\":1800000000,\"nbf\":1732300001}", 0, DW_ERR_TOKEN_NOT_YET },
        { "{\"exp\":1800000000,\"nbf\":1732300001}", 1, DW_OK },
        { "{\"exp\":1800000000,\"nbf\":\"x\"}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":1800000000,\"iat\":1732300000}", 0, DW_OK },
        { "{\"exp\":1800000000,\"iat\":1732300010}", 0, DW_ERR_TOKEN_NOT_YET },
        { "{\"exp\":1800000000,\"iat\":1732300010}", 10, DW_OK },
        { "{\"exp\":1800000000,\"iat\":-5}", 0, DW_ERR_TOKEN_CLAIM },
        { "{\"exp\":1800000000}", -1, DW_ERR_ARGUMENT },
        { "{\"exp\":1800000000}", 301, DW_ERR_ARGUMENT },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_jwt_rules rules = RULES;
        rules.leeway_s = ROWS[i].leeway_s;
        check_err(ROWS[i].expected, verify(HEADER, ROWS[i].claims, &rules), ROWS[i].claims);
    }
}

static void payloads_that_are_no_claims(void **state)
{
    static const char *const ROWS[] = {
        "", "[]", "\"x\"", "null", "1", "{", "{\"exp\":1800000000,\"exp\":1800000000}",
        "{\"exp\":1800000000,\"\\u0065xp\":1}", "{\"exp\":1800000000,\"a\":\"\xff\"}", "{\"exp\":1800000000}x",
        "{\"exp\":1800000000,\"iss\":1}", "{\"exp\":1800000000,\"sub\":null}", "{\"exp\":1800000000,\"jti\":[]}",
        "{\"exp\":1800000000,\"aud\":1}", "{\"exp\":1800000000,\"aud\":[\"a\",1]}", "{\"exp\":1800000000,\"aud\":{}}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_err(DW_ERR_TOKEN_CLAIM, verify(HEADER, ROWS[i], &RULES), ROWS[i]);
}

static void names(void **state)
{
    static const char FULL[] = "{\"exp\":1800000000,\"iss\":\"me\",\"aud\":[\"api\",\"web\"],\"sub\":\"7\"}";
    static const char SINGLE[] = "{\"exp\":1800000000,\"aud\":\"api\"}", BARE[] = "{\"exp\":1800000000}";
    static const char *const NEEDS_JTI[] = { "jti", NULL }, *const NEEDS_X[] = { "x", NULL };
    static const char *const NEEDS_MANY[] = { "iss", "sub", "aud", "exp", NULL };
    static const struct {
        const char *claims;
        struct dw_jwt_rules rules;
        enum dw_err expected;
    } ROWS[] = {
        { FULL, { .issuer = DW_STR_INIT("me"), .audience = DW_STR_INIT("web"), .subject = DW_STR_INIT("7") }, DW_OK },
        { FULL, { .issuer = DW_STR_INIT("Me") }, DW_ERR_TOKEN_ISSUER },
        { FULL, { .issuer = DW_STR_INIT("m") }, DW_ERR_TOKEN_ISSUER },
        { BARE, { .issuer = DW_STR_INIT("me") }, DW_ERR_TOKEN_ISSUER },
        { BARE, { .issuer = DW_STR_INIT("") }, DW_ERR_TOKEN_ISSUER },
        { FULL, { .audience = DW_STR_INIT("admin") }, DW_ERR_TOKEN_AUDIENCE },
        { SINGLE, { .audience = DW_STR_INIT("api") }, DW_OK },
        { SINGLE, { .audience = DW_STR_INIT("ap") }, DW_ERR_TOKEN_AUDIENCE },
        { BARE, { .audience = DW_STR_INIT("api") }, DW_ERR_TOKEN_AUDIENCE },
        { "{\"exp\":1800000000,\"aud\":[]}", { .audience = DW_STR_INIT("api") }, DW_ERR_TOKEN_AUDIENCE },
        { FULL, { .subject = DW_STR_INIT("8") }, DW_ERR_TOKEN_SUBJECT },
        { BARE, { .subject = DW_STR_INIT("7") }, DW_ERR_TOKEN_SUBJECT },
        { BARE, { .require = NEEDS_JTI }, DW_ERR_TOKEN_CLAIM },
        { FULL, { .require = NEEDS_MANY }, DW_OK },
        { "{\"exp\":1800000000,\"x\":null}", { .require = NEEDS_X }, DW_ERR_TOKEN_CLAIM },
        { "{}", { .allow_no_expiry = true }, DW_OK },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_jwt_rules rules = ROWS[i].rules;
        rules.algs = RULES.algs;
        rules.now_s = NOW;
        check_err(ROWS[i].expected, verify(HEADER, ROWS[i].claims, &rules), ROWS[i].claims);
    }
}

/* RFC 8725 §3.11, RFC 7515 §4.1.9. */
static void types(void **state)
{
    static const struct {
        const char *header, *wanted;
        enum dw_err expected;
    } ROWS[] = {
        { "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", "at+jwt", DW_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"AT+JWT\"}", "at+jwt", DW_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"application/at+jwt\"}", "at+jwt", DW_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", "application/at+jwt", DW_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "at+jwt", DW_ERR_TOKEN_TYPE },
        { "{\"alg\":\"HS256\",\"typ\":\"application/x/at+jwt\"}", "x/at+jwt", DW_ERR_TOKEN_TYPE },
        { "{\"alg\":\"HS256\",\"typ\":\"\"}", "at+jwt", DW_ERR_TOKEN_TYPE },
        { "{\"alg\":\"HS256\"}", "at+jwt", DW_ERR_TOKEN_TYPE },
        { "{\"alg\":\"HS256\",\"typ\":\"anything\"}", NULL, DW_OK },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_jwt_rules rules = RULES;
        rules.type = dw_str(ROWS[i].wanted);
        check_err(ROWS[i].expected, verify(dw_str(ROWS[i].header), "{\"exp\":1800000000}", &rules), ROWS[i].header);
    }
}

static void an_unsigned_token_tells_nothing_of_its_expiry(void **state)
{
    _cleanup_(dw_key_free) struct dw_key *other = NULL;
    struct dw_claims claims;

    CHECK_OK(dw_key_generate(DW_ALG_HS256, 0, &other));
    const struct dw_str token = forge(other, DW_ALG_HS256, HEADER, DW_STR("{\"exp\":1}"), arena);
    CHECK_ERR(DW_ERR_JOSE_SIGNATURE, dw_jwt_verify_key(key, &RULES, token, arena, &claims));
}

static void the_clock_is_used_when_no_time_is_given(void **state)
{
    struct dw_jwt_rules rules = RULES;

    rules.now_s = 0;
    dw_clock_set(1799999999);
    CHECK_OK(verify(HEADER, "{\"exp\":1800000000}", &rules));
    dw_clock_set(1800000000);
    CHECK_ERR(DW_ERR_TOKEN_EXPIRED, verify(HEADER, "{\"exp\":1800000000}", &rules));
    dw_clock_set(-1);
}

static void claims_are_read_by_name(void **state)
{
    static const char JSON[] = "{\"iss\":\"me\",\"sub\":\"u\",\"jti\":\"j\",\"exp\":1800000000,\"iat\":1732300000,"
                               "\"n\":-7,\"list\":[\"a\",\"b\",3],\"nested\":{\"iss\":\"other\"}}";
    struct dw_claims claims;
    struct dw_str token;

    CHECK_OK(dw_jwt_sign(key, "at+jwt", DW_STR(JSON), arena, &token));
    CHECK_OK(dw_jwt_verify_key(key, &RULES, token, arena, &claims));
    check_str(DW_STR("me"), claims.issuer, "iss");
    check_str(DW_STR("u"), claims.subject, "sub");
    check_str(DW_STR("j"), claims.id, "jti");
    assert_int_equal(claims.expires_s, 1800000000);
    assert_int_equal(claims.issued_s, NOW);
    assert_int_equal(claims.not_before_s, -1);
    assert_int_equal(claims.alg, DW_ALG_HS256);
    check_str(DW_STR(JSON), claims.json, "json");
    assert_int_equal(dw_claim_int(&claims, "n", 0), -7);
    assert_int_equal(dw_claim_int(&claims, "iss", 5), 5);
    check_str(DW_STR("b"), dw_claim_item(&claims, "list", 1), "list");
    assert_true(dw_str_is_absent(dw_claim_item(&claims, "list", 2)));
    assert_true(dw_str_is_absent(dw_claim_item(&claims, "list", 3)));
    assert_true(dw_str_is_absent(dw_claim_item(&claims, "iss", 0)));
    assert_true(dw_str_is_absent(dw_claim_str(&claims, "n")));
    assert_true(dw_str_is_absent(dw_claim_str(&claims, "absent")));
    const struct dw_str header = dw_arena_printf(arena, "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
                                                 dw_key_id(key).ptr);
    check_str(header, claims.header_json, "header");
}

static void signing_takes_an_object_alone(void **state)
{
    static const char *const ROWS[] = { "", "[]", "1", "{\"a\":1,\"a\":2}", "{" };
    struct dw_str token;

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        assert_int_not_equal(dw_jwt_sign(key, NULL, dw_str(ROWS[i]), arena, &token), DW_OK);
}

static void decoding_unverified_reads_and_believes_nothing(void **state)
{
    struct dw_claims claims;

    /* {"alg":"none"} . {"sub":"x","exp":"soon"} */
    CHECK_OK(dw_jwt_decode_unverified(DW_STR("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwiZXhwIjoic29vbiJ9."), arena, &claims));
    assert_int_equal(claims.alg, DW_ALG_NONE_GIVEN);
    assert_null(claims.key);
    check_str(DW_STR("x"), claims.subject, "sub");
    assert_int_equal(claims.expires_s, -1);
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, dw_jwt_decode_unverified(DW_STR("eyJhbGciOiJub25lIn0.W10."), arena, &claims));
    CHECK_ERR(DW_ERR_JOSE_MALFORMED, dw_jwt_decode_unverified(DW_STR("a.b"), arena, &claims));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(payloads_that_are_no_claims),
        cmocka_unit_test(names),
        cmocka_unit_test(types),
        cmocka_unit_test(an_unsigned_token_tells_nothing_of_its_expiry),
        cmocka_unit_test(the_clock_is_used_when_no_time_is_given),
        cmocka_unit_test(claims_are_read_by_name),
        cmocka_unit_test(signing_takes_an_object_alone),
        cmocka_unit_test(decoding_unverified_reads_and_believes_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
