#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t test_now_s = -1;

int64_t dw_clock_now_s(void)
{
    const int64_t fixed = atomic_load_explicit(&test_now_s, memory_order_relaxed);
    if (fixed >= 0)
        return fixed;

    /* The coarse clock is a tick (4 ms) late at the most, and costs a quarter of the fine one. */
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

void dw_clock_set(int64_t unix_s)
{
    atomic_store_explicit(&test_now_s, unix_s < 0 ? -1 : unix_s, memory_order_relaxed);
}

int64_t clock_real_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
    const int64_t fixed = atomic_load_explicit(&test_now_s, memory_order_relaxed);
    return fixed >= 0 ? fixed * 1000 : clock_real_ms();
}

int64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_boot_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
