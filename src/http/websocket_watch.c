#include "http/connection.h"
#include "http/metrics.h"

static struct websocket *websocket_of_link(struct websocket_link *link)
{
    return container_of(link, struct websocket, link);
}

static struct websocket *websocket_of_member(struct hub_member *member)
{
    return container_of(member, struct websocket, member);
}

void websocket_watch_init(struct loop *loop)
{
    struct websocket_watch *watch = &loop->websockets;

    watch->ring.next = watch->ring.previous = &watch->ring;
    watch->lane.wake = &loop->wake;
    uv_timer_init(&loop->uv, &watch->timer);
    watch->timer.data = loop;
}

static void link_out(struct websocket_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
}

static void link_last(struct websocket_watch *watch, struct websocket_link *link)
{
    link->next = &watch->ring;
    link->previous = watch->ring.previous;
    watch->ring.previous->next = link;
    watch->ring.previous = link;
}

/* --- looking at all of them in slices --------------------------------------------------------------------------- */

static void run_ended(struct websocket_watch *watch)
{
    struct websocket *ended = TAKE_PTR(watch->ended);

    while (ended != NULL) {
        struct websocket *ws = ended;
        ended = ws->next_ended;
        websocket_event_closed(ws); /* lines up again when there is no worker still */
    }
}

static void on_slice(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    struct websocket_watch *watch = &loop->websockets;
    const uint64_t now_ms = uv_now(&loop->uv);
    const unsigned share = watch->n_ring / WEBSOCKET_SLICES + 1;

    for (unsigned i = 0; i < share && watch->ring.next != &watch->ring; i++) {
        struct websocket_link *link = watch->ring.next;
        link_out(link);
        link_last(watch, link);
        websocket_visit(websocket_of_link(link), now_ms);
    }
    run_ended(watch);
    if (watch->n == 0)
        uv_timer_stop(timer);
}

void websocket_watch_add(struct websocket *ws)
{
    struct websocket_watch *watch = &ws->loop->websockets;

    link_last(watch, &ws->link);
    watch->n++;
    metric_add(&HTTP_WEBSOCKETS, 0, 1);
    watch->n_ring++;
    if (!uv_is_active((uv_handle_t *)&watch->timer))
        uv_timer_start(&watch->timer, on_slice, WEBSOCKET_SLICE_MS, WEBSOCKET_SLICE_MS);
}

void websocket_watch_remove(struct websocket *ws)
{
    link_out(&ws->link);
    ws->loop->websockets.n_ring--;
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

void websocket_watch_flush(struct loop *loop)
{
    struct hub *hub = loop->server->service->hub;
    struct hub_member *member;

    if (loop->websockets.n_ring == 0)
        return;
    while ((member = hub_next_dirty(hub, &loop->websockets.lane)) != NULL)
        websocket_flush(websocket_of_member(member));
}

void websocket_watch_stop(struct loop *loop, enum stop_level level)
{
    struct websocket_watch *watch = &loop->websockets;

    for (struct websocket_link *link = watch->ring.next, *next; link != &watch->ring; link = next) {
        struct websocket *ws = websocket_of_link(link);
        next = link->next;
        if (level == STOP_NOW)
            connection_close(ws->connection);
        else
            hub_close(ws->hub, ws->member.id, CLOSE_GOING_AWAY, dw_str_n(NULL, 0));
    }
}
