/* Answers: statuses, headers that every one carries, errors, and the form of each. */
#include "principal_fixture.h"

#include "base/log.h"

#include <sys/mman.h>
#include <unistd.h>

struct thing {
    struct dw_str name;
};

static const struct dw_model THING = { .name = "Thing",
                                       .size = sizeof(struct thing),
                                       .fields = (const struct dw_field[]){
                                           { DW_FIELD(struct thing, name), .type = DW_STRING, .flags = DW_REQUIRED },
                                           { 0 } } };

static enum dw_err give(struct dw_request *r, const void *in, struct thing *out)
{
    out->name = dw_path_parameter(r, "name");
    assert_true(dw_str_is_absent(dw_path_parameter(r, "other")));
    assert_string_equal(dw_route(r)->path, "/things/{name}");
    assert_string_equal(dw_context(r), "context");
    return DW_OK;
}

/* As many as the name has letters, each of them one. */
static enum dw_err give_list(struct dw_request *r, const void *in, struct dw_list *out)
{
    const struct dw_str name = dw_path_parameter(r, "name");
    struct thing *things = dw_arena_alloc(dw_request_arena(r), (name.len - 1) * sizeof(*things) + 1);

    for (size_t i = 1; i < name.len; i++)
        things[i - 1].name = dw_str_n(name.ptr + i, 1);
    *out = (struct dw_list){ things, name.len - 1 };
    return DW_OK;
}

static enum dw_err own(struct dw_request *r, const void *in, void *out)
{
    dw_answer_status(r, 202);
    dw_answer_header(r, "cache-control", DW_STR("max-age=60"));
    dw_answer_body(r, "text/html; charset=utf-8", DW_STR("<p>"));
    return DW_OK;
}

