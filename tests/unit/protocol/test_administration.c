#include "fixture.h"

#define NOBODY "01890a5d-ac96-774b-bcce-b302099a8057"

static const char *user_path(struct fixture *f, const struct person *person, const char *more)
{
    return format(f, "/users/%s%s", person->id, more);
}

/* What each kind of caller may do to an ordinary user; the statuses in the order of ATTEMPTS. */
static const struct {
    enum dw_method method;
    const char *more, *json;
} ATTEMPTS[] = {
    { DW_GET, "", NULL },
    { DW_PATCH, "", "{\"full_name\":\"x\"}" },
    { DW_PUT, "/role", "{\"role\":\"moderator\"}" },
    { DW_POST, "/logout", NULL },
    { DW_DELETE, "", NULL },
};

static const struct {
    const char *name, *role, *permissions;
    int statuses[ARRAY_SIZE(ATTEMPTS)];
} CALLERS[] = {
    { "plain", "user", "", { 403, 403, 403, 403, 403 } },
    { "mod", "moderator", "", { 200, 403, 403, 403, 403 } },
    { "writer", "user", "write:users", { 403, 200, 403, 200, 403 } },
    { "remover", "user", "delete:users", { 403, 403, 403, 403, 204 } },
    { "giver", "user", "manage:roles write:users", { 403, 200, 403, 200, 403 } },
    { "root", "admin", "", { 200, 200, 200, 200, 204 } },
};

static void each_caller_may_what_her_rights_say(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CALLERS); i++) {
        const struct person caller = holder(f, CALLERS[i].name, CALLERS[i].role, CALLERS[i].permissions);

        for (size_t j = 0; j < ARRAY_SIZE(ATTEMPTS); j++) {
            const struct person target = holder(f, format(f, "target%zu-%zu", i, j), "user", "");

            check_status(f, CALLERS[i].statuses[j],
                         ask(f, ATTEMPTS[j].method, user_path(f, &target, ATTEMPTS[j].more), caller.access,
                             ATTEMPTS[j].json),
                         format(f, "%s: %s", CALLERS[i].name, ATTEMPTS[j].more));
        }
    }
}

/* `write:users` and `delete:users` must not be a way to an administrator's account. */
static void nobody_acts_upon_those_with_more_rights(void **state)
{
    struct fixture *f = *state;
    const struct person admin = holder(f, "root", "admin", "");
    const struct person reader = holder(f, "reader", "moderator", "");
    const struct person caller = holder(f, "caller", "user", "write:users delete:users");
    const struct person *const above[] = { &admin, &reader };

    holder(f, "root2", "admin", "");
    for (size_t i = 0; i < ARRAY_SIZE(above); i++) {
        STATUS(403, ask(f, DW_PATCH, user_path(f, above[i], ""), caller.access, "{\"email\":\"mine@example.com\"}"));
        STATUS(403, ask(f, DW_PATCH, user_path(f, above[i], ""), caller.access, "{\"is_active\":false}"));
        STATUS(403, ask(f, DW_POST, user_path(f, above[i], "/logout"), caller.access, NULL));
        STATUS(403, ask(f, DW_DELETE, user_path(f, above[i], ""), caller.access, NULL));
        STATUS(200, ask(f, DW_GET, "/users/me", above[i]->access, NULL));
    }
    /* All permissions are not the role. */
    const struct person copy = holder(f, "copy", "user", "read:users write:users delete:users read:audit "
                                                         "moderate:content manage:roles manage:keys");

    STATUS(403, ask(f, DW_PATCH, user_path(f, &admin, ""), copy.access, "{\"email\":\"mine@example.com\"}"));
    STATUS(403, ask(f, DW_PUT, user_path(f, &copy, "/role"), copy.access, "{\"role\":\"admin\"}"));
    STATUS(200, ask(f, DW_PATCH, user_path(f, &reader, ""), copy.access, "{\"full_name\":\"x\"}"));
    STATUS(200, ask(f, DW_PATCH, user_path(f, &copy, ""), copy.access, "{\"full_name\":\"me\"}"));
}

