#include "cli/measure.h"

#include "cli/keeper.h"
#include "cli/mailer.h"
#include "identity/metrics.h"
#include "password/metrics.h"
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

enum dw_err measure_start(const struct settings *settings)
{
    struct dw_metric *const *const tables[] = {
        BUILD_METRICS, METRICS_PROCESS, STORAGE_METRICS, PASSWORD_METRICS, IDENTITY_METRICS, keeper_metrics(),
        MAILER_METRICS,
    };

    if (settings->metrics_token.size == 0)
        return DW_OK;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        TRY(metrics_register(tables[i], NULL, NULL));
    return DW_OK;
}
