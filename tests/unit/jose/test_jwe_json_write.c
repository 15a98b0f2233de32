/* JWE as a JSON object that we write: one reader, several, and what can't be. */
#include "../check.h"

#include "base/cleanup.h"
#include "base/json.h"
#include <doorward/jwe.h>

static struct dw_arena *arena;

static int set_up(void **state)
{
    return dw_arena_new(64 * 1024 * 1024, &arena) == DW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    dw_arena_free(&arena);
    return 0;
}

static void key_make(enum dw_jwe_alg alg, enum dw_jwe_enc enc, struct dw_jwe_key **ret_key)
{
    CHECK_OK(dw_jwe_key_generate(alg, enc, 0, ret_key));
}

static const struct dw_str PLAIN = DW_STR_INIT("plain\0text \xff");

static enum dw_err read_back(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc, struct dw_str json,
                             struct dw_jwe *ret_jwe)
{
    return dw_jwe_decrypt_json(key, DW_JWE_BIT(alg), DW_JWE_BIT(enc), json, arena, ret_jwe);
}

static yyjson_val *parse(struct dw_str json)
{
    yyjson_val *root = NULL;

    CHECK_OK(json_parse(arena, json, JSON_DEPTH_DEFAULT, &root, NULL));
    return root;
}

/* --- one reader --- */

static void every_algorithm_writes_for_one(void **state)
{
    for (enum dw_jwe_alg alg = DW_JWE_DIR; alg < DW_JWE_ALG_COUNT; alg++) {
        _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;

        for (enum dw_jwe_enc enc = DW_JWE_A128GCM; enc < DW_JWE_ENC_COUNT; enc++) {
            const struct dw_jwe_header header = { .typ = DW_STR("x"), .cty = DW_STR("JWT") };
            struct dw_str json;
            struct dw_jwe jwe;

            if (alg == DW_JWE_DIR) /* for one content encryption each */
                dw_jwe_key_free(&key);
            if (key == NULL)
                key_make(alg, enc, &key);
            const struct dw_jwe_recipient to = { key, alg, .apu = DW_STR("us"), .apv = DW_STR("them") };
            CHECK_OK(dw_jwe_encrypt_json(&to, 1, enc, &header, DW_STR("seen by all"), PLAIN, arena, &json));
            CHECK_OK(read_back(key, alg, enc, json, &jwe));
            check_str(PLAIN, jwe.plaintext, dw_jwe_alg_name(alg));
            check_str(DW_STR("seen by all"), jwe.aad, "aad");
            yyjson_val *protected_header = parse(jwe.header_json), *root = parse(json);
            check_str(dw_str(dw_jwe_alg_name(alg)), json_get_str(protected_header, "alg"), "alg is protected");
            check_str(dw_jwe_key_id(key), json_get_str(protected_header, "kid"), "kid is protected");
            check_str(DW_STR("JWT"), json_get_str(protected_header, "cty"), "cty");
            assert_null(json_get(root, "header"));
            assert_null(json_get(root, "recipients"));
        }
    }
}

static void without_more_there_is_no_more(void **state)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
    struct dw_str json;
    struct dw_jwe jwe;

    key_make(DW_JWE_DIR, DW_JWE_A256GCM, &key);
    const struct dw_jwe_recipient to = { key, DW_JWE_DIR };
    CHECK_OK(dw_jwe_encrypt_json(&to, 1, DW_JWE_A256GCM, NULL, dw_str_n(NULL, 0), DW_STR(""), arena, &json));
    CHECK_OK(read_back(key, DW_JWE_DIR, DW_JWE_A256GCM, json, &jwe));
    assert_int_equal(jwe.plaintext.len, 0);
    assert_true(dw_str_is_absent(jwe.aad));
    assert_null(json_get(parse(json), "aad"));
    assert_null(json_get(parse(json), "encrypted_key"));
    /* An empty one is one: RFC 7516 §5.1 lets "aad" stand when it is not empty, and we keep what we are given. */
    CHECK_OK(dw_jwe_encrypt_json(&to, 1, DW_JWE_A256GCM, NULL, DW_STR(""), DW_STR("x"), arena, &json));
    CHECK_OK(read_back(key, DW_JWE_DIR, DW_JWE_A256GCM, json, &jwe));
    check_str(DW_STR("x"), jwe.plaintext, "an empty aad");
}

/* --- several --- */

static const enum dw_jwe_alg SHARED[] = {
    DW_JWE_A128KW, DW_JWE_A256KW, DW_JWE_A256GCMKW, DW_JWE_RSA_OAEP_256, DW_JWE_ECDH_ES_A128KW, DW_JWE_ECDH_ES_A256KW,
};

