#include "../check.h"

#include "base/clock.h"
#include <time.h>

static void test_real(void **state)
{
    (void)state;
    const int64_t now = (int64_t)time(NULL);
    const int64_t told_s = dw_clock_now_s(), real_s = clock_real_ms() / 1000;
    const int64_t then = (int64_t)time(NULL);
    assert_in_range(told_s, now - 1, then + 1); /* the clocks' ticks differ */
    assert_in_range(real_s, now - 1, then + 1);
}

static void test_set(void **state)
{
    (void)state;
    dw_clock_set(1000);
    assert_int_equal(dw_clock_now_s(), 1000);
    assert_int_equal(clock_now_ms(), 1000000);
    assert_true(clock_real_ms() > INT64_C(1600000000000));
    dw_clock_set(0);
    assert_int_equal(dw_clock_now_s(), 0);
    dw_clock_set(-5);
    assert_true(dw_clock_now_s() > 1600000000);
}

CHECK_MAIN(cmocka_unit_test(test_real), cmocka_unit_test(test_set))
