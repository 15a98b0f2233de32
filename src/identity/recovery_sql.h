/* The statements and rows of recovery, for recovery.c alone. */
#ifndef IDENTITY_RECOVERY_SQL_H
#define IDENTITY_RECOVERY_SQL_H

#include "identity/user.h"

extern const struct statement RECOVERY_INSERT, RECOVERY_SPEND, RECOVERY_END, RECOVERY_VERIFIED, RECOVERY_RETURN,
    REQUEST_INSERT,
    REQUEST_DELETE;

struct recovery_count {
    int64_t n;
    int64_t oldest_at;
};

/* A request that nobody has looked at yet. */
struct recovery_request {
    struct dw_str slug, email_key, peer;
};

/* Tokens of a purpose made for the user after `since_s`. */
DW_MUST_USE enum dw_err recovery_count(struct transaction *tx, struct dw_str user_id, const char *purpose,
                                       int64_t since_s, struct recovery_count *ret_count);
/* Whom a live token belongs to, whose address is still the one that it was sent to. DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err recovery_owner(struct transaction *tx, struct dw_str token_hash, const char *purpose,
                                       struct dw_arena *arena, struct user *ret_user);
/* By tenant and address. DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err recovery_user(struct transaction *tx, struct dw_str slug, struct dw_str email_key,
                                      struct dw_arena *arena, struct user *ret_user);
/* The oldest request. DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err recovery_next_request(struct identity *identity, struct dw_arena *arena,
                                              struct recovery_request *ret_request);

#endif
