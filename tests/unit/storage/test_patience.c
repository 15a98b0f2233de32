/* How long reads and writes of a request may wait, in all. */
#include "fixture.h"

#include "base/patience.h"

enum { PATIENCE_MS = 60 * 60 * 1000, HALF_MS = PATIENCE_MS / 2 };

struct request {
    struct patience_line line;
    struct patience patience;
};

static int open_patient(void **state)
{
    fixture_directory(state);
    struct fixture *f = *state;
    const struct storage_config config = { .url = f->url, .readers = 1, .migrate = true, .patience_ms = PATIENCE_MS };

    assert_ok(storage_open(DRIVERS, &SCHEMA, &config, &f->storage));
    return 0;
}

static void begin(struct request *r, int64_t in_line_ms, int64_t spent_ms)
{
    r->line.n_threads = 1;
    r->patience = (struct patience){ 0 };
    patience_line_up(&r->patience, &r->line);
    patience_begin(&r->patience);
    r->patience.in_line_ms = in_line_ms;
    r->patience.spent_ms = spent_ms;
}

static enum dw_err read_nothing(struct transaction *tx, void *argument)
{
    (void)tx;
    ++*(unsigned *)argument;
    return DW_OK;
}

static void a_request_that_has_waited_enough_is_refused(void **state)
{
    static const struct {
        int64_t in_line_ms, spent_ms;
        enum dw_err err;
    } ROWS[] = {
        { 0, 0, DW_OK },
        { 0, HALF_MS, DW_OK },
        { HALF_MS, HALF_MS / 2, DW_OK },
        { HALF_MS + 1, 0, DW_ERR_BUSY },      /* it would give up halfway */
        { HALF_MS, HALF_MS, DW_ERR_BUSY },
        { 0, PATIENCE_MS, DW_ERR_BUSY },
        { 0, PATIENCE_MS + 1, DW_ERR_BUSY },
        { INT64_MAX / 4, INT64_MAX / 4, DW_ERR_BUSY },
    };
    struct fixture *f = *state;
    struct request r = { 0 };
    int64_t written = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        unsigned n_read = 0;
        char id[8];

        snprintf(id, sizeof(id), "%zu", i);
        begin(&r, ROWS[i].in_line_ms, ROWS[i].spent_ms);
        assert_err(storage_read(f->storage, read_nothing, &n_read), ROWS[i].err);
        assert_err(storage_ping(f->storage), ROWS[i].err);
        assert_err(put_item(f->storage, id, 1), ROWS[i].err);
        patience_end();
        assert_int_equal(n_read, ROWS[i].err == DW_OK);
        written += ROWS[i].err == DW_OK;
        assert_int_equal(count_items(f->storage), written); /* nobody's: there is no end */
        assert_true(storage_can_write(f->storage)); /* a long line says nothing of the database */
    }
}

/* Its write is there, and it can tell so. */
static void a_request_that_has_written_can_answer(void **state)
{
    struct fixture *f = *state;
    struct request r = { 0 };
    unsigned n_read = 0;

    begin(&r, 10, PATIENCE_MS - 20000);
    assert_ok(put_item(f->storage, "1", 1));
    assert_int_equal(r.patience.spent_ms, HALF_MS);
    r.patience.spent_ms += HALF_MS - 20000;
    assert_ok(storage_read(f->storage, read_nothing, &n_read));
    patience_end();
}

/* All readers are with others. */
static void nobody_waits_for_a_reader_without_end(void **state)
{
    struct fixture *f = *state;
    struct sqlite_state *s = fixture_state(f);
    struct sqlite_connection *only;
    struct request r = { 0 };
    unsigned n_read = 0;

    assert_ok(sqlite_readers_take(&s->readers, INT64_MAX, &only));
    begin(&r, 0, PATIENCE_MS - 20);
    assert_err(storage_read(f->storage, read_nothing, &n_read), DW_ERR_BUSY);
    assert_in_range(r.patience.spent_ms, PATIENCE_MS - 20, INT64_MAX);
    patience_end();
    sqlite_readers_give(&s->readers, only);
    assert_ok(storage_read(f->storage, read_nothing, &n_read));
    assert_int_equal(n_read, 1);
}

int main(void)
{
#define PATIENT(test) cmocka_unit_test_setup_teardown(test, open_patient, fixture_remove)
    const struct CMUnitTest tests[] = {
        PATIENT(a_request_that_has_waited_enough_is_refused),
        PATIENT(a_request_that_has_written_can_answer),
        PATIENT(nobody_waits_for_a_reader_without_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
