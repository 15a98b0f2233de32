/*
 * The server's HTTP face: joins the account domain (identity/) with the application framework (app/).
 *
 * Why: the domain knows no HTTP and the framework knows no accounts. Here stand the route tables, one folder a family
 * (account/, oauth2/, admin/, docs/, operations/), with handlers that only translate.
 * Defends against: a route without a guard (each row says what it needs), members that must not be set or seen (models
 * name every one), answers that tell whether an account exists.
 * Does not: hash, sign, store or decide about tokens; that is identity's.
 *
 * Lifetime: `identity` is borrowed and must outlive the application; the strings are copied.
 * Threading: as struct dw_app.
 */
#ifndef PROTOCOL_PROTOCOL_H
#define PROTOCOL_PROTOCOL_H

#include "identity/identity.h"
#include <doorward/app.h>

struct protocol_config {
    struct identity *identity;
    const char *public_url; /* "https://id.example.com": links and metadata are made from it */
    const char *issuer;     /* of tokens; NULL: public_url */
    bool access_log;        /* one line a request */
    const char *rate_limit_login;   /* per client address: "10/minute"; NULL or "none": no limit */
    const char *rate_limit_register, *rate_limit_forgot; /* the same, of registrations and forgotten passwords */
    const char *rate_limit_default; /* the same, of all requests */
    const struct dw_rate_store *rate_store; /* where all of them are counted; NULL: in memory */
    const char *trusted_proxies;    /* as in dw_app_config */
    const char *trusted_hosts;      /* the same; NULL with https_redirect: the public URL's host */
    bool https_redirect;
    const char *cors_origins;        /* separated by commas; "*": every one, without cookies; NULL: none */
    const char *cors_origin_pattern; /* further ones, as in struct dw_cors */
    const struct dw_metrics *metrics; /* NULL: none */
    bool metrics_apart;               /* with metrics: protocol_operator_app() shows them, the other does not */
    bool (*redis_answers)(void *redis); /* for /readyz; NULL: there is none. Must not wait */
    void *redis;
};

/* The application and what its tables borrow. */
struct protocol;

/* On DW_ERR_TABLE ret_problem says which row is wrong. */
DW_MUST_USE enum dw_err protocol_app_new(const struct protocol_config *config, struct protocol **ret_protocol,
                                         char ret_problem[DW_PROBLEM_SIZE]);
/* For dw_serve() and dw_call(); owned by the protocol. */
struct dw_app *protocol_app(const struct protocol *protocol);
/* /metrics, /healthz and /readyz alone, for a listener of their own; NULL unless metrics_apart. Likewise. */
struct dw_app *protocol_operator_app(const struct protocol *protocol);
/* From now on /readyz says no: whoever sends requests here is to send them elsewhere. Any thread. */
void protocol_stop_soon(struct protocol *protocol);
void protocol_app_free(struct protocol **protocol);

#endif
