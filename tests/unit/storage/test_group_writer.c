/* The queue before the writer's thread, with a driver that stops where the test wants it to. */
#include "fixture.h"

#include "base/clock.h"
#include "storage/group_writer.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

enum { WRITES_MAX = 8 };

/* A transaction says that it has begun, waits until it may go on, and cuts off what is behind `n_taken` writes. */
struct gate {
    struct group_writer writer;
    sem_t has_begun, may_go_on;
    unsigned n_taken; /* 0: all */
    enum dw_err err;
    unsigned n_transactions;
    char order[WRITES_MAX + 1]; /* of what has run */
};

struct write {
    struct posted_write posted;
    struct gate *gate;
    char name;
    enum dw_err err;
    bool is_done;
};

static enum dw_err run(struct transaction *tx, void *argument)
{
    const struct write *w = argument;
    const size_t n = strlen(w->gate->order);

    (void)tx;
    assert_true(n < WRITES_MAX);
    w->gate->order[n] = w->name;
    return DW_OK;
}

static void be_done(void *argument, enum dw_err err)
{
    struct write *w = argument;

    w->err = err;
    w->is_done = true;
}

static enum dw_err pass(void *connection, struct posted_write *batch, unsigned *ret_done,
                        struct posted_write **ret_rest)
{
    struct gate *g = connection;
    unsigned n = 0;

    g->n_transactions++;
    sem_post(&g->has_begun);
    sem_wait(&g->may_go_on);
    for (struct posted_write *w = batch; w != NULL; w = w->next) {
        w->err = w->fn(NULL, w->argument);
        if (++n == g->n_taken) {
            *ret_rest = w->next;
            w->next = NULL;
        }
    }
    *ret_done = n;
    return g->err;
}

static void leave(void *connection)
{
    (void)connection;
}

static const struct group_calls CALLS = { .thread_name = "gate", .transaction = pass, .close = leave };

static int gate_open(void **state)
{
    struct gate *g = calloc(1, sizeof(*g));

    assert_non_null(g);
    sem_init(&g->has_begun, 0, 0);
    sem_init(&g->may_go_on, 0, 0);
    assert_ok(group_writer_start(&g->writer, &CALLS, g));
    *state = g;
    return 0;
}

static int gate_close(void **state)
{
    struct gate *g = *state;

    sem_destroy(&g->has_begun);
    sem_destroy(&g->may_go_on);
    free(g);
    return 0;
}

static struct write *post(struct gate *g, struct write *w, char name, int64_t deadline_ms)
{
    *w = (struct write){ .gate = g, .name = name };
    w->posted = (struct posted_write){ .fn = run, .done = be_done, .argument = w, .deadline_ms = deadline_ms };
    assert_ok(group_post(&g->writer, &w->posted));
    return w;
}

/* All that was taken is over when this returns. */
static void end(struct gate *g)
{
    for (unsigned i = 0; i < WRITES_MAX; i++)
        sem_post(&g->may_go_on);
    group_writer_stop(&g->writer);
}

static void test_a_write_that_did_not_begin_in_time_never_does(void **state)
{
    struct gate *g = *state;
    struct write first, others[3];

    post(g, &first, 'a', INT64_MAX);
    sem_wait(&g->has_begun);
    post(g, &others[0], 'b', INT64_MAX);
    post(g, &others[1], 'c', 0);
    post(g, &others[2], 'd', INT64_MAX);
    end(g);
    assert_string_equal(g->order, "abd");
    assert_err(others[1].err, DW_ERR_BUSY);
    assert_ok(others[2].err);
    assert_int_equal(g->writer.n_waiting, 0);
}

static void test_when_all_are_late_there_is_no_transaction(void **state)
{
    struct gate *g = *state;
    struct write first, late[2];

    post(g, &first, 'a', INT64_MAX);
    sem_wait(&g->has_begun);
    post(g, &late[0], 'b', 0);
    post(g, &late[1], 'c', 0);
    end(g);
    assert_string_equal(g->order, "a");
    assert_int_equal(g->n_transactions, 1);
    assert_err(late[0].err, DW_ERR_BUSY);
    assert_err(late[1].err, DW_ERR_BUSY);
}

static void test_who_waits_for_it_goes_when_it_is_time(void **state)
{
    struct gate *g = *state;
    struct write first, last, mine = { .gate = g, .name = 'x' };

    post(g, &first, 'a', INT64_MAX);
    sem_wait(&g->has_begun);
    /* Nobody opens the gate: the deadline alone ends it. Before another one, and as the last of the queue. */
    assert_err(group_write(&g->writer, clock_monotonic_ms() + 20, run, &mine), DW_ERR_BUSY);
    post(g, &last, 'b', INT64_MAX);
    assert_err(group_write(&g->writer, 0, run, &mine), DW_ERR_BUSY);
    end(g);
    assert_string_equal(g->order, "ab");
    assert_ok(last.err);
    assert_int_equal(g->writer.n_waiting, 0);
}

struct late {
    struct gate *gate;
    int64_t deadline_ms;
};

