#include "http/connection.h"

#include "http/metrics.h"

#include <time.h>

/* A body up to this size is put behind its header; a longer one is gathered elsewhere, as the header must not move. */
enum { BODY_IN_PLACE_MAX = 16 * 1024 };

static const struct http_service *service_of(const struct connection *c)
{
    return c->loop->server->service;
}

/* The service lets go of the request. */
static void exchange_finished(struct connection *c, bool sent)
{
    log_within(&c->request->log);
    if (c->has_begun)
        service_of(c)->finished(service_of(c)->context, c->request, sent);
    c->has_begun = false;
}

/* The answer has left, or never will: the request is over. True when another one may follow. */
static bool exchange_end(struct connection *c, bool sent)
{
    struct websocket *upgrade = sent ? TAKE_PTR(c->request->upgrade) : NULL;

    exchange_finished(c, sent);
    loop_give_request(c->loop, TAKE_PTR(c->request));
    if (upgrade != NULL)
        websocket_board(upgrade, c);
    else if (!sent)
        connection_close(c);
    else if (!c->keep)
        connection_finish(c);
    else
        c->state = CONNECTION_READING;
    return c->state == CONNECTION_READING;
}

void exchange_abandon(struct connection *c)
{
    if (c->request == NULL)
        return;
    exchange_finished(c, false);
    loop_give_request(c->loop, TAKE_PTR(c->request));
}

static void on_sent(struct connection *c, bool was_sent)
{
    if (exchange_end(c, was_sent))
        connection_go_on(c);
}

/* What the kernel did not take at once leaves when the client has read. */
static bool exchange_await_client(struct connection *c)
{
    if (c->loop->stop == STOP_NOW)
        return exchange_end(c, false); /* those that waited for their client have been closed already */
    connection_stop_reading(c);
    c->state = CONNECTION_WRITING;
    loop_wait(c->loop, WAIT_WRITE, &c->wait);
    return false;
}

/* Sends the answer that is in the request. */
static bool exchange_answer(struct connection *c)
{
    struct dw_request *r = c->request;
    struct dw_str pieces[ANSWER_PIECES];
    uv_buf_t bufs[ANSWER_PIECES];
    size_t total = 0;

    if (c->is_cut)
        return exchange_end(c, false);
    answer_complete(r, service_of(c));
    c->keep = c->keep && !r->close && c->loop->stop == STOP_NONE;
    const struct answer_framing framing = { .date_line = loop_date_line(c->loop), .keep = c->keep,
                                            .is_http_1_0 = parse_is_http_1_0(&c->parse) };
    const unsigned n = answer_pieces(r, &framing, pieces);
    for (unsigned i = 0; i < n; i++) {
        bufs[i] = (uv_buf_t){ .base = (char *)(uintptr_t)pieces[i].ptr, .len = pieces[i].len };
        total += pieces[i].len;
    }
    metric_add(&HTTP_BYTES_OUT, 0, (int64_t)total);
    const enum send_result result = connection_send(c, bufs, n, on_sent);
    return result == SEND_LATER ? exchange_await_client(c) : exchange_end(c, result == SEND_DONE);
}

static bool exchange_answer_error(struct connection *c, enum dw_err err)
{
    http_answer_clear(c->request);
    c->has_begun = true;
    service_of(c)->refuse(service_of(c)->context, c->request, err);
    return exchange_answer(c);
}

void exchange_refuse(struct connection *c, enum dw_err err)
{
    c->keep = false;
    c->must_linger = true;
    exchange_answer_error(c, err);
}

/* RFC 9110 §10.1.1: the client waits for leave to send its body. Without room in the socket's buffer it goes without;
 * it does not wait for ever. */
static enum dw_err exchange_invite_body(struct connection *c)
{
    static const struct dw_str INVITATION = DW_STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");

    if (c->input.pos != c->input.len || parse_is_http_1_0(&c->parse))
        return DW_OK;
    if (!dw_str_eq_nocase(dw_request_header(c->request, "Expect"), DW_STR("100-continue")))
        return DW_OK;
    const uv_buf_t buf = { .base = (char *)(uintptr_t)INVITATION.ptr, .len = INVITATION.len };
    return connection_send_aside(c, buf) == SEND_FAILED ? DW_ERR_IO : DW_OK;
}

/* Decides where the body goes, before the service sees the header: from then on the header stays where it is. */
static enum dw_err exchange_place_body(struct connection *c)
{
    struct input *in = &c->input;
    const bool is_chunked = parse_is_chunked(&c->parse);
    const size_t length = is_chunked ? BODY_IN_PLACE_MAX : parse_content_length(&c->parse);
    const size_t here = MIN_OF(length, (size_t)BODY_IN_PLACE_MAX);
    const size_t have = in->len - in->pos;

    if (here > have)
        TRY(input_make_room(in, &c->loop->inputs, (size_t)(c->parse.line - in->ptr), here - have, &c->parse));
    c->parse.body_in_place = !is_chunked && length <= in->capacity - in->pos;
    c->body_at = in->pos;
    return DW_OK;
}

/* The header is complete: the service may refuse, or say how large the body may be. */
static enum dw_err exchange_begin(struct connection *c)
{
    const size_t most = c->loop->server->config.max_body;
    size_t max_body = most;

    const bool has_body = parse_has_body(&c->parse);
    if (has_body)
        TRY(exchange_place_body(c));
    c->has_begun = c->is_used = true;
    c->request->is_http_1_0 = parse_is_http_1_0(&c->parse);
    c->keep = parse_wants_to_stay(&c->parse);
    TRY(service_of(c)->begin(service_of(c)->context, c->request, &max_body));
    if (!has_body)
        return DW_OK;
    c->parse.body_limit = c->request->body_bytes.max = MIN_OF(max_body, most);
    if (!parse_is_chunked(&c->parse) && parse_content_length(&c->parse) > c->parse.body_limit)
        return DW_ERR_BODY_TOO_LARGE;
    return exchange_invite_body(c);
}

