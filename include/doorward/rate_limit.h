/*
 * Rate limits in words: "5/minute", "100 per hour;10 per second", "2 per 5 minutes" (as Python's `limits` reads them).
 *
 * Why: a limit is a fact of configuration, written once, counted by the application (dw_app_config.rate_limits).
 * Defends against: guessing and floods from one address. Does not: tell apart clients behind one address, or join the
 * many addresses of one attacker (sign-in has waits by account for that).
 */
#ifndef DOORWARD_RATE_LIMIT_H
#define DOORWARD_RATE_LIMIT_H

#include <doorward/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `amount` in `multiples` × `unit`. */
struct dw_rate {
    uint32_t amount;
    uint32_t multiples;
    const char *unit;  /* "second", "minute", "hour", "day", "month" (30 days), "year" (12 months); static */
    int64_t seconds;   /* multiples × unit */
};

enum { DW_RATES_MAX = 8 };

/* One rate or several, separated by ',', ';' or '|'; all of them hold. DW_ERR_VALIDATION when malformed or when a
 * number has more than 9 digits, DW_ERR_LIMIT past DW_RATES_MAX. */
DW_API DW_MUST_USE enum dw_err dw_rates_parse(struct dw_str text, struct dw_rate ret_rates[DW_RATES_MAX],
                                              size_t *ret_n);

/* How a window moves. */
enum dw_rate_window {
    DW_RATE_SLIDING, /* the last n seconds, estimated from this window and the one before: no burst at an edge */
    DW_RATE_FIXED,   /* n seconds from the first request on, then all of it again */
};

/* A limit by its name; the application counts by client address (an IPv6 client is its /64). */
struct dw_rate_limit {
    const char *name; /* what dw_route.rate_limit says; NULL ends the list */
    const char *rule; /* "10/minute"; NULL or "none": no limit */
    enum dw_rate_window window;
};

/* The name of the limit that holds for every route, and for what is no route. */
#define DW_RATE_LIMIT_DEFAULT "default"

#ifdef __cplusplus
}
#endif
#endif
