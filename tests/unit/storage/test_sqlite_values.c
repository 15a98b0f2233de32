#include "fixture.h"

/* --- what goes in comes out ------------------------------------------------------------------------------------- */

struct round_trip {
    int64_t number;
    struct value note;
    struct value data;
};

static void check_bytes(struct dw_str got, const struct value *want)
{
    if (want->type == VALUE_NULL) {
        assert_null(got.ptr);
        return;
    }
    assert_non_null(got.ptr);
    assert_int_equal(got.len, want->bytes.len);
    assert_true(dw_str_eq(got, want->bytes));
}

static enum dw_err check_item(const struct row *row, void *argument)
{
    const struct round_trip *want = argument;

    assert_true(row_int(row, 0) == want->number);
    assert_int_equal(row_bool(row, 0), want->number != 0);
    assert_int_equal(row_is_null(row, 1), want->note.type == VALUE_NULL);
    check_bytes(row_text(row, 1), &want->note);
    check_bytes(row_blob(row, 2), &want->data);
    return DW_OK;
}

static enum dw_err replace_item(struct transaction *tx, void *argument)
{
    const struct round_trip *c = argument;
    int64_t changes = -1;

    TRY(sql_exec(tx, &ITEM_DELETE, VALUES(V_CSTR("x")), NULL));
    TRY(sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR("x"), V_INT(c->number), c->note, c->data), &changes));
    assert_int_equal(changes, 1);
    return DW_OK;
}

static enum dw_err fetch_item(struct transaction *tx, void *argument)
{
    return sql_one(tx, &ITEM_GET, VALUES(V_CSTR("x")), check_item, argument);
}

static void values_come_back(void **state)
{
    static const char NUL_TEXT[] = "a\0b\0";
    static const char BYTES[] = "\x00\xff\x27\x00;--";
    _cleanup_free_ char *million = malloc(1000000);
    struct fixture *f = *state;

    assert_non_null(million);
    memset(million, 'm', 1000000);
    const struct round_trip CASES[] = {
        { 0, V_NULL, V_NULL },
        { 1, V_TEXT(DW_STR("")), V_BLOB(DW_STR("")) },
        { -1, V_TEXT(dw_str_n(NUL_TEXT, 4)), V_BLOB(dw_str_n(BYTES, 7)) },
        { INT64_MAX, V_CSTR("'); DROP TABLE item; --"), V_BLOB(dw_str_n(BYTES, 1)) },
        { INT64_MIN, V_CSTR("ünï\xf0\x9f\x94\x91"), V_NULL },
        { 7, V_TEXT(dw_str_n(million, 1000000)), V_BLOB(dw_str_n(million, 1000000)) },
        { 8, V_TEXT(dw_str_n(NULL, 0)), V_BLOB(dw_str_n(NULL, 0)) },
    };
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct round_trip c = CASES[i];

        assert_ok(storage_write(f->storage, replace_item, &c));
        if (c.data.bytes.ptr == NULL)
            c.data = V_NULL; /* an absent blob is NULL, as an absent text is */
        assert_ok(storage_read(f->storage, fetch_item, &c));
    }
}

static void a_value_past_the_limit_is_refused(void **state)
{
    _cleanup_free_ char *big = calloc(1, SQLITE_VALUE_BYTES_MAX + 1);
    struct fixture *f = *state;

    assert_non_null(big);
    struct round_trip c = { 1, V_NULL, V_BLOB(dw_str_n(big, SQLITE_VALUE_BYTES_MAX + 1)) };
    assert_err(storage_write(f->storage, replace_item, &c), DW_ERR_LIMIT);
    assert_int_equal(count_items(f->storage), 0);
}

static enum dw_err check_mixed(const struct row *row, void *argument)
{
    assert_true(dw_str_eq(row_text(row, 0), DW_STR("two")));
    assert_int_equal(row_int(row, 1), 1);
    assert_true(dw_str_eq(row_text(row, 2), DW_STR("twothree")));
    return DW_OK;
}

static enum dw_err select_mixed(struct transaction *tx, void *argument)
{
    return sql_one(tx, &MIXED, VALUES(V_INT(1), V_CSTR("two"), V_CSTR("three")), check_mixed, NULL);
}

