#include "identity/identity.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "identity/api_key.h"
#include "identity/api_key_use.h"
#include "identity/audit.h"
#include "identity/decoy.h"
#include "identity/outbox.h"
#include "identity/guard.h"
#include "identity/node.h"
#include "identity/principal.h"
#include "identity/recovery.h"
#include "identity/signing_key.h"
#include "identity/tenant.h"

/* What other processes did is looked at again for this long, as their clock and ours may differ. What was learned is
 * relied on for FRESH_MS: with the time that a look takes, a revocation is known everywhere within a second. */
enum { WATCH_WINDOW_S = 60, CHANGES_KEPT_S = 10 * WATCH_WINDOW_S, FRESH_MS = 750 };

static const struct statement DENIALS_SINCE = {
    "denials_since", "SELECT id, expires_at FROM denials WHERE created_at >= $1 AND expires_at > $2", 2,
};
static const struct statement DENIAL_FIND = { "denial_find", "SELECT 1 FROM denials WHERE id = $1", 1 };
/* A row that is gone was of a sign-in whose time was over. */
static const struct statement SIGN_IN_ENDED = {
    "sign_in_ended", "SELECT 1 FROM refresh_families WHERE id = $1 AND revoked_at IS NOT NULL", 1,
};
static const struct statement CHANGE_INSERT = {
    "change_insert", "INSERT INTO changes (id, kind, subject, at) VALUES ($1, $2, $3, $4)", 4,
};
static const struct statement CHANGES_SINCE = {
    "changes_since", "SELECT id, kind, subject FROM changes WHERE at >= $1 ORDER BY at, id", 1,
};
static const struct statement PURGE_DENIALS = { "purge_denials", "DELETE FROM denials WHERE expires_at <= $1", 1 };
static const struct statement PURGE_TOKENS = {
    "purge_tokens",
    "DELETE FROM refresh_tokens WHERE token_hash IN"
    " (SELECT token_hash FROM refresh_tokens WHERE expires_at <= $1 LIMIT 1000)",
    1,
};
static const struct statement PURGE_FAMILIES = {
    "purge_families",
    "DELETE FROM refresh_families WHERE id IN (SELECT id FROM refresh_families WHERE expires_at <= $1 LIMIT 1000)",
    1,
};
static const struct statement PURGE_CHANGES = { "purge_changes", "DELETE FROM changes WHERE at <= $1", 1 };

const struct statement *const IDENTITY_STATEMENTS[] = {
    &DENIALS_SINCE, &DENIAL_FIND, &SIGN_IN_ENDED,
    &CHANGE_INSERT, &CHANGES_SINCE, &PURGE_DENIALS, &PURGE_TOKENS, &PURGE_FAMILIES, &PURGE_CHANGES,
    NULL,
};

/* --- opening ---------------------------------------------------------------------------------------------------- */

static enum dw_err derive_keys(struct identity *identity, const struct dw_secret *secret)
{
    _cleanup_secret_ struct dw_secret refresh = { 0 }, pending = { 0 };

    if (secret->size < IDENTITY_SECRET_SIZE)
        return DW_ERR_KEY_TOO_WEAK;
    TRY(hkdf_sha256(secret, DW_STR("doorward refresh tokens"), IDENTITY_SECRET_SIZE, &refresh));
    TRY(dw_key_from_octets(&refresh, DW_ALG_HS256, &identity->keys.refresh));
    TRY(hkdf_sha256(secret, DW_STR("doorward refresh successors"), IDENTITY_SECRET_SIZE, &identity->keys.successor));
    TRY(hkdf_sha256(secret, DW_STR("doorward audit log"), IDENTITY_SECRET_SIZE, &identity->keys.audit));
    TRY(hkdf_sha256(secret, DW_STR("doorward pending sign-ins"), IDENTITY_SECRET_SIZE, &pending));
    TRY(hkdf_sha256(secret, DW_STR("doorward channel"), CHANNEL_KEY_SIZE, &identity->keys.channel));
    TRY(dw_key_from_octets(&pending, DW_ALG_HS256, &identity->keys.pending));
    TRY(hkdf_sha256(secret, DW_STR("doorward recovery codes"), IDENTITY_SECRET_SIZE, &identity->keys.recovery));
    TRY(hkdf_sha256(secret, DW_STR("doorward sign-in guard"), IDENTITY_SECRET_SIZE, &identity->keys.guard));
    TRY(hkdf_sha256(secret, DW_STR("doorward csrf tokens"), IDENTITY_SECRET_SIZE, &identity->keys.csrf));
    return hkdf_sha256(secret, DW_STR("doorward sealing"), IDENTITY_SECRET_SIZE, &identity->keys.sealing);
}

