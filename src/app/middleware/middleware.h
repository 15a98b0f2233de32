/*
 * Middleware: what happens to every request, whatever its row. One file each; MIDDLEWARE lists them in order.
 */
#ifndef APP_MIDDLEWARE_H
#define APP_MIDDLEWARE_H

#include "app/application.h"

struct middleware {
    const char *name;
    /* When the application is made: header lines that answers of this row (NULL: of none) always carry. */
    void (*prepare)(const struct dw_app *app, const struct dw_route *route, struct buffer *head);
    /* The request's header is complete. An error is answered instead of the row. */
    enum dw_err (*before)(const struct dw_app *app, struct dw_request *r);
    /* The answer is complete and about to leave: headers may be added. In reverse order of the list. */
    void (*after)(const struct dw_app *app, struct dw_request *r);
    /* It has left, or the client has. In reverse order. */
    void (*finished)(const struct dw_app *app, struct dw_request *r, bool sent);
};

extern const struct middleware MIDDLEWARE_COOKIES;
extern const struct middleware MIDDLEWARE_REQUEST_ID;
extern const struct middleware MIDDLEWARE_ACCESS_LOG;
extern const struct middleware MIDDLEWARE_SECURITY_HEADERS;

extern const struct middleware *const MIDDLEWARE[];
extern const size_t MIDDLEWARE_COUNT;

#endif
