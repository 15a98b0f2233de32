/* Trusted hosts and the redirect to https: which names are ours, and where a client is sent. */
#include "fixture.h"

#include "app/application.h"

static const char HOSTS[] = "id.example.com, *.Example.org,127.0.0.1, [::1], localhost";

static enum dw_err fine(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/free", fine, .needs = DW_PUBLIC },
    { DW_POST, "/free", fine, .needs = DW_PUBLIC },
    { 0 },
};

static int call_host(struct fixture *f, const char *host, const char *target)
{
    const struct dw_call_header headers[] = { { "Host", dw_str(host) }, { 0 } };

    return fixture_call(f, DW_GET, target, headers, NULL);
}

static const struct {
    const char *host;
    bool is_ours;
} NAMES[] = {
    { "id.example.com", true },
    { "ID.Example.COM", true },
    { "id.example.com.", true },
    { "id.example.com:80", true },
    { "id.example.com:65535", true },
    { "id.example.com.:8080", true },
    { "127.0.0.1:8080", true },
    { "localhost", true },
    { "[::1]", true },
    { "[::1]:8080", true },
    { "[0:0:0:0:0:0:0:1]", true },
    { "a.example.org", true },
    { "a.b.EXAMPLE.org", true },
    { "example.org", false }, /* as in Starlette: a wildcard is not the bare domain */
    { ".example.org", false },
    { "a..example.org", false },
    { "aexample.org", false },
    { "a.example.org.evil.example", false },
    { "a%2f.example.org", false },
    { "evil.example", false },
    { "example.com", false },
    { "www.id.example.com", false },
    { "id.example.com.evil.example", false },
    { "id.example.com..", false },
    { "id.example.com:", false },
    { "id.example.com:http", false },
    { "id.example.com:123456", false },
    { "id.example.com:65536", false },
    { "id.example.com:80:80", false },
    { "id.example.com@evil.example", false },
    { "evil.example:80@id.example.com", false },
    { "evil.example/id.example.com", false },
    { "id.example.com,evil.example", false },
    { "id.example.com evil.example", false },
    { "127.0.0.2", false },
    { "127.1", false },
    { "::1", false },
    { "[::1", false },
    { "[::2]", false },
    { "[::1]x", false },
    { "[::1]:", false },
    { "[127.0.0.1]", false },
    { "[localhost]", false },
    { "[]", false },
    { ":80", false },
    { ".", false },
    { "*", false },
    { "*.example.org", false },
    { "", false },
    { "\xc3\xa4.example.org", false },
};

static void a_request_for_another_name_is_refused(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ .trusted_hosts = HOSTS }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        if (call_host(&f, NAMES[i].host, "/free") != (NAMES[i].is_ours ? 204 : 400))
            fail_msg("%s: %d", NAMES[i].host, f.called.status);
        if (!NAMES[i].is_ours)
            check_body(&f, "{\"detail\":\"Invalid host header\"}", NAMES[i].host);
        check_header(&f, "X-Frame-Options", "DENY", NAMES[i].host);
    }
    assert_int_equal(call_host(&f, "evil.example", "/nowhere"), 400);
}

static void without_a_list_any_name_will_do(void **state)
{
    const char *const lists[] = { NULL, "", "*" };

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        _cleanup_fixture_ struct fixture f = { 0 };

        fixture_make(&f, (struct dw_app_config){ .trusted_hosts = lists[i] }, ROUTES);
        assert_int_equal(call_host(&f, "evil.example", "/free"), 204);
    }
}