static enum dw_err nothing(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static enum dw_err conflict(struct dw_request *r, const void *in, void *out)
{
    /* Forgotten: the request failed. */
    dw_answer_header(r, "Set-Cookie", DW_STR("a=b"));
    dw_answer_body(r, "text/plain", DW_STR("half"));
    return dw_fail(r, DW_ERR_CONFLICT, "Twice \"the\" same");
}

static enum dw_err other_words(struct dw_request *r, const void *in, void *out)
{
    (void)dw_fail(r, DW_ERR_CONFLICT, "Words of an error that was handled");
    return DW_ERR_FORBIDDEN;
}

static enum dw_err too_fast(struct dw_request *r, const void *in, void *out)
{
    dw_retry_after(r, 17);
    return DW_ERR_RATE_LIMITED;
}

static enum dw_err fields(struct dw_request *r, const void *in, void *out)
{
    (void)dw_fail_field(r, "body", "a", "value_error", "First");
    return dw_fail_field(r, "query", "b", "value_error", "Second");
}

static enum dw_err broken(struct dw_request *r, const void *in, void *out)
{
    return DW_ERR_DATABASE;
}

static enum dw_err away(struct dw_request *r, const void *in, void *out)
{
    return DW_ERR_UNAVAILABLE;
}

static enum dw_err lies(struct dw_request *r, const void *in, void *out)
{
    dw_answer_header(r, "X-A", DW_STR("b\r\nSet-Cookie: c"));
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/things/{name}", DW_HANDLER(give), .answer = &THING, .needs = DW_PUBLIC },
    { DW_POST, "/things/{name}", DW_HANDLER(give), .answer = &THING, .status = 201, .needs = DW_PUBLIC },
    { DW_GET, "/lists/{name}", DW_HANDLER(give_list), .answer = &THING, .answer_is_list = true, .needs = DW_PUBLIC },
    { DW_GET, "/own", own, .answer = &THING, .needs = DW_PUBLIC, .no_store = true,
      .content_security_policy = "default-src 'self'" },
    { DW_GET, "/nothing", nothing, .needs = DW_PUBLIC },
    { DW_GET, "/conflict", conflict, .needs = DW_PUBLIC },
    { DW_GET, "/other", other_words, .needs = DW_PUBLIC },
    { DW_GET, "/fast", too_fast, .needs = DW_PUBLIC },
    { DW_GET, "/fields", fields, .needs = DW_PUBLIC },
    { DW_GET, "/broken", broken, .needs = DW_PUBLIC },
    { DW_GET, "/away", away, .needs = DW_PUBLIC },
    { DW_GET, "/lies", lies, .needs = DW_PUBLIC },
    { DW_GET, "/oauth/conflict", conflict, .needs = DW_PUBLIC, .oauth_errors = true, .no_store = true },
    { DW_GET, "/oauth/broken", broken, .needs = DW_PUBLIC, .oauth_errors = true },
    { DW_GET, "/oauth/forbidden", other_words, .needs = DW_PUBLIC, .oauth_errors = true },
    { DW_GET, "/me", nothing, .needs = DW_SIGNED_IN },
    { 0 },
};

static char CONTEXT[] = "context";

static struct dw_app_config config_make(void)
{
    struct dw_app_config config = KNOWN_CALLERS;

    config.context = CONTEXT;
    return config;
}

#define INTERNAL "{\"detail\":\"Internal Server Error\"}"

static void test_table(void **state)
{
    static const struct {
        enum dw_method method;
        const char *target;
        int status;
        const char *body, *header, *value;
    } ROWS[] = {
        { DW_GET, "/things/a%22b", 200, "{\"name\":\"a\\\"b\"}", "Content-Type", "application/json" },
        { DW_POST, "/things/x", 201, "{\"name\":\"x\"}", "Cache-Control", NULL },
        { DW_GET, "/lists/xab", 200, "[{\"name\":\"a\"},{\"name\":\"b\"}]", "Content-Type", "application/json" },
        { DW_GET, "/lists/x", 200, "[]", "Content-Type", "application/json" },
        { DW_GET, "/own", 202, "<p>", "Cache-Control", "max-age=60" },
        { DW_GET, "/own", 202, "<p>", "Content-Security-Policy", "default-src 'self'" },
        { DW_GET, "/nothing", 204, "", "Content-Type", NULL },
        { DW_GET, "/conflict", 409, "{\"detail\":\"Twice \\\"the\\\" same\"}", "Set-Cookie", NULL },
        { DW_GET, "/other", 403, "{\"detail\":\"Not enough permissions\"}", "WWW-Authenticate", NULL },
        { DW_GET, "/fast", 429, "{\"detail\":\"Too Many Requests\"}", "Retry-After", "17" },
        { DW_GET, "/fields", 422,
          "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"body\",\"a\"],\"msg\":\"First\"},"
          "{\"type\":\"value_error\",\"loc\":[\"query\",\"b\"],\"msg\":\"Second\"}]}",
          "Retry-After", NULL },
        { DW_GET, "/broken", 500, INTERNAL, "Retry-After", NULL },
        { DW_GET, "/away", 503, "{\"detail\":\"Service Unavailable\"}", "Retry-After", "1" },
        { DW_GET, "/lies", 500, INTERNAL, "Set-Cookie", NULL },
        { DW_GET, "/oauth/conflict", 409,
          "{\"error\":\"invalid_request\",\"error_description\":\"Twice 'the' same\","
          "\"detail\":\"Twice \\\"the\\\" same\"}",
          "Pragma", "no-cache" },
        { DW_GET, "/oauth/broken", 500,
          "{\"error\":\"server_error\",\"error_description\":\"Internal Server Error\","
          "\"detail\":\"Internal Server Error\"}",
          "Pragma", NULL },
        { DW_GET, "/oauth/forbidden", 403,
          "{\"error\":\"access_denied\",\"error_description\":\"Not enough permissions\","
          "\"detail\":\"Not enough permissions\"}",
          "Pragma", NULL },
        { DW_GET, "/none", 404, "{\"detail\":\"Not Found\"}", "Cache-Control", NULL },
        { DW_GET, "/things/%00", 400, "{\"detail\":\"Bad Request\"}", "Allow", NULL },
        { DW_PUT, "/things/x", 405, "{\"detail\":\"Method Not Allowed\"}", "Allow", "GET, HEAD, POST" },
        { DW_OPTIONS, "/nothing", 405, "{\"detail\":\"Method Not Allowed\"}", "Allow", "GET, HEAD" },
        { DW_GET, "/me", 401, "{\"detail\":\"Not authenticated\"}", "Cache-Control", "no-store" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, config_make(), ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const int status = fixture_call(&f, ROWS[i].method, ROWS[i].target, NULL, NULL);
        check_body(&f, ROWS[i].body, ROWS[i].target);
        check_header(&f, ROWS[i].header, ROWS[i].value, ROWS[i].target);
        if (status != ROWS[i].status)
            fail_msg("%s: %d", ROWS[i].target, status);
    }
}

static void test_headers_of_all(void **state)
{
    static const char *const TARGETS[] = { "/nothing", "/none", "/broken", "/me", "/lies" };
    static const struct {
        const char *name, *value;
    } HEADERS[] = {
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Content-Security-Policy",
          "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()" },
        { "Server", NULL },
    };

    for (int is_https = 0; is_https <= 1; is_https++) {
        _cleanup_fixture_ struct fixture f = { 0 };
        struct dw_app_config config = config_make();
        config.is_https = is_https;
        fixture_make(&f, config, ROUTES);
        for (size_t i = 0; i < ARRAY_SIZE(TARGETS); i++) {
            fixture_call(&f, DW_GET, TARGETS[i], NULL, NULL);
            for (size_t j = 0; j < ARRAY_SIZE(HEADERS); j++)
                check_header(&f, HEADERS[j].name, HEADERS[j].value, HEADERS[j].name);
            assert_int_equal(dw_called_header(&f.called, "X-Request-Id").len, 32);
            check_header(&f, "Strict-Transport-Security", is_https ? "max-age=31536000; includeSubDomains" : NULL,
                         "Strict-Transport-Security");
        }
    }
}

/* --- the log ---------------------------------------------------------------------------------------------------- */

static void log_take(char *ret_text, size_t size, struct fixture *f, const char *target,
                     const struct dw_call_header *headers)
{
    const int fd = memfd_create("log", 0);

    assert_true(fd >= 0);
    log_setup(LOG_INFO, LOG_FORMAT_JSON, fd);
    fixture_call(f, DW_GET, target, headers, NULL);
    log_flush();
    const ssize_t n = pread(fd, ret_text, size - 1, 0);
    assert_true(n >= 0);
    ret_text[n] = '\0';
    log_setup(LOG_INFO, LOG_FORMAT_JSON, STDERR_FILENO);
    close(fd);
}

static void test_access_log(void **state)
{
    static const struct {
        const char *target;
        const struct dw_call_header headers[2];
        const char *parts[5];
    } ROWS[] = {
        { "/me?access_token=hidden",
          { { "Authorization", DW_STR_INIT("Bearer ann") } },
          { "\"path\":\"/me\"", "\"status\":204", "\"subject\":\"ann\"", "\"method\":\"GET\"", "\"peer\":\"test\"" } },
        { "/me", { { "Authorization", DW_STR_INIT("Bearer hidden") } }, { "\"status\":401", "\"token_invalid\"" } },
        { "/me", { { "Authorization", DW_STR_INIT("Bearer late") } }, { "\"status\":401", "\"token_expired\"" } },
        { "/none?x=hidden", { { 0 } }, { "\"status\":404", "\"not_found\"" } },
        { "/broken", { { 0 } }, { "\"status\":500", "\"database\"", "request_failed", "\"GET /broken\"" } },
    };
    _cleanup_fixture_ struct fixture f = { 0 };
    struct dw_app_config config = config_make();
    char text[8192];

    config.access_log = true;
    fixture_make(&f, config, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        log_take(text, sizeof(text), &f, ROWS[i].target, ROWS[i].headers);
        assert_null(strstr(text, "hidden"));
        for (size_t j = 0; j < ARRAY_SIZE(ROWS[i].parts) && ROWS[i].parts[j] != NULL; j++)
            if (strstr(text, ROWS[i].parts[j]) == NULL)
                fail_msg("%s: no %s in %s", ROWS[i].target, ROWS[i].parts[j], text);
    }
}

CHECK_MAIN(cmocka_unit_test(test_table), cmocka_unit_test(test_headers_of_all), cmocka_unit_test(test_access_log))
