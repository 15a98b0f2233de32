/* Policies in front of routes: stories of tasks that people of two tenants have, told in process. */
#include "base/log.h"
#include "fixture.h"
#include <doorward/policy.h>
#include <fcntl.h>
#include <unistd.h>

enum { NOW_S = 1763809200 /* Saturday, 2025-11-22 11:00:00 UTC */ };

/* --- who is there ----------------------------------------------------------------------------------------------- */

static const struct dw_scheme BEARER = {
    .kind = DW_SCHEME_OAUTH2_PASSWORD, .name = "oauth2", .token_url = "/token",
    .scopes = (const struct dw_scope_doc[]){ { "tasks:read", "See tasks" }, { "tasks:purge", "Purge tasks" }, { 0 } },
};
static const struct dw_scheme *const CREDENTIALS[] = { &BEARER, NULL };

#define S(text) DW_STR_INIT(text)
#define TASKS .permissions = S("tasks:purge"), .scope = S("tasks:read tasks:purge")

/* clang-format off */
static const struct dw_principal PEOPLE[] = {
    { .subject = S("ann"),   .tenant = S("red"),  .role = S("user"),  TASKS, .authenticated_s = NOW_S - 1000 },
    { .subject = S("ben"),   .tenant = S("red"),  .role = S("user"),  .scope = S("tasks:read") },
    { .subject = S("root"),  .tenant = S("red"),  .role = S("admin"), TASKS, .mfa_s = NOW_S - 10 },
    { .subject = S("stale"), .tenant = S("red"),  .role = S("admin"), TASKS, .mfa_s = NOW_S - 1000 },
    { .subject = S("carl"),  .tenant = S("blue"), .role = S("admin"), TASKS, .mfa_s = NOW_S - 10 },
};
/* clang-format on */

static enum dw_err authenticate(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
                                struct dw_principal *ret_principal)
{
    for (size_t i = 0; i < ARRAY_SIZE(PEOPLE); i++)
        if (dw_str_eq(credential, PEOPLE[i].subject)) {
            *ret_principal = PEOPLE[i];
            return DW_OK;
        }
    return DW_ERR_TOKEN_INVALID;
}

/* --- what there is ---------------------------------------------------------------------------------------------- */

struct task {
    struct dw_resource resource;
    struct dw_str title;
};

/* The task whose title is the id: of ann (red), of carl (blue); "lost" has no tenant. */
static const struct task HELD[] = {
    { { .owner = S("ann"), .tenant = S("red") }, S("1") },
    { { .owner = S("carl"), .tenant = S("blue") }, S("2") },
    { { .owner = S("ann") }, S("lost") },
};
static unsigned n_looked_up;

static enum dw_err task_find(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    n_looked_up++;
    for (size_t i = 0; i < ARRAY_SIZE(HELD); i++)
        if (dw_str_eq(HELD[i].title, dw_path_parameter(r, "id"))) {
            *(struct task *)ret_value = HELD[i];
            return DW_OK;
        }
    return DW_ERR_NOT_FOUND;
}

static const struct dw_dependency TASK_BY_ID = { .name = "task", .size = sizeof(struct task), .resolve = task_find };

/* --- policies --------------------------------------------------------------------------------------------------- */

static enum dw_err broken(const struct dw_facts *facts, const void *parameter, enum dw_verdict *ret_verdict)
{
    *ret_verdict = DW_YES;
    return DW_ERR_UNAVAILABLE;
}

/* A rule that looks at what only a request has. */
static enum dw_err asks_kindly(const struct dw_facts *facts, const void *parameter, enum dw_verdict *ret_verdict)
{
    const bool is_kind = dw_str_eq(dw_request_header(facts->request, "X-Please"), dw_str(facts->context));

    *ret_verdict = is_kind ? DW_YES : DW_NO;
    return DW_OK;
}

#define POLICY(identifier, name, ...) static const struct dw_policy identifier = { name, __VA_ARGS__ }

