/* The PostgreSQL server that goes away and comes back, and schemas that do not fit. */
#include "postgres_fixture.h"

/* --- connections that break --------------------------------------------------------------------------------------- */

#define END_OTHERS                                                                                                     \
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"                                                           \
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"

static void test_a_server_that_was_away_is_found_again(void **state)
{
    struct fixture *f = *state;

    assert_ok(put(f->storage, "a", 1));
    assert_int_equal(count(f->storage), 1);
    say(f->url, END_OTHERS);
    listen_to_log(f);
    assert_int_equal(count(f->storage), 1); /* the idle connection is dead: another takes its place */
    say(f->url, END_OTHERS);
    assert_ok(put(f->storage, "b", 1)); /* nothing was committed: the write runs again */
    assert_true(told(f, "database"));
    assert_int_equal(count(f->storage), 2);
}

struct cut {
    const char *url;
    int calls;
};

static enum dw_err write_and_be_cut(struct transaction *tx, void *argument)
{
    struct cut *cut = argument;

    TRY(sql_exec(tx, &INSERT, VALUES(V_CSTR("cut"), V_INT(1), V_NULL, V_NULL), NULL));
    if (++cut->calls == 1)
        say(cut->url, END_OTHERS);
    return sql_exec(tx, &INSERT, VALUES(V_CSTR("cut2"), V_INT(1), V_NULL, V_NULL), NULL);
}

static void test_a_write_that_was_cut_before_its_commit_runs_again(void **state)
{
    struct fixture *f = *state;
    struct cut cut = { .url = f->url };

    listen_to_log(f);
    assert_ok(storage_write(f->storage, write_and_be_cut, &cut));
    assert_true(told(f, "insert"));
    assert_int_equal(cut.calls, 2);
    assert_int_equal(count(f->storage), 2);
}

static void test_a_server_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    const struct storage_config config = { .url = "postgresql://u:hunter2@127.0.0.1:1/d", .migrate = true };
    struct storage *storage = NULL;

    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &SCHEMA, &config, &storage), DW_ERR_UNAVAILABLE);
    assert_null(storage);
    assert_false(told(f, "hunter2"));
}

/* --- the schema --------------------------------------------------------------------------------------------------- */

static void test_a_wrong_statement_is_named_at_the_start(void **state)
{
    static const struct statement WRONG = { "typo", "SELECT numbre FROM item", 0 };
    static const struct statement *const WITH_TYPO[] = { &GET, &WRONG, NULL };
    static const struct statement *const *const LISTS[] = { WITH_TYPO, NULL };
    const struct storage_schema schema = { MIGRATIONS, LISTS };
    struct fixture *f = *state;
    const struct storage_config config = { .url = f->url, .migrate = true };
    struct storage *storage = NULL;

    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &schema, &config, &storage), DW_ERR_DATABASE);
    assert_true(told(f, "numbre"));
}

static void test_versions_that_do_not_fit(void **state)
{
    struct fixture *f = *state;
    const struct storage_config asked = { .url = f->url }, made = { .url = f->url, .migrate = true };
    const struct migration broken[] = { MIGRATIONS[0], { 2, "broken", "CREATE TABLE x (id TEXT); SELECT nonsense;" },
                                        { 0 } };
    const struct storage_schema half = { broken, SCHEMA.statements };
    struct storage *storage = NULL;
    int applied = -1;

    assert_ok(storage_applied(DRIVERS, f->url, &applied));
    assert_int_equal(applied, 0);
    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &SCHEMA, &asked, &storage), DW_ERR_DATABASE);
    assert_true(told(f, "migrate it first"));
    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &half, &made, &storage), DW_ERR_DATABASE);
    assert_true(told(f, "migrate"));
    assert_ok(storage_applied(DRIVERS, f->url, &applied));
    assert_int_equal(applied, 1); /* the broken step left nothing, also not its table */
    assert_ok(storage_open(DRIVERS, &SCHEMA, &made, &storage));
    assert_ok(storage_version(storage, &applied));
    assert_int_equal(applied, 2);
    storage_close(&storage);
    say(f->url, "INSERT INTO schema_migrations VALUES (3, 'of the future', 0)");
    listen_to_log(f);
    assert_err(storage_open(DRIVERS, &SCHEMA, &made, &storage), DW_ERR_DATABASE);
    assert_true(told(f, "newer than this program"));
}

