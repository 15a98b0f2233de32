/* The handler object: tokens that it makes and takes, users behind them, sign-in by password. */
#include "fixture.h"
#include <doorward/auth.h>

#include <sys/stat.h>

enum { NOW_S = 1800000000 };

#define SECRET "0123456789abcdef0123456789abcdef"

/* --- users ------------------------------------------------------------------------------------------------------ */

static char ann_hash[DW_PASSWORD_ENCODED_MAX];
static char renewed[DW_PASSWORD_ENCODED_MAX];
static int ann_record;
static unsigned n_looked_up;

static struct dw_user users[] = {
    { .id = DW_STR_INIT("1"), .username = DW_STR_INIT("ann"), .role = DW_STR_INIT("admin"),
      .permissions = DW_STR_INIT("tasks:read tasks:write"), .tenant = DW_STR_INIT("t1"), .record = &ann_record },
    { .id = DW_STR_INIT("2"), .username = DW_STR_INIT("asleep"), .is_inactive = true },
    { .id = DW_STR_INIT("3"), .username = DW_STR_INIT("changed"), .tokens_since_s = NOW_S + 1 },
    { .id = DW_STR_INIT("4"), .username = DW_STR_INIT("broken"), .password_hash = DW_STR_INIT("$argon2id$nonsense") },
    { .id = DW_STR_INIT("5"), .username = DW_STR_INIT("keyless") },
};

static enum dw_err find(struct dw_str wanted, size_t offset, struct dw_user *ret_user)
{
    n_looked_up++;
    if (dw_str_eq(wanted, DW_STR("down")))
        return DW_ERR_UNAVAILABLE;
    for (size_t i = 0; i < ARRAY_SIZE(users); i++)
        if (dw_str_eq(*(const struct dw_str *)(const void *)((const char *)&users[i] + offset), wanted)) {
            *ret_user = users[i];
            return DW_OK;
        }
    return DW_ERR_NOT_FOUND;
}

static enum dw_err find_by_name(struct dw_request *r, struct dw_str name, struct dw_user *ret_user)
{
    return find(name, offsetof(struct dw_user, username), ret_user);
}

static enum dw_err find_by_id(struct dw_request *r, struct dw_str id, struct dw_user *ret_user)
{
    return find(id, offsetof(struct dw_user, id), ret_user);
}

static enum dw_err is_revoked(struct dw_request *r, const struct dw_claims *claims, bool *ret_is_revoked)
{
    *ret_is_revoked = dw_str_eq(dw_claim_str(claims, "sid"), DW_STR("ended"));
    return DW_OK;
}

static enum dw_err store_hash(struct dw_request *r, const struct dw_user *user, struct dw_str encoded)
{
    memcpy(renewed, encoded.ptr, encoded.len + 1);
    return DW_ERR_DATABASE; /* the sign-in goes on */
}

/* --- an application --------------------------------------------------------------------------------------------- */

static enum dw_err who(struct dw_request *r, const void *in, void *out)
{
    const struct dw_principal *p = dw_principal(r);

    dw_answer_body(r, "text/plain",
                   dw_arena_printf(dw_request_arena(r), "%s/%.*s/%.*s/%.*s/%d", p->subject.ptr, (int)p->username.len,
                                   p->username.len > 0 ? p->username.ptr : "", (int)p->role.len,
                                   p->role.len > 0 ? p->role.ptr : "", (int)p->scope.len,
                                   p->scope.len > 0 ? p->scope.ptr : "", p->user == &ann_record));
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    DW_TOKEN_ROUTE("/token", NULL),
    { DW_GET, "/me", who, .needs = DW_SIGNED_IN },
    { DW_GET, "/tasks", who, .needs = DW_SCOPE("tasks:read") },
    { DW_POST, "/tasks", who, .needs = DW_PERMISSION("tasks:write") },
    { DW_GET, "/admin", who, .needs = DW_ROLE("admin") },
    { 0 },
};

