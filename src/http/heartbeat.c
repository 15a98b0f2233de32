#include "http/heartbeat.h"

#include "http/loop.h"

/* While it stops, loops come to their end one by one. */
static bool all_have_answered(const struct server *server)
{
    const uint64_t asked = atomic_load(&server->heartbeat.asked);

    for (unsigned i = 0; i < server->n_loops && atomic_load(&server->stop_level) == STOP_NONE; i++)
        if (atomic_load(&server->loops[i].answered) != asked)
            return false;
    return true;
}

static void on_time(uv_timer_t *timer)
{
    struct server *server = timer->data;

    if (all_have_answered(server))
        server->config.on_heartbeat(server->config.on_ready_argument);
    atomic_fetch_add(&server->heartbeat.asked, 1);
    for (unsigned i = 0; i < server->n_loops; i++)
        uv_async_send(&server->loops[i].wake);
}

enum dw_err heartbeat_open(struct server *server)
{
    uv_timer_t *timer = &server->heartbeat.timer;
    const uint64_t every_ms = server->config.heartbeat_ms;

    if (server->config.on_heartbeat == NULL)
        return DW_OK;
    timer->data = server;
    return uv_timer_init(&server->loops[0].uv, timer) == 0 && uv_timer_start(timer, on_time, every_ms, every_ms) == 0
               ? DW_OK
               : DW_ERR_IO;
}

void heartbeat_answer(struct loop *loop)
{
    atomic_store_explicit(&loop->answered, atomic_load_explicit(&loop->server->heartbeat.asked, memory_order_relaxed),
                          memory_order_relaxed);
}
