/* Applications in applications: which one answers, what is its own, and what is written once. */
#include "fixture.h"

#include "app/application.h"

/* Says which application serves, its prefix and the path as it was sent. */
static enum dw_err whose(struct dw_request *r, const void *in, void *out)
{
    const struct dw_str mount = dw_request_mount(r), path = dw_request_path(r), id = dw_path_parameter(r, "id");

    if (dw_str_is_absent(dw_app_openapi(dw_request_app(r))))
        return DW_ERR_INTERNAL;
    dw_answer_body(r, "text/plain", dw_arena_printf(dw_request_arena(r), "%s %.*s %.*s %.*s",
        (const char *)dw_context(r), (int)mount.len, mount.ptr, (int)path.len, path.ptr, (int)id.len,
        id.len == 0 ? "" : id.ptr));
    return DW_OK;
}

static const struct dw_route OUTER[] = {
    { DW_GET, "/", whose, .needs = DW_PUBLIC },
    { DW_GET, "/shopping", whose, .needs = DW_PUBLIC },
    { DW_GET, "/{id}", whose, .needs = DW_PUBLIC },
    { DW_GET, "/{id}/list", whose, .needs = DW_PUBLIC },
    { 0 },
};
static const struct dw_route SHOP[] = {
    { DW_GET, "/", whose, .needs = DW_PUBLIC },
    { DW_GET, "/items/{id}", whose, .needs = DW_PUBLIC },
    { DW_POST, "/items", whose, .needs = DW_PUBLIC, .rate_limit = "orders" },
    { 0 },
};
static const struct dw_route ADMIN[] = {
    { DW_GET, "/list", whose, .needs = DW_PUBLIC, .id = "list" },
    { 0 },
};

static const struct dw_route *const SHOP_TABLES[] = { SHOP, NULL };
static const struct dw_route *const ADMIN_TABLES[] = { ADMIN, NULL };
static const struct dw_cors SHOP_CORS = { .origins = (const char *const[]){ "https://shop.example.com", NULL } };
static const struct dw_cors OUTER_CORS = { .origins = (const char *const[]){ "https://www.example.com", NULL } };
static const struct dw_rate_limit SHOP_LIMITS[] = { { "orders", "1/minute", DW_RATE_FIXED }, { NULL } };

static char shop_name[] = "shop", admin_name[] = "admin", inner_name[] = "inner", outer_name[] = "outer";

static const struct dw_app_config INNER_CONFIG = {
    .title = "Inner", .version = "1", .routes = ADMIN_TABLES, .context = inner_name,
};
static const struct dw_app_config ADMIN_CONFIG = {
    .title = "Admin", .version = "1", .routes = ADMIN_TABLES, .context = admin_name, .trusted_hosts = "admin",
};
static const struct dw_app_config SHOP_CONFIG = {
    .title = "Shop", .version = "2", .routes = SHOP_TABLES, .context = shop_name, .rate_limits = SHOP_LIMITS,
    .cors = &SHOP_CORS, .mounts = (const struct dw_mount[]){ { "/in/ner", &INNER_CONFIG }, { 0 } },
};
static const struct dw_mount MOUNTS[] = {
    { "/shop", &SHOP_CONFIG }, { "/shop/admin", &ADMIN_CONFIG }, { 0 },
};

static void make(struct fixture *f, struct dw_app_config config)
{
    config.mounts = MOUNTS;
    config.context = outer_name;
    fixture_make(f, config, OUTER);
}

/* --- whose is it ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *path;
    int status;
    const char *body; /* NULL: not looked at */
} PATHS[] = {
    { "/", 200, "outer  / " },
    { "/other", 200, "outer  /other other" },
    { "/shopping", 200, "outer  /shopping " },
    { "/shoppin", 200, "outer  /shoppin shoppin" },
    { "/Shop", 200, "outer  /Shop Shop" },
    { "/shop", 200, "shop /shop /shop " },
    { "/shop/", 200, "shop /shop /shop/ " },
    { "/sh%6fp", 200, "shop /shop /sh%6fp " },
    { "/%73hop/items/7", 200, "shop /shop /%73hop/items/7 7" },
    { "/shop/items/7", 200, "shop /shop /shop/items/7 7" },
    { "/shop/items/a%20b", 200, "shop /shop /shop/items/a%20b a b" },
    { "/shop/items/7/", 404, NULL },
    { "/shop/list", 404, NULL }, /* not the outer one's /{id}/list: the prefix owns what is beneath */
    { "/shop/nowhere", 404, NULL },
    { "/shop//", 404, NULL },
    { "/shop//items/7", 404, NULL },
    { "//shop", 404, NULL },
    { "/shop/../shopping", 404, NULL },
    { "/shop/%2e%2e/shopping", 404, NULL },
    { "/shop%2fitems/7", 404, NULL },
    { "/shop%2Fadmin/list", 404, NULL },
    { "/x/../shop", 404, NULL },
    { "/sh%6", 400, NULL },
    { "/shop/%ff", 400, NULL },
    { "/shop/in/ner/list", 200, "inner /shop/in/ner /shop/in/ner/list " },
    { "/shop/%69n/n%65r/list", 200, "inner /shop/in/ner /shop/%69n/n%65r/list " },
    { "/shop/in/ner", 404, NULL },
    { "/shop/in", 404, NULL },
    { "/shop/in/list", 404, NULL },
    { "/shop/admin/list", 400, NULL }, /* its own trusted hosts */
};

