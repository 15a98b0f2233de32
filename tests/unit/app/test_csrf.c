/* Cookies and CSRF (spec A6, E7): what is set, and which request may change something. */
#include "fixture.h"

#define SESSION "01890a5d-ac96-774b-bcce-b302099a8057"
#define OTHER_SESSION "01890a5d-ac96-774b-bcce-b302099a8058"
#define TOKEN_CHARS 64

static unsigned char key_bytes[] = "0123456789abcdef0123456789abcdef";
static unsigned char other_bytes[] = "another key another key another ";
static const struct dw_secret KEY_SECRET = { key_bytes, sizeof(key_bytes) - 1 };
static const struct dw_secret OTHER_SECRET = { other_bytes, sizeof(other_bytes) - 1 };
static const struct dw_secret SHORT_SECRET = { key_bytes, 16 };
static const struct dw_csrf CSRF = {
    .key = &KEY_SECRET, .origin = DW_STR_INIT("https://id.example.com"), .cookie = "csrf", .header = "X-CSRF-Token",
};

/* --- handlers --------------------------------------------------------------------------------------------------- */

static enum dw_err change(struct dw_request *r, const void *in, void *out)
{
    return dw_csrf_check(r, &CSRF, DW_STR(SESSION));
}

static enum dw_err sign_in(struct dw_request *r, const void *in, void *out)
{
    return dw_csrf_check_origin(r, &CSRF);
}

/* Sets the row of the table below that the path names. */
static const struct {
    struct dw_cookie cookie;
    const char *line; /* NULL: refused */
} COOKIES[] = {
    { { "a", DW_STR_INIT("b"), 0, false, false }, "a=b; Path=/; SameSite=Lax; HttpOnly" },
    { { "a", DW_STR_INIT("b"), 0, false, true }, "a=b; Path=/; SameSite=Lax" },
    { { "__Host-a", DW_STR_INIT("b"), 60, true, false },
      "__Host-a=b; Path=/; SameSite=Lax; Max-Age=60; HttpOnly; Secure" },
    { { "a", DW_STR_INIT(""), -1, true, true }, "a=; Path=/; SameSite=Lax; Max-Age=0; Secure" },
    { { "__Host-a", DW_STR_INIT("b"), 0, false, false }, NULL },
    { { "", DW_STR_INIT("b"), 0, false, false }, NULL },
    { { "a=b", DW_STR_INIT("b"), 0, false, false }, NULL },
    { { "a;b", DW_STR_INIT("b"), 0, false, false }, NULL },
    { { "a", DW_STR_INIT("b; Domain=example.com"), 0, false, false }, NULL },
    { { "a", DW_STR_INIT("b\r\nX: y"), 0, false, false }, NULL },
    { { "a", DW_STR_INIT("b,c"), 0, false, false }, NULL },
    { { "a", DW_STR_INIT("b\"c"), 0, false, false }, NULL },
    { { "a", DW_STR_INIT("\xc3\xa4"), 0, false, false }, NULL },
    { { "a", DW_STR_INIT("b"), (int64_t)401 * 86400, false, false }, NULL },
};

static enum dw_err set_cookie(struct dw_request *r, const void *in, void *out)
{
    const struct dw_str number = dw_path_parameter(r, "n");

    return dw_answer_cookie(r, &COOKIES[(number.ptr[0] - 'a') % (int)ARRAY_SIZE(COOKIES)].cookie);
}

static enum dw_err set_and_fail(struct dw_request *r, const void *in, void *out)
{
    const struct dw_cookie cookie = { .name = "a", .value = DW_STR("b") };

    dw_answer_header(r, "X-Gone", DW_STR("yes"));
    CHECK_OK(dw_answer_cookie(r, &cookie));
    return DW_ERR_CONFLICT;
}

struct pair {
    struct dw_str one;
};

static const struct dw_model ONE = {
    .name = "One", .size = sizeof(struct pair),
    .fields = (const struct dw_field[]){ { DW_FIELD(struct pair, one), .type = DW_STRING }, { 0 } },
};
static const struct dw_model UNO = {
    .name = "Uno", .size = sizeof(struct pair),
    .fields = (const struct dw_field[]){ { DW_FIELD_AS(struct pair, one, "uno"), .type = DW_STRING }, { 0 } },
};
static const struct dw_model UNKNOWN = {
    .name = "Unknown", .size = sizeof(struct pair),
    .fields = (const struct dw_field[]){ { DW_FIELD(struct pair, one), .type = DW_STRING }, { 0 } },
};

static enum dw_err say_one(struct dw_request *r, const void *in, struct pair *out)
{
    out->one = DW_STR("1");
    return DW_OK;
}

static enum dw_err say_uno(struct dw_request *r, const void *in, struct pair *out)
{
    const struct pair pair = { DW_STR("1") };

