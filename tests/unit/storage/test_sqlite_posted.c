/* Writes that nobody waits for, on SQLite. */
#include "fixture.h"
#include "posted.h"

static struct posting posting_of(struct fixture *f)
{
    return (struct posting){ .storage = f->storage, .insert = &ITEM_INSERT, .get = &ITEM_GET };
}

static void a_batch_is_one_transaction(void **state)
{
    struct fixture *f = *state;
    struct posting posting = posting_of(f);
    struct posted posted[5] = { 0 };

    assert_int_equal(posted_run(&posting, posted, ARRAY_SIZE(posted)), ARRAY_SIZE(posted));
    for (size_t i = 0; i < ARRAY_SIZE(posted); i++) {
        assert_ok(posted[i].err);
        assert_int_equal(posted[i].n_runs, 1);
        assert_true(has_item(f->storage, posted[i].id));
    }
    assert_int_equal(fixture_state(f)->writer.n_commits, 1 + 1); /* the holder's */
}

/* The first time all go without a savepoint; the second time each has its own. */
static void one_that_fails_does_not_hurt_its_neighbours(void **state)
{
    struct fixture *f = *state;
    struct posting posting = posting_of(f);
    struct posted posted[6] = { [2].also = "taken", [4].answer = DW_ERR_CONFLICT };

    assert_ok(put_item(f->storage, "taken", 1));
    posted_run(&posting, posted, ARRAY_SIZE(posted));
    for (unsigned i = 0; i < ARRAY_SIZE(posted); i++) {
        assert_err(posted[i].err, i == 2 ? DW_ERR_CONSTRAINT : i == 4 ? DW_ERR_CONFLICT : DW_OK);
        assert_int_equal(has_item(f->storage, posted[i].id), posted[i].err == DW_OK);
        assert_int_equal(posted[i].n_runs, i <= 2 ? 2 : 1);
    }
    assert_int_equal(count_items(f->storage), 1 + 4);
}

static void a_lone_one_that_fails_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct posting posting = posting_of(f);
    struct posted posted[1] = { { .also = "taken" } };

    assert_ok(put_item(f->storage, "taken", 1));
    posted_run(&posting, posted, 1);
    assert_err(posted[0].err, DW_ERR_CONSTRAINT);
    assert_int_equal(posted[0].n_runs, 1);
    assert_int_equal(count_items(f->storage), 1);
}

static void a_full_queue_takes_no_more(void **state)
{
    static struct posted posted[GROUP_QUEUE_MAX + 1];
    struct fixture *f = *state;
    struct posting posting = posting_of(f);

    assert_int_equal(posted_run(&posting, posted, ARRAY_SIZE(posted)), GROUP_QUEUE_MAX);
    assert_err(posting.refused, DW_ERR_BUSY);
    for (unsigned i = 0; i < GROUP_QUEUE_MAX; i++)
        assert_ok(posted[i].err);
    assert_int_equal(count_items(f->storage), GROUP_QUEUE_MAX);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_database, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_batch_is_one_transaction),
        CASE(one_that_fails_does_not_hurt_its_neighbours),
        CASE(a_lone_one_that_fails_leaves_nothing),
        CASE(a_full_queue_takes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
