#include "http/connection.h"
#include "http/metrics.h"

/*
 * Events and where they run. Each has a request of its own, borrowed from the loop for as long.
 */

static void event_done(struct websocket *ws)
{
    struct loop *loop = ws->loop;

    loop_give_request(loop, TAKE_PTR(ws->request));
    if (ws->event.kind == WEBSOCKET_CLOSED) {
        websocket_free(&ws);
        loop->websockets.n--;
        metric_add(&HTTP_WEBSOCKETS, 0, -1);
        loop_check_finished(loop);
    } else if (ws->connection == NULL) {
        websocket_event_closed(ws); /* it ended meanwhile */
    }
}

/* On a worker. */
static enum http_verdict event_work(struct work *work)
{
    struct websocket *ws = container_of(work, struct websocket, work);
    const bool is_dropped = ws->event.kind != WEBSOCKET_CLOSED &&
                            atomic_load(&ws->loop->server->stop_level) >= STOP_NOW;

    if (is_dropped) {
        ws->calls->abandon(ws->owner, ws->request);
        return HTTP_ANSWERED;
    }
    ws->request->may_block = true;
    ws->request->may_hash = work->lane == HTTP_TO_HASHING;
    log_within(&ws->request->log);
    const enum http_verdict verdict = ws->calls->event(ws->owner, ws->request, &ws->event);

    log_within(NULL);
    return verdict;
}

static void event_refuse_work(struct work *work)
{
    container_of(work, struct websocket, work)->was_refused = true;
}

/* The last event must not be lost: it waits for better times. */
static void event_line_up(struct websocket *ws)
{
    ws->next_ended = ws->loop->websockets.ended;
    ws->loop->websockets.ended = ws;
}

/* No worker is to be had. A check comes again by itself. */
static void event_refused(struct websocket *ws)
{
    ws->calls->abandon(ws->owner, ws->request);
    loop_give_request(ws->loop, TAKE_PTR(ws->request));
    if (ws->event.kind == WEBSOCKET_CLOSED)
        event_line_up(ws);
    else if (ws->connection == NULL)
        websocket_event_closed(ws);
    else if (ws->event.kind != WEBSOCKET_CHECK)
        hub_close(ws->hub, ws->member.id, CLOSE_TRY_LATER, dw_str(dw_error_info(DW_ERR_BUSY)->message));
}

static void event_worked(struct work *work)
{
    struct websocket *ws = container_of(work, struct websocket, work);
    const bool goes_on = ws->connection != NULL;

    ws->is_working = false;
    ws->heard_ms = uv_now(&ws->loop->uv);
    if (ws->was_refused)
        event_refused(ws);
    else
        event_done(ws);
    if (goes_on)
        websocket_resume(ws);
}

static void event_submit(struct websocket *ws, enum http_verdict lane)
{
    ws->work = (struct work){ .loop = ws->loop, .run = event_work, .refuse = event_refuse_work, .done = event_worked };
    ws->was_refused = false;
    ws->is_working = true;
    if (ws->connection != NULL)
        connection_stop_reading(ws->connection);
    if (work_submit(&ws->work, lane) == DW_OK)
        return;
    ws->is_working = false;
    event_refused(ws);
    if (ws->connection != NULL)
        websocket_resume(ws);
}

void websocket_event_run(struct websocket *ws, const struct websocket_event *event)
{
    struct loop *loop = ws->loop;

    ws->event = *event;
    ws->request = loop_take_request(loop);
    if (ws->request == NULL && event->kind == WEBSOCKET_CLOSED)
        event_line_up(ws);
    else if (ws->request == NULL)
        hub_close(ws->hub, ws->member.id, CLOSE_INTERNAL, dw_str(dw_error_info(DW_ERR_NO_MEMORY)->message));
    if (ws->request == NULL)
        return;
    /* When everything stops at once nobody is kept waiting by what a callback waits for. */
    ws->request->may_block = event->kind == WEBSOCKET_CLOSED && loop->stop == STOP_NOW;
    log_within(&ws->request->log);
    const enum http_verdict verdict = ws->calls->event(ws->owner, ws->request, &ws->event);
    log_within(NULL);
    if (verdict == HTTP_ANSWERED)
        event_done(ws);
    else
        event_submit(ws, verdict);
}

void websocket_event_closed(struct websocket *ws)
{
    const struct websocket_event closed = { .kind = WEBSOCKET_CLOSED, .code = ws->closed_code };

    websocket_event_run(ws, &closed);
}
