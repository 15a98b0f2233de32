#include "../check.h"

#include "base/cleanup.h"

static void test_copy(void **state)
{
    _cleanup_secret_ struct dw_secret secret = { 0 }, empty = { 0 }, absent = { 0 };

    (void)state;
    CHECK_OK(dw_secret_copy(DW_STR("pass\0word"), &secret));
    check_str(DW_STR("pass\0word"), dw_secret_borrow(&secret), "copy");
    CHECK_OK(dw_secret_copy(DW_STR(""), &empty));
    assert_non_null(empty.bytes);
    assert_int_equal(empty.size, 0);
    CHECK_OK(dw_secret_copy(dw_str_n(NULL, 0), &absent));
    assert_null(absent.bytes);
}

static void test_eq(void **state)
{
    _cleanup_secret_ struct dw_secret a = { 0 }, b = { 0 }, shorter = { 0 }, none = { 0 };

    (void)state;
    CHECK_OK(dw_secret_copy(DW_STR("0123456789"), &a));
    CHECK_OK(dw_secret_copy(DW_STR("0123456789"), &b));
    CHECK_OK(dw_secret_copy(DW_STR("012345678"), &shorter));
    assert_true(dw_secret_eq(&a, &b));
    assert_false(dw_secret_eq(&a, &shorter));
    assert_false(dw_secret_eq(&a, &none));
    assert_true(dw_secret_eq(&none, &none));
    for (size_t i = 0; i < a.size; i++) {
        b.bytes[i] ^= 0x80;
        assert_false(dw_secret_eq(&a, &b));
        b.bytes[i] ^= 0x80;
    }
}

static void test_free_twice(void **state)
{
    struct dw_secret secret = { 0 };

    (void)state;
    CHECK_OK(dw_secret_random(32, &secret));
    dw_secret_free(&secret);
    assert_null(secret.bytes);
    assert_int_equal(secret.size, 0);
    dw_secret_free(&secret);
}

static void test_take(void **state)
{
    struct dw_secret secret = { 0 };

    (void)state;
    CHECK_OK(dw_secret_random(16, &secret));
    const unsigned char *bytes = secret.bytes;
    _cleanup_secret_ struct dw_secret taken = TAKE_SECRET(secret);
    assert_null(secret.bytes);
    assert_ptr_equal(taken.bytes, bytes);
}

static void test_wipe(void **state)
{
    char memory[] = "secret";

    (void)state;
    dw_wipe(memory, sizeof(memory));
    assert_memory_equal(memory, "\0\0\0\0\0\0\0", sizeof(memory));
    dw_wipe(NULL, 0);
}

CHECK_MAIN(cmocka_unit_test(test_copy), cmocka_unit_test(test_eq), cmocka_unit_test(test_free_twice),
           cmocka_unit_test(test_take), cmocka_unit_test(test_wipe))
