#include "identity/rotation.h"

#include "identity/access_token.h"
#include "identity/audit.h"
#include "identity/notice.h"
#include "identity/metrics.h"
#include "identity/refresh_token.h"
#include "identity/role.h"
#include "identity/session_sql.h"
#include "identity/signing_key.h"

/* What takes no longer to sign than a few dozen microseconds: a loop may do it. */
#define QUICK_ALGS                                                                                                     \
    (DW_ALG_BIT(DW_ALG_HS256) | DW_ALG_BIT(DW_ALG_HS384) | DW_ALG_BIT(DW_ALG_HS512) | DW_ALG_BIT(DW_ALG_ES256) |       \
     DW_ALG_BIT(DW_ALG_EDDSA))

struct rotation {
    struct identity *identity;
    struct refresh_claims old, next;
    struct dw_str client, asked, address;
    struct dw_str old_hash, next_hash;
    struct dw_arena *arena;
    int64_t now_s;
    struct posted_write write;
    void (*done)(void *argument);
    void *argument;
    /* of the write, set from scratch by each run of it */
    struct family family;
    int64_t n_spent, n_made;
    struct denials denials;
    enum dw_err refusal; /* of a write that must be kept although the answer is no, or that has changed nothing */
    enum dw_err err;     /* of the write as a whole */
};

static enum dw_err begin(struct identity *identity, struct dw_str refresh_token, struct dw_str client_id,
                         struct dw_str scope, const struct device *device, struct dw_arena *arena,
                         struct rotation **ret_rotation)
{
    struct rotation *r = dw_arena_alloc(arena, sizeof(*r));
    struct dw_str granted;

    if (r == NULL)
        return DW_ERR_NO_MEMORY;
    *r = (struct rotation){ .identity = identity, .arena = arena, .asked = scope, .address = device->address,
                            .now_s = dw_clock_now_s(),
                            .client = client_id.len > 0 ? client_id : DW_STR(CLIENT_FIRST_PARTY) };
    TRY(scope_grant(scope, DW_STR(""), arena, &granted)); /* malformed: told before the token is spent */
    TRY(refresh_token_read(identity, refresh_token, arena, &r->old));
    r->next = (struct refresh_claims){ .family = r->old.family, .subject = r->old.subject, .issued_s = r->now_s };
    TRY(refresh_token_next_id(identity, r->old.id, arena, &r->next.id));
    TRY(refresh_token_hash(r->old.id, arena, &r->old_hash));
    TRY(refresh_token_hash(r->next.id, arena, &r->next_hash));
    *ret_rotation = r;
    return DW_OK;
}

enum dw_err rotation_begin(struct identity *identity, struct dw_str refresh_token, struct dw_str client_id,
                           struct dw_str scope, const struct device *device, struct dw_arena *arena,
                           struct rotation **ret_rotation)
{
    const enum dw_err err = begin(identity, refresh_token, client_id, scope, device, arena, ret_rotation);

    if (err != DW_OK)
        metric_add(&REFRESHES, (unsigned)err, 1);
    return err;
}

/* --- the write -------------------------------------------------------------------------------------------------- */

/* Ends the family of a token that was spent before: somebody else has a copy. */
static enum dw_err end_for_reuse(struct transaction *tx, struct rotation *r)
{
    const struct user *user = &r->family.user;
    const struct audit_event event = { .action = AUDIT_REFRESH_REUSED, .tenant_id = user->tenant_id.ptr,
                                       .actor = user->id, .target = r->old.family, .address = r->address,
                                       .result = DW_ERR_REFRESH_REUSED };

    r->refusal = DW_ERR_REFRESH_REUSED;
    TRY(sql_exec(tx, &FAMILY_END, VALUES(V_TEXT(r->old.family), V_TEXT(user->id), V_INT(r->now_s)), NULL));
    TRY(session_deny(&r->denials, r->arena, r->old.family));
    TRY(session_store_denials(tx, r->identity, &r->denials));
    TRY(identity_announce(tx, r->identity, CHANGE_USER, user->id));
    TRY(notice_add_suspicion(tx, &(struct notice){ .kind = NOTICE_REFRESH_REUSED, .user_id = user->id,
                                                   .from = r->address }));
    return audit_append(tx, &event);
}

/* A token that could not be spent: unknown, expired, or spent before. */
static enum dw_err judge_unspent(struct transaction *tx, struct rotation *r)
{
    struct stored_token old, next;

    const enum dw_err err = stored_token_read(tx, r->old_hash, r->old.family, &old);

    if (err == DW_ERR_NOT_FOUND || (err == DW_OK && old.spent_at < 0)) {
        r->refusal = DW_ERR_REFRESH_INVALID;
        return DW_OK;
    }
    TRY(err);
    const int64_t grace_s = r->identity->config.refresh_grace_s;
    const bool is_retry = grace_s > 0 && !r->family.is_revoked && dw_str_eq(r->family.client, r->client) &&
                          r->now_s - old.spent_at <= grace_s &&
                          stored_token_read(tx, r->next_hash, r->old.family, &next) == DW_OK && next.spent_at < 0;

    if (!is_retry)
        return end_for_reuse(tx, r);
    r->next.issued_s = next.issued_at;
    r->next.expires_s = next.expires_at;
    return DW_OK;
}

/* Statements that go together: who the family belongs to, the old token spent, and, where it was, what follows. */
static enum dw_err rotate(struct transaction *tx, void *argument)
{
    struct rotation *r = argument;
    const struct identity_config *config = &r->identity->config;
    const int64_t family_ttl_s = config->refresh_family_ttl_s > 0 ? config->refresh_family_ttl_s : r->now_s;

