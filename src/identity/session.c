#include "identity/session.h"

#include "identity/access_token.h"
#include "identity/audit.h"
#include "identity/credential.h"
#include "identity/guard.h"
#include "identity/metrics.h"
#include "identity/node.h"
#include "identity/refresh_token.h"
#include "identity/role.h"
#include "identity/session_sql.h"

/* --- ending ----------------------------------------------------------------------------------------------------- */

enum dw_err session_deny(struct denials *d, struct dw_arena *arena, struct dw_str id)
{
    if (d->n == d->capacity) {
        const size_t capacity = d->capacity ? d->capacity * 2 : 8;
        struct dw_str *ids = dw_arena_alloc(arena, capacity * sizeof(*ids));

        if (ids == NULL)
            return DW_ERR_NO_MEMORY;
        if (d->n > 0)
            memcpy(ids, d->ids, d->n * sizeof(*ids));
        d->ids = ids;
        d->capacity = capacity;
    }
    d->ids[d->n] = dw_arena_copy(arena, id);
    return d->ids[d->n++].ptr ? DW_OK : DW_ERR_NO_MEMORY;
}

enum dw_err session_store_denials(struct transaction *tx, const struct identity *identity, struct denials *d)
{
    const int64_t now_s = dw_clock_now_s();

    d->expires_s = now_s + identity->config.access_ttl_s + ACCESS_TOKEN_LEEWAY_S;
    for (size_t i = 0; i < d->n; i++)
        TRY(sql_exec(tx, &DENIAL_INSERT, VALUES(V_TEXT(d->ids[i]), V_INT(now_s), V_INT(d->expires_s)), NULL));
    if (d->n > 0)
        storage_notify(tx);
    return DW_OK;
}

struct ending {
    struct dw_arena *arena;
    struct denials *denials;
};

static enum dw_err gather_ended(const struct row *row, void *argument)
{
    struct ending *e = argument;

    return session_deny(e->denials, e->arena, row_text(row, 0));
}

enum dw_err session_end_in(struct transaction *tx, struct identity *identity, struct dw_str user_id,
                           struct dw_str keep, struct dw_arena *arena, struct denials *denials)
{
    struct ending e = { arena, denials };

    TRY(sql_each(tx, &FAMILY_END_ALL,
                 VALUES(V_TEXT(user_id), V_TEXT(keep.ptr ? keep : DW_STR("")), V_INT(dw_clock_now_s())), gather_ended,
                 &e, NULL));
    return session_store_denials(tx, identity, denials);
}

static enum dw_err audit_displaced(struct transaction *tx, const struct sign_in *in, struct dw_str user_id,
                                   const struct denials *denials)
{
    for (size_t i = 0; i < denials->n; i++) {
        const struct audit_event event = { .action = AUDIT_SESSION_DISPLACED, .tenant_id = in->tenant.id,
                                           .actor = user_id, .target = denials->ids[i],
                                           .address = in->device.address };

        TRY(audit_append(tx, &event));
    }
    return DW_OK;
}

enum dw_err session_make_room_in(struct transaction *tx, struct identity *identity, const struct sign_in *in,
                                 struct dw_str user_id, struct dw_arena *arena, struct denials *denials)
{
    const int64_t most = identity->config.sessions_max;
    struct ending e = { arena, denials };

    if (most <= 0)
        return DW_OK;
    TRY(sql_each(tx, &FAMILY_END_OLDEST, VALUES(V_TEXT(user_id), V_INT(most - 1), V_INT(dw_clock_now_s())),
                 gather_ended, &e, NULL));
    TRY(audit_displaced(tx, in, user_id, denials));
    return session_store_denials(tx, identity, denials);
}

enum dw_err session_publish(struct identity *identity, struct dw_str user_id, const struct denials *denials)
{
    for (size_t i = 0; i < denials->n; i++)
        TRY(identity_publish_denial(identity, denials->ids[i], denials->expires_s));
    identity_publish(identity, CHANGE_USER, user_id);
    return DW_OK;
}

/* --- signing in ------------------------------------------------------------------------------------------------- */

struct opening {
    struct identity *identity;
    const struct sign_in *in;
    struct dw_arena *arena;
    const struct first_factor *factor;
    struct dw_str user_id, family, scope, client;
    struct refresh_claims refresh;
    struct user user;
    struct denials denials;
};

int64_t session_refresh_end(const struct identity *identity, int64_t began_s, int64_t now_s)
{
    const int64_t family_ttl_s = identity->config.refresh_family_ttl_s, end_s = now_s + identity->config.refresh_ttl_s;

    return family_ttl_s > 0 ? MIN_OF(end_s, began_s + family_ttl_s) : end_s;
}

static enum dw_err insert_family(struct transaction *tx, const struct opening *o)
{
    const struct sign_in *in = o->in;
    struct dw_str hash;

