/*
 * Misuse: every exported function called with arguments that are wrong, each call in a process of its own, so that a
 * crash names its function. And programs that forget, repeat, and ask for what is not there.
 */
#include "../app/principal_fixture.h"
#include <doorward.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAMPLE_BYTES = 64 * 1024, SAMPLES_MAX = 12, SECRET_BYTES = 32, HUGE_BYTES = 2 << 20, DEADLINE_S = 60 };

/* --- arguments -------------------------------------------------------------------------------------------------- */

/* Not const: compilers know too much of what is. */
static void *NOTHING;
static const char *TEXT = "x";
static const struct dw_str STRING = DW_STR_INIT("x");
static const struct dw_str FOREIGN = DW_STR_INIT("\0\xff\xc3\x28%n%s\"\\\r\n{[<../\x7f");
static struct dw_str HUGE_ONE;

/* Zeros to read and room to write, one piece for each argument. */
static _Alignas(64) unsigned char rooms[SAMPLES_MAX][SAMPLE_BYTES];

static struct {
    struct dw_request *r;
    struct dw_arena *arena;
    struct dw_app *app;
    struct dw_auth *auth;
    struct dw_key *key;
    struct dw_keyset *keyset;
    struct dw_jwe_key *jwe_key;
    struct dw_ws_client *ws_client;
    struct dw_passwords *passwords;
    struct dw_secret secret;
} it;

static enum dw_err nothing_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    return DW_OK;
}

static const struct dw_field FIELDS[] = { { .name = "a", .type = DW_STRING }, { 0 } };
static const struct dw_model MODEL = { .name = "Sample", .size = sizeof(struct dw_str), .fields = FIELDS };
static const struct dw_dependency DEPENDENCY = { .name = "sample", .resolve = nothing_resolve };
static const struct dw_policy POLICY = { "sample", DW_RULE_OWNER };
static const struct dw_principal PRINCIPAL = { .subject = DW_STR_INIT("ann") };
static const struct dw_facts FACTS = { .principal = &PRINCIPAL };
static const struct dw_jwt_rules RULES = { .algs = DW_ALG_BIT(DW_ALG_HS256) };
static const struct dw_cookie COOKIE = { .name = "a", .value = DW_STR_INIT("b") };
static const struct dw_call CALL = { .method = DW_GET, .target = "/none" }; /* "/" would begin all of it again */
static const struct dw_grant GRANT = { .subject = DW_STR_INIT("ann") };
static const struct dw_user USER = { .username = DW_STR_INIT("ann") };
static const struct dw_auth_config AUTH_CONFIG = { .secret = DW_STR_INIT("a secret of thirty-two characters") };
static const struct dw_csrf CSRF = {
    .key = &it.secret, .origin = DW_STR_INIT("http://a"), .cookie = "c", .header = "X-C"
};

static const struct {
    const char *type;
    const void *sample;
} STRUCTS[] = {
    { "dw_scheme", &BEARER },     { "dw_model", &MODEL },      { "dw_dependency", &DEPENDENCY },
    { "dw_policy", &POLICY },     { "dw_principal", &PRINCIPAL }, { "dw_facts", &FACTS },
    { "dw_jwt_rules", &RULES },   { "dw_cookie", &COOKIE },    { "dw_call", &CALL },
    { "dw_grant", &GRANT },       { "dw_user", &USER },        { "dw_auth_config", &AUTH_CONFIG },
    { "dw_csrf", &CSRF },         { "dw_secret", &it.secret }, { "dw_str", &STRING },
};

/* A sample of a struct, or zeros where there is none; for "", zeros. */
static void *sample(const char *type, unsigned index)
{
    union {
        const void *read_only;
        void *any;
    } found = { NULL };

    for (size_t i = 0; i < ARRAY_SIZE(STRUCTS); i++)
        if (strcmp(STRUCTS[i].type, type) == 0)
            found.read_only = STRUCTS[i].sample;
    return found.any != NULL ? found.any : rooms[index];
}

