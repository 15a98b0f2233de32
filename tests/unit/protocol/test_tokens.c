#include "fixture.h"

#include "base/encoding.h"

enum { MANY = 70 };

static void check_pair(struct fixture *f)
{
    assert_int_equal(yyjson_obj_size(answer(f)), 5);
    assert_string_equal(answer_text(f, "token_type"), "bearer");
    assert_int_equal(json_get_int(answer(f), "expires_in", 0), FIXTURE_ACCESS_TTL_S);
    answer_text(f, "access_token");
    answer_text(f, "refresh_token");
    answer_text(f, "scope");
    check_str(DW_STR("no-store"), header(f, "Cache-Control"), "Cache-Control");
    check_str(DW_STR("no-cache"), header(f, "Pragma"), "Pragma");
}

/* A claim of a token, which is read here without looking at its signature. */
static const char *claim(struct fixture *f, const char *token, const char *name)
{
    struct dw_claims claims;

    CHECK_OK(dw_jwt_decode_unverified(dw_str(token), f->arena, &claims));
    return dw_arena_copy(f->arena, dw_claim_str(&claims, name)).ptr;
}

static void the_password_grant_gives_a_pair(void **state)
{
    static const char *const FORMS[] = {
        "grant_type=password&username=ann&password=mind+the+purple+gap",
        "grant_type=password&username=ANN&password=mind%20the%20purple%20gap&tenant=default&scope=&client_id=",
        ("grant_type=password&username=Ann%40Example.com&password=" PASSWORD),
    };
    struct fixture *f = *state;

    newcomer(f, "ann");
    for (size_t i = 0; i < ARRAY_SIZE(FORMS); i++) {
        STATUS(200, ask_token(f, FORMS[i]));
        check_pair(f);
        assert_string_equal(claim(f, answer_text(f, "access_token"), "client_id"), "doorward");
        STATUS(200, ask(f, DW_GET, "/users/me", answer_text(f, "access_token"), NULL));
    }
}

/* RFC 6749 §5.2 */
static void refusals_are_in_the_words_of_oauth2(void **state)
{
    static const struct {
        const char *form;
        int status;
        const char *error, *text;
    } CASES[] = {
        { "", 400, "invalid_request", NULL },
        { "username=ann&password=x", 400, "invalid_request", "grant_type is required" },
        { "grant_type=", 400, "invalid_request", NULL },
        { "grant_type=Password&username=ann&password=x", 400, "unsupported_grant_type", "Unsupported grant type" },
        { "grant_type=client_credentials", 400, "unsupported_grant_type", NULL },
        { "grant_type=password", 400, "invalid_request", "username and password are required" },
        { "grant_type=password&username=ann", 400, "invalid_request", "username and password are required" },
        { "grant_type=password&username=ann&password=", 400, "invalid_request", NULL },
        { "grant_type=password&username=ann&username=bob&password=x", 400, "invalid_request", NULL },
        { "grant_type=password&username=ann&password=wrong", 400, "invalid_grant", "Incorrect username or password" },
        { "grant_type=password&username=nobody&password=wrong", 400, "invalid_grant",
          "Incorrect username or password" },
        { "grant_type=password&username=ann&password=" PASSWORD "&tenant=nowhere", 400, "invalid_grant",
          "Incorrect username or password" },
        { "grant_type=password&username=an%00n&password=wrong", 400, "invalid_request", NULL },
        { "grant_type=password&username=ann&password=" PASSWORD "&scope=a%22b", 400, "invalid_scope", NULL },
        { "grant_type=password&username=ann&password=" PASSWORD "&client_id=a%0ab", 400, "invalid_request", NULL },
        { "grant_type=password&username=ann&password=" PASSWORD "&client_id=app&client_secret=guess", 401,
          "invalid_client", "Client authentication failed" },
        { "grant_type=refresh_token", 400, "invalid_request", "refresh_token is required" },
        { "grant_type=refresh_token&refresh_token=rubbish", 400, "invalid_grant", "Invalid refresh token" },
    };
    struct fixture *f = *state;

    newcomer(f, "ann");
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        check_status(f, CASES[i].status, ask_token(f, CASES[i].form), CASES[i].form);
        assert_string_equal(answer_text(f, "error"), CASES[i].error);
        assert_non_null(answer_text(f, "error_description"));
        if (CASES[i].text != NULL)
            assert_string_equal(answer_text(f, "detail"), CASES[i].text);
        check_str(DW_STR("no-store"), header(f, "Cache-Control"), CASES[i].form);
    }
}

