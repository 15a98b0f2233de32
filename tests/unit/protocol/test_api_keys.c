/* API keys over HTTP, in process: what they may never do, whatever row is added, and where they are looked up. */
#include "fixture.h"

#include "app/application.h"
#include "protocol/routes.h"

#define SOME_ID "01890a5d-ac96-774b-bcce-b302099a8057"
#define WELL_FORMED "dwk_0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The key, once, of somebody who is signed in. json: the body that makes it. */
static const char *make_key(struct fixture *f, const struct person *person, const char *json)
{
    STATUS(201, ask(f, DW_POST, "/users/me/api-keys", person->access, json));
    return answer_text(f, "key");
}

static int ask_key(struct fixture *f, enum dw_method method, const char *target, const char *key, const char *json)
{
    const struct dw_call_header headers[] = {
        { "X-API-Key", dw_str(key) },
        { "Content-Type", DW_STR("application/json") },
        { NULL, { NULL, 0 } },
    };

    return ask_with(f, method, target, headers, json);
}

/* --- what decides over the account ------------------------------------------------------------------------------- */

static const char *label(struct fixture *f, const struct dw_route *route)
{
    return format(f, "%s %s", dw_method_name(route->method), route->path);
}

static const char *target(struct fixture *f, const struct dw_route *route)
{
    const char *open = strchr(route->path, '{');

    if (open == NULL)
        return route->path;
    return format(f, "%.*s" SOME_ID "%s", (int)(open - route->path), route->path, strchr(open, '}') + 1);
}

/* Rows of one's own account that change something. */
static bool decides_over_account(const struct dw_route *route)
{
    static const char *const STARTS[] = { "/users/me", "/logout", "/2fa", "/verify-email/resend" };

    if (route->method == DW_GET || route->needs.kind == DW_NEEDS_NOTHING)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(STARTS); i++)
        if (dw_str_starts_with(dw_str(route->path), dw_str(STARTS[i])))
            return true;
    return false;
}

static void a_key_changes_nothing_of_its_owners_account(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");
    const char *key = make_key(f, &ann, "{\"name\":\"k\"}");
    size_t n = 0;

    for (size_t i = 0; PROTOCOL_ROUTES[i] != NULL; i++) {
        for (const struct dw_route *route = PROTOCOL_ROUTES[i]; route->path != NULL; route++) {
            if (!decides_over_account(route))
                continue;
            const int status = ask_key(f, route->method, target(f, route), key, "{}");

            /* /2fa/verify takes its pending token alone. */
            if (status != 403 && status != 401)
                fail_msg("%s answered %d to an API key", label(f, route), status);
            n++;
        }
    }
    assert_true(n >= 8);
    STATUS(200, ask_key(f, DW_GET, "/users/me", key, NULL));
    STATUS(200, ask(f, DW_GET, "/users/me", ann.access, NULL));
}

/* The way round: the owner's record under the administrators' path. */
static void not_by_the_administrators_path_either(void **state)
{
    struct fixture *f = *state;
    const struct person root = holder(f, "root", "admin", ""), bob = newcomer(f, "bob");
    const char *key = make_key(f, &root, "{\"name\":\"k\"}"), *own = format(f, "/users/%s", root.id);

    STATUS(200, ask_key(f, DW_PATCH, format(f, "/users/%s", bob.id), key, "{\"full_name\":\"Bob\"}"));
    check_detail(f, 403, ask_key(f, DW_PATCH, own, key, "{\"email\":\"thief@example.com\"}"),
                 dw_error_info(DW_ERR_INTERACTIVE)->message);
    STATUS(403, ask_key(f, DW_DELETE, own, key, NULL));
    STATUS(403, ask_key(f, DW_POST, format(f, "/users/%s/logout", root.id), key, NULL));
    STATUS(200, ask(f, DW_PATCH, own, root.access, "{\"full_name\":\"Root\"}"));
}

