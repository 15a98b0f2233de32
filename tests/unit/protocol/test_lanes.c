/* What runs where: an event loop answers what it can from memory and hands on the rest, whole. */
#include "fixture.h"

#include "app/application.h"

#define _cleanup_request_ _cleanup_(http_request_free)

/* A request as an event loop has it after reading it. */
static struct dw_request *received(struct fixture *f, enum dw_method method, const char *target, const char *token)
{
    struct dw_app *app = protocol_app(f->protocol);
    struct dw_request *r = NULL;
    size_t max_body = SIZE_MAX;

    CHECK_OK(http_request_new(&r));
    r->method = method;
    r->method_text = dw_str(dw_method_name(method));
    r->headers[r->n_headers++] = (struct http_header){ DW_STR("Host"), DW_STR("test") };
    if (token != NULL)
        r->headers[r->n_headers++] =
            (struct http_header){ DW_STR("Authorization"), dw_str(format(f, "Bearer %s", token)) };
    CHECK_OK(http_request_set_target(r, dw_str(target)));
    CHECK_OK(app->service.begin(app->service.context, r, &max_body));
    return r;
}

static void send_form(struct dw_request *r, const char *form)
{
    r->headers[r->n_headers++] =
        (struct http_header){ DW_STR("Content-Type"), DW_STR("application/x-www-form-urlencoded") };
    r->body = dw_str(form);
}

static enum http_verdict on_loop(struct fixture *f, struct dw_request *r)
{
    const struct http_service *service = &protocol_app(f->protocol)->service;

    r->may_block = false;
    return service->serve(service->context, r);
}

static int on_worker(struct fixture *f, struct dw_request *r)
{
    const struct http_service *service = &protocol_app(f->protocol)->service;

    r->may_block = true;
    if (service->serve_waiting(service->context, r) == HTTP_TO_HASHING) {
        r->may_hash = true;
        assert_int_equal(service->serve_waiting(service->context, r), HTTP_ANSWERED);
    }
    return r->status;
}

static void check_about(const struct dw_request *r, const struct person *person)
{
    assert_int_equal(r->status, 200);
    assert_non_null(memmem(r->answer.ptr, r->answer.len, person->id, strlen(person->id)));
}

static void my_account_comes_from_memory_the_second_time(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");
    _cleanup_request_ struct dw_request *first = received(f, DW_GET, "/users/me", ann.access);
    _cleanup_request_ struct dw_request *second = received(f, DW_GET, "/users/me", ann.access);
    _cleanup_request_ struct dw_request *third = received(f, DW_GET, "/users/me", ann.access);

    if (on_loop(f, first) != HTTP_ANSWERED)
        assert_int_equal(on_worker(f, first), 200);
    check_about(first, &ann);
    assert_int_equal(on_loop(f, second), HTTP_ANSWERED);
    check_about(second, &ann);
    /* The access log still tells who it was when the loop has forgotten. */
    const struct dw_principal *principal = &app_state(second)->principal;

    check_str(dw_str(ann.id), principal->subject, "subject");
    assert_true(principal->authenticated_s > 0 && principal->authenticated_s <= dw_clock_now_s());
    assert_true(principal->subject.ptr != ((const struct user *)principal->user)->id.ptr);

    STATUS(200, ask(f, DW_POST, "/logout", ann.access, NULL));
    if (on_loop(f, third) != HTTP_ANSWERED)
        on_worker(f, third);
    assert_int_equal(third->status, 401);
}

/* A request on its way to a worker must not be changed by those that the loop serves meanwhile. */
static void what_goes_to_a_worker_keeps_its_caller(void **state)
{
    struct fixture *f = *state;
    const struct person ann = holder(f, "ann", "admin", ""), bob = newcomer(f, "bob");
    _cleanup_request_ struct dw_request *warm = received(f, DW_GET, "/users/me", ann.access);
    _cleanup_request_ struct dw_request *borrowing = received(f, DW_GET, "/users/me", ann.access);
    _cleanup_request_ struct dw_request *waiting = received(f, DW_GET, format(f, "/users/%s", ann.id), ann.access);
    _cleanup_request_ struct dw_request *other = received(f, DW_GET, "/users/me", bob.access);

    if (on_loop(f, warm) != HTTP_ANSWERED)
        on_worker(f, warm);
    assert_int_equal(on_loop(f, borrowing), HTTP_ANSWERED);
    assert_int_equal(on_loop(f, waiting), HTTP_TO_WORKER);
    const struct dw_principal *loops = &app_state(borrowing)->principal, *own = &app_state(waiting)->principal;

    assert_true(app_state(waiting)->is_authenticated);
    assert_true(own->user != loops->user && own->token_id.ptr != loops->token_id.ptr);
    STATUS(204, ask(f, DW_DELETE, format(f, "/users/%s", bob.id), ann.access, NULL));
    if (on_loop(f, other) != HTTP_ANSWERED)
        on_worker(f, other);
    assert_int_equal(other->status, 401);
    on_worker(f, waiting);
    check_about(waiting, &ann);
    check_str(dw_str(ann.id), ((const struct user *)app_state(waiting)->principal.user)->id, "caller");
}

/* A sign-in that was ended while its request was on the way must not decide anything any more: whoever stole it would
 * only have to send enough of them to keep a key through the owner's reset. */
