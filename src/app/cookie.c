#include "app/application.h"

#include "base/buffer.h"

enum { COOKIE_LINE_MAX = 4096, COOKIE_SECONDS_MAX = 400 * 86400 };

#define HOST_PREFIX "__Host-"

/* cookie-octet (RFC 6265 §4.1.1). */
static bool is_value(struct dw_str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] <= ' ' || value.ptr[i] > '~' || strchr("\",;\\", value.ptr[i]) != NULL)
            return false;
    return true;
}

static bool is_sane(const struct dw_cookie *cookie)
{
    const struct dw_str name = dw_str(cookie->name);
    const bool is_host_only = dw_str_starts_with(name, DW_STR(HOST_PREFIX));

    return http_is_token(name) && is_value(cookie->value) && cookie->max_age_s <= COOKIE_SECONDS_MAX &&
        (cookie->is_secure || !is_host_only);
}

static void line_write(const struct dw_cookie *cookie, struct buffer *b)
{
    buffer_printf(b, "Set-Cookie: %s=%.*s; Path=/; SameSite=Lax", cookie->name, (int)cookie->value.len,
        cookie->value.len > 0 ? cookie->value.ptr : "");
    if (cookie->max_age_s != 0)
        buffer_printf(b, "; Max-Age=%lld", (long long)MAX_OF(cookie->max_age_s, 0));
    if (!cookie->for_scripts)
        buffer_append_literal(b, "; HttpOnly");
    if (cookie->is_secure)
        buffer_append_literal(b, "; Secure");
    buffer_append_literal(b, "\r\n");
}

enum dw_err dw_answer_cookie(struct dw_request *r, const struct dw_cookie *cookie)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(COOKIE_LINE_MAX);

    if (r == NULL || r->state == NULL || cookie == NULL || !is_sane(cookie))
        return DW_ERR_ARGUMENT;
    buffer_append(&b, app_state(r)->cookies);
    line_write(cookie, &b);
    TRY(buffer_error(&b));
    const struct dw_str lines = dw_arena_copy(r->arena, buffer_str(&b));

    if (dw_str_is_absent(lines))
        return DW_ERR_NO_MEMORY;
    app_state(r)->cookies = lines;
    return DW_OK;
}