struct handled {
    struct dw_auth *auth;
    struct fixture f;
};

static void handled_free(struct handled *h)
{
    fixture_free(&h->f);
    dw_auth_free(&h->auth);
    dw_clock_set(-1);
}

static void handled_make(struct handled *h, struct dw_auth_config config)
{
    char problem[DW_PROBLEM_SIZE] = "";

    dw_clock_set(NOW_S);
    if (dw_auth_new(&config, &h->auth, problem) != DW_OK)
        fail_msg("refused: %s", problem);
    fixture_make(&h->f, (struct dw_app_config){ .auth = h->auth }, ROUTES);
}

#define _cleanup_handled_ _cleanup_(handled_free)

static const struct dw_auth_config WITH_USERS = {
    .secret = DW_STR_INIT(SECRET), .issuer = "https://issuer.test", .audience = "tasks", .find_user = find_by_name,
    .find_user_by_id = find_by_id, .is_revoked = is_revoked, .store_hash = store_hash,
};

static struct dw_str token_of(struct handled *h, struct dw_grant grant)
{
    struct dw_str token = { NULL, 0 };

    CHECK_OK(dw_auth_token(h->auth, &grant, h->f.arena, &token));
    return token;
}

static int call_with(struct handled *h, enum dw_method method, const char *path, struct dw_str token)
{
    const struct dw_str value = dw_arena_printf(h->f.arena, "Bearer %.*s", (int)token.len, token.ptr);
    const struct dw_call_header headers[] = { { "Authorization", value }, { 0 } };

    return fixture_call(&h->f, method, path, headers, NULL);
}

/* --- tokens ----------------------------------------------------------------------------------------------------- */

static void test_current_user(void **state)
{
    static const struct {
        const char *label;
        struct dw_grant grant;
        enum dw_method method;
        const char *path;
        int status;
        const char *body;
    } ROWS[] = {
        { "all", { .subject = DW_STR_INIT("1") }, DW_GET, "/me", 200, "1/ann/admin/tasks:read tasks:write/1" },
        { "no scope is all scopes", { .subject = DW_STR_INIT("1") }, DW_GET, "/tasks", 200, NULL },
        { "permission", { .subject = DW_STR_INIT("1") }, DW_POST, "/tasks", 200, NULL },
        { "role", { .subject = DW_STR_INIT("1") }, DW_GET, "/admin", 200, NULL },
        { "a role in the token is not believed", { .subject = DW_STR_INIT("5"), .role = DW_STR_INIT("admin") }, DW_GET,
          "/admin", 403, NULL },
        { "narrow", { .subject = DW_STR_INIT("1"), .scope = DW_STR_INIT("tasks:read") }, DW_GET, "/tasks", 200, NULL },
        { "narrow stays narrow", { .subject = DW_STR_INIT("1"), .scope = DW_STR_INIT("tasks:read") }, DW_POST, "/tasks",
          403, NULL },
        { "empty scope", { .subject = DW_STR_INIT("1"), .scope = DW_STR_INIT("") }, DW_GET, "/tasks", 403, NULL },
        { "gone", { .subject = DW_STR_INIT("9") }, DW_GET, "/me", 401, NULL },
        { "by name is not by id", { .subject = DW_STR_INIT("ann") }, DW_GET, "/me", 401, NULL },
        { "inactive", { .subject = DW_STR_INIT("2") }, DW_GET, "/me", 400, "{\"detail\":\"Inactive user\"}" },
        { "issued before", { .subject = DW_STR_INIT("3") }, DW_GET, "/me", 401, NULL },
        { "revoked", { .subject = DW_STR_INIT("1"), .session = DW_STR_INIT("ended") }, DW_GET, "/me", 401, NULL },
        { "the store is down", { .subject = DW_STR_INIT("down") }, DW_GET, "/me", 503, NULL },
    };
    _cleanup_handled_ struct handled h = { 0 };

    handled_make(&h, WITH_USERS);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const int status = call_with(&h, ROWS[i].method, ROWS[i].path, token_of(&h, ROWS[i].grant));
        if (status != ROWS[i].status)
            fail_msg("%s: %d", ROWS[i].label, status);
        if (ROWS[i].body != NULL)
            check_body(&h.f, ROWS[i].body, ROWS[i].label);
    }
    assert_int_equal(fixture_call(&h.f, DW_GET, "/me", NULL, NULL), 401);
    check_header(&h.f, "WWW-Authenticate", "Bearer", "nothing sent");
}