static int token_with(struct fixture *f, const char *authorization, const char *form)
{
    const struct dw_call_header headers[] = {
        { "Content-Type", DW_STR("application/x-www-form-urlencoded") },
        { "Authorization", dw_str(authorization) },
        { 0 },
    };

    return ask_with(f, DW_POST, "/token", headers, form);
}

static const char *basic(struct fixture *f, const char *credentials)
{
    char text[256] = { 0 };

    base64_encode(dw_str(credentials), true, text);
    return format(f, "Basic %s", text);
}

static void clients_are_public_names(void **state)
{
    static const char FORM[] = "grant_type=password&username=ann&password=" PASSWORD;
    struct fixture *f = *state;

    newcomer(f, "ann");
    assert_string_equal(basic(f, ":"), "Basic Og==");
    STATUS(200, token_with(f, "Basic Og==", FORM)); /* what Swagger UI sends of empty fields */
    assert_string_equal(claim(f, answer_text(f, "access_token"), "client_id"), "doorward");
    STATUS(200, token_with(f, basic(f, "app:"), FORM));
    assert_string_equal(claim(f, answer_text(f, "access_token"), "client_id"), "app");

    STATUS(401, token_with(f, basic(f, "app:secret"), FORM));
    assert_string_equal(answer_text(f, "error"), "invalid_client");
    check_str(DW_STR("Basic realm=\"doorward\""), header(f, "WWW-Authenticate"), "WWW-Authenticate");
    STATUS(401, token_with(f, "Basic !", FORM));
    check_str(DW_STR("Basic realm=\"doorward\""), header(f, "WWW-Authenticate"), "WWW-Authenticate");
    STATUS(401, token_with(f, basic(f, ":secret"), FORM));

    char long_id[MANY] = { 0 };

    memset(long_id, 'a', sizeof(long_id) - 1);
    STATUS(400, ask_token(f, format(f, "%s&client_id=%s", FORM, long_id)));
}

static void a_refresh_belongs_to_its_client(void **state)
{
    struct fixture *f = *state;

    newcomer(f, "ann");
    STATUS(200, ask_token(f, "grant_type=password&username=ann&password=" PASSWORD "&client_id=app"));
    const char *refresh = answer_text(f, "refresh_token");

    STATUS(400, ask_token(f, format(f, "grant_type=refresh_token&refresh_token=%s", refresh)));
    STATUS(400, ask_token(f, format(f, "grant_type=refresh_token&refresh_token=%s&client_id=other", refresh)));
    check_detail(f, 401, ask_refresh(f, refresh), "Invalid refresh token");
    STATUS(200, ask_token(f, format(f, "grant_type=refresh_token&refresh_token=%s&client_id=app", refresh)));
    check_pair(f);
    assert_string_equal(claim(f, answer_text(f, "access_token"), "client_id"), "app");
    STATUS(200, ask(f, DW_POST, "/token/refresh", NULL,
                    format(f, "{\"refresh_token\":\"%s\",\"client_id\":\"app\"}", answer_text(f, "refresh_token"))));
}

static void json_at_token_is_refused(void **state)
{
    struct fixture *f = *state;
    const int status = ask(f, DW_POST, "/token", NULL, "{\"grant_type\":\"password\"}");

    assert_true(status == 400 || status == 415);
    assert_string_equal(answer_text(f, "error"), "invalid_request");
    answer_text(f, "detail");
}

static void a_scope_narrows_what_the_token_may(void **state)
{
    struct fixture *f = *state;

    holder(f, "root", "admin", "");
    STATUS(200, ask_token(f, "grant_type=password&username=root&password=" PASSWORD "&scope=read:users+fly"));
    assert_string_equal(answer_text(f, "scope"), "read:users");
    const char *token = answer_text(f, "access_token");

    STATUS(200, ask(f, DW_GET, "/users", token, NULL));
    STATUS(403, ask(f, DW_PATCH, "/users/none", token, "{\"full_name\":\"x\"}"));
    assert_non_null(memmem(header(f, "WWW-Authenticate").ptr, header(f, "WWW-Authenticate").len, "write:users", 11));
}

