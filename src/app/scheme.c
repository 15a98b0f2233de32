#include "app/application.h"

#include "app/query.h"
#include "base/encoding.h"

/* token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" (RFC 9110 §11.2, RFC 6750 §2.1). */
static const bool TOKEN68[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true, ['.'] = true,
    ['_'] = true,         ['~'] = true,         ['+'] = true,         ['/'] = true,
};

static bool is_token68(struct dw_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    bool is_fine = true;
    size_t i = 0;

    while (s.len > 0 && p[s.len - 1] == '=')
        s.len--;
    /* Nearly all are fine, and this is done for every request: eight look-ups without a branch between them. */
    for (; i + 8 <= s.len; i += 8)
        is_fine &= TOKEN68[p[i]] & TOKEN68[p[i + 1]] & TOKEN68[p[i + 2]] & TOKEN68[p[i + 3]] & TOKEN68[p[i + 4]] &
                   TOKEN68[p[i + 5]] & TOKEN68[p[i + 6]] & TOKEN68[p[i + 7]];
    for (; i < s.len; i++)
        is_fine &= TOKEN68[p[i]];
    return is_fine && s.len > 0;
}

/* What follows the scheme's name in Authorization; DW_ERR_UNAUTHENTICATED when it is another scheme or nothing. */
static enum dw_err authorization_find(struct dw_request *r, struct dw_str name, struct dw_str *ret_rest)
{
    const struct dw_str header = dw_request_header(r, "Authorization");

    if (header.len <= name.len || !dw_str_eq_nocase(dw_str_n(header.ptr, name.len), name) ||
        header.ptr[name.len] != ' ')
        return DW_ERR_UNAUTHENTICATED;
    size_t start = name.len;
    while (start < header.len && header.ptr[start] == ' ')
        start++;
    if (start == header.len)
        return DW_ERR_UNAUTHENTICATED;
    *ret_rest = dw_str_n(header.ptr + start, header.len - start);
    return DW_OK;
}

static enum dw_err extract_bearer(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    TRY(authorization_find(r, DW_STR("Bearer"), ret_credential));
    return is_token68(*ret_credential) ? DW_OK : DW_ERR_TOKEN_INVALID;
}

/* RFC 7617: base64 of user ":" password in UTF-8, without control characters. */
static enum dw_err extract_basic(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    struct dw_str text;
    size_t size;

    TRY(authorization_find(r, DW_STR("Basic"), &text));
    char *decoded = dw_arena_alloc(r->arena, text.len);
    if (decoded == NULL)
        return DW_ERR_NO_MEMORY;
    if (base64_decode(text, true, decoded, text.len, &size) != DW_OK)
        return DW_ERR_TOKEN_INVALID;
    const struct dw_str credential = dw_str_n(decoded, size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)decoded[i] < ' ' || decoded[i] == '\x7f')
            return DW_ERR_TOKEN_INVALID;
    if (size == 0 || memchr(decoded, ':', size) == NULL || !dw_str_is_utf8(credential))
        return DW_ERR_TOKEN_INVALID;
    *ret_credential = credential;
    return DW_OK;
}

static enum dw_err present(struct dw_str value, struct dw_str *ret_credential)
{
    if (value.len == 0)
        return DW_ERR_UNAUTHENTICATED;
    *ret_credential = value;
    return DW_OK;
}

static enum dw_err extract_header(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    return present(dw_request_header(r, scheme->parameter), ret_credential);
}

static enum dw_err extract_cookie(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    return present(dw_request_cookie(r, scheme->parameter), ret_credential);
}

static enum dw_err extract_query(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    struct dw_str value;

    if (query_find(r->arena, dw_request_query(r), dw_str(scheme->parameter), &value) != DW_OK)
        return DW_ERR_TOKEN_INVALID;
    return present(value, ret_credential);
}

typedef enum dw_err scheme_extract(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential);

static scheme_extract *const EXTRACT[] = {
    [DW_SCHEME_OAUTH2_PASSWORD] = extract_bearer, [DW_SCHEME_HTTP_BEARER] = extract_bearer,
    [DW_SCHEME_HTTP_BASIC] = extract_basic,       [DW_SCHEME_API_KEY_HEADER] = extract_header,
    [DW_SCHEME_API_KEY_QUERY] = extract_query,    [DW_SCHEME_API_KEY_COOKIE] = extract_cookie,
};

static bool scheme_is_sane(const struct dw_scheme *scheme)
{
    return scheme->kind >= DW_SCHEME_OAUTH2_PASSWORD && scheme->kind < ARRAY_SIZE(EXTRACT) &&
           (scheme->kind < DW_SCHEME_API_KEY_HEADER || scheme->parameter != NULL);
}

enum dw_err dw_scheme_extract(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    struct dw_str credential = { NULL, 0 };

    if (r == NULL || scheme == NULL || ret_credential == NULL || !scheme_is_sane(scheme))
        return DW_ERR_ARGUMENT;
    const enum dw_err err = EXTRACT[scheme->kind](r, scheme, &credential);
    struct app_state *s = app_state(r);
    /* The challenge of a 401 speaks of the scheme that was used, else of the first one that was asked for. */
    if (s != NULL && err != DW_ERR_UNAUTHENTICATED && !s->is_credential_sent) {
        s->is_credential_sent = true;
        s->scheme = scheme;
    } else if (s != NULL && s->scheme == NULL) {
        s->scheme = scheme;
    }
    if (err == DW_OK)
        *ret_credential = credential;
    return err;
}
