#include "http/answer.h"
#include "http/websocket.h"

static const char TEST_PEER[] = "test";
static const struct http_header TEST_HOST = { DW_STR_INIT("Host"), DW_STR_INIT("test") };

static enum dw_err call_take_headers(struct dw_request *r, const struct dw_call_header *header)
{
    for (; header != NULL && header->name != NULL; header++) {
        if (r->n_headers == HTTP_MAX_HEADERS)
            return DW_ERR_HEADERS_TOO_LARGE;
        r->headers[r->n_headers++] = (struct http_header){ dw_str(header->name), header->value };
    }
    if (dw_str_is_absent(dw_request_header(r, "Host")) && r->n_headers < HTTP_MAX_HEADERS)
        r->headers[r->n_headers++] = TEST_HOST;
    return DW_OK;
}

static enum dw_err call_begin(const struct http_service *service, const struct dw_call *call, struct dw_request *r)
{
    size_t max_body = SIZE_MAX;

    r->method = call->method;
    r->method_text = dw_str(dw_method_name(call->method));
    snprintf(r->peer, sizeof(r->peer), "%s", call->peer == NULL ? TEST_PEER : call->peer);
    http_request_begin_call(r);
    TRY(call_take_headers(r, call->headers));
    TRY(http_request_set_target(r, dw_str(call->target)));
    TRY(service->begin(service->context, r, &max_body));
    if (call->body.len > max_body)
        return DW_ERR_BODY_TOO_LARGE;
    r->body = call->body;
    return DW_OK;
}

static enum dw_err call_copy_answer(struct dw_request *r, struct dw_arena *arena, struct dw_called *ret_called)
{
    char date[ANSWER_DATE_SIZE];
    struct dw_str pieces[ANSWER_PIECES];
    const struct answer_framing framing = { .date_line = answer_date_line(dw_clock_now_s(), date), .keep = true };

    const unsigned n = answer_pieces(r, &framing, pieces);
    /* Without the status line, and without the blank line at the end. */
    const char *fields = (const char *)memchr(pieces[0].ptr, '\n', pieces[0].len) + 1;
    const size_t lead = (size_t)(pieces[0].ptr + pieces[0].len - fields);
    const struct dw_str head = dw_arena_printf(arena, "%.*s%.*s", (int)lead, fields, (int)pieces[1].len - 2,
                                               pieces[1].ptr);
    const struct dw_str body = dw_arena_copy(arena, n == ANSWER_PIECES ? pieces[2] : DW_STR(""));
    if (dw_str_is_absent(head) || dw_str_is_absent(body))
        return DW_ERR_NO_MEMORY;
    *ret_called = (struct dw_called){ .status = r->status, .head = head, .body = body };
    return DW_OK;
}

enum dw_err http_call_upgrade(const struct http_service *service, const struct dw_call *call, struct dw_arena *arena,
                              struct dw_called *ret_called, struct websocket **ret_upgrade)
{
    _cleanup_(http_request_free) struct dw_request *r = NULL;

    TRY(http_request_new(&r));
    const struct log_context *before = log_within(&r->log);
    const enum dw_err refusal = call_begin(service, call, r);
    if (refusal != DW_OK)
        service->refuse(service->context, r, refusal);
    else if (service->serve(service->context, r) != HTTP_ANSWERED)
        (void)service->serve_waiting(service->context, r); /* this thread may do all of it */
    answer_complete(r, service);
    const enum dw_err copied = call_copy_answer(r, arena, ret_called);
    service->finished(service->context, r, copied == DW_OK);
    log_within(before);
    TRY(copied);
    *ret_upgrade = TAKE_PTR(r->upgrade);
    return DW_OK;
}

enum dw_err http_call(const struct http_service *service, const struct dw_call *call, struct dw_arena *arena,
                      struct dw_called *ret_called)
{
    struct websocket *upgrade = NULL;

    TRY(http_call_upgrade(service, call, arena, ret_called, &upgrade));
    websocket_free(&upgrade); /* what was opened for nobody */
    return DW_OK;
}

struct dw_str dw_called_header(const struct dw_called *called, const char *name)
{
    if (called == NULL || called->head.len == 0)
        return dw_str_n(NULL, 0);
    const struct dw_str wanted = dw_str(name);
    const char *line = called->head.ptr;
    const char *end = called->head.ptr + called->head.len;

    while (line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next != NULL ? next + 1 : end;
        const char *colon = memchr(line, ':', (size_t)(next - line));
        if (colon != NULL && dw_str_eq_nocase(dw_str_n(line, (size_t)(colon - line)), wanted))
            return dw_str_n(colon + 2, (size_t)(next - colon) - sizeof(": \r\n") + 1);
        line = next;
    }
    return dw_str_n(NULL, 0);
}
