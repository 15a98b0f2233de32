/* CORS: which pages may read which answers, as Starlette's middleware answers them, and what it must never say. */
#include "fixture.h"

#include "app/application.h"

#define APP "https://app.example.com"
#define EVIL "https://evil.example"

static unsigned char key_bytes[] = "0123456789abcdef0123456789abcdef";
static const struct dw_secret KEY_SECRET = { key_bytes, sizeof(key_bytes) - 1 };
static const struct dw_csrf CSRF = {
    .key = &KEY_SECRET, .origin = DW_STR_INIT("https://id.example.com"), .cookie = "csrf", .header = "X-CSRF-Token",
};

static enum dw_err fine(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static enum dw_err broken(struct dw_request *r, const void *in, void *out)
{
    return DW_ERR_INTERNAL;
}

static enum dw_err change(struct dw_request *r, const void *in, void *out)
{
    return dw_csrf_check(r, &CSRF, DW_STR("session"));
}

static enum dw_err varied(struct dw_request *r, const void *in, void *out)
{
    dw_answer_header(r, "Vary", DW_STR("Accept"));
    return DW_OK;
}

static enum dw_err nobody_is_known(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
    struct dw_principal *ret_principal)
{
    return DW_ERR_TOKEN_INVALID;
}

static const struct dw_scheme BEARER = { DW_SCHEME_HTTP_BEARER, .name = "Bearer" };
static const struct dw_scheme *const SCHEMES[] = { &BEARER, NULL };
static const struct dw_route ROUTES[] = {
    { DW_GET, "/free", fine, .needs = DW_PUBLIC },
    { DW_GET, "/varied", varied, .needs = DW_PUBLIC },
    { DW_GET, "/me", fine, .needs = DW_SIGNED_IN },
    { DW_GET, "/broken", broken, .needs = DW_PUBLIC },
    { DW_POST, "/change", change, .needs = DW_PUBLIC },
    { DW_OPTIONS, "/free", fine, .needs = DW_PUBLIC },
    { 0 },
};

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct dw_cors EXACT = {
    .origins = (const char *const[]){ APP, "http://localhost:5173", NULL },
    .methods = (const char *const[]){ "GET", "PUT", NULL },
    .headers = (const char *const[]){ "X-CSRF-Token", "Authorization", "X-CSRF-Token", NULL },
    .exposed_headers = (const char *const[]){ "X-Request-Id", "Retry-After", NULL },
    .credentials = true,
    .max_age_s = 60,
};
static const struct dw_cors ANYONE = {
    .origins = (const char *const[]){ "*", NULL },
    .methods = (const char *const[]){ "*", NULL },
    .headers = (const char *const[]){ "*", NULL },
};
static const struct dw_cors PATTERN = {
    .origin_pattern = "https://[a-z0-9-]+\\.example\\.com|null", .credentials = true,
};

static void make(struct fixture *f, const struct dw_cors *cors)
{
    static const struct dw_rate_limit LIMITS[] = { { DW_RATE_LIMIT_DEFAULT, "100/minute" }, { NULL } };

    fixture_make(f, (struct dw_app_config){ .cors = cors, .credentials = SCHEMES, .authenticate = nobody_is_known,
                                            .rate_limits = LIMITS }, ROUTES);
}

static struct dw_call_header *headers_of(struct fixture *f, const char *const *pairs)
{
    enum { MAX = 8 };
    struct dw_call_header *headers = dw_arena_alloc(f->arena, (MAX + 1) * sizeof(*headers));

    for (size_t i = 0; i < MAX && pairs[2 * i] != NULL; i++)
        headers[i] = (struct dw_call_header){ pairs[2 * i], dw_str(pairs[2 * i + 1]) };
    return headers;
}

/* --- preflight -------------------------------------------------------------------------------------------------- */

struct preflight {
    const char *label;
    const struct dw_cors *cors;
    const char *origin, *method, *headers;
    const char *text; /* of 400; NULL: 200 OK */
    const char *allow_origin, *allow_headers;
};

#define EXACT_HEADERS "Accept, Accept-Language, Authorization, Content-Language, Content-Type, X-CSRF-Token"

static const struct preflight PREFLIGHTS[] = {
    { "allowed", &EXACT, APP, "PUT", "x-csrf-token, authorization", NULL, APP, EXACT_HEADERS },
    { "the other one", &EXACT, "http://localhost:5173", "GET", NULL, NULL, "http://localhost:5173", EXACT_HEADERS },
    { "safe headers need no leave", &EXACT, APP, "GET", "accept,Content-Type", NULL, APP, EXACT_HEADERS },
    { "another origin", &EXACT, EVIL, "GET", NULL, "Disallowed CORS origin", NULL, EXACT_HEADERS },
    { "another method", &EXACT, APP, "DELETE", NULL, "Disallowed CORS method", APP, EXACT_HEADERS },
    { "a method in small letters is another", &EXACT, APP, "put", NULL, "Disallowed CORS method", APP, EXACT_HEADERS },
    { "another header", &EXACT, APP, "PUT", "X-Other", "Disallowed CORS headers", APP, EXACT_HEADERS },
    { "one of two", &EXACT, APP, "PUT", "Authorization, X-Other", "Disallowed CORS headers", APP, EXACT_HEADERS },
    { "an empty header", &EXACT, APP, "PUT", "", "Disallowed CORS headers", APP, EXACT_HEADERS },
    { "all of it", &EXACT, EVIL, "TRACE", "X", "Disallowed CORS origin, method, headers", NULL, EXACT_HEADERS },
    { "null", &EXACT, "null", "GET", NULL, "Disallowed CORS origin", NULL, EXACT_HEADERS },
    { "empty", &EXACT, "", "GET", NULL, "Disallowed CORS origin", NULL, EXACT_HEADERS },
    { "a prefix", &EXACT, "https://app.example.co", "GET", NULL, "Disallowed CORS origin", NULL, EXACT_HEADERS },
    { "a suffix", &EXACT, APP ".evil.example", "GET", NULL, "Disallowed CORS origin", NULL, EXACT_HEADERS },
    { "another scheme", &EXACT, "http://app.example.com", "GET", NULL, "Disallowed CORS origin", NULL, EXACT_HEADERS },
    { "another port", &EXACT, APP ":8443", "GET", NULL, "Disallowed CORS origin", NULL, EXACT_HEADERS },
    { "capitals are no browser's", &EXACT, "https://APP.example.com", "GET", NULL, "Disallowed CORS origin", NULL,
      EXACT_HEADERS },
    { "everyone", &ANYONE, EVIL, "DELETE", "X-Any, x-other", NULL, "*", "X-Any, x-other" },
    { "everyone, no headers", &ANYONE, "null", "PATCH", NULL, NULL, "*", NULL },
    { "everyone, an unknown method", &ANYONE, EVIL, "TRACE", NULL, "Disallowed CORS method", "*", NULL },
    { "everyone, a header that is none", &ANYONE, EVIL, "GET", "X\r\nY: z", "Disallowed CORS headers", "*", NULL },
    { "pattern", &PATTERN, "https://a-1.example.com", "GET", NULL, NULL, "https://a-1.example.com",
      "Accept, Accept-Language, Content-Language, Content-Type" },
    { "pattern, without a label", &PATTERN, "https://example.com", "GET", NULL, "Disallowed CORS origin" },
    { "pattern, two labels", &PATTERN, "https://a.b.example.com", "GET", NULL, "Disallowed CORS origin" },
    { "pattern, something behind", &PATTERN, "https://a.example.com.evil.example", "GET", NULL,
      "Disallowed CORS origin" },
    { "pattern, something before", &PATTERN, "evil://https://a.example.com", "GET", NULL, "Disallowed CORS origin" },
    { "pattern, a line behind", &PATTERN, "https://a.example.com\n", "GET", NULL, "Disallowed CORS origin" },
    { "pattern, null even where it says so", &PATTERN, "null", "GET", NULL, "Disallowed CORS origin" },
    { "pattern, POST was not allowed", &PATTERN, "https://a.example.com", "POST", NULL, "Disallowed CORS method",
      "https://a.example.com" },
};

static void preflights_are_answered_as_starlette_does(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(PREFLIGHTS); i++) {
        const struct preflight *p = &PREFLIGHTS[i];
        _cleanup_fixture_ struct fixture f = { 0 };

        make(&f, p->cors);
        const struct dw_call_header *headers = headers_of(&f, (const char *const[]){
            "Origin", p->origin, "Access-Control-Request-Method", p->method,
            p->headers == NULL ? NULL : "Access-Control-Request-Headers", p->headers, NULL });
        /* Whatever the path is: it is answered before a row is looked for. */
        for (size_t k = 0; k < 2; k++) {
            const int status = fixture_call(&f, DW_OPTIONS, k == 0 ? "/free" : "/nowhere", headers, NULL);
            if (status != (p->text == NULL ? 200 : 400))
                fail_msg("%s: %d", p->label, status);
            check_body(&f, p->text == NULL ? "OK" : p->text, p->label);
            check_header(&f, "Content-Type", "text/plain; charset=utf-8", p->label);
            check_header(&f, "Access-Control-Allow-Origin", p->allow_origin, p->label);
            if (p->allow_headers != NULL || p->cors == &ANYONE)
                check_header(&f, "Access-Control-Allow-Headers", p->allow_headers, p->label);
            check_header(&f, "Vary", p->cors == &ANYONE ? NULL : "Origin", p->label);
            check_header(&f, "Access-Control-Allow-Credentials", p->cors == &ANYONE ? NULL : "true", p->label);
            check_header(&f, "Access-Control-Max-Age", p->cors == &EXACT ? "60" : "600", p->label);
            check_header(&f, "Access-Control-Allow-Methods",
                p->cors == &EXACT ? "GET, PUT"
                    : p->cors == &PATTERN ? "GET" : "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT", p->label);
            check_header(&f, "X-Content-Type-Options", "nosniff", p->label);
            check_header(&f, "RateLimit-Limit", NULL, "a preflight does not count");
        }
    }
}

