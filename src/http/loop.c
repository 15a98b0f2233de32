#include "http/loop.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/connection.h"
#include "http/work.h"

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_MS = 2000, UNUSED_GRACE_MS = 500 };

/* --- what connections borrow ------------------------------------------------------------------------------------ */

struct dw_request *loop_take_request(struct loop *loop)
{
    struct dw_request *r = loop->free_requests;

    if (r != NULL) {
        loop->free_requests = r->next_free;
        loop->n_free_requests--;
    } else if (http_request_new(&r) != DW_OK) {
        return NULL;
    }
    http_id_make(&loop->ids, r->id);
    r->started_ns = clock_monotonic_ns();
    return r;
}

void loop_give_request(struct loop *loop, struct dw_request *r)
{
    if (log_context == &r->log)
        log_within(NULL);
    if (loop->n_free_requests >= LOOP_KEPT_REQUESTS) {
        http_request_free(&r);
        return;
    }
    http_request_reset(r);
    r->next_free = loop->free_requests;
    loop->free_requests = r;
    loop->n_free_requests++;
}

struct dw_str loop_date_line(struct loop *loop)
{
    const int64_t now_s = dw_clock_now_s();

    if (now_s != loop->date_s) {
        loop->date_s = now_s;
        loop->date_line = answer_date_line(now_s, loop->date_text);
    }
    return loop->date_line;
}

/* --- waiting ---------------------------------------------------------------------------------------------------- */

/* The first in line that still waits, until the list is empty; whatever `fn` does takes it off the list. */
static void loop_each(struct loop *loop, enum wait_kind kind, void (*fn)(struct connection *c))
{
    for (struct wait *wait; (wait = wait_first(&loop->waits[kind])) != NULL;)
        fn(connection_of_wait(wait));
}

static void loop_stop_now(struct loop *loop)
{
    loop->stop = STOP_NOW;
    for (unsigned kind = 0; kind < WAIT_KINDS; kind++)
        loop_each(loop, (enum wait_kind)kind, connection_close);
    websocket_watch_stop(loop, STOP_NOW);
}

static bool loop_has_deadlines(const struct loop *loop)
{
    for (unsigned kind = 0; kind < WAIT_TURN; kind++)
        if (wait_first(&loop->waits[kind]) != NULL)
            return true;
    return loop->stop == STOP_GENTLY;
}

static void on_tick(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    const uint64_t now_ms = uv_now(&loop->uv);

    for (unsigned kind = 0; kind < WAIT_TURN; kind++)
        for (struct wait *wait; (wait = wait_first_due(&loop->waits[kind], now_ms)) != NULL;) {
            wait_disarm(wait);
            connection_time_out(connection_of_wait(wait), (enum wait_kind)kind);
        }
    if (loop->stop == STOP_GENTLY && now_ms >= loop->unused_until_ms) {
        loop_each(loop, WAIT_HANDSHAKE, connection_close);
        loop_each(loop, WAIT_IDLE, connection_close);
    }
    if (loop->stop == STOP_GENTLY && now_ms >= loop->stop_at_ms)
        loop_stop_now(loop);
    if (!loop_has_deadlines(loop))
        uv_timer_stop(timer);
}

static void loop_need_tick(struct loop *loop)
{
    if (!uv_is_active((uv_handle_t *)&loop->tick))
        uv_timer_start(&loop->tick, on_tick, LOOP_TICK_MS, LOOP_TICK_MS);
}

/* Each connection that waited for its turn gets one; those that line up meanwhile wait for the next. */
static void on_turn(uv_idle_t *idle)
{
    struct loop *loop = idle->data;
    struct wait_list *turns = &loop->waits[WAIT_TURN];
    struct wait *last = turns->ends.previous;

    for (struct wait *wait; (wait = wait_first(turns)) != NULL;) {
        struct connection *c = connection_of_wait(wait);
        const bool is_last = wait == last;
        wait_disarm(wait);
        c->state = CONNECTION_READING;
        connection_go_on(c);
        if (is_last)
            break;
    }
    if (wait_first(turns) == NULL)
        uv_idle_stop(idle);
}

void loop_wait(struct loop *loop, enum wait_kind kind, struct wait *wait)
{
    wait_arm(&loop->waits[kind], wait, uv_now(&loop->uv));
    if (kind == WAIT_TURN)
        uv_idle_start(&loop->turn, on_turn);
    else
        loop_need_tick(loop);
}

/* --- stopping --------------------------------------------------------------------------------------------------- */

/* Every loop but the first tells the first, which goes on watching for signals until all have finished. */
void loop_check_finished(struct loop *loop)
{
    struct server *server = loop->server;
    struct loop *first = &server->loops[0];

    if (loop->stop < STOP_GENTLY || loop->n_connections > 0 || loop->websockets.n > 0)
        return;
    if (!loop->has_finished) {
        loop->has_finished = true;
        atomic_fetch_sub(&server->n_running, 1);
        if (loop != first)
            uv_async_send(&first->wake);
    }
    if (loop != first || atomic_load(&server->n_running) == 0)
        uv_stop(&loop->uv);
}

