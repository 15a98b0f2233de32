/*
 * Signing in by cookie: what /login and /2fa/verify share, and what ends or renews such a sign-in.
 *
 * The cookies: the session's (HttpOnly) and the CSRF token's (readable by scripts, which send it back in X-CSRF-Token);
 * SameSite=Lax, Path=/, and over https Secure with the prefix `__Host-` (RFC 6265bis §4.1.3.2).
 * Defends against: session fixation (a session that the browser brought along is ended, the new one has a new value).
 */
#ifndef PROTOCOL_ACCOUNT_LOGIN_H
#define PROTOCOL_ACCOUNT_LOGIN_H

#include "identity/principal.h"
#include "identity/session.h"
#include "protocol/context.h"

/*
 * For a person who has shown all factors: opens a cookie session, ends the one that the request brought along, sets
 * both cookies and answers {user, csrf_token}, whatever the row's own answer model is. is_remembered: it outlives the
 * browser. DW_ERR_USER_INACTIVE, DW_ERR_SIGN_IN when the user was disabled or deleted meanwhile.
 */
DW_MUST_USE enum dw_err cookie_sign_in_answer(struct dw_request *r, const struct sign_in *sign_in,
                                              const struct first_factor *factor, bool is_remembered);

/* For authenticate.c: whom the session cookie stands for, when the request may act for her (CSRF). DW_ERR_WOULD_BLOCK
 * on an event loop, DW_ERR_CSRF, and the errors of cookie_session_restore(). */
DW_MUST_USE enum dw_err cookie_restore(struct dw_request *r, struct dw_str credential,
                                       struct principal *ret_principal);

/* Whether the caller is authenticated by the session cookie. Only in rows that need a principal. */
bool cookie_is_credential(struct dw_request *r);
/* A new value for the caller's session cookie, the old one dead: after a change of her password or her second factor.
 * Does nothing for callers by other credentials. */
DW_MUST_USE enum dw_err cookie_renew(struct dw_request *r);
/* The browser forgets both cookies, and what pages of this origin stored (Clear-Site-Data), when the session cookie was
 * the caller's credential. */
DW_MUST_USE enum dw_err cookie_forget(struct dw_request *r);

#endif