    assert_int_equal(dw_answer_model(r, &UNKNOWN, &pair), DW_ERR_ARGUMENT);
    return dw_answer_model(r, &UNO, &pair);
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/change", change, .needs = DW_PUBLIC },
    { DW_POST, "/change", change, .needs = DW_PUBLIC },
    { DW_PUT, "/change", change, .needs = DW_PUBLIC },
    { DW_PATCH, "/change", change, .needs = DW_PUBLIC },
    { DW_DELETE, "/change", change, .needs = DW_PUBLIC },
    { DW_POST, "/sign-in", sign_in, .needs = DW_PUBLIC },
    { DW_GET, "/cookie/{n}", set_cookie, .needs = DW_PUBLIC },
    { DW_GET, "/fail", set_and_fail, .needs = DW_PUBLIC },
    { DW_GET, "/one", DW_HANDLER(say_one), .answer = &ONE, .needs = DW_PUBLIC },
    { DW_GET, "/uno", DW_HANDLER(say_uno), .answer = &ONE, .needs = DW_PUBLIC },
    { DW_GET, "/uno-itself", DW_HANDLER(say_one), .answer = &UNO, .needs = DW_PUBLIC },
    { 0 },
};

/* --- cookies ---------------------------------------------------------------------------------------------------- */

static void a_cookie_is_set_as_it_must_be_or_not_at_all(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(COOKIES); i++) {
        const char target[] = { '/', 'c', 'o', 'o', 'k', 'i', 'e', '/', (char)('a' + i), '\0' };
        const int status = fixture_call(&f, DW_GET, target, NULL, NULL);

        check_header(&f, "Set-Cookie", COOKIES[i].line, target);
        assert_int_equal(status, COOKIES[i].line != NULL ? 204 : 500);
    }
}

static void cookies_stay_when_the_answer_becomes_an_error(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    assert_int_equal(fixture_call(&f, DW_GET, "/fail", NULL, NULL), 409);
    check_header(&f, "Set-Cookie", "a=b; Path=/; SameSite=Lax; HttpOnly", "fail");
    check_header(&f, "X-Gone", NULL, "fail");
}

static void a_row_can_answer_as_another_row_does(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    assert_int_equal(fixture_call(&f, DW_GET, "/one", NULL, NULL), 200);
    check_body(&f, "{\"one\":\"1\"}", "one");
    assert_int_equal(fixture_call(&f, DW_GET, "/uno", NULL, NULL), 200);
    check_body(&f, "{\"uno\":\"1\"}", "uno");
}

/* --- tokens ----------------------------------------------------------------------------------------------------- */

static struct dw_str token_of(struct fixture *f, const struct dw_secret *key, const char *session)
{
    struct dw_csrf csrf = CSRF;
    struct dw_str token;

    csrf.key = key;
    CHECK_OK(dw_csrf_token(&csrf, dw_str(session), f->arena, &token));
    assert_int_equal(token.len, TOKEN_CHARS);
    return token;
}

static int call_with(struct fixture *f, enum dw_method method, struct dw_str token, struct dw_str cookie)
{
    struct dw_call_header headers[3] = { 0 };
    size_t n = 0;

    if (token.ptr != NULL)
        headers[n++] = (struct dw_call_header){ "X-CSRF-Token", token };
    if (cookie.ptr != NULL)
        headers[n++] = (struct dw_call_header){ "Cookie", dw_arena_printf(f->arena, "csrf=%s", cookie.ptr) };
    return fixture_call(f, method, "/change", headers, NULL);
}

