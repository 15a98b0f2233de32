/*
 * Rate limits in words: "5/minute", "100 per hour;10 per second", "2 per 5 minutes" (as Python's `limits` reads them).
 *
 * Why: a limit is a fact of configuration, written once, counted by the application (dw_app_config.rate_limits).
 * Defends against: guessing and floods from one address, one user who takes more than a share. Does not: join the many
 * addresses of one attacker (sign-in has waits by account for that). Credentials are not kept: keys are hashed.
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

/* Whose requests are counted together. By address before anything is looked at; by the others once it is known who is
 * calling: what was refused before (401, 404) is not counted by them. */
enum dw_rate_key {
    DW_RATE_BY_ADDRESS,    /* the client's; an IPv6 client is its /64 */
    DW_RATE_BY_USER,       /* the principal's subject in its tenant; where nobody signed in, the address */
    DW_RATE_BY_CREDENTIAL, /* the token or API key that was sent; where none was needed, the address */
    DW_RATE_BY_FUNCTION,   /* what `key_of` gives */
};

struct dw_request;

/* A limit by its name. */
struct dw_rate_limit {
    const char *name; /* what dw_route.rate_limit says; NULL ends the list */
    const char *rule; /* "10/minute"; NULL or "none": no limit */
    enum dw_rate_window window;
    enum dw_rate_key by;
    /* DW_RATE_BY_FUNCTION: any text, static or in the request's arena; absent: this request is not
     * limited. On an event loop: it must not wait. */
    struct dw_str (*key_of)(struct dw_request *r);
};

/* The name of the limit that holds for every route, and for what is no route. */
#define DW_RATE_LIMIT_DEFAULT "default"

/* --- counting elsewhere: several processes that count together --------------------------------------------------- */

/* One request to be counted. Borrowed for the time of the call. */
struct dw_rate_hit {
    /* The limit and whose count it is, the same in every process with these tables. It may hold an address: what leaves
     * the process should be a MAC of it. */
    struct dw_str key;
    const struct dw_rate *rates; /* the shortest window first; all of them hold */
    size_t n_rates;              /* 1 to DW_RATES_MAX */
    enum dw_rate_window window;
};

/* What one rate says to it. */
struct dw_rate_verdict {
    bool is_allowed;
    uint32_t remaining;
    int64_t reset_s;       /* until all of it is there again */
    int64_t retry_after_s; /* when refused: until one more may pass */
};

/* Where requests are counted instead of in the memory of this process (dw_app_config.rate_store). */
struct dw_rate_store {
    void *context;
    /* Counts the request by each of the rates in turn, up to the first that refuses it; by that one and those after it
     * it is not counted. *ret_n verdicts, that of the refusing one the last. Never on an event loop: it may wait, and
     * should not for long. Any error: this process counts by itself, so that a limit holds in any case. Any thread. */
    enum dw_err (*hit)(void *context, const struct dw_rate_hit *hit, struct dw_rate_verdict ret_verdicts[DW_RATES_MAX],
                       size_t *ret_n);
};

#ifdef __cplusplus
}
#endif
#endif