static enum dw_err learn_denial(const struct row *row, void *argument)
{
    struct identity *identity = argument;

    return deny_list_add(identity->denied, row_text(row, 0), row_int(row, 1), dw_clock_now_s());
}

static enum dw_err load_denials(struct transaction *tx, void *argument)
{
    return sql_each(tx, &DENIALS_SINCE, VALUES(V_INT(0), V_INT(dw_clock_now_s())), learn_denial, argument, NULL);
}

static enum dw_err open_parts(struct identity *identity, const struct dw_secret *secret)
{
    TRY(derive_keys(identity, secret));
    TRY(deny_list_new(&identity->denied));
    TRY(deny_list_new(&identity->watched));
    TRY(invalidation_new(&identity->invalidation));
    TRY(api_key_uses_new(&identity->api_key_uses));
    TRY(decoys_new(&identity->decoys));
    TRY(tenant_ensure_default(identity));
    TRY(signing_key_load(identity));
    return storage_read(identity->storage, load_denials, identity);
}

enum dw_err identity_open(struct storage *storage, struct dw_passwords *passwords,
                          const struct identity_config *config, const struct dw_secret *secret,
                          struct identity **ret_identity)
{
    static _Atomic uint64_t serials;
    _cleanup_(identity_close) struct identity *identity = calloc(1, sizeof(*identity));

    if (identity == NULL)
        return DW_ERR_NO_MEMORY;
    identity->serial = atomic_fetch_add(&serials, 1) + 1;
    identity->storage = storage;
    identity->opened_s = dw_clock_now_s();
    identity->is_shared = storage_is_shared(storage);
    identity->passwords = passwords;
    identity->config = *config;
    identity->watched_s = dw_clock_now_s();
    identity->context_before = storage_set_context(storage, identity);
    TRY(open_parts(identity, secret));
    *ret_identity = TAKE_PTR(identity);
    return DW_OK;
}

void identity_close(struct identity **identity)
{
    struct identity *i = identity ? *identity : NULL;

    if (i == NULL)
        return;
    identity_leave(i);
    principal_forget_thread();
    signing_key_unload(i);
    dw_key_free(&i->keys.refresh);
    dw_key_free(&i->keys.pending);
    dw_secret_free(&i->keys.recovery);
    dw_secret_free(&i->keys.successor);
    dw_secret_free(&i->keys.csrf);
    dw_secret_free(&i->keys.sealing);
    dw_secret_free(&i->keys.guard);
    dw_secret_free(&i->keys.audit);
    dw_secret_free(&i->keys.channel);
    storage_set_context(i->storage, i->context_before);
    invalidation_free(&i->invalidation);
    api_key_uses_free(&i->api_key_uses);
    decoys_free(&i->decoys);
    deny_list_free(&i->denied);
    deny_list_free(&i->watched);
    free(i);
    *identity = NULL;
}

/* --- other processes on the same database ----------------------------------------------------------------------- */

enum dw_err identity_announce(struct transaction *tx, struct identity *identity, enum change_kind kind,
                              struct dw_str id)
{
    char change_id[DW_UUID_SIZE];

    if (!identity->config.announce)
        return DW_OK;
    dw_uuid7(change_id);
    storage_notify(tx);
    return sql_exec(tx, &CHANGE_INSERT,
                    VALUES(V_CSTR(change_id), V_INT(kind), V_TEXT(id), V_INT(dw_clock_now_s())), NULL);
}

struct watch {
    struct identity *identity;
    int64_t now_s, since_s;
};

static enum dw_err learn_change(const struct row *row, void *argument)
{
    struct watch *w = argument;
    struct deny_id id;

    if (!deny_id_parse(row_text(row, 0), &id) || deny_list_has(w->identity->watched, &id))
        return DW_OK;
    TRY(deny_list_add(w->identity->watched, row_text(row, 0), w->now_s + CHANGES_KEPT_S + WATCH_WINDOW_S, w->now_s));
    if (row_int(row, 1) == CHANGE_KEYS)
        w->identity->keys_are_stale = true;
    else if (row_int(row, 1) == CHANGE_MUTED)
        node_hear_of_muted(w->identity, row_text(row, 2));
    else
        invalidation_publish(w->identity->invalidation, row_int(row, 1) == CHANGE_USERS ? CHANGE_USERS : CHANGE_USER,
                             row_text(row, 2));
    return DW_OK;
}

static enum dw_err watch(struct transaction *tx, void *argument)
{
    struct watch *w = argument;

