/*
 * Telling the owner what was done to her account, or tried, by mail, in the write that does it.
 *
 * Why: whoever took over a sign-in, or knows a password, shall not change things behind the owner's back, and who is
 * about to find the password out shall not go on unseen.
 * A notice goes to the address that the owner has shown to be hers: while a new one waits for its verification, to the
 * one before. It says what, when and from where, and holds no secret and no link.
 * Defends against: take-overs that nobody notices. Does not: ask whether the owner wanted it; flood a mailbox (past
 * NOTICE_HOURLY_MAX of a kind the rest of the hour goes untold by mail; the audit log has all); fail a change because
 * too many mails wait.
 */
#ifndef IDENTITY_NOTICE_H
#define IDENTITY_NOTICE_H

#include "identity/user.h"

enum { NOTICE_HOURLY_MAX = 5, NOTICE_TTL_S = 7 * 86400 };

/* The names of their templates, and of the kinds in the outbox. */
#define NOTICE_EMAIL_CHANGED "email_changed"
#define NOTICE_PASSWORD_CHANGED "password_changed"
#define NOTICE_MFA_ENABLED "mfa_enabled"
#define NOTICE_MFA_DISABLED "mfa_disabled"
#define NOTICE_RECOVERY_CODE_USED "recovery_code_used"
#define NOTICE_RECOVERY_CODES_RENEWED "recovery_codes_renewed"
#define NOTICE_API_KEY_CREATED "api_key_created"
#define NOTICE_NEW_DEVICE "new_device"
#define NOTICE_SIGN_IN_SLOWED "sign_in_slowed"
#define NOTICE_MFA_PAUSED "mfa_paused"
#define NOTICE_REFRESH_REUSED "refresh_reused"

struct notice {
    const char *kind;
    struct dw_str user_id;
    struct dw_str from;   /* the address of the network that it was done from; absent: the server's own machine */
    struct dw_str detail; /* one line; absent: none */
    struct dw_str to;     /* absent: where the owner is */
};

/* Inside a write. */
DW_MUST_USE enum dw_err notice_add(struct transaction *tx, const struct notice *notice);
/* The same, for what somebody tried: unless the operator has turned these off. DW_ERR_NOT_FOUND when there is no such
 * user, after the same look-ups. */
DW_MUST_USE enum dw_err notice_add_suspicion(struct transaction *tx, const struct notice *notice);
/* Inside a write or read: where the owner of an account is, in the arena. DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err notice_mailbox(struct transaction *tx, struct dw_str user_id, struct dw_arena *arena,
                                       struct dw_str *ret_address);

/* What the outbox carried, taken apart again. Borrows from `payload`. */
void notice_parse(struct dw_str payload, struct dw_str *ret_from, struct dw_str *ret_detail);

extern const struct statement *const NOTICE_STATEMENTS[];

#endif
