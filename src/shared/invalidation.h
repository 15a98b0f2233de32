/*
 * The invalidation channel within a process: an ordered log of what changed, read by each event loop at its own pace.
 *
 * A loop keeps private copies (principals, verified tokens). Before it trusts them it compares one atomic number; only
 * when that moved does it take the mutex and catch up. Whoever changes something publishes after the commit and before
 * the answer: from the answer on, no loop serves the old state.
 * The log is a ring: a reader that fell behind by more than its size is told so and must forget all its copies.
 */
#ifndef SHARED_INVALIDATION_H
#define SHARED_INVALIDATION_H

#include "base/cleanup.h"

enum { INVALIDATION_RING = 4096, INVALIDATION_ID_SIZE = 40 };

enum change_kind {
    CHANGE_USER,   /* this user's record, rights or existence */
    CHANGE_KEYS,   /* the signing keys */
    CHANGE_LOADED, /* a copy of a user was read: `object` is offered to every loop */
    CHANGE_USERS,  /* any of them, or all (a role, a tenant) */
};

/* Something shared by reference: the log takes one reference while the entry is in the ring. */
struct change_object {
    void *pointer;
    void (*ref)(void *pointer);
    void (*unref)(void *pointer);
};

struct change {
    enum change_kind kind;
    char id[INVALIDATION_ID_SIZE];
    struct change_object object;
};

struct invalidation;

DW_MUST_USE enum dw_err invalidation_new(struct invalidation **ret_invalidation);
void invalidation_free(struct invalidation **invalidation);

/* The number of changes so far. One atomic load. */
uint64_t invalidation_now(const struct invalidation *invalidation);
void invalidation_publish(struct invalidation *invalidation, enum change_kind kind, struct dw_str id);
/* Offers a copy that was read while the log stood at `read_at`; dropped when that id changed since, or too much did. */
void invalidation_offer(struct invalidation *invalidation, struct dw_str id, uint64_t read_at,
                        struct change_object object);
/* Calls `apply` for each change after *seen, in order, and moves *seen; false when changes were lost (apply was not
 * called: forget everything). */
bool invalidation_catch_up(struct invalidation *invalidation, uint64_t *seen,
                           void (*apply)(const struct change *change, void *argument), void *argument);

#endif
