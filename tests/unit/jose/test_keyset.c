/* Which key of a set a token means, and which sets are refused. */
#include "../check.h"

#include "forge.h"
#include "rfc_keys.h"

static struct dw_arena *arena;

static int set_up(void **state)
{
    return dw_arena_new(4 * 1024 * 1024, &arena) == DW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    dw_arena_free(&arena);
    return 0;
}

/* A new key in the set; borrowed. */
static const struct dw_key *add(struct dw_keyset *set, enum dw_alg alg, const char *kid)
{
    struct dw_key *key = NULL;

    CHECK_OK(dw_key_generate(alg, 0, &key));
    CHECK_OK(dw_key_set_id(key, dw_str(kid)));
    const struct dw_key *borrowed = key;
    CHECK_OK(dw_keyset_take(set, key));
    return borrowed;
}

static void kid_or_the_only_fitting_one(void **state)
{
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;
    struct dw_jws jws;

    CHECK_OK(dw_keyset_new(&set));
    const struct dw_key *one = add(set, DW_ALG_ES256, "one"), *two = add(set, DW_ALG_ES256, "two");
    const struct dw_key *three = add(set, DW_ALG_ES384, "three");
    const struct {
        const char *label, *header;
        const struct dw_key *signer, *expected;
        enum dw_err err;
    } rows[] = {
        { "by kid", "{\"alg\":\"ES256\",\"kid\":\"one\"}", one, one, DW_OK },
        { "by kid", "{\"alg\":\"ES256\",\"kid\":\"two\"}", two, two, DW_OK },
        { "another's kid", "{\"alg\":\"ES256\",\"kid\":\"two\"}", one, NULL, DW_ERR_JOSE_SIGNATURE },
        { "no such kid", "{\"alg\":\"ES256\",\"kid\":\"four\"}", one, NULL, DW_ERR_JOSE_NO_KEY },
        { "empty kid", "{\"alg\":\"ES256\",\"kid\":\"\"}", one, NULL, DW_ERR_JOSE_NO_KEY },
        { "no kid, two that fit", "{\"alg\":\"ES256\"}", one, NULL, DW_ERR_JOSE_NO_KEY },
        { "no kid, one that fits", "{\"alg\":\"ES384\"}", three, three, DW_OK },
        { "kid of another algorithm", "{\"alg\":\"ES384\",\"kid\":\"one\"}", three, NULL, DW_ERR_JOSE_ALGORITHM },
        { "no key of that type", "{\"alg\":\"HS256\"}", three, NULL, DW_ERR_JOSE_NO_KEY },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct dw_str token =
            forge(rows[i].signer, dw_key_alg(rows[i].signer), dw_str(rows[i].header), DW_STR("{}"), arena);
        check_err(rows[i].err, dw_jws_verify(set, DW_ALG_SET_ALL, token, arena, &jws), rows[i].label);
        if (rows[i].err == DW_OK)
            assert_ptr_equal(jws.key, rows[i].expected);
    }
}

static void an_empty_set_verifies_nothing(void **state)
{
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;
    struct dw_jws jws;

    CHECK_OK(dw_keyset_from_jwks(DW_STR("{\"keys\":[]}"), &set));
    assert_int_equal(dw_keyset_size(set), 0);
    CHECK_ERR(DW_ERR_JOSE_NO_KEY, dw_jws_verify(set, DW_ALG_SET_ALL, DW_STR(RFC7515_A3_TOKEN), arena, &jws));
}

/* RFC 8725 §3.1: the token could pick a symmetric key where a signature was meant, or the other way round. */
static void a_mixed_set_is_not_used(void **state)
{
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;
    struct dw_jws jws;

    CHECK_OK(dw_keyset_new(&set));
    const struct dw_key *es = add(set, DW_ALG_ES256, "es");
    const struct dw_str token = forge(es, DW_ALG_ES256, DW_STR("{\"alg\":\"ES256\"}"), DW_STR("{}"), arena);
    CHECK_OK(dw_jws_verify(set, DW_ALG_SET_ALL, token, arena, &jws));
    (void)add(set, DW_ALG_HS256, "hs");
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jws_verify(set, DW_ALG_SET_ALL, token, arena, &jws));
    CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jws_verify(set, DW_ALG_BIT(DW_ALG_ES256), token, arena, &jws));
}

static void a_kid_stands_once(void **state)
{
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;
    struct dw_key *key = NULL;

    CHECK_OK(dw_keyset_new(&set));
    const struct dw_key *first = add(set, DW_ALG_ES256, "same");
    CHECK_OK(dw_key_generate(DW_ALG_ES384, 0, &key));
    CHECK_OK(dw_key_set_id(key, DW_STR("same")));
    CHECK_ERR(DW_ERR_CONFLICT, dw_keyset_take(set, key)); /* and frees it */
    assert_int_equal(dw_keyset_size(set), 1);
    assert_ptr_equal(dw_keyset_at(set, 0), first);
    assert_ptr_equal(dw_keyset_find(set, DW_STR("same")), first);
    assert_null(dw_keyset_at(set, 1));
    assert_null(dw_keyset_find(set, DW_STR("other")));
}

