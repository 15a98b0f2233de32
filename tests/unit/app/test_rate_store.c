/* Limits that are counted elsewhere: nothing is asked on the loop, and what fails is counted here. */
#include "principal_fixture.h"

#include "app/application.h"

enum { NOW_S = 1000000, KEYS_MAX = 16, KEY_SIZE = 200 };

/* A store of the test's own: lets so many pass, in the order of its script. */
static struct {
    unsigned n_hits;
    char keys[KEYS_MAX][KEY_SIZE];
    size_t n_rates;
    enum dw_err err;
    size_t n_verdicts; /* instead of the right number; 0: that */
    unsigned refuse_from; /* this hit and the later ones */
} store;

static enum dw_err store_hit(void *context, const struct dw_rate_hit *hit,
                             struct dw_rate_verdict ret_verdicts[DW_RATES_MAX], size_t *ret_n)
{
    assert_ptr_equal(context, &store);
    if (store.n_hits < KEYS_MAX)
        snprintf(store.keys[store.n_hits], KEY_SIZE, "%.*s", (int)hit->key.len, hit->key.ptr);
    store.n_hits++;
    store.n_rates = hit->n_rates;
    if (store.err != DW_OK)
        return store.err;
    const bool is_refused = store.refuse_from != 0 && store.n_hits >= store.refuse_from;

    for (size_t i = 0; i < hit->n_rates; i++)
        ret_verdicts[i] = (struct dw_rate_verdict){ !is_refused, is_refused ? 0 : 5, 60, is_refused ? 42 : 0 };
    *ret_n = store.n_verdicts != 0 ? store.n_verdicts : is_refused ? 1 : hit->n_rates;
    return DW_OK;
}

static const struct dw_rate_store STORE = { .context = &store, .hit = store_hit };

