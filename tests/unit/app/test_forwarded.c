/* Who the client is behind proxies: what is believed, from whom, and what was forged. */
#include "fixture.h"

#include "app/middleware/middleware.h"

static const char PROXIES[] = "127.0.0.1, 10.0.0.0/8,2001:db8:ffff::/48";

struct row {
    const char *label, *peer;
    struct { const char *name, *value; } headers[3];
    const char *client;
    bool is_https;
};

static const struct row ROWS[] = {
    { "nobody forwards", "127.0.0.1", { { NULL } }, "127.0.0.1" },
    { "a proxy tells", "127.0.0.1", { { "X-Forwarded-For", "203.0.113.9" }, { "X-Forwarded-Proto", "https" } },
      "203.0.113.9", true },
    { "a stranger lies", "203.0.113.5", { { "X-Forwarded-For", "198.51.100.1" }, { "X-Forwarded-Proto", "https" } },
      "203.0.113.5" },
    { "a client forged what stands before", "127.0.0.1", { { "X-Forwarded-For", "198.51.100.1, 203.0.113.9" } },
      "203.0.113.9" },
    { "two proxies", "127.0.0.1", { { "X-Forwarded-For", "198.51.100.1, 203.0.113.9 ,10.1.2.3" } }, "203.0.113.9" },
    { "the proxy's own line is the last", "127.0.0.1",
      { { "X-Forwarded-For", "198.51.100.1" }, { "x-forwarded-for", "203.0.113.9" } }, "203.0.113.9" },
    { "proxies all the way", "127.0.0.1", { { "X-Forwarded-For", "10.0.0.1, 10.0.0.2" } }, "10.0.0.1" },
    { "a port", "127.0.0.1", { { "X-Forwarded-For", "203.0.113.9:4711" } }, "203.0.113.9" },
    { "IPv6", "10.9.9.9", { { "X-Forwarded-For", "2001:db8::7" } }, "2001:db8::7" },
    { "IPv6 with a port", "10.9.9.9", { { "X-Forwarded-For", "[2001:db8::7]:80" } }, "2001:db8::7" },
    { "an IPv6 proxy", "2001:db8:ffff::1", { { "X-Forwarded-For", "203.0.113.9" } }, "203.0.113.9" },
    { "rubbish stays with the proxy", "127.0.0.1", { { "X-Forwarded-For", "203.0.113.9, unknown" } }, "127.0.0.1" },
    { "rubbish before a proxy", "127.0.0.1", { { "X-Forwarded-For", "x, 10.0.0.2" } }, "10.0.0.2" },
    { "an empty value", "127.0.0.1", { { "X-Forwarded-For", "" } }, "127.0.0.1" },
    { "http is said", "127.0.0.1", { { "X-Forwarded-For", "203.0.113.9" }, { "X-Forwarded-Proto", "http" } },
      "203.0.113.9" },
    { "RFC 7239", "127.0.0.1", { { "Forwarded", "for=198.51.100.1, for=203.0.113.9;proto=https;by=10.0.0.1" } },
      "203.0.113.9", true },
    { "RFC 7239, quoted", "127.0.0.1", { { "Forwarded", "Proto=HTTPS;For=\"[2001:db8::7]:4711\"" } }, "2001:db8::7",
      true },
    { "RFC 7239, a comma in quotes", "127.0.0.1", { { "Forwarded", "for=203.0.113.9;host=\"a,for=198.51.100.1\"" } },
      "203.0.113.9" },
    { "RFC 7239, hidden", "127.0.0.1", { { "Forwarded", "for=_hidden" } }, "127.0.0.1" },
    { "RFC 7239, without for", "127.0.0.1", { { "Forwarded", "proto=https" } }, "127.0.0.1" },
    { "a client left a quotation mark open", "127.0.0.1", { { "X-Forwarded-For", "\", 203.0.113.9" } }, "203.0.113.9" },
    { "RFC 7239, a client left a quotation mark open", "127.0.0.1",
      { { "Forwarded", "for=\"198.51.100.1, for=203.0.113.9;proto=https" } }, "203.0.113.9", true },
    { "RFC 7239, and the proxy writes one too", "127.0.0.1",
      { { "Forwarded", "for=\"198.51.100.1, for=\"[2001:db8::7]:4711\"" } }, "2001:db8::7" },
    { "both forms", "127.0.0.1", { { "Forwarded", "for=198.51.100.1" }, { "X-Forwarded-For", "203.0.113.9" } },
      "127.0.0.1" },
};

