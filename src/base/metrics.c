#include "base/metrics.h"

#include <pthread.h>
#include <sys/mman.h>

enum { NAME_MAX_BYTES = 128 };

#define MS 1000000ULL
const uint64_t METRICS_DURATIONS[] = {
    MS / 10,  MS / 4,   MS / 2,   1 * MS,    5 * MS / 2, 5 * MS,    10 * MS,    25 * MS,
    50 * MS, 100 * MS, 250 * MS, 500 * MS, 1000 * MS,  2500 * MS, 5000 * MS, 10000 * MS,
};
const unsigned METRICS_DURATIONS_COUNT = ARRAY_SIZE(METRICS_DURATIONS);

#define ERROR_CODE(symbol, code, status, oauth, message) code,
const char *const METRICS_ERROR_CODES[DW_ERR_COUNT] = { DW_ERRORS(ERROR_CODE) };
#undef ERROR_CODE

/* --- blocks of cells -------------------------------------------------------------------------------------------- */

struct block {
    _Atomic uint64_t *cells;
    bool is_taken;
    struct block *next;
};

_Thread_local _Atomic uint64_t *metrics_cells;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over all that follows */
static struct block *blocks;
static struct dw_metric *rows; /* by their first cell; cell 0 belongs to nobody */
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

/* A thread ends: what it has counted stays, and the next one goes on from there. */
static void give_block(void *block)
{
    metrics_cells = NULL;
    pthread_mutex_lock(&lock);
    ((struct block *)block)->is_taken = false;
    pthread_mutex_unlock(&lock);
}

static void make_key(void)
{
    if (pthread_key_create(&exit_key, give_block) != 0)
        abort();
}

