/*
 * The check that every request pays for: a bearer token in, a principal out (design.md, "Verifying a token").
 *
 * Each event loop keeps its own table of tokens verified before and its own copies of users; both are fed and emptied
 * by the invalidation log. The tables never answer what changes with time: expiry, revocation and the user's state are
 * looked at on every call.
 * Errors tell the log everything and the caller little: DW_ERR_TOKEN_*, DW_ERR_JOSE_*, DW_ERR_USER_GONE,
 * DW_ERR_USER_INACTIVE.
 */
#ifndef IDENTITY_PRINCIPAL_H
#define IDENTITY_PRINCIPAL_H

#include "identity/user.h"

struct principal {
    const struct user *user;
    struct dw_str session;  /* sid */
    struct dw_str token_id; /* jti */
    struct dw_str client;
    struct dw_str scope;
    bool is_partial; /* an API key with less than its owner may: the role does not come with it */
    int64_t expires_s;
    int64_t authenticated_s, mfa_s; /* of the sign-in; 0: not known, an API key's; without a second factor */
};

/*
 * may_wait false: from memory alone, DW_ERR_WOULD_BLOCK when the user is not there. The result then borrows from this
 * thread's tables and is valid until the next call on this thread; with `keep` it is copied to the arena.
 * may_wait true: the user is read from the database; the result is in the arena.
 */
DW_MUST_USE enum dw_err principal_restore(struct identity *identity, struct dw_str token, bool may_wait, bool keep,
                                          struct dw_arena *arena, struct principal *ret_principal);
/* Frees this thread's tables (also done when the thread ends). */
void principal_forget_thread(void);

#endif
