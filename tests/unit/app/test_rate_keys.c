/* Whose requests a limit counts together: an address, a user, a credential, what the program says. */
#include "principal_fixture.h"

#include "app/application.h"

enum { NOW_S = 1000000 };

static enum dw_err fine(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

/* Waits where it may: its row begins on the loop and ends on a worker. */
static enum dw_err slow(struct dw_request *r, const void *in, void *out)
{
    return dw_request_may_block(r) ? DW_OK : DW_ERR_WOULD_BLOCK;
}

static enum dw_err counts_itself(struct dw_request *r, const void *in, void *out)
{
    return dw_rate_limit_count(r, "by user");
}

static struct dw_str key_of_header(struct dw_request *r)
{
    return dw_request_header(r, "X-Customer");
}

struct thing {
    struct dw_str name;
};

static const struct dw_model THING = {
    .name = "Thing", .size = sizeof(struct thing),
    .fields = (const struct dw_field[]){ { DW_FIELD(struct thing, name), .type = DW_STRING, .flags = DW_REQUIRED },
                                         { 0 } },
};

static const struct dw_route ROUTES[] = {
    { DW_GET, "/address", fine, .needs = DW_SIGNED_IN, .rate_limit = "by address" },
    { DW_GET, "/user", fine, .needs = DW_SIGNED_IN, .rate_limit = "by user" },
    { DW_GET, "/user/free", fine, .needs = DW_PUBLIC, .rate_limit = "by user" },
    { DW_GET, "/user/slow", slow, .needs = DW_SIGNED_IN, .lane = DW_INLINE, .rate_limit = "by user" },
    { DW_GET, "/user/admins", fine, .needs = DW_ROLE("admin"), .rate_limit = "by user" },
    { DW_POST, "/user/body", fine, .needs = DW_SIGNED_IN, .body = &THING, .rate_limit = "by user" },
    { DW_GET, "/user/self", counts_itself, .needs = DW_SIGNED_IN },
    { DW_GET, "/key", fine, .needs = DW_SIGNED_IN, .rate_limit = "by key" },
    { DW_GET, "/key/free", fine, .needs = DW_PUBLIC, .rate_limit = "by key" },
    { DW_GET, "/customer", fine, .needs = DW_PUBLIC, .rate_limit = "by customer" },
    { 0 },
};

static const struct dw_rate_limit LIMITS[] = {
    { "by address", "1/minute", DW_RATE_FIXED },
    { "by user", "1/minute", DW_RATE_FIXED, DW_RATE_BY_USER },
    { "by key", "1/minute", DW_RATE_FIXED, DW_RATE_BY_CREDENTIAL },
    { "by customer", "1/minute", DW_RATE_FIXED, DW_RATE_BY_FUNCTION, key_of_header },
    { NULL },
};

static void make(struct fixture *f, const struct dw_rate_limit *limits)
{
    struct dw_app_config config = KNOWN_CALLERS;

    dw_clock_set(NOW_S);
    config.rate_limits = limits;
    fixture_make(f, config, ROUTES);
}

static int reset_clock(void **state)
{
    dw_clock_set(-1);
    return 0;
}

struct call {
    const char *target, *token, *customer;
    int status;
};

static void check_calls(struct fixture *f, const struct call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct dw_call_header headers[3] = { 0 };
        size_t k = 0;

        if (calls[i].token != NULL)
            headers[k++] = (struct dw_call_header){ "Authorization",
                                                    dw_arena_printf(f->arena, "Bearer %s", calls[i].token) };
        if (calls[i].customer != NULL)
            headers[k++] = (struct dw_call_header){ "X-Customer", dw_str(calls[i].customer) };
        if (fixture_call(f, DW_GET, calls[i].target, headers, NULL) != calls[i].status)
            fail_msg("call %zu, %s: %d", i, calls[i].target, f->called.status);
        check_header(f, "Retry-After", calls[i].status == 429 ? "60" : NULL, calls[i].target);
    }
}