static void *open_once(void *argument)
{
    const struct storage_config config = { .url = argument, .migrate = true };
    struct storage *storage = NULL;
    const enum dw_err err = storage_open(DRIVERS, &SCHEMA, &config, &storage);

    storage_close(&storage);
    return (void *)(intptr_t)err;
}

static void test_five_that_start_at_once(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[5];
    void *err;

    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_once, f->url), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        pthread_join(threads[i], &err);
        assert_ok((enum dw_err)(intptr_t)err);
    }
}

/* --- notifications ------------------------------------------------------------------------------------------------ */

struct ear {
    pthread_mutex_t mutex;
    pthread_cond_t heard;
    unsigned n;
};

static void hear(void *argument)
{
    struct ear *ear = argument;

    pthread_mutex_lock(&ear->mutex);
    ear->n++;
    pthread_cond_signal(&ear->heard);
    pthread_mutex_unlock(&ear->mutex);
}

static unsigned heard(struct ear *ear)
{
    pthread_mutex_lock(&ear->mutex);
    const unsigned n = ear->n;

    pthread_mutex_unlock(&ear->mutex);
    return n;
}

static void wait_until_heard(struct ear *ear, unsigned n)
{
    pthread_mutex_lock(&ear->mutex);
    while (ear->n < n)
        pthread_cond_wait(&ear->heard, &ear->mutex);
    pthread_mutex_unlock(&ear->mutex);
}

static enum dw_err insert_and_notify(struct transaction *tx, void *item)
{
    storage_notify(tx);
    return insert(tx, item);
}

static void notify(struct storage *storage, const char *id, enum dw_err after)
{
    struct item item = { .id = id, .number = V_INT(1), .note = V_NULL, .flag = V_NULL, .after = after };

    assert_err(storage_write(storage, insert_and_notify, &item), after);
}

/* Of a session that does what only listeners do. */
#define CUT_LISTENERS                                                                                                  \
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"

static void test_a_committed_write_wakes_the_others(void **state)
{
    struct fixture *f = *state;
    const struct storage_config config = { .url = f->url, .readers = 1 };
    struct storage *other = NULL;
    struct ear ear = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };

    assert_ok(storage_open(DRIVERS, &SCHEMA, &config, &other));
    assert_ok(storage_listen(other, hear, &ear));
    wait_until_heard(&ear, 1); /* now it listens, and what was before may have been missed */
    assert_ok(put(f->storage, "silent", 1));
    notify(f->storage, "undone", DW_ERR_CONFLICT);
    notify(other, "own", DW_OK);
    assert_int_equal(heard(&ear), 1);
    notify(f->storage, "told", DW_OK);
    wait_until_heard(&ear, 2);
    listen_to_log(f);
    say(f->url, CUT_LISTENERS);
    wait_until_heard(&ear, 3); /* it is back, by itself */
    assert_true(told(f, "connection lost"));
    notify(f->storage, "again", DW_OK);
    wait_until_heard(&ear, 4);
    storage_unlisten(other);
    notify(f->storage, "unheard", DW_OK);
    assert_int_equal(heard(&ear), 4);
    storage_unlisten(other);
    storage_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_server_that_was_away_is_found_again),
        CASE(test_a_write_that_was_cut_before_its_commit_runs_again),
        CASE(test_a_server_that_is_not_there),
        CASE(test_a_committed_write_wakes_the_others),
        CASE_EMPTY(test_a_wrong_statement_is_named_at_the_start),
        CASE_EMPTY(test_versions_that_do_not_fit),
        CASE_EMPTY(test_five_that_start_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