POLICY(SAME_TENANT, "same tenant", DW_RULE_TENANT);
POLICY(EDIT, "owner or admin", DW_ALL(DW_RULE_POLICY(&SAME_TENANT), DW_ANY(DW_RULE_OWNER, DW_RULE_ROLE("admin"))));
POLICY(OPEN_EDIT, "owner, openly", DW_ALL(DW_DENY_AS(DW_ERR_FORBIDDEN, DW_RULE_TENANT), DW_RULE_OWNER));
POLICY(PURGE, "purge", DW_ALL(DW_RULE_SCOPE("tasks:read"), DW_RULE_PERMISSION("tasks:purge"), DW_RULE_ROLE("admin"),
                              DW_RULE_MFA(300)));
POLICY(RECENT, "recent", DW_RULE_SIGN_IN(600));
POLICY(INSIDE, "inside", DW_RULE_NETWORK("10.0.0.0/8"));
POLICY(NEVER, "outside", DW_NOT(DW_RULE_NETWORK("10.0.0.0/8")));
POLICY(BROKEN, "broken", DW_ANY(DW_RULE_FUNCTION("broken", broken, NULL), DW_RULE_ROLE("admin")));
POLICY(KIND, "kind", DW_RULE_FUNCTION("please", asks_kindly, NULL));

/* --- routes ----------------------------------------------------------------------------------------------------- */

static enum dw_err show(struct dw_request *r, const void *in, void *out)
{
    const struct task *task = dw_get(r, &TASK_BY_ID);

    assert_int_equal(dw_policy_trace(r)->err, DW_OK);
    dw_answer_body(r, "text/plain", task == NULL ? DW_STR("done") : task->title);
    return DW_OK;
}

/* Finds its resource itself, and tells an administrator why. */
static enum dw_err own_check(struct dw_request *r, const void *in, void *out)
{
    assert_null(dw_policy_trace(r));
    const enum dw_err err = dw_policy_enforce(r, &EDIT, &HELD[0].resource);

    if (dw_str_is_absent(dw_request_header(r, "X-Why")))
        return err;
    dw_answer_body(r, "application/json", dw_trace_json(dw_policy_trace(r), dw_request_arena(r)));
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_DELETE, "/tasks/{id}", show, .needs = DW_POLICY_ON(&EDIT, &TASK_BY_ID), .id = "edit" },
    { DW_PUT, "/tasks/{id}", show, .needs = DW_POLICY_ON(&OPEN_EDIT, &TASK_BY_ID) },
    { DW_POST, "/purge", show, .needs = DW_POLICY(&PURGE) },
    { DW_GET, "/recent", show, .needs = DW_POLICY(&RECENT), .lane = DW_INLINE },
    { DW_GET, "/metrics", show, .needs = DW_POLICY_FOR_ANYONE(&INSIDE) },
    { DW_GET, "/outside", show, .needs = DW_POLICY_FOR_ANYONE(&NEVER) },
    { DW_GET, "/broken", show, .needs = DW_POLICY(&BROKEN) },
    { DW_GET, "/kind", show, .needs = DW_POLICY_FOR_ANYONE(&KIND) },
    { DW_GET, "/own", own_check, .needs = DW_SIGNED_IN },
    { DW_GET, "/both", show, .needs = DW_DEPENDS({ DW_POLICY_OF(&RECENT), NULL }, { DW_POLICY_OF(&PURGE), NULL }) },
    { 0 },
};

static char context[] = "please";
static const struct dw_app_config CONFIG = {
    .credentials = CREDENTIALS, .authenticate = authenticate, .context = context,
};

static void make(struct fixture *f, struct dw_app_config config)
{
    dw_clock_set(NOW_S);
    fixture_make(f, config, ROUTES);
}

static struct dw_app_config explaining(void)
{
    struct dw_app_config config = CONFIG;

    config.explain_denials = true;
    return config;
}