static void what_a_sign_in_asked_for_ends_with_it(void **state)
{
    static const struct {
        enum dw_method method;
        const char *target, *json;
        int status; /* 403: it asks how recent the sign-in is, and finds none */
    } ROWS[] = {
        { DW_POST, "/users/me/api-keys", "{\"name\":\"late\"}", 403 },
        { DW_POST, "/users/me/api-keys/KEY/rotate", NULL, 403 },
        { DW_PATCH, "/users/me", "{\"email\":\"late@example.com\"}", 403 },
        { DW_POST, "/users/me/password",
          "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"late and long enough\"}", 401 },
        { DW_DELETE, "/users/me", "{\"password\":\"" PASSWORD "\"}", 401 },
        { DW_POST, "/2fa/setup", NULL, 403 },
        { DW_POST, "/roles", "{\"name\":\"late\",\"permissions\":[]}", 401 },
        { DW_PUT, "/roles/helpers", "{\"permissions\":[\"a:b\"]}", 403 },
        { DW_DELETE, "/roles/helpers", NULL, 401 },
        { DW_POST, "/tenants", "{\"slug\":\"late\",\"name\":\"Late\"}", 401 },
        { DW_POST, "/keys/rotate", NULL, 401 },
    };
    struct fixture *f = *state;
    struct person root = holder(f, "root", "admin", "");

    holder(f, "other", "admin", "");
    STATUS(201, ask(f, DW_POST, "/roles", root.access, "{\"name\":\"helpers\",\"permissions\":[]}"));
    STATUS(201, ask(f, DW_POST, "/users/me/api-keys", root.access, "{\"name\":\"early\"}"));
    const char *rotate = format(f, "/users/me/api-keys/%s/rotate", answer_text(f, "id"));

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        sign_in(f, &root, PASSWORD);
        _cleanup_request_ struct dw_request *warm = received(f, DW_GET, "/users/me", root.access);
        _cleanup_request_ struct dw_request *late =
            received(f, ROWS[i].method, strstr(ROWS[i].target, "KEY") != NULL ? rotate : ROWS[i].target, root.access);

        if (on_loop(f, warm) != HTTP_ANSWERED)
            on_worker(f, warm);
        late->headers[late->n_headers++] =
            (struct http_header){ DW_STR("Content-Type"), DW_STR("application/json") };
        late->body = dw_str(ROWS[i].json);
        assert_int_not_equal(on_loop(f, late), HTTP_ANSWERED);
        assert_true(app_state(late)->is_authenticated);
        STATUS(200, ask(f, DW_POST, "/logout", root.access, NULL));
        check_status(f, ROWS[i].status, on_worker(f, late), ROWS[i].target);
    }
    sign_in(f, &root, PASSWORD);
    STATUS(200, ask(f, DW_GET, "/users/me/api-keys", root.access, NULL));
    assert_false(body_has(f, "late"));
    STATUS(200, ask(f, DW_GET, "/roles", root.access, NULL));
    assert_false(body_has(f, "late") || body_has(f, "a:b"));
}

static const struct {
    enum dw_method method;
    const char *target;
    enum http_verdict verdict;
} PUBLIC[] = {
    { DW_GET, "/healthz", HTTP_ANSWERED },
    { DW_GET, "/.well-known/jwks.json", HTTP_ANSWERED },
    { DW_GET, "/.well-known/oauth-authorization-server", HTTP_ANSWERED },
    { DW_GET, "/openapi.json", HTTP_ANSWERED },
    { DW_GET, "/docs", HTTP_ANSWERED },
    { DW_GET, "/docs/init.js", HTTP_ANSWERED },
    { DW_GET, "/docs/swagger-ui-bundle.js", HTTP_TO_WORKER }, /* to be unpacked */
    { DW_GET, "/", HTTP_ANSWERED },
    { DW_GET, "/readyz", HTTP_TO_WORKER },
};

static void public_rows_run_where_they_may(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(PUBLIC); i++) {
        _cleanup_request_ struct dw_request *r = received(f, PUBLIC[i].method, PUBLIC[i].target, NULL);
        const enum http_verdict verdict = on_loop(f, r);

        if (verdict != PUBLIC[i].verdict)
            fail_msg("%s: %d", PUBLIC[i].target, verdict);
        if (verdict == HTTP_TO_WORKER)
            assert_int_equal(on_worker(f, r), 200);
    }
}

static void passwords_are_hashed_in_their_own_lane(void **state)
{
    struct fixture *f = *state;

    newcomer(f, "ann");
    _cleanup_request_ struct dw_request *r = received(f, DW_POST, "/token", NULL);
    _cleanup_request_ struct dw_request *stranger = received(f, DW_POST, "/users/me/password", NULL);

    send_form(r, "grant_type=password&username=ann&password=" PASSWORD);
    assert_int_equal(on_loop(f, r), HTTP_TO_HASHING);
    assert_int_equal(on_worker(f, r), 200);
    /* Who is refused for what is sent takes no place in it. */
    assert_int_equal(on_loop(f, stranger), HTTP_ANSWERED);
    assert_int_equal(stranger->status, 401);
}

CHECK_MAIN(cmocka_unit_test_setup_teardown(my_account_comes_from_memory_the_second_time, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(what_a_sign_in_asked_for_ends_with_it, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(what_goes_to_a_worker_keeps_its_caller, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(public_rows_run_where_they_may, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(passwords_are_hashed_in_their_own_lane, fixture_open, fixture_close))
