/*
 * The text that Prometheus reads: its own format, version 0.0.4, and OpenMetrics 1.0, which differ in little.
 */
#include "base/metrics.h"

const char *const METRICS_CONTENT_TYPES[] = {
    [METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
    [METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

static const char *const KINDS[] = { [DW_COUNTER] = "counter", [DW_GAUGE] = "gauge", [DW_HISTOGRAM] = "histogram" };

struct writing {
    struct buffer *b;
    enum metrics_format format;
};

/* --- pieces ----------------------------------------------------------------------------------------------------- */

/* Nanoseconds as seconds, without zeros at the end: "0.0025", "10". */
static void write_seconds(struct buffer *b, uint64_t ns)
{
    enum { NS_IN_S = 1000000000, DIGITS = 9 };
    char digits[DIGITS + 2];
    size_t len = DIGITS;

    buffer_append_int(b, (int64_t)(ns / NS_IN_S));
    if (ns % NS_IN_S == 0)
        return;
    snprintf(digits, sizeof(digits), "%09u", (unsigned)(ns % NS_IN_S));
    while (digits[len - 1] == '0')
        len--;
    buffer_append_char(b, '.');
    buffer_append(b, dw_str_n(digits, len));
}

static void write_number(struct buffer *b, enum dw_metric_unit unit, int64_t value)
{
    if (unit == DW_PLAIN) {
        buffer_append_int(b, value);
        return;
    }
    if (value < 0)
        buffer_append_char(b, '-');
    write_seconds(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void write_escaped(struct buffer *b, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            buffer_append_literal(b, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\')
            buffer_append_char(b, '\\');
        buffer_append_char(b, *text);
    }
}

/* A label without a name holds whole pairs, written when the row was made. */
static void write_label(struct buffer *b, const struct dw_label *label, unsigned value, char *separator)
{
    if (label->values == NULL)
        return;
    buffer_append_char(b, *separator);
    *separator = ',';
    if (label->name == NULL) {
        buffer_append(b, dw_str(label->values[value]));
        return;
    }
    buffer_append(b, dw_str(label->name));
    buffer_append_literal(b, "=\"");
    write_escaped(b, label->values[value]);
    buffer_append_char(b, '"');
}

/* "{method="GET",code="200"", still open; the character that comes before a further label: '{' when there is none. */
static char write_labels(struct buffer *b, const struct dw_metric *metric, unsigned series)
{
    const unsigned n = metric->labels[1].values == NULL ? 1 : metric->labels[1].n_values;
    char separator = '{';

    write_label(b, &metric->labels[0], series / n, &separator);
    write_label(b, &metric->labels[1], series % n, &separator);
    return separator;
}

/* The beginning of a sample, up to its value. */
static void write_name(struct buffer *b, const struct dw_metric *metric, const char *end, unsigned series)
{
    buffer_append(b, dw_str(metric->name));
    buffer_append(b, dw_str(end));
    if (write_labels(b, metric, series) != '{')
        buffer_append_char(b, '}');
    buffer_append_char(b, ' ');
}

/* --- a row ------------------------------------------------------------------------------------------------------ */

/* OpenMetrics names a family of counters without the end that its samples have. */
static void write_head(const struct writing *w, const struct dw_metric *metric)
{
    struct dw_str name = dw_str(metric->name);

    if (w->format == METRICS_OPENMETRICS && metric->kind == DW_COUNTER)
        name.len -= strlen("_total");
    buffer_append_literal(w->b, "# HELP ");
    buffer_append(w->b, name);
    buffer_append_char(w->b, ' ');
    buffer_append(w->b, dw_str(metric->help));
    buffer_append_literal(w->b, "\n# TYPE ");
    buffer_append(w->b, name);
    buffer_append_char(w->b, ' ');
    buffer_append(w->b, dw_str(KINDS[metric->kind]));
    buffer_append_char(w->b, '\n');
}

static void write_sample(const struct writing *w, const struct dw_metric *metric, unsigned series)
{
    int64_t value = 0;

    if (metric->read != NULL && !metric->read(metric, series, &value))
        return;
    if (metric->read == NULL)
        value = (int64_t)metrics_cell(metric->first_cell + series);
    /* What one thread adds and another takes away may be seen half. */
    if (value < 0 && metric->read == NULL)
        value = 0;
    if (value == 0 && metric->is_sparse)
        return;
    write_name(w->b, metric, "", series);
    write_number(w->b, metric->unit, value);
    buffer_append_char(w->b, '\n');
}

static void write_bucket(const struct writing *w, const struct dw_metric *metric, unsigned series, unsigned bucket,
                         uint64_t count)
{
    struct buffer *b = w->b;

    buffer_append(b, dw_str(metric->name));
    buffer_append_literal(b, "_bucket");
    buffer_append_char(b, write_labels(b, metric, series));
    buffer_append_literal(b, "le=\"");
    const size_t start = b->len;
    if (bucket == metric->n_bounds)
        buffer_append_literal(b, "+Inf");
    else
        write_number(b, metric->unit, (int64_t)metric->bounds[bucket]);
    /* OpenMetrics wants to see that it is no integer. */
    if (w->format == METRICS_OPENMETRICS && bucket < metric->n_bounds && b->failed == DW_OK &&
        memchr(b->ptr + start, '.', b->len - start) == NULL)
        buffer_append_literal(b, ".0");
    buffer_append_literal(b, "\"} ");
    buffer_append_int(b, (int64_t)count);
    buffer_append_char(b, '\n');
}

/* The count is that of the buckets, which were read one after the other: the text agrees with itself. */
static void write_histogram(const struct writing *w, const struct dw_metric *metric, unsigned series)
{
    const unsigned at = metric->first_cell + series * metrics_histogram_cells(metric);
    uint64_t count = 0;

    for (unsigned i = 0; i <= metric->n_bounds; i++)
        count += metrics_cell(at + i);
    if (count == 0 && metric->is_sparse)
        return;
    count = 0;
    for (unsigned i = 0; i <= metric->n_bounds; i++) {
        count += metrics_cell(at + i);
        write_bucket(w, metric, series, i, count);
    }
    write_name(w->b, metric, "_sum", series);
    write_number(w->b, metric->unit, (int64_t)metrics_cell(at + metric->n_bounds + 1));
    buffer_append_char(w->b, '\n');
    write_name(w->b, metric, "_count", series);
    buffer_append_int(w->b, (int64_t)count);
    buffer_append_char(w->b, '\n');
}

static void write_row(const struct dw_metric *metric, void *argument)
{
    const struct writing *w = argument;
    const unsigned n = metrics_series_count(metric);

    write_head(w, metric);
    for (unsigned series = 0; series < n; series++) {
        if (metric->kind == DW_HISTOGRAM)
            write_histogram(w, metric, series);
        else
            write_sample(w, metric, series);
    }
}

void metrics_write(const void *owner, enum metrics_format format, struct buffer *b)
{
    struct writing w = { b, format };

    metrics_each(owner, write_row, &w);
    if (format == METRICS_OPENMETRICS)
        buffer_append_literal(b, "# EOF\n");
}
