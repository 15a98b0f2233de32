#include "cli/rate_store.h"

#include "shared/redis/rate_store.h"

enum { MS_IN_S = 1000 };

_Static_assert((int)REDIS_RATES_MAX == (int)DW_RATES_MAX, "a limit has more rates than Redis counts");

static int64_t seconds_up(int64_t ms)
{
    return ms <= 0 ? 1 : (ms + MS_IN_S - 1) / MS_IN_S;
}

static enum dw_err hit(void *context, const struct dw_rate_hit *hit, struct dw_rate_verdict ret_verdicts[DW_RATES_MAX],
                       size_t *ret_n)
{
    struct redis_rate_verdict verdicts[REDIS_RATES_MAX];
    struct redis_rate rates[REDIS_RATES_MAX];
    size_t n = 0;

    for (size_t i = 0; i < hit->n_rates; i++)
        rates[i] = (struct redis_rate){ .amount = hit->rates[i].amount, .length_s = hit->rates[i].seconds };
    TRY(redis_rate_hit(context, hit->key, rates, hit->n_rates, hit->window == DW_RATE_SLIDING, verdicts, &n));
    for (size_t i = 0; i < n; i++)
        ret_verdicts[i] = (struct dw_rate_verdict){
            .is_allowed = verdicts[i].is_allowed,
            .remaining = verdicts[i].remaining,
            .reset_s = seconds_up(verdicts[i].reset_ms),
            .retry_after_s = verdicts[i].is_allowed ? 0 : seconds_up(verdicts[i].retry_ms),
        };
    *ret_n = n;
    return DW_OK;
}

enum dw_err rate_store_new(struct dw_arena *arena, struct redis *redis, const struct dw_rate_store **ret_store)
{
    struct redis_rate_store *counters = dw_arena_alloc(arena, sizeof(*counters));
    struct dw_rate_store *store = dw_arena_alloc(arena, sizeof(*store));

    if (counters == NULL || store == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(redis_rate_store_init(counters, redis));
    *store = (struct dw_rate_store){ .context = counters, .hit = hit };
    *ret_store = store;
    return DW_OK;
}
