/* Every security scheme on a row of its own, for schemes.test.mjs: schemes ADDRESS. Not an example to follow: what it
 * takes for good credentials stands in it, and its authorization server asks nobody. */
#include <doorward.h>

#include <stdio.h>
#include <string.h>

/* --- schemes ---------------------------------------------------------------------------------------------------- */

static const struct dw_scope_doc SCOPES[] = { { "read", "See things" }, { "write", "Change things" }, { 0 } };

static const struct dw_scheme PASSWORD = {
    .kind = DW_SCHEME_OAUTH2_PASSWORD, .name = "password", .token_url = "token", .scopes = SCOPES,
    .description = "ann, secret",
};
static const struct dw_scheme CODE = {
    .kind = DW_SCHEME_OAUTH2_AUTHORIZATION_CODE, .name = "code", .authorization_url = "/authorize",
    .token_url = "/token/code", .refresh_url = "/token/code", .scopes = SCOPES,
};
static const struct dw_scheme BEARER = { .kind = DW_SCHEME_HTTP_BEARER, .name = "bearer", .bearer_format = "JWT" };
static const struct dw_scheme BASIC = { .kind = DW_SCHEME_HTTP_BASIC, .name = "basic", .realm = "things" };
static const struct dw_scheme DIGEST = { .kind = DW_SCHEME_HTTP_DIGEST, .name = "digest", .realm = "things" };
static const struct dw_scheme HEADER = { .kind = DW_SCHEME_API_KEY_HEADER, .name = "header", .parameter = "X-API-Key" };
static const struct dw_scheme QUERY = { .kind = DW_SCHEME_API_KEY_QUERY, .name = "query", .parameter = "key" };
static const struct dw_scheme COOKIE = { .kind = DW_SCHEME_API_KEY_COOKIE, .name = "cookie", .parameter = "key" };
static const struct dw_scheme OPENID = {
    .kind = DW_SCHEME_OPENID_CONNECT, .name = "openid", .openid_url = "/.well-known/openid-configuration",
};

/* --- who is it -------------------------------------------------------------------------------------------------- */

/* The credential, if it is the one that .parameter names. */
static enum dw_err good_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct dw_credential found = { NULL, { NULL, 0 } };

    DW_TRY(dw_resolve_credential(r, self, &found));
    if (!dw_str_eq(found.value, dw_str(self->parameter)))
        return DW_ERR_TOKEN_INVALID;
    *(struct dw_credential *)ret_value = found;
    return DW_OK;
}

#define GOOD(text, ...)                                                                                                \
    { .name = "good credential", .size = sizeof(struct dw_credential), .schemes = DW_SCHEME_LIST(__VA_ARGS__),         \
      .resolve = good_resolve, .parameter = (text) }

static const struct dw_dependency BY_PASSWORD = GOOD("password-token", &PASSWORD);
static const struct dw_dependency BY_CODE = GOOD("code-token", &CODE);
static const struct dw_dependency BY_BEARER = GOOD("good", &BEARER);
static const struct dw_dependency BY_BASIC = GOOD("ann:secret", &BASIC);
static const struct dw_dependency BY_DIGEST = GOOD("username=\"ann\"", &DIGEST);
static const struct dw_dependency BY_HEADER = GOOD("good", &HEADER);
static const struct dw_dependency BY_QUERY = GOOD("good", &QUERY);
static const struct dw_dependency BY_COOKIE = GOOD("good", &COOKIE);
static const struct dw_dependency BY_OPENID = GOOD("code-token", &OPENID);
static const struct dw_dependency BY_EITHER = GOOD("good", &BEARER, &HEADER);
static const struct dw_dependency IF_ANY = { DW_CREDENTIAL_OPTIONAL(&BEARER) };

/* --- an authorization server that asks nobody ------------------------------------------------------------------- */

struct authorize_query {
    struct dw_str redirect_uri, state, code_challenge;
};
static const struct dw_field AUTHORIZE_FIELDS[] = {
    { DW_FIELD(struct authorize_query, redirect_uri), .type = DW_STRING, .flags = DW_REQUIRED },
    { DW_FIELD(struct authorize_query, state), .type = DW_STRING, .flags = DW_REQUIRED },
    { DW_FIELD(struct authorize_query, code_challenge), .type = DW_STRING, .flags = DW_REQUIRED },
    { 0 },
};
static const struct dw_model AUTHORIZE = {
    "Authorize", .size = sizeof(struct authorize_query), .fields = AUTHORIZE_FIELDS,
};

static enum dw_err authorize(struct dw_request *r, const struct authorize_query *in, void *out)
{
    (void)out;
    dw_answer_header(r, "Location", dw_arena_printf(dw_request_arena(r), "%s?code=c0de&state=%s", in->redirect_uri.ptr,
                                                    in->state.ptr));
    return DW_OK;
}

struct code_form {
    struct dw_str grant_type, code, code_verifier;
};
static const struct dw_field CODE_FIELDS[] = {
    { DW_FIELD(struct code_form, grant_type), .type = DW_STRING, .flags = DW_REQUIRED,
      .pattern = "authorization_code" },
    { DW_FIELD(struct code_form, code), .type = DW_STRING, .flags = DW_REQUIRED, .pattern = "c0de" },
    { DW_FIELD(struct code_form, code_verifier), .type = DW_STRING, .flags = DW_REQUIRED, .min = 43, .max = 128 },
    { 0 },
};
static const struct dw_model CODE_FORM = { "CodeForm", .size = sizeof(struct code_form), .fields = CODE_FIELDS };

