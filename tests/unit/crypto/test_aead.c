/* What was sealed opens in its own place alone; every other byte string is refused. */
#include "../check.h"

#include "crypto/aead.h"

static unsigned char key_bytes[AEAD_KEY_SIZE] = { 1, 2, 3 };
static const struct dw_secret KEY = { key_bytes, sizeof key_bytes };

static struct dw_arena *arena;

static int set_up(void **state)
{
    return dw_arena_new(64 * 1024, &arena) == DW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    dw_arena_free(&arena);
    return 0;
}

static void round_trips(void **state)
{
    static const struct dw_str PLAINS[] = { DW_STR_INIT(""), DW_STR_INIT("x"), DW_STR_INIT("private key of 2026") };

    for (size_t i = 0; i < ARRAY_SIZE(PLAINS); i++) {
        _cleanup_secret_ struct dw_secret opened = { 0 };
        struct dw_str sealed;
        assert_int_equal(aead_seal(&KEY, DW_STR("signing_key/1"), PLAINS[i], arena, &sealed), DW_OK);
        assert_int_equal(sealed.len, PLAINS[i].len + AEAD_OVERHEAD);
        assert_int_equal(aead_open(&KEY, DW_STR("signing_key/1"), sealed, &opened), DW_OK);
        assert_true(dw_str_eq(dw_secret_borrow(&opened), PLAINS[i]));
    }
}

static void nonces_differ(void **state)
{
    struct dw_str a, b;

    assert_int_equal(aead_seal(&KEY, DW_STR("c"), DW_STR("same"), arena, &a), DW_OK);
    assert_int_equal(aead_seal(&KEY, DW_STR("c"), DW_STR("same"), arena, &b), DW_OK);
    assert_false(dw_str_eq(a, b));
}

static void every_changed_byte_is_refused(void **state)
{
    _cleanup_secret_ struct dw_secret opened = { 0 };
    struct dw_str sealed;

    assert_int_equal(aead_seal(&KEY, DW_STR("c"), DW_STR("secret"), arena, &sealed), DW_OK);
    for (size_t i = 0; i < sealed.len; i++) {
        const struct dw_str changed = dw_arena_copy(arena, sealed);
        ((char *)changed.ptr)[i] ^= 1;
        assert_int_equal(aead_open(&KEY, DW_STR("c"), changed, &opened), DW_ERR_CRYPTO);
        assert_int_equal(aead_open(&KEY, DW_STR("c"), dw_str_n(sealed.ptr, i), &opened), DW_ERR_CRYPTO);
    }
    assert_null(opened.bytes);
}

static void another_place_or_key_is_refused(void **state)
{
    unsigned char other_bytes[AEAD_KEY_SIZE] = { 9 };
    const struct dw_secret other = { other_bytes, sizeof other_bytes }, cut = { other_bytes, 16 };
    _cleanup_secret_ struct dw_secret opened = { 0 };
    struct dw_str sealed;

    assert_int_equal(aead_seal(&KEY, DW_STR("row/1"), DW_STR("secret"), arena, &sealed), DW_OK);
    assert_int_equal(aead_open(&KEY, DW_STR("row/2"), sealed, &opened), DW_ERR_CRYPTO);
    assert_int_equal(aead_open(&other, DW_STR("row/1"), sealed, &opened), DW_ERR_CRYPTO);
    assert_int_equal(aead_open(&cut, DW_STR("row/1"), sealed, &opened), DW_ERR_ARGUMENT);
    assert_int_equal(aead_seal(&cut, DW_STR("row/1"), DW_STR("secret"), arena, &sealed), DW_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(nonces_differ),
        cmocka_unit_test(every_changed_byte_is_refused),
        cmocka_unit_test(another_place_or_key_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
