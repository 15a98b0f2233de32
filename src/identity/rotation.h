/*
 * Spending a refresh token for the next pair, in steps that don't wait: check, write, issue.
 *
 * Why: of all requests that write it is the most frequent, and its write waits for the disk. In steps a thread need not
 * wait with it: the check and the issuing take microseconds, and the database calls when the write is durable.
 * The write itself is statements that need no answer of each other (storage_post()): each looks for itself whether the
 * one before has done its work, so that those of many rotations go to the database at once.
 * Defends against: two winners of a rotation (one statement can change the row once, all others follow from that row),
 * a successor of a token that was not spent, replay (session.h).
 */
#ifndef IDENTITY_ROTATION_H
#define IDENTITY_ROTATION_H

#include "identity/session.h"

struct rotation; /* in the arena that it was begun with */

/* Checks the token's form and signature and what is asked for. Never waits. DW_ERR_REFRESH_INVALID, DW_ERR_SCOPE_*. The
 * arguments live as long as the rotation. */
DW_MUST_USE enum dw_err rotation_begin(struct identity *identity, struct dw_str refresh_token, struct dw_str client_id,
                                       struct dw_str scope, const struct device *device, struct dw_arena *arena,
                                       struct rotation **ret_rotation);
/* Hands it to the database: done(argument) is called once, on another thread. Until then the rotation and its arena are
 * the database's. Never waits. DW_ERR_BUSY: nothing was done, nothing will be called. */
DW_MUST_USE enum dw_err rotation_post(struct rotation *rotation, void (*done)(void *argument), void *argument);
/* The same, and waits until it is done. */
void rotation_write(struct rotation *rotation);
/* The new pair, or why there is none: see session_refresh(). Without may_wait DW_ERR_WOULD_BLOCK where it would take a
 * millisecond or more: call it again on a thread that may. */
DW_MUST_USE enum dw_err rotation_end(struct rotation *rotation, bool may_wait, struct token_pair *ret_pair);

#endif
