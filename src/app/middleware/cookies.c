/*
 * Set-Cookie, written when the answer is complete: what a handler or an authentication set stays even when the answer
 * becomes an error, since a session whose cookie was renewed would be lost without the new value.
 */
#include "app/middleware/middleware.h"

static void cookies_after(const struct dw_app *app, struct dw_request *r)
{
    if (r->state != NULL)
        buffer_append(&r->head, app_state(r)->cookies);
}

const struct middleware MIDDLEWARE_COOKIES = {
    .name = "cookies",
    .after = cookies_after,
};
