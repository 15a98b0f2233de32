/* Where a row runs: on the loop as far as it never waits, then on a worker. What an inline row resolved on the loop may
 * borrow from the loop's memory, so it is released there and resolved again; rows of other lanes keep theirs. */
#include "principal_fixture.h"

#include "app/application.h"

static char trace[256];

static void trace_add(const char *what)
{
    const size_t len = strlen(trace);
    snprintf(trace + len, sizeof(trace) - len, "%s ", what);
}

static enum dw_err ready_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    trace_add("+ready");
    return DW_OK;
}

static void ready_release(struct dw_request *r, const struct dw_dependency *self, void *value)
{
    trace_add("-ready");
}

/* Leaves rubbish and an issue behind when it may not wait. */
static enum dw_err disk_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    assert_int_equal(*(int *)ret_value, 0);
    *(int *)ret_value = 1;
    if (!dw_request_may_block(r)) {
        (void)dw_fail_field(r, "body", "x", "type", "message");
        trace_add("?disk");
        return DW_ERR_WOULD_BLOCK;
    }
    trace_add("+disk");
    return DW_OK;
}

static void disk_release(struct dw_request *r, const struct dw_dependency *self, void *value)
{
    trace_add("-disk");
}

static const struct dw_dependency READY = { .name = "ready", .resolve = ready_resolve, .release = ready_release };
static const struct dw_dependency DISK = {
    .name = "disk", .size = sizeof(int), .resolve = disk_resolve, .release = disk_release
};

/* As a session does whose value is renewed on the way. */
static enum dw_err cookie_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    return dw_answer_cookie(r, &(struct dw_cookie){ .name = "fresh", .value = DW_STR("value") });
}

static const struct dw_dependency COOKIE = { .name = "cookie", .resolve = cookie_resolve };

struct body {
    int64_t n;
};

static const struct dw_model BODY = { .name = "Body",
                                      .size = sizeof(struct body),
                                      .fields = (const struct dw_field[]){
                                          { DW_FIELD(struct body, n), .type = DW_INT, .flags = DW_REQUIRED }, { 0 } } };

static const struct dw_model OPTIONAL = { .name = "Optional",
                                          .size = sizeof(struct body),
                                          .fields = (const struct dw_field[]){ { DW_FIELD(struct body, n),
                                                                                 .type = DW_INT }, { 0 } } };

static enum dw_err handle(struct dw_request *r, const void *in, void *out)
{
    trace_add(dw_request_may_block(r) ? "worker" : "loop");
    return DW_OK;
}

/* Says only in the handler that it must wait. */
static enum dw_err hesitate(struct dw_request *r, const void *in, void *out)
{
    if (!dw_request_may_block(r)) {
        dw_answer_header(r, "X-Half", DW_STR("done"));
        dw_answer_body(r, "text/plain", DW_STR("half"));
        trace_add("hesitates");
        return DW_ERR_WOULD_BLOCK;
    }
    return handle(r, in, out);
}

static enum dw_err never(struct dw_request *r, const void *in, void *out)
{
    return DW_ERR_WOULD_BLOCK;
}

/* Hashes only sometimes, and says so where it may not. */
static enum dw_err confirm(struct dw_request *r, const void *in, void *out)
{
    trace_add(dw_request_may_hash(r) ? "hashes" : "may not hash");
    return dw_request_may_hash(r) ? DW_OK : DW_ERR_WOULD_BLOCK;
}

/* The cookie of an answer that is given up is given up with it. */
static enum dw_err hesitate_with_cookie(struct dw_request *r, const void *in, void *out)
{
    CHECK_OK(dw_answer_cookie(r, &(struct dw_cookie){ .name = "half", .value = DW_STR("done") }));
    return dw_request_may_hash(r) ? DW_OK : DW_ERR_WOULD_BLOCK;
}

