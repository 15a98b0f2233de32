/*
 * The second factor: codes of an authenticator app (RFC 6238), recovery codes, and the sign-in that waits for one
 * (spec E9).
 *
 * A user with a second factor gets a pending token for name and password: a JWT under a key of its own, good for five
 * minutes, for one sign-in, and for nothing but showing the second factor.
 * Defends against: a code seen over the shoulder (its time step is spent by one UPDATE that can succeed once, over
 * restarts and between nodes), guessing (every attempt is counted before it is looked at; after five wrong ones the
 * account's second factor pauses, longer each time, whichever pending token asks), a copied database (secrets are
 * sealed and bound to their row, recovery codes hashed), a password reset as a way around it (it stays on).
 * Does not: stop a person who is talked into reading a fresh code to a stranger; that takes passkeys.
 *
 * Threading: all calls wait for the database: never on an event loop, but mfa_pending_read().
 */
#ifndef IDENTITY_MFA_H
#define IDENTITY_MFA_H

#include "identity/session.h"

enum { MFA_PENDING_TTL_S = 5 * 60, MFA_RECOVERY_CODES = 10, MFA_ATTEMPTS = 5 };

/* What the sign-in that waits is for. */
enum mfa_kind {
    MFA_FOR_TOKENS = 1,        /* a token pair: session_open() */
    MFA_FOR_COOKIE,            /* a cookie session */
    MFA_FOR_COOKIE_REMEMBERED, /* one that outlives the browser */
};

/* --- a sign-in that waits --------------------------------------------------------------------------------------- */

/* For a user with mfa_enabled, after session_first_factor(): the token to show to /2fa/verify. Stores factor->rehash.
 * In the arena. */
DW_MUST_USE enum dw_err mfa_pending_issue(struct identity *identity, const struct sign_in *sign_in,
                                          const struct first_factor *factor, enum mfa_kind kind, struct dw_arena *arena,
                                          struct dw_str *ret_token);

/* What a pending token says. Strings in the arena. */
struct mfa_pending {
    enum mfa_kind kind;
    struct dw_str id, user_id, tenant_id, scope, client_id;
    struct dw_str mark; /* of the password: a new password ends the sign-ins that the old one began */
    int64_t version; /* the user's token_version: ending every sign-in ends this one too */
    int64_t expires_s;
};

/* From memory alone. DW_ERR_TOKEN_EXPIRED, or another DW_ERR_TOKEN_*, DW_ERR_JOSE_* for anything else than a pending
 * token of ours. */
DW_MUST_USE enum dw_err mfa_pending_read(struct identity *identity, struct dw_str token, struct dw_arena *arena,
                                         struct mfa_pending *ret_pending);

/* What the person shows: one of them. */
struct mfa_proof {
    struct dw_str code;          /* of the app */
    struct dw_str recovery_code; /* dashes, blanks and case don't matter */
};

/*
 * Spends the pending token and the proof; then session_open() (or the cookie session's opening) may follow, with what
 * it gives back: ret_sign_in (no password in it) and ret_factor.
 * DW_ERR_MFA_REFUSED: a wrong or spent code; the token may be tried again. DW_ERR_MFA_PAUSED: ret_wait_s (set on this
 * error alone) says how long. DW_ERR_TOKEN_REVOKED: the token was used, the second factor is off, or every sign-in was
 * ended meanwhile. DW_ERR_USER_INACTIVE.
 */
DW_MUST_USE enum dw_err mfa_pending_redeem(struct identity *identity, const struct mfa_pending *pending,
                                           const struct mfa_proof *proof, const struct device *device,
                                           struct dw_arena *arena, struct sign_in *ret_sign_in,
                                           struct first_factor *ret_factor, int64_t *ret_wait_s);

/* --- one's own second factor ------------------------------------------------------------------------------------ */

struct mfa_setup {
    struct dw_str secret; /* base32, as people type it into an app */
    struct dw_str uri;    /* otpauth://totp/… */
};

/* Recovery codes, shown once. Strings in the arena. */
struct mfa_codes {
    struct dw_str codes[MFA_RECOVERY_CODES];
};

/* A secret that waits for mfa_enable(); asked again before that, the same. DW_ERR_MFA_ON when it is on already. */
DW_MUST_USE enum dw_err mfa_set_up(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                   struct dw_str user_id, struct dw_arena *arena, struct mfa_setup *ret_setup);

/* The calls below: DW_ERR_MFA_CODE (wrong or spent), DW_ERR_MFA_PAUSED with ret_wait_s, DW_ERR_MFA_OFF when there is
 * nothing set up or enabled, DW_ERR_NOT_FOUND for another tenant's user. */

/* Turns it on, for the code that the app shows. DW_ERR_MFA_ON. */
DW_MUST_USE enum dw_err mfa_enable(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                   struct dw_str user_id, struct dw_str code, struct dw_arena *arena,
                                   struct mfa_codes *ret_codes, int64_t *ret_wait_s);
/* Turns it off and forgets the secret. The caller has confirmed the password. */
DW_MUST_USE enum dw_err mfa_disable(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                    struct dw_str user_id, const struct mfa_proof *proof, int64_t *ret_wait_s);
/* New recovery codes; the old ones are void. The caller has confirmed the password. */
DW_MUST_USE enum dw_err mfa_renew_codes(struct identity *identity, const struct tenant *tenant,
                                        const struct actor *actor, struct dw_str user_id, const struct mfa_proof *proof,
                                        struct dw_arena *arena, struct mfa_codes *ret_codes, int64_t *ret_wait_s);

/* For somebody who has lost it, by an administrator who has made sure who asks: turns it off without a code, and ends
 * every sign-in. DW_ERR_MFA_OFF when it is not on, DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err mfa_reset(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                  struct dw_str user_id);

extern const struct statement *const MFA_STATEMENTS[], *const MFA_ATTEMPT_STATEMENTS[], *const MFA_PENDING_STATEMENTS[];
extern const char MFA_TABLES[];

#endif
