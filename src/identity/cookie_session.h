/*
 * Sign-ins by cookie: a random value in the browser, everything else here (spec E6, A6).
 *
 * A cookie session is a sign-in like a family of refresh tokens, a row of the same table: ending, listing and denying
 * work alike for both, and its id is the `sid` of access tokens that come from it.
 * Defends against: guessing (256 random bits), a copied database (SHA-256 of the value is what is stored, and what the
 * one look-up goes by, so that no comparison tells anything), sessions that live on (idle and absolute lifetime; the
 * end of the sign-in is looked at on every call), a value that somebody saw before a change of rights (a new one then).
 * Does not: tell browsers anything; that is protocol/account/login.h.
 *
 * Threading: all calls wait for the database, never on an event loop.
 */
#ifndef IDENTITY_COOKIE_SESSION_H
#define IDENTITY_COOKIE_SESSION_H

#include "identity/principal.h"
#include "identity/session.h"

enum { COOKIE_SESSION_REMEMBERED_S = 30 * 86400, COOKIE_SESSION_VALUE_CHARS = 43 };

/* What the browser is to keep. In the arena. */
struct cookie_value {
    struct dw_str text;
    int64_t max_age_s; /* 0: until the browser ends */
};

struct cookie_session {
    struct dw_str id;
    struct cookie_value value;
    struct user user;
};

/* For a user who has shown all factors. is_remembered: outlives the browser, lives for COOKIE_SESSION_REMEMBERED_S and
 * has no idle limit. DW_ERR_USER_INACTIVE, DW_ERR_SIGN_IN as session_open(). Strings in the arena. */
DW_MUST_USE enum dw_err cookie_session_open(struct identity *identity, const struct sign_in *sign_in,
                                            const struct first_factor *factor, bool is_remembered,
                                            struct dw_arena *arena, struct cookie_session *ret_session);

/* Whether the text could be a cookie's value at all. */
bool cookie_session_is_formed(struct dw_str value);

/*
 * Whom the value stands for; writes down that it was seen, once in a while. ret_is_stale: the user's rights are others
 * than when the value was made; cookie_session_renew() is due. In the arena. DW_ERR_TOKEN_INVALID,
 * DW_ERR_TOKEN_EXPIRED, DW_ERR_TOKEN_REVOKED, DW_ERR_USER_INACTIVE.
 */
DW_MUST_USE enum dw_err cookie_session_restore(struct identity *identity, struct dw_str value, struct dw_arena *arena,
                                               struct principal *ret_principal, bool *ret_is_stale);

enum cookie_renewal { RENEW_STALE, RENEW_ALWAYS };

/* A new value for the session; the old one is dead. With RENEW_STALE only when the rights changed: of several requests
 * at once one gets the value, for the others its text is absent. DW_ERR_NOT_FOUND when the session has ended. */
DW_MUST_USE enum dw_err cookie_session_renew(struct identity *identity, const struct user *user, struct dw_str session,
                                             enum cookie_renewal when, const struct actor *actor,
                                             struct dw_arena *arena, struct cookie_value *ret_value);

/* Ends the session of a value that a browser brought along, if there is one. */
DW_MUST_USE enum dw_err cookie_session_end(struct identity *identity, struct dw_str value, struct dw_str address);

extern const struct statement *const COOKIE_SESSION_STATEMENTS[];
extern const char COOKIE_SESSION_TABLES[];

#endif
