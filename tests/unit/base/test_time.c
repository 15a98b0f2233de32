#include "../check.h"

#include "base/encoding.h"
#include <time.h>

struct time_case {
    const char *text;
    int64_t unix_s;
};

static const struct time_case SAME_BOTH_WAYS[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1969-12-31T23:59:59Z", -1 },
    { "2000-02-29T12:00:00Z", 951825600 },
    { "2024-02-29T23:59:59Z", 1709251199 },
    { "2038-01-19T03:14:08Z", 2147483648 },
    { "0001-01-01T00:00:00Z", -62135596800 },
    { "9999-12-31T23:59:59Z", 253402300799 },
};

static const struct time_case ALSO_PARSED[] = {
    { "1985-04-12T23:20:50.52Z", 482196050 }, /* RFC 3339 §5.8 */
    { "1996-12-19T16:39:57-08:00", 851042397 },
    { "1937-01-01T12:00:27.87+00:20", -1041337173 },
    { "2026-11-22t17:05:49z", 1795367149 },
    { "2026-11-22T00:00:00-00:00", 1795305600 },
};

static const char *const REFUSED[] = {
    "",
    "2026-11-22",
    "2026-11-22T17:05:49",
    "2026-11-22 17:05:49Z",
    "2026-11-22T17:05Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2016-12-31T23:59:60Z",
    "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+0100",
    "2026-01-01T00:00:00Zx",
    "+026-01-01T00:00:00Z",
    "2026-1-01T00:00:00Z",
    "20260101T000000Z",
};

static void test_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SAME_BOTH_WAYS); i++) {
        char text[RFC3339_SIZE];
        int64_t unix_s;
        check_str(dw_str(SAME_BOTH_WAYS[i].text), dw_str_n(text, rfc3339_format(SAME_BOTH_WAYS[i].unix_s, text)),
                  SAME_BOTH_WAYS[i].text);
        CHECK_OK(rfc3339_parse(dw_str(text), &unix_s));
        assert_int_equal(unix_s, SAME_BOTH_WAYS[i].unix_s);
    }
}

static void test_parse(void **state)
{
    int64_t unix_s = 5;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ALSO_PARSED); i++) {
        check_err(DW_OK, rfc3339_parse(dw_str(ALSO_PARSED[i].text), &unix_s), ALSO_PARSED[i].text);
        assert_int_equal(unix_s, ALSO_PARSED[i].unix_s);
    }
    unix_s = 5;
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++)
        check_err(DW_ERR_ENCODING, rfc3339_parse(dw_str(REFUSED[i]), &unix_s), REFUSED[i]);
    CHECK_ERR(DW_ERR_ENCODING, rfc3339_parse(DW_STR("2026-01-01T00:00:00\0"), &unix_s));
    assert_int_equal(unix_s, 5);
}

/* Every day of four centuries, against the C library. */
static void test_against_gmtime(void **state)
{
    (void)state;
    for (int64_t day = -70000; day < 80000; day++) {
        const time_t when = (time_t)(day * 86400 + 4321);
        struct tm parts;
        char text[RFC3339_SIZE], expected[64];
        gmtime_r(&when, &parts);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &parts);
        rfc3339_format(when, text);
        assert_string_equal(text, expected);
    }
}

static void test_extremes_stay_inside(void **state)
{
    char text[RFC3339_SIZE];

    (void)state;
    assert_true(rfc3339_format(INT64_MAX, text) < RFC3339_SIZE);
    assert_true(rfc3339_format(INT64_MIN, text) < RFC3339_SIZE);
}

CHECK_MAIN(cmocka_unit_test(test_both_ways), cmocka_unit_test(test_parse), cmocka_unit_test(test_against_gmtime),
           cmocka_unit_test(test_extremes_stay_inside))