#define HS_JWK(kid)                                                                                                    \
    "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\",\"kid\":\"" kid "\"}"

static void jwks_texts(void **state)
{
    static const struct {
        const char *label, *json;
        enum dw_err expected;
        size_t size;
    } ROWS[] = {
        { "RFC keys", "{\"keys\":[" RFC7515_A3_KEY "," RFC7638_KEY "," RFC8037_KEY "]}", DW_OK, 3 },
        { "unknown members beside", "{\"x\":1,\"keys\":[" HS_JWK("a") "]}", DW_OK, 1 },
        { "unknown kty, encryption keys and alg are passed over",
          "{\"keys\":[{\"kty\":\"AKP\"},{\"kty\":\"EC\",\"crv\":\"secp256k1\"},"
          "{\"kty\":\"oct\",\"use\":\"enc\",\"k\":\"AA\"},"
          "{\"kty\":\"oct\",\"alg\":\"A128KW\",\"k\":\"AA\"}," HS_JWK("a") "]}",
          DW_OK, 1 },
        { "the same kid twice", "{\"keys\":[" HS_JWK("a") "," HS_JWK("a") "]}", DW_ERR_CONFLICT, 0 },
        { "a weak key", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAEC\"}]}", DW_ERR_KEY_TOO_WEAK, 0 },
        { "a broken key", "{\"keys\":[{\"kty\":\"oct\"}]}", DW_ERR_KEY_MALFORMED, 0 },
        { "no object among the keys", "{\"keys\":[1]}", DW_ERR_KEY_MALFORMED, 0 },
        { "keys is no list", "{\"keys\":{}}", DW_ERR_KEY_MALFORMED, 0 },
        { "no keys", "{}", DW_ERR_KEY_MALFORMED, 0 },
        { "a list", "[]", DW_ERR_KEY_MALFORMED, 0 },
        { "no JSON", "keys", DW_ERR_KEY_MALFORMED, 0 },
        { "duplicate name", "{\"keys\":[],\"keys\":[]}", DW_ERR_KEY_MALFORMED, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;
        check_err(ROWS[i].expected, dw_keyset_from_jwks(dw_str(ROWS[i].json), &set), ROWS[i].label);
        if (ROWS[i].expected == DW_OK)
            assert_int_equal(dw_keyset_size(set), ROWS[i].size);
    }
}

static void published_sets_hold_public_halves_alone(void **state)
{
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL, *again = NULL;
    struct dw_str json;

    CHECK_OK(dw_keyset_new(&set));
    (void)add(set, DW_ALG_ES256, "es");
    (void)add(set, DW_ALG_EDDSA, "ed");
    (void)add(set, DW_ALG_HS256, "hs");
    CHECK_OK(dw_keyset_public_jwks(set, arena, &json));
    assert_null(memmem(json.ptr, json.len, "\"d\"", 3));
    assert_null(memmem(json.ptr, json.len, "\"k\"", 3));
    CHECK_OK(dw_keyset_from_jwks(json, &again));
    assert_int_equal(dw_keyset_size(again), 2);
    assert_false(dw_key_is_private(dw_keyset_at(again, 0)));
    assert_non_null(dw_keyset_find(again, DW_STR("es")));
}

static void jwt_by_set(void **state)
{
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;
    const struct dw_jwt_rules rules = { .algs = DW_ALG_BIT(DW_ALG_ES256), .now_s = 1 };
    struct dw_claims claims;
    struct dw_str token;

    CHECK_OK(dw_keyset_new(&set));
    const struct dw_key *old = add(set, DW_ALG_ES256, "old"), *new = add(set, DW_ALG_ES256, "new");
    CHECK_OK(dw_jwt_sign(old, NULL, DW_STR("{\"exp\":2}"), arena, &token));
    CHECK_OK(dw_jwt_verify(set, &rules, token, arena, &claims));
    assert_ptr_equal(claims.key, old);
    CHECK_OK(dw_jwt_sign(new, NULL, DW_STR("{\"exp\":2}"), arena, &token));
    CHECK_OK(dw_jwt_verify(set, &rules, token, arena, &claims));
    assert_ptr_equal(claims.key, new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kid_or_the_only_fitting_one),
        cmocka_unit_test(an_empty_set_verifies_nothing),
        cmocka_unit_test(a_mixed_set_is_not_used),
        cmocka_unit_test(a_kid_stands_once),
        cmocka_unit_test(jwks_texts),
        cmocka_unit_test(published_sets_hold_public_halves_alone),
        cmocka_unit_test(jwt_by_set),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
