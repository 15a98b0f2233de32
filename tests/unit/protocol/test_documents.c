#include "fixture.h"

#include "app/docs/assets.h"

static int get_with(struct fixture *f, const char *target, const char *name, const char *value)
{
    const struct dw_call_header headers[] = { { name, dw_str(value) }, { 0 } };

    return ask_with(f, DW_GET, target, headers, NULL);
}

static void the_keys_verify_an_access_token(void **state)
{
    static const char *const REQUIRED[] = { "sub", "jti", "client_id", "exp", NULL };
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");
    struct dw_keyset *keys = NULL;
    struct dw_claims claims;
    const struct dw_jwt_rules rules = { .algs = DW_ALG_BIT(DW_ALG_ES256), .issuer = DW_STR(ISSUER),
                                        .audience = DW_STR(ISSUER), .type = DW_STR("at+jwt"), .require = REQUIRED };

    STATUS(200, ask(f, DW_GET, "/.well-known/jwks.json", NULL, NULL));
    check_str(DW_STR("public, max-age=300"), header(f, "Cache-Control"), "Cache-Control");
    check_str(DW_STR("application/json"), header(f, "Content-Type"), "Content-Type");
    assert_false(body_has(f, "\"d\""));
    CHECK_OK(dw_keyset_from_jwks(f->called.body, &keys));
    CHECK_OK(dw_jwt_verify(keys, &rules, dw_str(ann.access), f->arena, &claims));
    check_str(dw_str(ann.id), claims.subject, "sub");
    dw_keyset_free(&keys);
}

/* RFC 8414 §2 */
static void the_metadata_names_what_there_is(void **state)
{
    struct fixture *f = *state;

    STATUS(200, ask(f, DW_GET, "/.well-known/oauth-authorization-server", NULL, NULL));
    assert_string_equal(answer_text(f, "issuer"), ISSUER);
    assert_string_equal(answer_text(f, "token_endpoint"), PUBLIC_URL "/token");
    assert_string_equal(answer_text(f, "jwks_uri"), PUBLIC_URL "/.well-known/jwks.json");
    assert_true(body_has(f, "\"grant_types_supported\":[\"password\",\"refresh_token\"]"));
    assert_true(body_has(f, "\"response_types_supported\":[]"));
    assert_true(body_has(f, "\"token_endpoint_auth_methods_supported\":[\"none\"]"));
    assert_true(body_has(f, "\"scopes_supported\":[\"read:users\","));
}

static void health_and_readiness_answer(void **state)
{
    struct fixture *f = *state;

    STATUS(200, ask(f, DW_GET, "/healthz", NULL, NULL));
    check_str(DW_STR("{\"status\":\"ok\"}"), f->called.body, "/healthz");
    STATUS(200, ask(f, DW_GET, "/readyz", NULL, NULL));
    check_str(DW_STR("{\"status\":\"ready\",\"detail\":null,\"checks\":{\"database\":\"ok\",\"writes\":\"ok\","
                     "\"keys\":\"ok\",\"redis\":\"not configured\",\"channel\":\"not configured\"}}"),
              f->called.body, "/readyz");
}

static void it_is_not_ready_without_its_database(void **state)
{
    struct fixture *f = *state;

    fixture_database_failure = DW_ERR_DATABASE;
    const int status = ask(f, DW_GET, "/readyz", NULL, NULL);

    fixture_database_failure = DW_OK;
    check_detail(f, 503, status, "Not ready: the database does not answer");
    check_str(DW_STR("not ready"), json_get_str(answer(f), "status"), "status");
    check_str(DW_STR("failing"), json_get_str(json_get(answer(f), "checks"), "database"), "checks");
    assert_true(header(f, "Retry-After").len > 0);
    STATUS(200, ask(f, DW_GET, "/readyz", NULL, NULL));
}

static void check_writes(struct fixture *f, const char *status, const char *writes)
{
    STATUS(200, ask(f, DW_GET, "/readyz", NULL, NULL));
    check_str(dw_str(status), json_get_str(answer(f), "status"), "status");
    check_str(dw_str(writes), json_get_str(json_get(answer(f), "checks"), "writes"), "writes");
}

/* It serves those who are signed in, and finds out by itself that there is room again. */
static void it_is_degraded_without_writes(void **state)
{
    struct fixture *f = *state;
    const char *somebody = "{\"username\":\"full\",\"email\":\"full@example.com\","
                           "\"password\":\"a phrase of some length\"}";

    fixture_write_failure = DW_ERR_UNAVAILABLE;
    check_writes(f, "ready", "ok"); /* nobody has written yet */
    const int refused = ask(f, DW_POST, "/register", NULL, somebody);
    check_writes(f, "degraded", "failing");
    check_writes(f, "degraded", "failing"); /* a write is not tried each time */
    fixture_write_failure = DW_OK;
    STATUS(503, refused);
    STATUS(201, ask(f, DW_POST, "/register", NULL, somebody));
    check_writes(f, "ready", "ok");
}

