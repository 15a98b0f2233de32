#include "http/work.h"

#include "base/clock.h"
#include "http/loop.h"
#include "http/metrics.h"

enum { WORKER_IDLE_S = 60 };

enum dw_err work_open(struct server *server)
{
    const struct dw_server_config *config = &server->config;
    const struct pool_config workers = { "dw-worker", config->workers, config->worker_queue, WORKER_IDLE_S };
    const struct pool_config hashing = { "dw-hashing", config->hashing_workers, config->hashing_queue, WORKER_IDLE_S };

    server->workers_line.n_threads = config->workers;
    server->hashing_line.n_threads = config->hashing_workers;
    TRY(pool_new(&workers, &server->workers));
    return pool_new(&hashing, &server->hashing);
}

void work_close(struct server *server)
{
    pool_free(&server->workers);
    pool_free(&server->hashing);
}

/* The loop sleeps only when the list was empty, so only then is it woken. Once it is in the list the loop may go on
 * with it, and end: what is counted keeps the loop's memory. */
void work_give_back(struct work *work)
{
    struct loop *loop = work->loop;
    struct work *first = atomic_load_explicit(&loop->done, memory_order_relaxed);

    atomic_fetch_add_explicit(&loop->n_giving_back, 1, memory_order_relaxed);
    do {
        work->next_done = first;
    } while (!atomic_compare_exchange_weak_explicit(&loop->done, &first, work, memory_order_release,
                                                    memory_order_relaxed));
    if (first == NULL)
        uv_async_send(&loop->wake);
    atomic_fetch_sub_explicit(&loop->n_giving_back, 1, memory_order_release);
}

/* Its time in line begins; the clock is asked when somebody looks. */
static void work_line_up(struct work *work, enum http_verdict lane)
{
    struct server *server = work->loop->server;

    patience_line_up(&work->patience, lane == HTTP_TO_HASHING ? &server->hashing_line : &server->workers_line);
    work->lane = lane;
    work->since_ns = metric_is_on(&LANE_WAIT_TIME) ? clock_monotonic_ns() : 0;
    metric_add(&LANE_WAITING, http_metrics_lane(lane), 1);
}

/* The lane has no room for it. */
static void work_turn_away(struct work *work)
{
    metric_add(&LANE_WAITING, http_metrics_lane(work->lane), -1);
    metric_add(&LANE_REFUSED, http_metrics_lane(work->lane), 1);
}

/* How long it took until now; what follows is measured from here. */
static void work_observe(struct work *work, const struct dw_metric *metric)
{
    if (!metric_is_on(metric))
        return;
    const int64_t now_ns = clock_monotonic_ns();

    metric_observe(metric, http_metrics_lane(work->lane), (uint64_t)(now_ns - work->since_ns));
    work->since_ns = now_ns;
}

static void work_run(void *argument);

/* From a worker to the hashing lane, unless that is full. */
static bool work_move(struct work *work)
{
    work_line_up(work, HTTP_TO_HASHING);
    if (pool_submit(work->loop->server->hashing, work_run, work) == DW_OK)
        return true;
    work_turn_away(work);
    work->refuse(work);
    return false;
}

/* On a pool's thread. */
static void work_run(void *argument)
{
    struct work *work = argument;
    const unsigned lane = http_metrics_lane(work->lane);

    metric_add(&LANE_WAITING, lane, -1);
    metric_add(&LANE_RUNNING, lane, 1);
    work_observe(work, &LANE_WAIT_TIME);
    patience_begin(&work->patience);
    const enum http_verdict verdict = work->run(work);
    patience_end();
    work_observe(work, &LANE_RUN_TIME);
    metric_add(&LANE_RUNNING, lane, -1);
    if (verdict == HTTP_TO_HASHING && work_move(work))
        return; /* another thread has it */
    work_give_back(work);
}

enum dw_err work_submit(struct work *work, enum http_verdict lane)
{
    const struct server *server = work->loop->server;

    work->patience = (struct patience){ 0 };
    work_line_up(work, lane);
    const enum dw_err err =
        pool_submit(lane == HTTP_TO_HASHING ? server->hashing : server->workers, work_run, work);
    if (err != DW_OK)
        work_turn_away(work);
    return err;
}

void work_collect(struct loop *loop)
{
    struct work *newest = atomic_exchange_explicit(&loop->done, NULL, memory_order_acquire);
    struct work *oldest = NULL;

    while (newest != NULL) {
        struct work *work = newest;
        newest = work->next_done;
        work->next_done = oldest;
        oldest = work;
    }
    while (oldest != NULL) {
        struct work *work = oldest;
        oldest = work->next_done;
        work->done(work);
    }
}