/* $2 stands first and twice: SQLite numbers by appearance, our callers by what is written. */
static void parameters_go_by_their_number(void **state)
{
    assert_ok(storage_read(((struct fixture *)*state)->storage, select_mixed, NULL));
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

static void put_three(struct fixture *f)
{
    assert_ok(put_item(f->storage, "a", 1));
    assert_ok(put_item(f->storage, "b", 2));
    assert_ok(put_item(f->storage, "c", 3));
}

struct collected {
    int64_t numbers[8];
    size_t n;
    size_t stop_at; /* 0: never */
};

static enum dw_err collect(const struct row *row, void *argument)
{
    struct collected *c = argument;

    if (c->stop_at != 0 && c->n + 1 == c->stop_at)
        return DW_ERR_TIMEOUT;
    c->numbers[c->n++] = row_int(row, 0);
    return DW_OK;
}

static enum dw_err select_each(struct transaction *tx, void *argument)
{
    size_t rows = 99;

    TRY(sql_each(tx, &ITEM_ALL, NO_VALUES, collect, argument, &rows));
    assert_int_equal(rows, ((struct collected *)argument)->n);
    return DW_OK;
}

static void each_row_is_handed_over_in_order(void **state)
{
    struct fixture *f = *state;
    struct collected c = { .n = 0 };

    assert_ok(storage_read(f->storage, select_each, &c));
    assert_int_equal(c.n, 0);
    put_three(f);
    assert_ok(storage_read(f->storage, select_each, &c));
    assert_int_equal(c.n, 3);
    assert_true(c.numbers[0] == 1 && c.numbers[1] == 2 && c.numbers[2] == 3);
}

static void a_row_callback_may_end_it(void **state)
{
    struct fixture *f = *state;
    struct collected c = { .stop_at = 2 };

    put_three(f);
    assert_err(storage_read(f->storage, select_each, &c), DW_ERR_TIMEOUT);
    assert_int_equal(c.n, 1);
    c = (struct collected){ .n = 0 };
    assert_ok(storage_read(f->storage, select_each, &c)); /* the statement was reset */
    assert_int_equal(c.n, 3);
}

static enum dw_err raise_all(struct transaction *tx, void *argument)
{
    return sql_one(tx, &ITEM_RAISE, VALUES(V_INT(10), V_INT(2)), read_number, argument);
}

static enum dw_err raise_each(struct transaction *tx, void *argument)
{
    return sql_each(tx, &ITEM_RAISE, VALUES(V_INT(100), V_INT(2)), collect, argument, NULL);
}

static enum dw_err raise_count(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &ITEM_RAISE, VALUES(V_INT(1000), V_INT(0)), argument);
}

/* sql_one wants one row, but the statement changes two, and both must change. */
static void returning_does_all_its_work(void **state)
{
    struct fixture *f = *state;
    struct collected c = { .n = 0 };
    int64_t number = 0;
    int64_t changes = 0;

    put_three(f);
    assert_ok(storage_write(f->storage, raise_all, &number));
    assert_true(number == 12 || number == 13);
    assert_ok(storage_write(f->storage, raise_each, &c));
    assert_int_equal(c.n, 2);
    assert_ok(storage_write(f->storage, raise_count, &changes));
    assert_int_equal(changes, 3);
    c = (struct collected){ .n = 0 };
    assert_ok(storage_read(f->storage, select_each, &c));
    assert_true(c.numbers[0] == 1001 && c.numbers[1] == 1112 && c.numbers[2] == 1113);
}

static enum dw_err select_missing(struct transaction *tx, void *argument)
{
    return sql_one(tx, &ITEM_GET, VALUES(V_CSTR("nobody")), read_number, argument);
}

static void no_row_is_not_found(void **state)
{
    struct fixture *f = *state;
    int64_t number = 5;

    assert_err(storage_read(f->storage, select_missing, &number), DW_ERR_NOT_FOUND);
    assert_int_equal(number, 5);
}

/* --- refusals --------------------------------------------------------------------------------------------------- */

static enum dw_err insert_orphan(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &CHILD_INSERT, VALUES(V_CSTR("child"), V_CSTR("nobody")), NULL);
}

static void constraints_are_told_apart(void **state)
{
    struct fixture *f = *state;

    assert_ok(put_item(f->storage, "a", 1));
    assert_err(put_item(f->storage, "a", 2), DW_ERR_CONSTRAINT);                   /* unique */
    assert_err(put_item(f->storage, "b", -13), DW_ERR_CONSTRAINT);                 /* check */
    assert_err(storage_write(f->storage, insert_orphan, NULL), DW_ERR_CONSTRAINT); /* foreign key */
    assert_int_equal(count_items(f->storage), 1);
}

static enum dw_err run_stranger(struct transaction *tx, void *argument)
{
    static const struct statement STRANGER = { "stranger", "SELECT 1", 0 };

    return sql_one(tx, &STRANGER, NO_VALUES, read_number, argument);
}

static enum dw_err run_without_values(struct transaction *tx, void *argument)
{
    return sql_one(tx, &ITEM_GET, NO_VALUES, read_number, argument);
}

static enum dw_err insert_on_reader(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR("r"), V_NULL, V_NULL, V_NULL), NULL);
}

static enum dw_err run_again(const struct row *row, void *argument)
{
    return sql_each(argument, &ITEM_ALL, NO_VALUES, NULL, NULL, NULL);
}

static enum dw_err run_in_itself(struct transaction *tx, void *argument)
{
    return sql_each(tx, &ITEM_ALL, NO_VALUES, run_again, tx, NULL);
}

static void misuse_is_refused(void **state)
{
    struct fixture *f = *state;
    int64_t number;

    put_three(f);
    assert_err(storage_read(f->storage, run_stranger, &number), DW_ERR_INTERNAL);
    assert_err(storage_read(f->storage, run_without_values, &number), DW_ERR_ARGUMENT);
    assert_err(storage_read(f->storage, insert_on_reader, NULL), DW_ERR_DATABASE);
    assert_err(storage_read(f->storage, run_in_itself, NULL), DW_ERR_INTERNAL);
    assert_int_equal(count_items(f->storage), 3); /* and both connections still work */
    assert_int_equal(count_items(f->storage), 3);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_database, fixture_remove)
    const struct CMUnitTest tests[] = {
        CASE(values_come_back),
        CASE(a_value_past_the_limit_is_refused),
        CASE(parameters_go_by_their_number),
        CASE(each_row_is_handed_over_in_order),
        CASE(a_row_callback_may_end_it),
        CASE(returning_does_all_its_work),
        CASE(no_row_is_not_found),
        CASE(constraints_are_told_apart),
        CASE(misuse_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
