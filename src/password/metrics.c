#include "password/metrics.h"

#include "password/scheme.h"

struct dw_metric HASH_TIME = {
    .name = "doorward_password_hash_seconds", .kind = DW_HISTOGRAM, .unit = DW_NANOSECONDS, .is_sparse = true,
    .labels = { { "scheme", PASSWORD_SCHEME_NAMES, PASSWORD_SCHEME_COUNT } },
    .help = "How long one hash took, by its scheme.",
};
struct dw_metric HASH_WAIT_TIME = {
    .name = "doorward_password_wait_seconds", .kind = DW_HISTOGRAM, .unit = DW_NANOSECONDS,
    .help = "How long it had waited for a core before.",
};
struct dw_metric HASHES_RUNNING = {
    .name = "doorward_password_hashes_running", .kind = DW_GAUGE, .help = "Hashes that are being computed.",
};

struct dw_metric *const PASSWORD_METRICS[] = { &HASH_TIME, &HASH_WAIT_TIME, &HASHES_RUNNING, NULL };