/* On a worker. */
static enum http_verdict exchange_work(struct work *work)
{
    struct connection *c = container_of(work, struct connection, work);

    c->was_skipped = atomic_load(&c->loop->server->stop_level) >= STOP_NOW;
    if (c->was_skipped)
        return HTTP_ANSWERED;
    c->request->may_block = true;
    c->request->may_hash = work->lane == HTTP_TO_HASHING;
    log_within(&c->request->log);
    const enum http_verdict verdict = service_of(c)->serve_waiting(service_of(c)->context, c->request);
    if (verdict == HTTP_ANSWERED)
        c->request->may_block = c->request->may_hash = false;
    log_within(NULL);
    return verdict;
}

static void exchange_refuse_work(struct work *work)
{
    struct connection *c = container_of(work, struct connection, work);

    service_of(c)->refuse(service_of(c)->context, c->request, DW_ERR_BUSY);
}

static bool exchange_submit(struct connection *c, enum http_verdict lane);

static void exchange_resumed(struct work *work)
{
    struct connection *c = container_of(work, struct connection, work);
    bool may_go_on = false;

    log_within(&c->request->log);
    const enum http_verdict verdict = service_of(c)->resume(service_of(c)->context, c->request);

    if (verdict == HTTP_ANSWERED)
        may_go_on = exchange_answer(c);
    else if (verdict != HTTP_SUSPENDED)
        may_go_on = exchange_submit(c, verdict);
    log_within(NULL);
    if (may_go_on)
        connection_go_on(c);
}

bool http_may_suspend(const struct dw_request *r)
{
    return r->work != NULL && !r->may_block;
}

void http_suspend(struct dw_request *r)
{
    struct connection *c = container_of(r->work, struct connection, work);

    c->work = (struct work){ .loop = c->loop, .done = exchange_resumed };
}

void http_resume(struct dw_request *r)
{
    work_give_back(r->work);
}

static void exchange_worked(struct work *work)
{
    struct connection *c = container_of(work, struct connection, work);

    log_within(&c->request->log);
    const bool may_go_on = c->was_skipped ? exchange_end(c, false) : exchange_answer(c);

    log_within(NULL);
    if (may_go_on)
        connection_go_on(c);
}

/* To a worker; true when the lane was full and that has been answered. */
static bool exchange_submit(struct connection *c, enum http_verdict lane)
{
    c->work = (struct work){ .loop = c->loop, .run = exchange_work, .refuse = exchange_refuse_work,
                             .done = exchange_worked };
    return work_submit(&c->work, lane) != DW_OK && exchange_answer_error(c, DW_ERR_BUSY);
}

static bool exchange_serve(struct connection *c)
{
    const struct http_service *service = service_of(c);

    if (!c->has_begun) {
        const enum dw_err err = exchange_begin(c);
        if (err != DW_OK)
            return exchange_answer_error(c, err); /* no body was announced: the connection is in order */
    }
    const enum http_verdict verdict = service->serve(service->context, c->request);
    if (verdict == HTTP_ANSWERED)
        return exchange_answer(c);

    connection_stop_reading(c);
    wait_disarm(&c->wait);
    c->state = CONNECTION_WORKING;
    return verdict != HTTP_SUSPENDED && exchange_submit(c, verdict);
}

/* Takes a request for the bytes at hand; false when there are none. */
static bool exchange_start(struct connection *c)
{
    struct input *in = &c->input;

    while (in->pos < in->len && (in->ptr[in->pos] == '\r' || in->ptr[in->pos] == '\n'))
        in->pos++; /* RFC 9112 §2.2: empty lines before a request are ignored */
    if (in->pos == in->len)
        return false;
    c->request = loop_take_request(c->loop);
    if (c->request == NULL) {
        connection_close(c);
        return false;
    }
    memcpy(c->request->peer, c->peer, sizeof(c->peer));
    c->request->work = &c->work;
    c->request->is_https = c->secure != NULL;
    c->keep = c->must_linger = false;
    parse_begin(&c->parse, c->request, in->ptr + in->pos);
    wait_disarm(&c->wait);
    return true;
}

/* All bytes were taken and the request is not whole. Body bytes were copied: their place is free again. */
static void exchange_reclaim_input(struct connection *c)
{
    struct input *in = &c->input;

    if (!c->parse.is_head_complete || c->parse.body_in_place)
        return;
    dw_wipe(in->ptr + c->body_at, in->len - c->body_at);
    in->pos = in->len = c->body_at;
}

static bool exchange_go_on(struct connection *c)
{
    struct input *in = &c->input;

    if (c->request == NULL && !exchange_start(c))
        return false;
    log_within(&c->request->log);
    for (;;) {
        size_t taken = 0;
        const enum parse_result result = parse_feed(&c->parse, in->ptr + in->pos, in->len - in->pos, &taken);
        in->pos += taken;
        if (result == PARSE_COMPLETE)
            return exchange_serve(c);
        if (result == PARSE_MORE) {
            exchange_reclaim_input(c);
            return false;
        }
        const enum dw_err err = result == PARSE_HEAD ? exchange_begin(c) : c->parse.error;
        if (err != DW_OK) {
            exchange_refuse(c, err);
            return false;
        }
    }
}

bool exchange_step(struct connection *c)
{
    const bool goes_on = exchange_go_on(c);

    log_within(NULL);
    return goes_on;
}
