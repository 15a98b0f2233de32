#include <doorward/app.h>

#include "base/encoding.h"

/* "Basic" and blanks; the rest is what was encoded. */
static bool basic_find(struct dw_str header, struct dw_str *ret_encoded)
{
    static const struct dw_str BASIC = DW_STR_INIT("Basic");
    size_t start = BASIC.len;

    if (header.len < BASIC.len || !dw_str_eq_nocase(dw_str_n(header.ptr, BASIC.len), BASIC) ||
        (header.len > BASIC.len && header.ptr[BASIC.len] != ' '))
        return false;
    while (start < header.len && header.ptr[start] == ' ')
        start++;
    *ret_encoded = dw_str_n(header.ptr + start, header.len - start);
    return true;
}

static bool is_clean(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == '\x7f')
            return false;
    return dw_str_is_utf8(s);
}

/* RFC 6749 §2.3.1: each part is form-encoded before the two are joined by a colon. */
static enum dw_err basic_decode(struct dw_arena *arena, struct dw_str encoded, struct dw_str *ret_id,
                                struct dw_str *ret_secret)
{
    size_t size;

    char *text = dw_arena_alloc(arena, encoded.len + 1);
    if (text == NULL)
        return DW_ERR_NO_MEMORY;
    if (base64_decode(encoded, true, text, encoded.len, &size) != DW_OK)
        return DW_ERR_CLIENT;
    const char *colon = memchr(text, ':', size);
    if (colon == NULL)
        return DW_ERR_CLIENT;
    const struct dw_str id = dw_str_n(text, (size_t)(colon - text));
    const struct dw_str secret = dw_str_n(colon + 1, size - id.len - 1);
    if (percent_decode_arena(arena, id, true, ret_id) != DW_OK ||
        percent_decode_arena(arena, secret, true, ret_secret) != DW_OK)
        return DW_ERR_CLIENT;
    return ret_id->len > 0 && is_clean(*ret_id) && is_clean(*ret_secret) ? DW_OK : DW_ERR_CLIENT;
}

enum dw_err dw_client_credentials(struct dw_request *r, struct dw_str form_id, struct dw_str form_secret,
                                  struct dw_str *ret_id, struct dw_str *ret_secret)
{
    struct dw_str encoded, id, secret;

    if (r == NULL || ret_id == NULL || ret_secret == NULL)
        return DW_ERR_ARGUMENT;
    if (!basic_find(dw_request_header(r, "Authorization"), &encoded)) {
        *ret_id = form_id;
        *ret_secret = form_secret;
        return DW_OK;
    }
    TRY(basic_decode(dw_request_arena(r), encoded, &id, &secret));
    /* §2.3: not more than one method a request. client_id alone is no method, but it must not name another client. */
    if (!dw_str_is_absent(form_secret) || (!dw_str_is_absent(form_id) && !dw_str_eq(form_id, id)))
        return DW_ERR_CLIENT;
    *ret_id = id;
    *ret_secret = secret;
    return DW_OK;
}