static void the_longest_prefix_serves(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, (struct dw_app_config){ 0 });
    for (size_t i = 0; i < ARRAY_SIZE(PATHS); i++) {
        if (fixture_call(&f, DW_GET, PATHS[i].path, NULL, NULL) != PATHS[i].status)
            fail_msg("%s: %d", PATHS[i].path, f.called.status);
        if (PATHS[i].body != NULL)
            check_body(&f, PATHS[i].body, PATHS[i].path);
    }
    const struct dw_call_header host[] = { { "Host", DW_STR("admin") }, { 0 } };
    assert_int_equal(fixture_call(&f, DW_GET, "/shop/admin/list", host, NULL), 200);
    check_body(&f, "admin /shop/admin /shop/admin/list ", "admin");
    assert_int_equal(fixture_call(&f, DW_PUT, "/shop/items/7", NULL, NULL), 405);
    check_header(&f, "Allow", "GET, HEAD", "its own row");
}

static size_t count_of(struct dw_str text, const char *wanted)
{
    const size_t len = strlen(wanted);
    size_t n = 0;

    for (size_t i = 0; i + len <= text.len; i++)
        n += memcmp(text.ptr + i, wanted, len) == 0;
    return n;
}

static void what_every_answer_carries_is_written_once(void **state)
{
    static const char *const PLACES[] = { "/shopping", "/shop", "/shop/in/ner/list", "/shop/nowhere", "/shop/%ff" };
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, (struct dw_app_config){ .is_https = true, .cors = &OUTER_CORS });
    for (size_t i = 0; i < ARRAY_SIZE(PLACES); i++) {
        fixture_call(&f, DW_GET, PLACES[i], NULL, NULL);
        assert_int_equal(count_of(f.called.head, "X-Request-Id: "), 1);
        assert_int_equal(count_of(f.called.head, "X-Frame-Options: "), 1);
        assert_int_equal(count_of(f.called.head, "Vary: Origin"), 1);
        /* Whether the public URL is https is known outside. */
        assert_int_equal(count_of(f.called.head, "Strict-Transport-Security: "), 1);
    }
}

/* --- middleware ------------------------------------------------------------------------------------------------- */

static const struct dw_call_header *origin_of(struct fixture *f, const char *origin)
{
    struct dw_call_header *headers = dw_arena_alloc(f->arena, 2 * sizeof(*headers));

    headers[0] = (struct dw_call_header){ "Origin", dw_str(origin) };
    return headers;
}

static void the_outermost_cors_decides(void **state)
{
    _cleanup_fixture_ struct fixture with = { 0 };
    _cleanup_fixture_ struct fixture without = { 0 };

    make(&with, (struct dw_app_config){ .cors = &OUTER_CORS });
    fixture_call(&with, DW_GET, "/shop", origin_of(&with, "https://www.example.com"), NULL);
    check_header(&with, "Access-Control-Allow-Origin", "https://www.example.com", "outer");
    fixture_call(&with, DW_GET, "/shop", origin_of(&with, "https://shop.example.com"), NULL);
    check_header(&with, "Access-Control-Allow-Origin", NULL, "the shop's own is not asked");

    make(&without, (struct dw_app_config){ 0 });
    fixture_call(&without, DW_GET, "/shop", origin_of(&without, "https://shop.example.com"), NULL);
    check_header(&without, "Access-Control-Allow-Origin", "https://shop.example.com", "the shop's own");
    fixture_call(&without, DW_GET, "/shopping", origin_of(&without, "https://shop.example.com"), NULL);
    check_header(&without, "Access-Control-Allow-Origin", NULL, "beside the shop");
    fixture_call(&without, DW_GET, "/shop/in/ner/list", origin_of(&without, "https://shop.example.com"), NULL);
    check_header(&without, "Access-Control-Allow-Origin", "https://shop.example.com", "in the shop");
    const struct dw_call_header preflight[] = {
        { "Origin", DW_STR("https://shop.example.com") }, { "Access-Control-Request-Method", DW_STR("GET") }, { 0 },
    };
    assert_int_equal(fixture_call(&without, DW_OPTIONS, "/shop/items", preflight, NULL), 200);
    check_header(&without, "Access-Control-Allow-Origin", "https://shop.example.com", "preflight");
    assert_int_equal(fixture_call(&without, DW_OPTIONS, "/shopping", preflight, NULL), 405);
}