    TRY(sql_each(tx, &DENIALS_SINCE, VALUES(V_INT(w->since_s), V_INT(w->now_s)), learn_denial, w->identity, NULL));
    return sql_each(tx, &CHANGES_SINCE, VALUES(V_INT(w->since_s)), learn_change, w, NULL);
}

/* The machine slept, or the database could not be asked for so long that changes were purged unseen: any of what
 * memory holds may be of the past. */
static void distrust_memory(struct watch *w)
{
    invalidation_publish(w->identity->invalidation, CHANGE_USERS, DW_STR(""));
    w->identity->keys_are_stale = true;
}

enum dw_err identity_watch(struct identity *identity)
{
    struct watch w = { .identity = identity, .now_s = dw_clock_now_s() };
    const int64_t begun_ms = clock_monotonic_ms();

    node_tell_muted(identity);
    /* A transaction may commit a while after the time that its rows bear, and clocks differ. One that was set back by
     * more brings tokens to life again that seemed to have expired, and what denies them may never have been read. */
    w.since_s = w.now_s < identity->watched_s - WATCH_WINDOW_S ? 0
                                                               : MIN_OF(identity->watched_s, w.now_s) - WATCH_WINDOW_S;
    TRY(storage_read(identity->storage, watch, &w));
    if (w.now_s - w.since_s > CHANGES_KEPT_S)
        distrust_memory(&w);
    if (identity->keys_are_stale) {
        TRY(signing_key_load(identity));
        identity->keys_are_stale = false;
        invalidation_publish(identity->invalidation, CHANGE_KEYS, DW_STR(""));
    }
    identity->watched_s = w.now_s;
    /* Last: only what was learned is known. */
    atomic_store_explicit(&identity->looked_ms, begun_ms, memory_order_release);
    if (identity->channel != NULL)
        change_channel_looked(identity->channel, begun_ms);
    return DW_OK;
}

bool identity_is_fresh(const struct identity *identity)
{
    if (!identity->is_shared)
        return true;
    const int64_t looked_ms = atomic_load_explicit(&identity->looked_ms, memory_order_acquire);

    if (looked_ms != 0 && clock_monotonic_ms() < looked_ms + FRESH_MS)
        return true;
    return identity_is_told(identity);
}

enum dw_err identity_check_denied(struct transaction *tx, struct dw_str id)
{
    const enum dw_err err = sql_finds(tx, &DENIAL_FIND, VALUES(V_TEXT(id)));

    if (err == DW_OK)
        return DW_ERR_TOKEN_REVOKED;
    return err == DW_ERR_NOT_FOUND ? DW_OK : err;
}

struct acting {
    const struct actor *actor;
    enum dw_err (*fn)(struct transaction *tx, void *argument);
    void *argument;
};

static enum dw_err act(struct transaction *tx, void *argument)
{
    const struct acting *a = argument;

    if (a->actor->session.len > 0) {
        const enum dw_err err = sql_finds(tx, &SIGN_IN_ENDED, VALUES(V_TEXT(a->actor->session)));

        if (err != DW_ERR_NOT_FOUND)
            return err == DW_OK ? DW_ERR_TOKEN_REVOKED : err;
    }
    return a->fn(tx, a->argument);
}

enum dw_err identity_write_as(struct identity *identity, const struct actor *actor,
                              enum dw_err (*fn)(struct transaction *, void *argument), void *argument)
{
    struct acting acting = { actor, fn, argument };

    return storage_write(identity->storage, act, &acting);
}

/* --- what has expired ------------------------------------------------------------------------------------------- */

static enum dw_err purge(struct transaction *tx, void *argument)
{
    const int64_t now_s = dw_clock_now_s();

    (void)argument;
    TRY(sql_exec(tx, &PURGE_DENIALS, VALUES(V_INT(now_s)), NULL));
    TRY(sql_exec(tx, &PURGE_TOKENS, VALUES(V_INT(now_s)), NULL));
    TRY(sql_exec(tx, &PURGE_FAMILIES, VALUES(V_INT(now_s)), NULL));
    TRY(guard_purge_in(tx));
    TRY(api_key_purge_in(tx, now_s));
    TRY(recovery_purge(tx));
    TRY(outbox_purge(tx));
    return sql_exec(tx, &PURGE_CHANGES, VALUES(V_INT(now_s - CHANGES_KEPT_S)), NULL);
}

enum dw_err identity_purge(struct identity *identity)
{
    TRY(storage_write(identity->storage, purge, NULL));
    return signing_key_purge(identity);
}