static void only_this_sessions_token_lets_a_change_pass(void **state)
{
    static const enum dw_method CHANGES[] = { DW_POST, DW_PUT, DW_PATCH, DW_DELETE };
    _cleanup_fixture_ struct fixture f = { 0 };
    const struct dw_str none = { NULL, 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    const struct dw_str token = token_of(&f, &KEY_SECRET, SESSION), second = token_of(&f, &KEY_SECRET, SESSION);
    const struct dw_str others = token_of(&f, &KEY_SECRET, OTHER_SESSION);
    const struct dw_str forged = token_of(&f, &OTHER_SECRET, SESSION);

    assert_false(dw_str_eq(token, second));
    assert_int_equal(call_with(&f, DW_GET, none, none), 204);
    for (size_t i = 0; i < ARRAY_SIZE(CHANGES); i++) {
        assert_int_equal(call_with(&f, CHANGES[i], token, token), 204);
        assert_int_equal(call_with(&f, CHANGES[i], second, none), 204);
        assert_int_equal(call_with(&f, CHANGES[i], none, none), 403);
        assert_int_equal(call_with(&f, CHANGES[i], none, token), 403);
        assert_int_equal(call_with(&f, CHANGES[i], token, second), 403);
        assert_int_equal(call_with(&f, CHANGES[i], others, others), 403);
        assert_int_equal(call_with(&f, CHANGES[i], forged, forged), 403);
        assert_int_equal(call_with(&f, CHANGES[i], DW_STR(""), DW_STR("")), 403);
    }
    check_body(&f, "{\"detail\":\"CSRF token missing or invalid\"}", "refused");
}

static void every_character_of_a_token_counts(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    const struct dw_str token = token_of(&f, &KEY_SECRET, SESSION);

    for (size_t i = 0; i < token.len; i++) {
        const struct dw_str changed = dw_arena_copy(f.arena, token);

        ((char *)(uintptr_t)changed.ptr)[i] = token.ptr[i] == 'A' ? 'B' : 'A';
        assert_int_equal(call_with(&f, DW_POST, changed, changed), 403);
        assert_int_equal(call_with(&f, DW_POST, dw_arena_copy(f.arena, dw_str_n(token.ptr, i)), dw_str(NULL)), 403);
    }
    assert_int_equal(call_with(&f, DW_POST, dw_arena_printf(f.arena, "%sA", token.ptr), dw_str(NULL)), 403);
    assert_int_equal(call_with(&f, DW_POST, token, token), 204);
}

static void weak_keys_and_sessions_without_a_name_are_refused(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    struct dw_csrf csrf = CSRF;
    struct dw_str token;
    char long_session[257];

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    memset(long_session, 'a', sizeof(long_session));
    assert_int_equal(dw_csrf_token(&CSRF, DW_STR(""), f.arena, &token), DW_ERR_ARGUMENT);
    assert_int_equal(dw_csrf_token(&CSRF, dw_str_n(long_session, sizeof(long_session)), f.arena, &token),
                     DW_ERR_ARGUMENT);
    csrf.key = &SHORT_SECRET;
    assert_int_equal(dw_csrf_token(&csrf, DW_STR(SESSION), f.arena, &token), DW_ERR_ARGUMENT);
}

/* --- origins ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *origin, *site;
    int status;
} PAGES[] = {
    { NULL, NULL, 204 },
    { "https://id.example.com", NULL, 204 },
    { "https://ID.example.com", "same-origin", 204 },
    { NULL, "none", 204 },
    { "http://id.example.com", NULL, 403 },
    { "https://id.example.com:8443", NULL, 403 },
    { "https://id.example.com.evil.example", NULL, 403 },
    { "https://evil.example", NULL, 403 },
    { "null", NULL, 403 },
    { "", NULL, 403 },
    { NULL, "cross-site", 403 },
    { NULL, "same-site", 403 },
    { "https://id.example.com", "cross-site", 403 },
    { NULL, "", 403 },
};

static void other_pages_are_refused_whatever_they_know(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(PAGES); i++) {
        struct dw_call_header headers[4] = { { "X-CSRF-Token", token_of(&f, &KEY_SECRET, SESSION) } };
        size_t n = 1;

        if (PAGES[i].origin != NULL)
            headers[n++] = (struct dw_call_header){ "Origin", dw_str(PAGES[i].origin) };
        if (PAGES[i].site != NULL)
            headers[n++] = (struct dw_call_header){ "Sec-Fetch-Site", dw_str(PAGES[i].site) };
        if (fixture_call(&f, DW_POST, "/change", headers, NULL) != PAGES[i].status ||
            fixture_call(&f, DW_POST, "/sign-in", headers + 1, NULL) != PAGES[i].status)
            fail_msg("page %zu: %d", i, f.called.status);
    }
}

static const struct {
    const char *url, *origin; /* NULL: refused */
} URLS[] = {
    { "https://id.example.com", "https://id.example.com" },
    { "https://id.example.com/", "https://id.example.com" },
    { "https://id.example.com/auth/x", "https://id.example.com" },
    { "https://id.example.com:443/auth", "https://id.example.com" },
    { "https://id.example.com:4430", "https://id.example.com:4430" },
    { "http://127.0.0.1:80", "http://127.0.0.1" },
    { "http://127.0.0.1:443", "http://127.0.0.1:443" },
    { "http://[::1]:8080/x", "http://[::1]:8080" },
    { "ftp://id.example.com", NULL },
    { "https://", NULL },
    { "", NULL },
};

static void an_origin_is_written_as_browsers_write_it(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    CHECK_OK(dw_arena_new(FIXTURE_ARENA_LIMIT, &arena));
    for (size_t i = 0; i < ARRAY_SIZE(URLS); i++) {
        struct dw_str origin = { NULL, 0 };
        const enum dw_err err = dw_origin_of_url(dw_str(URLS[i].url), arena, &origin);

        assert_int_equal(err, URLS[i].origin != NULL ? DW_OK : DW_ERR_ARGUMENT);
        if (URLS[i].origin != NULL)
            check_str(dw_str(URLS[i].origin), origin, URLS[i].url);
    }
}

CHECK_MAIN(cmocka_unit_test(a_cookie_is_set_as_it_must_be_or_not_at_all),
           cmocka_unit_test(cookies_stay_when_the_answer_becomes_an_error),
           cmocka_unit_test(a_row_can_answer_as_another_row_does),
           cmocka_unit_test(only_this_sessions_token_lets_a_change_pass),
           cmocka_unit_test(every_character_of_a_token_counts),
           cmocka_unit_test(weak_keys_and_sessions_without_a_name_are_refused),
           cmocka_unit_test(other_pages_are_refused_whatever_they_know),
           cmocka_unit_test(an_origin_is_written_as_browsers_write_it))
