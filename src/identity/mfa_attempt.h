/*
 * One attempt at a second factor, for mfa.c and mfa_pending.c alone.
 *
 * The attempt is counted as wrong before it is looked at, by an UPDATE that holds the row until the commit: attempts
 * at the same time can't share one count. A right one sets the count back.
 */
#ifndef IDENTITY_MFA_ATTEMPT_H
#define IDENTITY_MFA_ATTEMPT_H

#include "identity/audit.h"
#include "identity/mfa.h"

struct mfa_attempt {
    struct identity *identity;
    const char *tenant_id;
    struct dw_str user_id;
    struct dw_str address;
    const struct mfa_proof *proof;
    bool is_enabled; /* whether the second factor has to be on already (or only set up) */
    struct dw_arena *arena;
    /* Set from scratch by mfa_attempt_in(). */
    /* DW_OK, DW_ERR_MFA_CODE, DW_ERR_MFA_PAUSED: the write must be kept although the answer is no. */
    enum dw_err refusal;
    int64_t wait_s;      /* with DW_ERR_MFA_PAUSED */
};

/* Inside a write. DW_ERR_MFA_OFF, DW_ERR_MFA_ON when the second factor is in another state. */
DW_MUST_USE enum dw_err mfa_attempt_in(struct transaction *tx, struct mfa_attempt *attempt);

/* The secret, sealed for its row and opened again. */
DW_MUST_USE enum dw_err mfa_seal(struct identity *identity, struct dw_str user_id, struct dw_str secret,
                                 struct dw_arena *arena, struct dw_str *ret_sealed);
DW_MUST_USE enum dw_err mfa_unseal(struct identity *identity, struct dw_str user_id, struct dw_str sealed,
                                   struct dw_arena *arena, struct dw_secret *ret_secret);
/* By which a recovery code is stored. DW_ERR_MFA_CODE when the text can't be one. In the arena. */
DW_MUST_USE enum dw_err mfa_recovery_hash(struct identity *identity, struct dw_str user_id, struct dw_str code,
                                          struct dw_arena *arena, struct dw_str *ret_hash);

/* Inside a write: an event about the user's second factor, by the user. */
DW_MUST_USE enum dw_err mfa_audit(struct transaction *tx, const struct mfa_attempt *attempt, enum audit_action action,
                                  enum dw_err result);

#endif
