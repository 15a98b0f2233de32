#include "fixture.h"

static const char *const USER_MEMBERS[] = {
    "id", "username", "email", "email_verified", "full_name", "is_active", "role", "permissions", "tenant",
    "created_at", "last_login_at", "mfa_enabled",
};

/* The user of the contract: every member of it and nothing else. */
static void check_user(struct fixture *f)
{
    yyjson_val *user = answer(f);

    assert_int_equal(yyjson_obj_size(user), ARRAY_SIZE(USER_MEMBERS));
    for (size_t i = 0; i < ARRAY_SIZE(USER_MEMBERS); i++)
        if (json_get(user, USER_MEMBERS[i]) == NULL && !yyjson_is_null(yyjson_obj_get(user, USER_MEMBERS[i])))
            fail_msg("no %s", USER_MEMBERS[i]);
    assert_false(body_has(f, "argon2"));
    assert_false(body_has(f, PASSWORD));
}

static void a_stranger_registers(void **state)
{
    struct fixture *f = *state;

    STATUS(201, ask(f, DW_POST, "/register", NULL,
                    "{\"username\":\"ann\",\"email\":\"Ann@EXAMPLE.com\",\"password\":\"" PASSWORD "\","
                    "\"full_name\":\"  <b>Ann</b> \"}"));
    check_user(f);
    assert_string_equal(answer_text(f, "role"), "user");
    assert_string_equal(answer_text(f, "tenant"), "default");
    assert_string_equal(answer_text(f, "full_name"), "  <b>Ann</b> ");
    assert_true(json_get_bool(answer(f), "is_active", false));
    assert_false(json_get_bool(answer(f), "email_verified", true));
    assert_true(yyjson_is_null(yyjson_obj_get(answer(f), "last_login_at")));
    assert_int_equal(yyjson_arr_size(json_get(answer(f), "permissions")), 0);
}

static void what_must_not_be_set_is_ignored(void **state)
{
    struct fixture *f = *state;

    STATUS(201, ask(f, DW_POST, "/register", NULL,
                    "{\"username\":\"eve\",\"email\":\"eve@example.com\",\"password\":\"" PASSWORD "\","
                    "\"role\":\"admin\",\"permissions\":[\"write:users\"],\"is_active\":false,\"id\":\"1\","
                    "\"email_verified\":true,\"token_version\":9,\"tenant_id\":\"x\",\"mfa_enabled\":true}"));
    assert_string_equal(answer_text(f, "role"), "user");
    assert_int_equal(yyjson_arr_size(json_get(answer(f), "permissions")), 0);
    assert_true(json_get_bool(answer(f), "is_active", false));
    assert_false(json_get_bool(answer(f), "email_verified", true));
    assert_false(json_get_bool(answer(f), "mfa_enabled", true));
}

static void a_name_or_address_is_taken_once(void **state)
{
    static const char *const BODIES[] = {
        "{\"username\":\"ANN\",\"email\":\"other@example.com\",\"password\":\"" PASSWORD "\"}",
        "{\"username\":\"other\",\"email\":\"ANN@example.com\",\"password\":\"" PASSWORD "\"}",
    };
    struct fixture *f = *state;

    newcomer(f, "ann");
    for (size_t i = 0; i < ARRAY_SIZE(BODIES); i++)
        check_detail(f, 400, ask(f, DW_POST, "/register", NULL, BODIES[i]), "Username or email already registered");
}

