/*
 * Proving that an address is one's own: resetting a forgotten password, and verifying an e-mail address (spec E10).
 *
 * A token is 256 random bits, sent by mail, stored as its SHA-256, good once and for a while. It is bound to the user
 * and to the address that it was sent to: once another address holds, the links in the old mailbox are dead. Making a
 * new one of a purpose ends the older ones; setting a password in any way ends those for resetting. While its user or
 * her tenant is disabled, a token is none; enabled again, it is good for the rest of its time.
 * While a new address waits for its verification, a verified one before it stays the owner's: mails to reset the
 * password go there, whichever of the two is given, nobody else can take it, and a reset by it takes the change back.
 * Defends against: telling by answer or time whether an address has an account (recovery_request() does the same one
 * write for all; everything else happens in the background), guessing and replay of tokens, a mailbox that is flooded
 * (RECOVERY_HOURLY_MAX), an audit log that is (RECOVERY_REFUSALS_MAX), a second factor that is by-passed (a reset signs
 * nobody in and leaves it as it is).
 */
#ifndef IDENTITY_RECOVERY_H
#define IDENTITY_RECOVERY_H

#include "identity/user.h"

enum recovery_purpose { RECOVERY_RESET, RECOVERY_VERIFY };

enum {
    RECOVERY_HOURLY_MAX = 3,     /* mails of one purpose to one user */
    RECOVERY_WINDOW_S = 3600,
    RECOVERY_WAITING_MAX = 10000, /* requests that were not looked at yet; more are dropped */
    RECOVERY_BATCH = 50,
    RECOVERY_REFUSALS_MAX = 60, /* bad tokens of a minute that the audit log tells of */
};

/* Notes that somebody forgot the password of `email` in the tenant `slug` (absent: the default one). DW_OK whether
 * there is such a tenant or user or not. DW_ERR_VALIDATION when it is no address. */
DW_MUST_USE enum dw_err recovery_request(struct identity *identity, struct dw_str slug, struct dw_str email,
                                         struct dw_str peer);
/* Looks at the requests and puts mails into the outbox. For the server's own thread. DW_ERR_BUSY: the outbox is full;
 * what is left waits. */
DW_MUST_USE enum dw_err recovery_work(struct identity *identity);

/*
 * Sets the password of whom the token was sent to, and ends every sign-in of that user. DW_ERR_RECOVERY_TOKEN for a
 * token that is unknown, spent, expired or of another purpose; those of dw_password_check(), after which the token is
 * still good. Waits for a hashing slot, but not for a bad token.
 */
DW_MUST_USE enum dw_err recovery_reset(struct identity *identity, const struct actor *stranger, struct dw_str token,
                                       const struct dw_secret *password);
/* Marks the address as verified. DW_ERR_RECOVERY_TOKEN. */
DW_MUST_USE enum dw_err recovery_verify(struct identity *identity, const struct actor *stranger, struct dw_str token);

/* Another verification mail. DW_ERR_RATE_LIMITED, with the seconds to wait. ret_is_needless: the address is verified
 * already, and nothing was sent. */
DW_MUST_USE enum dw_err recovery_resend(struct identity *identity, const struct tenant *tenant,
                                        const struct actor *actor, bool *ret_is_needless, int64_t *ret_wait_s);

/* --- for the other files of this room, inside a write ------------------------------------------------------------ */

/* A verification mail to the user's address, unless the hour's are used up or the outbox is full: a registration or a
 * change of address must not fail for that, and the user can ask again. */
DW_MUST_USE enum dw_err recovery_verification(struct transaction *tx, struct identity *identity,
                                              const struct user *user, const struct actor *actor);
/* Ends the tokens of a purpose, and the mails that would carry them. */
DW_MUST_USE enum dw_err recovery_end(struct transaction *tx, enum recovery_purpose purpose, struct dw_str user_id);
/* Removes what is of no use any more. */
DW_MUST_USE enum dw_err recovery_purge(struct transaction *tx);

extern const struct statement *const RECOVERY_STATEMENTS[];
extern const char RECOVERY_TABLES[];

#endif