static enum dw_err fine(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static enum dw_err counts_itself(struct dw_request *r, const void *in, void *out)
{
    return dw_rate_limit_count(r, "strict");
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/free", fine, .needs = DW_PUBLIC, .lane = DW_INLINE },
    { DW_GET, "/strict", fine, .needs = DW_PUBLIC, .lane = DW_INLINE, .rate_limit = "strict" },
    { DW_GET, "/user", fine, .needs = DW_SIGNED_IN, .lane = DW_INLINE, .rate_limit = "by user" },
    { DW_GET, "/self", counts_itself, .needs = DW_PUBLIC, .lane = DW_INLINE },
    { DW_POST, "/hashing", fine, .needs = DW_SIGNED_IN, .lane = DW_HASHING, .rate_limit = "strict" },
    { 0 },
};

static const struct dw_rate_limit LIMITS[] = {
    { "strict", "10/minute;1/second", DW_RATE_SLIDING },
    { "by user", "10/minute", DW_RATE_FIXED, DW_RATE_BY_USER },
    { NULL },
};

static const struct dw_rate_limit WITH_DEFAULT[] = {
    { "strict", "10/minute", DW_RATE_SLIDING },
    { "by user", "none", DW_RATE_FIXED, DW_RATE_BY_USER },
    { DW_RATE_LIMIT_DEFAULT, "3/minute", DW_RATE_FIXED },
    { NULL },
};

static void make(struct fixture *f, const struct dw_rate_limit *limits)
{
    struct dw_app_config config = KNOWN_CALLERS;

    memset(&store, 0, sizeof(store));
    dw_clock_set(NOW_S);
    config.rate_limits = limits;
    config.rate_store = &STORE;
    fixture_make(f, config, ROUTES);
}

static int reset_clock(void **state)
{
    dw_clock_set(-1);
    return 0;
}

/* --- step by step, as the engine does ----------------------------------------------------------------------------- */

struct drive {
    struct fixture fixture;
    struct dw_request *request;
    enum http_verdict on_loop, on_worker;
    unsigned n_hits_on_loop;
};

static void drive_free(struct drive *d)
{
    const struct http_service *service = &d->fixture.app->service;

    service->finished(service->context, d->request, true);
    http_request_free(&d->request);
    fixture_free(&d->fixture);
}

#define _cleanup_drive_ _cleanup_(drive_free)

static void drive_begin(struct drive *d, enum dw_method method, const char *target, const char *token)
{
    const struct http_service *service = &d->fixture.app->service;
    size_t max_body = 1 << 20;

    CHECK_OK(http_request_new(&d->request));
    d->request->method = method;
    d->request->headers[0] = (struct http_header){ DW_STR("Authorization"), dw_str(token) };
    d->request->n_headers = token != NULL;
    CHECK_OK(http_request_set_target(d->request, dw_str(target)));
    CHECK_OK(service->begin(service->context, d->request, &max_body));
    assert_true(max_body <= APP_BODY_DEFAULT);
}

static void drive_all(struct drive *d, enum dw_method method, const char *target, const char *token)
{
    const struct http_service *service = &d->fixture.app->service;

    drive_begin(d, method, target, token);
    d->on_loop = d->on_worker = service->serve(service->context, d->request);
    d->n_hits_on_loop = store.n_hits;
    if (d->on_loop == HTTP_ANSWERED)
        return;
    d->request->may_block = true;
    d->request->may_hash = d->on_loop == HTTP_TO_HASHING;
    d->on_worker = service->serve_waiting(service->context, d->request);
    if (d->on_worker != HTTP_TO_HASHING)
        return;
    d->request->may_hash = true;
    assert_int_equal(service->serve_waiting(service->context, d->request), HTTP_ANSWERED);
}

static const struct {
    const char *label;
    const struct dw_rate_limit *limits;
    enum dw_method method;
    const char *target, *token;
    unsigned refuse_from;
    enum http_verdict on_loop, on_worker;
    unsigned n_hits;
    int status;
} STEPS[] = {
    { "no limit: never leaves the loop", LIMITS, DW_GET, "/free", NULL, 0, HTTP_ANSWERED, HTTP_ANSWERED, 0, 204 },
    { "by address", LIMITS, DW_GET, "/strict", NULL, 0, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 204 },
    { "by address, refused", LIMITS, DW_GET, "/strict", NULL, 1, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 429 },
    { "by user", LIMITS, DW_GET, "/user", "Bearer ann", 0, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 204 },
    { "by user, refused", LIMITS, DW_GET, "/user", "Bearer ann", 1, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 429 },
    { "by user, but nobody's", LIMITS, DW_GET, "/user", "Bearer x", 1, HTTP_ANSWERED, HTTP_ANSWERED, 0, 401 },
    { "by the handler", LIMITS, DW_GET, "/self", NULL, 0, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 204 },
    { "by the handler, refused", LIMITS, DW_GET, "/self", NULL, 1, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 429 },
    { "the hashing lane", LIMITS, DW_POST, "/hashing", "Bearer ann", 0, HTTP_TO_WORKER, HTTP_TO_HASHING, 1, 204 },
    { "refused before it", LIMITS, DW_POST, "/hashing", "Bearer ann", 1, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 429 },
    { "unknown before it", LIMITS, DW_POST, "/hashing", "Bearer x", 0, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 401 },
    { "everything", WITH_DEFAULT, DW_GET, "/free", NULL, 0, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 204 },
    { "everything and its own", WITH_DEFAULT, DW_GET, "/strict", NULL, 0, HTTP_TO_WORKER, HTTP_ANSWERED, 2, 204 },
    { "its own refuses", WITH_DEFAULT, DW_GET, "/strict", NULL, 2, HTTP_TO_WORKER, HTTP_ANSWERED, 2, 429 },
    { "no route counts", WITH_DEFAULT, DW_GET, "/nowhere", NULL, 0, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 404 },
    { "no route, refused", WITH_DEFAULT, DW_GET, "/nowhere", NULL, 1, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 429 },
    { "no method counts", WITH_DEFAULT, DW_POST, "/free", NULL, 0, HTTP_TO_WORKER, HTTP_ANSWERED, 1, 405 },
};

static void nothing_is_asked_on_the_loop(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(STEPS); i++) {
        _cleanup_drive_ struct drive d = { 0 };

        make(&d.fixture, STEPS[i].limits);
        store.refuse_from = STEPS[i].refuse_from;
        drive_all(&d, STEPS[i].method, STEPS[i].target, STEPS[i].token);
        if (d.on_loop != STEPS[i].on_loop || d.on_worker != STEPS[i].on_worker || d.n_hits_on_loop != 0 ||
            store.n_hits != STEPS[i].n_hits || d.request->status != STEPS[i].status)
            fail_msg("%s: verdicts %d and %d, %u hits, %u of them on the loop, status %d", STEPS[i].label,
                     (int)d.on_loop, (int)d.on_worker, store.n_hits, d.n_hits_on_loop, d.request->status);
    }
}

/* --- what the store is told, and what is made of its answer ------------------------------------------------------- */

static void keys_are_the_limits_and_whose_it_is(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, LIMITS);
    assert_int_equal(fixture_call(&f, DW_GET, "/strict", NULL, NULL), 204);
    assert_int_equal(store.n_rates, 2);
    assert_int_equal(fixture_call(&f, DW_GET, "/self", NULL, NULL), 204);
    assert_int_equal(fixture_call(&f, DW_GET, "/user", FIXTURE_BEARER("ann"), NULL), 204);
    assert_int_equal(fixture_call(&f, DW_GET, "/user", FIXTURE_BEARER("root"), NULL), 204);
    assert_int_equal(fixture_call(&f, DW_GET, "/user", FIXTURE_BEARER("ann"), NULL), 204);
    assert_string_equal(store.keys[0], store.keys[1]); /* one limit, whoever counts by it */
    assert_string_not_equal(store.keys[0], store.keys[2]);
    assert_string_not_equal(store.keys[2], store.keys[3]);
    assert_string_equal(store.keys[2], store.keys[4]);
    assert_null(strstr(store.keys[2], "ann"));
}

