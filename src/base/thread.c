#include "base/thread.h"

#include <signal.h>
#include <time.h>

enum dw_err thread_start(void *(*run)(void *argument), void *argument, pthread_t *ret_thread)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(ret_thread, NULL, run, argument);

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0 ? DW_OK : DW_ERR_NO_MEMORY;
}

void thread_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct timespec thread_deadline(int64_t monotonic_ms)
{
    return (struct timespec){ .tv_sec = monotonic_ms / 1000, .tv_nsec = monotonic_ms % 1000 * 1000000 };
}

bool thread_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    const struct timespec deadline = thread_deadline(deadline_ms);

    if (deadline_ms == INT64_MAX)
        return pthread_cond_wait(condition, mutex) == 0;
    return pthread_cond_timedwait(condition, mutex, &deadline) == 0;
}
