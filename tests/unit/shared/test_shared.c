/* The memory of what is revoked and of what changed, read by several threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/deny_list.h"
#include "shared/invalidation.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { NOW = 1000, LINE_SIZE = 128 };

static struct dw_str uuid_of(unsigned n, char text[DW_UUID_SIZE])
{
    snprintf(text, DW_UUID_SIZE, "0190a5e4-0000-7000-8000-%012x", n);
    return dw_str(text);
}

static bool has(struct deny_list *list, unsigned n)
{
    char text[DW_UUID_SIZE];
    struct deny_id id;

    assert_true(deny_id_parse(uuid_of(n, text), &id));
    return deny_list_has(list, &id);
}

static enum dw_err add(struct deny_list *list, unsigned n, int64_t expires_s, int64_t now_s)
{
    char text[DW_UUID_SIZE];

    return deny_list_add(list, uuid_of(n, text), expires_s, now_s);
}

static void only_uuids_are_ids(void **state)
{
    static const char *const BAD[] = {
        "", "x", "0190a5e4-0000-7000-8000-00000000000", "0190a5e4-0000-7000-8000-0000000000000",
        "0190a5e4-0000-7000-8000-00000000000g", "0190a5e4x0000-7000-8000-000000000000",
        "00000000-0000-0000-0000-000000000000",
    };
    struct deny_list *list = NULL;
    struct deny_id id;

    (void)state;
    assert_int_equal(deny_list_new(&list), DW_OK);
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_false(deny_id_parse(dw_str(BAD[i]), &id));
        assert_int_equal(deny_list_add(list, dw_str(BAD[i]), NOW + 1, NOW), DW_ERR_ARGUMENT);
    }
    assert_int_equal(deny_list_size(list), 0);
    deny_list_free(&list);
    assert_null(list);
}

static void what_was_added_is_denied_while_the_table_grows(void **state)
{
    enum { MANY = 20000 };
    struct deny_list *list = NULL;

    (void)state;
    assert_int_equal(deny_list_new(&list), DW_OK);
    for (unsigned i = 1; i <= MANY; i++) {
        assert_int_equal(add(list, i, NOW + 10, NOW), DW_OK);
        assert_int_equal(add(list, i, NOW + 10, NOW), DW_OK);
    }
    assert_int_equal(deny_list_size(list), MANY);
    for (unsigned i = 1; i <= MANY; i++)
        assert_true(has(list, i));
    assert_false(has(list, MANY + 1));
    assert_int_equal(add(list, MANY + 1, NOW, NOW), DW_OK);
    assert_false(has(list, MANY + 1));
    deny_list_free(&list);
}

static void what_has_expired_makes_room(void **state)
{
    struct deny_list *list = NULL;

    (void)state;
    assert_int_equal(deny_list_new(&list), DW_OK);
    for (unsigned i = 1; i <= 100000; i++)
        assert_int_equal(add(list, i, i + 100, i), DW_OK);
    assert_true(deny_list_size(list) < 1000);
    assert_true(has(list, 100000));
    deny_list_free(&list);
}

/* Memory of this process's own that is resident. */
static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[LINE_SIZE];
    long kib = -1;

    assert_non_null(file);
    while (kib < 0 && fgets(line, sizeof(line), file) != NULL)
        (void)!sscanf(line, "RssAnon: %ld", &kib);
    fclose(file);
    assert_true(kib > 0);
    return kib;
}

/* What is alive here needs a table of a million slots, which left others of that size, of half of it, and so on. */
static void old_tables_hold_no_memory(void **state)
{
    enum { MANY = 200000, GENERATIONS = 3, TABLE_KIB = 1024 * 24, SLACK_KIB = 4 * 1024 };
    struct deny_list *list = NULL;
    const long before_kib = resident_kib();

    (void)state;
    assert_int_equal(deny_list_new(&list), DW_OK);
    for (unsigned i = 1; i <= GENERATIONS * MANY; i++)
        assert_int_equal(add(list, i, NOW + i + MANY, NOW + i), DW_OK);
    assert_true(resident_kib() - before_kib < TABLE_KIB + SLACK_KIB);
    assert_true(has(list, GENERATIONS * MANY));
    assert_true(has(list, GENERATIONS * MANY - MANY / 2));
    assert_false(has(list, 1));
    deny_list_free(&list);
    assert_true(resident_kib() - before_kib < SLACK_KIB);
}

struct readers {
    struct deny_list *list;
    _Atomic unsigned added;
    _Atomic bool stop;
    _Atomic unsigned missed;
};

static void *look_for_what_was_added(void *argument)
{
    struct readers *r = argument;

    while (!atomic_load(&r->stop)) {
        const unsigned newest = atomic_load(&r->added);

        if (newest > 0 && !has(r->list, newest))
            atomic_fetch_add(&r->missed, 1);
    }
    return NULL;
}

