/* Waits at sign-in: how they grow, whom they hold, whom not, what a restart and an hour change; who is told. */
#include "../check.h"
#include "fixture.h"

#include "identity/audit.h"
#include "identity/guard.h"
#include "identity/outbox.h"
#include "identity/pace.h"

#include <pthread.h>

enum { START = 1000000 };

#define HOME ((struct device){ DW_STR_INIT("192.0.2.1"), DW_STR_INIT("Browser/1.2 (Home)") })
#define STRANGER ((struct device){ DW_STR_INIT("203.0.113.66"), DW_STR_INIT("curl/8") })
#define RIGHT "correct horse 3"

static enum dw_err attempt(struct fixture *f, const char *login, const char *password, struct device device)
{
    struct dw_secret secret = { (unsigned char *)(uintptr_t)password, strlen(password) };
    const struct sign_in in = { .tenant = f->tenant, .login = dw_str(login), .password = &secret, .device = device };
    struct token_pair pair;

    return session_sign_in(f->identity, &in, f->arena, &pair);
}

static int64_t wait_of(struct fixture *f, const char *login, struct device device)
{
    const struct sign_in in = { .tenant = f->tenant, .login = dw_str(login), .device = device };
    int64_t wait_s = -1;

    CHECK_OK(guard_wait(f->identity, &in, &wait_s));
    return wait_s;
}

static void fail_times(struct fixture *f, const char *login, struct device device, int times)
{
    for (int i = 0; i < times; i++)
        CHECK_ERR(DW_ERR_SIGN_IN, attempt(f, login, "wrong", device));
}

static int64_t count_events(struct fixture *f, const char *action);

/* --- growing ---------------------------------------------------------------------------------------------------- */

static void waits_double_up_to_a_quarter_of_an_hour(void **state)
{
    static const int64_t EXPECTED[] = { 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900 };
    /* A name that is nobody's is counted alike. */
    static const char *const LOGINS[] = { "ann", "ann@example.com", "nobody", "no\"name" };
    struct fixture *f = *state;
    int64_t now_s = START;

    fixture_user(f, "ann", "user");
    for (size_t l = 0; l < ARRAY_SIZE(LOGINS); l++) {
        now_s += GUARD_FORGET_S * 2;
        for (size_t i = 0; i < ARRAY_SIZE(EXPECTED); i++) {
            dw_clock_set(now_s);
            fail_times(f, LOGINS[l], STRANGER, 1);
            assert_int_equal(EXPECTED[i], wait_of(f, LOGINS[l], STRANGER));
            if (EXPECTED[i] > 0) {
                CHECK_ERR(DW_ERR_RATE_LIMITED, attempt(f, LOGINS[l], RIGHT, STRANGER));
                dw_clock_set(now_s + EXPECTED[i] - 1);
                assert_int_equal(1, wait_of(f, LOGINS[l], STRANGER));
            }
            now_s += EXPECTED[i];
        }
    }
}

static void an_account_is_one_whatever_it_is_called(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    fail_times(f, "ann", STRANGER, 2);
    fail_times(f, "ANN@Example.com", HOME, 3);
    assert_int_equal(1, wait_of(f, "Ann", (struct device){ DW_STR("198.51.100.1"), DW_STR("x") }));
    assert_int_equal(0, wait_of(f, "bob", STRANGER));
}

enum { AT_ONCE = 24 };

struct guess {
    struct fixture *f;
    pthread_barrier_t *start;
    char address[32];
    enum dw_err answer;
};

static void *guess(void *argument)
{
    struct guess *g = argument;
    struct dw_secret wrong = { (unsigned char *)(uintptr_t)"wrong", 5 };
    const struct sign_in in = { .tenant = g->f->tenant, .login = DW_STR("ann"), .password = &wrong,
                                .device = { dw_str(g->address), DW_STR("curl/8") } };
    struct dw_arena *arena = NULL;
    struct token_pair pair;

    if (dw_arena_new(1 << 20, &arena) != DW_OK)
        return NULL;
    pthread_barrier_wait(g->start);
    g->answer = session_sign_in(g->f->identity, &in, arena, &pair);
    dw_arena_free(&arena);
    return NULL;
}

