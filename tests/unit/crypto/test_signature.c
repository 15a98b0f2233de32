/* Every scheme signs and verifies; every changed bit, other length and other scheme is refused; from many threads. */
#include "../check.h"

#include "crypto/key.h"
#include <pthread.h>

static const struct row {
    const char *label;
    struct key_scheme scheme;
    unsigned bits;
    size_t size; /* of the signature */
} ROWS[] = {
    { "HS256", { KEY_HMAC, 256, false }, 256, 32 },
    { "HS384", { KEY_HMAC, 384, false }, 384, 48 },
    { "HS512", { KEY_HMAC, 512, false }, 512, 64 },
    { "RS256", { KEY_RSA, 256, false }, 2048, 256 },
    { "RS512", { KEY_RSA, 512, false }, 2048, 256 },
    { "PS256", { KEY_RSA, 256, true }, 2048, 256 },
    { "PS384", { KEY_RSA, 384, true }, 2048, 256 },
    { "ES256", { KEY_EC, 256, false }, 256, 64 },
    { "ES384", { KEY_EC, 384, false }, 384, 96 },
    { "ES512", { KEY_EC, 512, false }, 521, 132 },
    { "EdDSA", { KEY_ED25519, 0, false }, 0, 64 },
};
static struct key *keys[ARRAY_SIZE(ROWS)];

static const struct dw_str MESSAGE = DW_STR_INIT("eyJhbGciOiJFUzI1NiJ9.e30");

static int set_up(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        if (key_generate(ROWS[i].scheme.type, ROWS[i].bits, &keys[i]) != DW_OK)
            return -1;
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        key_free(&keys[i]);
    return 0;
}

static void signs_and_verifies(void **state)
{
    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t size = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        for (int round = 0; round < 3; round++) { /* the second finds the kept context */
            check_err(DW_OK, key_sign(keys[i], &ROWS[i].scheme, MESSAGE, signature, &size), ROWS[i].label);
            assert_int_equal(size, ROWS[i].size);
            check_err(DW_OK, key_verify(keys[i], &ROWS[i].scheme, MESSAGE, dw_str_n(signature, size)), ROWS[i].label);
            check_err(DW_ERR_JOSE_SIGNATURE,
                      key_verify(keys[i], &ROWS[i].scheme, DW_STR("other"), dw_str_n(signature, size)), ROWS[i].label);
        }
}

static void an_empty_message_is_a_message(void **state)
{
    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t size = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        check_err(DW_OK, key_sign(keys[i], &ROWS[i].scheme, DW_STR(""), signature, &size), ROWS[i].label);
        check_err(DW_OK, key_verify(keys[i], &ROWS[i].scheme, DW_STR(""), dw_str_n(signature, size)), ROWS[i].label);
    }
}

static void changed_or_cut_signatures_are_refused(void **state)
{
    unsigned char signature[KEY_SIGNATURE_MAX + 1] = { 0 };
    size_t size = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct key_scheme *scheme = &ROWS[i].scheme;
        check_err(DW_OK, key_sign(keys[i], scheme, MESSAGE, signature, &size), ROWS[i].label);
        for (size_t at = 0; at < size; at += 5) {
            signature[at] ^= 1;
            check_err(DW_ERR_JOSE_SIGNATURE, key_verify(keys[i], scheme, MESSAGE, dw_str_n(signature, size)),
                      ROWS[i].label);
            signature[at] ^= 1;
        }
        const size_t lengths[] = { 0, 1, size - 1, size + 1 };
        for (size_t j = 0; j < ARRAY_SIZE(lengths); j++)
            check_err(DW_ERR_JOSE_SIGNATURE, key_verify(keys[i], scheme, MESSAGE, dw_str_n(signature, lengths[j])),
                      ROWS[i].label);
        check_err(DW_OK, key_verify(keys[i], scheme, MESSAGE, dw_str_n(signature, size)), ROWS[i].label);
    }
}

