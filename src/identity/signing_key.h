/*
 * The keys that sign access tokens: made, stored sealed, published, rotated, retired.
 *
 * States: "next" is published and does not sign yet; "active" signs; "retiring" verifies until the last token that it
 * signed has expired; then it is removed. A next key takes over when it has been published for the lead time, so that
 * whoever caches the published set knows it by then: by age, or when somebody asks for a rotation; sooner only when
 * told so, because the active key leaked. There is always a next key: the first two are made in one write, so that no
 * set was ever served without the second and the first rotation need not wait, and each step up makes another. Every
 * step is one write, and any node may take it: writes run one after the other, and each looks again at what is there,
 * so that two nodes never rotate twice.
 * Defends against: a token that another node signed with a key unknown here (the database is asked before it is
 * refused), a node that comes back from the past signing with a key of then (signing_key_catch_up()), clocks that
 * differ by a minute (a retired key stays that much longer).
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
    int64_t starts_at;  /* when the next key takes over; -1: when somebody asks. When the others did; -1: as made */
    struct dw_str public_jwk;
};

/* Makes the first keys when there are none, then loads all: identity->signing. */
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
/* Makes sure that there is a next key, of the algorithm that is set: *ret_kid. */
DW_MUST_USE enum dw_err signing_key_prepare(struct identity *identity, const struct actor *actor,
                                            struct dw_arena *arena, struct dw_str *ret_kid);
/* Makes the next key sign when it has been published for the lead time, or with the first key; otherwise that is
 * arranged for, and it will by itself. at_once: now, even a key that nobody has seen. *ret_kid: the key that signs or
 * will.
 * Of several at the same time one does it, and the others get its key. */
DW_MUST_USE enum dw_err signing_key_rotate(struct identity *identity, const struct actor *actor, bool at_once,
                                           struct dw_arena *arena, struct dw_str *ret_kid);
/* Takes a key out at once: its tokens die. DW_ERR_CONFLICT for the active one, DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err signing_key_retire(struct identity *identity, const struct actor *actor, struct dw_str kid);
/* Removes retiring keys whose last token has expired. */
DW_MUST_USE enum dw_err signing_key_purge(struct identity *identity);
/* Makes a next key when there is none of the right algorithm, lets it take over when it is time. Cheap when nothing is
 * due: call it each second. */
DW_MUST_USE enum dw_err signing_key_keep(struct identity *identity);
/* Asks the database which keys there are, and loads them when memory has others. Waits. For when memory may be behind:
 * a token names a key that is not known here, or is_fresh is false and something is to be signed or was verified. */
DW_MUST_USE enum dw_err signing_key_catch_up(struct identity *identity);

/* --- between signing_key.c and signing_key_change.c --------------------------------------------------------------- */

/* What there is, as far as rotation goes. Texts absent when there is no such key. */
struct signing_key_standing {
    struct dw_str active, next;
    int64_t active_made_s, next_made_s;
    int64_t active_began_s; /* when it took over; -1: it is the first one, and signs since it was made */
    int64_t next_starts_s;  /* -1: when somebody asks */
    enum dw_alg next_alg;
};

/* Takes a key into the standing; its kid is borrowed. */
void signing_key_note(struct signing_key_standing *standing, const struct signing_key_info *key);
/* As this process knows it. Valid as long as signing_key_set(). */
struct signing_key_standing signing_key_known(struct identity *identity);
/* Reads all keys and makes them the ones in use. DW_ERR_NOT_FOUND when none is active. */
DW_MUST_USE enum dw_err signing_key_reload(struct identity *identity);
DW_MUST_USE enum dw_err signing_key_make_first(struct identity *identity);
/* The sealed form is bound to the table and the row: a value copied to another row does not open. */
struct dw_str signing_key_seal_context(struct dw_arena *arena, struct dw_str kid);

extern const struct statement *const SIGNING_KEY_STATEMENTS[];
extern const struct statement *const SIGNING_KEY_CHANGE_STATEMENTS[];

#endif