static const struct dw_route ROUTES[] = {
    { DW_POST, "/renewed", hesitate_with_cookie, .needs = DW_DEPENDS({ &COOKIE, NULL }) },
    { DW_GET, "/renewed-inline", hesitate_with_cookie, .lane = DW_INLINE, .needs = DW_DEPENDS({ &COOKIE, NULL }) },
    { DW_POST, "/confirmed", confirm, .body = &OPTIONAL, .is_body_optional = true,
      .needs = DW_DEPENDS({ &READY, NULL }) },
    { DW_GET, "/inline", handle, .lane = DW_INLINE, .needs = DW_DEPENDS({ &READY, NULL }) },
    { DW_GET, "/moved", handle, .lane = DW_INLINE, .needs = DW_DEPENDS({ &READY, NULL }, { &DISK, NULL }) },
    { DW_GET, "/hesitant", hesitate, .lane = DW_INLINE, .needs = DW_DEPENDS({ &READY, NULL }) },
    { DW_GET, "/never", never, .needs = DW_PUBLIC },
    { DW_POST, "/worker", handle, .body = &BODY, .needs = DW_DEPENDS({ &READY, NULL }) },
    { DW_POST, "/hashing", handle, .lane = DW_HASHING, .body = &BODY, .needs = DW_DEPENDS({ &READY, NULL }) },
    { DW_POST, "/guarded", handle, .lane = DW_HASHING, .body = &BODY, .needs = DW_SIGNED_IN },
    { 0 },
};

/* What the engine does with one request, step by step. */
struct drive {
    struct fixture fixture;
    struct dw_request *request;
};

static void drive_free(struct drive *d)
{
    http_request_free(&d->request);
    fixture_free(&d->fixture);
}

#define _cleanup_drive_ _cleanup_(drive_free)

static enum http_verdict drive_serve(struct drive *d, enum dw_method method, const char *target, const char *body)
{
    const struct http_service *service = NULL;
    size_t max_body = 1 << 20;

    trace[0] = '\0';
    fixture_make(&d->fixture, KNOWN_CALLERS, ROUTES);
    service = &d->fixture.app->service;
    CHECK_OK(http_request_new(&d->request));
    d->request->method = method;
    d->request->headers[0] = (struct http_header){ DW_STR("Content-Type"), DW_STR("application/json") };
    d->request->n_headers = 1;
    CHECK_OK(http_request_set_target(d->request, dw_str(target)));
    CHECK_OK(service->begin(service->context, d->request, &max_body));
    d->request->body = dw_str(body);
    return service->serve(service->context, d->request);
}

static void drive_wait(struct drive *d)
{
    const struct http_service *service = &d->fixture.app->service;

    d->request->may_block = true;
    if (service->serve_waiting(service->context, d->request) != HTTP_TO_HASHING)
        return;
    d->request->may_hash = true;
    assert_int_equal(service->serve_waiting(service->context, d->request), HTTP_ANSWERED);
}

static void drive_finish(struct drive *d)
{
    const struct http_service *service = &d->fixture.app->service;

    service->finished(service->context, d->request, true);
}

