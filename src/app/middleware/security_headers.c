/*
 * Security headers (spec G4): made into one block a row when the application starts, one copy a request.
 *
 * Defends against: content sniffing, framing, leaking paths through Referer, scripts and frames of others, private
 * answers kept in a cache (everything that asked who is calling is not stored anywhere).
 */
#include "app/middleware/middleware.h"

#define HEADER(name, value) name ": " value "\r\n"

/* clang-format off */
static const char FIXED[] =
    HEADER("X-Content-Type-Options", "nosniff")
    HEADER("X-Frame-Options", "DENY")
    HEADER("Referrer-Policy", "no-referrer")
    HEADER("Cross-Origin-Opener-Policy", "same-origin")
    HEADER("Cross-Origin-Resource-Policy", "same-origin")
    HEADER("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
/* clang-format on */
static const char HSTS[] = HEADER("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
static const char NO_STORE[] = HEADER("Cache-Control", "no-store");
/* RFC 6749 §5.1 asks for it beside no-store. */
static const char NO_CACHE[] = HEADER("Pragma", "no-cache");
/* Those that default-src does not stand in for are named. */
static const char CSP_DEFAULT[] = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void headers_prepare(const struct dw_app *app, const struct dw_route *route, struct buffer *head)
{
    const char *csp = route == NULL ? NULL : route->content_security_policy;

    buffer_append(head, dw_str(FIXED));
    buffer_printf(head, "Content-Security-Policy: %s\r\n", csp == NULL ? CSP_DEFAULT : csp);
    if (app->config.is_https)
        buffer_append(head, dw_str(HSTS));
}

static bool head_has(const struct buffer *head, struct dw_str name)
{
    for (size_t start = 0; start < head->len;) {
        const char *line = head->ptr + start;
        const char *end = memchr(line, '\n', head->len - start);
        const size_t len = end == NULL ? head->len - start : (size_t)(end - line) + 1;
        if (len > name.len && line[name.len] == ':' && dw_str_eq_nocase(dw_str_n(line, name.len), name))
            return true;
        start += len;
    }
    return false;
}

/* Private: whatever needed to know the caller, and whatever was asked with a credential. */
static bool is_private(const struct dw_request *r)
{
    const struct app_row *row = app_row(r);

    return row != NULL && (row->route->no_store || row->plan.n_steps > 0 || app_state(r)->is_credential_sent);
}

static void headers_after(const struct dw_app *app, struct dw_request *r)
{
    const struct app_row *row = app_row(r);

    if (is_private(r) && !head_has(&r->head, DW_STR("Cache-Control"))) {
        buffer_append_literal(&r->head, NO_STORE);
        if (row->route->no_store)
            buffer_append_literal(&r->head, NO_CACHE);
    }
    buffer_append(&r->head, row == NULL ? app->head : row->head);
}

const struct middleware MIDDLEWARE_SECURITY_HEADERS = {
    .name = "security_headers",
    .prepare = headers_prepare,
    .after = headers_after,
};