static struct block *map_block(void)
{
    struct block *block = calloc(1, sizeof(*block));
    void *cells = mmap(NULL, METRICS_CELLS_MAX * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (block == NULL || cells == MAP_FAILED) {
        free(block);
        if (cells != MAP_FAILED)
            munmap(cells, METRICS_CELLS_MAX * sizeof(uint64_t));
        return NULL;
    }
    block->cells = cells;
    block->next = blocks;
    blocks = block;
    return block;
}

_Atomic uint64_t *metrics_take_cells(void)
{
    struct block *block;

    pthread_once(&exit_once, make_key);
    pthread_mutex_lock(&lock);
    for (block = blocks; block != NULL && block->is_taken; block = block->next)
        continue;
    if (block == NULL)
        block = map_block();
    if (block != NULL)
        block->is_taken = true;
    pthread_mutex_unlock(&lock);
    if (block == NULL)
        return NULL;
    if (pthread_setspecific(exit_key, block) != 0) {
        give_block(block);
        return NULL;
    }
    return metrics_cells = block->cells;
}

uint64_t metrics_cell(unsigned cell)
{
    uint64_t sum = 0;

    for (const struct block *block = blocks; block != NULL; block = block->next)
        sum += atomic_load_explicit(&block->cells[cell], memory_order_relaxed);
    return sum;
}

/* --- registration ----------------------------------------------------------------------------------------------- */

static unsigned label_count(const struct dw_label *label)
{
    return label->name == NULL && label->values == NULL ? 1 : label->n_values;
}

unsigned metrics_series_count(const struct dw_metric *metric)
{
    return label_count(&metric->labels[0]) * label_count(&metric->labels[1]);
}

/* Also what is only asked for has one, so that it counts as registered. */
static size_t cell_count(const struct dw_metric *metric)
{
    if (metric->read != NULL)
        return 1;
    return (size_t)metrics_series_count(metric) * (metric->kind == DW_HISTOGRAM ? metrics_histogram_cells(metric) : 1);
}

static bool is_name(const char *name)
{
    static const char FIRST[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789";
    const size_t len = name == NULL ? 0 : strlen(name);

    return len > 0 && len <= NAME_MAX_BYTES && strspn(name, FIRST) == len && (name[0] < '0' || name[0] > '9');
}

static bool has_end(const char *name, const char *end)
{
    const size_t len = strlen(name), end_len = strlen(end);

    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static bool is_label(const struct dw_label *label)
{
    if (label->name == NULL && label->values == NULL)
        return true;
    if (label->values == NULL || label->n_values == 0 || label->n_values > METRICS_CELLS_MAX)
        return false;
    return label->name == NULL || (is_name(label->name) && strchr(label->name, ':') == NULL);
}

static bool has_ascending_bounds(const struct dw_metric *metric)
{
    for (unsigned i = 1; i < metric->n_bounds; i++)
        if (metric->bounds[i] <= metric->bounds[i - 1])
            return false;
    return metric->n_bounds <= METRICS_CELLS_MAX;
}

static bool is_well_formed(const struct dw_metric *metric)
{
    if (!is_name(metric->name) || metric->help == NULL || strpbrk(metric->help, "\n\\\"") != NULL)
        return false;
    if (metric->kind < DW_COUNTER || metric->kind > DW_HISTOGRAM || metric->unit > DW_NANOSECONDS)
        return false;
    if ((metric->kind == DW_COUNTER) != has_end(metric->name, "_total"))
        return false;
    if (metric->kind == DW_HISTOGRAM && (metric->read != NULL || !has_ascending_bounds(metric)))
        return false;
    return is_label(&metric->labels[0]) && is_label(&metric->labels[1]) &&
           (size_t)label_count(&metric->labels[0]) * label_count(&metric->labels[1]) <= METRICS_CELLS_MAX;
}

/* Whether two rows of this name could be shown together. Called locked. */
static bool is_taken(const char *name, const void *owner)
{
    for (const struct dw_metric *row = rows; row != NULL; row = row->next)
        if (strcmp(row->name, name) == 0 && (row->owner == NULL || owner == NULL || row->owner == owner))
            return true;
    return false;
}

/* Puts the row where the first gap is wide enough. Called locked. */
static enum dw_err place(struct dw_metric *metric, const void *owner)
{
    const size_t needed = cell_count(metric);
    struct dw_metric **at = &rows;
    size_t free_from = 1;

    while (*at != NULL && (*at)->first_cell - free_from < needed) {
        free_from = (*at)->first_cell + cell_count(*at);
        at = &(*at)->next;
    }
    if (free_from + needed > METRICS_CELLS_MAX)
        return DW_ERR_LIMIT;
    metric->owner = owner;
    metric->next = *at;
    *at = metric;
    __atomic_store_n(&metric->first_cell, (unsigned)free_from, __ATOMIC_RELAXED);
    return DW_OK;
}

static enum dw_err register_one(struct dw_metric *metric, const void *owner)
{
    if (metric->kind == DW_HISTOGRAM && metric->bounds == NULL) {
        metric->bounds = METRICS_DURATIONS;
        metric->n_bounds = METRICS_DURATIONS_COUNT;
    }
    if (!is_well_formed(metric) || is_taken(metric->name, owner))
        return DW_ERR_TABLE;
    return place(metric, owner);
}

/* Called locked, as its numbers must be zero before somebody else gets their place. */
static void take_out(struct dw_metric **at)
{
    struct dw_metric *metric = *at;
    const unsigned first = metric->first_cell;
    const size_t n = cell_count(metric);

    *at = metric->next;
    __atomic_store_n(&metric->first_cell, 0, __ATOMIC_RELAXED);
    metric->owner = NULL;
    metric->next = NULL;
    for (struct block *block = blocks; block != NULL; block = block->next)
        for (size_t i = 0; i < n; i++)
            if (atomic_load_explicit(&block->cells[first + i], memory_order_relaxed) != 0)
                atomic_store_explicit(&block->cells[first + i], 0, memory_order_relaxed);
}

static bool is_registered(const struct dw_metric *metric)
{
    const struct dw_metric *row = rows;

    while (row != NULL && row != metric)
        row = row->next;
    return row != NULL;
}

enum dw_err metrics_register(struct dw_metric *const *table, const void *owner, const struct dw_metric **ret_bad)
{
    enum dw_err err = DW_OK;

    pthread_mutex_lock(&lock);
    for (; *table != NULL && err == DW_OK; table++) {
        if (!is_registered(*table))
            err = register_one(*table, owner);
        else if (owner != NULL || (*table)->owner != NULL)
            err = DW_ERR_TABLE;
        if (err != DW_OK && ret_bad != NULL)
            *ret_bad = *table;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

void metrics_unregister(const void *owner)
{
    pthread_mutex_lock(&lock);
    for (struct dw_metric **at = &rows; owner != NULL && *at != NULL;) {
        if ((*at)->owner == owner)
            take_out(at);
        else
            at = &(*at)->next;
    }
    pthread_mutex_unlock(&lock);
}

void metrics_each(const void *owner, void (*fn)(const struct dw_metric *metric, void *argument), void *argument)
{
    pthread_mutex_lock(&lock);
    for (const struct dw_metric *row = rows; row != NULL; row = row->next)
        if (row->owner == NULL || row->owner == owner)
            fn(row, argument);
    pthread_mutex_unlock(&lock);
}

/* --- public ------------------------------------------------------------------------------------------------------ */

void dw_metric_add(const struct dw_metric *metric, unsigned series, int64_t n)
{
    if (metric == NULL || !metric_is_on(metric) || metric->kind == DW_HISTOGRAM || metric->read != NULL ||
        series >= metrics_series_count(metric) || (metric->kind == DW_COUNTER && n < 0))
        return;
    metric_add(metric, series, n);
}

void dw_metric_observe(const struct dw_metric *metric, unsigned series, uint64_t value)
{
    if (metric == NULL || !metric_is_on(metric) || metric->kind != DW_HISTOGRAM ||
        series >= metrics_series_count(metric))
        return;
    metric_observe(metric, series, value);
}

uint64_t metrics_value(const struct dw_metric *metric, unsigned series)
{
    uint64_t sum = 0;

    pthread_mutex_lock(&lock);
    if (metric->kind == DW_HISTOGRAM) {
        const unsigned at = metric->first_cell + series * metrics_histogram_cells(metric);
        for (unsigned i = 0; i <= metric->n_bounds; i++)
            sum += metrics_cell(at + i);
    } else {
        sum = metrics_cell(metric->first_cell + series);
    }
    pthread_mutex_unlock(&lock);
    return sum;
}