/* Each from an address of its own; none waits for another's answer. */
static void many_guesses_at_once_are_no_more_than_those_that_are_free(void **state)
{
    struct fixture *f = *state;
    struct guess guesses[AT_ONCE];
    pthread_t threads[AT_ONCE];
    pthread_barrier_t start;
    unsigned answered = 0;

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    pthread_barrier_init(&start, NULL, AT_ONCE);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        guesses[i] = (struct guess){ .f = f, .start = &start, .answer = DW_ERR_INTERNAL };
        snprintf(guesses[i].address, sizeof(guesses[i].address), "203.0.%u.1", i);
        assert_int_equal(0, pthread_create(&threads[i], NULL, guess, &guesses[i]));
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        pthread_join(threads[i], NULL);
        answered += guesses[i].answer == DW_ERR_SIGN_IN;
        if (guesses[i].answer != DW_ERR_SIGN_IN)
            CHECK_ERR(DW_ERR_RATE_LIMITED, guesses[i].answer);
    }
    pthread_barrier_destroy(&start);
    assert_int_equal(GUARD_FREE_FAILURES, answered);
    assert_int_equal(GUARD_FREE_FAILURES, count_events(f, "session.sign_in_failed"));
    assert_int_equal(1, wait_of(f, "ann", STRANGER));
}

static void an_hour_of_silence_halves_the_count(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(START);
    fail_times(f, "nobody", STRANGER, 5);
    dw_clock_set(START + 10);
    fail_times(f, "nobody", STRANGER, 1);
    assert_int_equal(2, wait_of(f, "nobody", STRANGER));
    dw_clock_set(START + 10 + GUARD_HALF_LIFE_S);
    fail_times(f, "nobody", STRANGER, 1); /* 3 + 1 */
    assert_int_equal(0, wait_of(f, "nobody", STRANGER));
    fail_times(f, "nobody", STRANGER, 1);
    assert_int_equal(1, wait_of(f, "nobody", STRANGER));
}

/* --- devices ---------------------------------------------------------------------------------------------------- */

static void a_known_device_is_not_held_by_a_strangers_failures(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    fail_times(f, "ann", STRANGER, 5);
    CHECK_ERR(DW_ERR_RATE_LIMITED, attempt(f, "ann", RIGHT, STRANGER));
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    /* The browser was brought up to date. */
    CHECK_OK(attempt(f, "ann@example.com", RIGHT, (struct device){ HOME.address, DW_STR("Browser/9.7 (Home)") }));
    /* Her sign-in does not let the stranger go on. */
    CHECK_ERR(DW_ERR_RATE_LIMITED, attempt(f, "ann", RIGHT, STRANGER));
    /* Another browser at home is not known, and another user's device neither. */
    CHECK_ERR(DW_ERR_RATE_LIMITED, attempt(f, "ann", RIGHT, (struct device){ HOME.address, DW_STR("Other") }));
    fixture_user(f, "bob", "user");
    fail_times(f, "bob", STRANGER, 5);
    assert_int_equal(1, wait_of(f, "bob", HOME));
}

static void a_known_device_has_a_count_of_its_own(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    fail_times(f, "ann", HOME, 4);
    CHECK_OK(attempt(f, "ann", RIGHT, HOME)); /* forgotten now */
    fail_times(f, "ann", HOME, 5);
    CHECK_ERR(DW_ERR_RATE_LIMITED, attempt(f, "ann", RIGHT, HOME));
    /* They are no failures of the account. */
    assert_int_equal(0, wait_of(f, "ann", STRANGER));
    dw_clock_set(START + 1);
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
}

static void a_new_device_is_told_once(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    assert_int_equal(0, count_events(f, "session.new_device"));
    CHECK_OK(attempt(f, "ann", RIGHT, STRANGER));
    CHECK_OK(attempt(f, "ann", RIGHT, STRANGER));
    assert_int_equal(1, count_events(f, "session.new_device"));
}

static void the_oldest_devices_are_forgotten(void **state)
{
    struct fixture *f = *state;
    char address[32];

    fixture_user(f, "ann", "user");
    for (int i = 0; i <= GUARD_DEVICES_MAX; i++) {
        dw_clock_set(START + i);
        snprintf(address, sizeof(address), "198.51.100.%d", i);
        CHECK_OK(attempt(f, "ann", RIGHT, (struct device){ dw_str(address), DW_STR("x") }));
    }
    fail_times(f, "ann", STRANGER, 5);
    assert_int_equal(1, wait_of(f, "ann", (struct device){ DW_STR("198.51.100.0"), DW_STR("x") }));
    assert_int_equal(0, wait_of(f, "ann", (struct device){ DW_STR("198.51.100.1"), DW_STR("x") }));
}

