/* Rate limits: the words, the counters at the edges of their windows, and the answers. */
#include "fixture.h"

#include "app/rate_limit.h"

/* --- words ------------------------------------------------------------------------------------------------------ */

struct words {
    const char *text;
    enum dw_err expected;
    size_t n;
    struct dw_rate first;
};

static const struct words WORDS[] = {
    { "5/minute", DW_OK, 1, { 5, 1, "minute", 60 } },
    { "10 per hour", DW_OK, 1, { 10, 1, "hour", 3600 } },
    { "100 per hour;10 per second", DW_OK, 2, { 100, 1, "hour", 3600 } },
    { "2 per 5 minutes", DW_OK, 1, { 2, 5, "minute", 300 } },
    { "2/5minutes", DW_OK, 1, { 2, 5, "minute", 300 } },
    { "1/0 minutes", DW_OK, 1, { 1, 1, "minute", 60 } },
    { " 1 / DAY ", DW_OK, 1, { 1, 1, "day", 86400 } },
    { "1per2months", DW_OK, 1, { 1, 2, "month", 5184000 } },
    { "1/year", DW_OK, 1, { 1, 1, "year", 31104000 } },
    { "1/second,2/minute|3/hour", DW_OK, 3, { 1, 1, "second", 1 } },
    { "0/second", DW_OK, 1, { 0, 1, "second", 1 } },
    { "999999999/second", DW_OK, 1, { 999999999, 1, "second", 1 } },
    { "1000000000/second", DW_ERR_VALIDATION },
    { "", DW_ERR_VALIDATION },
    { "none", DW_ERR_VALIDATION },
    { "5", DW_ERR_VALIDATION },
    { "5/", DW_ERR_VALIDATION },
    { "/minute", DW_ERR_VALIDATION },
    { "-1/minute", DW_ERR_VALIDATION },
    { "5/fortnight", DW_ERR_VALIDATION },
    { "5/minutess", DW_ERR_VALIDATION },
    { "5/minute;", DW_ERR_VALIDATION },
    { "5/minute 6/hour", DW_ERR_VALIDATION },
    { "1/day,1/day,1/day,1/day,1/day,1/day,1/day,1/day,1/day", DW_ERR_LIMIT },
};

static void rates_are_read_as_written(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++) {
        const struct words *w = &WORDS[i];
        struct dw_rate rates[DW_RATES_MAX];
        size_t n = 0;

        check_err(w->expected, dw_rates_parse(dw_str(w->text), rates, &n), w->text);
        if (w->expected != DW_OK)
            continue;
        assert_int_equal(w->n, n);
        assert_int_equal(w->first.amount, rates[0].amount);
        assert_int_equal(w->first.multiples, rates[0].multiples);
        assert_int_equal(w->first.seconds, rates[0].seconds);
        assert_string_equal(w->first.unit, rates[0].unit);
    }
}

/* --- counters --------------------------------------------------------------------------------------------------- */

#define _cleanup_counters_ _cleanup_(rate_counters_free)

static const struct dw_rate FOUR_IN_TEN = { 4, 10, "second", 10 };

struct hit {
    int64_t at_ms;
    bool is_allowed;
    uint32_t remaining;
    int64_t retry_after_s;
};

static void check_hits(enum dw_rate_window window, const struct hit *hits, size_t n)
{
    _cleanup_counters_ struct rate_counters *counters = NULL;

    CHECK_OK(rate_counters_new(&counters));
    for (size_t i = 0; i < n; i++) {
        const struct dw_rate_verdict v =
            rate_counters_hit(counters, &FOUR_IN_TEN, window, DW_STR("key"), 1000000 + hits[i].at_ms);

        if (v.is_allowed != hits[i].is_allowed || v.remaining != hits[i].remaining ||
            v.retry_after_s != hits[i].retry_after_s)
            fail_msg("at %lld: allowed %d, remaining %u, retry after %lld", (long long)hits[i].at_ms, v.is_allowed,
                v.remaining, (long long)v.retry_after_s);
    }
}

static void a_fixed_window_starts_with_its_first_request(void **state)
{
    static const struct hit HITS[] = {
        { 0, true, 3 },     { 9000, true, 2 },  { 9500, true, 1 },  { 9600, true, 0 },
        { 9700, false, 0, 1 }, { 9999, false, 0, 1 }, { 10000, true, 3 }, { 10001, true, 2 },
        { 60000, true, 3 },
    };

    check_hits(DW_RATE_FIXED, HITS, ARRAY_SIZE(HITS));
}