static enum dw_err fine(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/", fine, .needs = DW_PUBLIC, .lane = DW_INLINE }, { 0 },
};

static void fill(struct dw_request *r, const struct row *row)
{
    http_request_reset(r);
    snprintf(r->peer, sizeof(r->peer), "%s", row->peer);
    for (size_t i = 0; i < ARRAY_SIZE(row->headers) && row->headers[i].name != NULL; i++)
        r->headers[r->n_headers++] =
            (struct http_header){ dw_str(row->headers[i].name), dw_str(row->headers[i].value) };
}

static void clients_are_told_by_trusted_proxies_alone(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(http_request_free) struct dw_request *r = NULL;

    fixture_make(&f, (struct dw_app_config){ .trusted_proxies = PROXIES }, ROUTES);
    CHECK_OK(http_request_new(&r));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        fill(r, &ROWS[i]);
        CHECK_OK(MIDDLEWARE_FORWARDED.before(f.app, r));
        check_str(dw_str(ROWS[i].client), dw_request_peer(r), ROWS[i].label);
        if (dw_request_is_https(r) != ROWS[i].is_https)
            fail_msg("%s: https %d", ROWS[i].label, !ROWS[i].is_https);
    }
}

static void without_proxies_nothing_is_believed(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(http_request_free) struct dw_request *r = NULL;

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    CHECK_OK(http_request_new(&r));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        fill(r, &ROWS[i]);
        CHECK_OK(MIDDLEWARE_FORWARDED.before(f.app, r));
        check_str(dw_str(ROWS[i].peer), dw_request_peer(r), ROWS[i].label);
        assert_false(dw_request_is_https(r));
    }
}

static void long_chains_end(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(http_request_free) struct dw_request *r = NULL;
    _cleanup_buffer_ struct buffer chain = BUFFER_INIT(4096);

    fixture_make(&f, (struct dw_app_config){ .trusted_proxies = PROXIES }, ROUTES);
    CHECK_OK(http_request_new(&r));
    for (int i = 1; i <= 100; i++)
        buffer_printf(&chain, "%s10.0.0.%d", i == 1 ? "" : ",", i);
    CHECK_OK(buffer_error(&chain));
    fill(r, &ROWS[0]);
    r->headers[r->n_headers++] = (struct http_header){ DW_STR("X-Forwarded-For"), buffer_str(&chain) };
    CHECK_OK(MIDDLEWARE_FORWARDED.before(f.app, r));
    check_str(DW_STR("10.0.0.69"), dw_request_peer(r), "32 hops");
}

static void wrong_proxies_stop_the_start(void **state)
{
    static const char *const LISTS[] = { "proxy.example", "10.0.0.1/8", "10.0.0.1,,10.0.0.2", "10.0.0.1,", "*" };
    const struct dw_route *const tables[] = { ROUTES, NULL };

    for (size_t i = 0; i < ARRAY_SIZE(LISTS); i++) {
        const struct dw_app_config config = {
            .title = "T", .version = "1", .routes = tables, .trusted_proxies = LISTS[i]
        };
        struct dw_app *app = NULL;
        char problem[DW_PROBLEM_SIZE];

        check_err(DW_ERR_TABLE, dw_app_new(&config, &app, problem), LISTS[i]);
        assert_non_null(strstr(problem, "trusted proxies"));
    }
}

CHECK_MAIN(cmocka_unit_test(clients_are_told_by_trusted_proxies_alone),
    cmocka_unit_test(without_proxies_nothing_is_believed), cmocka_unit_test(long_chains_end),
    cmocka_unit_test(wrong_proxies_stop_the_start))
