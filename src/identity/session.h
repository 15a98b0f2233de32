/*
 * Signing in and staying signed in: token pairs, refresh rotation, revocation (spec E2, E4, E5).
 *
 * A sign-in is a family of refresh tokens; its id is the `sid` of every access token. Rotation spends a token with one
 * statement that can succeed once. The next token's id is derived from the last one's (HMAC), so that a retry within
 * the grace gets the same successor again although nothing but hashes is stored.
 * Defends against: replay of a spent refresh token (the family ends), two winners of one rotation, tokens that live on
 * after sign-out, over a restart too; sign-ins that are refreshed for ever (config.refresh_family_ttl_s) or pile up
 * (config.sessions_max: the oldest ends when one more opens).
 */
#ifndef IDENTITY_SESSION_H
#define IDENTITY_SESSION_H

#include "identity/user.h"

struct token_pair {
    struct dw_str access_token;
    struct dw_str refresh_token;
    int64_t expires_in;
    struct dw_str scope;
};

struct sign_in {
    struct tenant tenant;
    struct dw_str login;
    const struct dw_secret *password;
    struct dw_str scope;     /* asked for; absent: all that the user may */
    struct dw_str client_id; /* absent: the first-party client */
    struct device device;
};

/* What the first factor established. Strings in the arena. */
struct first_factor {
    struct user user;
    struct dw_str rehash;  /* a better hash to store with the sign-in; absent: none */
    struct dw_str mark;    /* of the password that was checked: see credential_check_mark() */
    struct dw_str granted; /* scope */
    bool is_narrowed;      /* the client asked for less than the user may */
    int64_t mfa_s;         /* when the second factor was shown as well; 0: none was */
};

/* Name and password, and what scope they give. Errors: those of credential_check(), DW_ERR_SCOPE_UNKNOWN,
 * DW_ERR_RATE_LIMITED after too many failures (guard_wait() says for how long). Failures are counted and audited; one
 * that can't be written down is the database's error, so that nobody learns the answer to an attempt that does not
 * count. Opens nothing yet: a second factor may stand between. */
DW_MUST_USE enum dw_err session_first_factor(struct identity *identity, const struct sign_in *sign_in,
                                             struct dw_arena *arena, struct first_factor *ret_factor);

/* Opens a sign-in of tokens for a user who has shown all factors. DW_ERR_USER_INACTIVE, DW_ERR_SIGN_IN when the user
 * was disabled or deleted meanwhile, or was given another password or a second factor. */
DW_MUST_USE enum dw_err session_open(struct identity *identity, const struct sign_in *sign_in,
                                     const struct first_factor *factor, struct dw_arena *arena,
                                     struct token_pair *ret_pair);

/* Both in one, for users without a second factor; DW_ERR_MFA_REQUIRED for the others. */
DW_MUST_USE enum dw_err session_sign_in(struct identity *identity, const struct sign_in *sign_in,
                                        struct dw_arena *arena, struct token_pair *ret_pair);

/* A new pair for a refresh token. DW_ERR_REFRESH_REUSED (the family has been ended), DW_ERR_REFRESH_INVALID.
 * scope: absent, or a part of what was granted (RFC 6749 §6; DW_ERR_SCOPE_UNKNOWN otherwise). */
DW_MUST_USE enum dw_err session_refresh(struct identity *identity, struct dw_str refresh_token, struct dw_str client_id,
                                        struct dw_str scope, const struct device *device, struct dw_arena *arena,
                                        struct token_pair *ret_pair);

/* Ends one sign-in: its refresh tokens and every access token of it (`session` is their sid). */
DW_MUST_USE enum dw_err session_sign_out(struct identity *identity, const struct tenant *tenant,
                                         const struct actor *actor, struct dw_str user_id, struct dw_str session,
                                         struct dw_str token_id);
/* Ends everything of a user. DW_ERR_NOT_FOUND when the tenant has no such user. */
DW_MUST_USE enum dw_err session_sign_out_all(struct identity *identity, const struct tenant *tenant,
                                             const struct actor *actor, struct dw_str user_id);

/* --- for the other files of this room, inside a write ------------------------------------------------------------ */

/* What every sign-in does first: the user as she stands now, her last sign-in and a better hash written down.
 * DW_ERR_USER_INACTIVE, DW_ERR_SIGN_IN when she was disabled or deleted, or got another password or a second factor
 * meanwhile. */
DW_MUST_USE enum dw_err session_admit_in(struct transaction *tx, struct identity *identity,
                                         const struct first_factor *factor, int64_t now_s, struct dw_arena *arena,
                                         struct user *ret_user);

/* Denials that a write has put into the database and that the memory must learn after its commit. */
struct denials {
    struct dw_str *ids; /* in the arena */
    size_t n, capacity;
    int64_t expires_s;
};

struct access_grant;
struct refresh_claims;

/* Adds an id to them; writes them to the deny list's table, which survives a restart. */
DW_MUST_USE enum dw_err session_deny(struct denials *denials, struct dw_arena *arena, struct dw_str id);
DW_MUST_USE enum dw_err session_store_denials(struct transaction *tx, const struct identity *identity,
                                              struct denials *denials);
/* When a refresh token that is made now ends, of a sign-in that began at `began_s`. */
int64_t session_refresh_end(const struct identity *identity, int64_t began_s, int64_t now_s);
/* Signs both tokens. */
DW_MUST_USE enum dw_err session_issue_pair(struct identity *identity, const struct access_grant *grant,
                                           const struct refresh_claims *refresh, struct dw_arena *arena,
                                           struct token_pair *ret_pair);
/* Before a sign-in opens: ends the user's oldest ones when there are config.sessions_max already. */
DW_MUST_USE enum dw_err session_make_room_in(struct transaction *tx, struct identity *identity,
                                             const struct sign_in *sign_in, struct dw_str user_id,
                                             struct dw_arena *arena, struct denials *denials);
/* Ends the user's families but `keep` (absent: all) and writes their ids to the deny list. */
DW_MUST_USE enum dw_err session_end_in(struct transaction *tx, struct identity *identity, struct dw_str user_id,
                                       struct dw_str keep, struct dw_arena *arena, struct denials *denials);
/* After the commit: the memory learns them, and that the user changed. */
DW_MUST_USE enum dw_err session_publish(struct identity *identity, struct dw_str user_id,
                                        const struct denials *denials);

extern const struct statement *const SESSION_STATEMENTS[];
extern const char SECOND_FACTOR_COLUMN[];

#endif
