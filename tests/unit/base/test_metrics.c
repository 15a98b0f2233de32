/* Counters that threads add to each in their own memory, and the text that adds them up. */
#include "../check.h"

#include "base/metrics.h"
#include <pthread.h>

enum { THREADS = 8, TURNS = 20000, TEXT_MAX = 1 << 20 };

static const char *const COLOURS[] = { "red", "gr\"een", "bl\\ue\n" };
static const char *const SIZES[] = { "s", "m" };
static const uint64_t BOUNDS[] = { 1, 5, 10 };
static const int OWNER = 0;

static struct dw_metric PLAIN = { .name = "t_plain_total", .kind = DW_COUNTER, .help = "Plain." };
static struct dw_metric TWO = {
    .name = "t_two_total", .kind = DW_COUNTER, .help = "Two labels.",
    .labels = { { "colour", COLOURS, 3 }, { "size", SIZES, 2 } },
};
static struct dw_metric LEVEL = { .name = "t_level", .kind = DW_GAUGE, .help = "Up and down." };
static struct dw_metric SPREAD = {
    .name = "t_spread", .kind = DW_HISTOGRAM, .help = "Spread.", .bounds = BOUNDS, .n_bounds = 3,
};
static struct dw_metric SPARSE = {
    .name = "t_sparse_total", .kind = DW_COUNTER, .help = "Seldom.", .is_sparse = true,
    .labels = { { "size", SIZES, 2 } },
};
static struct dw_metric TIMES = {
    .name = "t_times_seconds", .kind = DW_HISTOGRAM, .unit = DW_NANOSECONDS, .help = "Times.", .is_sparse = true,
};
static struct dw_metric *const ROWS[] = { &PLAIN, &TWO, &LEVEL, &SPREAD, &SPARSE, &TIMES, NULL };

static int let_go(void **state)
{
    metrics_unregister(&OWNER);
    return 0;
}

static int take(void **state)
{
    CHECK_OK(metrics_register(ROWS, &OWNER, NULL));
    return 0;
}

static void check_text(enum metrics_format format, const char *expected)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(TEXT_MAX);

    metrics_write(&OWNER, format, &b);
    CHECK_OK(buffer_error(&b));
    check_str(dw_str(expected), buffer_str(&b), "text");
}

static void *count_a_lot(void *unused)
{
    for (int i = 0; i < TURNS; i++) {
        metric_add(&PLAIN, 0, 1);
        metric_add(&LEVEL, 0, i % 2 == 0 ? 1 : -1);
        dw_metric_observe(&SPREAD, 0, (uint64_t)i % 12);
    }
    return NULL;
}

static void run_threads(unsigned n)
{
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < n; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_a_lot, NULL), 0);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* What a thread has counted outlives it, also when another one goes on in its memory. */
static void test_threads(void **state)
{
    for (unsigned turn = 1; turn <= 3; turn++) {
        run_threads(THREADS);
        assert_int_equal(metrics_value(&PLAIN, 0), turn * THREADS * TURNS);
        assert_int_equal(metrics_value(&SPREAD, 0), turn * THREADS * TURNS);
        assert_int_equal(metrics_value(&LEVEL, 0), 0);
    }
}

