/* What must hold for every row of the tables, whatever it does. */
#include "fixture.h"

#include "protocol/routes.h"

#define SOME_ID "01890a5d-ac96-774b-bcce-b302099a8057"

/* Rows that anyone may call. One that is added here has been thought about. */
static const char *const PUBLIC[] = {
    "POST /register", "POST /forgot-password", "POST /reset-password", "POST /verify-email",
    "POST /login", "POST /token", "POST /token/refresh", "GET /.well-known/jwks.json",
    "GET /.well-known/oauth-authorization-server", "GET /healthz", "GET /readyz", "GET /", "GET /docs",
    "GET /docs/{file}", "GET /openapi.json", "GET /reset-password", "GET /verify-email", "GET /account/{file}",
    "GET /metrics", /* asks for its own secret */
};

static const char *label(struct fixture *f, const struct dw_route *route)
{
    return format(f, "%s %s", dw_method_name(route->method), route->path);
}

static bool is_public(struct fixture *f, const struct dw_route *route)
{
    for (size_t i = 0; i < ARRAY_SIZE(PUBLIC); i++)
        if (strcmp(PUBLIC[i], label(f, route)) == 0)
            return true;
    return false;
}

/* The row's path with an id in the place of its parameter. */
static const char *target(struct fixture *f, const struct dw_route *route)
{
    const char *open = strchr(route->path, '{');

    if (open == NULL)
        return route->path;
    return format(f, "%.*s" SOME_ID "%s", (int)(open - route->path), route->path, strchr(open, '}') + 1);
}

static void for_each_row(struct fixture *f, void (*check)(struct fixture *f, const struct dw_route *route))
{
    for (size_t i = 0; PROTOCOL_ROUTES[i] != NULL; i++)
        for (const struct dw_route *route = PROTOCOL_ROUTES[i]; route->path != NULL; route++)
            check(f, route);
}

static void check_guard(struct fixture *f, const struct dw_route *route)
{
    if ((route->needs.kind == DW_NEEDS_NOTHING) != is_public(f, route))
        fail_msg("%s: public, or not, against the list", label(f, route));
}

static void only_what_is_listed_is_public(void **state)
{
    for_each_row(*state, check_guard);
}

static void check_stranger(struct fixture *f, const struct dw_route *route)
{
    const int status = ask(f, route->method, target(f, route), NULL, NULL);

    if (is_public(f, route)) {
        if (status == 401)
            fail_msg("%s: asks strangers who they are", label(f, route));
        return;
    }
    check_detail(f, 401, status, "Not authenticated");
    if (!dw_str_starts_with(header(f, "WWW-Authenticate"), DW_STR("Bearer")) ||
        memmem(header(f, "WWW-Authenticate").ptr, header(f, "WWW-Authenticate").len, "error", 5) != NULL)
        fail_msg("%s: WWW-Authenticate: %s", label(f, route), header(f, "WWW-Authenticate").ptr);
}

static void strangers_are_asked_who_they_are(void **state)
{
    for_each_row(*state, check_stranger);
}

/* The guard comes before the body: a stranger learns nothing of what a row takes. */
static void check_forger(struct fixture *f, const struct dw_route *route)
{
    static const char *const TOKENS[] = {
        "x", "a.b.c", "..", "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiIxIn0.",
    };

    if (is_public(f, route))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(TOKENS); i++) {
        check_status(f, 401, ask(f, route->method, target(f, route), TOKENS[i], "nonsense"), label(f, route));
        check_str(DW_STR("Could not validate credentials"), json_get_str(answer(f), "detail"), label(f, route));
    }
}

static void forgers_are_refused(void **state)
{
    for_each_row(*state, check_forger);
}

/* Nothing that an ordinary user calls with her own token changes anybody else. */
static void check_ordinary(struct fixture *f, const struct dw_route *route)
{
    static struct person ann;

    if (strchr(route->path, '{') == NULL && strcmp(route->path, "/users") != 0)
        return;
    if (is_public(f, route) || strncmp(route->path, "/users/me/", strlen("/users/me/")) == 0)
        return; /* one's own: nobody else's id exists there */
    if (ann.name == NULL)
        ann = newcomer(f, "ann");
    const char *body = route->body == NULL ? NULL : "{\"role\":\"admin\",\"full_name\":\"x\"}";

    check_detail(f, 403, ask(f, route->method, target(f, route), ann.access, body), "Not enough permissions");
}

static void an_ordinary_user_administers_nobody(void **state)
{
    for_each_row(*state, check_ordinary);
}

static void check_words(struct fixture *f, const struct dw_route *route)
{
    if (route->summary == NULL)
        fail_msg("%s: no summary", label(f, route));
    if (route->hidden)
        return;
    if (route->id == NULL || route->description == NULL || route->tag == NULL)
        fail_msg("%s: no id, description or tag", label(f, route));
}

static void every_row_is_described(void **state)
{
    for_each_row(*state, check_words);
}

static void check_headers(struct fixture *f, const struct dw_route *route)
{
    ask(f, route->method, target(f, route), NULL, NULL);
    check_str(DW_STR("nosniff"), header(f, "X-Content-Type-Options"), label(f, route));
    assert_true(header(f, "X-Request-Id").len > 0);
    assert_non_null(memmem(f->called.head.ptr, f->called.head.len, "frame-ancestors 'none'", 22));
    assert_non_null(memmem(f->called.head.ptr, f->called.head.len, "max-age=31536000", 16)); /* the URL is https */
}

static void every_answer_keeps_browsers_safe(void **state)
{
    for_each_row(*state, check_headers);
}

CHECK_MAIN(cmocka_unit_test_setup_teardown(only_what_is_listed_is_public, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(strangers_are_asked_who_they_are, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(forgers_are_refused, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(an_ordinary_user_administers_nobody, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(every_row_is_described, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(every_answer_keeps_browsers_safe, fixture_open, fixture_close))
