#include "../check.h"

static void test_rows(void **state)
{
    (void)state;
    for (int err = 0; err < DW_ERR_COUNT; err++) {
        const struct dw_error_info *row = dw_error_info((enum dw_err)err);
        assert_non_null(row->code);
        assert_non_null(row->message);
        assert_in_range(row->status, 200, 599);
        for (int other = 0; other < err; other++)
            assert_string_not_equal(row->code, dw_error_info((enum dw_err)other)->code);
    }
}

static void test_unknown_is_internal(void **state)
{
    (void)state;
    assert_ptr_equal(dw_error_info(DW_ERR_INTERNAL), dw_error_info(DW_ERR_COUNT));
    assert_ptr_equal(dw_error_info(DW_ERR_INTERNAL), dw_error_info((enum dw_err)-1));
}

/* What is wrong with a token must not be told; only its expiry is (spec D3). */
static void test_token_errors_look_alike(void **state)
{
    (void)state;
    for (int err = DW_ERR_TOKEN_INVALID; err <= DW_ERR_USER_GONE; err++) {
        if (err != DW_ERR_TOKEN_EXPIRED)
            assert_string_equal(dw_error_info((enum dw_err)err)->message, "Could not validate credentials");
        assert_int_equal(dw_error_info((enum dw_err)err)->status, 401);
    }
}

CHECK_MAIN(cmocka_unit_test(test_rows), cmocka_unit_test(test_unknown_is_internal),
           cmocka_unit_test(test_token_errors_look_alike))