static struct dw_app_config logging(void)
{
    struct dw_app_config config = CONFIG;

    config.access_log = true;
    return config;
}

/* --- stories ---------------------------------------------------------------------------------------------------- */

#define REFUSED "{\"detail\":\"Not enough permissions\"}"
#define STALE_SIGN_IN "Bearer error=\"insufficient_user_authentication\", max_age=\"600\""
#define NOT_THERE "{\"detail\":\"Not Found\"}"

/* clang-format off */
static const struct {
    enum dw_method method;
    const char *target, *who, *peer;
    int status;
    const char *body, *challenge;
} STORIES[] = {
    { DW_DELETE, "/tasks/1", NULL, NULL, 401, "{\"detail\":\"Not authenticated\"}", "Bearer" },
    { DW_DELETE, "/tasks/1", "nobody", NULL, 401, "{\"detail\":\"Could not validate credentials\"}",
      "Bearer error=\"invalid_token\"" },
    { DW_DELETE, "/tasks/1", "ann", NULL, 200, "1", NULL },
    { DW_DELETE, "/tasks/1", "root", NULL, 200, "1", NULL },
    { DW_DELETE, "/tasks/1", "ben", NULL, 403, REFUSED, NULL },
    /* The same role in another tenant: as if it were not there, and as what is not there. */
    { DW_DELETE, "/tasks/1", "carl", NULL, 404, NOT_THERE, NULL },
    { DW_DELETE, "/tasks/2", "root", NULL, 404, NOT_THERE, NULL },
    { DW_DELETE, "/tasks/3", "carl", NULL, 404, NOT_THERE, NULL },
    { DW_DELETE, "/tasks/lost", "root", NULL, 404, NOT_THERE, NULL },
    { DW_DELETE, "/tasks/lost", "ann", NULL, 404, NOT_THERE, NULL },
    /* A program that admits it. */
    { DW_PUT, "/tasks/1", "carl", NULL, 403, REFUSED, NULL },
    { DW_PUT, "/tasks/1", "ann", NULL, 200, "1", NULL },
    /* A scope, a permission, a role, and a second factor that is fresh. */
    { DW_POST, "/purge", "root", NULL, 200, "done", NULL },
    { DW_POST, "/purge", "ben", NULL, 403, REFUSED, NULL },
    { DW_POST, "/purge", "ann", NULL, 403, REFUSED, NULL },
    { DW_POST, "/purge", "stale", NULL, 401, "{\"detail\":\"A recent second factor is needed\"}",
      "Bearer error=\"insufficient_user_authentication\", max_age=\"300\"" },
    { DW_GET, "/recent", "ann", NULL, 401, "{\"detail\":\"A more recent sign-in is needed\"}",
      STALE_SIGN_IN },
    { DW_GET, "/both", "stale", NULL, 401, "{\"detail\":\"A more recent sign-in is needed\"}",
      STALE_SIGN_IN },
    /* Whoever it is, from inside; a caller without an address is nowhere, also not outside. */
    { DW_GET, "/metrics", NULL, "10.1.2.3", 200, "done", NULL },
    { DW_GET, "/metrics", NULL, "192.0.2.1", 403, REFUSED, NULL },
    { DW_GET, "/metrics", NULL, NULL, 403, REFUSED, NULL },
    { DW_GET, "/outside", NULL, "192.0.2.1", 200, "done", NULL },
    { DW_GET, "/outside", NULL, NULL, 403, REFUSED, NULL },
    /* A rule that fails lets nobody in, administrators neither. */
    { DW_GET, "/broken", "root", NULL, 503, "{\"detail\":\"Service Unavailable\"}", NULL },
    { DW_GET, "/kind", NULL, NULL, 403, REFUSED, NULL },
    /* Decided by the handler. */
    { DW_GET, "/own", "ann", NULL, 204, "", NULL },
    { DW_GET, "/own", "ben", NULL, 403, REFUSED, NULL },
    { DW_GET, "/own", "carl", NULL, 404, NOT_THERE, NULL },
};
/* clang-format on */