struct readers {
    struct dw_jwe_key *keys[ARRAY_SIZE(SHARED)];
    struct dw_jwe_recipient list[ARRAY_SIZE(SHARED)];
};

static void readers_free(struct readers *readers)
{
    for (size_t i = 0; i < ARRAY_SIZE(SHARED); i++)
        dw_jwe_key_free(&readers->keys[i]);
}

static void readers_make(struct readers *readers)
{
    for (size_t i = 0; i < ARRAY_SIZE(SHARED); i++) {
        key_make(SHARED[i], DW_JWE_ENC_NONE_GIVEN, &readers->keys[i]);
        readers->list[i] = (struct dw_jwe_recipient){ readers->keys[i], SHARED[i], .apv = DW_STR("reader") };
    }
}

static void each_of_several_reads_it_and_nobody_else(void **state)
{
    _cleanup_(readers_free) struct readers readers = { 0 };
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *stranger = NULL;
    struct dw_str json;
    struct dw_jwe jwe;

    readers_make(&readers);
    CHECK_OK(dw_jwe_encrypt_json(readers.list, ARRAY_SIZE(SHARED), DW_JWE_A128CBC_HS256, NULL, DW_STR("for all"), PLAIN,
                                 arena, &json));
    for (size_t i = 0; i < ARRAY_SIZE(SHARED); i++) {
        CHECK_OK(read_back(readers.keys[i], SHARED[i], DW_JWE_A128CBC_HS256, json, &jwe));
        check_str(PLAIN, jwe.plaintext, dw_jwe_alg_name(SHARED[i]));
        check_str(DW_STR("for all"), jwe.aad, "aad");
        check_str(DW_STR("{\"enc\":\"A128CBC-HS256\"}"), jwe.header_json, "protected");
    }
    key_make(DW_JWE_A256KW, DW_JWE_ENC_NONE_GIVEN, &stranger);
    CHECK_ERR(DW_ERR_JOSE_DECRYPTION, read_back(stranger, DW_JWE_A256KW, DW_JWE_A128CBC_HS256, json, &jwe));
    assert_int_equal(yyjson_arr_size(json_get(parse(json), "recipients")), ARRAY_SIZE(SHARED));
}

/* What everybody can read is bound to the text all the same. */
static void another_aad_is_found_out(void **state)
{
    _cleanup_(readers_free) struct readers readers = { 0 };
    struct dw_str json;
    struct dw_jwe jwe;

    readers_make(&readers);
    for (size_t n = 1; n <= 2; n++) {
        CHECK_OK(dw_jwe_encrypt_json(readers.list, n, DW_JWE_A256GCM, NULL, DW_STR("pay 10"), PLAIN, arena, &json));
        char *aad = memmem(json.ptr, json.len, "cGF5IDEw", 8);
        assert_non_null(aad);
        memcpy(aad, "cGF5IDkw", 8); /* pay 90 */
        CHECK_ERR(DW_ERR_JOSE_DECRYPTION, read_back(readers.keys[0], SHARED[0], DW_JWE_A256GCM, json, &jwe));
    }
}

/* --- what can't be --- */

static void a_content_key_of_ones_own_is_not_shared(void **state)
{
    static const enum dw_jwe_alg OWN[] = { DW_JWE_DIR, DW_JWE_ECDH_ES };
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *wrapping = NULL;

    key_make(DW_JWE_A256KW, DW_JWE_ENC_NONE_GIVEN, &wrapping);
    for (size_t i = 0; i < ARRAY_SIZE(OWN); i++) {
        _cleanup_(dw_jwe_key_free) struct dw_jwe_key *own = NULL;
        struct dw_str json;

        key_make(OWN[i], DW_JWE_A256GCM, &own);
        const struct dw_jwe_recipient list[] = { { wrapping, DW_JWE_A256KW }, { own, OWN[i] } };
        CHECK_ERR(DW_ERR_JOSE_ALGORITHM, dw_jwe_encrypt_json(list, 2, DW_JWE_A256GCM, NULL, dw_str_n(NULL, 0), PLAIN,
                                                             arena, &json));
    }
}

