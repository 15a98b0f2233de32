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

static void on_wish_a_key_is_published_before_it_signs(void **state)
{
    struct fixture *f = *state;

    fixture_user(f, "alice", "user");
    const struct token_pair before = fixture_pair(f, "alice");
    const struct dw_str old = dw_arena_copy(f->arena, active(f));
    const struct dw_str next = rotate(f, false);

    assert_false(dw_str_eq(next, old));
    assert_true(dw_str_eq(active(f), old));
    assert_non_null(dw_keyset_find(signing_key_set(f->identity), next));
    assert_int_equal(key_of(f, "next").starts_at, START_S + LEAD_S);
    keep_at(f, START_S + LEAD_S - 1);
    assert_true(dw_str_eq(active(f), old));
    assert_true(dw_str_eq(rotate(f, false), next)); /* asked twice is asked once */
    assert_int_equal(key_of(f, "next").starts_at, START_S + LEAD_S);
    dw_clock_set(START_S);
    keep_at(f, START_S + LEAD_S);
    assert_true(dw_str_eq(active(f), next));
    assert_int_equal(key_of(f, "next").kid.len, 0);
    assert_int_equal(key_of(f, "active").starts_at, -1);
    dw_clock_set(START_S + FIXTURE_ACCESS_TTL_S - 1);
    assert_int_equal(fixture_check(f, before.access_token), DW_OK);
}

static void an_old_key_outlives_its_last_token(void **state)
{
    struct fixture *f = *state;
    const struct dw_str old = dw_arena_copy(f->arena, active(f));
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

static void by_age(void **state)
{
    struct fixture *f = *state;
    const struct dw_str first = dw_arena_copy(f->arena, active(f));

    keep_at(f, START_S + 100 * ROTATION_S); /* it is off */
    assert_int_equal(key_of(f, "next").kid.len, 0);
    f->identity->config.key_rotation_s = ROTATION_S;
    keep_at(f, START_S + ROTATION_S - LEAD_S - 1);
    assert_int_equal(key_of(f, "next").kid.len, 0);
    keep_at(f, START_S + ROTATION_S - LEAD_S);
    const struct signing_key_info next = key_of(f, "next");

    assert_int_equal(next.starts_at, START_S + ROTATION_S);
    keep_at(f, START_S + ROTATION_S - 1);
    assert_true(dw_str_eq(active(f), first));
    keep_at(f, START_S + ROTATION_S);
    assert_true(dw_str_eq(active(f), next.kid));
    /* It was made LEAD_S ago, and is replaced when it is ROTATION_S old. */
    keep_at(f, next.created_at + ROTATION_S - LEAD_S);
    assert_int_equal(key_of(f, "next").starts_at, next.created_at + ROTATION_S);
}

/* The server was down for a year: the key is published first all the same. */
static void far_too_old(void **state)
{
    struct fixture *f = *state;
    const int64_t now_s = START_S + 365 * 86400;

    f->identity->config.key_rotation_s = ROTATION_S;
    keep_at(f, now_s);
    assert_int_equal(key_of(f, "next").starts_at, now_s + LEAD_S);
}

static void a_prepared_key_waits_until_it_is_known(void **state)
{
    struct fixture *f = *state;
    struct dw_str next, again;

    assert_int_equal(signing_key_prepare(f->identity, &SYSTEM, f->arena, &next), DW_OK);
    assert_int_equal(signing_key_prepare(f->identity, &SYSTEM, f->arena, &again), DW_ERR_CONFLICT);
    assert_int_equal(key_of(f, "next").starts_at, -1);
    keep_at(f, START_S + 10 * LEAD_S);
    assert_false(dw_str_eq(active(f), next));
    dw_clock_set(START_S + 10);
    assert_true(dw_str_eq(rotate(f, false), next));
    assert_int_equal(key_of(f, "next").starts_at, START_S + LEAD_S);
    dw_clock_set(START_S + LEAD_S);
    assert_true(dw_str_eq(rotate(f, false), next)); /* known by all: it signs from now on */
    assert_true(dw_str_eq(active(f), next));
}

static void a_prepared_key_comes_of_age_too(void **state)
{
    struct fixture *f = *state;
    struct dw_str next;

    f->identity->config.key_rotation_s = ROTATION_S;
    assert_int_equal(signing_key_prepare(f->identity, &SYSTEM, f->arena, &next), DW_OK);
    keep_at(f, START_S + ROTATION_S - LEAD_S);
    assert_int_equal(key_of(f, "next").starts_at, START_S + ROTATION_S);
    assert_true(dw_str_eq(key_of(f, "next").kid, next));
}

static void at_once(void **state)
{
    struct fixture *f = *state;
    struct dw_str next;
    const struct dw_str fresh = rotate(f, true);

    assert_true(dw_str_eq(active(f), fresh));
    assert_int_equal(signing_key_prepare(f->identity, &SYSTEM, f->arena, &next), DW_OK);
    assert_true(dw_str_eq(rotate(f, true), next));
    assert_true(dw_str_eq(active(f), next));
}

static void two_nodes_make_one_key(void **state)
{
    struct fixture *f = *state;
    struct identity *beside = open_beside(f);

    f->identity->config.key_rotation_s = beside->config.key_rotation_s = ROTATION_S;
    keep_at(f, START_S + ROTATION_S - LEAD_S);
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
    identity_close(&beside);
}

static void catches_up_with_what_another_did(void **state)
{
    struct fixture *f = *state;
    struct identity *beside = open_beside(f);
    const struct dw_str old = dw_arena_copy(f->arena, active(f));
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
        cmocka_unit_test_setup_teardown(on_wish_a_key_is_published_before_it_signs, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(an_old_key_outlives_its_last_token, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(by_age, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(far_too_old, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(a_prepared_key_waits_until_it_is_known, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(a_prepared_key_comes_of_age_too, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(at_once, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(two_nodes_make_one_key, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(catches_up_with_what_another_did, set_up, fixture_close),
        cmocka_unit_test_setup_teardown(a_clock_that_steps_back, set_up, fixture_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
