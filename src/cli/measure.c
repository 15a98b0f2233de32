#include "cli/measure.h"

#include "cli/keeper.h"
#include "cli/mailer.h"
#include "identity/metrics.h"
#include "password/metrics.h"
#include "shared/redis/redis.h"
#include "storage/metrics.h"

static bool read_one(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    *ret_value = 1;
    return true;
}

static const char *const VERSIONS[] = { DOORWARD_VERSION };
static struct dw_metric BUILD_INFO = {
    .name = "doorward_build_info", .kind = DW_GAUGE, .read = read_one, .help = "Which program this is; always 1.",
    .labels = { { "version", VERSIONS, ARRAY_SIZE(VERSIONS) } },
};
static struct dw_metric *const BUILD_METRICS[] = { &BUILD_INFO, NULL };

/* --- Redis ------------------------------------------------------------------------------------------------------ */

static struct redis *_Atomic watched;

#define REDIS_ROW(symbol, metric_name, metric_kind, value, text)                                                       \
    static bool read_##symbol(const struct dw_metric *self, unsigned series, int64_t *ret_value)                       \
    {                                                                                                                  \
        struct redis *redis = atomic_load(&watched);                                                                   \
        struct redis_state s;                                                                                          \
                                                                                                                       \
        if (redis == NULL)                                                                                             \
            return false;                                                                                              \
        redis_state(redis, &s);                                                                                        \
        *ret_value = (int64_t)(value);                                                                                 \
        return true;                                                                                                   \
    }                                                                                                                  \
    static struct dw_metric symbol = { .name = (metric_name), .kind = (metric_kind), .help = (text),                   \
                                       .read = read_##symbol }

REDIS_ROW(REDIS_UP, "doorward_redis_connected", DW_GAUGE, s.is_connected,
          "1: Redis answers; 0: this node counts and remembers by itself.");
REDIS_ROW(REDIS_OPEN, "doorward_redis_connections", DW_GAUGE, s.n_open, "Connections to Redis that are open.");
REDIS_ROW(REDIS_CALLS, "doorward_redis_calls_total", DW_COUNTER, s.n_calls, "Commands that Redis has answered.");
REDIS_ROW(REDIS_FAILURES, "doorward_redis_failures_total", DW_COUNTER, s.n_failures,
          "Commands that it has not, those that were not tried included.");
REDIS_ROW(REDIS_LOSSES, "doorward_redis_losses_total", DW_COUNTER, s.n_losses, "How often it was there and went away.");

static struct dw_metric *const REDIS_METRICS[] = {
    &REDIS_UP, &REDIS_OPEN, &REDIS_CALLS, &REDIS_FAILURES, &REDIS_LOSSES, NULL,
};

/* --- all of it -------------------------------------------------------------------------------------------------- */

void measure_watch(struct cli *cli)
{
    identity_metrics_watch(cli->identity);
    atomic_store(&watched, cli->redis);
}

enum dw_err measure_start(const struct settings *settings)
{
    struct dw_metric *const *const tables[] = {
        BUILD_METRICS,    METRICS_PROCESS,  STORAGE_METRICS, PASSWORD_METRICS,
        IDENTITY_METRICS, keeper_metrics(), MAILER_METRICS,  REDIS_METRICS,
    };

    if (settings->metrics_token.size == 0 && settings->metrics_listen == NULL)
        return DW_OK;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        TRY(metrics_register(tables[i], NULL, NULL));
    return DW_OK;
}
