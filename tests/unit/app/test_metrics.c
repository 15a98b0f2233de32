/* What an application counts of its requests, and who may see it. */
#include "fixture.h"

#include "base/metrics.h"

#define TOKEN "a-token.of_20~bytes+"

static enum dw_err nothing(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static enum dw_err conflict(struct dw_request *r, const void *in, void *out)
{
    return DW_ERR_CONFLICT;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/things/{id}", nothing, .needs = DW_PUBLIC, .lane = DW_INLINE },
    { DW_POST, "/things", conflict, .needs = DW_PUBLIC, .lane = DW_INLINE, .rate_limit = "few" },
    { 0 },
};
static const struct dw_route INNER_ROUTES[] = { { DW_GET, "/deep", nothing, .needs = DW_PUBLIC }, { 0 } };
static const struct dw_app_config INNER = { .title = "In", .version = "1", .routes = DW_ROUTES(INNER_ROUTES) };
static const struct dw_mount MOUNTS[] = { { "/inner", &INNER }, { 0 } };
static const struct dw_rate_limit LIMITS[] = { { "few", "2/minute" }, { NULL } };

static struct dw_metric ORDERS = { .name = "shop_orders_total", .kind = DW_COUNTER, .help = "Orders." };
static struct dw_metric *const ROWS[] = { &ORDERS, NULL };

static struct dw_secret token_of(const char *text)
{
    return (struct dw_secret){ .bytes = (unsigned char *)(uintptr_t)text, .size = strlen(text) };
}

static enum dw_err make(struct fixture *f, const struct dw_metrics *metrics, char problem[DW_PROBLEM_SIZE])
{
    const struct dw_app_config config = {
        .title = "Test", .version = "1", .routes = DW_ROUTES(ROUTES, DW_METRICS_ROUTES), .mounts = MOUNTS,
        .rate_limits = LIMITS, .metrics = metrics,
    };

    CHECK_OK(dw_arena_new(FIXTURE_ARENA_LIMIT, &f->arena));
    return dw_app_new(&config, &f->app, problem);
}

static void make_public(struct fixture *f)
{
    const struct dw_metrics metrics = { .is_public = true, .rows = ROWS };
    char problem[DW_PROBLEM_SIZE] = "";

    if (make(f, &metrics, problem) != DW_OK)
        fail_msg("%s", problem);
}

static void check_has(const struct fixture *f, const char *line, bool wanted)
{
    const struct dw_str body = f->called.body;

    if ((memmem(body.ptr, body.len, line, strlen(line)) != NULL) != wanted)
        fail_msg("%s \"%s\" in %.*s", wanted ? "no" : "there is", line, (int)body.len, body.ptr);
}

static void test_counts(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make_public(&f);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_call(&f, DW_GET, "/things/4711", NULL, NULL), 200 + 4);
    for (int i = 0; i < 3; i++)
        fixture_call(&f, DW_POST, "/things", NULL, NULL);
    fixture_call(&f, DW_GET, "/inner/deep", NULL, NULL);
    fixture_call(&f, DW_DELETE, "/things", NULL, NULL);
    fixture_call(&f, DW_GET, "/secret-in-a-path", NULL, NULL);
    dw_metric_add(&ORDERS, 0, 12);
    assert_int_equal(fixture_call(&f, DW_GET, "/metrics", NULL, NULL), 200);
    static const char *const WANTED[] = {
        "\ndoorward_http_requests_total{method=\"GET\",route=\"/things/{id}\",code=\"204\"} 5\n",
        "\ndoorward_http_requests_total{method=\"POST\",route=\"/things\",code=\"409\"} 2\n",
        "\ndoorward_http_requests_total{method=\"POST\",route=\"/things\",code=\"429\"} 1\n",
        "\ndoorward_http_requests_total{method=\"GET\",route=\"/inner/deep\",code=\"204\"} 1\n",
        "\ndoorward_http_requests_total{method=\"DELETE\",route=\"none\",code=\"405\"} 1\n",
        "\ndoorward_http_requests_total{method=\"GET\",route=\"none\",code=\"404\"} 1\n",
        "\ndoorward_http_request_seconds_count{method=\"GET\",route=\"/things/{id}\"} 5\n",
        "\ndoorward_http_errors_total{error=\"conflict\"} 2\n",
        "\ndoorward_rate_limited_total{limit=\"few\"} 1\n",
        "\nshop_orders_total 12\n",
        "\nprocess_resident_memory_bytes ",
    };
    for (size_t i = 0; i < ARRAY_SIZE(WANTED); i++)
        check_has(&f, WANTED[i], true);
    check_has(&f, "4711", false);
    check_has(&f, "secret-in-a-path", false);
    check_header(&f, "Content-Type", "text/plain; version=0.0.4; charset=utf-8", "text");
}

