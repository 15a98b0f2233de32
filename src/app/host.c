#include "app/host.h"

enum { NAME_MAX_LENGTH = 253, PORT_MAX = 65535, PORT_DIGITS = 5 };

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels with dots between them. */
static bool is_name(struct dw_str name)
{
    size_t label = 0;

    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '.' && !is_name_character(name.ptr[i]))
            return false;
        if (name.ptr[i] == '.' && label == 0)
            return false;
        label = name.ptr[i] == '.' ? 0 : label + 1;
    }
    return label > 0 && name.len <= NAME_MAX_LENGTH;
}

static bool is_port(struct dw_str port)
{
    unsigned number = 0;

    if (port.len == 0 || port.len > PORT_DIGITS)
        return false;
    for (size_t i = 0; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return false;
        number = number * 10 + (unsigned)(port.ptr[i] - '0');
    }
    return number <= PORT_MAX;
}

/* The root's dot may be written (RFC 1034 §3.1); the name is the same. */
static struct dw_str without_root(struct dw_str name)
{
    return name.len > 1 && name.ptr[name.len - 1] == '.' ? dw_str_n(name.ptr, name.len - 1) : name;
}

/* Splits at the end of an IPv6 literal, or at the first colon. False for a bracket that is not closed. */
static bool split(struct dw_str text, struct host *host, struct dw_str *ret_rest)
{
    host->is_ipv6 = text.len > 0 && text.ptr[0] == '[';
    if (text.len == 0)
        return false;
    const char *end = memchr(text.ptr, host->is_ipv6 ? ']' : ':', text.len);
    if (end == NULL) {
        host->name = text;
        *ret_rest = dw_str_n(text.ptr + text.len, 0);
        return !host->is_ipv6;
    }
    const size_t len = (size_t)(end - text.ptr), skip = host->is_ipv6 ? 1 : 0;
    host->name = dw_str_n(text.ptr + skip, len - skip);
    *ret_rest = dw_str_n(end + skip, text.len - len - skip);
    return true;
}

enum dw_err host_parse(struct dw_str text, struct host *ret_host)
{
    struct host host = { 0 };
    struct dw_str rest;

    if (!split(text, &host, &rest))
        return DW_ERR_HOST;
    if (rest.len > 0) {
        host.port = dw_str_n(rest.ptr + 1, rest.len - 1);
        if (rest.ptr[0] != ':' || !is_port(host.port))
            return DW_ERR_HOST;
    }
    if (!host.is_ipv6)
        host.name = without_root(host.name);
    if (host.is_ipv6 ? memchr(host.name.ptr, ':', host.name.len) == NULL || ip_parse(host.name, &host.ip) != DW_OK
                     : !is_name(host.name))
        return DW_ERR_HOST;
    *ret_host = host;
    return DW_OK;
}

enum dw_err host_pattern_parse(struct dw_str text, struct host_pattern *ret_pattern)
{
    static const struct dw_str WILDCARD = DW_STR_INIT("*.");
    struct host_pattern pattern = { .is_wildcard = dw_str_starts_with(text, WILDCARD) };
    const size_t skip = pattern.is_wildcard ? WILDCARD.len : 0;

    TRY(host_parse(dw_str_n(text.ptr + skip, text.len - skip), &pattern.host));
    if (!dw_str_is_absent(pattern.host.port) || (pattern.is_wildcard && pattern.host.is_ipv6))
        return DW_ERR_HOST;
    if (pattern.is_wildcard) /* with the dot before it, which the text has */
        pattern.host.name = dw_str_n(pattern.host.name.ptr - 1, pattern.host.name.len + 1);
    *ret_pattern = pattern;
    return DW_OK;
}

bool host_matches(const struct host *host, const struct host_pattern *pattern)
{
    const struct dw_str name = host->name, wanted = pattern->host.name;

    if (host->is_ipv6 != pattern->host.is_ipv6)
        return false;
    if (host->is_ipv6)
        return memcmp(host->ip.bytes, pattern->host.ip.bytes, IP_SIZE) == 0;
    if (!pattern->is_wildcard)
        return dw_str_eq_nocase(name, wanted);
    return name.len > wanted.len &&
        dw_str_eq_nocase(dw_str_n(name.ptr + name.len - wanted.len, wanted.len), wanted);
}

/* --- origins ---------------------------------------------------------------------------------------------------- */

static bool is_own_port(struct dw_str scheme, struct dw_str port)
{
    return (dw_str_eq(scheme, DW_STR("http")) && dw_str_eq(port, DW_STR("80"))) ||
        (dw_str_eq(scheme, DW_STR("https")) && dw_str_eq(port, DW_STR("443")));
}

/* RFC 3986 §3.1 */
static bool is_scheme(struct dw_str scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        const char c = scheme.ptr[i];
        if (!(c >= 'a' && c <= 'z') && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return false;
    }
    return scheme.len > 0;
}

bool origin_is_normal(struct dw_str origin)
{
    const char *colon = origin.len == 0 ? NULL : memchr(origin.ptr, ':', origin.len);
    const size_t len = colon == NULL ? 0 : (size_t)(colon - origin.ptr);
    const struct dw_str rest = dw_str_n(origin.ptr + len, origin.len - len), mark = DW_STR("://");
    struct host host;

    if (!is_scheme(dw_str_n(origin.ptr, len)) || !dw_str_starts_with(rest, mark))
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.ptr[i] >= 'A' && rest.ptr[i] <= 'Z')
            return false;
    return host_parse(dw_str_n(rest.ptr + mark.len, rest.len - mark.len), &host) == DW_OK &&
        !is_own_port(dw_str_n(origin.ptr, len), host.port);
}
