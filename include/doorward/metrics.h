/*
 * Metrics: counters, gauges and histograms as rows, shown in the text format that Prometheus reads.
 *
 * Why: what a server does must be seen while it does it, and seeing must cost next to nothing: each thread counts in
 * memory of its own, without a lock, an atomic read-modify-write or an allocation; whoever reads adds the threads up.
 * Defends against: series without end (a row lists the values of its labels: no text of a request ever becomes one),
 * strangers who read (a secret is asked for, or the program says that everyone may).
 * Does not: keep a history, or compute rates: that is Prometheus' work.
 *
 * One line makes a program countable, `.metrics`, and one shows it, the table
 * DW_METRICS_ROUTES of <doorward/app.h>:
 *
 *     static struct dw_metric ORDERS = { .name = "shop_orders_total", .help = "Orders taken.", .kind = DW_COUNTER };
 *     static struct dw_metric *const SHOP_METRICS[] = { &ORDERS, NULL };
 *     const struct dw_metrics metrics = { .token = &token, .rows = SHOP_METRICS };
 *     ... .routes = DW_ROUTES(SHOP_ROUTES, DW_METRICS_ROUTES), .metrics = &metrics ...
 *     dw_metric_add(&ORDERS, 0, 1);
 */
#ifndef DOORWARD_METRICS_H
#define DOORWARD_METRICS_H

#include <doorward/base.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dw_app;

enum dw_metric_kind {
    DW_COUNTER = 1, /* only ever upwards; its name ends in _total */
    DW_GAUGE,       /* how many there are now: adding -1 takes one away; never shown below 0 */
    DW_HISTOGRAM,   /* how values are spread over its buckets */
};

/* What dw_metric_add() and dw_metric_observe() are given, and what is shown. */
enum dw_metric_unit {
    DW_PLAIN,       /* the number itself */
    DW_NANOSECONDS, /* shown in seconds */
};

/* A label and all the values that it will ever have: a series each. */
struct dw_label {
    const char *name;          /* NULL: no label, one series */
    const char *const *values;
    unsigned n_values;
};

/*
 * A row: a metric with its series. With two labels there is a series for each pair of values: that of the values
 * i and j has the number i * labels[1].n_values + j. All that it points at must live as long as the row. Not const, as
 * the row learns where its numbers are kept; zero at first.
 */
struct dw_metric {
    const char *name; /* [a-zA-Z_:][a-zA-Z0-9_:]* */
    const char *help; /* one sentence */
    enum dw_metric_kind kind;
    enum dw_metric_unit unit;
    struct dw_label labels[2];
    /* Histograms: upper bounds, ascending, in the unit that is observed; NULL: 100 µs to 10 s in nanoseconds. */
    const uint64_t *bounds;
    unsigned n_bounds;
    bool is_sparse; /* a series is shown from its first event on, not as 0 before */
    /* For what is known elsewhere: asked at reading time instead of adding up. False: there is no such series now. Any
     * thread; must not wait. */
    bool (*read)(const struct dw_metric *self, unsigned series, int64_t *ret_value);
    const void *argument;

    unsigned first_cell; /* 0: nobody reads it, and nothing is counted */
    const void *owner;   /* the application that it belongs to; NULL: the process */
    struct dw_metric *next;
};

/* Adds to a series. Nothing happens to a series that the row does not have, or while no application shows the row. Any
 * thread. */
DW_API void dw_metric_add(const struct dw_metric *metric, unsigned series, int64_t n);
/* Counts a value into a histogram's bucket. */
DW_API void dw_metric_observe(const struct dw_metric *metric, unsigned series, uint64_t value);

/* What dw_app_config.metrics says, read at once. The rows are borrowed and belong to one application, which lets go of
 * them when it is freed; DW_ERR_TABLE when one is malformed or its name is taken. */
struct dw_metrics {
    const struct dw_secret *token; /* Authorization: Bearer; 16 bytes or more; copied */
    bool is_public;                /* without a token: everyone may read */
    struct dw_metric *const *rows; /* the program's own; ends with NULL; may be NULL */
    /* The application whose metrics are shown in place of its own, which it must outlive: for a listener apart. This
     * one's requests are not counted then, and it has no rows. */
    const struct dw_app *of;
};

#ifdef __cplusplus
}
#endif
#endif