/* Idle connections end, but not one whose next request is here already, and one without a first not before that has
 * had a moment to come: a proxy that opened it does so to send. */
static void loop_close_idle(struct loop *loop)
{
    struct wait *const ends = &loop->waits[WAIT_IDLE].ends;

    for (struct wait *wait = ends->next, *next; wait != ends; wait = next) {
        struct connection *c = connection_of_wait(wait);

        next = wait->next;
        if (c->is_used && !connection_has_input(c))
            connection_close(c);
    }
}

static void loop_stop_gently(struct loop *loop)
{
    loop->stop = STOP_GENTLY;
    loop->unused_until_ms = uv_now(&loop->uv) + UNUSED_GRACE_MS;
    loop->stop_at_ms = uv_now(&loop->uv) + (uint64_t)loop->server->config.stop_deadline_s * 1000;
    listener_stop(&loop->listener);
    loop_close_idle(loop);
    websocket_watch_stop(loop, STOP_GENTLY);
    loop_need_tick(loop);
}

static void on_wake(uv_async_t *async)
{
    struct loop *loop = async->data;
    const int wanted = atomic_load(&loop->server->stop_level);

    heartbeat_answer(loop);
    if (wanted == STOP_SOON)
        loop->stop = STOP_SOON;
    if (wanted >= STOP_GENTLY && loop->stop < STOP_GENTLY)
        loop_stop_gently(loop);
    if (wanted >= STOP_NOW && loop->stop < STOP_NOW)
        loop_stop_now(loop);
    work_collect(loop);
    loop_check_finished(loop);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

/* Access-log lines and WebSocket messages are gathered while there is work and leave when there is none. */
static void on_before(uv_prepare_t *prepare)
{
    websocket_watch_flush(prepare->data);
    log_flush();
}

static void loop_init_waits(struct loop *loop)
{
    const struct dw_server_config *config = &loop->server->config;
    const uint64_t timeouts_ms[WAIT_KINDS] = {
        [WAIT_HANDSHAKE] = (uint64_t)config->header_deadline_s * 1000,
        [WAIT_HEADER] = (uint64_t)config->header_deadline_s * 1000,
        [WAIT_BODY] = (uint64_t)config->body_deadline_s * 1000,
        [WAIT_IDLE] = (uint64_t)config->idle_s * 1000,
        [WAIT_WRITE] = (uint64_t)config->write_deadline_s * 1000,
        [WAIT_LINGER] = LINGER_MS,
    };

    for (unsigned kind = 0; kind < WAIT_KINDS; kind++)
        wait_list_init(&loop->waits[kind], timeouts_ms[kind]);
}

static bool loop_init_handles(struct loop *loop)
{
    uv_loop_t *uv = &loop->uv;

    if (uv_async_init(uv, &loop->wake, on_wake) != 0)
        return false;
    uv_timer_init(uv, &loop->tick);
    uv_prepare_init(uv, &loop->before);
    uv_idle_init(uv, &loop->turn);
    websocket_watch_init(loop);
    loop->wake.data = loop->tick.data = loop->turn.data = loop->before.data = loop;
    return uv_prepare_start(&loop->before, on_before) == 0;
}

enum dw_err loop_open(struct loop *loop, struct server *server, int take_fd)
{
    _cleanup_close_ int fd = take_fd;

    loop->server = server;
    loop->listener.fd = -1;
    loop_init_waits(loop);
    http_id_source_init(&loop->ids);
    if (uv_loop_init(&loop->uv) != 0) {
        loop->server = NULL;
        return DW_ERR_NO_MEMORY;
    }
    if (!loop_init_handles(loop))
        return DW_ERR_IO;
    const int listening = fd;
    fd = -1;
    return listener_open(&loop->listener, loop, listening);
}

void loop_run(struct loop *loop)
{
    loop->websockets.lane.thread = pthread_self();
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    log_flush();
}

static void handle_close(uv_handle_t *handle, void *argument)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void loop_close(struct loop *loop)
{
    if (loop->server == NULL)
        return; /* was never opened */
    while (atomic_load_explicit(&loop->n_giving_back, memory_order_acquire) > 0)
        sched_yield(); /* a few instructions of somebody who is not ours to join */
    listener_close(&loop->listener);
    uv_walk(&loop->uv, handle_close, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_loop_close(&loop->uv);
    while (loop->free_requests != NULL) {
        struct dw_request *r = loop->free_requests;
        loop->free_requests = r->next_free;
        http_request_free(&r);
    }
    input_store_free(&loop->inputs);
}