/* A page of a public site that asks an address of a private network (Private Network Access). */
static void private_networks_are_asked_by_leave_alone(void **state)
{
    struct dw_cors open = EXACT;
    _cleanup_fixture_ struct fixture closed_one = { 0 }, open_one = { 0 };

    open.private_network = true;
    make(&closed_one, &EXACT);
    make(&open_one, &open);
    const char *const asking[] = { "Origin", APP, "Access-Control-Request-Method", "GET",
                                   "Access-Control-Request-Private-Network", "true", NULL };
    const char *const stranger[] = { "Origin", EVIL, "Access-Control-Request-Method", "TRACE",
                                     "Access-Control-Request-Private-Network", "true", NULL };
    const char *const silent[] = { "Origin", APP, "Access-Control-Request-Method", "GET", NULL };

    assert_int_equal(fixture_call(&closed_one, DW_OPTIONS, "/free", headers_of(&closed_one, asking), NULL), 400);
    check_body(&closed_one, "Disallowed CORS private-network", "closed");
    check_header(&closed_one, "Access-Control-Allow-Private-Network", NULL, "closed");
    assert_int_equal(fixture_call(&closed_one, DW_OPTIONS, "/free", headers_of(&closed_one, stranger), NULL), 400);
    check_body(&closed_one, "Disallowed CORS origin, method, private-network", "closed, a stranger");
    assert_int_equal(fixture_call(&open_one, DW_OPTIONS, "/free", headers_of(&open_one, asking), NULL), 200);
    check_header(&open_one, "Access-Control-Allow-Private-Network", "true", "open");
    assert_int_equal(fixture_call(&open_one, DW_OPTIONS, "/free", headers_of(&open_one, silent), NULL), 200);
    check_header(&open_one, "Access-Control-Allow-Private-Network", NULL, "nobody asked");
}

