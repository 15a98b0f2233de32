/*
 * API keys: what a program of the user's shows instead of signing in (spec E8).
 *
 * A key is `dwk_<prefix>_<secret>`: the prefix is public and finds the row in one look-up, the secret has 256 bits.
 * Only the SHA-256 of the whole is stored (a slow hash protects guessable secrets; this one can't be guessed), compared
 * in constant time; the key itself is shown once. A key is read from the database at each use, so that revoking,
 * rotating, disabling its owner and taking a right from her hold at once, on every node.
 * What it may do is what it was given and its owner may still do; it is never given more than its maker's credential
 * had. Rotating gives a new secret to the same key; the old one goes on for the overlap, so that nothing stands still
 * while the new one is put in its place.
 * Does not: defend a key that its holder gives away; last use is remembered lazily (identity/api_key_use.h).
 */
#ifndef IDENTITY_API_KEY_H
#define IDENTITY_API_KEY_H

#include "identity/principal.h"

enum {
    API_KEY_LIMIT = 100,         /* keys of a user */
    API_KEY_SECRETS_LIMIT = 5,   /* of a key: the one in force, and those whose overlap has not ended */
    API_KEY_NAME_MAX_BYTES = 400,
    API_KEY_OVERLAP_MAX_S = 30 * 86400,
};

/* A key without its secret: safe to show to its owner. */
struct api_key {
    struct dw_str id;
    struct dw_str name;
    struct dw_str prefix; /* of the secret in force */
    struct dw_str scopes; /* space-separated */
    bool is_active;       /* false: it has expired */
    int64_t created_at;
    int64_t expires_at;   /* -1: never */
    int64_t last_used_at; /* -1: never */
};

/* The same with what is seen only once. */
struct api_key_made {
    struct api_key info;
    struct dw_str key;           /* in the arena */
    int64_t previous_expires_at; /* of the secret that was replaced; -1: none was */
};

/* Whose key, and who asks for it. All functions: DW_ERR_NOT_FOUND for another user's key. */
struct api_key_owner {
    const struct tenant *tenant;
    struct dw_str user_id;
    const struct actor *actor;
};

struct api_key_new {
    struct dw_str name;
    struct dw_str scopes; /* absent: all of `may` */
    struct dw_str may;    /* scope of the credential that asks */
    int64_t expires_s;    /* -1: never */
};

/* DW_ERR_PERMISSION (a scope that the owner or the credential has not), DW_ERR_API_KEY_LIMIT, DW_ERR_SCOPE_UNKNOWN,
 * DW_ERR_VALIDATION (name). */
DW_MUST_USE enum dw_err api_key_create(struct identity *identity, const struct api_key_owner *owner,
                                       const struct api_key_new *new_key, struct dw_arena *arena,
                                       struct api_key_made *ret_made);

struct api_key_page {
    struct api_key *keys; /* in the arena */
    size_t n;
    bool has_more;
};

/* In the order of creation, after the key with the id `after` (absent: from the first). limit: 1 to 100. */
DW_MUST_USE enum dw_err api_key_list(struct identity *identity, const struct api_key_owner *owner, struct dw_str after,
                                     unsigned limit, struct dw_arena *arena, struct api_key_page *ret_page);

/* A new secret; the ones before end after overlap_s (0: now; none lives longer than it would have).
 * DW_ERR_API_KEY_ENDED, DW_ERR_API_KEY_ROTATED (too many secrets still live). */
DW_MUST_USE enum dw_err api_key_rotate(struct identity *identity, const struct api_key_owner *owner, struct dw_str id,
                                       int64_t overlap_s, struct dw_arena *arena, struct api_key_made *ret_made);

DW_MUST_USE enum dw_err api_key_revoke(struct identity *identity, const struct api_key_owner *owner, struct dw_str id);

/* Whether it has the form of a key: what has not is refused without asking the database. */
bool api_key_is_formed(struct dw_str key);

/* Whom a key stands for; waits for the database. `address`: where it was used from. The principal has no session and no
 * client; its token_id is the key's id. DW_ERR_API_KEY, DW_ERR_API_KEY_EXPIRED, DW_ERR_USER_INACTIVE. */
DW_MUST_USE enum dw_err api_key_restore(struct identity *identity, struct dw_str key, struct dw_str address,
                                        struct dw_arena *arena, struct principal *ret_principal);

/* --- for the other files of this room ---------------------------------------------------------------------------- */

/* Inside a write: secrets whose overlap has ended. */
DW_MUST_USE enum dw_err api_key_purge_in(struct transaction *tx, int64_t now_s);

extern const char API_KEY_TABLES[];
extern const struct statement *const API_KEY_STATEMENTS[];

#endif
