/*
 * Middleware: what happens to every request, whatever its row. One file each; MIDDLEWARE lists them in order.
 *
 * Of applications that are mounted in others, each has its `before`, the outermost first; what comes later is called
 * once, with the application that serves the request (`finished` with the outermost). What is off for an application
 * is not in its lists and costs nothing.
 */
#ifndef APP_MIDDLEWARE_H
#define APP_MIDDLEWARE_H

#include "app/application.h"

struct middleware {
    const char *name;
    /* Whether the application's configuration asks for it; NULL: always. */
    bool (*is_on)(const struct dw_app *app);
    /* When the application is made: header lines that answers of this row (NULL: of none) always carry. */
    void (*prepare)(const struct dw_app *app, const struct dw_route *route, struct buffer *head);
    /* The request's header is complete. An error is answered instead of the row, and so is app_state.early. */
    enum dw_err (*before)(const struct dw_app *app, struct dw_request *r);
    /* The row has been looked for, and maybe found. An error is answered instead of it. */
    enum dw_err (*routed)(const struct dw_app *app, struct dw_request *r);
    /* Who is calling is known, or nobody had to be; the body has not been looked at. Once a request, and once more on a
     * worker when it was DW_ERR_WOULD_BLOCK on the loop. */
    enum dw_err (*resolved)(const struct dw_app *app, struct dw_request *r);
    /* The answer is complete and about to leave: headers may be added. In reverse order of the list. */
    void (*after)(const struct dw_app *app, struct dw_request *r);
    /* It has left, or the client has. In reverse order. */
    void (*finished)(const struct dw_app *app, struct dw_request *r, bool sent);
};

extern const struct middleware MIDDLEWARE_COOKIES;
extern const struct middleware MIDDLEWARE_REQUEST_ID;
extern const struct middleware MIDDLEWARE_ACCESS_LOG;
extern const struct middleware MIDDLEWARE_METRICS;
extern const struct middleware MIDDLEWARE_SECURITY_HEADERS;
extern const struct middleware MIDDLEWARE_FORWARDED;
extern const struct middleware MIDDLEWARE_TRUSTED_HOST;
extern const struct middleware MIDDLEWARE_HTTPS_REDIRECT;
extern const struct middleware MIDDLEWARE_CORS;
extern const struct middleware MIDDLEWARE_RATE_LIMIT;

extern const struct middleware *const MIDDLEWARE[];
extern const size_t MIDDLEWARE_COUNT;

/* Fills the application's lists, in the order of their calls, when all of it is made. */
void middleware_choose(struct dw_app *app);

/* When the application is made: what its configuration says of proxies, hosts, origins and limits. DW_ERR_TABLE when
 * malformed. */
DW_MUST_USE enum dw_err forwarded_make(struct dw_app *app, struct problem *p);
DW_MUST_USE enum dw_err trusted_hosts_make(struct dw_app *app, struct problem *p);
DW_MUST_USE enum dw_err cors_make(struct dw_app *app, struct problem *p);
void cors_free(struct cors *cors);
DW_MUST_USE enum dw_err rate_limits_make(struct dw_app *app, struct problem *p);
/* The host of the request, when it is one of app->hosts; else DW_ERR_HOST. */
DW_MUST_USE enum dw_err trusted_host_find(const struct dw_app *app, const struct dw_request *r, struct host *ret_host);
/* Answers with 307 to the same path and query of an origin, whose name must be one of app->hosts. Absent: no memory. */
DW_MUST_USE enum dw_err redirect_to(struct dw_request *r, struct dw_str origin);
/* On a worker: counts by the limits that the loop has left (app_state.is_limit_due). */
DW_MUST_USE enum dw_err rate_limits_count_due(struct dw_request *r);
/* NULL when there is none of that name. */
const struct app_limit *rate_limit_find(const struct dw_app *app, const char *name);

#endif
