#include "identity/principal.h"

#include "identity/metrics.h"
#include "identity/principal_cache.h"
#include "identity/signing_key.h"

/* What a check knows of a token, wherever that came from. */
struct evidence {
    const struct access_claims *claims;
    struct deny_id token_id, session;
};

/* The questions whose answers change with time: asked on every call, never remembered. */
static enum dw_err judge_time(const struct access_claims *claims)
{
    const int64_t now_s = dw_clock_now_s();

    if (now_s >= claims->expires_s)
        return DW_ERR_TOKEN_EXPIRED;
    if (now_s < claims->not_before_s)
        return DW_ERR_TOKEN_NOT_YET;
    return DW_OK;
}

/* Inactive comes before revoked: whoever holds a token of ours learns why it stopped working, and disabling a user has
 * revoked all of them. */
static enum dw_err judge(struct identity *identity, const struct evidence *e, const struct user *user)
{
    if (!dw_str_eq(e->claims->tenant, user->tenant))
        return DW_ERR_TOKEN_CLAIM;
    if (!user->is_active)
        return DW_ERR_USER_INACTIVE;
    if (deny_list_has(identity->denied, &e->token_id) || deny_list_has(identity->denied, &e->session))
        return DW_ERR_TOKEN_REVOKED;
    return e->claims->version == user->token_version ? DW_OK : DW_ERR_TOKEN_SUPERSEDED;
}

static struct principal principal_of(const struct access_claims *claims, const struct user *user)
{
    return (struct principal){
        .user = user,
        .session = claims->session,
        .token_id = claims->token_id,
        .client = claims->client,
        .scope = claims->is_narrowed ? claims->scope : user->permissions,
        .expires_s = claims->expires_s,
        .authenticated_s = claims->authenticated_s,
        .mfa_s = claims->mfa_s,
    };
}

/* Copies what borrows from the thread's tables. */
static enum dw_err principal_keep(struct principal *p, struct dw_arena *arena)
{
    struct dw_str *const strings[] = { &p->session, &p->token_id, &p->client, &p->scope };
    void *memory = dw_arena_alloc(arena, user_packed_size(p->user));

    if (memory == NULL)
        return DW_ERR_NO_MEMORY;
    p->user = user_pack(p->user, memory);
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
        *strings[i] = dw_arena_copy(arena, *strings[i]);
        if (strings[i]->ptr == NULL)
            return DW_ERR_NO_MEMORY;
    }
    return DW_OK;
}

/* --- from memory ------------------------------------------------------------------------------------------------ */

static enum dw_err restore_from_memory(struct identity *identity, struct dw_str token, bool keep,
                                       struct dw_arena *arena, struct principal *ret_principal)
{
    struct principal_cache *cache = principal_cache_current(identity);
    const struct known_token *known = cache ? principal_cache_token(cache, token) : NULL;
    struct access_claims claims;

    if (cache == NULL || !identity_is_fresh(identity))
        return DW_ERR_WOULD_BLOCK;
    metric_add(&TOKEN_TABLE, known == NULL ? TABLE_MISS : TABLE_HIT, 1);
    if (known == NULL) {
        const enum dw_err err = access_token_verify(identity, token, arena, &claims);

        if (err == DW_ERR_JOSE_NO_KEY && identity->is_shared)
            return DW_ERR_WOULD_BLOCK; /* another node may have signed it with a key that is not known here yet */
        TRY(err);
        known = principal_cache_keep(cache, token, &claims);
    }
    if (known == NULL)
        return DW_ERR_WOULD_BLOCK; /* too long to be kept: the slow way needs no table */
    TRY(judge_time(&known->claims));
    const struct user *user = principal_cache_user(cache, &known->user);

    metric_add(&USER_TABLE, user == NULL ? TABLE_MISS : TABLE_HIT, 1);
    if (user == NULL)
        return DW_ERR_WOULD_BLOCK;
    const struct evidence e = { &known->claims, known->token_id, known->session };

    TRY(judge(identity, &e, user));
    struct principal principal = principal_of(&known->claims, user);

    if (keep)
        TRY(principal_keep(&principal, arena));
    *ret_principal = principal;
    return DW_OK;
}

/* --- from the database ------------------------------------------------------------------------------------------ */

struct reading {
    const struct access_claims *claims;
    struct dw_arena *arena;
    struct user *user;
    bool check_denials; /* the list in memory may be behind */
    enum dw_err denied;
};

static enum dw_err read_denials(struct transaction *tx, struct reading *r)
{
    r->denied = identity_check_denied(tx, r->claims->token_id);
    if (r->denied == DW_OK)
        r->denied = identity_check_denied(tx, r->claims->session);
    return r->denied == DW_ERR_TOKEN_REVOKED ? DW_OK : r->denied;
}

static enum dw_err read_user(struct transaction *tx, void *argument)
{
    struct reading *r = argument;

    r->denied = DW_OK;
    if (r->check_denials)
        TRY(read_denials(tx, r));
    return user_load(tx, r->claims->subject, r->arena, r->user);
}

/* The database is asked about a key that is not known here before its token is refused, and where memory may be behind,
 * about one that is known before its token is accepted: another node may have retired it. */
static enum dw_err verify_waiting(struct identity *identity, struct dw_str token, struct dw_arena *arena,
                                  struct access_claims *ret_claims)
{
    const enum dw_err err = access_token_verify(identity, token, arena, ret_claims);

    if (!identity->is_shared || !(err == DW_ERR_JOSE_NO_KEY || (err == DW_OK && !identity_is_fresh(identity))))
        return err;
    TRY(signing_key_catch_up(identity));
    return access_token_verify(identity, token, arena, ret_claims);
}

static enum dw_err restore_from_database(struct identity *identity, struct dw_str token, struct dw_arena *arena,
                                         struct principal *ret_principal)
{
    struct access_claims claims;
    struct user *user = dw_arena_alloc(arena, sizeof(*user));
    const uint64_t read_at = invalidation_now(identity->invalidation);
    struct reading reading = { .claims = &claims, .arena = arena, .user = user,
                               .check_denials = !identity_is_fresh(identity) };
    struct evidence e = { .claims = &claims };

    if (user == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(verify_waiting(identity, token, arena, &claims));
    TRY(judge_time(&claims));
    if (!deny_id_parse(claims.token_id, &e.token_id) || !deny_id_parse(claims.session, &e.session))
        return DW_ERR_TOKEN_CLAIM;
    const enum dw_err err = storage_read(identity->storage, read_user, &reading);

    if (err == DW_ERR_NOT_FOUND)
        return DW_ERR_USER_GONE;
    TRY(err);
    principal_cache_offer(identity, user, read_at);
    TRY(judge(identity, &e, user));
    TRY(reading.denied);
    *ret_principal = principal_of(&claims, user);
    return DW_OK;
}

enum dw_err principal_restore(struct identity *identity, struct dw_str token, bool may_wait, bool keep,
                              struct dw_arena *arena, struct principal *ret_principal)
{
    if (may_wait)
        return restore_from_database(identity, token, arena, ret_principal);
    return restore_from_memory(identity, token, keep, arena, ret_principal);
}
