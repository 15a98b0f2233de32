/*
 * What the storage room counts: writes and their commits, connections, and what had to be done again.
 */
#ifndef STORAGE_METRICS_H
#define STORAGE_METRICS_H

#include "base/metrics.h"

extern struct dw_metric WRITES, WRITES_WAITING, WRITES_REFUSED, COMMIT_TIME, COMMIT_WRITES, COMMITS_FAILED,
    COMMITS_REPEATED, CONNECTIONS_OPEN, CONNECTIONS_USED, CONNECTION_WAITS, CONNECTS, READS_REPEATED;

/* Series of CONNECTS. */
enum { CONNECT_OK, CONNECT_FAILED };

extern struct dw_metric *const STORAGE_METRICS[];

#endif