static enum dw_err redeem(struct dw_request *r, const struct code_form *in, struct dw_token_answer *out)
{
    (void)r, (void)in;
    *out = (struct dw_token_answer){ .access_token = DW_STR("code-token"), .token_type = DW_STR("bearer") };
    return DW_OK;
}

static enum dw_err sign_in(struct dw_request *r, const struct dw_password_form *in, struct dw_token_answer *out)
{
    (void)r;
    if (!dw_str_eq(in->username, DW_STR("ann")) || !dw_str_eq(in->password, DW_STR("secret")))
        return DW_ERR_SIGN_IN;
    *out = (struct dw_token_answer){ .access_token = DW_STR("password-token"), .token_type = DW_STR("bearer") };
    return DW_OK;
}

static enum dw_err discover(struct dw_request *r, const void *in, void *out)
{
    const struct dw_str host = dw_request_header(r, "Host");

    (void)in, (void)out;
    dw_answer_body(r, "application/json",
                   dw_arena_printf(dw_request_arena(r),
                                   "{\"issuer\":\"http://%.*s\",\"authorization_endpoint\":\"http://%.*s/authorize\","
                                   "\"token_endpoint\":\"http://%.*s/token/code\","
                                   "\"grant_types_supported\":[\"authorization_code\"],"
                                   "\"scopes_supported\":[\"openid\"],\"response_types_supported\":[\"code\"]}",
                                   (int)host.len, host.ptr, (int)host.len, host.ptr, (int)host.len, host.ptr));
    return DW_OK;
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

struct seen {
    struct dw_str scheme;
};
static const struct dw_field SEEN_FIELDS[] = { { DW_FIELD(struct seen, scheme), .type = DW_STRING }, { 0 } };
static const struct dw_model SEEN = { "Seen", .size = sizeof(struct seen), .fields = SEEN_FIELDS };

static enum dw_err show(struct dw_request *r, const void *in, struct seen *out)
{
    const struct dw_credential *c = dw_get(r, dw_route(r)->needs.uses[0].dependency);

    (void)in;
    out->scheme = dw_str(c->scheme == NULL ? "none" : c->scheme->name);
    return DW_OK;
}

#define ROW(route_path, ...)                                                                                           \
    { DW_GET, route_path, DW_HANDLER(show), .answer = &SEEN, .needs = DW_DEPENDS(__VA_ARGS__), .lane = DW_INLINE }

static const struct dw_route ROUTES[] = {
    ROW("/password", { &BY_PASSWORD, DW_SCOPE_LIST("read") }),
    ROW("/code", { &BY_CODE, DW_SCOPE_LIST("read") }),
    ROW("/bearer", { &BY_BEARER, NULL }),
    ROW("/basic", { &BY_BASIC, NULL }),
    ROW("/digest", { &BY_DIGEST, NULL }),
    ROW("/header", { &BY_HEADER, NULL }),
    ROW("/query", { &BY_QUERY, NULL }),
    ROW("/cookie", { &BY_COOKIE, NULL }),
    ROW("/openid", { &BY_OPENID, DW_SCOPE_LIST("openid") }),
    ROW("/either", { &BY_EITHER, NULL }),
    ROW("/both", { &BY_BASIC, NULL }, { &BY_QUERY, NULL }),
    ROW("/optional", { &IF_ANY, NULL }),
    { DW_POST, "/token", DW_HANDLER(sign_in), .form = &DW_OAUTH2_PASSWORD_FORM_STRICT, .answer = &DW_TOKEN_ANSWER,
      .needs = DW_PUBLIC, .oauth_errors = true },
    { DW_GET, "/authorize", DW_HANDLER(authorize), .query = &AUTHORIZE, .needs = DW_PUBLIC, .status = 302 },
    { DW_POST, "/token/code", DW_HANDLER(redeem), .form = &CODE_FORM, .answer = &DW_TOKEN_ANSWER, .needs = DW_PUBLIC,
      .oauth_errors = true },
    { DW_GET, "/.well-known/openid-configuration", discover, .needs = DW_PUBLIC, .hidden = true },
    { 0 },
};
static const struct dw_route *const TABLES[] = { ROUTES, DW_DOCS_ROUTES, NULL };
static const struct dw_app_config MOUNTED = { .title = "Mounted", .version = "1", .routes = TABLES };
static const struct dw_mount MOUNTS[] = { { "/mounted", &MOUNTED }, { 0 } };

int main(int argc, char **argv)
{
    const struct dw_app_config config = { .title = "Schemes", .version = "1", .routes = TABLES, .mounts = MOUNTS };
    char problem[DW_PROBLEM_SIZE] = "";
    struct dw_app *app = NULL;

    enum dw_err err = dw_app_new(&config, &app, problem);
    if (err == DW_OK)
        err = dw_serve(app, &(struct dw_server_config){ .listen = argc > 1 ? argv[1] : "127.0.0.1:8085" });
    if (err != DW_OK)
        fprintf(stderr, "schemes: %s: %s\n", dw_error_info(err)->code, problem);
    dw_app_free(&app);
    return err == DW_OK ? 0 : 1;
}
