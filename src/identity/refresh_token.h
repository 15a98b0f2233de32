/*
 * Refresh tokens as text: JWTs under a key of their own that is never published (spec E4).
 *
 * A token's text follows from its id, family, user and times, so that the same successor can be handed out again
 * within the grace. The id of the next token is an HMAC of the last one's: nobody without the server's key can
 * foresee it, and nothing but its hash is stored.
 */
#ifndef IDENTITY_REFRESH_TOKEN_H
#define IDENTITY_REFRESH_TOKEN_H

#include "identity/identity.h"

struct refresh_claims {
    struct dw_str id, family, subject;
    int64_t issued_s, expires_s;
};

DW_MUST_USE enum dw_err refresh_token_issue(struct identity *identity, const struct refresh_claims *claims,
                                            struct dw_arena *arena, struct dw_str *ret_token);
/* DW_ERR_REFRESH_INVALID for anything that is no refresh token of ours in its lifetime. */
DW_MUST_USE enum dw_err refresh_token_read(struct identity *identity, struct dw_str token, struct dw_arena *arena,
                                           struct refresh_claims *ret_claims);
/* A first id, the id that follows another, and the hash by which one is stored. All in the arena. */
DW_MUST_USE enum dw_err refresh_token_first_id(struct dw_arena *arena, struct dw_str *ret_id);
DW_MUST_USE enum dw_err refresh_token_next_id(struct identity *identity, struct dw_str id, struct dw_arena *arena,
                                              struct dw_str *ret_id);
DW_MUST_USE enum dw_err refresh_token_hash(struct dw_str id, struct dw_arena *arena, struct dw_str *ret_hash);

#endif
