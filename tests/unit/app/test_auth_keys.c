/* Key sets from elsewhere: a file that changes, an issuer that rotates its keys, is down, or sends nonsense. */
#include "fixture.h"
#include <doorward/auth.h>

#include <pthread.h>
#include <unistd.h>

enum { NOW_S = 1800000000, KEYS = 3 };

/* Key n signs as the issuer does; its public half is what the issuer publishes. */
static struct dw_key *keys[KEYS];
static char *jwks[KEYS + 1];

static int keys_make(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    CHECK_OK(dw_arena_new(1 << 20, &arena));
    for (size_t i = 0; i < KEYS; i++) {
        struct dw_str jwk;
        CHECK_OK(dw_key_generate(DW_ALG_ES256, 0, &keys[i]));
        CHECK_OK(dw_key_public_jwk(keys[i], arena, &jwk));
        jwks[i] = strdup(dw_arena_printf(arena, "{\"keys\":[%.*s]}", (int)jwk.len, jwk.ptr).ptr);
        assert_non_null(jwks[i]);
    }
    return 0;
}

static int keys_free(void **state)
{
    for (size_t i = 0; i < KEYS; i++) {
        dw_key_free(&keys[i]);
        free(jwks[i]);
    }
    dw_clock_set(-1);
    return 0;
}

static struct dw_str token_by(size_t key, struct dw_arena *arena)
{
    const struct dw_str claims = dw_arena_printf(arena, "{\"sub\":\"1\",\"exp\":%d}", NOW_S + 1000000);
    struct dw_str token;

    CHECK_OK(dw_jwt_sign(keys[key], "at+jwt", claims, arena, &token));
    return token;
}

static enum dw_err verify(struct dw_auth *auth, size_t key)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_claims claims;

    CHECK_OK(dw_arena_new(1 << 20, &arena));
    return dw_auth_verify(auth, token_by(key, arena), arena, &claims);
}

/* --- an issuer -------------------------------------------------------------------------------------------------- */

struct issuer {
    const char *body; /* NULL: down */
    unsigned n_asked;
};

static enum dw_err ask(void *context, const char *url, struct dw_arena *arena, struct dw_str *ret_body)
{
    struct issuer *issuer = context;

    __atomic_fetch_add(&issuer->n_asked, 1, __ATOMIC_SEQ_CST);
    assert_string_equal(url, "https://issuer.test/jwks.json");
    if (issuer->body == NULL)
        return DW_ERR_UNAVAILABLE;
    *ret_body = dw_arena_copy(arena, dw_str(issuer->body));
    return DW_OK;
}

static struct dw_auth *auth_of(struct issuer *issuer)
{
    struct dw_auth *auth = NULL;

    CHECK_OK(dw_auth_new(&(struct dw_auth_config){ .jwks_url = "https://issuer.test/jwks.json", .fetch = ask,
                                                   .fetch_context = issuer },
                         &auth, NULL));
    return auth;
}