static void hosts_and_https_of_the_outer_one_hold_inside(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    const struct dw_call_header stranger[] = { { "Host", DW_STR("evil.example") }, { 0 } };

    make(&f, (struct dw_app_config){ .trusted_hosts = "test", .https_redirect = true });
    assert_int_equal(fixture_call(&f, DW_GET, "/shop", stranger, NULL), 400);
    assert_int_equal(fixture_call(&f, DW_GET, "/shop/items/7?a=b", NULL, NULL), 307);
    check_header(&f, "Location", "https://test/shop/items/7?a=b", "the whole path");
}

static void limits_of_both_count(void **state)
{
    static const struct dw_rate_limit ALL[] = { { DW_RATE_LIMIT_DEFAULT, "3/minute", DW_RATE_FIXED }, { NULL } };
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, (struct dw_app_config){ .rate_limits = ALL });
    assert_int_equal(fixture_call(&f, DW_POST, "/shop/items", NULL, ""), 200);
    check_header(&f, "RateLimit-Limit", "1", "the one nearest to its end");
    assert_int_equal(fixture_call(&f, DW_POST, "/shop/items", NULL, ""), 429);
    assert_int_equal(fixture_call(&f, DW_GET, "/shopping", NULL, NULL), 200);
    assert_int_equal(fixture_call(&f, DW_GET, "/shop", NULL, NULL), 429);
    check_header(&f, "RateLimit-Limit", "3", "the outer one's");
}

/* --- documents -------------------------------------------------------------------------------------------------- */

static void each_has_a_document_of_its_own(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, (struct dw_app_config){ .server_url = "https://api.example.com/" });
    struct dw_app *shop = dw_app_mounted(f.app, "/shop"), *inner = dw_app_mounted(f.app, "/shop/in/ner");
    assert_non_null(shop);
    assert_non_null(inner);
    assert_int_equal(count_of(dw_app_openapi(f.app), "\"url\":\"https://api.example.com/\""), 1);
    assert_int_equal(count_of(dw_app_openapi(shop), "\"url\":\"https://api.example.com/shop\""), 1);
    assert_int_equal(count_of(dw_app_openapi(inner), "\"url\":\"https://api.example.com/shop/in/ner\""), 1);
    assert_int_equal(count_of(dw_app_openapi(shop), "\"/items/{id}\""), 1);
    assert_int_equal(count_of(dw_app_openapi(f.app), "\"/items/{id}\""), 0);
    assert_int_equal(count_of(dw_app_openapi(shop), "\"title\":\"Shop\""), 1);
    static const char *const NONE[] = { "/", "", "shop", "/shopping", "/shop/in", "/shop/in/ner/x", "/sho" };
    for (size_t i = 0; i < ARRAY_SIZE(NONE); i++)
        assert_null(dw_app_mounted(f.app, NONE[i]));
    assert_null(dw_app_mounted(NULL, "/shop"));
    assert_null(dw_app_mounted(f.app, NULL));
    assert_null(dw_request_app(NULL));
}

static void without_a_url_the_prefix_is_the_server(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, (struct dw_app_config){ 0 });
    assert_int_equal(count_of(dw_app_openapi(dw_app_mounted(f.app, "/shop")), "\"servers\":[{\"url\":\"/shop\"}]"), 1);
}

