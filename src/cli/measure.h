/*
 * What the server counts: the tables of all rooms, registered when somebody may read them.
 *
 * Without DOORWARD_METRICS_TOKEN or DOORWARD_METRICS_LISTEN nothing is registered, and nothing is counted.
 */
#ifndef CLI_MEASURE_H
#define CLI_MEASURE_H

#include "cli/command.h"
#include "cli/settings.h"
#include <doorward/metrics.h>

/* Before anything is opened, so that it counts from the beginning. */
DW_MUST_USE enum dw_err measure_start(const struct settings *settings);
/* From now on the rows tell of these, too: how this node stands, and its Redis. They outlive whoever reads. */
void measure_watch(struct cli *cli);

#endif
