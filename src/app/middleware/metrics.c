/*
 * Counts each request when it is over, by its row and status.
 */
#include "app/middleware/middleware.h"

#include "app/metrics.h"

static void metrics_finished(const struct dw_app *app, struct dw_request *r, bool sent)
{
    app_metrics_count(app->metrics, r, sent);
}

static bool metrics_is_on(const struct dw_app *app)
{
    return app->metrics != NULL && app->metrics->of == app->metrics;
}

const struct middleware MIDDLEWARE_METRICS = {
    .name = "metrics",
    .is_on = metrics_is_on,
    .finished = metrics_finished,
};
