#include "storage/metrics.h"

static const uint64_t BATCH_SIZES[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256 };
static const char *const CONNECT_RESULTS[] = { [CONNECT_OK] = "ok", [CONNECT_FAILED] = "failed" };

struct dw_metric WRITES = {
    .name = "doorward_storage_writes_total", .kind = DW_COUNTER, .help = "Writes that are durable.",
};
struct dw_metric WRITES_WAITING = {
    .name = "doorward_storage_writes_waiting", .kind = DW_GAUGE, .help = "Writes in line for the next transaction.",
};
struct dw_metric WRITES_REFUSED = {
    .name = "doorward_storage_writes_refused_total", .kind = DW_COUNTER,
    .help = "Writes that found the line full, or stood in it for too long.",
};
struct dw_metric COMMIT_TIME = {
    .name = "doorward_storage_commit_seconds", .kind = DW_HISTOGRAM, .unit = DW_NANOSECONDS,
    .help = "From the beginning of a transaction of writes until it is durable.",
};
struct dw_metric COMMIT_WRITES = {
    .name = "doorward_storage_commit_writes", .kind = DW_HISTOGRAM, .help = "Writes that one commit made durable.",
    .bounds = BATCH_SIZES, .n_bounds = ARRAY_SIZE(BATCH_SIZES),
};
struct dw_metric COMMITS_FAILED = {
    .name = "doorward_storage_commits_failed_total", .kind = DW_COUNTER, .is_sparse = true,
    .help = "Transactions of writes that were lost as a whole.", .labels = { METRICS_ERROR_LABEL("error") },
};
struct dw_metric COMMITS_REPEATED = {
    .name = "doorward_storage_commits_repeated_total", .kind = DW_COUNTER,
    .help = "Transactions of writes that PostgreSQL gave up, or whose connection broke, and that ran again.",
};
struct dw_metric CONNECTIONS_OPEN = {
    .name = "doorward_storage_connections", .kind = DW_GAUGE, .help = "Connections for reading that are open.",
};
struct dw_metric CONNECTIONS_USED = {
    .name = "doorward_storage_connections_used", .kind = DW_GAUGE, .help = "Those of them that somebody reads with.",
};
struct dw_metric CONNECTION_WAITS = {
    .name = "doorward_storage_connection_waits_total", .kind = DW_COUNTER,
    .help = "Reads that had to wait for a connection.",
};
struct dw_metric CONNECTS = {
    .name = "doorward_storage_connects_total", .kind = DW_COUNTER, .help = "Connections made to PostgreSQL.",
    .labels = { { "result", CONNECT_RESULTS, ARRAY_SIZE(CONNECT_RESULTS) } },
};
struct dw_metric READS_REPEATED = {
    .name = "doorward_storage_reads_repeated_total", .kind = DW_COUNTER,
    .help = "Reads asked again, as their connection was found dead.",
};

struct dw_metric *const STORAGE_METRICS[] = {
    &WRITES, &WRITES_WAITING, &WRITES_REFUSED, &COMMIT_TIME, &COMMIT_WRITES, &COMMITS_FAILED, &COMMITS_REPEATED,
    &CONNECTIONS_OPEN, &CONNECTIONS_USED, &CONNECTION_WAITS, &CONNECTS, &READS_REPEATED, NULL,
};
