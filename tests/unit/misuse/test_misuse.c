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
};

/* An object of ours; NULL where there is none. */
static void *sample_opaque(const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(OBJECTS); i++)
        if (strcmp(OBJECTS[i].type, type) == 0)
            return *OBJECTS[i].sample;
    return NULL;
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
}

static void objects_free(void)
{
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

static const struct dw_route MISUSED[] = { { DW_GET, "/", misuse_everything, .needs = DW_PUBLIC }, { 0 } };

static void test_every_function(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, KNOWN_CALLERS, MISUSED);
    objects_make(f.app);
    assert_in_range(ARRAY_SIZE(MISUSES), 400, 10000);
    assert_int_equal(fixture_call(&f, DW_GET, "/", NULL, NULL), 204);
    objects_free();
}

CHECK_MAIN(cmocka_unit_test(test_every_function))