    TRY(sql_exec(tx, &FAMILY_INSERT,
                 VALUES(V_TEXT(o->family), V_TEXT(o->user_id), V_TEXT(o->client), V_TEXT(o->scope),
                        V_INT(o->refresh.issued_s), V_INT(o->refresh.expires_s), V_TEXT(in->device.address),
                        V_TEXT(in->device.user_agent), o->factor->mfa_s > 0 ? V_INT(o->factor->mfa_s) : V_NULL),
                 NULL));
    TRY(refresh_token_hash(o->refresh.id, o->arena, &hash));
    return sql_exec(tx, &TOKEN_INSERT,
                    VALUES(V_TEXT(hash), V_TEXT(o->family), V_INT(o->refresh.issued_s), V_INT(o->refresh.expires_s)),
                    NULL);
}

enum dw_err session_admit_in(struct transaction *tx, struct identity *identity, const struct first_factor *factor,
                             int64_t now_s, struct dw_arena *arena, struct user *ret_user)
{
    struct user user;

    /* A sign-in with the old password that was under way while the password changed must not come about, and must not
     * write the old one's better hash over the new one. */
    TRY(credential_check_mark(tx, factor->user.id, factor->mark));
    TRY(sql_exec(tx, &USER_SIGNED_IN, VALUES(V_TEXT(factor->user.id), V_INT(now_s)), NULL));
    /* The password was checked a moment ago; disabled or deleted since, the sign-in must not come about. */
    const enum dw_err err = user_load(tx, factor->user.id, arena, &user);

    if (err == DW_ERR_NOT_FOUND)
        return DW_ERR_SIGN_IN;
    TRY(err);
    if (!user.is_active)
        return DW_ERR_USER_INACTIVE;
    if (user.mfa_enabled && !factor->user.mfa_enabled)
        return DW_ERR_SIGN_IN; /* turned on meanwhile: this sign-in has not shown it */
    if (factor->rehash.ptr != NULL)
        TRY(credential_store_rehash(tx, user.id, factor->rehash));
    *ret_user = user;
    return DW_OK;
}

static enum dw_err open_family(struct transaction *tx, void *argument)
{
    struct opening *o = argument;
    const struct audit_event event = { .action = AUDIT_SIGN_IN, .tenant_id = o->in->tenant.id, .actor = o->user_id,
                                       .target = o->family, .address = o->in->device.address };

    o->denials = (struct denials){ 0 };
    TRY(session_admit_in(tx, o->identity, o->factor, o->refresh.issued_s, o->arena, &o->user));
    TRY(guard_admit_in(tx, o->identity, o->in, o->user_id));
    TRY(session_make_room_in(tx, o->identity, o->in, o->user_id, o->arena, &o->denials));
    TRY(insert_family(tx, o));
    return audit_append(tx, &event);
}

enum dw_err session_issue_pair(struct identity *identity, const struct access_grant *grant,
                               const struct refresh_claims *refresh, struct dw_arena *arena,
                               struct token_pair *ret_pair)
{
    struct token_pair pair = { .expires_in = identity->config.access_ttl_s, .scope = grant->scope };

    TRY(access_token_issue(identity, grant, arena, &pair.access_token));
    TRY(refresh_token_issue(identity, refresh, arena, &pair.refresh_token));
    *ret_pair = pair;
    return DW_OK;
}

static enum dw_err opening_prepare(struct opening *o)
{
    char family[DW_UUID_SIZE];
    const int64_t now_s = dw_clock_now_s();

    dw_uuid7(family);
    o->family = dw_arena_copy(o->arena, dw_str(family));
    if (o->family.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    o->client = o->in->client_id.len > 0 ? o->in->client_id : DW_STR(CLIENT_FIRST_PARTY);
    o->refresh = (struct refresh_claims){ .family = o->family, .subject = o->user_id, .issued_s = now_s,
                                          .expires_s = session_refresh_end(o->identity, now_s, now_s) };
    return refresh_token_first_id(o->arena, &o->refresh.id);
}

static enum dw_err first_factor(struct identity *identity, const struct sign_in *in, struct dw_arena *arena,
                                struct first_factor *ret_factor)
{
    struct first_factor factor = { .is_narrowed = in->scope.len > 0 };
    int64_t wait_s;

    TRY(scope_grant(in->scope, DW_STR(""), arena, &factor.granted)); /* malformed: told before any hashing */
    TRY(guard_wait(identity, in, &wait_s));
    if (wait_s > 0)
        return DW_ERR_RATE_LIMITED;
    const enum dw_err err = credential_check(identity, &in->tenant, in->login, in->password, arena, &factor.user,
                                             &factor.rehash, &factor.mark);

