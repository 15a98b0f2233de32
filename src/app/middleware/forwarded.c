/*
 * The client behind a proxy (spec G3): X-Forwarded-For and -Proto, and Forwarded (RFC 7239), believed from the proxies
 * of dw_app_config.trusted_proxies and from nobody else.
 *
 * Each proxy adds the address that it saw at the end. Read from there: as long as the one who wrote an entry is
 * trusted, the entry is true; the first address that is no trusted proxy is the client. What stands before it anyone
 * may have written.
 * Defends against: forged addresses that would escape limits by address or put somebody else's into the log.
 * A request that carries both forms keeps the proxy's address: a proxy writes one of them and hands on the other as it
 * came, and which one can't be told.
 */
#include "app/middleware/middleware.h"

#include "app/problem.h"

enum { HOPS_MAX = 32 };

/* --- at the start ----------------------------------------------------------------------------------------------- */

static struct dw_str trim(struct dw_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = dw_str_n(s.ptr + 1, s.len - 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* The last element of a list; the rest becomes what stands before it, absent after the first. Quoted strings of
 * Forwarded may hold the separator (RFC 7239 §4 with RFC 9110 §5.6.4). Read from the end: a quotation mark that the
 * client left open must not swallow what a proxy wrote behind it. */
static struct dw_str take_last(struct dw_str *rest, char separator)
{
    size_t start = rest->len;
    bool is_quoted = false;

    for (; start > 0; start--) {
        const char c = rest->ptr[start - 1];
        if (c == '"' && (start == 1 || rest->ptr[start - 2] != '\\'))
            is_quoted = !is_quoted;
        else if (c == separator && !is_quoted)
            break;
    }
    const struct dw_str last = trim(dw_str_n(rest->ptr + start, rest->len - start));
    *rest = start == 0 ? dw_str_n(NULL, 0) : dw_str_n(rest->ptr, start - 1);
    return last;
}

enum dw_err forwarded_make(struct dw_app *app, struct problem *p)
{
    struct dw_str rest = dw_str(app->config.trusted_proxies);
    size_t n_max = 1;

    if (rest.len == 0)
        return DW_OK;
    for (size_t i = 0; i < rest.len; i++)
        n_max += rest.ptr[i] == ',';
    app->proxies = dw_arena_alloc(app->arena, n_max * sizeof(*app->proxies));
    if (app->proxies == NULL)
        return DW_ERR_NO_MEMORY;
    while (!dw_str_is_absent(rest)) {
        const struct dw_str entry = take_last(&rest, ',');
        if (ip_range_parse(entry, &app->proxies[app->n_proxies]) != DW_OK)
            return problem_say(p, "trusted proxies: \"%.*s\" is no address or network", (int)MIN_OF(entry.len, 80),
                entry.ptr);
        app->n_proxies++;
    }
    app->config.trusted_proxies = NULL; /* read; the caller's text may be gone from here on */
    return DW_OK;
}

/* --- at each request -------------------------------------------------------------------------------------------- */

static bool is_trusted(const struct dw_app *app, const struct ip *ip)
{
    for (size_t i = 0; i < app->n_proxies; i++)
        if (ip_range_has(&app->proxies[i], ip))
            return true;
    return false;
}

/* An address with or without port and brackets; "unknown" and made-up names (RFC 7239 §6.2, §6.3) are none. */
static bool node_parse(struct dw_str node, struct ip *ret_ip)
{
    const char *colon = node.len == 0 ? NULL : memchr(node.ptr, ':', node.len);

    if (node.len > 0 && node.ptr[0] == '[') {
        const char *end = memchr(node.ptr, ']', node.len);
        return end != NULL && ip_parse(dw_str_n(node.ptr + 1, (size_t)(end - node.ptr) - 1), ret_ip) == DW_OK;
    }
    /* One colon is an IPv4 address with a port, more are an IPv6 address. */
    if (colon != NULL && memrchr(node.ptr, ':', node.len) == colon)
        node.len = (size_t)(colon - node.ptr);
    return ip_parse(node, ret_ip) == DW_OK;
}

/* A parameter of one element of Forwarded: for="[2001:db8::1]:80";proto=https. Absent when it has none. */
static struct dw_str parameter(struct dw_str element, struct dw_str name)
{
    while (!dw_str_is_absent(element)) {
        const struct dw_str pair = take_last(&element, ';');
        if (pair.len <= name.len || pair.ptr[name.len] != '=' ||
            !dw_str_eq_nocase(dw_str_n(pair.ptr, name.len), name))
            continue;
        struct dw_str value = dw_str_n(pair.ptr + name.len + 1, pair.len - name.len - 1);
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = dw_str_n(value.ptr + 1, value.len - 2);
        return value;
    }
    return dw_str_n(NULL, 0);
}

static struct dw_str for_of_element(struct dw_str element)
{
    return parameter(element, DW_STR("for"));
}

static struct dw_str for_of_entry(struct dw_str entry)
{
    return entry;
}

struct walk {
    const struct dw_app *app;
    struct ip client;       /* the last one that a trusted hop named */
    struct dw_str element;  /* that named it */
    unsigned n_hops;
    bool is_over;
};

/* One header line, from its end. */
static void walk_line(struct walk *w, struct dw_str line, struct dw_str (*node_of)(struct dw_str element))
{
    while (!w->is_over && !dw_str_is_absent(line)) {
        const struct dw_str element = take_last(&line, ',');
        struct ip ip;

        w->is_over = !node_parse(node_of(element), &ip) || ++w->n_hops > HOPS_MAX;
        if (w->is_over)
            return;
        w->client = ip;
        w->element = element;
        w->is_over = !is_trusted(w->app, &ip);
    }
}

/* All lines of that name, the last one first: a proxy may have added its own. */
static void walk_lines(struct walk *w, const struct dw_request *r, struct dw_str name,
    struct dw_str (*node_of)(struct dw_str element))
{
    for (unsigned i = r->n_headers; i-- > 0 && !w->is_over;)
        if (dw_str_eq_nocase(r->headers[i].name, name))
            walk_line(w, r->headers[i].value, node_of);
}

static enum dw_err forwarded_before(const struct dw_app *app, struct dw_request *r)
{
    struct walk w = { .app = app };
    struct dw_str proto;

    if (ip_parse(dw_request_peer(r), &w.client) != DW_OK || !is_trusted(app, &w.client))
        return DW_OK;
    const bool has_standard = !dw_str_is_absent(dw_request_header(r, "Forwarded"));
    const bool has_usual = !dw_str_is_absent(dw_request_header(r, "X-Forwarded-For"));

    if (has_standard && has_usual)
        return DW_OK;
    if (has_standard) {
        walk_lines(&w, r, DW_STR("Forwarded"), for_of_element);
        proto = parameter(w.element, DW_STR("proto"));
    } else {
        walk_lines(&w, r, DW_STR("X-Forwarded-For"), for_of_entry);
        proto = dw_request_header(r, "X-Forwarded-Proto");
    }
    ip_format(&w.client, r->peer);
    if (!dw_str_is_absent(proto))
        r->is_https = dw_str_eq_nocase(proto, DW_STR("https"));
    return DW_OK;
}

static bool forwarded_is_on(const struct dw_app *app)
{
    return app->n_proxies > 0;
}

const struct middleware MIDDLEWARE_FORWARDED = {
    .name = "forwarded",
    .is_on = forwarded_is_on,
    .before = forwarded_before,
};
