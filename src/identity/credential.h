/*
 * Passwords of users: checking one at sign-in, changing one.
 *
 * Defends against: telling accounts apart by time (an unknown name costs what some account does: decoy.h), guessing
 * (policy), stale hashes (a right password with a deprecated or weaker hash is re-hashed at that sign-in).
 */
#ifndef IDENTITY_CREDENTIAL_H
#define IDENTITY_CREDENTIAL_H

#include "identity/user.h"

struct denials; /* identity/session.h */

/*
 * The user whose name or address is `login` and whose password this is. DW_ERR_SIGN_IN for an unknown user or a wrong
 * password, after the same work; DW_ERR_USER_INACTIVE, and DW_ERR_PASSWORD_EXPIRED for a one-time password that was not
 * replaced in time, only after a right password. Waits for a hashing slot.
 * ret_rehash: a better hash to store (in the arena), absent when the stored one is fine. ret_mark names the password
 * that was checked, however it is hashed: whoever acts on this check later makes sure that it is still the one.
 */
DW_MUST_USE enum dw_err credential_check(struct identity *identity, const struct tenant *tenant, struct dw_str login,
                                         const struct dw_secret *password, struct dw_arena *arena,
                                         struct user *ret_user, struct dw_str *ret_rehash,
                                         struct dw_str *ret_mark);
/* Whether it is this user's password; DW_ERR_PASSWORD_WRONG otherwise. */
DW_MUST_USE enum dw_err credential_confirm(struct identity *identity, const struct tenant *tenant, struct dw_str id,
                                           const struct dw_secret *password);
/* A policy check and a new hash. tenant: its slug, which the password must not contain, nor the name or address. */
DW_MUST_USE enum dw_err credential_hash(struct identity *identity, struct dw_str tenant, struct dw_str username,
                                        struct dw_str email, const struct dw_secret *password,
                                        char ret_encoded[DW_PASSWORD_ENCODED_MAX]);
/* Sets the password and ends every sign-in of the user but `keep_session` (absent: all, and every token). */
DW_MUST_USE enum dw_err credential_set(struct identity *identity, const struct tenant *tenant,
                                       const struct actor *actor, struct dw_str id, const struct dw_secret *password,
                                       struct dw_str keep_session);
/* Inside a write: a new password (its hash) for whoever has shown to be that user. Every sign-in and every token ends;
 * the caller publishes the denials after the commit, and writes the audit log. */
DW_MUST_USE enum dw_err credential_replace(struct transaction *tx, struct identity *identity, const struct user *user,
                                           const char *encoded, struct dw_arena *arena, struct denials *denials);
/* Inside a write: stores a better hash of the same password. */
DW_MUST_USE enum dw_err credential_store_rehash(struct transaction *tx, struct dw_str user_id, struct dw_str encoded);
/* Inside a write or read: DW_ERR_SIGN_IN when the user's password is not the one of `mark` any more. */
DW_MUST_USE enum dw_err credential_check_mark(struct transaction *tx, struct dw_str user_id, struct dw_str mark);

extern const struct statement *const CREDENTIAL_STATEMENTS[];
extern const char CREDENTIAL_SERIAL_COLUMN[], CREDENTIAL_EXPIRY_COLUMN[];

#endif
