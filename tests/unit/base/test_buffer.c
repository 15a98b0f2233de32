#include "../check.h"

#include "base/buffer.h"

static void test_append(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(1000);

    (void)state;
    buffer_append(&b, DW_STR("one "));
    buffer_append(&b, dw_str_n(NULL, 0));
    buffer_append_char(&b, '2');
    buffer_append_literal(&b, " three ");
    buffer_printf(&b, "%s-%03d", "four", 5);
    CHECK_OK(buffer_error(&b));
    check_str(DW_STR("one 2 three four-005"), buffer_str(&b), "content");
    buffer_consume(&b, 4);
    check_str(DW_STR("2 three four-005"), buffer_str(&b), "consumed");
    buffer_consume(&b, 1000);
    assert_int_equal(b.len, 0);
}

static void test_int(void **state)
{
    static const int64_t VALUES[] = { 0, 1, -1, 9, 10, 1234567890, INT64_MAX, INT64_MIN };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(VALUES); i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(100);
        char expected[32];
        snprintf(expected, sizeof(expected), "%lld", (long long)VALUES[i]);
        buffer_append_int(&b, VALUES[i]);
        check_str(dw_str(expected), buffer_str(&b), expected);
    }
}

static void test_limit_sticks(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(10);

    (void)state;
    buffer_append(&b, DW_STR("0123456789"));
    CHECK_OK(buffer_error(&b));
    buffer_append_char(&b, 'x');
    CHECK_ERR(DW_ERR_LIMIT, buffer_error(&b));
    buffer_consume(&b, 5);
    buffer_append_char(&b, 'x'); /* there is room again, but a hole in the text would be worse than none */
    check_str(DW_STR("56789"), buffer_str(&b), "content");
    assert_null(buffer_reserve(&b, 1));
    buffer_reset(&b);
    CHECK_OK(buffer_error(&b));
    assert_int_equal('\0', b.ptr[0]); /* it may have been a credential */
    buffer_append(&b, DW_STR("again"));
    check_str(DW_STR("again"), buffer_str(&b), "after reset");
    assert_null(buffer_reserve(&b, SIZE_MAX));
    CHECK_ERR(DW_ERR_LIMIT, buffer_error(&b));
}

static void test_grows_to_max(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(100000);

    (void)state;
    for (int i = 0; i < 100000; i++)
        buffer_append_char(&b, (char)('a' + i % 26));
    CHECK_OK(buffer_error(&b));
    assert_int_equal(b.len, 100000);
    assert_true(b.capacity <= 100000);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.ptr[i], 'a' + i % 26);
}

static void test_reserve(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(1000);

    (void)state;
    char *room = buffer_reserve(&b, 500);
    assert_non_null(room);
    memset(room, 'r', 500);
    buffer_commit(&b, 3);
    check_str(DW_STR("rrr"), buffer_str(&b), "committed");
}

CHECK_MAIN(cmocka_unit_test(test_append), cmocka_unit_test(test_int), cmocka_unit_test(test_limit_sticks),
           cmocka_unit_test(test_grows_to_max), cmocka_unit_test(test_reserve))