/* Signed by the right key, and yet not for here. */
static void test_foreign_tokens(void **state)
{
    static const struct {
        const char *typ, *claims;
        enum dw_err expected;
    } ROWS[] = {
        { NULL, "{\"sub\":\"1\",\"exp\":1800000001}", DW_OK },
        { "at+jwt", "{\"sub\":\"1\",\"exp\":1800000001}", DW_OK },
        { "application/AT+JWT", "{\"sub\":\"1\",\"exp\":1800000001,\"type\":\"access\"}", DW_OK },
        { "refresh+jwt", "{\"sub\":\"1\",\"exp\":1800000001}", DW_ERR_TOKEN_TYPE },
        { "logout+jwt", "{\"sub\":\"1\",\"exp\":1800000001}", DW_ERR_TOKEN_TYPE },
        { NULL, "{\"sub\":\"1\",\"exp\":1800000001,\"type\":\"refresh\"}", DW_ERR_TOKEN_TYPE },
        { NULL, "{\"sub\":\"1\",\"exp\":1800000000}", DW_ERR_TOKEN_EXPIRED },
        { NULL, "{\"sub\":\"1\"}", DW_ERR_TOKEN_CLAIM },
        { NULL, "{\"sub\":\"1\",\"exp\":1800000001,\"nbf\":1800000001}", DW_ERR_TOKEN_NOT_YET },
    };
    _cleanup_handled_ struct handled h = { 0 };
    _cleanup_secret_ struct dw_secret octets = { 0 };
    _cleanup_(dw_key_free) struct dw_key *key = NULL;

    handled_make(&h, (struct dw_auth_config){ .secret = DW_STR(SECRET) });
    CHECK_OK(dw_secret_copy(DW_STR(SECRET), &octets));
    CHECK_OK(dw_key_from_octets(&octets, DW_ALG_HS256, &key));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_claims claims = { 0 };
        struct dw_str token;
        CHECK_OK(dw_jwt_sign(key, ROWS[i].typ, dw_str(ROWS[i].claims), h.f.arena, &token));
        check_err(ROWS[i].expected, dw_auth_verify(h.auth, token, h.f.arena, &claims), ROWS[i].claims);
        assert_null(claims.key);
    }
}