/* R and S in 1..n-1 (SEC 1 §4.1.4): zero passed for years in some libraries (CVE-2022-21449). */
static void ecdsa_out_of_range_is_refused(void **state)
{
    unsigned char signature[132] = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        if (ROWS[i].scheme.type != KEY_EC)
            continue;
        memset(signature, 0, sizeof signature);
        check_err(DW_ERR_JOSE_SIGNATURE,
                  key_verify(keys[i], &ROWS[i].scheme, MESSAGE, dw_str_n(signature, ROWS[i].size)), "zeros");
        memset(signature, 0xff, sizeof signature);
        check_err(DW_ERR_JOSE_SIGNATURE,
                  key_verify(keys[i], &ROWS[i].scheme, MESSAGE, dw_str_n(signature, ROWS[i].size)), "all ones");
    }
}

static void another_scheme_is_no_match(void **state)
{
    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t size = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        for (size_t j = 0; j < ARRAY_SIZE(ROWS); j++) {
            if (i == j)
                continue;
            CHECK_OK(key_sign(keys[j], &ROWS[j].scheme, MESSAGE, signature, &size));
            const enum dw_err err = key_verify(keys[i], &ROWS[j].scheme, MESSAGE, dw_str_n(signature, size));
            const bool same_type = ROWS[i].scheme.type == ROWS[j].scheme.type;
            check_err(same_type ? DW_ERR_JOSE_SIGNATURE : DW_ERR_ARGUMENT, err, ROWS[i].label);
        }
}

static void a_public_key_does_not_sign(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    _cleanup_(key_free) struct key *public = NULL;
    unsigned char signature[KEY_SIGNATURE_MAX];
    struct key_parts parts;
    size_t size = 0;

    CHECK_OK(dw_arena_new(64 * 1024, &arena));
    CHECK_OK(key_export(keys[7], false, arena, &parts));
    CHECK_OK(key_import(&parts, &public));
    CHECK_ERR(DW_ERR_KEY_USE, key_sign(public, &ROWS[7].scheme, MESSAGE, signature, &size));
    CHECK_OK(key_sign(keys[7], &ROWS[7].scheme, MESSAGE, signature, &size));
    CHECK_OK(key_verify(public, &ROWS[7].scheme, MESSAGE, dw_str_n(signature, size)));
}

/* More keys than contexts are kept: each is displaced and made again. */
static void many_keys_take_turns(void **state)
{
    enum { MANY = 40 };
    struct key *many[MANY] = { NULL };
    unsigned char signatures[MANY][32];
    size_t size = 0;

    for (size_t i = 0; i < MANY; i++) {
        CHECK_OK(key_generate(KEY_HMAC, 256, &many[i]));
        CHECK_OK(key_sign(many[i], &ROWS[0].scheme, MESSAGE, signatures[i], &size));
    }
    for (size_t i = 0; i < MANY; i++)
        for (size_t j = 0; j < MANY; j += 7)
            check_err(i == j ? DW_OK : DW_ERR_JOSE_SIGNATURE,
                      key_verify(many[i], &ROWS[0].scheme, MESSAGE, dw_str_n(signatures[j], 32)), "HS256");
    for (size_t i = 0; i < MANY; i++)
        key_free(&many[i]);
}

static void *sign_and_verify_in_thread(void *argument)
{
    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t size = 0, failures = 0;

    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
            failures += key_sign(keys[i], &ROWS[i].scheme, MESSAGE, signature, &size) != DW_OK ||
                        key_verify(keys[i], &ROWS[i].scheme, MESSAGE, dw_str_n(signature, size)) != DW_OK;
    *(size_t *)argument = failures;
    return NULL;
}

static void threads_share_the_keys(void **state)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    size_t failures[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_and_verify_in_thread, &failures[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(failures[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_and_verifies),
        cmocka_unit_test(an_empty_message_is_a_message),
        cmocka_unit_test(changed_or_cut_signatures_are_refused),
        cmocka_unit_test(ecdsa_out_of_range_is_refused),
        cmocka_unit_test(another_scheme_is_no_match),
        cmocka_unit_test(a_public_key_does_not_sign),
        cmocka_unit_test(many_keys_take_turns),
        cmocka_unit_test(threads_share_the_keys),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