static void the_answer_tells_what_the_store_said(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, LIMITS);
    store.refuse_from = 2;
    assert_int_equal(fixture_call(&f, DW_GET, "/user", FIXTURE_BEARER("ann"), NULL), 204);
    check_header(&f, "RateLimit-Limit", "10", "allowed");
    check_header(&f, "RateLimit-Remaining", "5", "allowed");
    check_header(&f, "RateLimit-Reset", "60", "allowed");
    assert_int_equal(fixture_call(&f, DW_GET, "/user", FIXTURE_BEARER("ann"), NULL), 429);
    check_header(&f, "RateLimit-Remaining", "0", "refused");
    check_header(&f, "Retry-After", "42", "refused");
}

static void without_an_answer_this_process_counts(void **state)
{
    static const struct {
        enum dw_err err;
        size_t n_verdicts;
    } FAILURES[] = { { DW_ERR_UNAVAILABLE, 0 }, { DW_ERR_NOT_FOUND, 0 }, { DW_OK, DW_RATES_MAX + 1 }, { DW_OK, 2 } };

    for (size_t i = 0; i < ARRAY_SIZE(FAILURES); i++) {
        _cleanup_fixture_ struct fixture f = { 0 };

        make(&f, WITH_DEFAULT);
        store.err = FAILURES[i].err;
        store.n_verdicts = FAILURES[i].n_verdicts; /* more than there are rates */
        for (int n = 0; n < 3; n++)
            assert_int_equal(fixture_call(&f, DW_GET, "/free", NULL, NULL), 204);
        assert_int_equal(fixture_call(&f, DW_GET, "/free", NULL, NULL), 429);
        check_header(&f, "Retry-After", "60", "counted here");
        assert_int_equal(store.n_hits, 4); /* it is asked each time: it knows itself when it may be */
    }
}

/* --- applications in applications --------------------------------------------------------------------------------- */

static const struct dw_route SHOP[] = {
    { DW_GET, "/items", fine, .needs = DW_PUBLIC, .lane = DW_INLINE, .rate_limit = "strict" },
    { 0 },
};

static void mounted_applications_count_there_too(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    const struct dw_app_config shop = { .title = "Shop", .version = "1", .routes = DW_ROUTES(SHOP),
                                        .rate_limits = WITH_DEFAULT };
    const struct dw_mount mounts[] = { { "/shop", &shop }, { 0 } };
    struct dw_app_config config = KNOWN_CALLERS;

    memset(&store, 0, sizeof(store));
    config.rate_limits = WITH_DEFAULT;
    config.rate_store = &STORE;
    config.mounts = mounts;
    fixture_make(&f, config, ROUTES);
    assert_int_equal(fixture_call(&f, DW_GET, "/shop/items", NULL, NULL), 204);
    assert_int_equal(store.n_hits, 3);
    assert_string_not_equal(store.keys[0], store.keys[1]); /* "default" of the outer one, and the shop's */
    assert_int_equal(fixture_call(&f, DW_GET, "/shop/nowhere", NULL, NULL), 404);
    assert_int_equal(store.n_hits, 5);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct dw_rate_store EMPTY = { .context = &store };
    const struct dw_app_config shop = { .title = "Shop", .version = "1", .routes = DW_ROUTES(SHOP),
                                        .rate_limits = WITH_DEFAULT, .rate_store = &STORE };
    const struct dw_mount mounts[] = { { "/shop", &shop }, { 0 } };
    struct dw_app_config config = { .title = "Test", .version = "1", .routes = DW_ROUTES(ROUTES),
                                    .rate_limits = LIMITS, .credentials = BEARER_OR_KEY,
                                    .authenticate = authenticate_known, .rate_store = &EMPTY };
    char problem[DW_PROBLEM_SIZE];
    struct dw_app *app = NULL;

    CHECK_ERR(DW_ERR_TABLE, dw_app_new(&config, &app, problem));
    assert_non_null(strstr(problem, "without hit"));
    config.rate_store = NULL;
    config.mounts = mounts;
    CHECK_ERR(DW_ERR_TABLE, dw_app_new(&config, &app, problem));
    assert_non_null(strstr(problem, "outermost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_is_asked_on_the_loop, reset_clock),
        cmocka_unit_test_teardown(keys_are_the_limits_and_whose_it_is, reset_clock),
        cmocka_unit_test_teardown(the_answer_tells_what_the_store_said, reset_clock),
        cmocka_unit_test_teardown(without_an_answer_this_process_counts, reset_clock),
        cmocka_unit_test(mounted_applications_count_there_too),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