static void the_api_is_described(void **state)
{
    struct fixture *f = *state;

    STATUS(200, ask(f, DW_GET, "/openapi.json", NULL, NULL));
    check_str(DW_STR("application/json"), header(f, "Content-Type"), "Content-Type");
    yyjson_val *schemes = json_get(json_get(answer(f), "components"), "securitySchemes");
    yyjson_val *flow = json_get(json_get(json_get(schemes, "OAuth2PasswordBearer"), "flows"), "password");

    check_str(DW_STR("/token"), json_get_str(flow, "tokenUrl"), "tokenUrl");
    assert_non_null(json_get_str(json_get(flow, "scopes"), "write:users").ptr);
}

static void the_root_leads_to_the_documentation(void **state)
{
    struct fixture *f = *state;

    STATUS(307, ask(f, DW_GET, "/", NULL, NULL));
    check_str(DW_STR("/docs"), header(f, "Location"), "Location");
}

/* The same file, compressed or not, as the client can take it; each with a tag of its own. */
static void files_are_served_as_the_client_takes_them(void **state)
{
    struct fixture *f = *state;

    assert_true(DOCS_ASSETS_COUNT > 0);
    for (size_t i = 0; i < DOCS_ASSETS_COUNT; i++) {
        const struct asset *asset = &DOCS_ASSETS[i];

        STATUS(200, get_with(f, asset->path, "Accept-Encoding", "br, gzip;q=0.8"));
        check_str(DW_STR("gzip"), header(f, "Content-Encoding"), asset->path);
        check_str(dw_str(asset->content_type), header(f, "Content-Type"), asset->path);
        check_str(dw_str(asset->etag), header(f, "ETag"), asset->path);
        check_str(dw_str_n(asset->gzip, asset->gzip_size), f->called.body, asset->path);
        STATUS(304, get_with(f, asset->path, "If-None-Match", "W/\"x\", *"));

        STATUS(200, ask(f, DW_GET, asset->path, NULL, NULL));
        assert_null(header(f, "Content-Encoding").ptr);
        check_str(DW_STR("Accept-Encoding"), header(f, "Vary"), asset->path);
        assert_int_equal(f->called.body.len, asset->size);
        const struct dw_str tag = header(f, "ETag");

        assert_false(dw_str_eq(tag, dw_str(asset->etag)));
        STATUS(304, get_with(f, asset->path, "If-None-Match", format(f, "%.*s", (int)tag.len, tag.ptr)));
        assert_int_equal(f->called.body.len, 0);
        check_str(tag, header(f, "ETag"), asset->path);
        STATUS(200, get_with(f, asset->path, "If-None-Match", asset->etag));
    }
}

static void the_page_runs_nothing_inline(void **state)
{
    struct fixture *f = *state;

    STATUS(200, ask(f, DW_GET, "/docs", NULL, NULL));
    const struct dw_str policy = header(f, "Content-Security-Policy");

    assert_true(dw_str_starts_with(policy, DW_STR("default-src 'none'; script-src 'self';")));
    assert_null(memmem(policy.ptr, policy.len, "unsafe", 6));
    assert_true(body_has(f, "docs/init.js"));
}

static void other_files_are_not_there(void **state)
{
    static const char *const TARGETS[] = {
        "/docs/", "/docs/nothing", "/docs/init.js%00.png", "/docs/..%2fdocs%2finit.js", "/docs/%2e%2e",
        "/docs/init.js/", "/docs/INIT.JS", "/docs/%00",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(TARGETS); i++) {
        const int status = ask(f, DW_GET, TARGETS[i], NULL, NULL);

        if (status != 404 && status != 400)
            fail_msg("%s answered %d", TARGETS[i], status);
    }
}

CHECK_MAIN(cmocka_unit_test_setup_teardown(the_keys_verify_an_access_token, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(the_metadata_names_what_there_is, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(health_and_readiness_answer, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(it_is_not_ready_without_its_database, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(it_is_degraded_without_writes, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(the_api_is_described, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(the_root_leads_to_the_documentation, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(files_are_served_as_the_client_takes_them, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(the_page_runs_nothing_inline, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(other_files_are_not_there, fixture_open, fixture_close))