/* --- addresses -------------------------------------------------------------------------------------------------- */

static void an_address_that_tries_many_names_waits(void **state)
{
    struct fixture *f = *state;
    char name[32];

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    for (int i = 0; i < GUARD_FREE_ADDRESS_FAILURES; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        /* One client, however many of its addresses it takes. */
        snprintf(name + 16, 16, "2001:db8::%x", i);
        fail_times(f, name, (struct device){ dw_str(name + 16), DW_STR("x") }, 1);
    }
    assert_int_equal(1, wait_of(f, "fresh", (struct device){ DW_STR("2001:db8::1:1"), DW_STR("x") }));
    assert_int_equal(0, wait_of(f, "fresh", (struct device){ DW_STR("2001:db8:0:1::1"), DW_STR("x") }));
    assert_int_equal(0, wait_of(f, "ann", HOME));
}

/* --- what is stored --------------------------------------------------------------------------------------------- */

static void waits_survive_a_restart_and_go_at_last(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    fail_times(f, "ann", STRANGER, 5);
    fixture_restart(f);
    CHECK_ERR(DW_ERR_RATE_LIMITED, attempt(f, "ann", RIGHT, STRANGER));
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    dw_clock_set(START + GUARD_FORGET_S);
    CHECK_OK(identity_purge(f->identity));
    fail_times(f, "ann", STRANGER, 4);
    assert_int_equal(0, wait_of(f, "ann", STRANGER));
}

struct counting {
    const char *action;
    int64_t n;
};

static enum dw_err count_entry(const struct audit_entry *entry, void *argument)
{
    struct counting *c = argument;

    c->n += dw_str_eq(entry->action, dw_str(c->action));
    return DW_OK;
}

static int64_t count_events(struct fixture *f, const char *action)
{
    struct counting c = { action, 0 };

    CHECK_OK(audit_each(f->identity, count_entry, &c));
    return c.n;
}

static void failures_and_the_first_wait_are_audited(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    fail_times(f, "ann", STRANGER, 4);
    assert_int_equal(0, count_events(f, "session.sign_in_slowed"));
    fail_times(f, "ann", STRANGER, 1);
    CHECK_ERR(DW_ERR_RATE_LIMITED, attempt(f, "ann", "wrong", STRANGER));
    dw_clock_set(START + 1);
    fail_times(f, "ann", STRANGER, 1);
    assert_int_equal(6, count_events(f, "session.sign_in_failed"));
    assert_int_equal(1, count_events(f, "session.sign_in_slowed"));
}

/* --- telling ---------------------------------------------------------------------------------------------------- */

static void three_networks_within_ten_minutes_are_no_persons_pace(void **state)
{
    static const struct {
        int64_t at_s;
        const char *address;
        int64_t events;
    } ROWS[] = {
        { 0, "192.0.2.1", 0 },
        { 1, "192.0.2.1", 0 },
        { 2, "2001:db8::1", 0 },
        { 3, "2001:db8::2", 0 }, /* the same client */
        { 4, "203.0.113.66", 1 },
        { 5, "203.0.113.66", 1 }, /* told before */
        { 6, "198.51.100.1", 2 },
        { 6 + PACE_WINDOW_S, "192.0.2.1", 2 },
        { 7 + PACE_WINDOW_S, "203.0.113.66", 2 },
        { 8 + PACE_WINDOW_S, "198.51.100.1", 3 },
    };
    struct fixture *f = *state;

    fixture_user(f, "ann", "user");
    fixture_user(f, "bob", "user");
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        dw_clock_set(START + ROWS[i].at_s);
        CHECK_OK(attempt(f, "ann", RIGHT, (struct device){ dw_str(ROWS[i].address), DW_STR("x") }));
        assert_int_equal(ROWS[i].events, count_events(f, "session.impossible_pace"));
    }
    CHECK_OK(attempt(f, "bob", RIGHT, STRANGER));
    CHECK_OK(attempt(f, "bob", RIGHT, HOME));
    assert_int_equal(3, count_events(f, "session.impossible_pace"));
}

struct mails {
    int n;
    struct dw_arena *arena;
    struct dw_str kind, to, payload; /* of the last one */
};

static enum dw_err take_mail(void *argument, const struct outbox_mail *mail)
{
    struct mails *m = argument;

