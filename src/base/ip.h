/*
 * IP addresses and networks as text: who is a trusted proxy, and what counts as one client.
 *
 * Defends against: one address written in two ways (IPv4 inside IPv6 is the IPv4 address), addresses that only some
 * parsers read (octal, short forms), a client who has 2^64 IPv6 addresses to himself counted 2^64 times (ip_network()).
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include "base/cleanup.h"

enum { IP_SIZE = 16, IP_TEXT_SIZE = 46, IP_NETWORK_TEXT_SIZE = 50, IP_CLIENT_V6_BITS = 64 };

/* IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */
struct ip {
    unsigned char bytes[IP_SIZE];
};

struct ip_range {
    struct ip first;
    unsigned bits; /* of the 128 */
};

/* "192.0.2.1", "2001:db8::1"; no zone, no brackets, no port. DW_ERR_VALIDATION. */
DW_MUST_USE enum dw_err ip_parse(struct dw_str text, struct ip *ret_ip);
/* The same, or with "/24" behind it (RFC 4632, RFC 4291 §2.3). Bits set past the prefix are refused: a typing error. */
DW_MUST_USE enum dw_err ip_range_parse(struct dw_str text, struct ip_range *ret_range);
bool ip_range_has(const struct ip_range *range, const struct ip *ip);
void ip_format(const struct ip *ip, char ret_text[IP_TEXT_SIZE]);

/* What counts as one client: an IPv4 address, or the /64 of an IPv6 address. What is no address stays as it is, cut. */
void ip_network(struct dw_str address, char ret_text[IP_NETWORK_TEXT_SIZE]);

#endif