/* Taking rights away is acting upon whoever has them, by name or by role. */
static void a_narrow_credential_takes_nothing_from_those_with_more(void **state)
{
    struct fixture *f = *state;
    const struct person root = holder(f, "root", "admin", "");
    const struct person auditor = holder(f, "auditor", "user", "read:audit");
    const struct person ann = newcomer(f, "ann");
    const char *const paths[] = { user_path(f, &auditor, "/permissions"), "/roles/auditors" };

    STATUS(201, ask(f, DW_POST, "/roles", root.access, "{\"name\":\"auditors\",\"permissions\":[\"read:audit\"]}"));
    STATUS(201, ask(f, DW_POST, "/roles", root.access, "{\"name\":\"others\",\"permissions\":[]}"));
    STATUS(200, ask_token(f, "grant_type=password&username=root&password=" PASSWORD "&scope=manage:roles"));
    const char *narrow = answer_text(f, "access_token");

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        STATUS(403, ask(f, DW_PUT, paths[i], narrow, "{\"permissions\":[]}"));
        STATUS(403, ask(f, DW_PUT, paths[i], narrow, "{\"permissions\":[\"manage:roles\"]}"));
    }
    STATUS(403, ask(f, DW_DELETE, "/roles/auditors", narrow, NULL));
    STATUS(200, ask(f, DW_GET, "/audit", auditor.access, NULL));
    STATUS(404, ask(f, DW_PUT, "/users/" NOBODY "/permissions", narrow, "{\"permissions\":[]}"));
    STATUS(404, ask(f, DW_PUT, "/roles/nobodys", narrow, "{\"permissions\":[]}"));
    STATUS(404, ask(f, DW_DELETE, "/roles/nobodys", narrow, NULL));
    STATUS(409, ask(f, DW_PUT, "/roles/admin", narrow, "{\"permissions\":[]}"));
    STATUS(200, ask(f, DW_PUT, user_path(f, &ann, "/permissions"), narrow, "{\"permissions\":[\"manage:roles\"]}"));
    STATUS(200, ask(f, DW_PUT, "/roles/others", narrow, "{\"permissions\":[\"manage:roles\"]}"));
    STATUS(204, ask(f, DW_DELETE, "/roles/others", narrow, NULL));
    STATUS(200, ask(f, DW_PUT, paths[0], root.access, "{\"permissions\":[]}"));
    STATUS(403, ask(f, DW_GET, "/audit", auditor.access, NULL));
}

/* What a key can't do to its owner's account under /users/me, it can't do under her id either. */
static void a_key_gives_its_own_user_nothing(void **state)
{
    struct fixture *f = *state;
    const struct person root = holder(f, "root", "admin", "");

    STATUS(201, ask(f, DW_POST, "/users/me/api-keys", root.access, "{\"name\":\"all\"}"));
    const struct dw_call_header headers[] = {
        { "X-API-Key", dw_str(answer_text(f, "key")) }, { "Content-Type", DW_STR("application/json") }, { 0 },
    };

    check_detail(f, 403, ask_with(f, DW_PUT, user_path(f, &root, "/permissions"), headers,
                                  "{\"permissions\":[\"books:burn\"]}"), dw_error_info(DW_ERR_INTERACTIVE)->message);
}

static void a_role_needs_the_scope_as_well(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");

    holder(f, "root", "admin", "");
    STATUS(200, ask_token(f, "grant_type=password&username=root&password=" PASSWORD "&scope=write:users"));
    const char *narrow = answer_text(f, "access_token");

    STATUS(403, ask(f, DW_PUT, user_path(f, &ann, "/role"), narrow, "{\"role\":\"admin\"}"));
    STATUS(200, ask(f, DW_PATCH, user_path(f, &ann, ""), narrow, "{\"full_name\":\"x\"}"));
}

static void a_role_takes_effect_on_tokens_already_held(void **state)
{
    struct fixture *f = *state;
    const struct person admin = holder(f, "root", "admin", "");
    const struct person ann = newcomer(f, "ann");

    STATUS(200, ask(f, DW_PUT, user_path(f, &ann, "/role"), admin.access, "{\"role\":\"admin\"}"));
    assert_string_equal(answer_text(f, "role"), "admin");
    struct person now = ann;

    sign_in(f, &now, PASSWORD);
    STATUS(200, ask(f, DW_GET, "/users", now.access, NULL));
    STATUS(200, ask(f, DW_PUT, user_path(f, &ann, "/role"), admin.access, "{\"role\":\"user\"}"));
    const int status = ask(f, DW_GET, "/users", now.access, NULL);

    assert_true(status == 401 || status == 403);
    const char *path = user_path(f, &ann, "/role");

    check_refused_member(f, ask(f, DW_PUT, path, admin.access, "{\"role\":\"emperor\"}"), "role");
    check_refused_member(f, ask(f, DW_PUT, path, admin.access, "{}"), "role");
}