static void test_lanes(void **state)
{
    static const struct {
        enum dw_method method;
        const char *target, *body;
        enum http_verdict verdict;
        int status;
        const char *trace;
    } ROWS[] = {
        { DW_GET, "/inline", NULL, HTTP_ANSWERED, 204, "+ready loop -ready " },
        { DW_GET, "/moved", NULL, HTTP_TO_WORKER, 204, "+ready ?disk -ready +ready +disk worker -disk -ready " },
        { DW_GET, "/hesitant", NULL, HTTP_TO_WORKER, 204, "+ready hesitates -ready +ready worker -ready " },
        { DW_GET, "/never", NULL, HTTP_TO_WORKER, 500, "" },
        { DW_POST, "/confirmed", "", HTTP_TO_WORKER, 204, "+ready may not hash hashes -ready " },
        { DW_POST, "/confirmed", "{\"n\":1}", HTTP_TO_WORKER, 204, "+ready may not hash hashes -ready " },
        { DW_POST, "/confirmed", "{\"n\":\"x\"}", HTTP_ANSWERED, 422, "+ready -ready " },
        { DW_POST, "/worker", "{\"n\":1}", HTTP_TO_WORKER, 204, "+ready worker -ready " },
        { DW_POST, "/hashing", "{\"n\":1}", HTTP_TO_HASHING, 204, "+ready worker -ready " },
        /* Broken bodies and unknown callers never reach the pool. */
        { DW_POST, "/hashing", "{}", HTTP_ANSWERED, 422, "+ready -ready " },
        { DW_POST, "/guarded", "{\"n\":1}", HTTP_ANSWERED, 401, "" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_drive_ struct drive d = { 0 };
        const enum http_verdict verdict = drive_serve(&d, ROWS[i].method, ROWS[i].target, ROWS[i].body);
        if (verdict != ROWS[i].verdict)
            fail_msg("%s: verdict %d", ROWS[i].target, (int)verdict);
        if (verdict != HTTP_ANSWERED)
            drive_wait(&d);
        drive_finish(&d);
        assert_int_equal(d.request->status, ROWS[i].status);
        if (ROWS[i].status < 400)
            assert_int_equal(d.request->head.len + d.request->answer.len, 0);
        assert_string_equal(trace, ROWS[i].trace);
    }
}

static unsigned count(struct dw_str text, const char *part)
{
    unsigned n = 0;

    for (size_t at = 0; at + strlen(part) <= text.len; at++)
        n += memcmp(text.ptr + at, part, strlen(part)) == 0;
    return n;
}

/* What a dependency set stays, however often the handler has to move; each cookie is set once. */
static void test_cookies_move_along(void **state)
{
    static const struct {
        enum dw_method method;
        const char *target;
    } ROWS[] = { { DW_POST, "/renewed" }, { DW_GET, "/renewed-inline" } };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_drive_ struct drive d = { 0 };

        assert_int_equal(drive_serve(&d, ROWS[i].method, ROWS[i].target, NULL), HTTP_TO_WORKER);
        drive_wait(&d);
        const struct http_service *service = &d.fixture.app->service;
        service->finish_head(service->context, d.request);
        assert_int_equal(d.request->status, 204);
        assert_int_equal(count(buffer_str(&d.request->head), "Set-Cookie: fresh=value;"), 1);
        assert_int_equal(count(buffer_str(&d.request->head), "Set-Cookie: half=done;"), 1);
        drive_finish(&d);
    }
}

static void test_queue_is_full(void **state)
{
    _cleanup_drive_ struct drive d = { 0 };

    assert_int_equal(drive_serve(&d, DW_POST, "/worker", "{\"n\":1}"), HTTP_TO_WORKER);
    const struct http_service *service = &d.fixture.app->service;
    service->refuse(service->context, d.request, DW_ERR_BUSY);
    assert_string_equal(trace, "+ready -ready ");
    assert_int_equal(d.request->status, 503);
    check_str(DW_STR("Retry-After: 1\r\n"), buffer_str(&d.request->head), "head");
    drive_finish(&d);
    assert_string_equal(trace, "+ready -ready ");
}

static void test_client_goes_away(void **state)
{
    _cleanup_drive_ struct drive d = { 0 };

    assert_int_equal(drive_serve(&d, DW_GET, "/moved", NULL), HTTP_TO_WORKER);
    const struct http_service *service = &d.fixture.app->service;
    service->finished(service->context, d.request, false);
    assert_string_equal(trace, "+ready ?disk -ready ");
}

/* The engine refuses what never began: no state, no row. */
static void test_refused_before_it_began(void **state)
{
    _cleanup_drive_ struct drive d = { 0 };

    fixture_make(&d.fixture, KNOWN_CALLERS, ROUTES);
    CHECK_OK(http_request_new(&d.request));
    const struct http_service *service = &d.fixture.app->service;
    service->refuse(service->context, d.request, DW_ERR_HEADERS_TOO_LARGE);
    service->finish_head(service->context, d.request);
    assert_int_equal(d.request->status, 431);
    check_str(DW_STR("{\"detail\":\"Request Header Fields Too Large\"}"), buffer_str(&d.request->answer), "body");
    drive_finish(&d);
}

CHECK_MAIN(cmocka_unit_test(test_lanes), cmocka_unit_test(test_cookies_move_along),
           cmocka_unit_test(test_queue_is_full), cmocka_unit_test(test_client_goes_away),
           cmocka_unit_test(test_refused_before_it_began))