    m->n++;
    m->kind = dw_arena_copy(m->arena, mail->kind);
    m->to = dw_arena_copy(m->arena, mail->to);
    m->payload = dw_arena_copy(m->arena, mail->payload);
    return DW_OK;
}

static int mails_of(struct fixture *f, struct mails *ret_mails)
{
    *ret_mails = (struct mails){ .arena = f->arena };
    CHECK_OK(outbox_run(f->identity, take_mail, ret_mails));
    return ret_mails->n;
}

static void the_owner_is_told_of_wrong_passwords_once(void **state)
{
    struct fixture *f = *state;
    struct mails mails;

    dw_clock_set(START);
    f->identity->config.tells_suspicion = true;
    fixture_user(f, "ann", "user");
    fail_times(f, "ann", STRANGER, 4);
    assert_int_equal(0, mails_of(f, &mails));
    fail_times(f, "ann", STRANGER, 1);
    dw_clock_set(START + 1);
    fail_times(f, "ann", STRANGER, 1);
    assert_int_equal(1, mails_of(f, &mails));
    check_str(DW_STR("sign_in_slowed"), mails.kind, "kind");
    check_str(DW_STR("ann@example.com"), mails.to, "to");
    check_str(DW_STR("203.0.113.66\n"), mails.payload, "from where");
    fail_times(f, "nobody", STRANGER, 5); /* and nobody else */
    assert_int_equal(0, mails_of(f, &mails));
    assert_int_equal(2, count_events(f, "session.sign_in_slowed"));
}

/* Whoever was the last of many names that one address tried has no more to fear than the others. */
static void nobody_is_told_that_an_address_waits(void **state)
{
    struct fixture *f = *state;
    struct mails mails;
    char name[32];

    dw_clock_set(START);
    f->identity->config.tells_suspicion = true;
    fixture_user(f, "ann", "user");
    for (int i = 0; i < GUARD_FREE_ADDRESS_FAILURES - 1; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        fail_times(f, name, STRANGER, 1);
    }
    fail_times(f, "ann", STRANGER, 1);
    assert_int_equal(1, count_events(f, "session.sign_in_slowed"));
    assert_int_equal(0, mails_of(f, &mails));
}

static void the_owner_is_told_of_a_new_device_but_the_first(void **state)
{
    struct fixture *f = *state;
    struct mails mails;

    dw_clock_set(START);
    f->identity->config.tells_suspicion = true;
    fixture_user(f, "ann", "user");
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    assert_int_equal(0, mails_of(f, &mails));
    CHECK_OK(attempt(f, "ann", RIGHT, STRANGER));
    CHECK_OK(attempt(f, "ann", RIGHT, STRANGER));
    assert_int_equal(1, mails_of(f, &mails));
    check_str(DW_STR("new_device"), mails.kind, "kind");
    check_str(DW_STR("203.0.113.66\n"), mails.payload, "from where");
}

static void turned_off_the_log_alone_tells(void **state)
{
    struct fixture *f = *state;
    struct mails mails;

    dw_clock_set(START);
    fixture_user(f, "ann", "user");
    CHECK_OK(attempt(f, "ann", RIGHT, HOME));
    CHECK_OK(attempt(f, "ann", RIGHT, (struct device){ HOME.address, DW_STR("Other") }));
    fail_times(f, "ann", STRANGER, 5);
    assert_int_equal(1, count_events(f, "session.new_device"));
    assert_int_equal(1, count_events(f, "session.sign_in_slowed"));
    assert_int_equal(0, mails_of(f, &mails));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

CHECK_MAIN(CASE(waits_double_up_to_a_quarter_of_an_hour), CASE(an_account_is_one_whatever_it_is_called),
           CASE(many_guesses_at_once_are_no_more_than_those_that_are_free),
           CASE(an_hour_of_silence_halves_the_count), CASE(a_known_device_is_not_held_by_a_strangers_failures),
           CASE(a_known_device_has_a_count_of_its_own), CASE(a_new_device_is_told_once),
           CASE(the_oldest_devices_are_forgotten), CASE(an_address_that_tries_many_names_waits),
           CASE(waits_survive_a_restart_and_go_at_last), CASE(failures_and_the_first_wait_are_audited),
           CASE(three_networks_within_ten_minutes_are_no_persons_pace),
           CASE(the_owner_is_told_of_wrong_passwords_once), CASE(nobody_is_told_that_an_address_waits),
           CASE(the_owner_is_told_of_a_new_device_but_the_first), CASE(turned_off_the_log_alone_tells))