static void a_refresh_token_rotates(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");

    dw_clock_set(dw_clock_now_s());
    STATUS(200, ask_refresh(f, ann.refresh));
    check_pair(f);
    const char *next = answer_text(f, "refresh_token");

    assert_string_not_equal(next, ann.refresh);
    STATUS(200, ask_refresh(f, ann.refresh)); /* a lost answer, asked for again */
    assert_string_equal(answer_text(f, "refresh_token"), next);
    dw_clock_set(dw_clock_now_s() + FIXTURE_GRACE_S + 1);
    check_detail(f, 401, ask_refresh(f, ann.refresh), "Refresh token reuse detected");
    check_str(DW_STR("Bearer error=\"invalid_token\""), header(f, "WWW-Authenticate"), "WWW-Authenticate");
    check_detail(f, 401, ask_refresh(f, next), "Invalid refresh token");
    check_token_refused(f, ask(f, DW_GET, "/users/me", ann.access, NULL));
}

static void reuse_in_the_form_is_a_400(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");

    dw_clock_set(dw_clock_now_s());
    STATUS(200, ask_refresh(f, ann.refresh));
    dw_clock_set(dw_clock_now_s() + FIXTURE_GRACE_S + 1);
    STATUS(400, ask_token(f, format(f, "grant_type=refresh_token&refresh_token=%s", ann.refresh)));
    assert_string_equal(answer_text(f, "error"), "invalid_grant");
    assert_string_equal(answer_text(f, "detail"), "Refresh token reuse detected");
}

static void a_token_does_what_it_is_for(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");

    check_token_refused(f, ask(f, DW_GET, "/users/me", ann.refresh, NULL));
    check_detail(f, 401, ask_refresh(f, ann.access), "Invalid refresh token");
    STATUS(422, ask(f, DW_POST, "/token/refresh", NULL, "{}"));
    STATUS(200, ask_refresh(f, ann.refresh));
}

static void an_expired_token_says_so(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");

    dw_clock_set(dw_clock_now_s() + FIXTURE_ACCESS_TTL_S + 1);
    check_detail(f, 401, ask(f, DW_GET, "/users/me", ann.access, NULL), "Token has expired");
}

static void signing_out_ends_one_sign_in_and_holds_over_a_restart(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");
    struct person elsewhere = { .name = "ann" };

    sign_in(f, &elsewhere, PASSWORD);
    check_detail(f, 200, ask(f, DW_POST, "/logout", ann.access, NULL), "Logged out");
    for (int round = 0; round < 2; round++) {
        check_token_refused(f, ask(f, DW_GET, "/users/me", ann.access, NULL));
        check_detail(f, 401, ask_refresh(f, ann.refresh), "Invalid refresh token");
        STATUS(200, ask(f, DW_GET, "/users/me", elsewhere.access, NULL));
        fixture_restart(f);
    }
}

static void signing_out_everywhere_ends_all(void **state)
{
    struct fixture *f = *state;
    struct person ann = newcomer(f, "ann");
    struct person elsewhere = { .name = "ann" };
    const struct person bob = newcomer(f, "bob");

    sign_in(f, &elsewhere, PASSWORD);
    STATUS(200, ask(f, DW_POST, "/logout/all", ann.access, NULL));
    check_token_refused(f, ask(f, DW_GET, "/users/me", ann.access, NULL));
    check_token_refused(f, ask(f, DW_GET, "/users/me", elsewhere.access, NULL));
    STATUS(401, ask_refresh(f, ann.refresh));
    STATUS(200, ask(f, DW_GET, "/users/me", bob.access, NULL));
    sign_in(f, &ann, PASSWORD);
    STATUS(200, ask(f, DW_GET, "/users/me", ann.access, NULL));
}

CHECK_MAIN(cmocka_unit_test_setup_teardown(the_password_grant_gives_a_pair, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(refusals_are_in_the_words_of_oauth2, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(clients_are_public_names, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_refresh_belongs_to_its_client, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(json_at_token_is_refused, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_scope_narrows_what_the_token_may, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_refresh_token_rotates, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(reuse_in_the_form_is_a_400, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(a_token_does_what_it_is_for, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(an_expired_token_says_so, fixture_open, fixture_close),
           cmocka_unit_test_setup_teardown(signing_out_ends_one_sign_in_and_holds_over_a_restart, fixture_open,
                                           fixture_close),
           cmocka_unit_test_setup_teardown(signing_out_everywhere_ends_all, fixture_open, fixture_close))