static void what_is_no_preflight_goes_to_its_row(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, &EXACT);
    const struct dw_call_header *no_method = headers_of(&f, (const char *const[]){ "Origin", APP, NULL });
    const struct dw_call_header *no_origin =
        headers_of(&f, (const char *const[]){ "Access-Control-Request-Method", "GET", NULL });

    assert_int_equal(fixture_call(&f, DW_OPTIONS, "/free", no_method, NULL), 204);
    check_header(&f, "Access-Control-Allow-Origin", APP, "no method");
    assert_int_equal(fixture_call(&f, DW_OPTIONS, "/free", no_origin, NULL), 204);
    check_header(&f, "Access-Control-Allow-Origin", NULL, "no origin");
    assert_int_equal(fixture_call(&f, DW_OPTIONS, "/me", no_method, NULL), 405);
    check_header(&f, "Access-Control-Allow-Origin", APP, "405");
}

/* --- simple requests -------------------------------------------------------------------------------------------- */

static const struct {
    const char *label;
    const struct dw_cors *cors;
    const char *origin, *second_origin, *target;
    int status;
    const char *allow_origin;
    bool varies;
} SIMPLE[] = {
    { "allowed", &EXACT, APP, NULL, "/free", 204, APP, true },
    { "no origin", &EXACT, NULL, NULL, "/free", 204, NULL, true },
    { "another origin", &EXACT, EVIL, NULL, "/free", 204, NULL, true },
    { "null", &EXACT, "null", NULL, "/free", 204, NULL, true },
    { "empty", &EXACT, "", NULL, "/free", 204, NULL, true },
    { "two origins, ours first", &EXACT, APP, EVIL, "/free", 204, NULL, true },
    { "two origins, ours last", &EXACT, EVIL, APP, "/free", 204, NULL, true },
    { "401", &EXACT, APP, NULL, "/me", 401, APP, true },
    { "401 of another origin", &EXACT, EVIL, NULL, "/me", 401, NULL, true },
    { "404", &EXACT, APP, NULL, "/nowhere", 404, APP, true },
    { "400", &EXACT, APP, NULL, "/%zz", 400, APP, true },
    { "500", &EXACT, APP, NULL, "/broken", 500, APP, true },
    { "everyone", &ANYONE, EVIL, NULL, "/free", 204, "*", false },
    { "everyone, null", &ANYONE, "null", NULL, "/me", 401, "*", false },
    { "everyone, no origin", &ANYONE, NULL, NULL, "/free", 204, NULL, false },
    { "pattern", &PATTERN, "https://x.example.com", NULL, "/free", 204, "https://x.example.com", true },
    { "pattern, null", &PATTERN, "null", NULL, "/free", 204, NULL, true },
    { "no CORS at all", NULL, APP, NULL, "/free", 204, NULL, false },
};