static void lists_that_can_not_be_read_stop_the_start(void **state)
{
    static const char *const LISTS[] = {
        "id.example.com:8080", "https://id.example.com", "id.example.com,", ",", "*.", "*example.com", "a.*.com", "**",
        "*, id.example.com", "[::1]:80", "[::g]", "::1", "id.example.com/", "a b", "*.[::1]", "..",
    };
    const struct dw_route *const tables[] = { ROUTES, NULL };

    for (size_t i = 0; i < ARRAY_SIZE(LISTS); i++) {
        const struct dw_app_config config = {
            .title = "T", .version = "1", .routes = tables, .trusted_hosts = LISTS[i],
        };
        char problem[DW_PROBLEM_SIZE] = "";
        struct dw_app *app = NULL;

        check_err(DW_ERR_TABLE, dw_app_new(&config, &app, problem), LISTS[i]);
        assert_int_equal(strncmp(problem, "trusted hosts: ", 15), 0);
    }
}

/* --- https ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *host, *target;
    int status;
    const char *location;
} REDIRECTS[] = {
    { "id.example.com", "/free", 307, "https://id.example.com/free" },
    { "id.example.com", "/", 307, "https://id.example.com/" },
    { "id.example.com", "/free?a=b&c=%20d", 307, "https://id.example.com/free?a=b&c=%20d" },
    { "id.example.com", "/free?", 307, "https://id.example.com/free?" },
    { "id.example.com", "/nowhere/%2e%2e?next=http://evil.example", 307,
      "https://id.example.com/nowhere/%2e%2e?next=http://evil.example" },
    { "id.example.com:80", "/free", 307, "https://id.example.com/free" },
    { "id.example.com:443", "/free", 307, "https://id.example.com/free" },
    { "id.example.com:8080", "/free", 307, "https://id.example.com:8080/free" },
    { "[::1]:8080", "/free", 307, "https://[::1]:8080/free" },
    { "[::1]:80", "/free", 307, "https://[::1]/free" },
    { "id.example.com", "//evil.example/x", 307, "https://id.example.com//evil.example/x" },
    { "evil.example", "/free", 400, NULL },
    { "id.example.com@evil.example", "/free", 400, NULL },
    { "id.example.com:80@evil.example", "/free", 400, NULL },
};

static void a_plain_request_is_sent_to_https(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ .trusted_hosts = HOSTS, .https_redirect = true }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(REDIRECTS); i++) {
        if (call_host(&f, REDIRECTS[i].host, REDIRECTS[i].target) != REDIRECTS[i].status)
            fail_msg("%s%s: %d", REDIRECTS[i].host, REDIRECTS[i].target, f.called.status);
        check_header(&f, "Location", REDIRECTS[i].location, REDIRECTS[i].target);
        check_header(&f, "X-Frame-Options", "DENY", REDIRECTS[i].target);
    }
    assert_int_equal(fixture_call(&f, DW_POST, "/free", (const struct dw_call_header[]){
        { "Host", DW_STR("localhost") }, { 0 } }, "a body"), 307);
    check_header(&f, "Location", "https://localhost/free", "POST");
    check_body(&f, "", "POST");
}

/* As in Starlette: the bare name goes to the one with www., where that one is listed; the port stays. */
static const struct {
    const char *host, *target;
    int status;
    const char *location;
} WWW_REDIRECTS[] = {
    { "example.com", "/free?a=b", 307, "http://www.example.com/free?a=b" },
    { "EXAMPLE.com.", "/nowhere", 307, "http://www.example.com/nowhere" },
    { "example.com:8080", "/free", 307, "http://www.example.com:8080/free" },
    { "example.com", "//evil.example", 307, "http://www.example.com//evil.example" },
    { "www.example.com", "/free", 204, NULL },
    { "www.www.example.com", "/free", 400, NULL },
    { "example.org", "/free", 400, NULL }, /* a wildcard names no place */
    { "evil.example", "/free", 400, NULL },
    { "", "/free", 400, NULL },
    { "[::1]", "/free", 400, NULL },
    { "example.com@evil.example", "/free", 400, NULL },
    { "example.com:80@evil.example", "/free", 400, NULL },
};