/* Without users the token's word counts, and only where it is well formed. */
static void test_believed(void **state)
{
    static const struct {
        const char *claims;
        int me, tasks;
        const char *body;
    } ROWS[] = {
        { "{\"sub\":\"x\",\"exp\":1800000001}", 200, 403, "x////0" },
        { "{\"sub\":\"x\",\"exp\":1800000001,\"scope\":\"tasks:read b\",\"username\":\"u\",\"role\":\"r\"}", 200, 200,
          "x/u/r/tasks:read b/0" },
        { "{\"sub\":\"x\",\"exp\":1800000001,\"scopes\":[\"a\",\"tasks:read\"]}", 200, 200, "x///a tasks:read/0" },
        { "{\"sub\":\"x\",\"exp\":1800000001,\"permissions\":[\"tasks:read\"]}", 200, 200, "x///tasks:read/0" },
        { "{\"sub\":\"x\",\"exp\":1800000001,\"permissions\":[\"tasks:read\"],\"scope\":\"\"}", 200, 403, "x////0" },
        { "{\"sub\":\"x\",\"exp\":1800000001,\"permissions\":[\"tasks:read\"],\"scopes\":[]}", 200, 403, "x////0" },
        { "{\"sub\":\"x\",\"exp\":1800000001,\"permissions\":[\"tasks:read\"],\"scope\":5}", 401, 401, NULL },
        { "{\"sub\":\"x\",\"exp\":1800000001,\"scopes\":[\"tasks:read\",1]}", 401, 401, NULL },
        { "{\"sub\":\"\",\"exp\":1800000001}", 401, 401, NULL },
        { "{\"exp\":1800000001}", 401, 401, NULL },
        { "{\"sub\":\"a\\u0000b\",\"exp\":1800000001}", 401, 401, NULL },
    };
    _cleanup_handled_ struct handled h = { 0 };
    _cleanup_secret_ struct dw_secret octets = { 0 };
    _cleanup_(dw_key_free) struct dw_key *key = NULL;

    handled_make(&h, (struct dw_auth_config){ .secret = DW_STR(SECRET) });
    CHECK_OK(dw_secret_copy(DW_STR(SECRET), &octets));
    CHECK_OK(dw_key_from_octets(&octets, DW_ALG_HS256, &key));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_str token;
        CHECK_OK(dw_jwt_sign(key, NULL, dw_str(ROWS[i].claims), h.f.arena, &token));
        assert_int_equal(call_with(&h, DW_GET, "/tasks", token), ROWS[i].tasks);
        assert_int_equal(call_with(&h, DW_GET, "/me", token), ROWS[i].me);
        if (ROWS[i].body != NULL)
            check_body(&h.f, ROWS[i].body, ROWS[i].claims);
    }
}

static void test_grants(void **state)
{
    static const struct {
        struct dw_grant grant;
        enum dw_err expected;
    } ROWS[] = {
        { { .subject = DW_STR_INIT("1"), .claims = "{\"nick\":\"\\u00e9\",\"deep\":{\"sub\":1}}" }, DW_OK },
        { { .subject = DW_STR_INIT("1"), .ttl_s = 60 }, DW_OK },
        { { .scope = DW_STR_INIT("a") }, DW_ERR_ARGUMENT },
        { { .subject = DW_STR_INIT("1"), .ttl_s = -1 }, DW_ERR_ARGUMENT },
        { { .subject = DW_STR_INIT("1"), .claims = "{\"sub\":\"2\"}" }, DW_ERR_ARGUMENT },
        { { .subject = DW_STR_INIT("1"), .claims = "{\"s\\u0075b\":\"2\"}" }, DW_ERR_ARGUMENT },
        { { .subject = DW_STR_INIT("1"), .claims = "{\"scopes\":[]}" }, DW_ERR_ARGUMENT },
        { { .subject = DW_STR_INIT("1"), .claims = "[]" }, DW_ERR_JSON },
        { { .subject = DW_STR_INIT("1"), .claims = "{" }, DW_ERR_JSON },
        { { .subject = DW_STR_INIT("1"), .claims = "{\"a\":1,\"a\":2}" }, DW_ERR_JSON_DUPLICATE },
    };
    _cleanup_handled_ struct handled h = { 0 };
    struct dw_str token = { NULL, 0 };
    char huge[DW_TOKEN_MAX_BYTES];

    handled_make(&h, (struct dw_auth_config){ .secret = DW_STR(SECRET), .access_ttl_s = 300 });
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_err(ROWS[i].expected, dw_auth_token(h.auth, &ROWS[i].grant, h.f.arena, &token), ROWS[i].grant.claims);
    memset(huge, 'x', sizeof(huge));
    check_err(DW_ERR_TOKEN_TOO_LARGE,
              dw_auth_token(h.auth, &(struct dw_grant){ .subject = dw_str_n(huge, sizeof(huge)) }, h.f.arena, &token),
              "huge");
    struct dw_claims claims;
    const struct dw_grant full = { .subject = DW_STR("1"), .permissions = DW_STR("a b"), .client = DW_STR("c") };
    CHECK_OK(dw_auth_verify(h.auth, token_of(&h, full), h.f.arena, &claims));
    assert_int_equal(claims.expires_s, NOW_S + 300);
    check_str(DW_STR("b"), dw_claim_item(&claims, "permissions", 1), "permissions");
    check_str(DW_STR("c"), dw_claim_str(&claims, "client_id"), "client");
    assert_int_equal(claims.id.len, DW_UUID_SIZE - 1);
}

