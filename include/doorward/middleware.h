/*
 * What stands around an application's routes: who may call it from a browser page, under which names it answers, and
 * which other applications are mounted in it.
 *
 * Why: a browser lets a page of another origin read answers only when they say so (CORS, Fetch Standard §3.2); a name
 * that a client chose must not end up in links and redirects.
 * Defends against: pages of origins that are not listed reading answers, credentials for everyone ("*" with credentials
 * does not start), "null" origins, Host headers that point elsewhere, redirects to where an attacker wants.
 * Does not: keep programs that are no browsers away (CORS asks nothing of them), or replace CSRF tokens for cookies.
 *
 * Lifetime: tables are borrowed and must outlive the application. The behaviour is that of Starlette's middleware of
 * the same names, where not said otherwise.
 */
#ifndef DOORWARD_MIDDLEWARE_H
#define DOORWARD_MIDDLEWARE_H

#include <doorward/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Cross-origin resource sharing. Lists end with NULL. */
struct dw_cors {
    /* As browsers write them, "https://app.example.com" or "http://localhost:5173"; or "*" alone: every origin, then
     * without credentials. NULL: none but those of the pattern. */
    const char *const *origins;
    /* Further origins: PCRE2, matched against the whole origin. "null" never matches, whatever it says. */
    const char *origin_pattern;
    const char *const *methods;         /* "*": all that there are; NULL: GET */
    const char *const *headers;         /* besides the four that need no leave; "*": any */
    const char *const *exposed_headers; /* of answers, that scripts may read */
    bool credentials;                   /* cookies may be sent along, and CSRF checks know the origins */
    unsigned max_age_s;                 /* how long a browser may keep the answer of a preflight; 0: 600 */
    bool private_network;               /* pages of public sites may ask although this is a private network's address */
};

struct dw_app_config;

/*
 * Another application under a path prefix: its routes, middleware, limits and OpenAPI (whose servers[0].url is the
 * prefix) are its own. The outer application's middleware comes first: hosts, HTTPS, CORS, limits. What each answer
 * carries (request id, security headers, the line of the access log) is written once.
 * The prefix owns all paths beneath it, the longest prefix first; a route of the outer one that stands there is found
 * when the application is made.
 */
struct dw_mount {
    const char *prefix; /* "/shop", "/shop/admin": no parameters, no '/' at the end; NULL ends the list */
    const struct dw_app_config *config; /* read at once, made and freed with the outer application */
};

/* How many applications may stand in each other. */
enum { DW_MOUNT_DEPTH_MAX = 4 };

#ifdef __cplusplus
}
#endif
#endif
