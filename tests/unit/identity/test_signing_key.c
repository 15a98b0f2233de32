/* When signing keys change: by age, on wish, at once; whatever clocks and other nodes do. */
#include "fixture.h"

#include "identity/principal.h"
#include "identity/signing_key.h"

enum { START_S = 1800000000, LEAD_S = 1000, ROTATION_S = 10000 };

static int set_up(void **state)
{
    dw_clock_set(START_S);
    fixture_open(state);
    struct fixture *f = *state;

    f->identity->config.key_lead_s = LEAD_S;
    return 0;
}

static struct dw_str active(const struct fixture *f)
{
    return dw_key_id(signing_key_active(f->identity));
}

/* The key of that state; a kid of no length when there is none. Fails when there are several. */
static struct signing_key_info key_of(struct fixture *f, const char *state)
{
    struct signing_key_info found = { .starts_at = -1 }, *keys;
    size_t n;

    assert_int_equal(signing_key_list(f->identity, f->arena, &keys, &n), DW_OK);
    for (size_t i = 0; i < n; i++) {
        if (!dw_str_eq(keys[i].state, dw_str(state)))
            continue;
        assert_int_equal(found.kid.len, 0);
        found = keys[i];
    }
    return found;
}

static struct dw_str rotate(struct fixture *f, bool at_once)
{
    struct dw_str kid;

    assert_int_equal(signing_key_rotate(f->identity, &SYSTEM, at_once, f->arena, &kid), DW_OK);
    return kid;
}

static void keep_at(struct fixture *f, int64_t now_s)
{
    dw_clock_set(now_s);
    assert_int_equal(signing_key_keep(f->identity), DW_OK);
}

static struct identity *open_beside(struct fixture *f)
{
    static unsigned char bytes[] = "0123456789abcdef0123456789abcdef";
    struct identity_config config = f->identity->config;
    struct identity *beside = NULL;

    config.announce = true;
    assert_int_equal(identity_open(f->storage, f->passwords, &config, &(struct dw_secret){ bytes, sizeof(bytes) - 1 },
                                   &beside), DW_OK);
    return beside;
}

/* The key that signs, copied: a rotation does not change what is held here. */
static struct dw_str kept_active(struct fixture *f)
{
    return dw_arena_copy(f->arena, active(f));
}

static struct dw_str prepare(struct fixture *f)
{
    struct dw_str kid;

    assert_int_equal(signing_key_prepare(f->identity, &SYSTEM, f->arena, &kid), DW_OK);
    return kid;
}

static void retire_next(struct fixture *f)
{
    assert_int_equal(signing_key_retire(f->identity, &SYSTEM, key_of(f, "next").kid), DW_OK);
}

static void the_first_rotation_need_not_wait(void **state)
{
    struct fixture *f = *state;

    fixture_user(f, "alice", "user");
    const struct token_pair before = fixture_pair(f, "alice");
    const struct dw_str old = kept_active(f);
    const struct signing_key_info next = key_of(f, "next");

    assert_int_equal(next.created_at, key_of(f, "active").created_at);
    assert_int_equal(next.starts_at, -1);
    assert_non_null(dw_keyset_find(signing_key_set(f->identity), next.kid));
    assert_true(dw_str_eq(rotate(f, false), next.kid));
    assert_true(dw_str_eq(active(f), next.kid));
    assert_int_equal(key_of(f, "active").starts_at, START_S);
    assert_true(dw_str_eq(key_of(f, "retiring").kid, old));
    assert_int_not_equal(key_of(f, "next").kid.len, 0);
    assert_int_equal(fixture_check(f, before.access_token), DW_OK);
}

static void a_key_is_published_before_it_signs(void **state)
{
    struct fixture *f = *state;

    rotate(f, false);
    const struct dw_str old = kept_active(f), next = rotate(f, false);

    assert_false(dw_str_eq(next, old));
    assert_true(dw_str_eq(active(f), old));
    assert_int_equal(key_of(f, "next").starts_at, START_S + LEAD_S);
    keep_at(f, START_S + LEAD_S - 1);
    assert_true(dw_str_eq(active(f), old));
    assert_true(dw_str_eq(rotate(f, false), next)); /* asked twice is asked once */
    assert_int_equal(key_of(f, "next").starts_at, START_S + LEAD_S);
    keep_at(f, START_S + LEAD_S);
    assert_true(dw_str_eq(active(f), next));
    assert_int_equal(key_of(f, "active").starts_at, START_S + LEAD_S);
    assert_int_equal(key_of(f, "next").created_at, START_S + LEAD_S);
    assert_int_equal(key_of(f, "next").starts_at, -1);
}