/* --- sign-in ---------------------------------------------------------------------------------------------------- */

static void test_sign_in(void **state)
{
    static const struct {
        const char *form;
        int status;
        const char *found; /* in the answer */
    } ROWS[] = {
        { "username=ann&password=correct+horse", 200, "\"scope\":\"tasks:read tasks:write\"" },
        { "grant_type=password&username=ann&password=correct+horse&scope=tasks:read+other", 200,
          "\"scope\":\"tasks:read\"" },
        { "username=ann&password=correct+horse&scope=other", 200, "\"scope\":\"\"" },
        { "username=ann&password=correct+horse&scope=a%22b", 400, "invalid_scope" },
        { "username=ann&password=wrong", 400, "Incorrect username or password" },
        { "username=nobody&password=correct+horse", 400, "Incorrect username or password" },
        { "username=keyless&password=", 400, "password: Field required" },
        { "username=keyless&password=x", 400, "Incorrect username or password" },
        { "username=broken&password=x", 400, "Incorrect username or password" },
        { "username=asleep&password=wrong", 400, "Incorrect username or password" },
        { "username=asleep&password=correct+horse", 400, "Inactive user" },
        { "username=down&password=x", 503, "temporarily_unavailable" },
        { "username=ann&password=x%00", 400, "invalid_request" },
        { "grant_type=client_credentials&username=ann&password=x", 400, "grant_type" },
        { "username=ann", 400, "password: Field required" },
        { "", 400, "username: Field required" },
    };
    _cleanup_handled_ struct handled h = { 0 };

    handled_make(&h, WITH_USERS);
    CHECK_OK(dw_auth_hash_password(h.auth, DW_STR("ann"), DW_STR("correct horse"), ann_hash));
    users[0].password_hash = users[1].password_hash = dw_str(ann_hash);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const int status = fixture_call(&h.f, DW_POST, "/token", FORM_TYPE, ROWS[i].form);
        if (status != ROWS[i].status)
            fail_msg("%s: %d %.*s", ROWS[i].form, status, (int)h.f.called.body.len, h.f.called.body.ptr);
        check_header(&h.f, "Cache-Control", "no-store", ROWS[i].form);
        if (memmem(h.f.called.body.ptr, h.f.called.body.len, ROWS[i].found, strlen(ROWS[i].found)) == NULL)
            fail_msg("%s: %.*s", ROWS[i].form, (int)h.f.called.body.len, h.f.called.body.ptr);
    }
    assert_int_equal(renewed[0], '\0');
    assert_int_equal(fixture_call(&h.f, DW_POST, "/token", JSON_TYPE, "{\"username\":\"ann\"}"), 400);
    /* And the token is good. */
    assert_int_equal(fixture_call(&h.f, DW_POST, "/token", FORM_TYPE, ROWS[0].form), 200);
    const struct dw_str token = json_get_str(fixture_json(&h.f), "access_token");
    assert_int_equal(call_with(&h, DW_GET, "/me", token), 200);
    dw_clock_set(NOW_S + 900);
    assert_int_equal(call_with(&h, DW_GET, "/me", token), 401);
    check_body(&h.f, "{\"detail\":\"Token has expired\"}", "expired");
}

