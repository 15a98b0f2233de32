/*
 * Where a person is signed in: cookie sessions and families of refresh tokens, one list (spec E6).
 *
 * Only what is alive is listed or found: what ended or expired is as if it had never been.
 */
#ifndef IDENTITY_SIGN_IN_LIST_H
#define IDENTITY_SIGN_IN_LIST_H

#include "identity/session.h"

struct sign_in_entry {
    struct dw_str id; /* the sid of its tokens */
    struct dw_str kind; /* "cookie", "token" */
    struct dw_str client_id;
    struct dw_str address, user_agent; /* at sign-in; absent: not known */
    int64_t created_at, last_seen_at, expires_at;
};

struct sign_in_page {
    struct sign_in_entry *entries; /* in the arena, the newest first */
    size_t n;
    bool has_more;
};

/* after: the id of the last one seen, or absent. limit: 1 to 100. */
DW_MUST_USE enum dw_err sign_in_list(struct identity *identity, const struct tenant *tenant, struct dw_str user_id,
                                     struct dw_str after, unsigned limit, struct dw_arena *arena,
                                     struct sign_in_page *ret_page);
/* Ends one, its refresh and access tokens too. DW_ERR_NOT_FOUND when this user has none such. */
DW_MUST_USE enum dw_err sign_in_end(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                    struct dw_str user_id, struct dw_str id);

extern const struct statement *const SIGN_IN_LIST_STATEMENTS[];

#endif