/* A set was served without it, though the clock tells the second of the first two. */
static void a_later_key_is_not_taken_for_one_of_the_first(void **state)
{
    struct fixture *f = *state;

    for (int back_s = 0; back_s <= 86400; back_s += 86400) {
        retire_next(f);
        keep_at(f, START_S - back_s);
        const struct dw_str old = kept_active(f), next = key_of(f, "next").kid;

        assert_int_not_equal(next.len, 0);
        assert_true(dw_str_eq(rotate(f, false), next));
        assert_true(dw_str_eq(active(f), old));
        assert_true(key_of(f, "next").starts_at > START_S - back_s);
    }
}

/* An upgraded database, or the operator took the next key out. By age or not. */
static void a_missing_next_key_is_published(void **state)
{
    struct fixture *f = *state;

    retire_next(f);
    assert_int_equal(key_of(f, "next").kid.len, 0);
    keep_at(f, START_S + 5);
    const struct signing_key_info next = key_of(f, "next");

    assert_int_equal(next.created_at, START_S + 5);
    assert_int_equal(next.starts_at, -1);
    keep_at(f, START_S + 6);
    assert_true(dw_str_eq(key_of(f, "next").kid, next.kid));
    retire_next(f);
    const struct dw_str made = rotate(f, false); /* faster than the keeper */

    assert_true(dw_str_eq(key_of(f, "next").kid, made));
    assert_int_equal(key_of(f, "next").starts_at, START_S + 6 + LEAD_S);
}

static void an_old_key_outlives_its_last_token(void **state)
{
    struct fixture *f = *state;
    const struct dw_str old = kept_active(f);
    const int64_t gone_s = START_S + FIXTURE_ACCESS_TTL_S + 120; /* two minutes for clocks that differ */

    rotate(f, true);
    assert_int_equal(key_of(f, "retiring").retires_at, gone_s);
    dw_clock_set(gone_s - 1);
    assert_int_equal(signing_key_purge(f->identity), DW_OK);
    assert_non_null(dw_keyset_find(signing_key_set(f->identity), old));
    dw_clock_set(gone_s);
    assert_int_equal(signing_key_purge(f->identity), DW_OK);
    assert_null(dw_keyset_find(signing_key_set(f->identity), old));
}

/* A key may have waited for long when it begins: its age counts from then. */
static void by_age(void **state)
{
    struct fixture *f = *state;
    struct dw_str old = kept_active(f);
    int64_t began_s = START_S + 100 * ROTATION_S;

    keep_at(f, began_s); /* it is off */
    assert_true(dw_str_eq(active(f), old));
    f->identity->config.key_rotation_s = ROTATION_S;
    keep_at(f, began_s);
    for (int i = 0; i < 4; i++, began_s += ROTATION_S) {
        assert_false(dw_str_eq(active(f), old));
        assert_int_equal(key_of(f, "active").starts_at, began_s);
        const struct signing_key_info next = key_of(f, "next");

        assert_int_equal(next.created_at, began_s);
        old = kept_active(f);
        keep_at(f, began_s);
        keep_at(f, began_s + ROTATION_S - LEAD_S - 1);
        assert_int_equal(key_of(f, "next").starts_at, -1);
        keep_at(f, began_s + ROTATION_S - LEAD_S);
        assert_int_equal(key_of(f, "next").starts_at, began_s + ROTATION_S);
        keep_at(f, began_s + ROTATION_S - 1);
        assert_true(dw_str_eq(active(f), old));
        keep_at(f, began_s + ROTATION_S);
        assert_true(dw_str_eq(active(f), next.kid));
        dw_clock_set(began_s + ROTATION_S + LEAD_S);
        assert_int_equal(signing_key_purge(f->identity), DW_OK);
        dw_clock_set(began_s + ROTATION_S);
    }
}

/* The server was down for a year, and nobody can know the next key: it is published first all the same. */
static void far_too_old(void **state)
{
    struct fixture *f = *state;
    const int64_t now_s = START_S + 365 * 86400;
    const struct dw_str old = kept_active(f);

    f->identity->config.key_rotation_s = ROTATION_S;
    retire_next(f);
    keep_at(f, now_s);
    keep_at(f, now_s + 1);
    assert_int_equal(key_of(f, "next").starts_at, now_s + LEAD_S);
    keep_at(f, now_s + LEAD_S - 1);
    assert_true(dw_str_eq(active(f), old));
    keep_at(f, now_s + LEAD_S);
    assert_false(dw_str_eq(active(f), old));
}