static void the_last_administrator_stays(void **state)
{
    static const char LAST[] = "The last administrator can't be demoted, disabled or deleted";
    struct fixture *f = *state;
    const struct person admin = holder(f, "root", "admin", "");
    const char *path = user_path(f, &admin, "");

    check_detail(f, 409, ask(f, DW_PUT, user_path(f, &admin, "/role"), admin.access, "{\"role\":\"user\"}"), LAST);
    check_detail(f, 409, ask(f, DW_PATCH, path, admin.access, "{\"is_active\":false}"), LAST);
    check_detail(f, 409, ask(f, DW_DELETE, path, admin.access, NULL), LAST);
    check_detail(f, 409, ask(f, DW_DELETE, "/users/me", admin.access, "{\"password\":\"" PASSWORD "\"}"), LAST);
    STATUS(200, ask(f, DW_GET, "/users/me", admin.access, NULL));
}

static void a_disabled_user_is_out_at_once(void **state)
{
    struct fixture *f = *state;
    const struct person admin = holder(f, "root", "admin", "");
    struct person ann = newcomer(f, "ann");

    STATUS(200, ask(f, DW_PATCH, user_path(f, &ann, ""), admin.access, "{\"is_active\":false}"));
    check_detail(f, 400, ask(f, DW_GET, "/users/me", ann.access, NULL), "Inactive user");
    STATUS(401, ask_refresh(f, ann.refresh));
    check_detail(f, 400, ask_token(f, "grant_type=password&username=ann&password=" PASSWORD), "Inactive user");
    check_detail(f, 400, ask_token(f, "grant_type=password&username=ann&password=wrong"),
                 "Incorrect username or password");
    STATUS(200, ask(f, DW_PATCH, user_path(f, &ann, ""), admin.access, "{\"is_active\":true}"));
    sign_in(f, &ann, PASSWORD);
    STATUS(200, ask(f, DW_GET, "/users/me", ann.access, NULL));
}

static void a_forced_sign_out_ends_one_users_tokens(void **state)
{
    struct fixture *f = *state;
    const struct person admin = holder(f, "root", "admin", "");
    const struct person ann = newcomer(f, "ann"), bob = newcomer(f, "bob");

    STATUS(200, ask(f, DW_POST, user_path(f, &ann, "/logout"), admin.access, NULL));
    check_token_refused(f, ask(f, DW_GET, "/users/me", ann.access, NULL));
    STATUS(401, ask_refresh(f, ann.refresh));
    STATUS(200, ask(f, DW_GET, "/users/me", bob.access, NULL));
}

static void who_is_not_there_is_not_found(void **state)
{
    static const char *const IDS[] = { NOBODY, "not-an-id", "%27%20OR%201=1", "..%2fme" };
    struct fixture *f = *state;
    const struct person admin = holder(f, "root", "admin", "");

    for (size_t i = 0; i < ARRAY_SIZE(IDS); i++)
        for (size_t j = 0; j < ARRAY_SIZE(ATTEMPTS); j++)
            check_detail(f, 404, ask(f, ATTEMPTS[j].method, format(f, "/users/%s%s", IDS[i], ATTEMPTS[j].more),
                                     admin.access, ATTEMPTS[j].json), "Not Found");
}

