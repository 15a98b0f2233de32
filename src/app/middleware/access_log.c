/*
 * One line a request. The path stands in it without the query, which may hold credentials; headers and bodies never.
 * `error` is the short code of what ended the request, which tells apart what callers must not be able to.
 */
#include "app/middleware/middleware.h"

#include "base/log.h"

static void access_log_finished(const struct dw_app *app, struct dw_request *r, bool sent)
{
    enum { NS_IN_US = 1000, FIELDS_MAX = 10 };
    const struct app_state *s = app_state(r);
    const size_t bytes = dw_str_is_absent(r->answer_static) ? r->answer.len : r->answer_static.len;

    if (!log_is_on(LOG_INFO))
        return;
    struct log_field fields[FIELDS_MAX] = {
        LOG_STR("method", r->method_text),
        LOG_STR("path", r->path),
        LOG_INT("status", sent ? r->status : 0),
        LOG_INT("duration_us", http_request_duration_ns(r) / NS_IN_US),
        LOG_INT("bytes", sent ? (int64_t)bytes : 0),
        LOG_STR("peer", dw_request_peer(r)),
    };
    size_t n = 6;
    if (!sent)
        fields[n++] = (struct log_field)LOG_CSTR("aborted", "client gone");
    if (s != NULL && s->error != DW_OK)
        fields[n++] = (struct log_field)LOG_ERR(s->error);
    if (s != NULL && s->is_authenticated)
        fields[n++] = (struct log_field)LOG_STR("subject", s->principal.subject);
    log_write(LOG_INFO, "request", fields, n);
}

static bool access_log_is_on(const struct dw_app *app)
{
    return app->config.access_log;
}

const struct middleware MIDDLEWARE_ACCESS_LOG = {
    .name = "access_log",
    .is_on = access_log_is_on,
    .finished = access_log_finished,
};
