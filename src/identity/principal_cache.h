/*
 * What an event loop remembers for principal_restore(): users, and tokens whose signature was found right.
 *
 * Fixed-size tables of a thread's own, so that readers take no lock. A token is found by eight characters of its
 * signature, which nobody can choose, and then compared whole in constant time; only verified tokens ever get in.
 */
#ifndef IDENTITY_PRINCIPAL_CACHE_H
#define IDENTITY_PRINCIPAL_CACHE_H

#include "identity/access_token.h"

struct known_token {
    struct dw_str text;
    struct access_claims claims;
    struct deny_id token_id, session, user;
};

/* A user's copy, shared by reference between loops and the invalidation log. Never changed. */
struct known_user {
    _Atomic unsigned references;
    struct deny_id key;
    struct user user;
};

struct principal_cache;

/* This thread's, emptied of what changed; NULL without memory. */
struct principal_cache *principal_cache_current(struct identity *identity);
const struct known_token *principal_cache_token(struct principal_cache *cache, struct dw_str token);
/* NULL when it could not be kept: no memory, or ids that are no UUIDs. */
const struct known_token *principal_cache_keep(struct principal_cache *cache, struct dw_str token,
                                               const struct access_claims *claims);
const struct user *principal_cache_user(struct principal_cache *cache, const struct deny_id *id);
/* Offers a user that was read while the invalidation log stood at `read_at` to every loop. */
void principal_cache_offer(struct identity *identity, const struct user *user, uint64_t read_at);

#endif