static void a_sliding_window_has_no_burst_at_its_edge(void **state)
{
    static const struct hit HITS[] = {
        { 0, true, 3 },        { 9000, true, 2 },     { 9500, true, 1 },      { 9600, true, 0 },
        { 9700, false, 0, 3 }, { 10000, false, 0, 3 }, { 12499, false, 0, 1 }, { 12500, true, 0 },
        { 12501, false, 0, 3 }, { 15000, true, 0 },     { 60000, true, 3 },
    };

    check_hits(DW_RATE_SLIDING, HITS, ARRAY_SIZE(HITS));
}

static void waiting_as_told_is_enough(void **state)
{
    _cleanup_counters_ struct rate_counters *counters = NULL;
    const enum dw_rate_window windows[] = { DW_RATE_SLIDING, DW_RATE_FIXED };
    const struct dw_rate rate = { 7, 3, "second", 3 };
    unsigned refused = 0;
    uint64_t random = 1;

    CHECK_OK(rate_counters_new(&counters));
    for (size_t w = 0; w < ARRAY_SIZE(windows); w++)
        for (int64_t now_ms = 1000, i = 0; i < 20000; i++, now_ms += (int64_t)(random >> 33) % 700) {
            const struct dw_str key = windows[w] == DW_RATE_FIXED ? DW_STR("fixed") : DW_STR("sliding");
            struct dw_rate_verdict v = rate_counters_hit(counters, &rate, windows[w], key, now_ms);

            random = random * 6364136223846793005u + 1442695040888963407u;
            if (v.is_allowed)
                continue;
            refused++;
            assert_in_range(v.retry_after_s, 1, 6);
            now_ms += v.retry_after_s * 1000;
            v = rate_counters_hit(counters, &rate, windows[w], key, now_ms);
            assert_true(v.is_allowed);
        }
    assert_true(refused > 100);
}

static void keys_and_rates_are_counted_apart(void **state)
{
    _cleanup_counters_ struct rate_counters *counters = NULL;
    const struct dw_rate one = { 1, 1, "minute", 60 };

    CHECK_OK(rate_counters_new(&counters));
    assert_true(rate_counters_hit(counters, &one, DW_RATE_FIXED, DW_STR("a"), 5000).is_allowed);
    assert_false(rate_counters_hit(counters, &one, DW_RATE_FIXED, DW_STR("a"), 5000).is_allowed);
    assert_true(rate_counters_hit(counters, &one, DW_RATE_FIXED, DW_STR("b"), 5000).is_allowed);
    /* A clock that was set back holds nobody. */
    assert_true(rate_counters_hit(counters, &one, DW_RATE_FIXED, DW_STR("a"), 4000).is_allowed);
}

