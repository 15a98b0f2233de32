/*
 * Security schemes: one row a kind, for extraction, challenge, checks and OpenAPI alike.
 */
#ifndef APP_SCHEME_H
#define APP_SCHEME_H

#include "app/problem.h"

typedef enum dw_err scheme_extract(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential);

/* How a kind is challenged: WWW-Authenticate of a 401. */
enum scheme_challenge { CHALLENGE_BEARER, CHALLENGE_BASIC, CHALLENGE_DIGEST, CHALLENGE_API_KEY };

struct scheme_kind {
    scheme_extract *extract;
    enum scheme_challenge challenge;
    const char *type, *http, *in, *flow; /* OpenAPI 3.1, Security Scheme Object; NULL: no such member */
};

/* NULL for a kind that is none. */
const struct scheme_kind *scheme_kind(const struct dw_scheme *scheme);
/* Whether its kind has what it needs. */
DW_MUST_USE enum dw_err scheme_check(const struct dw_scheme *scheme, struct problem *p);
/* The first of the schemes (NULL-terminated) by which something was sent. */
DW_MUST_USE enum dw_err scheme_find(struct dw_request *r, const struct dw_scheme *const *schemes,
                                    struct dw_credential *ret_found);
/* Whether its credentials are granted scopes (OAuth2, OpenID Connect). */
bool scheme_has_scopes(const struct dw_scheme *scheme);

#endif
