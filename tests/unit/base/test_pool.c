#include "../check.h"

#include "base/pool.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* A gate holds the jobs until the test has seen what it wants to see. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;
    int waiting, done;
    int order[64];
};

static struct gate gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void gate_reset(void)
{
    gate.is_open = false;
    gate.waiting = 0;
    gate.done = 0;
}

static void gate_job(void *number)
{
    pthread_mutex_lock(&gate.lock);
    gate.waiting++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.is_open)
        pthread_cond_wait(&gate.changed, &gate.lock);
    gate.order[gate.done++] = (int)(intptr_t)number;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void gate_wait_for(const int *counter, int count)
{
    pthread_mutex_lock(&gate.lock);
    while (*counter < count)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void gate_open(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static enum dw_err submit(struct pool *pool, int number)
{
    return pool_submit(pool, gate_job, (void *)(intptr_t)number);
}

static void test_order_and_full(void **state)
{
    struct pool *pool;

    (void)state;
    gate_reset();
    CHECK_OK(pool_new(&(struct pool_config){ .name = "test", .max_threads = 1, .max_queue = 3, .idle_s = 60 }, &pool));
    CHECK_OK(submit(pool, 0));
    gate_wait_for(&gate.waiting, 1);
    for (int i = 1; i <= 3; i++)
        CHECK_OK(submit(pool, i));
    CHECK_ERR(DW_ERR_BUSY, submit(pool, 4));
    gate_open();
    pool_free(&pool);
    assert_null(pool);
    assert_int_equal(gate.done, 4); /* all that were taken have run */
    for (int i = 0; i < 4; i++)
        assert_int_equal(gate.order[i], i);
}

static void test_no_queue(void **state)
{
    struct pool *pool;

    (void)state;
    gate_reset();
    CHECK_OK(pool_new(&(struct pool_config){ .name = "test", .max_threads = 2, .max_queue = 0, .idle_s = 60 }, &pool));
    CHECK_OK(submit(pool, 0)); /* a free thread takes it at once */
    CHECK_OK(submit(pool, 1));
    CHECK_ERR(DW_ERR_BUSY, submit(pool, 2));
    gate_wait_for(&gate.waiting, 2); /* both run at the same time */
    CHECK_ERR(DW_ERR_BUSY, submit(pool, 3));
    gate_open();
    pool_free(&pool);
    assert_int_equal(gate.done, 2);
}

static void own_thread(void *ret_thread)
{
    pthread_mutex_lock(&gate.lock);
    *(pthread_t *)ret_thread = pthread_self();
    gate.done++;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

/* With no idle time each job finds its thread gone and gets a new one; nothing piles up. */
static void test_threads_end_and_come_back(void **state)
{
    struct pool *pool;
    pthread_t thread;

    (void)state;
    gate_reset();
    CHECK_OK(
        pool_new(&(struct pool_config){ .name = "a-name-that-is-too-long", .max_threads = 3, .max_queue = 9 }, &pool));
    for (int i = 1; i <= 50; i++) {
        CHECK_OK(pool_submit(pool, own_thread, &thread));
        gate_wait_for(&gate.done, i);
        assert_false(pthread_equal(thread, pthread_self()));
    }
    pool_free(&pool);
}

static void count_one(void *counter)
{
    atomic_fetch_add((_Atomic int *)counter, 1);
}

static void *submit_many(void *argument)
{
    static _Atomic int counted;
    struct pool *pool = argument;

    for (int i = 0; i < 1000; i++) {
        while (pool_submit(pool, count_one, &counted) == DW_ERR_BUSY)
            sched_yield();
    }
    return &counted;
}

static void test_many_submitters(void **state)
{
    struct pool *pool;
    pthread_t threads[4];
    void *counted;

    (void)state;
    CHECK_OK(pool_new(&(struct pool_config){ .name = "test", .max_threads = 3, .max_queue = 5, .idle_s = 1 }, &pool));
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, pool), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_join(threads[i], &counted), 0);
    pool_free(&pool);
    assert_int_equal(atomic_load((_Atomic int *)counted), 4000);
}

static void test_arguments(void **state)
{
    struct pool *pool = NULL;

    (void)state;
    CHECK_ERR(DW_ERR_ARGUMENT, pool_new(&(struct pool_config){ .name = "none" }, &pool));
    assert_null(pool);
    pool_free(&pool);
    CHECK_OK(pool_new(&(struct pool_config){ .name = "unused", .max_threads = 2 }, &pool));
    pool_free(&pool);
}

CHECK_MAIN(cmocka_unit_test(test_order_and_full), cmocka_unit_test(test_no_queue),
           cmocka_unit_test(test_threads_end_and_come_back), cmocka_unit_test(test_many_submitters),
           cmocka_unit_test(test_arguments))