static void *open_late(void *argument)
{
    const struct late *late = argument;

    while (clock_monotonic_ms() <= late->deadline_ms)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    sem_post(&late->gate->may_go_on);
    return NULL;
}

/* Its time is over while it runs: what has become of it is told, as it is there. */
static void test_a_write_that_has_begun_is_waited_for(void **state)
{
    struct gate *g = *state;
    struct write mine = { .gate = g, .name = 'x' };
    struct late late = { g, clock_monotonic_ms() + 300 };
    pthread_t opener;

    assert_int_equal(pthread_create(&opener, NULL, open_late, &late), 0);
    const enum dw_err err = group_write(&g->writer, late.deadline_ms, run, &mine);

    assert_int_equal(pthread_join(opener, NULL), 0);
    end(g);
    /* On a machine so busy that it did not begin in all that time, it has not run. */
    assert_string_equal(g->order, err == DW_OK ? "x" : "");
}

static void test_what_was_cut_off_comes_first_and_once(void **state)
{
    struct gate *g = *state;
    struct write first, others[5];

    post(g, &first, 'a', INT64_MAX);
    sem_wait(&g->has_begun);
    for (unsigned i = 0; i < 4; i++)
        post(g, &others[i], (char)('b' + i), INT64_MAX);
    sem_post(&g->may_go_on);
    sem_wait(&g->has_begun);
    g->n_taken = 3;
    post(g, &others[4], 'f', INT64_MAX);
    end(g);
    assert_string_equal(g->order, "abcdef");
    assert_int_equal(g->n_transactions, 3);
    for (unsigned i = 0; i < 5; i++)
        assert_ok(others[i].err);
}

/* What was cut off has its own fate. */
static void test_what_was_cut_off_does_not_share_the_failure(void **state)
{
    struct gate *g = *state;
    struct write first, second, third;

    post(g, &first, 'a', INT64_MAX);
    sem_wait(&g->has_begun);
    post(g, &second, 'b', INT64_MAX);
    post(g, &third, 'c', INT64_MAX);
    g->n_taken = 1;
    sem_post(&g->may_go_on);
    sem_wait(&g->has_begun);
    g->err = DW_ERR_UNAVAILABLE;
    sem_post(&g->may_go_on);
    sem_wait(&g->has_begun);
    g->err = DW_OK;
    end(g);
    assert_ok(first.err);
    assert_err(second.err, DW_ERR_UNAVAILABLE);
    assert_ok(third.err);
    assert_string_equal(g->order, "abc");
}

/* --- many at once ------------------------------------------------------------------------------------------------- */

enum { CALLERS = 8, CALLS_EACH = 2000 };

struct caller {
    struct group_writer *writer;
    unsigned n_wrong;
};

static enum dw_err count(struct transaction *tx, void *argument)
{
    (void)tx;
    ++*(unsigned *)argument;
    return DW_OK;
}

/* One write a transaction; all that are behind it are cut off. */
static enum dw_err take_one(void *connection, struct posted_write *batch, unsigned *ret_done,
                            struct posted_write **ret_rest)
{
    (void)connection;
    batch->err = batch->fn(NULL, batch->argument);
    *ret_rest = batch->next;
    batch->next = NULL;
    *ret_done = 1;
    return DW_OK;
}

/* A time that is over before, while or after the write waits. */
static void *call_often(void *argument)
{
    struct caller *caller = argument;

    for (unsigned i = 0; i < CALLS_EACH; i++) {
        unsigned n_runs = 0;
        const enum dw_err err = group_write(caller->writer, clock_monotonic_ms() + i % 2, count, &n_runs);

        caller->n_wrong += n_runs != (err == DW_OK ? 1 : 0) || (err != DW_OK && err != DW_ERR_BUSY);
    }
    return NULL;
}

static void test_what_is_cut_off_can_be_withdrawn(void **state)
{
    static const struct group_calls ONE_BY_ONE = { .thread_name = "one", .transaction = take_one, .close = leave };
    struct group_writer writer = { 0 };
    struct caller callers[CALLERS];
    pthread_t threads[CALLERS];

    (void)state;
    assert_ok(group_writer_start(&writer, &ONE_BY_ONE, NULL));
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){ .writer = &writer };
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (unsigned i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].n_wrong, 0);
    }
    group_writer_stop(&writer);
    assert_int_equal(writer.n_waiting, 0);
}

int main(void)
{
#define GATE(test) cmocka_unit_test_setup_teardown(test, gate_open, gate_close)
    const struct CMUnitTest tests[] = {
        GATE(test_a_write_that_did_not_begin_in_time_never_does),
        GATE(test_when_all_are_late_there_is_no_transaction),
        GATE(test_who_waits_for_it_goes_when_it_is_time),
        GATE(test_a_write_that_has_begun_is_waited_for),
        GATE(test_what_was_cut_off_comes_first_and_once),
        GATE(test_what_was_cut_off_does_not_share_the_failure),
        cmocka_unit_test(test_what_is_cut_off_can_be_withdrawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
