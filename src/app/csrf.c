#include "app/application.h"

#include "base/encoding.h"
#include "crypto/hash.h"

/* A token is the nonce and HMAC-SHA-256(key, nonce || session), in base64url. */
enum { NONCE_SIZE = 16, TOKEN_SIZE = NONCE_SIZE + SHA256_SIZE, SESSION_MAX = 256 };

static enum dw_err token_mac(const struct dw_csrf *csrf, const unsigned char nonce[NONCE_SIZE], struct dw_str session,
    unsigned char ret_mac[SHA256_SIZE])
{
    unsigned char message[NONCE_SIZE + SESSION_MAX];

    if (csrf->key == NULL || csrf->key->size < SHA256_SIZE || session.len == 0 || session.len > SESSION_MAX)
        return DW_ERR_ARGUMENT;
    memcpy(message, nonce, NONCE_SIZE);
    memcpy(message + NONCE_SIZE, session.ptr, session.len);
    return hmac_sha256(csrf->key, dw_str_n(message, NONCE_SIZE + session.len), ret_mac);
}

enum dw_err dw_csrf_token(
    const struct dw_csrf *csrf, struct dw_str session, struct dw_arena *arena, struct dw_str *ret_token)
{
    unsigned char bytes[TOKEN_SIZE];

    if (csrf == NULL || arena == NULL || ret_token == NULL)
        return DW_ERR_ARGUMENT;
    dw_random(bytes, NONCE_SIZE);
    TRY(token_mac(csrf, bytes, session, bytes + NONCE_SIZE));
    const struct dw_str token = base64url_encode_arena(arena, dw_str_n(bytes, sizeof(bytes)));

    if (dw_str_is_absent(token))
        return DW_ERR_NO_MEMORY;
    *ret_token = token;
    return DW_OK;
}

static enum dw_err token_check(const struct dw_csrf *csrf, struct dw_str session, struct dw_str token)
{
    unsigned char bytes[TOKEN_SIZE], mac[SHA256_SIZE];
    size_t size;

    if (base64url_decode(token, bytes, sizeof(bytes), &size) != DW_OK || size != sizeof(bytes))
        return DW_ERR_CSRF;
    TRY(token_mac(csrf, bytes, session, mac));
    return dw_mem_eq(mac, bytes + NONCE_SIZE, SHA256_SIZE) ? DW_OK : DW_ERR_CSRF;
}

static bool is_safe(enum dw_method method)
{
    return method == DW_GET || method == DW_HEAD || method == DW_OPTIONS;
}

enum dw_err dw_csrf_check_origin(struct dw_request *r, const struct dw_csrf *csrf)
{
    if (r == NULL || csrf == NULL)
        return DW_ERR_ARGUMENT;
    const struct dw_str origin = dw_request_header(r, "Origin");
    const struct dw_str site = dw_request_header(r, "Sec-Fetch-Site");
    /* A page that CORS lets ask with cookies says so by its origin, whatever site it is of. */
    if (r->state != NULL && cors_allows_origin(app_state(r)->app, origin))
        return DW_OK;
    const bool is_ours = dw_str_is_absent(origin) || dw_str_eq_nocase(origin, csrf->origin);
    /* "none": the person herself, by the address bar. "same-site" is another origin, which somebody else may run. */
    const bool is_near = dw_str_is_absent(site) || dw_str_eq(site, DW_STR("same-origin")) ||
        dw_str_eq(site, DW_STR("none"));

    return is_ours && is_near ? DW_OK : DW_ERR_CSRF;
}

enum dw_err dw_csrf_check(struct dw_request *r, const struct dw_csrf *csrf, struct dw_str session)
{
    if (r == NULL || csrf == NULL || csrf->cookie == NULL || csrf->header == NULL)
        return DW_ERR_ARGUMENT;
    if (is_safe(dw_request_method(r)))
        return DW_OK;
    TRY(dw_csrf_check_origin(r, csrf));
    const struct dw_str sent = dw_request_header(r, csrf->header);
    const struct dw_str cookie = dw_request_cookie(r, csrf->cookie);

    /* The session's HMAC decides; a cookie that says something else was put there by somebody else. */
    if (!dw_str_is_absent(cookie) && (cookie.len != sent.len || !dw_mem_eq(cookie.ptr, sent.ptr, sent.len)))
        return DW_ERR_CSRF;
    return token_check(csrf, session, sent);
}

enum dw_err dw_origin_of_url(struct dw_str url, struct dw_arena *arena, struct dw_str *ret_origin)
{
    static const struct {
        struct dw_str scheme, port;
    } DEFAULTS[] = {
        { DW_STR_INIT("https://"), DW_STR_INIT(":443") },
        { DW_STR_INIT("http://"), DW_STR_INIT(":80") },
    };

    for (size_t i = 0; i < ARRAY_SIZE(DEFAULTS); i++) {
        const size_t start = DEFAULTS[i].scheme.len, port = DEFAULTS[i].port.len;

        if (url.len <= start || !dw_str_eq_nocase(dw_str_n(url.ptr, start), DEFAULTS[i].scheme))
            continue;
        const char *slash = memchr(url.ptr + start, '/', url.len - start);
        struct dw_str origin = dw_str_n(url.ptr, slash != NULL ? (size_t)(slash - url.ptr) : url.len);

        /* A browser leaves the scheme's own port out (RFC 6454 §6.2). */
        if (origin.len > start + port &&
            dw_str_eq(dw_str_n(origin.ptr + origin.len - port, port), DEFAULTS[i].port))
            origin.len -= port;
        origin = dw_arena_copy(arena, origin);
        if (dw_str_is_absent(origin))
            return DW_ERR_NO_MEMORY;
        *ret_origin = origin;
        return DW_OK;
    }
    return DW_ERR_ARGUMENT;
}
