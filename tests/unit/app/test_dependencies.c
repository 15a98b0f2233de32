/* Dependencies: once a request, in the order of need, released in reverse; scopes along the path; overrides. */
#include "principal_fixture.h"

static char trace[256];

static void trace_add(char what, const char *name)
{
    const size_t len = strlen(trace);
    snprintf(trace + len, sizeof(trace) - len, "%c%s ", what, name);
}

static enum dw_err note_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    trace_add('+', self->name);
    if (self->parameter != NULL)
        return *(const enum dw_err *)self->parameter;
    return DW_OK;
}

static void note_release(struct dw_request *r, const struct dw_dependency *self, void *value)
{
    trace_add('-', self->name);
}

#define NOTED .resolve = note_resolve, .release = note_release

static const enum dw_err CONFLICT = DW_ERR_CONFLICT;
static const struct dw_dependency DATABASE = { .name = "db", NOTED };
static const struct dw_dependency SETTINGS = { .name = "set", NOTED, .uses = DW_USE_LIST({ &DATABASE, NULL }) };
static const struct dw_dependency REPOSITORY = { .name = "repo",
                                                 NOTED,
                                                 .uses = DW_USE_LIST({ &DATABASE, NULL }, { &SETTINGS, NULL }) };
static const struct dw_dependency FAILING = {
    .name = "fail", NOTED, .parameter = &CONFLICT, .uses = DW_USE_LIST({ &SETTINGS, NULL })
};
static const struct dw_dependency FAKE = { .name = "fake", NOTED };

static enum dw_err done(struct dw_request *r, const void *in, void *out)
{
    trace_add('*', "handler");
    return DW_OK;
}

static enum dw_err fails(struct dw_request *r, const void *in, void *out)
{
    trace_add('*', "handler");
    return DW_ERR_CONFLICT;
}

static const struct dw_route TRACED[] = {
    { DW_GET, "/repo", done, .needs = DW_DEPENDS({ &REPOSITORY, NULL }, { &SETTINGS, NULL }) },
    { DW_GET, "/failing", done, .needs = DW_DEPENDS({ &FAILING, NULL }, { &REPOSITORY, NULL }) },
    { DW_GET, "/handler", fails, .needs = DW_DEPENDS({ &REPOSITORY, NULL }) },
    { 0 },
};

static void check_trace(struct fixture *f, const char *path, int status, const char *expected)
{
    trace[0] = '\0';
    assert_int_equal(fixture_call(f, DW_GET, path, NULL, NULL), status);
    assert_string_equal(trace, expected);
}

static void test_order(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, TRACED);
    check_trace(&f, "/repo", 204, "+db +set +repo *handler -repo -set -db ");
    check_trace(&f, "/handler", 409, "+db +set +repo *handler -repo -set -db ");
    /* What could not be made is not released. */
    check_trace(&f, "/failing", 409, "+db +set +fail -set -db ");
}

static const struct dw_dependency CIRCULAR = { .name = "wrap", NOTED, .uses = DW_USE_LIST({ &REPOSITORY, NULL }) };

static void test_override(void **state)
{
    static const struct dw_dependency OTHER_SIZE = { .name = "other", .size = 8, NOTED };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, TRACED);
    CHECK_OK(dw_app_override(f.app, &SETTINGS, &FAKE));
    check_trace(&f, "/repo", 204, "+db +fake +repo *handler -repo -fake -db ");
    CHECK_OK(dw_app_override(f.app, &DATABASE, &FAKE));
    check_trace(&f, "/failing", 409, "+fake +fail -fake ");
    CHECK_OK(dw_app_override(f.app, &DATABASE, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_app_override(f.app, &DATABASE, &OTHER_SIZE));
    CHECK_ERR(DW_ERR_TABLE, dw_app_override(f.app, &DATABASE, &CIRCULAR));
    check_trace(&f, "/repo", 204, "+db +fake +repo *handler -repo -fake -db ");
    CHECK_OK(dw_app_override(f.app, &SETTINGS, NULL));
    check_trace(&f, "/repo", 204, "+db +set +repo *handler -repo -set -db ");
}

/* --- scopes ----------------------------------------------------------------------------------------------------- */

static enum dw_err scopes_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    const struct dw_str scopes = dw_required_scopes(r);

    trace_add('+', self->name);
    *(struct dw_str *)ret_value = dw_arena_copy(dw_request_arena(r), scopes);
    return DW_OK;
}

static const struct dw_dependency CREDENTIAL = { .name = "cred",
                                                 .size = sizeof(struct dw_str),
                                                 .resolve = scopes_resolve };