#define CHECK_CALLS(f, ...)                                                                                            \
    check_calls(f, (const struct call[]){ __VA_ARGS__ }, ARRAY_SIZE(((const struct call[]){ __VA_ARGS__ })))

static void by_address_all_users_of_it_count(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, LIMITS);
    /* Before authentication: a wrong token counts too. */
    CHECK_CALLS(&f, { "/address", "wrong", NULL, 401 }, { "/address", "ann", NULL, 429 },
        { "/address", "root", NULL, 429 });
}

static void by_user_each_has_a_count(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, LIMITS);
    CHECK_CALLS(&f, { "/user", "ann", NULL, 204 }, { "/user", "root", NULL, 204 }, { "/user", "ann", NULL, 429 },
        { "/user", "root", NULL, 429 },
        /* Who is not known is not counted, and learns nothing of limits. */
        { "/user", "wrong", NULL, 401 }, { "/user", NULL, NULL, 401 }, { "/user", NULL, NULL, 401 },
        /* Where nobody signs in it is the address. */
        { "/user/free", NULL, NULL, 204 }, { "/user/free", NULL, NULL, 429 }, { "/user/free", "narrow", NULL, 429 });
    check_header(&f, "RateLimit-Limit", "1", "429");
    check_header(&f, "RateLimit-Remaining", "0", "429");
    dw_clock_set(NOW_S + 59);
    assert_int_equal(fixture_call(&f, DW_GET, "/user", FIXTURE_BEARER("ann"), NULL), 429);
    check_header(&f, "Retry-After", "1", "a second before the edge");
    dw_clock_set(NOW_S + 60);
    CHECK_CALLS(&f, { "/user", "ann", NULL, 204 }, { "/user", "ann", NULL, 429 });
}

static void a_request_that_moves_to_a_worker_counts_once(void **state)
{
    static const struct dw_rate_limit TWO[] = { { "by user", "2/minute", DW_RATE_FIXED, DW_RATE_BY_USER },
                                                { "by address", NULL }, { "by key", NULL }, { "by customer", NULL },
                                                { NULL } };
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(http_request_free) struct dw_request *r = NULL;
    size_t max_body = 1;

    make(&f, TWO);
    CHECK_OK(http_request_new(&r));
    r->method = DW_GET;
    r->headers[r->n_headers++] = (struct http_header){ DW_STR("Authorization"), DW_STR("Bearer ann") };
    CHECK_OK(http_request_set_target(r, DW_STR("/user/slow")));
    const struct http_service *service = &f.app->service;
    CHECK_OK(service->begin(f.app, r, &max_body));
    assert_int_equal(service->serve(f.app, r), HTTP_TO_WORKER);
    r->may_block = true;
    service->serve_waiting(f.app, r);
    service->finished(f.app, r, true);
    assert_int_equal(r->status, 204);
    CHECK_CALLS(&f, { "/user/slow", "ann", NULL, 204 }, { "/user/slow", "ann", NULL, 429 });
}

static void who_may_not_is_told_so_and_not_counted(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, LIMITS);
    CHECK_CALLS(&f, { "/user/admins", "ann", NULL, 403 }, { "/user", "ann", NULL, 204 });
}

static void it_is_counted_before_the_body_is_read(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    const struct dw_call_header headers[] = {
        { "Authorization", DW_STR("Bearer ann") }, { "Content-Type", DW_STR("application/json") }, { 0 },
    };

    make(&f, LIMITS);
    assert_int_equal(fixture_call(&f, DW_POST, "/user/body", headers, "{}"), 422);
    assert_int_equal(fixture_call(&f, DW_POST, "/user/body", headers, "{}"), 429);
    check_body(&f, "{\"detail\":\"Too Many Requests\"}", "429");
}

static void a_handler_counts_by_the_limits_own_key(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, LIMITS);
    CHECK_CALLS(&f, { "/user/self", "ann", NULL, 204 }, { "/user/self", "root", NULL, 204 },
        { "/user/self", "ann", NULL, 429 }, { "/user", "root", NULL, 429 });
}