static void answers_say_who_may_read_them(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(SIMPLE); i++) {
        const char *label = SIMPLE[i].label;
        _cleanup_fixture_ struct fixture f = { 0 };

        make(&f, SIMPLE[i].cors);
        const struct dw_call_header *headers = headers_of(&f, (const char *const[]){
            SIMPLE[i].origin == NULL ? NULL : "Origin", SIMPLE[i].origin,
            SIMPLE[i].second_origin == NULL ? NULL : "origin", SIMPLE[i].second_origin, NULL });
        if (fixture_call(&f, DW_GET, SIMPLE[i].target, headers, NULL) != SIMPLE[i].status)
            fail_msg("%s: %d", label, f.called.status);
        const bool may_read = SIMPLE[i].allow_origin != NULL;
        const struct dw_cors *cors = SIMPLE[i].cors;
        check_header(&f, "Access-Control-Allow-Origin", SIMPLE[i].allow_origin, label);
        check_header(&f, "Vary", SIMPLE[i].varies ? "Origin" : NULL, label);
        check_header(&f, "Access-Control-Allow-Credentials",
            may_read && cors != NULL && cors->credentials ? "true" : NULL, label);
        check_header(&f, "Access-Control-Expose-Headers",
            may_read && cors == &EXACT ? "X-Request-Id, Retry-After" : NULL, label);
        check_header(&f, "Access-Control-Allow-Methods", NULL, label);
    }
}

static void too_many_requests_can_be_read_too(void **state)
{
    static const struct dw_rate_limit LIMITS[] = { { DW_RATE_LIMIT_DEFAULT, "1/minute" }, { NULL } };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ .cors = &EXACT, .rate_limits = LIMITS }, ROUTES + 5);
    const struct dw_call_header *headers = headers_of(&f, (const char *const[]){ "Origin", APP, NULL });
    assert_int_equal(fixture_call(&f, DW_GET, "/nowhere", headers, NULL), 404);
    assert_int_equal(fixture_call(&f, DW_GET, "/nowhere", headers, NULL), 429);
    check_header(&f, "Access-Control-Allow-Origin", APP, "429");
    check_header(&f, "Vary", "Origin", "429");
}

static void a_row_may_vary_by_more(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, &EXACT);
    assert_int_equal(fixture_call(&f, DW_GET, "/varied", NULL, NULL), 204);
    check_header(&f, "Vary", "Accept", "its own first");
    assert_non_null(memmem(f.called.head.ptr, f.called.head.len, "Vary: Origin\r\n", strlen("Vary: Origin\r\n")));
}

/* --- CSRF ------------------------------------------------------------------------------------------------------- */

static const struct {
    const struct dw_cors *cors;
    const char *origin, *site;
    bool has_token;
    int status;
} CHANGES[] = {
    { &EXACT, APP, "same-site", true, 204 },
    { &EXACT, APP, "cross-site", true, 204 },
    { &EXACT, APP, "same-site", false, 403 },
    { &EXACT, EVIL, "same-site", true, 403 },
    { &EXACT, "null", NULL, true, 403 },
    { &EXACT, NULL, "cross-site", true, 403 },
    { &EXACT, "https://id.example.com", "same-origin", true, 204 },
    { &PATTERN, "https://x.example.com", "same-site", true, 204 },
    { &PATTERN, "null", NULL, true, 403 },
    { &ANYONE, APP, "same-site", true, 403 }, /* without credentials it says nothing about cookies */
    { NULL, APP, "same-site", true, 403 },
};

