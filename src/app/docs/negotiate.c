#include "app/docs/negotiate.h"

static struct dw_str trim(struct dw_str s)
{
    while (s.len > 0 && (*s.ptr == ' ' || *s.ptr == '\t'))
        s = dw_str_n(s.ptr + 1, s.len - 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* What stands before the next `separator` of *rest, trimmed; *rest moves behind it. Absent at the end. */
static struct dw_str next_part(struct dw_str *rest, char separator)
{
    if (rest->ptr == NULL)
        return *rest;
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, separator, rest->len);
    const struct dw_str part = dw_str_n(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);

    *rest = end ? dw_str_n(end + 1, rest->len - part.len - 1) : dw_str_n(NULL, 0);
    return trim(part);
}

/* "q=0", "q=0.000": not acceptable (RFC 9110 §12.4.2). */
static bool is_refused(struct dw_str parameters)
{
    for (struct dw_str p = next_part(&parameters, ';'); p.ptr != NULL; p = next_part(&parameters, ';')) {
        if (p.len < 3 || (*p.ptr != 'q' && *p.ptr != 'Q') || p.ptr[1] != '=')
            continue;
        for (size_t i = 2; i < p.len; i++)
            if (p.ptr[i] != '0' && p.ptr[i] != '.')
                return false;
        return true;
    }
    return false;
}

bool accepts_gzip(struct dw_str accept_encoding)
{
    bool by_any = false;

    for (struct dw_str item = next_part(&accept_encoding, ','); item.ptr != NULL;
         item = next_part(&accept_encoding, ',')) {
        const struct dw_str coding = next_part(&item, ';');

        if (dw_str_eq_nocase(coding, DW_STR("gzip")) || dw_str_eq_nocase(coding, DW_STR("x-gzip")))
            return !is_refused(item);
        if (dw_str_eq(coding, DW_STR("*")))
            by_any = !is_refused(item);
    }
    return by_any;
}

bool accepts_openmetrics(struct dw_str accept)
{
    for (struct dw_str item = next_part(&accept, ','); item.ptr != NULL; item = next_part(&accept, ','))
        if (dw_str_eq_nocase(next_part(&item, ';'), DW_STR("application/openmetrics-text")))
            return !is_refused(item);
    return false;
}

bool etag_is_known(struct dw_str if_none_match, struct dw_str etag)
{
    for (struct dw_str tag = next_part(&if_none_match, ','); tag.ptr != NULL; tag = next_part(&if_none_match, ',')) {
        if (dw_str_starts_with(tag, DW_STR("W/")))
            tag = dw_str_n(tag.ptr + 2, tag.len - 2);
        if (dw_str_eq(tag, etag) || dw_str_eq(tag, DW_STR("*")))
            return true;
    }
    return false;
}
