/* Roles that a tenant makes itself, and permissions of one user (spec F1, F2). */
#include "fixture.h"

#include "identity/custom_role.h"
#include "identity/principal.h"

static void names_of_permissions_are_checked(void **state)
{
    static const struct {
        const char *name;
        bool is_good;
    } CASES[] = {
        { "read:users", true },    { "a:b", true },       { "reports:read:own", true }, { "x_1:y-2", true },
        { "read", false },         { "", false },         { ":", false },               { "a:", false },
        { ":a", false },           { "a::b", false },     { "A:b", false },             { "1a:b", false },
        { "a b:c", false },        { "a:b c", false },    { "a:*", false },             { "a:\xc3\xa4", false },
        { "a:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (permission_is_name(dw_str(CASES[i].name)) != CASES[i].is_good)
            fail_msg("\"%s\"", CASES[i].name);
}

static void permissions_are_joined_once_each_and_not_without_end(void **state)
{
    struct fixture *f = *state;
    const struct dw_str names[] = { DW_STR("a:b"), DW_STR("c:d"), DW_STR("a:b") };
    struct dw_str joined;

    assert_int_equal(permissions_join(names, 3, 64, f->arena, &joined), DW_OK);
    assert_true(dw_str_eq(joined, DW_STR("a:b c:d")));
    assert_int_equal(permissions_join(names, 0, 64, f->arena, &joined), DW_OK);
    assert_true(dw_str_eq(joined, DW_STR("")));
    assert_int_equal(permissions_join(names, 3, 6, f->arena, &joined), DW_ERR_VALIDATION);
    assert_int_equal(permissions_join(&(struct dw_str)DW_STR_INIT("root"), 1, 64, f->arena, &joined),
                     DW_ERR_VALIDATION);
}

static enum dw_err create(struct fixture *f, const char *name, const char *permissions)
{
    const struct custom_role role = { .name = dw_str(name), .permissions = dw_str(permissions) };

    return custom_role_create(f->identity, &f->tenant, &SYSTEM, &role);
}

static enum dw_err update(struct fixture *f, const char *name, const char *permissions)
{
    const struct custom_role role = { .name = dw_str(name), .permissions = dw_str(permissions) };

    return custom_role_update(f->identity, &f->tenant, &SYSTEM, &role);
}

static enum dw_err set_role(struct fixture *f, struct dw_str id, const char *role)
{
    struct user user;

    return user_update(f->identity, &f->tenant, &SYSTEM, id,
                       &(struct user_change){ .is_active = -1, .role = dw_str(role) }, f->arena, &user);
}

static void a_role_is_made_used_and_deleted_only_when_nobody_has_it(void **state)
{
    struct fixture *f = *state;
    const struct user alice = fixture_user(f, "alice", "user");
    struct custom_role *roles;
    size_t n;

    assert_int_equal(create(f, "accountant", "reports:read"), DW_OK);
    assert_int_equal(create(f, "accountant", "reports:read"), DW_ERR_ROLE_TAKEN);
    assert_int_equal(create(f, "admin", "reports:read"), DW_ERR_ROLE_TAKEN);
    assert_int_equal(create(f, "Big Boss", ""), DW_ERR_VALIDATION);
    assert_int_equal(custom_role_list(f->identity, &f->tenant, f->arena, &roles, &n), DW_OK);
    assert_int_equal(n, 4);
    assert_true(dw_str_eq(roles[3].name, DW_STR("accountant")) && !roles[3].built_in && roles[0].built_in);
    assert_int_equal(update(f, "admin", ""), DW_ERR_ROLE_BUILT_IN);
    assert_int_equal(update(f, "auditor", ""), DW_ERR_NOT_FOUND);
    assert_int_equal(set_role(f, alice.id, "auditor"), DW_ERR_VALIDATION);
    assert_int_equal(set_role(f, alice.id, "accountant"), DW_OK);
    assert_int_equal(custom_role_delete(f->identity, &f->tenant, &SYSTEM, DW_STR("accountant")), DW_ERR_ROLE_IN_USE);
    assert_int_equal(set_role(f, alice.id, "user"), DW_OK);
    assert_int_equal(custom_role_delete(f->identity, &f->tenant, &SYSTEM, DW_STR("accountant")), DW_OK);
    assert_int_equal(custom_role_delete(f->identity, &f->tenant, &SYSTEM, DW_STR("accountant")), DW_ERR_NOT_FOUND);
    assert_int_equal(custom_role_delete(f->identity, &f->tenant, &SYSTEM, DW_STR("user")), DW_ERR_ROLE_BUILT_IN);
}

static void check_permissions(struct fixture *f, struct dw_str token, const char *expected)
{
    struct principal p;

    /* As a worker would, which puts the user into the loops' memory; then from there. */
    assert_int_equal(fixture_check(f, token), DW_OK);
    assert_int_equal(principal_restore(f->identity, token, false, false, f->arena, &p), DW_OK);
    if (!dw_str_eq(p.user->permissions, dw_str(expected)) || !dw_str_eq(p.scope, dw_str(expected)))
        fail_msg("\"%.*s\", not \"%s\"", (int)p.user->permissions.len, p.user->permissions.ptr, expected);
}

static void a_change_counts_on_the_token_that_is_already_out(void **state)
{
    struct fixture *f = *state;
    struct user user;
    const struct user alice = fixture_user(f, "alice", "user");

    assert_int_equal(create(f, "accountant", "reports:read"), DW_OK);
    assert_int_equal(set_role(f, alice.id, "accountant"), DW_OK);
    const struct token_pair pair = fixture_pair(f, "alice");

    check_permissions(f, pair.access_token, "reports:read");
    assert_int_equal(update(f, "accountant", "reports:read reports:write"), DW_OK);
    check_permissions(f, pair.access_token, "reports:read reports:write");
    assert_int_equal(user_set_permissions(f->identity, &f->tenant, &SYSTEM, alice.id,
                                          DW_STR("read:users reports:read"), f->arena, &user), DW_OK);
    check_permissions(f, pair.access_token, "reports:read reports:write read:users");
    assert_int_equal(update(f, "accountant", ""), DW_OK);
    check_permissions(f, pair.access_token, "read:users reports:read");
    assert_int_equal(user_set_permissions(f->identity, &f->tenant, &SYSTEM, alice.id, DW_STR(""), f->arena, &user),
                     DW_OK);
    check_permissions(f, pair.access_token, "");
}

static void a_role_does_not_reach_into_another_tenant(void **state)
{
    struct fixture *f = *state;
    struct custom_role role;
    struct user user;
    const struct user alice = fixture_user(f, "alice", "user");
    struct tenant other = f->tenant;

    other.id[0] = other.id[0] == 'f' ? 'e' : 'f';
    assert_int_equal(create(f, "accountant", "reports:read"), DW_OK);
    assert_int_equal(custom_role_find(f->identity, &f->tenant, DW_STR("accountant"), f->arena, &role), DW_OK);
    assert_int_equal(custom_role_find(f->identity, &other, DW_STR("accountant"), f->arena, &role), DW_ERR_NOT_FOUND);
    assert_int_equal(custom_role_delete(f->identity, &other, &SYSTEM, DW_STR("accountant")), DW_ERR_NOT_FOUND);
    assert_int_equal(user_set_permissions(f->identity, &other, &SYSTEM, alice.id, DW_STR("a:b"), f->arena, &user),
                     DW_ERR_NOT_FOUND);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest stories[] = {
        cmocka_unit_test(names_of_permissions_are_checked),
        STORY(permissions_are_joined_once_each_and_not_without_end),
        STORY(a_role_is_made_used_and_deleted_only_when_nobody_has_it),
        STORY(a_change_counts_on_the_token_that_is_already_out),
        STORY(a_role_does_not_reach_into_another_tenant),
    };

    return cmocka_run_group_tests(stories, NULL, NULL);
}
