/*
 * What the engine counts: connections, bytes, what it refuses to read, and the lanes of what may wait.
 */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "base/metrics.h"
#include "http/guard.h"
#include "http/service.h"

extern struct dw_metric HTTP_CONNECTIONS, HTTP_ACCEPTED, HTTP_TURNED_AWAY, HTTP_BYTES_IN, HTTP_BYTES_OUT,
    HTTP_MALFORMED, HTTP_WEBSOCKETS;
/* Series: http_metrics_lane(). */
extern struct dw_metric LANE_WAITING, LANE_RUNNING, LANE_REFUSED, LANE_WAIT_TIME, LANE_RUN_TIME;

extern struct dw_metric *const HTTP_METRICS[];

static inline unsigned http_metrics_lane(enum http_verdict lane)
{
    return lane == HTTP_TO_HASHING;
}

#endif