static const struct {
    const char *type;
    void **sample;
} OBJECTS[] = {
    { "dw_request", (void **)&it.r },     { "dw_arena", (void **)&it.arena },
    { "dw_app", (void **)&it.app },       { "dw_auth", (void **)&it.auth },
    { "dw_key", (void **)&it.key },       { "dw_keyset", (void **)&it.keyset },
    { "dw_jwe_key", (void **)&it.jwe_key }, { "dw_passwords", (void **)&it.passwords },
    { "dw_ws_client", (void **)&it.ws_client },
};

/* An object of ours; NULL where there is none. */
static void *sample_opaque(const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(OBJECTS); i++)
        if (strcmp(OBJECTS[i].type, type) == 0)
            return *OBJECTS[i].sample;
    return NULL;
}

static void ws_client_make(struct dw_app *app)
{
    const struct dw_call call = { .method = DW_GET, .target = "/echo" };
    struct dw_called called;

    CHECK_OK(dw_ws_call(app, &call, it.arena, &it.ws_client, &called));
    assert_int_equal(called.status, 101);
}

static void objects_make(struct dw_app *app)
{
    static char huge[HUGE_BYTES];

    memset(huge, 'a', sizeof(huge));
    HUGE_ONE = dw_str_n(huge, sizeof(huge));
    it.app = app;
    CHECK_OK(dw_arena_new(FIXTURE_ARENA_LIMIT, &it.arena));
    CHECK_OK(dw_secret_random(SECRET_BYTES, &it.secret));
    CHECK_OK(dw_auth_new(&AUTH_CONFIG, &it.auth, NULL));
    CHECK_OK(dw_key_from_octets(&it.secret, DW_ALG_HS256, &it.key));
    CHECK_OK(dw_keyset_new(&it.keyset));
    CHECK_OK(dw_jwe_key_from_octets(&it.secret, DW_JWE_A256KW, &it.jwe_key));
    CHECK_OK(dw_passwords_new(&(struct dw_password_config){ .workers = 1, .argon2_memory_kib = 64, .argon2_time = 1 },
                              &it.passwords));
    ws_client_make(app);
}

static void objects_free(void)
{
    dw_ws_client_free(&it.ws_client);
    dw_passwords_free(&it.passwords);
    dw_jwe_key_free(&it.jwe_key);
    dw_keyset_free(&it.keyset);
    dw_key_free(&it.key);
    dw_auth_free(&it.auth);
    dw_secret_free(&it.secret);
    dw_arena_free(&it.arena);
}

/* --- every function --------------------------------------------------------------------------------------------- */

struct misuse {
    const char *name;
    enum dw_err (*call)(void);
    bool must_be_argument;
};

#include "misuse_calls.h"

enum { CHILD_OK = 0, CHILD_WRONG = 1 };

