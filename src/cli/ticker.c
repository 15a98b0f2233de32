#include "cli/ticker.h"

#include "base/clock.h"
#include "base/thread.h"

struct ticker {
    int64_t every_ms;
    void (*turn)(void *argument);
    void *argument;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on the monotonic clock */
    bool is_stopping;       /* under the mutex, as what follows */
    bool is_nudged;
};

/* False when it is time to end. */
static bool rest(struct ticker *ticker)
{
    const struct timespec until = thread_deadline(clock_monotonic_ms() + ticker->every_ms);
    int waited = 0;

    pthread_mutex_lock(&ticker->mutex);
    while (!ticker->is_stopping && !ticker->is_nudged && waited == 0)
        waited = pthread_cond_timedwait(&ticker->changed, &ticker->mutex, &until);
    ticker->is_nudged = false;
    const bool goes_on = !ticker->is_stopping;
    pthread_mutex_unlock(&ticker->mutex);
    return goes_on;
}

static void *tick(void *argument)
{
    struct ticker *ticker = argument;

    do {
        ticker->turn(ticker->argument);
    } while (rest(ticker));
    return NULL;
}

enum dw_err ticker_start(int64_t every_ms, void (*turn)(void *argument), void *argument, struct ticker **ret_ticker)
{
    _cleanup_free_ struct ticker *ticker = calloc(1, sizeof(*ticker));

    if (ticker == NULL)
        return DW_ERR_NO_MEMORY;
    ticker->every_ms = every_ms;
    ticker->turn = turn;
    ticker->argument = argument;
    pthread_mutex_init(&ticker->mutex, NULL);
    thread_condition_init(&ticker->changed);
    TRY(thread_start(tick, ticker, &ticker->thread));
    *ret_ticker = TAKE_PTR(ticker);
    return DW_OK;
}

void ticker_nudge(struct ticker *ticker)
{
    pthread_mutex_lock(&ticker->mutex);
    ticker->is_nudged = true;
    pthread_cond_signal(&ticker->changed);
    pthread_mutex_unlock(&ticker->mutex);
}

void ticker_stop(struct ticker **ticker)
{
    struct ticker *t = *ticker;

    if (t == NULL)
        return;
    pthread_mutex_lock(&t->mutex);
    t->is_stopping = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    free(t);
    *ticker = NULL;
}
