/*
 * The keys that sign access tokens: made, stored sealed, published, rotated, retired.
 *
 * States: "next" is published and does not sign yet; "active" signs; "retiring" verifies until the last token that it
 * signed has expired; then it is removed. Rotation makes the next key active, or a new one when there is no next.
 */
#ifndef IDENTITY_SIGNING_KEY_H
#define IDENTITY_SIGNING_KEY_H

#include "identity/identity.h"

struct signing_key_info {
    struct dw_str kid;
    struct dw_str alg;
    struct dw_str state;
    int64_t created_at;
    int64_t retires_at; /* -1 */
    struct dw_str public_jwk;
};

/* Makes the first key when there is none, then loads all: identity->signing. */
DW_MUST_USE enum dw_err signing_key_load(struct identity *identity);
void signing_key_unload(struct identity *identity);

/* The key that signs, and the set that verifies. Valid until the next rotation plus the access tokens' life: sets that
 * were replaced are kept that long. Any thread. */
const struct dw_key *signing_key_active(struct identity *identity);
const struct dw_keyset *signing_key_set(struct identity *identity);
/* The published JWKS. In the arena. */
DW_MUST_USE enum dw_err signing_key_jwks(struct identity *identity, struct dw_arena *arena, struct dw_str *ret_json);

DW_MUST_USE enum dw_err signing_key_list(struct identity *identity, struct dw_arena *arena,
                                         struct signing_key_info **ret_keys, size_t *ret_n);
/* Makes and publishes the next key. DW_ERR_CONFLICT when there is one. */
DW_MUST_USE enum dw_err signing_key_prepare(struct identity *identity, const struct actor *actor,
                                            struct dw_arena *arena, struct dw_str *ret_kid);
DW_MUST_USE enum dw_err signing_key_rotate(struct identity *identity, const struct actor *actor,
                                           struct dw_arena *arena, struct dw_str *ret_kid);
/* Takes a key out at once: its tokens die. DW_ERR_CONFLICT for the active one, DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err signing_key_retire(struct identity *identity, const struct actor *actor, struct dw_str kid);
/* Removes retiring keys whose last token has expired. */
DW_MUST_USE enum dw_err signing_key_purge(struct identity *identity);

extern const struct statement *const SIGNING_KEY_STATEMENTS[];

#endif