static void test_outdated_hash(void **state)
{
    _cleanup_handled_ struct handled h = { 0 };

    handled_make(&h, WITH_USERS);
    renewed[0] = '\0';
    users[0].password_hash = DW_STR("pbkdf2_sha256$1000$saltsaltsaltsalt$8nX7hwFEzIB8aPajJTYK8weHQc5Ngz0pFVAKvSu4jQA=");
    const int status = fixture_call(&h.f, DW_POST, "/token", FORM_TYPE, "username=ann&password=password");
    if (status != 200)
        fail_msg("%d: %.*s", status, (int)h.f.called.body.len, h.f.called.body.ptr);
    assert_memory_equal(renewed, "$argon2id$", 10);
}

static void test_registration(void **state)
{
    static const struct {
        const char *name, *password;
        enum dw_err expected;
    } ROWS[] = {
        { "ann", "correct horse", DW_OK },          { "ann", "short", DW_ERR_PASSWORD_SHORT },
        { "ann", "password1", DW_ERR_PASSWORD_COMMON }, { "gertrude", "gertrude-1", DW_ERR_PASSWORD_PERSONAL },
        { "ann", "\xff\xfe not utf-8", DW_ERR_VALIDATION },
    };
    _cleanup_handled_ struct handled h = { 0 };
    char encoded[DW_PASSWORD_ENCODED_MAX];

    handled_make(&h, WITH_USERS);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_err(ROWS[i].expected,
                  dw_auth_hash_password(h.auth, dw_str(ROWS[i].name), dw_str(ROWS[i].password), encoded),
                  ROWS[i].password);
}

/* --- in a test of the program's own ----------------------------------------------------------------------------- */

static enum dw_err be_root(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    *(struct dw_principal *)ret_value = (struct dw_principal){ .subject = DW_STR("root"), .role = DW_STR("admin") };
    return DW_OK;
}

static size_t sockets_count(void)
{
    size_t n = 0;

    for (int fd = 0; fd < 256; fd++) {
        struct stat status;
        n += fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
    }
    return n;
}

/* Another current user: no token, no look-up of a user, and not a socket opened. */
static void test_override(void **state)
{
    static const struct dw_dependency ROOT = {
        .name = "root", .size = sizeof(struct dw_principal), .resolve = be_root
    };
    _cleanup_handled_ struct handled h = { 0 };
    const size_t n_sockets = sockets_count();

    handled_make(&h, WITH_USERS);
    CHECK_OK(dw_app_override(h.f.app, &DW_CURRENT_PRINCIPAL, &ROOT));
    n_looked_up = 0;
    assert_int_equal(fixture_call(&h.f, DW_GET, "/admin", NULL, NULL), 200);
    check_body(&h.f, "root//admin//0", "overridden");
    assert_int_equal(n_looked_up, 0);
    CHECK_OK(dw_app_override(h.f.app, &DW_CURRENT_PRINCIPAL, NULL));
    assert_int_equal(fixture_call(&h.f, DW_GET, "/admin", NULL, NULL), 401);
    assert_int_equal(sockets_count(), n_sockets);
}

/* --- wrong configurations --------------------------------------------------------------------------------------- */