static void preparing_answers_the_next_key(void **state)
{
    struct fixture *f = *state;
    const struct dw_str next = key_of(f, "next").kid;

    assert_true(dw_str_eq(prepare(f), next));
    retire_next(f);
    const struct dw_str made = prepare(f);

    assert_false(dw_str_eq(made, next));
    assert_true(dw_str_eq(prepare(f), made));
    assert_true(dw_str_eq(key_of(f, "next").kid, made));
    assert_int_equal(key_of(f, "next").starts_at, -1);
    dw_clock_set(START_S + 10);
    assert_true(dw_str_eq(rotate(f, false), made));
    assert_true(dw_str_eq(prepare(f), made));
    assert_int_equal(key_of(f, "next").starts_at, START_S + 1 + LEAD_S);
    dw_clock_set(START_S + 1 + LEAD_S);
    assert_true(dw_str_eq(rotate(f, false), made)); /* known by all: it signs from now on */
    assert_true(dw_str_eq(active(f), made));
}

static void at_once(void **state)
{
    struct fixture *f = *state;
    const struct dw_str next = key_of(f, "next").kid;

    assert_true(dw_str_eq(rotate(f, true), next));
    assert_true(dw_str_eq(active(f), next));
    retire_next(f);
    const struct dw_str fresh = rotate(f, true); /* nobody has seen it */

    assert_true(dw_str_eq(active(f), fresh));
    assert_int_equal(key_of(f, "active").starts_at, START_S);
    assert_int_equal(key_of(f, "next").kid.len, 0);
    keep_at(f, START_S);
    const struct dw_str later = key_of(f, "next").kid;

    assert_true(dw_str_eq(rotate(f, false), later)); /* the set was served without it */
    assert_true(dw_str_eq(active(f), fresh));
    assert_true(key_of(f, "next").starts_at >= START_S + LEAD_S);
}

/* --- another algorithm ------------------------------------------------------------------------------------------- */

static int set_up_changed(void **state)
{
    set_up(state);
    struct fixture *f = *state;

    f->identity->config.algorithm = DW_ALG_EDDSA; /* as after a restart with another setting */
    return 0;
}

static void check_next(struct fixture *f, const char *alg, int64_t starts_s)
{
    const struct signing_key_info next = key_of(f, "next");

    assert_true(dw_str_eq(next.alg, dw_str(alg)));
    assert_int_equal(next.starts_at, starts_s);
}

static void a_next_key_of_the_old_algorithm_is_replaced(void **state)
{
    struct fixture *f = *state;
    const struct dw_str old = kept_active(f), next = key_of(f, "next").kid;

    keep_at(f, START_S + 2 * LEAD_S);
    check_next(f, "EdDSA", -1);
    assert_null(dw_keyset_find(signing_key_set(f->identity), next));
    keep_at(f, START_S + 10 * LEAD_S);
    assert_true(dw_str_eq(active(f), old)); /* the setting alone rotates nothing */
    const struct dw_str fresh = rotate(f, false);

    assert_true(dw_str_eq(active(f), fresh));
    assert_true(dw_str_eq(key_of(f, "active").alg, DW_STR("EdDSA")));
}

/* Faster than the keeper. */
static void a_wish_for_another_algorithm_waits(void **state)
{
    struct fixture *f = *state;
    const struct dw_str old = kept_active(f);

    rotate(f, false);
    assert_true(dw_str_eq(active(f), old));
    check_next(f, "EdDSA", START_S + LEAD_S);
    keep_at(f, START_S + LEAD_S);
    assert_true(dw_str_eq(key_of(f, "active").alg, DW_STR("EdDSA")));
}

static void a_rotation_that_was_arranged_for_is_kept_to(void **state)
{
    struct fixture *f = *state;

    f->identity->config.algorithm = DW_ALG_ES256;
    rotate(f, false);
    rotate(f, false);
    check_next(f, "ES256", START_S + LEAD_S);
    f->identity->config.algorithm = DW_ALG_EDDSA;
    keep_at(f, START_S + 10);
    check_next(f, "EdDSA", START_S + 10 + LEAD_S);
}

static void at_once_to_another_algorithm(void **state)
{
    struct fixture *f = *state;
    const struct dw_str next = key_of(f, "next").kid;

    rotate(f, true);
    assert_true(dw_str_eq(key_of(f, "active").alg, DW_STR("EdDSA")));
    assert_null(dw_keyset_find(signing_key_set(f->identity), next));
    assert_int_equal(key_of(f, "next").kid.len, 0);
    keep_at(f, START_S + 1);
    check_next(f, "EdDSA", -1);
}

static void preparing_another_algorithm(void **state)
{
    struct fixture *f = *state;

    prepare(f);
    check_next(f, "EdDSA", -1);
}

/* While nodes get the new setting one after the other: the one that was started last has its way, and no key a second
 * is made. */
