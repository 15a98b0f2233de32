/*
 * Access tokens: RFC 9068 profile of RFC 7519, signed by the active key.
 */
#ifndef IDENTITY_ACCESS_TOKEN_H
#define IDENTITY_ACCESS_TOKEN_H

#include "identity/user.h"

#define ACCESS_TOKEN_TYP "at+jwt"
#define CLIENT_FIRST_PARTY "doorward"

/* Clocks of nodes differ, and step back: a token may be this much from the future. Expiry has no leeway. What is denied
 * until its last token has expired is denied for as much longer. */
enum { ACCESS_TOKEN_LEEWAY_S = 60 };

struct access_grant {
    const struct user *user;
    struct dw_str session, client, scope;
    bool is_narrowed; /* the client asked for less than the user may: the scope limits what the token is good for */
    int64_t now_s;
    int64_t authenticated_s; /* when the user signed in; refreshing makes it no later */
    int64_t mfa_s;           /* when she showed her second factor then; 0: she did not */
    bool never_waits;        /* an event loop asks */
};

/* DW_ERR_WOULD_BLOCK where the grant says never_waits and the database has to be asked which key signs. */
DW_MUST_USE enum dw_err access_token_issue(struct identity *identity, const struct access_grant *grant,
                                           struct dw_arena *arena, struct dw_str *ret_token);

/* The claims that a check needs, of a token whose signature, issuer, audience and type are right. In the arena. */
struct access_claims {
    struct dw_str subject, token_id, session, client, scope, tenant;
    bool is_narrowed;
    int64_t expires_s, not_before_s, version;
    int64_t authenticated_s, mfa_s; /* 0: not known; without a second factor */
};
DW_MUST_USE enum dw_err access_token_verify(struct identity *identity, struct dw_str token, struct dw_arena *arena,
                                            struct access_claims *ret_claims);

#endif
