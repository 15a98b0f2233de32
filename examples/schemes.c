/*
 * Every security scheme on a route of its own; /docs lets each be tried.
 *
 *     SCHEMES_PASSWORD=… SCHEMES_KEY=… schemes [ADDRESS [ISSUER]]
 *
 * "ann" signs in with the password, programs come with the key. What /code and /openid take are tokens of ISSUER, an
 * identity server's URL, whose keys are fetched from its /.well-known/jwks.json.
 */
#include <doorward.h>

#include <stdio.h>
#include <stdlib.h>

static struct dw_auth *ours, *issuers;
static struct dw_str api_key;
static char password_hash[DW_PASSWORD_ENCODED_MAX];

/* --- what is sent ------------------------------------------------------------------------------------------------ */

static const struct dw_scheme PASSWORD = { DW_SCHEME_OAUTH2_PASSWORD, .name = "password", .token_url = "token" };
static const struct dw_scheme BEARER = { DW_SCHEME_HTTP_BEARER, .name = "bearer", .bearer_format = "JWT" };
static const struct dw_scheme BASIC = { DW_SCHEME_HTTP_BASIC, .name = "basic", .realm = "schemes" };
static const struct dw_scheme DIGEST = { DW_SCHEME_HTTP_DIGEST, .name = "digest", .realm = "schemes" };
static const struct dw_scheme HEADER = { DW_SCHEME_API_KEY_HEADER, .name = "header", .parameter = "X-API-Key" };
static const struct dw_scheme QUERY = { DW_SCHEME_API_KEY_QUERY, .name = "query", .parameter = "key" };
static const struct dw_scheme COOKIE = { DW_SCHEME_API_KEY_COOKIE, .name = "cookie", .parameter = "key" };
/* Their addresses are the issuer's. */
static struct dw_scheme code = { .kind = DW_SCHEME_OAUTH2_AUTHORIZATION_CODE, .name = "code" };
static struct dw_scheme openid = { .kind = DW_SCHEME_OPENID_CONNECT, .name = "openid" };

/* --- who it is --------------------------------------------------------------------------------------------------- */

static enum dw_err find_user(struct dw_request *r, struct dw_str name, struct dw_user *ret_user)
{
    (void)r;
    if (!dw_str_eq(name, DW_STR("ann")))
        return DW_ERR_NOT_FOUND;
    *ret_user = (struct dw_user){ .username = DW_STR("ann"), .password_hash = dw_str(password_hash) };
    return DW_OK;
}

/* The first of the schemes by which something was sent. */
static enum dw_err find_sent(struct dw_request *r, const struct dw_dependency *self, struct dw_credential *ret_sent)
{
    for (const struct dw_scheme *const *scheme = self->schemes; *scheme != NULL; scheme++) {
        const enum dw_err err = dw_scheme_extract(r, *scheme, &ret_sent->value);
        ret_sent->scheme = *scheme;
        if (err != DW_ERR_UNAUTHENTICATED)
            return err;
    }
    return DW_ERR_UNAUTHENTICATED;
}

static enum dw_err by_key(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct dw_credential sent = { 0 };

    DW_TRY(find_sent(r, self, &sent));
    if (sent.value.len != api_key.len || !dw_mem_eq(sent.value.ptr, api_key.ptr, api_key.len))
        return DW_ERR_API_KEY;
    ((struct dw_principal *)ret_value)->subject = DW_STR("a program");
    return DW_OK;
}

/* The password itself with each request: it is hashed each time, which is why the row is of the hashing lane. */
static enum dw_err by_basic(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct dw_credential sent = { 0 };
    struct dw_user user;

    DW_TRY(find_sent(r, self, &sent));
    const char *colon = memchr(sent.value.ptr, ':', sent.value.len);
    if (colon == NULL)
        return DW_ERR_TOKEN_INVALID;
    const struct dw_str name = dw_str_n(sent.value.ptr, (size_t)(colon - sent.value.ptr));
    const struct dw_str typed = dw_str_n(colon + 1, sent.value.len - name.len - 1);
    const enum dw_err err = dw_auth_sign_in(ours, r, name, typed, &user);
    if (err == DW_OK)
        ((struct dw_principal *)ret_value)->subject = user.username;
    return err == DW_ERR_SIGN_IN ? DW_ERR_TOKEN_INVALID : err; /* 401, and to be asked again */
}

/* Declared and found, and let in by nobody: to verify it, a server keeps what is as good as the password. */
static enum dw_err by_digest(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct dw_credential sent = { 0 };

    (void)ret_value;
    DW_TRY(find_sent(r, self, &sent));
    return DW_ERR_TOKEN_INVALID;
}

/* The first that is sent decides. */
static enum dw_err by_token_or_key(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct dw_credential sent = { 0 };

    DW_TRY(find_sent(r, self, &sent));
    return sent.scheme == &HEADER ? by_key(r, self, ret_value) : dw_auth_authenticate(ours, r, sent.value, ret_value);
}

#define CALLER(function, auth, ...)                                                                                    \
    { .name = "caller", .size = sizeof(struct dw_principal), .schemes = DW_SCHEME_LIST(__VA_ARGS__),                   \
      .resolve = function, .parameter = auth }
