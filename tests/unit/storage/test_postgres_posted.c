/* Writes that nobody waits for, through the PostgreSQL driver's pipeline. */
#include "postgres_fixture.h"
#include "posted.h"

static struct posting posting_of(struct fixture *f)
{
    return (struct posting){ .storage = f->storage, .insert = &INSERT, .get = &GET };
}

/* More statements than the driver waits for at a time, in several batches. */
static void test_many_are_all_done(void **state)
{
    static struct posted posted[GROUP_QUEUE_MAX];
    struct fixture *f = *state;
    struct posting posting = posting_of(f);
    const struct pg_state *s = storage_driver_state(f->storage);

    assert_int_equal(posted_run(&posting, posted, ARRAY_SIZE(posted)), GROUP_QUEUE_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(posted); i++) {
        assert_ok(posted[i].err);
        assert_int_equal(posted[i].n_runs, 1);
    }
    assert_int_equal(count(f->storage), GROUP_QUEUE_MAX);
    assert_in_range(s->writer.n_commits, GROUP_QUEUE_MAX / GROUP_BATCH_MAX, GROUP_QUEUE_MAX / GROUP_BATCH_MAX + 1);
}

/* A refused statement takes the transaction with it: then each runs behind a savepoint. */
static void test_one_that_fails_does_not_hurt_its_neighbours(void **state)
{
    struct fixture *f = *state;
    struct posting posting = posting_of(f);
    struct posted posted[6] = { [2].also = "taken", [4].answer = DW_ERR_CONFLICT };

    assert_ok(put(f->storage, "taken", 1));
    posted_run(&posting, posted, ARRAY_SIZE(posted));
    for (unsigned i = 0; i < ARRAY_SIZE(posted); i++) {
        assert_err(posted[i].err, i == 2 ? DW_ERR_CONSTRAINT : i == 4 ? DW_ERR_CONFLICT : DW_OK);
        assert_int_equal(posted[i].n_runs, 2);
    }
    assert_int_equal(count(f->storage), 1 + 4);
    assert_ok(put(f->storage, "after", 1));
}

static void test_the_second_step_alone_refuses(void **state)
{
    struct fixture *f = *state;
    struct posting posting = posting_of(f);
    struct posted posted[3] = { [1].answer = DW_ERR_CONFLICT };

    posted_run(&posting, posted, ARRAY_SIZE(posted));
    assert_ok(posted[0].err);
    assert_err(posted[1].err, DW_ERR_CONFLICT);
    assert_ok(posted[2].err);
    assert_int_equal(count(f->storage), 2);
}

static void test_a_lone_one_that_fails_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct posting posting = posting_of(f);
    struct posted posted[1] = { { .also = "taken" } };

    assert_ok(put(f->storage, "taken", 1));
    posted_run(&posting, posted, 1);
    assert_err(posted[0].err, DW_ERR_CONSTRAINT);
    assert_int_equal(count(f->storage), 1);
    assert_ok(put(f->storage, "after", 1));
}

/* The holder has used the connection, which is gone when the batch comes: all of it runs again, as it was. */
static void test_a_connection_that_was_cut_costs_nothing(void **state)
{
    struct fixture *f = *state;
    struct posting posting = posting_of(f);
    struct posted posted[4] = { 0 };

    assert_ok(put(f->storage, "before", 1));
    say(f->url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    listen_to_log(f);
    posted_run(&posting, posted, ARRAY_SIZE(posted));
    assert_true(told(f, "database"));
    for (size_t i = 0; i < ARRAY_SIZE(posted); i++)
        assert_ok(posted[i].err);
    assert_int_equal(count(f->storage), 1 + 4);
}

/* Within an ordinary write and within a read: what was not waited for is there, or fails, at the next statement. */
static enum dw_err later_in_a_write(struct transaction *tx, void *argument)
{
    int64_t *counts = argument;

    TRY(sql_later(tx, &COUNT, NO_VALUES, read_number, &counts[0], NULL));
    TRY(sql_later(tx, &INSERT, VALUES(V_CSTR("later"), V_INT(1), V_NULL, V_NULL), NULL, NULL, &counts[1]));
    TRY(sql_one(tx, &COUNT, NO_VALUES, read_number, &counts[2]));
    TRY(sql_later(tx, &COUNT, NO_VALUES, read_number, &counts[3], NULL));
    return sql_wait(tx);
}

static enum dw_err later_fails(struct transaction *tx, void *argument)
{
    TRY(sql_later(tx, &INSERT, VALUES(V_CSTR("later"), V_INT(1), V_NULL, V_NULL), NULL, NULL, NULL));
    return sql_one(tx, &COUNT, NO_VALUES, read_number, argument);
}

static enum dw_err later_in_a_read(struct transaction *tx, void *argument)
{
    return sql_later(tx, &COUNT, NO_VALUES, read_number, argument, NULL);
}

static void test_later_keeps_the_order(void **state)
{
    struct fixture *f = *state;
    int64_t counts[4] = { -1, -1, -1, -1 };

    assert_ok(storage_write(f->storage, later_in_a_write, counts));
    assert_int_equal(counts[0], 0);
    assert_int_equal(counts[1], 1);
    assert_int_equal(counts[2], 1);
    assert_int_equal(counts[3], 1);
    assert_err(storage_write(f->storage, later_fails, counts), DW_ERR_CONSTRAINT);
    counts[0] = -1;
    assert_ok(storage_read(f->storage, later_in_a_read, counts));
    assert_int_equal(counts[0], 1); /* read at the transaction's end at the latest */
    assert_int_equal(count(f->storage), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_many_are_all_done),
        CASE(test_one_that_fails_does_not_hurt_its_neighbours),
        CASE(test_the_second_step_alone_refuses),
        CASE(test_a_lone_one_that_fails_leaves_nothing),
        CASE(test_a_connection_that_was_cut_costs_nothing),
        CASE(test_later_keeps_the_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