/* Whoever reads while others count sees what only grows. */
static void test_reading_meanwhile(void **state)
{
    pthread_t thread;
    uint64_t before = 0;

    assert_int_equal(pthread_create(&thread, NULL, count_a_lot, NULL), 0);
    for (int i = 0; i < 200; i++) {
        const uint64_t now = metrics_value(&PLAIN, 0);
        assert_true(now >= before && now <= TURNS);
        before = now;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(metrics_value(&PLAIN, 0), TURNS);
}

static void test_text(void **state)
{
    dw_metric_add(&PLAIN, 0, 41);
    dw_metric_add(&PLAIN, 0, 1);
    dw_metric_add(&TWO, 1 * 2 + 1, 7);
    dw_metric_add(&TWO, 2 * 2 + 0, 8);
    dw_metric_add(&LEVEL, 0, 3);
    dw_metric_add(&LEVEL, 0, -1);
    dw_metric_observe(&SPREAD, 0, 0);
    dw_metric_observe(&SPREAD, 0, 5);
    dw_metric_observe(&SPREAD, 0, 6);
    dw_metric_observe(&SPREAD, 0, 11);
    dw_metric_add(&SPARSE, 1, 2);
#define BEFORE_SPREAD(total)                                                                                           \
    "# HELP t_plain" total " Plain.\n# TYPE t_plain" total " counter\nt_plain_total 42\n"                              \
    "# HELP t_two" total " Two labels.\n# TYPE t_two" total " counter\n"                                               \
    "t_two_total{colour=\"red\",size=\"s\"} 0\nt_two_total{colour=\"red\",size=\"m\"} 0\n"                             \
    "t_two_total{colour=\"gr\\\"een\",size=\"s\"} 0\nt_two_total{colour=\"gr\\\"een\",size=\"m\"} 7\n"                 \
    "t_two_total{colour=\"bl\\\\ue\\n\",size=\"s\"} 8\nt_two_total{colour=\"bl\\\\ue\\n\",size=\"m\"} 0\n"             \
    "# HELP t_level Up and down.\n# TYPE t_level gauge\nt_level 2\n"                                                   \
    "# HELP t_spread Spread.\n# TYPE t_spread histogram\n"
#define AFTER_SPREAD(total)                                                                                            \
    "t_spread_bucket{le=\"+Inf\"} 4\nt_spread_sum 22\nt_spread_count 4\n"                                              \
    "# HELP t_sparse" total " Seldom.\n# TYPE t_sparse" total " counter\nt_sparse_total{size=\"m\"} 2\n"               \
    "# HELP t_times_seconds Times.\n# TYPE t_times_seconds histogram\n"
    check_text(METRICS_TEXT, BEFORE_SPREAD("_total")
        "t_spread_bucket{le=\"1\"} 1\nt_spread_bucket{le=\"5\"} 2\nt_spread_bucket{le=\"10\"} 3\n"
        AFTER_SPREAD("_total"));
    check_text(METRICS_OPENMETRICS, BEFORE_SPREAD("")
        "t_spread_bucket{le=\"1.0\"} 1\nt_spread_bucket{le=\"5.0\"} 2\nt_spread_bucket{le=\"10.0\"} 3\n"
        AFTER_SPREAD("") "# EOF\n");
}

/* Nanoseconds go in, seconds come out. */
static void test_seconds(void **state)
{
    static const char *const WANTED[] = {
        "t_times_seconds_bucket{le=\"0.0001\"} 1\n", "t_times_seconds_bucket{le=\"0.0025\"} 1\n",
        "t_times_seconds_bucket{le=\"1\"} 1\n",      "t_times_seconds_bucket{le=\"2.5\"} 2\n",
        "t_times_seconds_bucket{le=\"10\"} 2\n",     "t_times_seconds_bucket{le=\"+Inf\"} 3\n",
        "t_times_seconds_sum 21.50000007\n",         "t_times_seconds_count 3\n",
    };
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(TEXT_MAX);

    dw_metric_observe(&TIMES, 0, 70);
    dw_metric_observe(&TIMES, 0, 1500000000);
    dw_metric_observe(&TIMES, 0, 20000000000);
    metrics_write(&OWNER, METRICS_TEXT, &b);
    for (size_t i = 0; i < ARRAY_SIZE(WANTED); i++)
        if (memmem(b.ptr, b.len, WANTED[i], strlen(WANTED[i])) == NULL)
            fail_msg("no %s in %.*s", WANTED[i], (int)b.len, b.ptr);
}

static void test_nonsense_is_not_counted(void **state)
{
    static struct dw_metric unknown = { .name = "t_unknown_total", .kind = DW_COUNTER, .help = "Nobody's." };

    dw_metric_add(NULL, 0, 1);
    dw_metric_observe(NULL, 0, 1);
    dw_metric_add(&unknown, 0, 1);
    dw_metric_add(&PLAIN, 1, 1);
    dw_metric_add(&PLAIN, UINT32_MAX, 1);
    dw_metric_add(&PLAIN, 0, -1); /* a counter never falls */
    dw_metric_add(&SPREAD, 0, 1);
    dw_metric_observe(&PLAIN, 0, 1);
    dw_metric_observe(&SPREAD, 1, 1);
    assert_int_equal(metrics_value(&PLAIN, 0), 0);
    assert_int_equal(metrics_value(&SPREAD, 0), 0);
    dw_metric_add(&LEVEL, 0, -5);
    assert_int_equal((int64_t)metrics_value(&LEVEL, 0), -5); /* and the text says 0 */
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(TEXT_MAX);
    metrics_write(&OWNER, METRICS_TEXT, &b);
    assert_non_null(memmem(b.ptr, b.len, "\nt_level 0\n", 11));
}

/* Rows that must not get in. */
static void test_malformed(void **state)
{
    static const uint64_t FALLING[] = { 5, 4 };
    struct dw_metric rows[] = {
        { .kind = DW_COUNTER, .help = "x" },
        { .name = "", .kind = DW_COUNTER, .help = "x" },
        { .name = "9_total", .kind = DW_COUNTER, .help = "x" },
        { .name = "a-b_total", .kind = DW_COUNTER, .help = "x" },
        { .name = "a_total\n", .kind = DW_COUNTER, .help = "x" },
        { .name = "a_total", .kind = DW_COUNTER },
        { .name = "a_total", .kind = DW_COUNTER, .help = "two\nlines" },
        { .name = "a_total", .kind = DW_COUNTER, .help = "a \"quote\"" },
        { .name = "a", .kind = DW_COUNTER, .help = "x" },
        { .name = "_total", .kind = DW_COUNTER, .help = "x" },
        { .name = "a_total", .kind = DW_GAUGE, .help = "x" },
        { .name = "a", .help = "x" },
        { .name = "a", .kind = (enum dw_metric_kind)4, .help = "x" },
        { .name = "a", .kind = DW_GAUGE, .unit = (enum dw_metric_unit)2, .help = "x" },
        { .name = "a", .kind = DW_GAUGE, .help = "x", .labels = { { "l", NULL, 1 } } },
        { .name = "a", .kind = DW_GAUGE, .help = "x", .labels = { { "l", SIZES, 0 } } },
        { .name = "a", .kind = DW_GAUGE, .help = "x", .labels = { { "l:", SIZES, 2 } } },
        { .name = "a", .kind = DW_GAUGE, .help = "x", .labels = { { "l", SIZES, 2 }, { "", SIZES, 2 } } },
        { .name = "a", .kind = DW_GAUGE, .help = "x", .labels = { { "l", SIZES, 65536 }, { "m", SIZES, 65536 } } },
        { .name = "a", .kind = DW_HISTOGRAM, .help = "x", .bounds = FALLING, .n_bounds = 2 },
        { .name = "t_plain_total", .kind = DW_COUNTER, .help = "taken" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dw_metric *const table[] = { &rows[i], NULL };
        const struct dw_metric *bad = NULL;

        if (metrics_register(table, &OWNER, &bad) != DW_ERR_TABLE || bad != &rows[i])
            fail_msg("row %zu was taken", i);
    }
    CHECK_ERR(DW_ERR_TABLE, metrics_register(ROWS, &OWNER, NULL)); /* twice */
}

/* Too many series are refused, and their place is nobody's. */
static void test_room(void **state)
{
    static struct dw_metric wide = {
        .name = "t_wide_total", .kind = DW_COUNTER, .help = "x", .labels = { { "l", SIZES, METRICS_CELLS_MAX } },
    };
    struct dw_metric *const table[] = { &wide, NULL };

    CHECK_ERR(DW_ERR_LIMIT, metrics_register(table, &OWNER, NULL));
    assert_int_equal(wide.first_cell, 0);
}

/* The next one in the same place begins at zero; another owner may use the same names. */
static void test_owners(void **state)
{
    static const int OTHER = 0;
    static struct dw_metric theirs = { .name = "t_plain_total", .kind = DW_COUNTER, .help = "Another's." };
    struct dw_metric *const table[] = { &theirs, NULL };
    const unsigned place = PLAIN.first_cell;

    dw_metric_add(&PLAIN, 0, 5);
    CHECK_OK(metrics_register(table, &OTHER, NULL));
    dw_metric_add(&theirs, 0, 1);
    assert_int_equal(metrics_value(&PLAIN, 0), 5);
    assert_int_equal(metrics_value(&theirs, 0), 1);
    metrics_unregister(&OWNER);
    assert_int_equal(PLAIN.first_cell, 0);
    CHECK_OK(metrics_register(ROWS, &OWNER, NULL));
    assert_int_equal(PLAIN.first_cell, place);
    assert_int_equal(metrics_value(&PLAIN, 0), 0);
    assert_int_equal(metrics_value(&theirs, 0), 1);
    metrics_unregister(&OTHER);
}

static void test_process(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(TEXT_MAX);

    CHECK_OK(metrics_register(METRICS_PROCESS, NULL, NULL));
    CHECK_OK(metrics_register(METRICS_PROCESS, NULL, NULL)); /* it stays */
    metrics_write(&OWNER, METRICS_TEXT, &b);
    buffer_append_char(&b, '\0');
    for (size_t i = 0; METRICS_PROCESS[i] != NULL; i++) {
        char wanted[200];
        double value = -1;

        snprintf(wanted, sizeof(wanted), "\n%s ", METRICS_PROCESS[i]->name);
        const char *at = strstr(b.ptr, wanted);
        assert_non_null(at);
        assert_int_equal(sscanf(at + strlen(wanted), "%lf", &value), 1);
        if (value <= 0 || value > 1e15)
            fail_msg("%s is %f", METRICS_PROCESS[i]->name, value);
    }
}

#define WITH_ROWS(test) cmocka_unit_test_setup_teardown(test, take, let_go)

CHECK_MAIN(WITH_ROWS(test_threads), WITH_ROWS(test_reading_meanwhile), WITH_ROWS(test_text), WITH_ROWS(test_seconds),
           WITH_ROWS(test_nonsense_is_not_counted), WITH_ROWS(test_malformed), WITH_ROWS(test_room),
           WITH_ROWS(test_owners), WITH_ROWS(test_process))