static void nodes_that_differ_do_not_fight(void **state)
{
    struct fixture *f = *state;

    f->identity->config.algorithm = DW_ALG_ES256;
    dw_clock_set(START_S + 100);
    struct identity *beside = open_beside(f);

    beside->config.algorithm = DW_ALG_EDDSA;
    dw_clock_set(START_S + 110);
    assert_int_equal(signing_key_keep(beside), DW_OK);
    const struct dw_str next = key_of(f, "next").kid;

    check_next(f, "EdDSA", -1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(signing_key_catch_up(f->identity), DW_OK);
        keep_at(f, START_S + 111 + i);
        assert_int_equal(signing_key_keep(beside), DW_OK);
        assert_true(dw_str_eq(key_of(f, "next").kid, next));
    }
    identity_close(&beside);
}

/* --- several nodes, and clocks ----------------------------------------------------------------------------------- */

static void two_nodes_make_one_key(void **state)
{
    struct fixture *f = *state;

    retire_next(f);
    struct identity *beside = open_beside(f);

    f->identity->config.key_rotation_s = beside->config.key_rotation_s = ROTATION_S;
    keep_at(f, START_S + 1);
    const struct dw_str next = key_of(f, "next").kid;

    /* The other has not heard of it, finds the same to do, and finds it done. */
    assert_int_equal(signing_key_known(beside).next.len, 0);
    assert_int_equal(signing_key_keep(beside), DW_OK);
    assert_true(dw_str_eq(signing_key_known(beside).next, next));
    assert_true(dw_str_eq(key_of(f, "next").kid, next));
    dw_clock_set(START_S + ROTATION_S);
    assert_int_equal(signing_key_keep(beside), DW_OK);
    assert_int_equal(signing_key_keep(f->identity), DW_OK);
    assert_true(dw_str_eq(active(f), next));
    assert_true(dw_str_eq(dw_key_id(signing_key_active(beside)), next));
    assert_int_not_equal(key_of(f, "next").kid.len, 0);
    identity_close(&beside);
}

static void catches_up_with_what_another_did(void **state)
{
    struct fixture *f = *state;
    struct identity *beside = open_beside(f);
    const struct dw_str old = kept_active(f);
    struct dw_str kid;

    assert_int_equal(signing_key_catch_up(f->identity), DW_OK);
    const struct dw_keyset *same = signing_key_set(f->identity);

    assert_int_equal(signing_key_catch_up(f->identity), DW_OK);
    assert_ptr_equal(signing_key_set(f->identity), same); /* nothing is loaded for nothing */
    assert_int_equal(signing_key_rotate(beside, &SYSTEM, true, f->arena, &kid), DW_OK);
    assert_int_equal(signing_key_catch_up(f->identity), DW_OK);
    assert_true(dw_str_eq(active(f), kid));
    assert_int_equal(signing_key_retire(beside, &SYSTEM, old), DW_OK);
    assert_int_equal(signing_key_catch_up(f->identity), DW_OK);
    assert_null(dw_keyset_find(signing_key_set(f->identity), old));
    identity_close(&beside);
}

/* Set back by a day, nothing is due; set forth again, all is as it was. */
static void a_clock_that_steps_back(void **state)
{
    struct fixture *f = *state;

    f->identity->config.key_rotation_s = ROTATION_S;
    keep_at(f, START_S + ROTATION_S - LEAD_S);
    const struct dw_str next = key_of(f, "next").kid;

    keep_at(f, START_S - 86400);
    assert_true(dw_str_eq(key_of(f, "next").kid, next));
    keep_at(f, START_S + ROTATION_S);
    assert_true(dw_str_eq(active(f), next));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_rotation_need_not_wait, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(a_key_is_published_before_it_signs, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(a_later_key_is_not_taken_for_one_of_the_first, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(a_missing_next_key_is_published, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(an_old_key_outlives_its_last_token, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(by_age, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(far_too_old, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(preparing_answers_the_next_key, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(at_once, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(a_next_key_of_the_old_algorithm_is_replaced, set_up_changed, fixture_close),
        cmocka_unit_test_setup_teardown(a_wish_for_another_algorithm_waits, set_up_changed, fixture_close),
        cmocka_unit_test_setup_teardown(a_rotation_that_was_arranged_for_is_kept_to, set_up_changed, fixture_close),
        cmocka_unit_test_setup_teardown(at_once_to_another_algorithm, set_up_changed, fixture_close),
        cmocka_unit_test_setup_teardown(preparing_another_algorithm, set_up_changed, fixture_close),
        cmocka_unit_test_setup_teardown(nodes_that_differ_do_not_fight, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(two_nodes_make_one_key, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(catches_up_with_what_another_did, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(a_clock_that_steps_back, set_up, fixture_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