static void a_flood_of_addresses_does_not_free_the_one_held_back(void **state)
{
    enum { FLOOD = 100000 };
    _cleanup_counters_ struct rate_counters *counters = NULL;
    const struct dw_rate rate = { 5, 1, "hour", 3600 };
    char key[32];

    CHECK_OK(rate_counters_new(&counters));
    for (int i = 0; i < 5; i++)
        assert_true(rate_counters_hit(counters, &rate, DW_RATE_SLIDING, DW_STR("held"), 1000).is_allowed);
    for (int i = 0; i < FLOOD; i++) {
        snprintf(key, sizeof(key), "flood %d", i);
        assert_true(rate_counters_hit(counters, &rate, DW_RATE_SLIDING, dw_str(key), 2000).is_allowed);
    }
    assert_false(rate_counters_hit(counters, &rate, DW_RATE_SLIDING, DW_STR("held"), 3000).is_allowed);
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

static enum dw_err fine(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/free", fine, .needs = DW_PUBLIC, .lane = DW_INLINE },
    { DW_POST, "/guess", fine, .needs = DW_PUBLIC, .lane = DW_INLINE, .rate_limit = "login" },
    { DW_POST, "/token", fine, .needs = DW_PUBLIC, .lane = DW_INLINE, .rate_limit = "login", .oauth_errors = true },
    { 0 },
};

static void make(struct fixture *f, const char *login, const char *all)
{
    const struct dw_rate_limit limits[] = {
        { "login", login, DW_RATE_SLIDING }, { DW_RATE_LIMIT_DEFAULT, all, DW_RATE_FIXED }, { NULL },
    };

    dw_clock_set(1000000);
    fixture_make(f, (struct dw_app_config){ .rate_limits = limits }, ROUTES);
}

static int reset_clock(void **state)
{
    dw_clock_set(-1);
    return 0;
}

static void one_too_many_is_429(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, "2/minute", "none");
    assert_int_equal(204, fixture_call(&f, DW_POST, "/guess", NULL, ""));
    check_header(&f, "RateLimit-Limit", "2", "first");
    check_header(&f, "RateLimit-Remaining", "1", "first");
    /* The rows that name a limit share it. */
    assert_int_equal(204, fixture_call(&f, DW_POST, "/token", NULL, ""));
    check_header(&f, "RateLimit-Remaining", "0", "second");
    assert_int_equal(429, fixture_call(&f, DW_POST, "/guess", NULL, ""));
    check_body(&f, "{\"detail\":\"Too Many Requests\"}", "third");
    check_header(&f, "Retry-After", "90", "third");
    check_header(&f, "RateLimit-Remaining", "0", "third");
    check_header(&f, "RateLimit-Reset", "120", "third");
    assert_int_equal(429, fixture_call(&f, DW_POST, "/token", NULL, ""));
    check_body(
        &f, "{\"error\":\"slow_down\",\"error_description\":\"Too Many Requests\",\"detail\":\"Too Many Requests\"}",
        "fourth");
    assert_int_equal(204, fixture_call(&f, DW_GET, "/free", NULL, NULL));
    check_header(&f, "RateLimit-Limit", NULL, "free");
    dw_clock_set(1000000 + 90);
    assert_int_equal(204, fixture_call(&f, DW_POST, "/guess", NULL, ""));
}

static void the_default_holds_for_everything(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, "none", "3 per minute; 100 per hour");
    assert_int_equal(204, fixture_call(&f, DW_GET, "/free", NULL, NULL));
    assert_int_equal(404, fixture_call(&f, DW_GET, "/nowhere", NULL, NULL));
    assert_int_equal(405, fixture_call(&f, DW_DELETE, "/free", NULL, NULL));
    assert_int_equal(429, fixture_call(&f, DW_GET, "/free", NULL, NULL));
    check_header(&f, "Retry-After", "60", "free");
    assert_int_equal(429, fixture_call(&f, DW_GET, "/nowhere", NULL, NULL));
    dw_clock_set(1000060);
    assert_int_equal(204, fixture_call(&f, DW_GET, "/free", NULL, NULL));
    check_header(&f, "RateLimit-Limit", "3", "the one nearest to its end");
}

static void wrong_limits_stop_the_start(void **state)
{
    static const char *const RULES[] = { "5/fortnight", "0/minute", "200000000/second", "1 per 3 years" };
    const struct dw_route *const tables[] = { ROUTES, NULL };

    for (size_t i = 0; i < ARRAY_SIZE(RULES); i++) {
        const struct dw_rate_limit limits[] = { { "login", RULES[i] }, { NULL } };
        const struct dw_app_config config = { .title = "T", .version = "1", .routes = tables, .rate_limits = limits };
        struct dw_app *app = NULL;
        char problem[DW_PROBLEM_SIZE];

        check_err(DW_ERR_TABLE, dw_app_new(&config, &app, problem), RULES[i]);
        assert_non_null(strstr(problem, "login"));
    }
    const struct dw_app_config unknown = { .title = "T", .version = "1", .routes = tables };
    struct dw_app *app = NULL;
    char problem[DW_PROBLEM_SIZE];

    CHECK_ERR(DW_ERR_TABLE, dw_app_new(&unknown, &app, problem));
    assert_string_equal(problem, "POST /guess: no rate limit has the name login");
}

CHECK_MAIN(cmocka_unit_test(rates_are_read_as_written),
    cmocka_unit_test(a_fixed_window_starts_with_its_first_request),
    cmocka_unit_test(a_sliding_window_has_no_burst_at_its_edge), cmocka_unit_test(waiting_as_told_is_enough),
    cmocka_unit_test(keys_and_rates_are_counted_apart),
    cmocka_unit_test(a_flood_of_addresses_does_not_free_the_one_held_back),
    cmocka_unit_test_teardown(one_too_many_is_429, reset_clock),
    cmocka_unit_test_teardown(the_default_holds_for_everything, reset_clock),
    cmocka_unit_test_teardown(wrong_limits_stop_the_start, reset_clock))