    r->denials = (struct denials){ 0 };
    r->refusal = DW_OK;
    r->next.issued_s = r->now_s;
    r->family = (struct family){ .arena = r->arena };
    TRY(family_read_later(tx, r->old.family, &r->family));
    TRY(sql_later(tx, &TOKEN_SPEND,
                  VALUES(V_INT(r->now_s), V_TEXT(r->old_hash), V_TEXT(r->old.family), V_TEXT(r->client),
                         V_INT(r->now_s - family_ttl_s)),
                  NULL, NULL, &r->n_spent));
    TRY(sql_later(tx, &TOKEN_SUCCEED,
                  VALUES(V_TEXT(r->next_hash), V_TEXT(r->old_hash), V_INT(r->now_s),
                         V_INT(r->now_s + config->refresh_ttl_s),
                         V_INT(config->refresh_family_ttl_s > 0 ? family_ttl_s : config->refresh_ttl_s + r->now_s),
                         V_TEXT(r->old.family)),
                  NULL, NULL, &r->n_made));
    return sql_later(tx, &FAMILY_TOUCH, VALUES(V_TEXT(r->old.family), V_TEXT(r->next_hash), V_INT(r->now_s)), NULL,
                     NULL, NULL);
}

static enum dw_err judge(struct transaction *tx, void *argument)
{
    struct rotation *r = argument;

    if (r->family.is_there)
        r->next.expires_s = session_refresh_end(r->identity, r->family.created_at, r->now_s);
    /* Without a family, or with a sign-in that is over whatever its last token says, nothing can have been spent. */
    if (!r->family.is_there || r->next.expires_s <= r->now_s) {
        r->refusal = DW_ERR_REFRESH_INVALID;
        return DW_OK;
    }
    if (r->n_spent == 0)
        return judge_unspent(tx, r);
    return r->n_made == 1 ? DW_OK : DW_ERR_INTERNAL; /* spent, and the successor was there before it */
}

static void rotation_written(void *argument, enum dw_err err)
{
    struct rotation *r = argument;

    r->err = err;
    r->done(r->argument);
}

enum dw_err rotation_post(struct rotation *r, void (*done)(void *argument), void *argument)
{
    r->done = done;
    r->argument = argument;
    r->write = (struct posted_write){ .fn = rotate, .then = judge, .done = rotation_written, .argument = r };
    const enum dw_err err = storage_post(r->identity->storage, &r->write);

    if (err != DW_OK)
        metric_add(&REFRESHES, (unsigned)err, 1);
    return err;
}

static enum dw_err rotate_and_judge(struct transaction *tx, void *argument)
{
    TRY(rotate(tx, argument));
    TRY(sql_wait(tx));
    return judge(tx, argument);
}

void rotation_write(struct rotation *r)
{
    r->err = storage_write(r->identity->storage, rotate_and_judge, r);
}

/* --- the new pair ------------------------------------------------------------------------------------------------ */

/* The scope of the new access token: the family's, or a part of it (RFC 6749 §6), within what the user may now. */
static enum dw_err rotation_scope(const struct rotation *r, struct dw_str *ret_scope)
{
    struct dw_str scope = r->family.user.permissions;

    if (r->family.scope.ptr != NULL)
        TRY(scope_intersect(r->family.scope, scope, r->arena, &scope));
    if (r->asked.len > 0)
        TRY(scope_intersect(r->asked, scope, r->arena, &scope));
    *ret_scope = scope;
    return DW_OK;
}

static enum dw_err end(struct rotation *r, bool may_wait, struct token_pair *ret_pair)
{
    struct dw_str granted;

    TRY(r->err);
    if (!may_wait && (DW_ALG_BIT(dw_key_alg(signing_key_active(r->identity))) & QUICK_ALGS) == 0)
        return DW_ERR_WOULD_BLOCK;
    if (r->refusal != DW_OK) {
        if (r->denials.n > 0 && !may_wait)
            return DW_ERR_WOULD_BLOCK; /* who is told may be elsewhere */
        if (r->denials.n > 0)
            TRY(session_publish(r->identity, r->family.user.id, &r->denials));
        return r->refusal;
    }
    TRY(rotation_scope(r, &granted));
    const struct access_grant grant = { .user = &r->family.user, .session = r->old.family, .client = r->family.client,
                                        .scope = granted, .now_s = r->now_s,
                                        .is_narrowed = r->family.scope.ptr != NULL || r->asked.len > 0,
                                        .authenticated_s = r->family.created_at, .mfa_s = r->family.mfa_at,
                                        .never_waits = !may_wait };

    return session_issue_pair(r->identity, &grant, &r->next, r->arena, ret_pair);
}

enum dw_err rotation_end(struct rotation *r, bool may_wait, struct token_pair *ret_pair)
{
    const enum dw_err err = end(r, may_wait, ret_pair);

    if (err != DW_ERR_WOULD_BLOCK)
        metric_add(&REFRESHES, (unsigned)err, 1);
    return err;
}

enum dw_err session_refresh(struct identity *identity, struct dw_str refresh_token, struct dw_str client_id,
                            struct dw_str scope, const struct device *device, struct dw_arena *arena,
                            struct token_pair *ret_pair)
{
    struct rotation *r;

    TRY(rotation_begin(identity, refresh_token, client_id, scope, device, arena, &r));
    rotation_write(r);
    return rotation_end(r, true, ret_pair);
}