static int call(struct fixture *f, enum dw_method method, const char *target, const char *who, const char *peer,
                const char *header)
{
    const struct dw_call_header headers[] = {
        { header == NULL ? "X-Nothing" : header, dw_str(context) },
        { who == NULL ? NULL : "Authorization", dw_arena_printf(f->arena, "Bearer %s", who == NULL ? "" : who) },
        { NULL, DW_STR_INIT("") },
    };
    const struct dw_call it = { .method = method, .target = target, .headers = headers, .peer = peer };

    CHECK_OK(dw_call(f->app, &it, f->arena, &f->called));
    return f->called.status;
}

static void test_stories(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, CONFIG);
    for (size_t i = 0; i < ARRAY_SIZE(STORIES); i++) {
        char label[100];
        snprintf(label, sizeof(label), "row %zu, %s by %s", i, STORIES[i].target, STORIES[i].who);
        const int status = call(&f, STORIES[i].method, STORIES[i].target, STORIES[i].who, STORIES[i].peer, NULL);
        if (status != STORIES[i].status)
            fail_msg("%s: expected %d, got %d", label, STORIES[i].status, status);
        check_body(&f, STORIES[i].body, label);
        check_header(&f, "WWW-Authenticate", STORIES[i].challenge, label);
    }
    assert_int_equal(call(&f, DW_GET, "/kind", NULL, NULL, "X-Please"), 200);
}

/* Unknown callers cost no look-up. */
static void test_who_comes_first(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, CONFIG);
    n_looked_up = 0;
    assert_int_equal(call(&f, DW_DELETE, "/tasks/1", NULL, NULL, NULL), 401);
    assert_int_equal(n_looked_up, 0);
    assert_int_equal(call(&f, DW_DELETE, "/tasks/1", "ann", NULL, NULL), 200);
    assert_int_equal(n_looked_up, 1);
}

static enum dw_err fake_principal(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    *(struct dw_principal *)ret_value = *(const struct dw_principal *)self->parameter;
    return DW_OK;
}

static enum dw_err fake_task(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    *(struct task *)ret_value = (struct task){ { DW_STR("dora"), DW_STR("green") }, DW_STR("fake") };
    return DW_OK;
}

/* Nobody signs in, no task is looked up: the rules alone. */
static void test_overrides(void **state)
{
    static const struct dw_principal DORA = { .subject = S("dora"), .tenant = S("green"), .role = S("user") };
    static const struct dw_dependency FAKE_DORA = { .name = "dora", .size = sizeof(struct dw_principal),
                                                    .resolve = fake_principal, .parameter = &DORA };
    static const struct dw_dependency FAKE_TASK = { .name = "fake task", .size = sizeof(struct task),
                                                    .resolve = fake_task };
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, CONFIG);
    n_looked_up = 0;
    CHECK_OK(dw_app_override(f.app, &DW_CURRENT_PRINCIPAL, &FAKE_DORA));
    CHECK_OK(dw_app_override(f.app, &TASK_BY_ID, &FAKE_TASK));
    assert_int_equal(call(&f, DW_DELETE, "/tasks/77", NULL, NULL, NULL), 200);
    check_body(&f, "fake", "dora's own");
    CHECK_OK(dw_app_override(f.app, &DW_CURRENT_PRINCIPAL, NULL));
    assert_int_equal(call(&f, DW_DELETE, "/tasks/77", "root", NULL, NULL), 404);
    assert_int_equal(n_looked_up, 0);
}

/* --- who may know why ------------------------------------------------------------------------------------------- */