/* Each row: at this time the issuer says this, a token of that key is tried, and so often it was asked by then. */
static void test_url(void **state)
{
    static const struct {
        const char *label;
        int at_s, says; /* -1: down, -2: nonsense, -3: an empty set */
        size_t key;
        enum dw_err expected;
        unsigned n_asked;
    } ROWS[] = {
        { "down at the start", 0, -1, 0, DW_ERR_UNAVAILABLE, 1 },
        { "not asked again at once", 4, 0, 0, DW_ERR_UNAVAILABLE, 1 },
        { "up", 5, 0, 0, DW_OK, 2 },
        { "known", 6, 0, 0, DW_OK, 2 },
        { "unknown, asked too early", 64, 1, 1, DW_ERR_JOSE_NO_KEY, 2 },
        { "unknown, asked", 65, 0, 1, DW_ERR_JOSE_NO_KEY, 3 },
        { "unknown, not asked again", 66, 1, 1, DW_ERR_JOSE_NO_KEY, 3 },
        { "rotated", 125, 1, 1, DW_OK, 4 },
        { "the old one is gone", 130, 1, 0, DW_ERR_JOSE_NO_KEY, 4 },
        { "down, old keys kept", 190, -1, 2, DW_ERR_JOSE_NO_KEY, 5 },
        { "still good", 191, -1, 1, DW_OK, 5 },
        { "nonsense, old keys kept", 250, -2, 2, DW_ERR_JOSE_NO_KEY, 6 },
        { "an empty set locks nobody out", 310, -3, 2, DW_ERR_JOSE_NO_KEY, 7 },
        { "still good then", 311, -3, 1, DW_OK, 7 },
        { "up again, not yet seen", 369, 2, 1, DW_OK, 7 },
        { "up again", 370, 2, 2, DW_OK, 8 },
        { "an hour later it is asked in any case", 3970, 0, 2, DW_ERR_JOSE_NO_KEY, 9 },
    };
    static const char *const OTHER[] = { NULL, "<html>", "{\"keys\":[]}" };
    struct issuer issuer = { 0 };

    dw_clock_set(NOW_S);
    _cleanup_(dw_auth_free) struct dw_auth *auth = auth_of(&issuer);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        dw_clock_set(NOW_S + ROWS[i].at_s);
        issuer.body = ROWS[i].says >= 0 ? jwks[ROWS[i].says] : OTHER[-ROWS[i].says - 1];
        check_err(ROWS[i].expected, verify(auth, ROWS[i].key), ROWS[i].label);
        if (issuer.n_asked != ROWS[i].n_asked)
            fail_msg("%s: asked %u times", ROWS[i].label, issuer.n_asked);
    }
}

/* --- many at the same time -------------------------------------------------------------------------------------- */

static void *verify_often(void *argument)
{
    enum { ROUNDS = 200 };
    size_t n = 0;

    for (size_t i = 0; i < ROUNDS; i++)
        n += verify(argument, i % 2) == DW_OK;
    return (void *)n;
}

static void test_threads(void **state)
{
    enum { THREADS = 4 };
    struct issuer issuer = { .body = jwks[0] };
    pthread_t threads[THREADS];

    dw_clock_set(NOW_S);
    _cleanup_(dw_auth_free) struct dw_auth *auth = auth_of(&issuer);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, auth), 0);
    for (size_t i = 0; i < 20; i++)
        CHECK_OK(dw_auth_refresh_keys(auth));
    for (size_t i = 0; i < THREADS; i++) {
        void *n = NULL;
        pthread_join(threads[i], &n);
        assert_int_equal((size_t)n, 100);
    }
    assert_true(issuer.n_asked <= 21);
}

/* --- a file ----------------------------------------------------------------------------------------------------- */

static void file_put(const char *path, const char *text)
{
    _cleanup_fclose_ FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
}

static void test_file(void **state)
{
    char path[] = "/tmp/doorward-keys-XXXXXX";
    _cleanup_close_ int fd = mkstemp(path);
    struct dw_auth *auth = NULL;

    assert_true(fd >= 0);
    dw_clock_set(NOW_S);
    CHECK_ERR(DW_ERR_TABLE, dw_auth_new(&(struct dw_auth_config){ .jwks_file = path }, &auth, NULL));
    file_put(path, jwks[0]);
    CHECK_OK(dw_auth_new(&(struct dw_auth_config){ .jwks_file = path }, &auth, NULL));
    CHECK_OK(verify(auth, 0));
    CHECK_ERR(DW_ERR_JOSE_NO_KEY, verify(auth, 1));

    /* Replaced as a careful program does it, by rename. */
    char next[sizeof(path) + 2];
    snprintf(next, sizeof(next), "%s.2", path);
    file_put(next, jwks[1]);
    assert_int_equal(rename(next, path), 0);
    CHECK_OK(verify(auth, 0)); /* not looked at within the same second */
    dw_clock_set(NOW_S + 1);
    CHECK_OK(verify(auth, 1));
    CHECK_ERR(DW_ERR_JOSE_NO_KEY, verify(auth, 0));

    /* Broken or gone: the old keys stay. */
    file_put(path, "{\"keys\":");
    dw_clock_set(NOW_S + 2);
    CHECK_OK(verify(auth, 1));
    CHECK_ERR(DW_ERR_KEY_MALFORMED, dw_auth_refresh_keys(auth));
    unlink(path);
    dw_clock_set(NOW_S + 3);
    CHECK_OK(verify(auth, 1));
    CHECK_ERR(DW_ERR_IO, dw_auth_refresh_keys(auth));
    dw_auth_free(&auth);
}