static void an_application_may_be_nothing_but_mounts(void **state)
{
    const struct dw_app_config config = { .title = "T", .version = "1", .mounts = MOUNTS };
    _cleanup_fixture_ struct fixture f = { 0 };
    char problem[DW_PROBLEM_SIZE];

    CHECK_OK(dw_arena_new(FIXTURE_ARENA_LIMIT, &f.arena));
    CHECK_OK(dw_app_new(&config, &f.app, problem));
    assert_int_equal(fixture_call(&f, DW_GET, "/shop", NULL, NULL), 200);
    assert_int_equal(fixture_call(&f, DW_GET, "/", NULL, NULL), 404);
    CHECK_OK(dw_app_override(f.app, &DW_CURRENT_PRINCIPAL, &DW_CURRENT_PRINCIPAL));
}

/* --- at the start ----------------------------------------------------------------------------------------------- */

#define CONFIG(tables, ...) (&(const struct dw_app_config){ "T", "1", .routes = (tables), __VA_ARGS__ })
#define PLAIN CONFIG(ADMIN_TABLES, 0)
#define MOUNTED(...) .mounts = (const struct dw_mount[]){ __VA_ARGS__, { 0 } }
#define INSIDE(prefix, config) CONFIG(ADMIN_TABLES, MOUNTED({ prefix, config }))

static const struct dw_app_config ENDLESS;
static const struct dw_mount ENDLESS_MOUNTS[] = { { "/a", &ENDLESS }, { 0 } };
static const struct dw_app_config ENDLESS = {
    .title = "T", .version = "1", .routes = ADMIN_TABLES, .mounts = ENDLESS_MOUNTS,
};

static void wrong_mounts_do_not_start(void **state)
{
    static const struct dw_route BENEATH[] = { { DW_GET, "/a/b", whose, .needs = DW_PUBLIC }, { 0 } };
    static const struct dw_route AT[] = { { DW_GET, "/a", whose, .needs = DW_PUBLIC }, { 0 } };
    static const struct dw_route BAD[] = { { DW_GET, "/bad", whose }, { 0 } };
    const struct dw_route *const beneath[] = { BENEATH, NULL }, *const at[] = { AT, NULL };
    const struct dw_route *const bad[] = { BAD, NULL };
    const struct {
        const struct dw_app_config *config;
        const char *problem;
    } rows[] = {
        { INSIDE("/", PLAIN), "/: a prefix begins with '/' and has a name" },
        { INSIDE("", PLAIN), ": a prefix begins with '/' and has a name" },
        { INSIDE("a", PLAIN), "a: a prefix begins with '/' and has a name" },
        { INSIDE("/a/", PLAIN), "/a/: bad segment '' in the prefix" },
        { INSIDE("/a//b", PLAIN), "/a//b: bad segment '' in the prefix" },
        { INSIDE("/{a}", PLAIN), "/{a}: bad segment '{a}' in the prefix" },
        { INSIDE("/a%20b", PLAIN), "/a%20b: bad segment 'a%20b' in the prefix" },
        { INSIDE("/..", PLAIN), "/..: bad segment '..' in the prefix" },
        { INSIDE("/a", CONFIG(ADMIN_TABLES, .trusted_proxies = "127.0.0.1")),
          "/a: trusted proxies are the outermost application's" },
        { INSIDE("/a", CONFIG(bad, 0)), "/a: GET /bad: needs are not stated (DW_PUBLIC is written out)" },
        { INSIDE("/a", NULL), "/a: no configuration" },
        { CONFIG(ADMIN_TABLES, MOUNTED({ "/a", PLAIN }, { "/a", PLAIN })), "/a: two applications at one prefix" },
        { CONFIG(beneath, MOUNTED({ "/a", PLAIN })), "GET /a/b: an application is mounted at /a" },
        { CONFIG(at, MOUNTED({ "/a", PLAIN })), "GET /a: an application is mounted at /a" },
        { &ENDLESS, "/a: /a: /a: /a: more than 4 applications in each other" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char problem[DW_PROBLEM_SIZE] = "";
        struct dw_app *app = NULL;

        check_err(DW_ERR_TABLE, dw_app_new(rows[i].config, &app, problem), rows[i].problem);
        assert_string_equal(problem, rows[i].problem);
    }
}

CHECK_MAIN(cmocka_unit_test(the_longest_prefix_serves), cmocka_unit_test(what_every_answer_carries_is_written_once),
    cmocka_unit_test(the_outermost_cors_decides), cmocka_unit_test(hosts_and_https_of_the_outer_one_hold_inside),
    cmocka_unit_test(limits_of_both_count), cmocka_unit_test(each_has_a_document_of_its_own),
    cmocka_unit_test(without_a_url_the_prefix_is_the_server),
    cmocka_unit_test(an_application_may_be_nothing_but_mounts), cmocka_unit_test(wrong_mounts_do_not_start))