static void readers_never_miss_what_was_acknowledged(void **state)
{
    struct readers r = { 0 };
    pthread_t threads[3];

    (void)state;
    assert_int_equal(deny_list_new(&r.list), DW_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_for_what_was_added, &r), 0);
    for (unsigned i = 1; i <= 30000; i++) {
        assert_int_equal(add(r.list, i, NOW + 100000 + i, NOW + i), DW_OK);
        atomic_store(&r.added, i);
    }
    atomic_store(&r.stop, true);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(r.missed, 0);
    deny_list_free(&r.list);
}

/* --- the invalidation log --------------------------------------------------------------------------------------- */

static unsigned alive; /* references to the counted object */

static void count_ref(void *pointer)
{
    (void)pointer;
    alive++;
}

static void count_unref(void *pointer)
{
    (void)pointer;
    alive--;
}

static const struct change_object COUNTED = { .pointer = &alive, .ref = count_ref, .unref = count_unref };

static void remember_kinds(const struct change *change, void *argument)
{
    char *text = argument;
    static const char LETTERS[] = { [CHANGE_USER] = 'u', [CHANGE_KEYS] = 'k', [CHANGE_LOADED] = 'l' };

    text[strlen(text)] = LETTERS[change->kind];
}

static void changes_are_read_in_order_and_once(void **state)
{
    struct invalidation *inv = NULL;
    char kinds[16] = "";
    uint64_t seen = 0;

    (void)state;
    assert_int_equal(invalidation_new(&inv), DW_OK);
    invalidation_publish(inv, CHANGE_USER, DW_STR("a"));
    invalidation_publish(inv, CHANGE_KEYS, DW_STR(""));
    assert_true(invalidation_catch_up(inv, &seen, remember_kinds, kinds));
    assert_string_equal(kinds, "uk");
    assert_int_equal(seen, invalidation_now(inv));
    invalidation_offer(inv, DW_STR("a"), invalidation_now(inv), COUNTED);
    assert_true(invalidation_catch_up(inv, &seen, remember_kinds, kinds));
    assert_string_equal(kinds, "ukl");
    assert_int_equal(alive, 1);
    invalidation_free(&inv);
    assert_int_equal(alive, 0);
}

static void a_copy_that_is_stale_is_not_offered(void **state)
{
    struct invalidation *inv = NULL;

    (void)state;
    assert_int_equal(invalidation_new(&inv), DW_OK);
    const uint64_t read_at = invalidation_now(inv);

    invalidation_publish(inv, CHANGE_USER, DW_STR("b"));
    invalidation_offer(inv, DW_STR("a"), read_at, COUNTED);
    assert_int_equal(alive, 1);
    invalidation_publish(inv, CHANGE_USER, DW_STR("a"));
    invalidation_offer(inv, DW_STR("a"), read_at, COUNTED);
    assert_int_equal(alive, 1);
    for (unsigned i = 0; i < INVALIDATION_RING; i++)
        invalidation_publish(inv, CHANGE_USER, DW_STR("c"));
    assert_int_equal(alive, 0);
    invalidation_offer(inv, DW_STR("a"), read_at + 3, COUNTED);
    assert_int_equal(alive, 0);
    invalidation_free(&inv);
}

static void who_falls_behind_is_told_to_forget(void **state)
{
    struct invalidation *inv = NULL;
    char kinds[16] = "";
    uint64_t seen = 0;

    (void)state;
    assert_int_equal(invalidation_new(&inv), DW_OK);
    for (unsigned i = 0; i < INVALIDATION_RING + 1; i++)
        invalidation_publish(inv, CHANGE_USER, DW_STR("c"));
    assert_false(invalidation_catch_up(inv, &seen, remember_kinds, kinds));
    assert_string_equal(kinds, "");
    assert_int_equal(seen, invalidation_now(inv));
    assert_true(invalidation_catch_up(inv, &seen, remember_kinds, kinds));
    invalidation_free(&inv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_uuids_are_ids),
        cmocka_unit_test(what_was_added_is_denied_while_the_table_grows),
        cmocka_unit_test(what_has_expired_makes_room),
        cmocka_unit_test(old_tables_hold_no_memory),
        cmocka_unit_test(readers_never_miss_what_was_acknowledged),
        cmocka_unit_test(changes_are_read_in_order_and_once),
        cmocka_unit_test(a_copy_that_is_stale_is_not_offered),
        cmocka_unit_test(who_falls_behind_is_told_to_forget),
    };

    return cmocka_run_group_tests_name("shared", tests, NULL, NULL);
}