/* --- what is accepted ------------------------------------------------------------------------------------------- */

static void test_algorithms(void **state)
{
    static const struct {
        dw_alg_set algs;
        enum dw_err expected;
    } ROWS[] = {
        { 0, DW_OK },
        { DW_ALG_BIT(DW_ALG_ES256), DW_OK },
        { DW_ALG_BIT(DW_ALG_RS256), DW_ERR_JOSE_ALGORITHM },
    };

    dw_clock_set(NOW_S);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;
        _cleanup_(dw_auth_free) struct dw_auth *auth = NULL;
        _cleanup_arena_ struct dw_arena *arena = NULL;
        struct dw_str token;
        CHECK_OK(dw_keyset_from_jwks(dw_str(jwks[0]), &set));
        CHECK_OK(dw_auth_new(&(struct dw_auth_config){ .keys = set, .algs = ROWS[i].algs }, &auth, NULL));
        check_err(ROWS[i].expected, verify(auth, 0), "algs");
        CHECK_OK(dw_arena_new(1 << 16, &arena));
        CHECK_ERR(DW_ERR_KEY_USE,
                  dw_auth_token(auth, &(struct dw_grant){ .subject = DW_STR("1") }, arena, &token));
    }
}

/* --- in an application: on the loop nothing waits, and a second issuer has rows of its own ------------------------ */

static struct dw_auth *partner;
static const struct dw_scheme PARTNER_TOKEN = { .kind = DW_SCHEME_HTTP_BEARER, .name = "PartnerToken" };
static const struct dw_dependency PARTNER = {
    .name = "partner", .size = sizeof(struct dw_principal), .schemes = DW_SCHEME_LIST(&PARTNER_TOKEN),
    .resolve = dw_auth_resolve, .parameter = &partner,
};

static enum dw_err greet(struct dw_request *r, const void *in, void *out)
{
    const struct dw_principal *p = dw_get(r, &PARTNER);

    dw_answer_body(r, "text/plain", p == NULL ? dw_principal(r)->subject : p->subject);
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/own", greet, .needs = DW_SIGNED_IN, .lane = DW_INLINE },
    { DW_GET, "/partner", greet, .needs = DW_DEPENDS({ &PARTNER, NULL }) },
    { DW_GET, "/scoped", greet, .needs = DW_DEPENDS({ &PARTNER, DW_SCOPE_LIST("a") }) },
    { 0 },
};

static void test_two_issuers(void **state)
{
    static const struct {
        const char *path;
        size_t key;
        int status;
    } ROWS[] = {
        { "/own", 0, 200 },     { "/own", 1, 401 },     { "/partner", 1, 200 },
        { "/partner", 0, 401 }, { "/scoped", 1, 403 },
    };
    struct issuer own_issuer = { .body = jwks[0] }, partner_issuer = { .body = jwks[1] };

    dw_clock_set(NOW_S);
    _cleanup_(dw_auth_free) struct dw_auth *own = auth_of(&own_issuer);
    partner = auth_of(&partner_issuer);
    _cleanup_fixture_ struct fixture f = { 0 };
    fixture_make(&f, (struct dw_app_config){ .auth = own }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct dw_str token = token_by(ROWS[i].key, f.arena);
        const struct dw_call_header headers[] = {
            { "Authorization", dw_arena_printf(f.arena, "Bearer %.*s", (int)token.len, token.ptr) }, { 0 }
        };
        assert_int_equal(fixture_call(&f, DW_GET, ROWS[i].path, headers, NULL), ROWS[i].status);
    }
    check_header(&f, "WWW-Authenticate", "Bearer scope=\"a\", error=\"insufficient_scope\"", "scoped");
    own_issuer.body = NULL;
    dw_auth_free(&partner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url),        cmocka_unit_test(test_threads),     cmocka_unit_test(test_file),
        cmocka_unit_test(test_algorithms), cmocka_unit_test(test_two_issuers),
    };

    return cmocka_run_group_tests(tests, keys_make, keys_free);
}
