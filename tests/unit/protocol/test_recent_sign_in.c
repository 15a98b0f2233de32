/* What decides over an account asks for a sign-in of a short while ago, or for the password: a stolen token, however
 * often it is refreshed, is neither. */
#include "fixture.h"

enum { START = 1800000000, OLD = START + FIXTURE_REAUTH_TTL_S + 1 };

#define REFUSAL "Sign in again, or send current_password"
#define CONFIRMED "\"current_password\":\"" PASSWORD "\""

/* A path that ends or goes on after "/users/" with "*": the id of the one whom it is about. */
static const struct row {
    enum dw_method method;
    const char *target;
    const char *members; /* of the body */
    int status;
    bool is_admins;
} ROWS[] = {
    { DW_PATCH, "/users/me", "\"email\":\"new@example.com\"", 200 },
    { DW_POST, "/users/me/api-keys", "\"name\":\"k\"", 201 },
    { DW_POST, "/2fa/setup", NULL, 200 },
    { DW_POST, "/2fa/enable", "\"code\":\"000000\"", 400 }, /* as far as the code, which is wrong */
    { DW_PATCH, "/users/*", "\"email\":\"other@example.com\"", 200, true },
    { DW_PUT, "/users/*/role", "\"role\":\"moderator\"", 200, true },
    { DW_PUT, "/users/*/permissions", "\"permissions\":[\"read:users\"]", 200, true },
    { DW_PUT, "/roles/clerk", "\"permissions\":[]", 200, true },
};

static const char *target_of(struct fixture *f, const struct row *row, const struct person *about)
{
    const char *star = strchr(row->target, '*');

    return star == NULL ? row->target
                        : format(f, "%.*s%s%s", (int)(star - row->target), row->target, about->id, star + 1);
}

static const char *body(struct fixture *f, const char *members, const char *confirmation)
{
    if (members == NULL && confirmation == NULL)
        return NULL;
    return format(f, "{%s%s%s}", members != NULL ? members : "", members != NULL && confirmation != NULL ? "," : "",
                  confirmation != NULL ? confirmation : "");
}

/* Somebody whose sign-in is old, with a token of this moment. */
static struct person old_hand(struct fixture *f, const char *name, const char *role)
{
    dw_clock_set(START);
    struct person person = holder(f, name, role, "");

    dw_clock_set(OLD);
    assert_int_equal(200, ask_refresh(f, person.refresh));
    person.access = answer_text(f, "access_token");
    person.refresh = answer_text(f, "refresh_token");
    return person;
}

static void an_old_sign_in_is_asked_for_the_password(void **state)
{
    struct fixture *f = *state;
    const struct person ann = newcomer(f, "ann");

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct row *row = &ROWS[i];
        const char *target = target_of(f, row, &ann);
        const struct person me = old_hand(f, format(f, "me%zu", i), row->is_admins ? "admin" : "user");

        if (strcmp(row->target, "/roles/clerk") == 0)
            STATUS(201, ask(f, DW_POST, "/roles", me.access, "{\"name\":\"clerk\",\"permissions\":[]}"));
        check_detail(f, 403, ask(f, row->method, target, me.access, body(f, row->members, NULL)), REFUSAL);
        check_detail(f, 400,
                     ask(f, row->method, target, me.access,
                         body(f, row->members, "\"current_password\":\"not the right one\"")),
                     "Incorrect password");
        check_detail(f, 403, ask(f, row->method, target, me.access, body(f, row->members, NULL)), REFUSAL);
        /* 2FA: nothing is set up, so enabling tells that; what matters is that it got there. */
        const int status = ask(f, row->method, target, me.access, body(f, row->members, CONFIRMED));

        if (strcmp(row->target, "/2fa/enable") == 0)
            assert_int_equal(409, status);
        else
            check_status(f, row->status, status, target);
        /* From now on it is recent again. */
        if (row->members == NULL || strstr(row->members, "email") == NULL)
            assert_int_not_equal(403, ask(f, row->method, target, me.access, body(f, row->members, NULL)));
    }
}