static void test_denials_are_explained_where_wanted(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, explaining());
    assert_int_equal(call(&f, DW_DELETE, "/tasks/1", "ben", NULL, NULL), 403);
    check_body(&f,
               "{\"detail\":\"owner or admin: denied by any; all: no (policy same tenant: yes (same tenant: yes), "
               "any: no (owner: no, role admin: no))\"}",
               "explained");
    /* What hides stays hidden. */
    assert_int_equal(call(&f, DW_DELETE, "/tasks/1", "carl", NULL, NULL), 404);
    check_body(&f, NOT_THERE, "hidden");
    /* The challenge is what it was. */
    assert_int_equal(call(&f, DW_GET, "/recent", "ann", NULL, NULL), 401);
    check_header(&f, "WWW-Authenticate", STALE_SIGN_IN, "recent");
    /* An error of our own is none of their business. */
    assert_int_equal(call(&f, DW_GET, "/broken", "root", NULL, NULL), 503);
    check_body(&f, "{\"detail\":\"Service Unavailable\"}", "broken");
}

static void test_trace_for_an_administrator(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, CONFIG);
    assert_int_equal(call(&f, DW_GET, "/own", "carl", NULL, "X-Why"), 200);
    check_body(&f,
               "{\"policy\":\"owner or admin\",\"allowed\":false,\"error\":\"not_found\","
               "\"decided_by\":\"same tenant\",\"rule\":{\"rule\":\"all\",\"verdict\":\"no\","
               "\"rules\":[{\"rule\":\"policy same tenant\","
               "\"verdict\":\"no\",\"rules\":[{\"rule\":\"same tenant\",\"verdict\":\"no\"}]}]}}",
               "why");
    assert_null(dw_policy_trace(NULL));
}

/* What stands in the log of one request, in `line`. */
static void logged(struct fixture *f, const char *target, const char *who, enum log_level level, char *line,
                   size_t size)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    log_setup(level, LOG_FORMAT_TEXT, ends[1]);
    (void)call(f, DW_DELETE, target, who, NULL, NULL);
    log_flush();
    const ssize_t n = read(ends[0], line, size - 1);
    line[n < 0 ? 0 : n] = '\0';
    log_setup(LOG_INFO, LOG_FORMAT_JSON, STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
}

static void test_log(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 }, silent = { 0 };
    char line[2048];

    make(&f, logging());
    logged(&f, "/tasks/1", "ben", LOG_INFO, line, sizeof(line));
    assert_non_null(strstr(line, "policy_denied"));
    assert_non_null(strstr(line, "owner or admin: denied by any; all: no"));
    assert_non_null(strstr(line, "DELETE /tasks/{id}"));
    assert_non_null(strstr(line, "ben"));
    logged(&f, "/tasks/1", "ann", LOG_INFO, line, sizeof(line));
    assert_null(strstr(line, "policy_"));
    logged(&f, "/tasks/1", "ann", LOG_DEBUG, line, sizeof(line));
    assert_non_null(strstr(line, "policy_allowed"));
    /* A program that asked for no log has none. */
    make(&silent, CONFIG);
    logged(&silent, "/tasks/1", "ben", LOG_INFO, line, sizeof(line));
    assert_string_equal(line, "");
}

/* --- the documentation ------------------------------------------------------------------------------------------ */

static yyjson_val *operation(struct fixture *f, const char *method, const char *path)
{
    yyjson_val *root = NULL;

    CHECK_OK(json_parse(f->arena, dw_app_openapi(f->app), JSON_DEPTH_DEFAULT, &root, NULL));
    return json_get(json_get(json_get(root, "paths"), path), method);
}

static void check_json(struct fixture *f, yyjson_val *value, const char *expected)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(4096);

    json_write_value(&b, value);
    check_str(dw_str(expected), buffer_str(&b), expected);
}