static void the_bare_name_is_sent_to_its_www(void **state)
{
    static const char WWW_HOSTS[] = "www.example.com, *.example.org";
    _cleanup_fixture_ struct fixture f = { 0 }, https = { 0 }, off = { 0 };

    fixture_make(&f, (struct dw_app_config){ .trusted_hosts = WWW_HOSTS, .www_redirect = true }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(WWW_REDIRECTS); i++) {
        if (call_host(&f, WWW_REDIRECTS[i].host, WWW_REDIRECTS[i].target) != WWW_REDIRECTS[i].status)
            fail_msg("%s%s: %d", WWW_REDIRECTS[i].host, WWW_REDIRECTS[i].target, f.called.status);
        check_header(&f, "Location", WWW_REDIRECTS[i].location, WWW_REDIRECTS[i].host);
    }
    fixture_make(&https, (struct dw_app_config){ .trusted_hosts = WWW_HOSTS, .www_redirect = true, .is_https = true },
                 ROUTES);
    assert_int_equal(call_host(&https, "example.com", "/free"), 307);
    check_header(&https, "Location", "https://www.example.com/free", "never from https to http");
    fixture_make(&off, (struct dw_app_config){ .trusted_hosts = WWW_HOSTS }, ROUTES);
    assert_int_equal(call_host(&off, "example.com", "/free"), 400);
}

static void redirects_need_names_that_are_trusted(void **state)
{
    const char *const lists[] = { NULL, "*" };
    const struct dw_route *const tables[] = { ROUTES, NULL };

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const struct dw_app_config config = {
            .title = "T", .version = "1", .routes = tables, .trusted_hosts = lists[i], .https_redirect = true,
        };
        char problem[DW_PROBLEM_SIZE] = "";
        struct dw_app *app = NULL;

        CHECK_ERR(DW_ERR_TABLE, dw_app_new(&config, &app, problem));
        assert_non_null(strstr(problem, "https_redirect"));
        const struct dw_app_config www = {
            .title = "T", .version = "1", .routes = tables, .trusted_hosts = lists[i], .www_redirect = true,
        };
        CHECK_ERR(DW_ERR_TABLE, dw_app_new(&www, &app, problem));
        assert_non_null(strstr(problem, "www_redirect"));
    }
}

/* The peer of the in-process client is no address that could be trusted: the hooks are called as the engine does. */
static void who_came_by_https_stays(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(http_request_free) struct dw_request *r = NULL;
    size_t max_body = 1;

    fixture_make(&f, (struct dw_app_config){ .trusted_hosts = HOSTS, .https_redirect = true,
                                             .trusted_proxies = "127.0.0.1" }, ROUTES);
    for (size_t i = 0; i < 2; i++) {
        CHECK_OK(http_request_new(&r));
        r->method = DW_GET;
        snprintf(r->peer, sizeof(r->peer), i == 0 ? "127.0.0.1" : "192.0.2.1");
        r->headers[r->n_headers++] = (struct http_header){ DW_STR("Host"), DW_STR("localhost") };
        r->headers[r->n_headers++] = (struct http_header){ DW_STR("X-Forwarded-For"), DW_STR("192.0.2.7") };
        r->headers[r->n_headers++] = (struct http_header){ DW_STR("X-Forwarded-Proto"), DW_STR("https") };
        CHECK_OK(http_request_set_target(r, DW_STR("/free")));
        check_err(i == 0 ? DW_OK : DW_ERR_BAD_REQUEST, f.app->service.begin(f.app, r, &max_body), r->peer);
        http_request_free(&r);
    }
}

CHECK_MAIN(cmocka_unit_test(a_request_for_another_name_is_refused), cmocka_unit_test(without_a_list_any_name_will_do),
    cmocka_unit_test(lists_that_can_not_be_read_stop_the_start), cmocka_unit_test(a_plain_request_is_sent_to_https),
    cmocka_unit_test(the_bare_name_is_sent_to_its_www),
    cmocka_unit_test(redirects_need_names_that_are_trusted), cmocka_unit_test(who_came_by_https_stays))
