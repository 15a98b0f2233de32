/*
 * X-Request-Id: what a user can quote and the log can find. Always ours: one that a caller chose could forge log lines
 * or join requests of others.
 */
#include "app/middleware/middleware.h"

static void request_id_after(const struct dw_app *app, struct dw_request *r)
{
    buffer_append_literal(&r->head, "X-Request-Id: ");
    buffer_append(&r->head, dw_request_id(r));
    buffer_append_literal(&r->head, "\r\n");
}

const struct middleware MIDDLEWARE_REQUEST_ID = {
    .name = "request_id",
    .after = request_id_after,
};
