/* Reading and writing through the PostgreSQL driver against a real server. */
#include "postgres_fixture.h"

enum { THREADS = 8, WRITES_EACH = 25 };

static const struct statement STRANGER = { "stranger", "SELECT 1", 0 };

static enum dw_err compare(const struct row *row, void *argument)
{
    const struct item *item = argument;
    const struct dw_str note = row_text(row, 1);

    assert_true(row_is_null(row, 0) == (item->number.type == VALUE_NULL));
    assert_int_equal(row_int(row, 0), item->number.integer);
    assert_true(dw_str_is_absent(note) == (item->note.type == VALUE_NULL));
    assert_true(dw_str_eq(note, item->note.bytes));
    assert_true(row_bool(row, 2) == (item->flag.integer != 0));
    return DW_OK;
}

static enum dw_err select_item(struct transaction *tx, void *argument)
{
    return sql_one(tx, &GET, VALUES(V_CSTR(((struct item *)argument)->id)), compare, argument);
}

static void test_values_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    struct item items[] = {
        { .id = "zero", .number = V_INT(0), .note = V_CSTR(""), .flag = V_INT(0) },
        { .id = "least", .number = V_INT(INT64_MIN), .note = V_CSTR("'); DROP TABLE item; --"), .flag = V_INT(1) },
        { .id = "most", .number = V_INT(INT64_MAX), .note = V_CSTR("\\x41 \\ $1 \"ü€😀"), .flag = V_INT(1) },
        { .id = "nothing", .number = V_NULL, .note = V_NULL, .flag = V_NULL },
    };

    for (int round = 0; round < 2; round++) /* prepared the second time */
        for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
            if (round == 0)
                assert_ok(storage_write(f->storage, insert, &items[i]));
            assert_ok(storage_read(f->storage, select_item, &items[i]));
        }
    assert_err(storage_read(f->storage, select_item, &(struct item){ .id = "nobody" }), DW_ERR_NOT_FOUND);
}

static void test_what_it_can_not_hold_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct {
        struct value note;
        enum dw_err err;
    } cases[] = {
        { V_TEXT(dw_str_n("a\0b", 3)), DW_ERR_ENCODING },
        { V_BLOB(DW_STR("bytes")), DW_ERR_UNSUPPORTED },
        { V_TEXT(dw_str_n("\xff\xfe", 2)), DW_ERR_DATABASE }, /* not UTF-8: the server says so */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct item item = { .id = "x", .number = V_INT(1), .note = cases[i].note, .flag = V_NULL };
        listen_to_log(f);
        assert_err(storage_write(f->storage, insert, &item), cases[i].err);
        assert_false(told(f, "bytes"));
    }
    assert_int_equal(count(f->storage), 0);
}

/* --- writes that fail --------------------------------------------------------------------------------------------- */

static enum dw_err insert_child(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &CHILD, VALUES(V_CSTR("c"), V_CSTR(argument)), NULL);
}

static enum dw_err run_stranger(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &STRANGER, NO_VALUES, NULL);
}

static enum dw_err write_within(struct transaction *tx, void *argument)
{
    return put(argument, "within", 1);
}

static void test_a_refused_write_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct item undone = { .id = "u", .number = V_INT(1), .note = V_NULL, .flag = V_NULL, .after = DW_ERR_CONFLICT };

    assert_ok(put(f->storage, "a", 1));
    assert_err(put(f->storage, "a", 2), DW_ERR_CONSTRAINT);
    assert_err(put(f->storage, "b", -13), DW_ERR_CONSTRAINT);
    assert_err(storage_write(f->storage, insert_child, (void *)"nobody"), DW_ERR_CONSTRAINT);
    assert_err(storage_write(f->storage, insert, &undone), DW_ERR_CONFLICT);
    assert_err(storage_write(f->storage, write_within, f->storage), DW_ERR_INTERNAL);
    listen_to_log(f);
    assert_err(storage_read(f->storage, run_stranger, NULL), DW_ERR_INTERNAL);
    assert_true(told(f, "stranger"));
    assert_int_equal(count(f->storage), 1);
}

struct job {
    struct storage *storage;
    int number;
    pthread_t thread;
    int done, refused;
};

static void *write_many(void *argument)
{
    struct job *job = argument;

    for (int i = 0; i < WRITES_EACH; i++) {
        char id[32];
        snprintf(id, sizeof(id), "%d-%d", job->number, i);
        /* Every fifth breaks a rule amid the others of its batch. */
        const enum dw_err err = put(job->storage, id, i % 5 == 4 ? -13 : i);
        job->done += err == DW_OK;
        job->refused += err == DW_ERR_CONSTRAINT;
    }
    return NULL;
}

