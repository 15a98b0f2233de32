/*
 * What hashing costs.
 */
#ifndef PASSWORD_METRICS_H
#define PASSWORD_METRICS_H

#include "base/metrics.h"

/* HASH_TIME: by password_scheme_number(). */
extern struct dw_metric HASH_TIME, HASH_WAIT_TIME, HASHES_RUNNING;

extern struct dw_metric *const PASSWORD_METRICS[];

#endif
