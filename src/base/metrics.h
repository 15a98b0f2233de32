/*
 * The inside of <doorward/metrics.h>: registration, counting and the text.
 *
 * A series is one or more cells of 64 bits; a thread has a block of all cells, mapped when it first counts, touched
 * page by page as it is used. Only its thread writes to a block, with plain loads and stores (relaxed atomics). The
 * block of a thread that ended is taken over by the next one, with what stands in it: nothing that was counted is lost,
 * and there are never more blocks than there were threads at one time.
 * Rooms register their tables once, for the process; an application registers its own rows and lets go of them. What
 * nobody has registered is not counted (`first_cell` is 0): a program that shows no metrics pays a test and a branch.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buffer.h"
#include <doorward/metrics.h>

#include <stdatomic.h>

enum {
    METRICS_CELLS_MAX = 262144, /* of all rows together: 2 MiB of addresses a thread */
    METRICS_TOKEN_MIN = 16,
};

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };

/* The content types of the two. */
extern const char *const METRICS_CONTENT_TYPES[];

/* Buckets of the usual durations, and the codes of errors as label values, by enum dw_err. */
extern const uint64_t METRICS_DURATIONS[];
extern const unsigned METRICS_DURATIONS_COUNT;
extern const char *const METRICS_ERROR_CODES[DW_ERR_COUNT];
#define METRICS_ERROR_LABEL(label_name) { (label_name), METRICS_ERROR_CODES, DW_ERR_COUNT }

/* Registers the rows (NULL-terminated). `owner` NULL: for as long as the process lives, and those that are registered
 * already stay so. DW_ERR_TABLE: one is malformed, or its name stands for another row already; DW_ERR_LIMIT: more
 * series than there is room for. *ret_bad (may be NULL) is that row; those before it are registered. */
DW_MUST_USE enum dw_err metrics_register(struct dw_metric *const *rows, const void *owner,
                                         const struct dw_metric **ret_bad);
/* Lets go of all rows of an owner, which nobody counts any more. */
void metrics_unregister(const void *owner);

/* All rows of the process and of this owner. */
void metrics_write(const void *owner, enum metrics_format format, struct buffer *b);
/* Calls fn for each of them, by the order of their cells, while no row comes or goes. */
void metrics_each(const void *owner, void (*fn)(const struct dw_metric *metric, void *argument), void *argument);
/* The sum of all threads; inside metrics_each(). */
uint64_t metrics_cell(unsigned cell);
unsigned metrics_series_count(const struct dw_metric *metric);
/* What a series has come to: of a histogram, how many values. For tests. */
uint64_t metrics_value(const struct dw_metric *metric, unsigned series);

/* The rows about this process: memory, processor time, descriptors, start. */
extern struct dw_metric *const METRICS_PROCESS[];

/* --- counting --------------------------------------------------------------------------------------------------- */

extern _Thread_local _Atomic uint64_t *metrics_cells;
/* This thread's block, taken at its first event; NULL without memory. */
_Atomic uint64_t *metrics_take_cells(void);

static inline void metrics_bump(unsigned cell, uint64_t n)
{
    _Atomic uint64_t *cells = metrics_cells;

    if (cells == NULL && (cells = metrics_take_cells()) == NULL)
        return;
    atomic_store_explicit(&cells[cell], atomic_load_explicit(&cells[cell], memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline unsigned metrics_first_cell(const struct dw_metric *metric)
{
    return __atomic_load_n(&metric->first_cell, __ATOMIC_RELAXED);
}

static inline bool metric_is_on(const struct dw_metric *metric)
{
    return metrics_first_cell(metric) != 0;
}

/* As dw_metric_add(), for series that are known to be there. */
static inline void metric_add(const struct dw_metric *metric, unsigned series, int64_t n)
{
    const unsigned first = metrics_first_cell(metric);

    if (first != 0)
        metrics_bump(first + series, (uint64_t)n);
}

/* Cells of one series of a histogram: its buckets, that of larger values, the sum. */
static inline unsigned metrics_histogram_cells(const struct dw_metric *metric)
{
    return metric->n_bounds + 2;
}

static inline void metric_observe(const struct dw_metric *metric, unsigned series, uint64_t value)
{
    const unsigned first = metrics_first_cell(metric);
    unsigned bucket = 0;

    if (first == 0)
        return;
    while (bucket < metric->n_bounds && value > metric->bounds[bucket])
        bucket++;
    const unsigned at = first + series * metrics_histogram_cells(metric);
    metrics_bump(at + bucket, 1);
    metrics_bump(at + metric->n_bounds + 1, value);
}

#endif
