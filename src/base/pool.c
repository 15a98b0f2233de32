#include "base/pool.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
/* AddressSanitizer surrounds every variable on the stack with guard space. */
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer) || HAS_FEATURE(memory_sanitizer)
enum { STACK_BYTES = 2 * 1024 * 1024 };
#else
enum { STACK_BYTES = 256 * 1024 };
#endif

struct job {
    void (*fn)(void *argument);
    void *argument;
};

enum worker_state { WORKER_NONE, WORKER_RUNS, WORKER_ENDED /* not joined yet */ };

struct worker {
    struct pool *pool;
    pthread_t thread;
    enum worker_state state;
};

struct pool {
    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t work;
    struct job *jobs; /* a ring */
    size_t n_jobs, first_job, capacity;
    struct worker *workers;
    unsigned max_threads, n_threads, n_idle, n_busy;
    unsigned max_queue, idle_s;
    bool is_ending;
    char name[16];
};

static void pool_destroy(struct pool **pool)
{
    if (*pool == NULL)
        return;
    pthread_cond_destroy(&(*pool)->work);
    pthread_mutex_destroy(&(*pool)->lock);
    free((*pool)->jobs);
    free((*pool)->workers);
    free(*pool);
    *pool = NULL;
}

/* Deadlines count on the monotonic clock: setting the wall clock must not end or keep threads. */
static int pool_init_locks(struct pool *pool)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    const int failed = pthread_cond_init(&pool->work, &attributes);
    pthread_condattr_destroy(&attributes);
    return failed;
}

enum dw_err pool_new(const struct pool_config *config, struct pool **ret_pool)
{
    if (config->max_threads == 0)
        return DW_ERR_ARGUMENT;
    _cleanup_(pool_destroy) struct pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL)
        return DW_ERR_NO_MEMORY;
    if (pool_init_locks(pool) != 0)
        return DW_ERR_NO_MEMORY;
    pool->max_threads = config->max_threads;
    pool->max_queue = config->max_queue;
    pool->idle_s = config->idle_s;
    snprintf(pool->name, sizeof(pool->name), "%s", config->name);
    /* A job that a free thread is about to take stands in the ring for a moment too. */
    pool->capacity = (size_t)config->max_queue + config->max_threads;
    pool->jobs = calloc(pool->capacity, sizeof(struct job));
    pool->workers = calloc(config->max_threads, sizeof(struct worker));
    if (pool->jobs == NULL || pool->workers == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_pool = TAKE_PTR(pool);
    return DW_OK;
}

/* Waits for a job, the pool's end, or the idle time to pass; false when the thread should end. Called locked. */
static bool worker_wait(struct pool *pool)
{
    struct timespec deadline;
    int result = 0;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += pool->idle_s;
    pool->n_idle++;
    while (pool->n_jobs == 0 && !pool->is_ending && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&pool->work, &pool->lock, &deadline);
    pool->n_idle--;
    return pool->n_jobs > 0;
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    struct pool *pool = worker->pool;

    pthread_mutex_lock(&pool->lock);
    pthread_setname_np(pthread_self(), pool->name);
    while (worker_wait(pool)) {
        const struct job job = pool->jobs[pool->first_job];
        pool->first_job = (pool->first_job + 1) % pool->capacity;
        pool->n_jobs--;
        pool->n_busy++;
        pthread_mutex_unlock(&pool->lock);
        job.fn(job.argument);
        log_flush();
        pthread_mutex_lock(&pool->lock);
        pool->n_busy--;
    }
    worker->state = WORKER_ENDED;
    pool->n_threads--;
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Signals are the main thread's business. */
static int thread_start(struct worker *worker)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    if (pthread_attr_init(&attributes) != 0)
        return ENOMEM;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&worker->thread, &attributes, worker_run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed;
}

/* Makes one more thread if the waiting jobs outnumber the idle ones. Called locked. */
static void pool_spawn(struct pool *pool)
{
    struct worker *worker = pool->workers;

    if (pool->n_threads >= pool->max_threads || pool->n_jobs <= pool->n_idle)
        return;
    while (worker->state == WORKER_RUNS)
        worker++;
    if (worker->state == WORKER_ENDED)
        pthread_join(worker->thread, NULL); /* it has left the lock already, so this is short */
    *worker = (struct worker){ .pool = pool };
    if (thread_start(worker) != 0)
        return;
    worker->state = WORKER_RUNS;
    pool->n_threads++;
}

static enum dw_err submit_locked(struct pool *pool, struct job job)
{
    if (pool->is_ending || pool->n_jobs + pool->n_busy >= pool->capacity)
        return DW_ERR_BUSY;
    pool->jobs[(pool->first_job + pool->n_jobs) % pool->capacity] = job;
    pool->n_jobs++;
    pool_spawn(pool);
    if (pool->n_threads == 0) {
        pool->n_jobs--;
        return DW_ERR_BUSY; /* the system gives no thread: the same as too much work */
    }
    pthread_cond_signal(&pool->work);
    return DW_OK;
}

enum dw_err pool_submit(struct pool *pool, void (*fn)(void *argument), void *argument)
{
    pthread_mutex_lock(&pool->lock);
    const enum dw_err err = submit_locked(pool, (struct job){ fn, argument });
    pthread_mutex_unlock(&pool->lock);
    return err;
}

void pool_free(struct pool **pool)
{
    struct pool *p = *pool;

    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->is_ending = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->max_threads; i++) {
        pthread_mutex_lock(&p->lock);
        const bool has_thread = p->workers[i].state != WORKER_NONE;
        pthread_mutex_unlock(&p->lock);
        if (has_thread)
            pthread_join(p->workers[i].thread, NULL);
    }
    pool_destroy(pool);
}