/* NULL: as it must be. */
static const char *outcome(const struct misuse *m)
{
    static char text[100];
    int status = 0;
    const pid_t child = fork();

    if (child == 0) {
        /* Not cmocka's, which would go on with the tests. */
        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        alarm(DEADLINE_S);
        _exit(m->call() == DW_ERR_ARGUMENT || !m->must_be_argument ? CHILD_OK : CHILD_WRONG);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return "no process";
    if (WIFSIGNALED(status))
        snprintf(text, sizeof(text), "ends with signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) == CHILD_WRONG)
        return "is no DW_ERR_ARGUMENT";
    else
        snprintf(text, sizeof(text), "ends with %d", WEXITSTATUS(status));
    return status == 0 ? NULL : text;
}

/* In a handler, so that there is a request to misuse. */
static enum dw_err misuse_everything(struct dw_request *r, const void *in, void *out)
{
    size_t n_failed = 0;

    it.r = r;
    for (size_t i = 0; i < ARRAY_SIZE(MISUSES); i++) {
        const char *what = outcome(&MISUSES[i]);
        if (what == NULL)
            continue;
        n_failed++;
        print_error("%s: %s\n", MISUSES[i].name, what);
    }
    it.r = NULL;
    return n_failed == 0 ? DW_OK : DW_ERR_INTERNAL;
}

static enum dw_err echo(struct dw_request *r, struct dw_str data, bool is_text)
{
    return is_text ? dw_ws_send_text(dw_ws_of(r), data) : dw_ws_send_binary(dw_ws_of(r), data);
}

static const struct dw_ws_channel ECHO = { .message = echo };
static const struct dw_route MISUSED[] = {
    { DW_GET, "/", misuse_everything, .needs = DW_PUBLIC },
    { DW_GET, "/echo", .websocket = &ECHO, .needs = DW_PUBLIC },
    { 0 },
};

static void test_every_function(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, KNOWN_CALLERS, MISUSED);
    objects_make(f.app);
    assert_in_range(ARRAY_SIZE(MISUSES), 400, 10000);
    assert_int_equal(fixture_call(&f, DW_GET, "/", NULL, NULL), 204);
    objects_free();
}

/* --- programs that repeat and forget ---------------------------------------------------------------------------- */

#define FREE_TWICE(object, free_function)                                                                              \
    do {                                                                                                               \
        free_function(&(object));                                                                                      \
        assert_null(object);                                                                                           \
        free_function(&(object));                                                                                      \
        free_function(NULL);                                                                                           \
    } while (0)

/* What is freed is forgotten, so that freeing it again is nothing. */
static void test_freed_twice(void **state)
{
    struct fixture f = { 0 };

    fixture_make(&f, KNOWN_CALLERS, MISUSED);
    objects_make(f.app);
    FREE_TWICE(it.ws_client, dw_ws_client_free);
    FREE_TWICE(it.passwords, dw_passwords_free);
    FREE_TWICE(it.jwe_key, dw_jwe_key_free);
    FREE_TWICE(it.keyset, dw_keyset_free);
    FREE_TWICE(it.key, dw_key_free);
    FREE_TWICE(it.auth, dw_auth_free);
    FREE_TWICE(it.arena, dw_arena_free);
    FREE_TWICE(f.app, dw_app_free);
    FREE_TWICE(f.arena, dw_arena_free);
    dw_secret_free(&it.secret);
    assert_null(it.secret.bytes);
    dw_secret_free(&it.secret);
    dw_secret_free(NULL);
}

/* A program that frees nothing ends as any other. */
static void test_forgets_to_free(void **state)
{
    int status = -1;

    fflush(NULL);
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct fixture f = { 0 };
        fixture_make(&f, KNOWN_CALLERS, MISUSED);
        objects_make(f.app);
        dw_serve_stop(); /* and stops what does not run */
        _exit(dw_call(f.app, &CALL, f.arena, &f.called) == DW_OK && f.called.status == 404 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* --- handlers that ask for what is not there --------------------------------------------------------------------- */

static const struct dw_model OTHER_MODEL = { .name = "Other", .size = sizeof(struct dw_str), .fields = FIELDS };

static enum dw_err asks_for_more(struct dw_request *r, const void *in, void *out)
{
    struct dw_str credential = STRING;

    assert_null(in);
    assert_null(out);
    assert_null(dw_get(r, &DEPENDENCY));
    assert_null(dw_get(r, &DW_CURRENT_PRINCIPAL));
    assert_null(dw_principal(r));
    assert_null(dw_query(r));
    assert_null(dw_context(r));
    assert_null(dw_policy_trace(r));
    assert_true(dw_str_is_absent(dw_path_parameter(r, "id")));
    assert_true(dw_str_is_absent(dw_required_scopes(r)));
    assert_true(dw_str_is_absent(dw_request_cookie(r, "none")));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_answer_model(r, &OTHER_MODEL, &STRING));
    CHECK_ERR(DW_ERR_UNAUTHENTICATED, dw_scheme_extract(r, &BEARER, &credential));
    CHECK_ERR(DW_ERR_FORBIDDEN, dw_policy_enforce(r, &POLICY, NULL));
    check_str(STRING, credential, "what failed left its output alone");
    return DW_OK;
}

/* What a resolve function of the library is called with is the library's business; by hand it refuses. */
static enum dw_err resolves_by_hand(struct dw_request *r, const void *in, void *out)
{
    struct dw_principal principal = { 0 };

    CHECK_ERR(DW_ERR_ARGUMENT, dw_resolve_role(r, &DEPENDENCY, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_resolve_permission(r, &DEPENDENCY, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_resolve_policy(r, &DEPENDENCY, NULL));
    assert_int_not_equal(dw_auth_resolve(r, &DEPENDENCY, &principal), DW_OK);
    return DW_OK;
}

static enum dw_err answers_what_is_no_error(struct dw_request *r, const void *in, void *out)
{
    return (enum dw_err)12345;
}

static enum dw_err fails_by_success(struct dw_request *r, const void *in, void *out)
{
    return dw_fail(r, DW_ERR_CONFLICT, NULL);
}

static enum dw_err blocks_for_ever(struct dw_request *r, const void *in, void *out)
{
    return DW_ERR_WOULD_BLOCK;
}

static enum dw_err answers_oddly(struct dw_request *r, const void *in, void *out)
{
    dw_answer_status(r, 99999);
    dw_answer_header(r, "X-A\r\nX-B", DW_STR("x"));
    return DW_OK;
}

static const struct {
    struct dw_route row;
    int status;
} HANDLERS[] = {
    { { DW_GET, "/asks", asks_for_more, .needs = DW_PUBLIC }, 204 },
    { { DW_GET, "/resolves", resolves_by_hand, .needs = DW_PUBLIC }, 204 },
    { { DW_GET, "/odd", answers_what_is_no_error, .needs = DW_PUBLIC }, 500 },
    { { DW_GET, "/fails", fails_by_success, .needs = DW_PUBLIC }, 409 },
    { { DW_GET, "/blocks", blocks_for_ever, .needs = DW_PUBLIC, .lane = DW_INLINE }, 500 },
    { { DW_GET, "/oddly", answers_oddly, .needs = DW_PUBLIC }, 500 },
};

static void test_handlers(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(HANDLERS); i++) {
        _cleanup_fixture_ struct fixture f = { 0 };
        const struct dw_route rows[] = { HANDLERS[i].row, { 0 } };
        fixture_make(&f, (struct dw_app_config){ 0 }, rows);
        assert_int_equal(fixture_call(&f, DW_GET, HANDLERS[i].row.path, NULL, NULL), HANDLERS[i].status);
    }
}

/* --- tables of rubbish ------------------------------------------------------------------------------------------- */

static const struct dw_dependency EMPTY_DEPENDENCY;
static const struct dw_model EMPTY_MODEL;
static const struct dw_scheme EMPTY_SCHEME;
static const struct dw_scheme *const EMPTY_SCHEMES[] = { &EMPTY_SCHEME, NULL };
static const struct dw_policy EMPTY_POLICY;
static const struct dw_dependency EMPTY_SCHEME_USER = { .name = "d", .schemes = EMPTY_SCHEMES,
                                                        .resolve = nothing_resolve };
static const struct dw_dependency VAST = { .name = "vast", .size = SIZE_MAX, .resolve = nothing_resolve };
static const struct dw_field ODD_FIELDS[] = {
    { .name = "a", .type = (enum dw_type)99, .flags = UINT_MAX, .offset = SIZE_MAX, .presence = SIZE_MAX }, { 0 }
};
static const struct dw_model ODD_MODEL = { .name = "Odd", .size = 1, .fields = ODD_FIELDS };
static const struct dw_model VAST_MODEL = { .name = "Vast", .size = SIZE_MAX, .fields = FIELDS };

#define ROW(...) { DW_POST, "/a", asks_for_more, __VA_ARGS__ }

static const struct dw_route RUBBISH[] = {
    { .path = "/a" },
    { DW_GET, "", asks_for_more, .needs = DW_PUBLIC },
    { DW_GET, "/{", asks_for_more, .needs = DW_PUBLIC },
    { DW_GET, "/{}", asks_for_more, .needs = DW_PUBLIC },
    { DW_GET, "/a//b", asks_for_more, .needs = DW_PUBLIC },
    { (enum dw_method)99, "/a", asks_for_more, .needs = DW_PUBLIC },
    { (enum dw_method)-1, "/a", asks_for_more, .needs = DW_PUBLIC },
    ROW(.needs = { (enum dw_needs_kind)99, NULL }),
    ROW(.needs = DW_PUBLIC, .lane = (enum dw_lane)-1),
    ROW(.needs = DW_PUBLIC, .status = -1),
    ROW(.needs = DW_DEPENDS({ &EMPTY_DEPENDENCY, NULL })),
    ROW(.needs = DW_DEPENDS({ &VAST, NULL })),
    ROW(.needs = DW_DEPENDS({ &EMPTY_SCHEME_USER, NULL })),
    ROW(.needs = DW_POLICY(&EMPTY_POLICY)),
    ROW(.needs = DW_SCOPE("")),
    ROW(.needs = DW_PUBLIC, .body = &EMPTY_MODEL),
    ROW(.needs = DW_PUBLIC, .body = &ODD_MODEL),
    ROW(.needs = DW_PUBLIC, .answer = &ODD_MODEL),
    ROW(.needs = DW_PUBLIC, .body = &VAST_MODEL),
    ROW(.needs = DW_PUBLIC, .rate_limit = "of no such name"),
};

static void check_refused(const struct dw_app_config *config, size_t row)
{
    char problem[DW_PROBLEM_SIZE] = "";
    struct dw_app *app = NULL;
    const enum dw_err err = dw_app_new(config, &app, problem);

    if (err != DW_ERR_TABLE || app != NULL || problem[0] == '\0')
        fail_msg("row %zu: %s, \"%s\"", row, dw_error_info(err)->code, problem);
}

static void test_rubbish(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(RUBBISH); i++) {
        const struct dw_route rows[] = { RUBBISH[i], { 0 } };
        const struct dw_route *const tables[] = { rows, NULL };
        struct dw_app_config config = KNOWN_CALLERS;
        config.title = config.version = "1";
        config.routes = tables;
        check_refused(&config, i);
    }
}

static const struct dw_route ROWS[] = { ROW(.needs = DW_PUBLIC), ROW(.needs = DW_SIGNED_IN), { 0 } };

/* The same route, table or limit twice. */
static void test_twice(void **state)
{
    static const struct dw_route *const ROW_TWICE[] = { ROWS, NULL };
    static const struct dw_route *const TABLE_TWICE[] = { MISUSED, MISUSED, NULL };
    static const struct dw_route *const ONCE[] = { MISUSED, NULL };
    static const struct dw_rate_limit LIMIT_TWICE[] = { { "a", "1/minute" }, { "a", "2/minute" }, { 0 } };
    const struct dw_app_config configs[] = {
        { .title = "T", .version = "1", .routes = ROW_TWICE },
        { .title = "T", .version = "1", .routes = TABLE_TWICE },
        { .title = "T", .version = "1", .routes = ONCE, .rate_limits = LIMIT_TWICE },
    };

    for (size_t i = 0; i < ARRAY_SIZE(configs); i++)
        check_refused(&configs[i], i);
}

CHECK_MAIN(cmocka_unit_test(test_every_function), cmocka_unit_test(test_freed_twice),
           cmocka_unit_test(test_forgets_to_free), cmocka_unit_test(test_handlers), cmocka_unit_test(test_rubbish),
           cmocka_unit_test(test_twice))