static void misuse(void **state)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
    const struct dw_jwe_header agreed = { .apu = DW_STR("us") }, binary = { .cty = DW_STR("\xff") };
    char *big = dw_arena_alloc(arena, DW_JWE_MAX_BYTES + 1);
    const struct dw_jwe_header wordy = { .typ = dw_str_n(memset(big, 'x', DW_JWE_MAX_BYTES), 12 * 1024) };
    const struct dw_str none = { NULL, 0 };
    struct dw_jwe_recipient list[DW_JWE_RECIPIENTS_MAX + 1];
    struct dw_str json = { NULL, 0 };

    key_make(DW_JWE_A256KW, DW_JWE_ENC_NONE_GIVEN, &key);
    for (size_t i = 0; i < ARRAY_SIZE(list); i++)
        list[i] = (struct dw_jwe_recipient){ key, DW_JWE_A256KW };
    const struct dw_jwe_recipient nobody = { NULL, DW_JWE_A256KW }, other = { key, DW_JWE_RSA_OAEP },
                                  unknown = { key, (enum dw_jwe_alg)99 };
    const struct {
        const struct dw_jwe_recipient *list;
        size_t n;
        enum dw_jwe_enc enc;
        const struct dw_jwe_header *header;
        struct dw_str aad, plain;
        enum dw_err expected;
    } ROWS[] = {
        { list, DW_JWE_RECIPIENTS_MAX, DW_JWE_A256GCM, NULL, none, PLAIN, DW_OK },
        { list, DW_JWE_RECIPIENTS_MAX + 1, DW_JWE_A256GCM, NULL, none, PLAIN, DW_ERR_ARGUMENT },
        { list, 0, DW_JWE_A256GCM, NULL, none, PLAIN, DW_ERR_ARGUMENT },
        { NULL, 1, DW_JWE_A256GCM, NULL, none, PLAIN, DW_ERR_ARGUMENT },
        { &nobody, 1, DW_JWE_A256GCM, NULL, none, PLAIN, DW_ERR_ARGUMENT },
        { &other, 1, DW_JWE_A256GCM, NULL, none, PLAIN, DW_ERR_JOSE_ALGORITHM },
        { &unknown, 1, DW_JWE_A256GCM, NULL, none, PLAIN, DW_ERR_ARGUMENT },
        { list, 1, (enum dw_jwe_enc)99, NULL, none, PLAIN, DW_ERR_ARGUMENT },
        { list, 1, DW_JWE_A256GCM, &agreed, none, PLAIN, DW_ERR_ARGUMENT },
        { list, 1, DW_JWE_A256GCM, &binary, none, PLAIN, DW_ERR_ENCODING },
        { list, 2, DW_JWE_A256GCM, &binary, none, PLAIN, DW_ERR_ENCODING },
        { list, 1, DW_JWE_A256GCM, &wordy, none, PLAIN, DW_ERR_TOKEN_TOO_LARGE },
        { list, 2, DW_JWE_A256GCM, &wordy, none, PLAIN, DW_ERR_TOKEN_TOO_LARGE },
        { list, 1, DW_JWE_A256GCM, NULL, none, dw_str_n(big, DW_JWE_MAX_BYTES + 1), DW_ERR_TOKEN_TOO_LARGE },
        { list, 1, DW_JWE_A256GCM, NULL, none, dw_str_n(big, DW_JWE_MAX_BYTES), DW_ERR_TOKEN_TOO_LARGE },
        { list, 1, DW_JWE_A256GCM, NULL, dw_str_n(big, DW_JWE_MAX_BYTES + 1), PLAIN, DW_ERR_TOKEN_TOO_LARGE },
        { list, 1, DW_JWE_A256GCM, NULL, dw_str_n(big, DW_JWE_MAX_BYTES), PLAIN, DW_ERR_TOKEN_TOO_LARGE },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        json = none;
        CHECK_ERR(ROWS[i].expected, dw_jwe_encrypt_json(ROWS[i].list, ROWS[i].n, ROWS[i].enc, ROWS[i].header,
                                                        ROWS[i].aad, ROWS[i].plain, arena, &json));
        assert_true(dw_str_is_absent(json) == (ROWS[i].expected != DW_OK));
    }
    /* A compact header that its own reader would refuse is not made either. */
    CHECK_ERR(DW_ERR_TOKEN_TOO_LARGE,
              dw_jwe_encrypt(key, DW_JWE_A256KW, DW_JWE_A256GCM, &wordy, PLAIN, arena, &json));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_writes_for_one),
        cmocka_unit_test(without_more_there_is_no_more),
        cmocka_unit_test(each_of_several_reads_it_and_nobody_else),
        cmocka_unit_test(another_aad_is_found_out),
        cmocka_unit_test(a_content_key_of_ones_own_is_not_shared),
        cmocka_unit_test(misuse),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