static void csrf_checks_know_the_listed_origins_and_ask_for_the_token(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(CHANGES); i++) {
        _cleanup_fixture_ struct fixture f = { 0 };
        struct dw_str token;

        make(&f, CHANGES[i].cors);
        CHECK_OK(dw_csrf_token(&CSRF, DW_STR("session"), f.arena, &token));
        const struct dw_call_header *headers = headers_of(&f, (const char *const[]){
            "X-CSRF-Token", CHANGES[i].has_token ? token.ptr : "none",
            CHANGES[i].site == NULL ? "X" : "Sec-Fetch-Site", CHANGES[i].site == NULL ? "" : CHANGES[i].site,
            CHANGES[i].origin == NULL ? NULL : "Origin", CHANGES[i].origin, NULL });
        if (fixture_call(&f, DW_POST, "/change", headers, "") != CHANGES[i].status)
            fail_msg("change %zu: %d", i, f.called.status);
    }
}

/* --- at the start ----------------------------------------------------------------------------------------------- */

static void wrong_configurations_do_not_start(void **state)
{
    const struct {
        struct dw_cors cors;
        const char *problem;
    } ROWS[] = {
        { { .origins = NULL }, "no origin" },
        { { .origins = LIST("*"), .credentials = true }, "every origin with credentials" },
        { { .origins = LIST(APP, "*"), .credentials = true }, "every origin with credentials" },
        { { .origin_pattern = ".*", .credentials = true }, "every origin with credentials" },
        { { .origin_pattern = "https?://.+", .credentials = true }, "every origin with credentials" },
        { { .origin_pattern = "(" }, "does not compile" },
        { { .origins = LIST("null") }, "\"null\" is no origin" },
        { { .origins = LIST("") }, "is no origin" },
        { { .origins = LIST(APP "/") }, "is no origin" },
        { { .origins = LIST(APP "/path") }, "is no origin" },
        { { .origins = LIST(APP ":443") }, "is no origin" },
        { { .origins = LIST("http://localhost:80") }, "is no origin" },
        { { .origins = LIST("https://APP.example.com") }, "is no origin" },
        { { .origins = LIST("app.example.com") }, "is no origin" },
        { { .origins = LIST("https://*.example.com") }, "is no origin" },
        { { .origins = LIST("https://") }, "is no origin" },
        { { .origins = LIST(APP ", " EVIL) }, "is no origin" },
        { { .origins = LIST(APP "\r\nX: y") }, "is no origin" },
        { { .origins = LIST(APP), .methods = LIST("GET, POST") }, "is not one of methods" },
        { { .origins = LIST(APP), .headers = LIST("X\r\nY: z") }, "is not one of headers" },
        { { .origins = LIST(APP), .exposed_headers = LIST("") }, "is not one of headers" },
    };
    const struct dw_route *const tables[] = { ROUTES + 5, NULL };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_app_config config = {
            .title = "T", .version = "1", .routes = tables, .cors = &ROWS[i].cors,
        };
        char problem[DW_PROBLEM_SIZE] = "";
        struct dw_app *app = NULL;

        check_err(DW_ERR_TABLE, dw_app_new(&config, &app, problem), ROWS[i].problem);
        if (strstr(problem, ROWS[i].problem) == NULL || strncmp(problem, "CORS", 4) != 0)
            fail_msg("%s: it says %s", ROWS[i].problem, problem);
    }
}

static void origins_of_other_schemes_may_be_listed(void **state)
{
    static const char *const ORIGINS[] = { "http://[::1]:3000", "capacitor://localhost", "chrome-extension://abc-def" };

    for (size_t i = 0; i < ARRAY_SIZE(ORIGINS); i++)
        if (!origin_is_normal(dw_str(ORIGINS[i])))
            fail_msg("%s is refused", ORIGINS[i]);
}

CHECK_MAIN(cmocka_unit_test(preflights_are_answered_as_starlette_does),
    cmocka_unit_test(private_networks_are_asked_by_leave_alone),
    cmocka_unit_test(what_is_no_preflight_goes_to_its_row), cmocka_unit_test(answers_say_who_may_read_them),
    cmocka_unit_test(too_many_requests_can_be_read_too), cmocka_unit_test(a_row_may_vary_by_more),
    cmocka_unit_test(csrf_checks_know_the_listed_origins_and_ask_for_the_token),
    cmocka_unit_test(wrong_configurations_do_not_start), cmocka_unit_test(origins_of_other_schemes_may_be_listed))