/* However many paths are tried, there are no more series. */
static void test_series_are_bounded(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make_public(&f);
    fixture_call(&f, DW_GET, "/nowhere", NULL, NULL);
    fixture_call(&f, DW_GET, "/things/x", NULL, NULL);
    fixture_call(&f, DW_GET, "/metrics", NULL, NULL);
    fixture_call(&f, DW_GET, "/metrics", NULL, NULL);
    unsigned before = 0, after = 0;
    for (size_t i = 0; i < f.called.body.len; i++)
        before += f.called.body.ptr[i] == '\n';
    for (int i = 0; i < 1000; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/%s%d", i % 2 == 0 ? "" : "things/", i * 7919);
        fixture_call(&f, DW_GET, path, NULL, NULL);
    }
    fixture_call(&f, DW_GET, "/metrics", NULL, NULL);
    for (size_t i = 0; i < f.called.body.len; i++)
        after += f.called.body.ptr[i] == '\n';
    assert_int_equal(before, after);
}

static void test_readers(void **state)
{
    static const struct {
        const char *header;
        int status;
        const char *challenge;
    } CASES[] = {
        { "Bearer " TOKEN, 200, NULL },
        { "bearer  " TOKEN, 200, NULL },
        { NULL, 401, "Bearer" },
        { "", 401, "Bearer" },
        { "Bearer", 401, "Bearer" },
        { "Bearer ", 401, "Bearer" },
        { "Basic " TOKEN, 401, "Bearer" },
        { "Bearer " TOKEN "x", 401, "Bearer error=\"invalid_token\"" },
        { "Bearer a-token.of_20~bytes", 401, "Bearer error=\"invalid_token\"" },
        { "Bearer A-token.of_20~bytes+", 401, "Bearer error=\"invalid_token\"" },
        { "Bearer " TOKEN " " TOKEN, 401, "Bearer error=\"invalid_token\"" },
    };
    const struct dw_secret token = token_of(TOKEN);
    const struct dw_metrics metrics = { .token = &token };
    _cleanup_fixture_ struct fixture f = { 0 };
    char problem[DW_PROBLEM_SIZE] = "";

    CHECK_OK(make(&f, &metrics, problem));
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        const struct dw_call_header headers[] = { { CASES[i].header == NULL ? NULL : "Authorization",
                                                    dw_str(CASES[i].header) }, { 0 } };

        assert_int_equal(fixture_call(&f, DW_GET, "/metrics", headers, NULL), CASES[i].status);
        check_header(&f, "WWW-Authenticate", CASES[i].challenge, CASES[i].header);
        check_has(&f, "TYPE", CASES[i].status == 200);
        check_has(&f, TOKEN, false);
    }
    assert_int_equal(fixture_call(&f, DW_POST, "/metrics", FIXTURE_BEARER(TOKEN), NULL), 405);
}

static void test_off(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    char problem[DW_PROBLEM_SIZE] = "";

    CHECK_OK(make(&f, NULL, problem));
    assert_int_equal(fixture_call(&f, DW_GET, "/metrics", FIXTURE_BEARER(TOKEN), NULL), 404);
    check_body(&f, "{\"detail\":\"Not Found\"}", "off");
    dw_metric_add(&ORDERS, 0, 1);
    assert_int_equal(ORDERS.first_cell, 0);
}

static void test_formats(void **state)
{
    static const struct {
        const char *accept;
        bool is_openmetrics;
    } CASES[] = {
        { NULL, false },
        { "*/*", false },
        { "text/plain;version=0.0.4", false },
        { "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3", true },
        { "Application/OpenMetrics-Text", true },
        { "application/openmetrics-text;q=0", false },
        { "application/openmetrics-texts", false },
        { ",,;;q=,", false },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    make_public(&f);
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        const struct dw_call_header headers[] = { { CASES[i].accept == NULL ? NULL : "Accept",
                                                    dw_str(CASES[i].accept) }, { 0 } };

        assert_int_equal(fixture_call(&f, DW_GET, "/metrics", headers, NULL), 200);
        check_header(&f, "Content-Type",
                     CASES[i].is_openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                             : "text/plain; version=0.0.4; charset=utf-8", CASES[i].accept);
        check_has(&f, "\n# EOF\n", CASES[i].is_openmetrics);
    }
}