static enum dw_err user_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    trace_add('+', self->name);
    /* One's own: made with the scopes of this path. */
    *(struct dw_str *)ret_value = *(const struct dw_str *)dw_get(r, &CREDENTIAL);
    return DW_OK;
}

static const struct dw_dependency USER = { .name = "user",
                                           .size = sizeof(struct dw_str),
                                           .resolve = user_resolve,
                                           .uses = DW_USE_LIST({ &CREDENTIAL, DW_SCOPE_LIST("me", "items") }) };
static const struct dw_dependency ACTIVE = { .name = "active",
                                             .size = sizeof(struct dw_str),
                                             .resolve = user_resolve,
                                             .uses = DW_USE_LIST({ &USER, NULL }, { &CREDENTIAL, NULL }) };

static enum dw_err show(struct dw_request *r, const void *in, void *out)
{
    const struct dw_str *user = dw_get(r, &USER), *credential = dw_get(r, &CREDENTIAL);

    assert_null(dw_get(r, &DATABASE));
    assert_true(dw_str_is_absent(dw_required_scopes(r)));
    dw_answer_body(r, "text/plain",
                   dw_arena_printf(dw_request_arena(r), "%.*s|%.*s", (int)user->len, user->ptr, (int)credential->len,
                                   credential->ptr == NULL ? "" : credential->ptr));
    return DW_OK;
}

static const struct dw_route SCOPED[] = {
    /* items stands on both: once in the union. */
    { DW_GET, "/union", show, .needs = DW_DEPENDS({ &USER, DW_SCOPE_LIST("items", "read") }) },
    /* The same set in another order is the same step; another set is another one. */
    { DW_GET, "/cache", show,
      .needs = DW_DEPENDS({ &USER, NULL }, { &CREDENTIAL, DW_SCOPE_LIST("items", "me") }, { &CREDENTIAL, NULL }) },
    { DW_GET, "/deep", show, .needs = DW_DEPENDS({ &ACTIVE, DW_SCOPE_LIST("a") }) },
    { 0 },
};

static void test_scopes(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, SCOPED);
    check_trace(&f, "/union", 200, "+cred +user ");
    check_body(&f, "items read me|items read me", "/union");
    check_trace(&f, "/cache", 200, "+cred +user +cred ");
    check_body(&f, "me items|me items", "/cache");
    check_trace(&f, "/deep", 200, "+cred +user +cred +active ");
    check_body(&f, "a me items|a", "/deep");
}

static enum dw_err nothing(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static const struct dw_route TWICE[] = {
    { DW_GET, "/", nothing,
      .needs = DW_DEPENDS({ &DW_CURRENT_PRINCIPAL, DW_SCOPE_LIST("tasks:read") }, { DW_ROLE_OF("admin"), NULL },
                          { DW_PERMISSION_OF("read:users"), NULL }) },
    { 0 },
};

static void test_principal_is_authenticated_once(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, KNOWN_CALLERS, TWICE);
    n_authenticated = 0;
    assert_int_equal(fixture_call(&f, DW_GET, "/", FIXTURE_BEARER("root"), NULL), 204);
    assert_int_equal(n_authenticated, 1);
    assert_int_equal(fixture_call(&f, DW_GET, "/", FIXTURE_BEARER("ann"), NULL), 403);
}

static enum dw_err fake_principal(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    *(struct dw_principal *)ret_value = (struct dw_principal){ .subject = DW_STR("t"), .role = DW_STR("admin") };
    return DW_OK;
}

static const struct dw_route ADMIN_ONLY[] = { { DW_GET, "/", nothing, .needs = DW_ROLE("admin") }, { 0 } };

static void test_principal_can_be_overridden(void **state)
{
    static const struct dw_dependency PRINCIPAL = { .name = "fake principal",
                                                    .size = sizeof(struct dw_principal),
                                                    .resolve = fake_principal };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, KNOWN_CALLERS, ADMIN_ONLY);
    assert_int_equal(fixture_call(&f, DW_GET, "/", NULL, NULL), 401);
    CHECK_OK(dw_app_override(f.app, &DW_CURRENT_PRINCIPAL, &PRINCIPAL));
    assert_int_equal(fixture_call(&f, DW_GET, "/", NULL, NULL), 204);
}

CHECK_MAIN(cmocka_unit_test(test_order), cmocka_unit_test(test_override), cmocka_unit_test(test_scopes),
           cmocka_unit_test(test_principal_is_authenticated_once), cmocka_unit_test(test_principal_can_be_overridden))