static void test_problems(void **state)
{
    static const struct {
        struct dw_auth_config config;
        const char *problem;
    } ROWS[] = {
        { { .key = NULL }, "no key: give .secret, .key, .keys, .jwks_file or .jwks_url" },
        { { .secret = DW_STR_INIT("short") }, ".secret is too short for HS256" },
        { { .secret = DW_STR_INIT(SECRET), .secret_alg = DW_ALG_HS512 }, ".secret is too short for HS512" },
        { { .secret = DW_STR_INIT(SECRET), .secret_alg = DW_ALG_ES256 }, ".secret can't be a key for .secret_alg" },
        { { .secret = DW_STR_INIT(SECRET), .jwks_file = "x" },
          "more than one of .secret, .key, .keys, .jwks_file and .jwks_url" },
        { { .jwks_file = "/nonexistent/keys" }, ".jwks_file /nonexistent/keys: io" },
        { { .jwks_file = "/" }, ".jwks_file /: io" },
        { { .jwks_url = "ftp://issuer.test/" }, ".jwks_url is no http or https URL" },
        { { .jwks_url = "http://issuer.test/" }, ".jwks_url is not https: with .allow_plain_http it may be" },
        { { .jwks_url = "http://127.0.0.1.issuer.test/" }, ".jwks_url is not https: with .allow_plain_http it may be" },
        { { .jwks_url = "http://localhost@issuer.test/" }, ".jwks_url is no http or https URL" },
        { { .jwks_url = "http://localhost:80@issuer.test/" }, ".jwks_url is no http or https URL" },
        { { .secret = DW_STR_INIT(SECRET), .leeway_s = 301 }, ".leeway_s is none of 0 to 300" },
        { { .secret = DW_STR_INIT(SECRET), .access_ttl_s = -1 }, ".access_ttl_s is negative" },
    };
    struct dw_auth *auth = NULL;
    char problem[DW_PROBLEM_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        check_err(DW_ERR_TABLE, dw_auth_new(&ROWS[i].config, &auth, problem), ROWS[i].problem);
        assert_null(auth);
        assert_string_equal(problem, ROWS[i].problem);
        CHECK_ERR(DW_ERR_TABLE, dw_auth_new(&ROWS[i].config, &auth, NULL));
    }
}

static void test_misuse(void **state)
{
    static const struct dw_scheme BASIC = { .kind = DW_SCHEME_HTTP_BASIC, .name = "basic" };
    static const struct dw_scheme *const BASIC_ONLY[] = { &BASIC, NULL };
    const struct dw_route *const tables[] = { ROUTES, NULL };
    _cleanup_handled_ struct handled h = { 0 };
    char problem[DW_PROBLEM_SIZE], encoded[DW_PASSWORD_ENCODED_MAX];
    const struct dw_grant grant = { .subject = DW_STR("1") };
    struct dw_app_config config = { .title = "t", .version = "1", .routes = tables };
    struct dw_principal principal;
    struct dw_app *app = NULL;
    struct dw_claims claims;
    struct dw_str token;

    handled_make(&h, (struct dw_auth_config){ .secret = DW_STR(SECRET) });
    CHECK_ERR(DW_ERR_ARGUMENT, dw_auth_new(NULL, &h.auth, problem));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_auth_token(NULL, &grant, h.f.arena, &token));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_auth_token(h.auth, NULL, h.f.arena, &token));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_auth_verify(h.auth, dw_str(NULL), h.f.arena, &claims));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_auth_authenticate(h.auth, NULL, DW_STR("x"), &principal));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_auth_refresh_keys(NULL));
    CHECK_OK(dw_auth_refresh_keys(h.auth));
    /* One that only verifies tokens has no passwords. */
    CHECK_ERR(DW_ERR_ARGUMENT, dw_auth_hash_password(h.auth, DW_STR("a"), DW_STR("correct horse"), encoded));
    assert_null(dw_auth_scheme(NULL));
    dw_auth_free(NULL);

    CHECK_ERR(DW_ERR_TABLE, dw_app_new(&config, &app, problem));
    assert_string_equal(problem, "POST /token: it signs in, but the application has no .auth");
    config.auth = h.auth;
    config.credentials = BASIC_ONLY;
    CHECK_ERR(DW_ERR_TABLE, dw_app_new(&config, &app, problem));
    assert_string_equal(problem, "security scheme basic: .auth takes tokens alone; give .authenticate");
}

CHECK_MAIN(cmocka_unit_test(test_current_user), cmocka_unit_test(test_foreign_tokens), cmocka_unit_test(test_believed),
           cmocka_unit_test(test_grants), cmocka_unit_test(test_sign_in),
           cmocka_unit_test(test_outdated_hash),
           cmocka_unit_test(test_registration), cmocka_unit_test(test_override), cmocka_unit_test(test_problems),
           cmocka_unit_test(test_misuse))
