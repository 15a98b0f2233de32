#include "base/ip.h"

#include <arpa/inet.h>

static const unsigned char V4_MAPPED[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

enum { V4_BITS = 32, ALL_BITS = 8 * IP_SIZE, V4_OFFSET = sizeof(V4_MAPPED) };

static bool is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, V4_MAPPED, sizeof(V4_MAPPED)) == 0;
}

enum dw_err ip_parse(struct dw_str text, struct ip *ret_ip)
{
    char terminated[IP_TEXT_SIZE];
    struct ip ip;

    if (text.len == 0 || text.len >= sizeof(terminated) || memchr(text.ptr, '\0', text.len) != NULL)
        return DW_ERR_VALIDATION;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    if (inet_pton(AF_INET6, terminated, ip.bytes) != 1) {
        memcpy(ip.bytes, V4_MAPPED, sizeof(V4_MAPPED));
        if (inet_pton(AF_INET, terminated, ip.bytes + V4_OFFSET) != 1)
            return DW_ERR_VALIDATION;
    }
    *ret_ip = ip;
    return DW_OK;
}

/* One to three digits, without a leading zero. */
static bool parse_bits(struct dw_str text, unsigned max, unsigned *ret_bits)
{
    unsigned bits = 0;

    if (text.len < 1 || text.len > 3 || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *ret_bits = bits;
    return bits <= max;
}

static void clear_past(struct ip *ip, unsigned bits)
{
    for (unsigned i = 0; i < IP_SIZE; i++) {
        const unsigned kept = bits <= 8 * i ? 0 : MIN_OF(bits - 8 * i, 8);
        ip->bytes[i] = (unsigned char)(ip->bytes[i] & (0xff00 >> kept));
    }
}

enum dw_err ip_range_parse(struct dw_str text, struct ip_range *ret_range)
{
    const char *slash = text.len == 0 ? NULL : memchr(text.ptr, '/', text.len);
    const size_t address = slash == NULL ? text.len : (size_t)(slash - text.ptr);
    struct ip_range range = { .bits = ALL_BITS };

    TRY(ip_parse(dw_str_n(text.ptr, address), &range.first));
    if (slash != NULL) {
        const bool is_dotted = is_v4(&range.first) && memchr(text.ptr, ':', address) == NULL;
        unsigned bits;

        if (!parse_bits(dw_str_n(slash + 1, text.len - address - 1), is_dotted ? V4_BITS : ALL_BITS, &bits))
            return DW_ERR_VALIDATION;
        range.bits = is_dotted ? ALL_BITS - V4_BITS + bits : bits;
    }
    struct ip cleared = range.first;
    clear_past(&cleared, range.bits);
    if (memcmp(cleared.bytes, range.first.bytes, IP_SIZE) != 0)
        return DW_ERR_VALIDATION;
    *ret_range = range;
    return DW_OK;
}

bool ip_range_has(const struct ip_range *range, const struct ip *ip)
{
    struct ip cleared = *ip;

    clear_past(&cleared, range->bits);
    return memcmp(cleared.bytes, range->first.bytes, IP_SIZE) == 0;
}

void ip_format(const struct ip *ip, char ret_text[IP_TEXT_SIZE])
{
    ret_text[0] = '\0';
    if (is_v4(ip))
        inet_ntop(AF_INET, ip->bytes + V4_OFFSET, ret_text, IP_TEXT_SIZE);
    else
        inet_ntop(AF_INET6, ip->bytes, ret_text, IP_TEXT_SIZE);
}

void ip_network(struct dw_str address, char ret_text[IP_NETWORK_TEXT_SIZE])
{
    struct ip ip;

    if (ip_parse(address, &ip) != DW_OK) {
        const size_t len = MIN_OF(address.len, (size_t)IP_NETWORK_TEXT_SIZE - 1);
        if (len > 0)
            memcpy(ret_text, address.ptr, len);
        ret_text[len] = '\0';
        return;
    }
    const bool is_whole = is_v4(&ip);
    if (!is_whole)
        clear_past(&ip, IP_CLIENT_V6_BITS);
    ip_format(&ip, ret_text);
    if (!is_whole)
        memcpy(ret_text + strlen(ret_text), "/64", sizeof("/64"));
}