static void test_openapi(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f, CONFIG);
    check_json(&f, json_get(operation(&f, "delete", "/tasks/{id}"), "security"), "[{\"oauth2\":[]}]");
    check_json(&f, json_get(operation(&f, "post", "/purge"), "security"),
               "[{\"oauth2\":[\"tasks:read\",\"tasks:purge\"]}]");
    assert_null(json_get(operation(&f, "get", "/metrics"), "security"));
    yyjson_val *edit = json_get(operation(&f, "delete", "/tasks/{id}"), "responses");
    check_str(DW_STR("Refused by policy: owner or admin"), json_get_str(json_get(edit, "403"), "description"), "403");
    check_str(DW_STR("Not Found"), json_get_str(json_get(edit, "404"), "description"), "404");
    assert_non_null(json_get(edit, "401"));
    yyjson_val *open = json_get(operation(&f, "put", "/tasks/{id}"), "responses");
    assert_non_null(json_get(open, "403"));
    assert_null(json_get(open, "404"));
    assert_null(json_get(json_get(operation(&f, "get", "/metrics"), "responses"), "401"));
}

/* --- applications that don't start ------------------------------------------------------------------------------ */

static const struct dw_dependency SMALL = { .name = "small", .size = sizeof(struct dw_str), .resolve = task_find };
static const struct dw_dependency NO_POLICY = { .name = "idle", .uses = DW_USES_PRINCIPAL,
                                                .resolve = dw_resolve_policy };
POLICY(BAD_NETWORK, "near", DW_RULE_NETWORK("10.0.0.0/99"));
POLICY(WHOSE, "whose", DW_RULE_OWNER);
POLICY(WHO, "who", DW_ANY(DW_RULE_NETWORK("10.0.0.0/8"), DW_NOT(DW_RULE_ROLE("guest"))));

static const struct {
    struct dw_route routes[2];
    const char *problem;
} BAD[] = {
    { { { DW_GET, "/a", show, .needs = DW_POLICY(&BAD_NETWORK) } },
      "GET /a: policy: near: \"10.0.0.0/99\" is no address or network" },
    { { { DW_GET, "/a", show, .needs = DW_POLICY(&WHOSE) } },
      "GET /a: policy: whose: it asks for a resource, but there is none (DW_POLICY_ON)" },
    { { { DW_GET, "/a", show, .needs = DW_POLICY_ON(&WHOSE, &SMALL) } },
      "GET /a: policy: whose: the value of small does not begin with a resource" },
    { { { DW_GET, "/a", show, .needs = DW_POLICY_FOR_ANYONE(&WHO) } },
      "GET /a: policy: who: it asks who is calling, but lets anyone call" },
    { { { DW_GET, "/a", show, .needs = DW_POLICY(NULL) } }, "GET /a: policy: none is named" },
    { { { DW_GET, "/a", show, .needs = DW_DEPENDS({ &NO_POLICY, NULL }) } }, "GET /a: policy: none is named" },
};

static void test_bad_tables(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        const struct dw_route *const tables[] = { BAD[i].routes, NULL };
        struct dw_app_config config = CONFIG;
        char problem[DW_PROBLEM_SIZE] = "";
        struct dw_app *app = NULL;
        config.title = config.version = "1";
        config.routes = tables;
        check_err(DW_ERR_TABLE, dw_app_new(&config, &app, problem), BAD[i].problem);
        assert_null(app);
        assert_string_equal(problem, BAD[i].problem);
    }
}

static void test_outside_of_a_request(void **state)
{
    const struct dw_dependency *policy = DW_POLICY_OF(&RECENT);

    CHECK_ERR(DW_ERR_ARGUMENT, dw_resolve_policy(NULL, policy, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_policy_enforce(NULL, &RECENT, NULL));
}

CHECK_MAIN(cmocka_unit_test(test_stories), cmocka_unit_test(test_who_comes_first), cmocka_unit_test(test_overrides),
           cmocka_unit_test(test_denials_are_explained_where_wanted), cmocka_unit_test(test_trace_for_an_administrator),
           cmocka_unit_test(test_log), cmocka_unit_test(test_openapi), cmocka_unit_test(test_bad_tables),
           cmocka_unit_test(test_outside_of_a_request))
