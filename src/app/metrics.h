/*
 * What an application counts of its requests, and the route that shows it.
 *
 * A series belongs to a row of a table: the path as the row writes it, never as a client did; what found no row is
 * counted by its method alone. So the number of series is known at the start: rows × (statuses + buckets + 2).
 */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include "app/application.h"
#include "base/metrics.h"

struct app_metrics {
    struct dw_metric requests, durations, errors, limited;
    struct dw_metric *rows[5];
    const char **row_labels; /* method="GET",route="/users/{id}" */
    const char **limit_names;
    unsigned n_rows, n_limits;
    struct dw_secret token; /* empty: everyone may read */
    const struct app_metrics *of; /* whose numbers are shown; itself, or those of another application */
};

/* Of an outermost application whose configuration has .metrics, when its rows and limits are made. */
DW_MUST_USE enum dw_err app_metrics_make(struct dw_app *app, struct problem *p);
void app_metrics_free(struct app_metrics **metrics);
/* A request is over. */
void app_metrics_count(const struct app_metrics *metrics, struct dw_request *r, bool sent);
/* A limit has refused a request. */
void app_metrics_count_limited(const struct dw_app *app, const struct app_limit *limit);

#endif