static void test_refused(void **state)
{
    static struct dw_metric MALFORMED = { .name = "no counter", .kind = DW_COUNTER, .help = "x" };
    static struct dw_metric TAKEN = { .name = "doorward_http_errors_total", .kind = DW_COUNTER, .help = "x" };
    const struct dw_secret few = token_of("fifteen-bytes-x"), odd = token_of("sixteen bytes, !"),
                           fine = token_of(TOKEN);
    const struct {
        struct dw_metrics metrics;
        const char *problem;
    } CASES[] = {
        { { 0 }, "metrics: neither a token nor open to everyone" },
        { { .token = &fine, .is_public = true }, "metrics: both a token and open to everyone" },
        { { .token = &few }, "metrics: the token has fewer than 16 bytes" },
        { { .token = &odd }, "metrics: the token has a character that Authorization can't carry" },
        { { .token = &fine, .rows = (struct dw_metric *const[]){ &MALFORMED, NULL } },
          "metrics: the row no counter is malformed, or its name is taken" },
        { { .token = &fine, .rows = (struct dw_metric *const[]){ &TAKEN, NULL } },
          "metrics: the row doorward_http_errors_total is malformed, or its name is taken" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        _cleanup_fixture_ struct fixture f = { 0 };
        char problem[DW_PROBLEM_SIZE] = "";

        CHECK_ERR(DW_ERR_TABLE, make(&f, &CASES[i].metrics, problem));
        check_str(dw_str(CASES[i].problem), dw_str(problem), "problem");
    }
}

/* Each application has its own requests; its rows are free again when it is gone. */
static void test_two_applications(void **state)
{
    const struct dw_metrics metrics = { .is_public = true };
    _cleanup_fixture_ struct fixture one = { 0 }, two = { 0 };
    char problem[DW_PROBLEM_SIZE] = "";

    make_public(&one);
    CHECK_OK(make(&two, &metrics, problem));
    fixture_call(&one, DW_GET, "/things/1", NULL, NULL);
    fixture_call(&two, DW_GET, "/metrics", NULL, NULL);
    check_has(&two, "/things/{id}", false);
    check_has(&two, "shop_orders_total", false);
    fixture_free(&one);
    one = (struct fixture){ 0 };
    make_public(&one);
    fixture_call(&one, DW_GET, "/metrics", NULL, NULL);
    check_has(&one, "/things/{id}", false);
    check_has(&one, "shop_orders_total 0\n", true);
}

/* An application for a listener apart shows another's numbers, to whom it says, and none of its own. */
static void test_of_another(void **state)
{
    const struct dw_secret token = token_of(TOKEN);
    _cleanup_fixture_ struct fixture one = { 0 }, none = { 0 }, apart = { 0 };
    char problem[DW_PROBLEM_SIZE] = "";

    make_public(&one);
    CHECK_OK(make(&apart, &(struct dw_metrics){ .token = &token, .of = one.app }, problem));
    fixture_call(&one, DW_GET, "/things/1", NULL, NULL);
    fixture_call(&apart, DW_GET, "/things/1", NULL, NULL);
    for (int i = 0; i < 3; i++)
        fixture_call(&apart, DW_POST, "/things", NULL, NULL);
    dw_metric_add(&ORDERS, 0, 12);
    assert_int_equal(fixture_call(&apart, DW_GET, "/metrics", NULL, NULL), 401);
    assert_int_equal(fixture_call(&apart, DW_GET, "/metrics", FIXTURE_BEARER(TOKEN), NULL), 200);
    check_has(&apart, "\ndoorward_http_requests_total{method=\"GET\",route=\"/things/{id}\",code=\"204\"} 1\n", true);
    check_has(&apart, "\nshop_orders_total 12\n", true);
    check_has(&apart, "route=\"/metrics\"", false);
    check_has(&apart, "doorward_rate_limited_total{limit=\"few\"} 0\n", true);
    fixture_free(&apart);
    apart = (struct fixture){ 0 };
    assert_int_equal(fixture_call(&one, DW_GET, "/metrics", NULL, NULL), 200);
    check_has(&one, "\nshop_orders_total 12\n", true);

    CHECK_OK(make(&none, NULL, problem));
    CHECK_ERR(DW_ERR_TABLE, make(&apart, &(struct dw_metrics){ .is_public = true, .of = none.app }, problem));
    check_str(DW_STR("metrics: of an application that has none"), dw_str(problem), "problem");
    fixture_free(&apart);
    apart = (struct fixture){ 0 };
    CHECK_ERR(DW_ERR_TABLE, make(&apart, &(struct dw_metrics){ .is_public = true, .rows = ROWS, .of = one.app },
                                 problem));
    check_str(DW_STR("metrics: rows, and those of another application"), dw_str(problem), "problem");
}

CHECK_MAIN(cmocka_unit_test(test_counts), cmocka_unit_test(test_series_are_bounded), cmocka_unit_test(test_readers),
           cmocka_unit_test(test_off), cmocka_unit_test(test_formats), cmocka_unit_test(test_refused),
           cmocka_unit_test(test_two_applications), cmocka_unit_test(test_of_another))
