#include "app/rate_limit.h"

#include "crypto/hash.h"

#include <pthread.h>

/* 2,048 buckets of 8: 16,384 counters in 640 KiB. */
enum { BUCKETS = 2048, WAYS = 8, ID_SIZE = 16, PROCESS_KEY_SIZE = 32, MS_IN_S = 1000 };

struct counter {
    unsigned char id[ID_SIZE];
    int64_t start_ms; /* of the window that `now` counts in */
    int64_t length_ms; /* 0: never used */
    uint32_t now, before;
};

struct bucket {
    pthread_mutex_t mutex;
    struct counter counters[WAYS];
};

struct rate_counters {
    struct dw_secret process_key;
    struct bucket buckets[BUCKETS];
};

enum dw_err rate_counters_new(struct rate_counters **ret_counters)
{
    _cleanup_(rate_counters_free) struct rate_counters *counters = calloc(1, sizeof(*counters));

    if (counters == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; i < BUCKETS; i++)
        pthread_mutex_init(&counters->buckets[i].mutex, NULL);
    TRY(dw_secret_random(PROCESS_KEY_SIZE, &counters->process_key));
    *ret_counters = TAKE_PTR(counters);
    return DW_OK;
}

void rate_counters_free(struct rate_counters **counters)
{
    if (*counters == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        pthread_mutex_destroy(&(*counters)->buckets[i].mutex);
    dw_secret_free(&(*counters)->process_key);
    free(*counters);
    *counters = NULL;
}

/* --- finding ---------------------------------------------------------------------------------------------------- */

/* When nothing of it counts any more: a sliding window still looks at the one before. */
static int64_t dead_at_ms(const struct counter *c)
{
    return c->length_ms == 0 ? INT64_MIN : c->start_ms + 2 * c->length_ms;
}

/* Whether a is the better one to give up. */
static bool is_worth_less(const struct counter *a, const struct counter *b, int64_t now_ms)
{
    const bool a_dead = dead_at_ms(a) <= now_ms, b_dead = dead_at_ms(b) <= now_ms;
    const uint64_t a_count = (uint64_t)a->now + a->before, b_count = (uint64_t)b->now + b->before;

    if (a_dead != b_dead)
        return a_dead;
    return a_count != b_count ? a_count < b_count : a->start_ms < b->start_ms;
}

static struct counter *find(struct bucket *bucket, const unsigned char id[ID_SIZE], int64_t length_ms, int64_t now_ms)
{
    struct counter *least = &bucket->counters[0];

    for (size_t i = 0; i < WAYS; i++) {
        struct counter *c = &bucket->counters[i];
        if (c->length_ms == length_ms && memcmp(c->id, id, ID_SIZE) == 0)
            return c;
        if (is_worth_less(c, least, now_ms))
            least = c;
    }
    *least = (struct counter){ .start_ms = now_ms, .length_ms = length_ms };
    memcpy(least->id, id, ID_SIZE);
    return least;
}

/* --- windows ---------------------------------------------------------------------------------------------------- */

/* Moves the window to where `now_ms` is in it. A clock that was set back starts anew: nobody is held for years. */
static void advance(struct counter *c, enum dw_rate_window window, int64_t now_ms)
{
    const int64_t passed = now_ms - c->start_ms;

    if (passed >= 0 && passed < c->length_ms)
        return;
    const bool is_next = window == DW_RATE_SLIDING && passed >= c->length_ms && passed < 2 * c->length_ms;
    c->before = is_next ? c->now : 0;
    c->start_ms = is_next ? c->start_ms + c->length_ms : now_ms;
    c->now = 0;
}

/* What stands in the last length_ms at `at_ms`, times length_ms: the window before counts by what is left of it. */
static uint64_t weigh(const struct counter *c, int64_t at_ms)
{
    const int64_t passed = MIN_OF(at_ms - c->start_ms, c->length_ms);

    return (uint64_t)c->now * (uint64_t)c->length_ms + (uint64_t)c->before * (uint64_t)(c->length_ms - passed);
}

/* Milliseconds from now until one more passes. */
static int64_t wait_ms(const struct counter *c, uint32_t amount, enum dw_rate_window window, int64_t now_ms)
{
    const int64_t end_ms = c->start_ms + c->length_ms;

    if (amount == 0 || window == DW_RATE_FIXED)
        return end_ms - now_ms;
    if (c->now < amount && c->before > 0) {
        /* now * L + before * (L - passed) <= (amount - 1) * L */
        const uint64_t room = (uint64_t)(amount - 1 - c->now) * (uint64_t)c->length_ms;
        return c->start_ms + c->length_ms - (int64_t)(room / c->before) - now_ms;
    }
    /* This window is full by itself: in the next one it is the one before. */
    const uint64_t room = (uint64_t)(amount - 1) * (uint64_t)c->length_ms;
    return end_ms + c->length_ms - (int64_t)(room / c->now) - now_ms;
}

static int64_t seconds_up(int64_t ms)
{
    return ms <= 0 ? 1 : (ms + MS_IN_S - 1) / MS_IN_S;
}

static struct dw_rate_verdict count(struct counter *c, const struct dw_rate *rate, enum dw_rate_window window,
    int64_t now_ms)
{
    const uint64_t length = (uint64_t)c->length_ms, all = rate->amount * length;
    struct dw_rate_verdict verdict = { 0 };

    advance(c, window, now_ms);
    verdict.is_allowed = weigh(c, now_ms) + length <= all;
    if (verdict.is_allowed)
        c->now++;
    else
        verdict.retry_after_s = seconds_up(wait_ms(c, rate->amount, window, now_ms));
    const uint64_t used = weigh(c, now_ms);
    verdict.remaining = used >= all ? 0 : (uint32_t)((all - used) / length);
    verdict.reset_s = seconds_up(c->start_ms + c->length_ms * (window == DW_RATE_SLIDING ? 2 : 1) - now_ms);
    return verdict;
}

struct dw_rate_verdict rate_counters_hit(struct rate_counters *counters, const struct dw_rate *rate,
    enum dw_rate_window window, struct dw_str key, int64_t now_ms)
{
    const struct dw_rate_verdict unknown = { .is_allowed = true, .remaining = rate->amount, .reset_s = rate->seconds };
    unsigned char mac[SHA256_SIZE];
    uint32_t bucket_number;

    /* Fails without memory alone; a limit that can't count must not shut everybody out. */
    if (hmac_sha256(&counters->process_key, key, mac) != DW_OK)
        return unknown;
    memcpy(&bucket_number, mac + ID_SIZE, sizeof(bucket_number));
    struct bucket *bucket = &counters->buckets[bucket_number % BUCKETS];
    pthread_mutex_lock(&bucket->mutex);
    struct counter *c = find(bucket, mac, rate->seconds * MS_IN_S, now_ms);
    const struct dw_rate_verdict verdict = count(c, rate, window, now_ms);
    pthread_mutex_unlock(&bucket->mutex);
    return verdict;
}
