/*
 * Names of hosts: the value of Host, the patterns that it must match, and the origins that are made of one.
 *
 * Defends against: one host in two spellings (case, a dot at the end, IPv6 in its long form), a name that hides in
 * what looks like a port, characters that no name has.
 */
#ifndef APP_HOST_H
#define APP_HOST_H

#include "base/ip.h"

struct host {
    struct dw_str name; /* without the dot at its end; an IPv6 literal without its brackets */
    struct dw_str port; /* digits; absent when there is none */
    bool is_ipv6;
    struct ip ip; /* of an IPv6 literal */
};

/* "example.com", "example.com:8080", "[::1]:8080" (RFC 3986 §3.2.2, names of letters, digits, '-', '_'). */
DW_MUST_USE enum dw_err host_parse(struct dw_str text, struct host *ret_host);

struct host_pattern {
    struct host host;
    bool is_wildcard; /* *.example.com: host.name is what stands behind the asterisk, with its dot */
};

/* "example.com", "*.example.com", "[::1]", without a port. Borrows from `text`. */
DW_MUST_USE enum dw_err host_pattern_parse(struct dw_str text, struct host_pattern *ret_pattern);
/* A wildcard stands for one label or several, never for none. */
bool host_matches(const struct host *host, const struct host_pattern *pattern);

/* Whether an origin is written as browsers write it (RFC 6454 §6.2): scheme and host in small letters, no path, the
 * scheme's own port left out. "null" is none. */
bool origin_is_normal(struct dw_str origin);

#endif
