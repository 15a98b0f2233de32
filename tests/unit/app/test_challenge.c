/* Who gets 401 and 403, in which words, and with which WWW-Authenticate (RFC 6750 §3). */
#include "principal_fixture.h"

static enum dw_err who(struct dw_request *r, const void *in, void *out)
{
    dw_answer_body(r, "text/plain", dw_principal(r)->subject);
    return DW_OK;
}

static enum dw_err say_forbidden(struct dw_request *r, const void *in, void *out)
{
    dw_challenge(r, "Bearer error=\"step_up\"");
    return dw_fail(r, DW_ERR_FORBIDDEN, "Prove it again");
}

static enum dw_err say_refresh_reused(struct dw_request *r, const void *in, void *out)
{
    return DW_ERR_REFRESH_REUSED;
}

static enum dw_err say_client(struct dw_request *r, const void *in, void *out)
{
    return DW_ERR_CLIENT;
}

static const struct dw_scheme BASIC = { .kind = DW_SCHEME_HTTP_BASIC, .name = "basic", .realm = "a \"b\"" };

static enum dw_err basic_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    return dw_scheme_extract(r, &BASIC, ret_value);
}

static enum dw_err key_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    return dw_scheme_extract(r, &KEY, ret_value);
}

static const struct dw_dependency BASIC_USER = { .name = "basic",
                                                 .size = sizeof(struct dw_str),
                                                 .resolve = basic_resolve };
static const struct dw_dependency KEY_USER = { .name = "key", .size = sizeof(struct dw_str), .resolve = key_resolve };

static const struct dw_route ROUTES[] = {
    { DW_GET, "/me", who, .needs = DW_SIGNED_IN },
    { DW_GET, "/tasks", who, .needs = DW_SCOPE("tasks:read") },
    { DW_POST, "/tasks", who, .needs = DW_SCOPE("tasks:read", "tasks:write") },
    { DW_GET, "/admin", who, .needs = DW_ROLE("admin") },
    { DW_GET, "/users", who, .needs = DW_PERMISSION("read:users") },
    { DW_GET, "/basic", who, .needs = DW_DEPENDS({ &BASIC_USER, NULL }) },
    { DW_GET, "/key", who, .needs = DW_DEPENDS({ &KEY_USER, NULL }) },
    { DW_GET, "/forbidden", say_forbidden, .needs = DW_PUBLIC },
    { DW_GET, "/reused", say_refresh_reused, .needs = DW_PUBLIC },
    { DW_GET, "/client", say_client, .needs = DW_PUBLIC, .oauth_errors = true },
    { 0 },
};

#define DETAIL(text) "{\"detail\":\"" text "\"}"
#define NOT_ENOUGH DETAIL("Not enough permissions")
#define INVALID DETAIL("Could not validate credentials")

static void test_callers(void **state)
{
    static const struct {
        enum dw_method method;
        const char *path;
        const char *header, *value;
        int status;
        const char *body, *challenge;
    } ROWS[] = {
        { DW_GET, "/me", NULL, NULL, 401, DETAIL("Not authenticated"), "Bearer" },
        { DW_GET, "/me", "Authorization", "Bearer ", 401, DETAIL("Not authenticated"), "Bearer" },
        { DW_GET, "/me", "Authorization", "Basic YTpi", 401, DETAIL("Not authenticated"), "Bearer" },
        { DW_GET, "/me", "Authorization", "Bearer ann", 200, "ann", NULL },
        { DW_GET, "/me", "Authorization", "bEARER   ann", 200, "ann", NULL },
        { DW_GET, "/me", "Authorization", "Bearer nobody", 401, INVALID, "Bearer error=\"invalid_token\"" },
        { DW_GET, "/me", "Authorization", "Bearer a b", 401, INVALID, "Bearer error=\"invalid_token\"" },
        { DW_GET, "/me", "Authorization", "Bearer late", 401, DETAIL("Token has expired"),
          "Bearer error=\"invalid_token\"" },
        { DW_GET, "/me", "Authorization", "Bearer asleep", 400, DETAIL("Inactive user"), NULL },
        { DW_GET, "/me", "X-API-Key", "root", 200, "root", NULL },
        { DW_GET, "/me", "X-API-Key", "nobody", 401, INVALID, "APIKey" },
        { DW_GET, "/tasks", NULL, NULL, 401, DETAIL("Not authenticated"), "Bearer scope=\"tasks:read\"" },
        { DW_GET, "/tasks", "Authorization", "Bearer nobody", 401, INVALID,
          "Bearer scope=\"tasks:read\", error=\"invalid_token\"" },
        { DW_GET, "/tasks", "Authorization", "Bearer narrow", 200, "narrow", NULL },
        { DW_POST, "/tasks", "Authorization", "Bearer ann", 403, NOT_ENOUGH,
          "Bearer scope=\"tasks:read tasks:write\", error=\"insufficient_scope\"" },
        { DW_POST, "/tasks", "Authorization", "Bearer root", 200, "root", NULL },
        { DW_GET, "/admin", "Authorization", "Bearer ann", 403, NOT_ENOUGH, NULL },
        { DW_GET, "/admin", "Authorization", "Bearer root", 200, "root", NULL },
        { DW_GET, "/admin", NULL, NULL, 401, DETAIL("Not authenticated"), "Bearer" },
        { DW_GET, "/users", "Authorization", "Bearer ann", 200, "ann", NULL },
        /* The user may, the credential may not. */
        { DW_GET, "/users", "Authorization", "Bearer narrow", 403, NOT_ENOUGH,
          "Bearer scope=\"read:users\", error=\"insufficient_scope\"" },
        { DW_GET, "/basic", NULL, NULL, 401, DETAIL("Not authenticated"),
          "Basic realm=\"a \\\"b\\\"\", charset=\"UTF-8\"" },
        { DW_GET, "/key", NULL, NULL, 401, DETAIL("Not authenticated"), "APIKey" },
        { DW_GET, "/forbidden", NULL, NULL, 403, DETAIL("Prove it again"), "Bearer error=\"step_up\"" },
        { DW_GET, "/reused", NULL, NULL, 401, DETAIL("Refresh token reuse detected"),
          "Bearer error=\"invalid_token\"" },
        { DW_GET, "/client", NULL, NULL, 401,
          "{\"error\":\"invalid_client\",\"error_description\":\"Client authentication failed\","
          "\"detail\":\"Client authentication failed\"}",
          "Basic realm=\"clients\", charset=\"UTF-8\"" },
        { DW_GET, "/nowhere", NULL, NULL, 404, DETAIL("Not Found"), NULL },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, KNOWN_CALLERS, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_call_header headers[] = { { ROWS[i].header, dw_str(ROWS[i].value) }, { 0 } };
        char label[200];
        snprintf(label, sizeof(label), "%s %s", ROWS[i].path, ROWS[i].value == NULL ? "" : ROWS[i].value);
        const int status = fixture_call(&f, ROWS[i].method, ROWS[i].path, headers, NULL);
        check_body(&f, ROWS[i].body, label);
        check_header(&f, "WWW-Authenticate", ROWS[i].challenge, label);
        if (status != ROWS[i].status)
            fail_msg("%s: %d", label, status);
    }
}

CHECK_MAIN(cmocka_unit_test(test_callers))