static void bad_registrations_are_refused_by_member(void **state)
{
    static const struct {
        const char *member, *body;
    } CASES[] = {
        { "username", "{\"username\":\"\",\"email\":\"a@example.com\",\"password\":\"" PASSWORD "\"}" },
        { "username", "{\"username\":\"a@b.example\",\"email\":\"a@example.com\",\"password\":\"" PASSWORD "\"}" },
        { "username", "{\"username\":\"ad\\u0000min\",\"email\":\"a@example.com\",\"password\":\"" PASSWORD "\"}" },
        { "username", "{\"username\":\"-rf\",\"email\":\"a@example.com\",\"password\":\"" PASSWORD "\"}" },
        { "username", "{\"username\":\"\xd0\xb0nn\",\"email\":\"a@example.com\",\"password\":\"" PASSWORD "\"}" },
        { "email", "{\"username\":\"ann\",\"email\":\"ann\",\"password\":\"" PASSWORD "\"}" },
        { "password", "{\"username\":\"ann\",\"email\":\"a@example.com\",\"password\":\"short\"}" },
        { "password", "{\"username\":\"ann\",\"email\":\"a@example.com\",\"password\":\"password123\"}" },
        { "password", "{\"username\":\"annabel\",\"email\":\"a@example.com\",\"password\":\"annabel!1\"}" },
        { "password", "{\"username\":\"ann\",\"email\":\"a@example.com\",\"password\":\"eight\\u0000chars\"}" },
        { "full_name", "{\"username\":\"ann\",\"email\":\"a@example.com\",\"password\":\"" PASSWORD "\","
                       "\"full_name\":\"a\\nb\"}" },
        { "tenant", "{\"username\":\"ann\",\"email\":\"a@example.com\",\"password\":\"" PASSWORD "\","
                    "\"tenant\":\"nowhere\"}" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        check_refused_member(f, ask(f, DW_POST, "/register", NULL, CASES[i].body), CASES[i].member);
        assert_false(body_has(f, "annabel!1"));
    }
}

static void closed_registration_is_closed(void **state)
{
    struct fixture *f = *state;

    f->identity->config.registration_open = false;
    check_detail(f, 403, ask(f, DW_POST, "/register", NULL,
                             "{\"username\":\"ann\",\"email\":\"a@example.com\",\"password\":\"" PASSWORD "\"}"),
                 "Registration is closed");
}

static void a_profile_is_seen_and_changed(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");

    STATUS(200, ask(f, DW_GET, "/users/me", ann.access, NULL));
    check_user(f);
    assert_string_equal(answer_text(f, "id"), ann.id);
    assert_non_null(json_get_str(answer(f), "last_login_at").ptr);

    STATUS(200, ask(f, DW_PATCH, "/users/me", ann.access,
                    "{\"full_name\":\"Ann\",\"role\":\"admin\",\"is_active\":false,\"username\":\"root\"}"));
    check_user(f);
    assert_string_equal(answer_text(f, "full_name"), "Ann");
    assert_string_equal(answer_text(f, "role"), "user");
    assert_string_equal(answer_text(f, "username"), "ann");
    assert_true(json_get_bool(answer(f), "is_active", false));

    STATUS(200, ask(f, DW_PATCH, "/users/me", ann.access, "{}"));
    assert_string_equal(answer_text(f, "full_name"), "Ann");
    STATUS(200, ask(f, DW_PATCH, "/users/me", ann.access, "{\"full_name\":null}"));
    assert_true(yyjson_is_null(yyjson_obj_get(answer(f), "full_name")));
}

static void an_address_must_be_free_and_valid(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");

    newcomer(f, "bob");
    check_detail(f, 400, ask(f, DW_PATCH, "/users/me", ann.access, "{\"email\":\"BOB@example.com\"}"),
                 "Username or email already registered");
    check_refused_member(f, ask(f, DW_PATCH, "/users/me", ann.access, "{\"email\":\"nonsense\"}"), "email");
    check_refused_member(f, ask(f, DW_PATCH, "/users/me", ann.access, "{\"email\":null}"), "email");
    STATUS(200, ask(f, DW_PATCH, "/users/me", ann.access, "{\"email\":\"new@example.com\"}"));
    assert_string_equal(answer_text(f, "email"), "new@example.com");
}

static void a_new_password_needs_the_current_one(void **state)
{
    struct fixture *f = *state;
    struct person ann = newcomer(f, "ann");
    struct person elsewhere = { .name = "ann" };

    sign_in(f, &elsewhere, PASSWORD);
    check_detail(f, 400, ask(f, DW_POST, "/users/me/password", ann.access,
                             "{\"current_password\":\"wrong one\",\"new_password\":\"another long phrase\"}"),
                 "Incorrect password");
    check_refused_member(f, ask(f, DW_POST, "/users/me/password", ann.access,
                                "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"password123\"}"),
                         "new_password");
    STATUS(200, ask(f, DW_GET, "/users/me", elsewhere.access, NULL));

    STATUS(204, ask(f, DW_POST, "/users/me/password", ann.access,
                    "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"another long phrase\"}"));
    assert_int_equal(f->called.body.len, 0);
    STATUS(200, ask(f, DW_GET, "/users/me", ann.access, NULL));
    check_token_refused(f, ask(f, DW_GET, "/users/me", elsewhere.access, NULL));
    STATUS(401, ask_refresh(f, elsewhere.refresh));
    STATUS(200, ask_refresh(f, ann.refresh));
    STATUS(400, ask_token(f, "grant_type=password&username=ann&password=" PASSWORD));
    sign_in(f, &ann, "another long phrase");
}

static void an_account_is_deleted_with_its_password(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");

    check_detail(f, 400, ask(f, DW_DELETE, "/users/me", ann.access, "{\"password\":\"wrong one\"}"),
                 "Incorrect password");
    STATUS(422, ask(f, DW_DELETE, "/users/me", ann.access, "{}"));
    STATUS(200, ask(f, DW_GET, "/users/me", ann.access, NULL));

    STATUS(204, ask(f, DW_DELETE, "/users/me", ann.access, "{\"password\":\"" PASSWORD "\"}"));
    check_token_refused(f, ask(f, DW_GET, "/users/me", ann.access, NULL));
    STATUS(401, ask_refresh(f, ann.refresh));
    newcomer(f, "ann"); /* the name is free again, and opens nothing of before */
    check_token_refused(f, ask(f, DW_GET, "/users/me", ann.access, NULL));
}

CHECK_MAIN(cmocka_unit_test_setup_teardown(a_stranger_registers, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(what_must_not_be_set_is_ignored, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_name_or_address_is_taken_once, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(bad_registrations_are_refused_by_member, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(closed_registration_is_closed, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_profile_is_seen_and_changed, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(an_address_must_be_free_and_valid, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_new_password_needs_the_current_one, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(an_account_is_deleted_with_its_password, fixture_open, fixture_close))
