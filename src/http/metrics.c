#include "http/metrics.h"

static const char *const LANES[] = { "worker", "hashing" };

#define LANE_LABEL { { "lane", LANES, ARRAY_SIZE(LANES) } }

struct dw_metric HTTP_CONNECTIONS = {
    .name = "doorward_http_connections", .kind = DW_GAUGE, .help = "Connections that are open.",
};
struct dw_metric HTTP_ACCEPTED = {
    .name = "doorward_http_connections_accepted_total", .kind = DW_COUNTER, .help = "Connections that were accepted.",
};
struct dw_metric HTTP_TURNED_AWAY = {
    .name = "doorward_http_connections_refused_total", .kind = DW_COUNTER,
    .help = "Connections that were closed at once, as there were too many.",
};
struct dw_metric HTTP_WEBSOCKETS = {
    .name = "doorward_http_websockets", .kind = DW_GAUGE, .help = "Connections that speak WebSocket.",
};
struct dw_metric HTTP_BYTES_IN = {
    .name = "doorward_http_received_bytes_total", .kind = DW_COUNTER, .help = "Bytes that clients have sent.",
};
struct dw_metric HTTP_BYTES_OUT = {
    .name = "doorward_http_sent_bytes_total", .kind = DW_COUNTER, .help = "Bytes of answers.",
};
struct dw_metric HTTP_MALFORMED = {
    .name = "doorward_http_malformed_total", .kind = DW_COUNTER,
    .help = "Requests that could not be read, or that two programs could read differently.",
    .labels = { { "reason", GUARD_REASONS, GUARD_REASON_COUNT } },
};
struct dw_metric LANE_WAITING = {
    .name = "doorward_lane_waiting", .kind = DW_GAUGE, .help = "Requests in line for a thread that may wait.",
    .labels = LANE_LABEL,
};
struct dw_metric LANE_RUNNING = {
    .name = "doorward_lane_running", .kind = DW_GAUGE, .help = "Requests that such a thread has.",
    .labels = LANE_LABEL,
};
struct dw_metric LANE_REFUSED = {
    .name = "doorward_lane_refused_total", .kind = DW_COUNTER,
    .help = "Requests that got 503, as the line was full.", .labels = LANE_LABEL,
};
struct dw_metric LANE_WAIT_TIME = {
    .name = "doorward_lane_wait_seconds", .kind = DW_HISTOGRAM, .unit = DW_NANOSECONDS,
    .help = "How long requests stood in line.", .labels = LANE_LABEL,
};
struct dw_metric LANE_RUN_TIME = {
    .name = "doorward_lane_run_seconds", .kind = DW_HISTOGRAM, .unit = DW_NANOSECONDS,
    .help = "How long they had the thread.", .labels = LANE_LABEL,
};

struct dw_metric *const HTTP_METRICS[] = {
    &HTTP_CONNECTIONS, &HTTP_ACCEPTED, &HTTP_TURNED_AWAY, &HTTP_WEBSOCKETS, &HTTP_BYTES_IN, &HTTP_BYTES_OUT,
    &HTTP_MALFORMED, &LANE_WAITING, &LANE_RUNNING, &LANE_REFUSED, &LANE_WAIT_TIME, &LANE_RUN_TIME, NULL,
};