/* --- what a key carries ------------------------------------------------------------------------------------------ */

static void a_narrow_key_of_an_administrator_is_no_administrator(void **state)
{
    struct fixture *f = *state;
    const struct person root = holder(f, "root", "admin", ""), second = holder(f, "second", "admin", ""),
                        mod = holder(f, "mod", "moderator", ""), bob = newcomer(f, "bob");
    const char *writer = make_key(f, &root, "{\"name\":\"k\",\"scopes\":[\"write:users\",\"manage:roles\"]}");
    const char *whole = make_key(f, &root, "{\"name\":\"k\"}");
    const char *body = "{\"full_name\":\"x\"}";

    STATUS(200, ask_key(f, DW_PATCH, format(f, "/users/%s", bob.id), writer, body));
    STATUS(403, ask_key(f, DW_PATCH, format(f, "/users/%s", mod.id), writer, body));
    STATUS(403, ask_key(f, DW_PATCH, format(f, "/users/%s", second.id), writer, body));
    STATUS(403, ask_key(f, DW_PUT, format(f, "/users/%s/role", bob.id), writer, "{\"role\":\"admin\"}"));
    STATUS(403, ask_key(f, DW_GET, "/users", writer, NULL));
    check_str(DW_STR("APIKey"), header(f, "WWW-Authenticate"), "challenge");
    STATUS(200, ask_key(f, DW_PATCH, format(f, "/users/%s", second.id), whole, body));
    STATUS(200, ask_key(f, DW_PUT, format(f, "/users/%s/role", bob.id), whole, "{\"role\":\"moderator\"}"));
}

/* --- where it is looked up --------------------------------------------------------------------------------------- */

#define _cleanup_request_ _cleanup_(http_request_free)

static struct dw_request *received(struct fixture *f, const char *key)
{
    struct dw_app *app = protocol_app(f->protocol);
    struct dw_request *r = NULL;
    size_t max_body = SIZE_MAX;

    CHECK_OK(http_request_new(&r));
    r->method = DW_GET;
    r->method_text = DW_STR("GET");
    r->headers[r->n_headers++] = (struct http_header){ DW_STR("Host"), DW_STR("test") };
    r->headers[r->n_headers++] = (struct http_header){ DW_STR("X-API-Key"), dw_str(key) };
    CHECK_OK(http_request_set_target(r, DW_STR("/users/me")));
    CHECK_OK(app->service.begin(app->service.context, r, &max_body));
    return r;
}

static void the_loop_refuses_garbage_and_hands_on_what_may_be_a_key(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");
    const struct http_service *service = &protocol_app(f->protocol)->service;
    const char *key = make_key(f, &ann, "{\"name\":\"k\"}");
    const struct {
        const char *key;
        enum http_verdict verdict;
        int status;
    } cases[] = {
        { "nonsense", HTTP_ANSWERED, 401 },
        { WELL_FORMED "0", HTTP_ANSWERED, 401 },
        { WELL_FORMED, HTTP_TO_WORKER, 401 },
        { key, HTTP_TO_WORKER, 200 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_request_ struct dw_request *r = received(f, cases[i].key);

        r->may_block = false;
        assert_int_equal(service->serve(service->context, r), cases[i].verdict);
        if (cases[i].verdict == HTTP_TO_WORKER) {
            r->may_block = true;
            assert_int_equal(service->serve_waiting(service->context, r), HTTP_ANSWERED);
        }
        assert_int_equal(r->status, cases[i].status);
    }
}

CHECK_MAIN(cmocka_unit_test_setup_teardown(a_key_changes_nothing_of_its_owners_account, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(not_by_the_administrators_path_either, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_narrow_key_of_an_administrator_is_no_administrator, fixture_open,
                                           fixture_close),
           cmocka_unit_test_setup_teardown(the_loop_refuses_garbage_and_hands_on_what_may_be_a_key, fixture_open,
                                           fixture_close))