static void another_tenants_users_do_not_exist(void **state)
{
    struct fixture *f = *state;
    const struct person admin = holder(f, "root", "admin", "");

    make_tenant(f, "other");
    STATUS(201, ask(f, DW_POST, "/register", NULL,
                    "{\"username\":\"root\",\"email\":\"root@example.com\",\"password\":\"" PASSWORD "\","
                    "\"tenant\":\"other\"}"));
    const struct person stranger = { .name = "root", .id = answer_text(f, "id") };

    assert_string_equal(answer_text(f, "tenant"), "other");
    assert_string_equal(answer_text(f, "role"), "user");
    for (size_t j = 0; j < ARRAY_SIZE(ATTEMPTS); j++)
        STATUS(404, ask(f, ATTEMPTS[j].method, user_path(f, &stranger, ATTEMPTS[j].more), admin.access,
                        ATTEMPTS[j].json));
    STATUS(200, ask(f, DW_GET, "/users", admin.access, NULL));
    assert_false(body_has(f, stranger.id));
    STATUS(200, ask_token(f, "grant_type=password&username=root&tenant=other&password=" PASSWORD));
    STATUS(200, ask(f, DW_GET, "/users/me", answer_text(f, "access_token"), NULL));
    assert_string_equal(answer_text(f, "id"), stranger.id);
}

static size_t count(struct fixture *f, const char *token, const char *query)
{
    STATUS(200, ask(f, DW_GET, format(f, "/users%s", query), token, NULL));
    return yyjson_arr_size(json_get(answer(f), "items"));
}

static void the_list_is_searched(void **state)
{
    static const struct {
        const char *query;
        size_t n;
    } CASES[] = {
        { "", 5 },           { "?q=an", 3 },          { "?q=ANN%40", 1 },         { "?q=%25", 0 },
        { "?q=_", 0 },       { "?role=admin", 1 },    { "?role=emperor", 0 },     { "?is_active=true", 4 },
        { "?limit=2", 2 },   { "?is_active=false", 1 }, { "?q=dan&is_active=false", 1 }, { "?limit=100&role=user", 4 },
    };
    static const char *const REFUSED[] = {
        "?limit=0", "?limit=101", "?limit=x", "?after=%00", "?after=x", "?is_active=perhaps", "?q=%ff",
    };
    static const char *const NAMES[] = { "ann", "dan", "anton", "eve" };
    struct fixture *f = *state;
    const struct person admin = holder(f, "root", "admin", "");

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        const struct person made = newcomer(f, NAMES[i]);

        if (i == 1)
            STATUS(200, ask(f, DW_PATCH, user_path(f, &made, ""), admin.access, "{\"is_active\":false}"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (count(f, admin.access, CASES[i].query) != CASES[i].n)
            fail_msg("%s: not %zu in %s", CASES[i].query, CASES[i].n, f->called.body.ptr);
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++)
        STATUS(422, ask(f, DW_GET, format(f, "/users%s", REFUSED[i]), admin.access, NULL));
}

static void the_pages_have_everybody_once(void **state)
{
    enum { USERS = 7, PAGE = 3 };
    struct fixture *f = *state;
    const struct person admin = holder(f, "root", "admin", "");
    const char *target = format(f, "/users?limit=%d", PAGE);
    size_t seen = 0, pages = 0;

    for (int i = 1; i < USERS; i++)
        newcomer(f, format(f, "user%d", i));
    while (target != NULL) {
        STATUS(200, ask(f, DW_GET, target, admin.access, NULL));
        seen += yyjson_arr_size(json_get(answer(f), "items"));
        pages++;
        const struct dw_str next = json_get_str(answer(f), "next");

        target = next.ptr == NULL ? NULL : format(f, "/users?limit=%d&after=%.*s", PAGE, (int)next.len, next.ptr);
    }
    assert_int_equal(seen, USERS);
    assert_int_equal(pages, 3);
    assert_false(body_has(f, "argon2"));
}

CHECK_MAIN(cmocka_unit_test_setup_teardown(each_caller_may_what_her_rights_say, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(nobody_acts_upon_those_with_more_rights, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_narrow_credential_takes_nothing_from_those_with_more, fixture_open,
                                           fixture_close),
           cmocka_unit_test_setup_teardown(a_key_gives_its_own_user_nothing, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_role_needs_the_scope_as_well, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_role_takes_effect_on_tokens_already_held, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(the_last_administrator_stays, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_disabled_user_is_out_at_once, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_forced_sign_out_ends_one_users_tokens, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(who_is_not_there_is_not_found, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(another_tenants_users_do_not_exist, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(the_list_is_searched, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(the_pages_have_everybody_once, fixture_open, fixture_close))