static const struct dw_dependency BY_PASSWORD = CALLER(dw_auth_resolve, &ours, &PASSWORD);
static const struct dw_dependency BY_BEARER = CALLER(dw_auth_resolve, &ours, &BEARER);
static const struct dw_dependency BY_CODE = CALLER(dw_auth_resolve, &issuers, &code);
static const struct dw_dependency BY_OPENID = CALLER(dw_auth_resolve, &issuers, &openid);
static const struct dw_dependency BY_BASIC = CALLER(by_basic, NULL, &BASIC);
static const struct dw_dependency BY_DIGEST = CALLER(by_digest, NULL, &DIGEST);
static const struct dw_dependency BY_HEADER = CALLER(by_key, NULL, &HEADER);
static const struct dw_dependency BY_QUERY = CALLER(by_key, NULL, &QUERY);
static const struct dw_dependency BY_COOKIE = CALLER(by_key, NULL, &COOKIE);
static const struct dw_dependency BY_EITHER = CALLER(by_token_or_key, NULL, &BEARER, &HEADER);

/* --- the routes -------------------------------------------------------------------------------------------------- */

struct greeting {
    struct dw_str caller;
};
static const struct dw_field FIELDS[] = { { DW_FIELD(struct greeting, caller), .type = DW_STRING }, { 0 } };
static const struct dw_model GREETING = { "Greeting", .size = sizeof(struct greeting), .fields = FIELDS };

static enum dw_err greet(struct dw_request *r, const void *in, struct greeting *out)
{
    const struct dw_principal *caller = dw_get(r, dw_route(r)->needs.uses[0].dependency);

    (void)in;
    out->caller = caller->subject;
    return DW_OK;
}

#define ROW(route_path, dependency, ...)                                                                               \
    { DW_GET, route_path, DW_HANDLER(greet), .answer = &GREETING, .needs = DW_DEPENDS({ dependency, NULL }),           \
      __VA_ARGS__ }
static const struct dw_rate_limit LIMITS[] = { { .name = "sign-in", .rule = "60/minute" }, { 0 } };
static const struct dw_route ROUTES[] = {
    DW_TOKEN_ROUTE("/token", "sign-in"),
    ROW("/password", &BY_PASSWORD, .tag = "OAuth2"),
    ROW("/code", &BY_CODE, .tag = "OAuth2"),
    ROW("/openid", &BY_OPENID, .tag = "OpenID Connect"),
    ROW("/bearer", &BY_BEARER, .tag = "HTTP"),
    ROW("/basic", &BY_BASIC, .tag = "HTTP", .lane = DW_HASHING, .rate_limit = "sign-in"),
    ROW("/digest", &BY_DIGEST, .tag = "HTTP"),
    ROW("/header", &BY_HEADER, .tag = "API key"),
    ROW("/query", &BY_QUERY, .tag = "API key"),
    ROW("/cookie", &BY_COOKIE, .tag = "API key"),
    ROW("/either", &BY_EITHER, .tag = "several"),
    { 0 },
};

/* --- the program ------------------------------------------------------------------------------------------------- */

/* The issuer's addresses, by the names that doorward and most others give them. */
static enum dw_err trust(const char *issuer, struct dw_arena *arena, char problem[DW_PROBLEM_SIZE])
{
    code.authorization_url = dw_arena_printf(arena, "%s/authorize", issuer).ptr;
    code.token_url = dw_arena_printf(arena, "%s/token", issuer).ptr;
    openid.openid_url = dw_arena_printf(arena, "%s/.well-known/openid-configuration", issuer).ptr;
    const struct dw_auth_config config = {
        .jwks_url = dw_arena_printf(arena, "%s/.well-known/jwks.json", issuer).ptr, .issuer = issuer, .leeway_s = 10,
    };
    return dw_auth_new(&config, &issuers, problem);
}

static enum dw_err run(const char *address, const char *issuer, struct dw_arena *arena, char problem[DW_PROBLEM_SIZE])
{
    const struct dw_str password = dw_str(getenv("SCHEMES_PASSWORD"));
    struct dw_app_config app = { .title = "Schemes", .version = "1", .routes = DW_ROUTES(ROUTES, DW_DOCS_ROUTES),
                                 .rate_limits = LIMITS };
    char secret[32];

    api_key = dw_str(getenv("SCHEMES_KEY"));
    snprintf(problem, DW_PROBLEM_SIZE, "SCHEMES_PASSWORD and SCHEMES_KEY (16 characters or more) must be set");
    if (password.len == 0 || api_key.len < 16)
        return DW_ERR_SETTING;
    dw_random(secret, sizeof(secret));
    const struct dw_auth_config config = { .secret = dw_str_n(secret, sizeof(secret)), .find_user = find_user,
                                           .never_waits = true };
    DW_TRY(dw_auth_new(&config, &ours, problem));
    snprintf(problem, DW_PROBLEM_SIZE, "SCHEMES_PASSWORD is too short, or among the most used ones");
    DW_TRY(dw_auth_hash_password(ours, DW_STR("ann"), password, password_hash));
    DW_TRY(trust(issuer, arena, problem));
    app.auth = ours;
    return dw_app_run(&app, &(struct dw_server_config){ .listen = address }, problem);
}

int main(int argc, char **argv)
{
    char problem[DW_PROBLEM_SIZE] = "no memory";
    struct dw_arena *arena = NULL;

    enum dw_err err = dw_arena_new(1 << 16, &arena);
    if (err == DW_OK)
        err = run(argc > 1 ? argv[1] : "127.0.0.1:8084", argc > 2 ? argv[2] : "http://127.0.0.1:8080", arena, problem);
    if (err != DW_OK)
        fprintf(stderr, "schemes: %s\n", problem);
    dw_auth_free(&ours);
    dw_auth_free(&issuers);
    dw_arena_free(&arena);
    return err != DW_OK;
}
