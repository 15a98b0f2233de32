#include "app/accept.h"

#include "app/dialog.h"
#include "http/handshake.h"

enum { STATUS_SWITCHING = 101, STATUS_BAD_REQUEST = 400, STATUS_SERVER_ERROR = 500 };

/* In the request's arena. */
struct accepting {
    struct handshake handshake;
    struct dw_str protocol; /* agreed on; absent: none */
};

/* --- the page that asks ----------------------------------------------------------------------------------------- */

static bool names_have(const char *const *names, struct dw_str name)
{
    for (; names != NULL && *names != NULL; names++)
        if (dw_str_eq(dw_str(*names), name))
            return true;
    return false;
}

static bool origin_is(struct dw_request *r, const char *scheme, struct dw_str origin)
{
    const struct dw_str host = dw_request_header(r, "Host");
    const struct dw_str url = dw_arena_printf(r->arena, "%s://%.*s", scheme, (int)host.len, host.ptr);
    struct dw_str own;

    return !dw_str_is_absent(url) && dw_origin_of_url(url, r->arena, &own) == DW_OK && dw_str_eq(own, origin);
}

/* A page that came by https is not trusted less because a proxy that nobody told us of took that off. */
static bool origin_is_own(struct dw_request *r, struct dw_str origin)
{
    const bool is_https = app_state(r)->app->config.is_https || r->is_https;

    return origin_is(r, "https", origin) || (!is_https && origin_is(r, "http", origin));
}

/* What sends no Origin is no browser. */
static enum dw_err origin_check(struct dw_request *r, const struct channel *channel)
{
    const struct dw_str origin = dw_request_header(r, "Origin");
    const char *const *origins = channel->config->origins;

    if (dw_str_is_absent(origin) || names_have(origins, DW_STR("*")) || names_have(origins, origin) ||
        cors_allows_origin(app_state(r)->app, origin) || origin_is_own(r, origin))
        return DW_OK;
    return dw_fail(r, DW_ERR_FORBIDDEN, "Origin not allowed");
}

/* --- protocols, and the token among them ------------------------------------------------------------------------ */

static const struct dw_str BEARER = DW_STR_INIT("bearer");

/* Where "bearer" stands; n_protocols: nowhere. */
static size_t bearer_find(const struct handshake *h)
{
    size_t i = 0;

    while (i < h->n_protocols && !dw_str_eq_nocase(h->protocols[i], BEARER))
        i++;
    return i;
}

/* The best that both speak. A token is never answered: it would stand in logs and in the page's socket.protocol. */
static struct dw_str protocol_choose(const struct handshake *h, const char *const *spoken)
{
    const size_t bearer = bearer_find(h);

    for (; spoken != NULL && *spoken != NULL; spoken++)
        for (size_t i = 0; i < h->n_protocols; i++)
            if ((bearer == h->n_protocols || i != bearer + 1) && dw_str_eq(h->protocols[i], dw_str(*spoken)))
                return h->protocols[i];
    return bearer < h->n_protocols ? h->protocols[bearer] : dw_str_n(NULL, 0);
}

/* What a browser can't say by Authorization becomes just that, so that every scheme and dependency finds it. */
static enum dw_err bearer_take(struct dw_request *r, const struct handshake *h)
{
    const size_t bearer = bearer_find(h);

    if (bearer == h->n_protocols)
        return DW_OK;
    if (bearer + 1 == h->n_protocols || !dw_str_is_absent(dw_request_header(r, "Authorization")))
        return DW_ERR_BAD_REQUEST;
    if (r->n_headers == HTTP_MAX_HEADERS)
        return DW_ERR_HEADERS_TOO_LARGE;
    const struct dw_str token = h->protocols[bearer + 1];
    const struct dw_str value = dw_arena_printf(r->arena, "Bearer %.*s", (int)token.len, token.ptr);
    if (dw_str_is_absent(value))
        return DW_ERR_NO_MEMORY;
    r->headers[r->n_headers++] = (struct http_header){ DW_STR("Authorization"), value };
    return DW_OK;
}

enum dw_err accept_prepare(struct dw_request *r)
{
    struct app_state *s = app_state(r);
    const struct channel *channel = s->match.row->channel;

    if (s->accepting != NULL)
        return DW_OK;
    struct accepting *a = dw_arena_alloc(r->arena, sizeof(*a));
    if (a == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(handshake_read(r, &a->handshake));
    TRY(origin_check(r, channel));
    TRY(bearer_take(r, &a->handshake));
    a->protocol = protocol_choose(&a->handshake, channel->config->protocols);
    s->accepting = a;
    return DW_OK;
}

/* --- the answer ------------------------------------------------------------------------------------------------- */

bool accept_closes(const struct dw_request *r, enum dw_err err)
{
    const struct app_state *s = app_state(r);
    const int status = dw_error_info(err)->status;

    return s != NULL && s->accepting != NULL && r->upgrade == NULL && err != DW_ERR_RATE_LIMITED &&
           status >= STATUS_BAD_REQUEST && status < STATUS_SERVER_ERROR;
}

enum dw_err accept_answer(struct dw_request *r, enum dw_err err)
{
    struct app_state *s = app_state(r);
    const struct accepting *a = s->accepting;

    TRY(dialog_new(r, err));
    http_answer_clear(r);
    s->error = err;
    r->status = STATUS_SWITCHING;
    dw_answer_header(r, "Upgrade", DW_STR("websocket"));
    dw_answer_header(r, "Sec-WebSocket-Accept", dw_str_n(a->handshake.accept, sizeof(a->handshake.accept)));
    if (!dw_str_is_absent(a->protocol))
        dw_answer_header(r, "Sec-WebSocket-Protocol", a->protocol);
    return DW_OK;
}
