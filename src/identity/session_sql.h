/* The statements and rows of sign-ins, for session.c and rotation.c alone. */
#ifndef IDENTITY_SESSION_SQL_H
#define IDENTITY_SESSION_SQL_H

#include "identity/user.h"

extern const struct statement FAMILY_INSERT, FAMILY_TOUCH, FAMILY_END, FAMILY_END_ALL, FAMILY_END_OLDEST, TOKEN_INSERT,
    TOKEN_SPEND, TOKEN_SUCCEED, DENIAL_INSERT, USER_SIGNED_IN, USER_NEXT_VERSION;

struct family {
    struct dw_arena *arena; /* where its strings go */
    bool is_there;
    struct user user;
    struct dw_str client;
    struct dw_str scope; /* absent: not narrowed */
    bool is_revoked;
    int64_t created_at;
    int64_t mfa_at; /* 0: no second factor was shown */
};

struct stored_token {
    int64_t issued_at, expires_at;
    int64_t spent_at; /* -1: not spent */
};

/* With the results of the statements that are waited for together; `family` is filled in then, if there is one. */
DW_MUST_USE enum dw_err family_read_later(struct transaction *tx, struct dw_str id, struct family *family);
/* DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err stored_token_read(struct transaction *tx, struct dw_str hash, struct dw_str family,
                                          struct stored_token *ret_token);

#endif