static void by_credential_each_token_has_a_count(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    const struct dw_call_header key[] = { { "X-API-Key", DW_STR("ann") }, { 0 } };

    make(&f, LIMITS);
    CHECK_CALLS(&f, { "/key", "ann", NULL, 204 }, { "/key", "root", NULL, 204 }, { "/key", "ann", NULL, 429 },
        { "/key/free", NULL, NULL, 204 }, { "/key/free", "ann", NULL, 429 });
    /* The same bytes by another scheme are the same credential. */
    assert_int_equal(fixture_call(&f, DW_GET, "/key", key, NULL), 429);
}

static void the_program_says_who_counts(void **state)
{
    char longest[2000];
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, LIMITS);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    CHECK_CALLS(&f, { "/customer", NULL, "a", 204 }, { "/customer", NULL, "b", 204 }, { "/customer", NULL, "a", 429 },
        { "/customer", NULL, "", 204 }, { "/customer", NULL, "", 429 }, { "/customer", NULL, longest, 204 },
        { "/customer", NULL, longest, 429 }, { "/customer", NULL, longest + 1, 204 },
        /* Absent: not limited. */
        { "/customer", NULL, NULL, 204 }, { "/customer", NULL, NULL, 204 });
    check_header(&f, "RateLimit-Limit", NULL, "not limited");
}

static void the_limit_of_everything_may_be_by_user(void **state)
{
    static const struct dw_rate_limit ALL[] = {
        { DW_RATE_LIMIT_DEFAULT, "2/minute", DW_RATE_FIXED, DW_RATE_BY_USER }, { "by address", NULL },
        { "by user", "none" }, { "by key", NULL }, { "by customer", NULL }, { NULL },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, ALL);
    CHECK_CALLS(&f, { "/user", "ann", NULL, 204 }, { "/key", "ann", NULL, 204 }, { "/user", "ann", NULL, 429 },
        { "/user", "root", NULL, 204 }, { "/nowhere", "ann", NULL, 404 });
}

static void wrong_keys_stop_the_start(void **state)
{
    static const struct dw_rate_limit ROWS[] = {
        { "x", "1/minute", DW_RATE_FIXED, DW_RATE_BY_FUNCTION },
        { "x", "1/minute", DW_RATE_FIXED, DW_RATE_BY_USER, key_of_header },
        { "x", "1/minute", DW_RATE_FIXED, (enum dw_rate_key)7 },
    };
    const struct dw_route *const tables[] = { ROUTES, NULL };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_rate_limit limits[] = { ROWS[i], { NULL } };
        const struct dw_app_config config = { .title = "T", .version = "1", .routes = tables, .rate_limits = limits };
        char problem[DW_PROBLEM_SIZE] = "";
        struct dw_app *app = NULL;

        CHECK_ERR(DW_ERR_TABLE, dw_app_new(&config, &app, problem));
        assert_non_null(strstr(problem, "rate limit x: "));
    }
}

CHECK_MAIN(cmocka_unit_test_teardown(by_address_all_users_of_it_count, reset_clock),
    cmocka_unit_test_teardown(by_user_each_has_a_count, reset_clock),
    cmocka_unit_test_teardown(a_request_that_moves_to_a_worker_counts_once, reset_clock),
    cmocka_unit_test_teardown(who_may_not_is_told_so_and_not_counted, reset_clock),
    cmocka_unit_test_teardown(it_is_counted_before_the_body_is_read, reset_clock),
    cmocka_unit_test_teardown(a_handler_counts_by_the_limits_own_key, reset_clock),
    cmocka_unit_test_teardown(by_credential_each_token_has_a_count, reset_clock),
    cmocka_unit_test_teardown(the_program_says_who_counts, reset_clock),
    cmocka_unit_test_teardown(the_limit_of_everything_may_be_by_user, reset_clock),
    cmocka_unit_test_teardown(wrong_keys_stop_the_start, reset_clock))