static void a_recent_sign_in_is_asked_for_nothing(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(START);
    const struct person ann = newcomer(f, "ann");
    const struct person bob = holder(f, "bob", "admin", "");

    dw_clock_set(START + FIXTURE_REAUTH_TTL_S);
    STATUS(201, ask(f, DW_POST, "/roles", bob.access, "{\"name\":\"clerk\",\"permissions\":[]}"));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const char *token = ROWS[i].is_admins ? bob.access : ann.access;

        check_status(f, ROWS[i].status,
                     ask(f, ROWS[i].method, target_of(f, &ROWS[i], &ann), token, body(f, ROWS[i].members, NULL)),
                     ROWS[i].target);
    }
    /* A password that is sent is looked at, needed or not. */
    check_detail(f, 400,
                 ask(f, DW_POST, "/2fa/setup", ann.access, "{\"current_password\":\"not the right one\"}"),
                 "Incorrect password");
    check_detail(f, 400, ask(f, DW_POST, "/2fa/setup", ann.access, "{\"current_password\":\"\"}"),
                 "Incorrect password");
    check_refused_member(f, ask(f, DW_POST, "/2fa/setup", ann.access, "{\"current_password\":null}"),
                         "current_password");
    check_refused_member(f, ask(f, DW_POST, "/2fa/setup", ann.access, "{\"current_password\":[\"x\"]}"),
                         "current_password");
}

static void what_decides_nothing_stays_as_it_was(void **state)
{
    struct fixture *f = *state;
    const struct person ann = old_hand(f, "ann", "user");

    STATUS(200, ask(f, DW_PATCH, "/users/me", ann.access, "{\"full_name\":\"Ann\"}"));
    STATUS(200, ask(f, DW_PATCH, "/users/me", ann.access, "{\"email\":\"ann@example.com\"}")); /* as it is */
    STATUS(200, ask(f, DW_GET, "/users/me/api-keys", ann.access, NULL));
}

static void a_password_confirms_its_own_sign_in_alone(void **state)
{
    struct fixture *f = *state;
    const struct person thief = old_hand(f, "ann", "user");
    struct person ann = thief;

    dw_clock_set(START);
    sign_in(f, &ann, PASSWORD); /* another sign-in, as old */
    dw_clock_set(OLD);
    assert_int_equal(200, ask_refresh(f, ann.refresh));
    ann.access = answer_text(f, "access_token");
    STATUS(200, ask(f, DW_POST, "/2fa/setup", ann.access, "{" CONFIRMED "}"));
    check_detail(f, 403, ask(f, DW_POST, "/2fa/setup", thief.access, NULL), REFUSAL);
}

static void guesses_are_slowed_down(void **state)
{
    struct fixture *f = *state;
    const struct person ann = old_hand(f, "ann", "user");
    int status = 0;

    for (int i = 0; i < 20 && status != 429; i++)
        status = ask(f, DW_POST, "/2fa/setup", ann.access, "{\"current_password\":\"not the right one\"}");
    assert_int_equal(429, status);
    assert_true(header(f, "Retry-After").len > 0);
    /* Also with the right one now; a recent sign-in would not have to ask. */
    STATUS(429, ask(f, DW_POST, "/2fa/setup", ann.access, "{" CONFIRMED "}"));
}

static void rotating_a_key_asks_too(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(START);
    struct person ann = newcomer(f, "ann");
    STATUS(201, ask(f, DW_POST, "/users/me/api-keys", ann.access, "{\"name\":\"k\"}"));
    const char *target = format(f, "/users/me/api-keys/%s/rotate", answer_text(f, "id"));

    STATUS(200, ask(f, DW_POST, target, ann.access, NULL));
    dw_clock_set(OLD);
    assert_int_equal(200, ask_refresh(f, ann.refresh));
    ann.access = answer_text(f, "access_token");
    check_detail(f, 403, ask(f, DW_POST, target, ann.access, NULL), REFUSAL);
    check_detail(f, 403, ask(f, DW_POST, target, ann.access, "{}"), REFUSAL);
    STATUS(200, ask(f, DW_POST, format(f, "%s?overlap=0", target), ann.access, "{" CONFIRMED "}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

CHECK_MAIN(TEST(an_old_sign_in_is_asked_for_the_password), TEST(a_recent_sign_in_is_asked_for_nothing),
           TEST(what_decides_nothing_stays_as_it_was), TEST(a_password_confirms_its_own_sign_in_alone),
           TEST(guesses_are_slowed_down), TEST(rotating_a_key_asks_too))
