#include "base/patience.h"

#include "base/clock.h"

_Thread_local struct patience *patience_now;

static int64_t line_waited_ms(const struct patience_line *line)
{
    return atomic_load_explicit(&line->waited_ms, memory_order_relaxed);
}

void patience_line_up(struct patience *p, struct patience_line *line)
{
    p->line = line;
    p->since_ms = clock_monotonic_ms();
    p->line_ms = line_waited_ms(line);
}

/* A wait is added when it is over, with what of it was before this request came: its own time in line is the most. */
void patience_begin(struct patience *p)
{
    const int64_t part_ms = (line_waited_ms(p->line) - p->line_ms) / p->line->n_threads;
    const int64_t stood_ms = clock_monotonic_ms() - p->since_ms;

    p->in_line_ms += MIN_OF(part_ms, stood_ms);
    patience_now = p;
}

void patience_end(void)
{
    patience_now = NULL;
}

void patience_spend(int64_t waited_ms)
{
    struct patience *p = patience_now;

    if (p == NULL || waited_ms == 0)
        return;
    p->spent_ms += waited_ms;
    atomic_fetch_add_explicit(&p->line->waited_ms, waited_ms, memory_order_relaxed);
}