static void run_jobs(struct storage *storage, struct job jobs[THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){ .storage = storage, .number = i };
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, write_many, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(jobs[i].thread, NULL);
}

static void test_a_failed_write_does_not_hurt_its_neighbours(void **state)
{
    struct fixture *f = *state;
    struct job jobs[THREADS];

    run_jobs(f->storage, jobs);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(jobs[i].done, WRITES_EACH * 4 / 5);
        assert_int_equal(jobs[i].refused, WRITES_EACH / 5);
    }
    assert_int_equal(count(f->storage), THREADS * WRITES_EACH * 4 / 5);
    const struct pg_state *s = storage_driver_state(f->storage);
    assert_true(s->writer.n_commits < s->writer.n_writes); /* they shared commits */
}

/* --- reads -------------------------------------------------------------------------------------------------------- */

struct snapshot {
    struct storage *storage;
    int64_t before, after;
};

static enum dw_err read_twice(struct transaction *tx, void *argument)
{
    struct snapshot *s = argument;

    TRY(sql_one(tx, &COUNT, NO_VALUES, read_number, &s->before));
    TRY(put(s->storage, "meanwhile", 1));
    return sql_one(tx, &COUNT, NO_VALUES, read_number, &s->after);
}

static enum dw_err write_in_read(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &INSERT, VALUES(V_CSTR("r"), V_INT(1), V_NULL, V_NULL), NULL);
}

static enum dw_err stop_at_two(const struct row *row, void *argument)
{
    int *n = argument;

    return ++*n == 2 ? DW_ERR_LIMIT : DW_OK;
}

static enum dw_err read_some(struct transaction *tx, void *argument)
{
    return sql_each(tx, &ALL, NO_VALUES, stop_at_two, argument, NULL);
}

static void test_a_read_sees_one_state_and_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct snapshot s = { .storage = f->storage };
    int n = 0;

    assert_ok(storage_read(f->storage, read_twice, &s));
    assert_int_equal(s.before, 0);
    assert_int_equal(s.after, 0);
    assert_int_equal(count(f->storage), 1);
    listen_to_log(f);
    assert_err(storage_read(f->storage, write_in_read, NULL), DW_ERR_UNAVAILABLE);
    assert_true(told(f, "25006"));
    assert_ok(put(f->storage, "b", 1));
    assert_ok(put(f->storage, "c", 1));
    assert_err(storage_read(f->storage, read_some, &n), DW_ERR_LIMIT);
    assert_int_equal(n, 2);
    assert_int_equal(count(f->storage), 3);
}

static enum dw_err raise(struct transaction *tx, void *argument)
{
    return sql_one(tx, &RAISE, VALUES(V_INT(10), V_INT(0)), read_number, argument);
}

static void test_returning_gives_rows(void **state)
{
    struct fixture *f = *state;
    int64_t number = 0;

    assert_err(storage_write(f->storage, raise, &number), DW_ERR_NOT_FOUND);
    assert_ok(put(f->storage, "a", 32));
    assert_ok(storage_write(f->storage, raise, &number));
    assert_int_equal(number, 42);
}

static enum dw_err swallow(struct transaction *tx, void *argument)
{
    return insert(tx, argument) == DW_ERR_CONSTRAINT ? DW_OK : DW_ERR_INTERNAL;
}

/* PostgreSQL answers a COMMIT of what has failed with a ROLLBACK, which is no error of its own. */
static void test_an_error_that_is_swallowed_is_no_success(void **state)
{
    struct fixture *f = *state;
    struct item item = { .id = "bad", .number = V_INT(-13), .note = V_NULL, .flag = V_NULL };

    listen_to_log(f);
    assert_err(storage_write(f->storage, swallow, &item), DW_ERR_DATABASE);
    assert_true(told(f, "it was rolled back"));
    assert_ok(put(f->storage, "after", 1));
    assert_int_equal(count(f->storage), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_values_come_back_as_they_were),
        CASE(test_what_it_can_not_hold_is_refused),
        CASE(test_a_refused_write_leaves_nothing),
        CASE(test_a_failed_write_does_not_hurt_its_neighbours),
        CASE(test_a_read_sees_one_state_and_writes_nothing),
        CASE(test_returning_gives_rows),
        CASE(test_an_error_that_is_swallowed_is_no_success),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