    if (dw_error_info(err)->status >= 500)
        return err; /* ours, not the caller's: it says nothing of the password */
    if (err != DW_OK) {
        /* What does not count must not be answered: a database that can't be written would make guessing free. */
        TRY(guard_record_failure(identity, in, err));
        return err;
    }
    TRY(guard_wait(identity, in, &wait_s));
    if (wait_s > 0)
        return DW_ERR_RATE_LIMITED;
    TRY(scope_grant(in->scope, factor.user.permissions, arena, &factor.granted));
    *ret_factor = factor;
    return DW_OK;
}

enum dw_err session_first_factor(struct identity *identity, const struct sign_in *in, struct dw_arena *arena,
                                 struct first_factor *ret_factor)
{
    const enum dw_err err = first_factor(identity, in, arena, ret_factor);

    metric_add(&SIGN_INS, (unsigned)err, 1);
    return err;
}

enum dw_err session_open(struct identity *identity, const struct sign_in *in, const struct first_factor *factor,
                         struct dw_arena *arena, struct token_pair *ret_pair)
{
    struct opening o = { .identity = identity, .in = in, .arena = arena, .factor = factor,
                         .user_id = factor->user.id };

    if (factor->is_narrowed)
        o.scope = factor->granted;
    TRY(opening_prepare(&o));
    TRY(storage_write(identity->storage, open_family, &o));
    TRY(session_publish(identity, o.user_id, &o.denials));
    const struct access_grant grant = { .user = &o.user, .session = o.family, .client = o.client,
                                        .scope = factor->granted, .is_narrowed = factor->is_narrowed,
                                        .now_s = o.refresh.issued_s, .authenticated_s = o.refresh.issued_s,
                                        .mfa_s = factor->mfa_s };

    return session_issue_pair(identity, &grant, &o.refresh, arena, ret_pair);
}

enum dw_err session_sign_in(struct identity *identity, const struct sign_in *in, struct dw_arena *arena,
                            struct token_pair *ret_pair)
{
    struct first_factor factor;

    TRY(session_first_factor(identity, in, arena, &factor));
    if (factor.user.mfa_enabled)
        return DW_ERR_MFA_REQUIRED;
    return session_open(identity, in, &factor, arena, ret_pair);
}

/* --- signing out ------------------------------------------------------------------------------------------------ */

struct sign_out {
    struct identity *identity;
    const struct tenant *tenant;
    const struct actor *actor;
    struct dw_str user_id, session, token_id;
    struct dw_arena *arena;
    struct denials denials;
};

static enum dw_err apply_sign_out(struct transaction *tx, void *argument)
{
    struct sign_out *s = argument;
    const struct audit_event event = { .action = AUDIT_SIGN_OUT, .tenant_id = s->tenant->id, .actor = s->actor->id,
                                       .target = s->session, .address = s->actor->address };

    s->denials = (struct denials){ 0 };
    TRY(sql_exec(tx, &FAMILY_END, VALUES(V_TEXT(s->session), V_TEXT(s->user_id), V_INT(dw_clock_now_s())), NULL));
    TRY(session_deny(&s->denials, s->arena, s->session));
    if (s->token_id.ptr != NULL)
        TRY(session_deny(&s->denials, s->arena, s->token_id));
    TRY(session_store_denials(tx, s->identity, &s->denials));
    return audit_append(tx, &event);
}

enum dw_err session_sign_out(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                             struct dw_str user_id, struct dw_str session, struct dw_str token_id)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(1 << 16, &arena));
    struct sign_out s = { identity, tenant, actor, user_id, session, token_id, arena, { 0 } };

    TRY(storage_write(identity->storage, apply_sign_out, &s));
    return session_publish(identity, user_id, &s.denials);
}

static enum dw_err apply_sign_out_all(struct transaction *tx, void *argument)
{
    struct sign_out *s = argument;
    int64_t changes = 0;
    const struct audit_event event = { .action = AUDIT_SIGN_OUT_ALL, .tenant_id = s->tenant->id,
                                       .actor = s->actor->id, .target = s->user_id, .address = s->actor->address };

    s->denials = (struct denials){ 0 };
    TRY(sql_exec(tx, &USER_NEXT_VERSION, VALUES(V_CSTR(s->tenant->id), V_TEXT(s->user_id)), &changes));
    if (changes == 0)
        return DW_ERR_NOT_FOUND;
    TRY(session_end_in(tx, s->identity, s->user_id, dw_str_n(NULL, 0), s->arena, &s->denials));
    TRY(identity_announce(tx, s->identity, CHANGE_USER, s->user_id));
    return audit_append(tx, &event);
}

enum dw_err session_sign_out_all(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                 struct dw_str user_id)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(1 << 20, &arena));
    struct sign_out s = { identity, tenant, actor, user_id, { 0 }, { 0 }, arena, { 0 } };

    TRY(storage_write(identity->storage, apply_sign_out_all, &s));
    return session_publish(identity, user_id, &s.denials);
}
