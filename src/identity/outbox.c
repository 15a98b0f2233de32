#include "identity/outbox.h"

#include "base/encoding.h"
#include "base/log.h"
#include "crypto/aead.h"
#include "identity/audit.h"

enum { OUTBOX_ARENA_BYTES = 64 * 1024, CONTEXT_SIZE = 64 };

/* `sealed` is base64url; NULL as soon as the row no longer waits. */
const char OUTBOX_TABLES[] =
    "CREATE TABLE outbox ("
    " id TEXT PRIMARY KEY,"
    " kind TEXT NOT NULL,"
    " user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
    " address TEXT NOT NULL,"
    " sealed TEXT,"
    " state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'expired', 'taken_back')),"
    " attempts BIGINT NOT NULL,"
    " next_at BIGINT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL);"
    "CREATE INDEX outbox_by_turn ON outbox (state, next_at);"
    "CREATE INDEX outbox_by_user ON outbox (user_id, kind);";

/* The bound is part of the statement, so that it holds whoever else writes. */
static const struct statement OUTBOX_INSERT = {
    "outbox_insert",
    "INSERT INTO outbox (id, kind, user_id, address, sealed, state, attempts, next_at, created_at, expires_at)"
    " SELECT $1, $2, $3, $4, $5, 'waiting', 0, $6, $6, $7"
    " WHERE (SELECT COUNT(*) FROM outbox WHERE state = 'waiting') < $8",
    8,
};
static const struct statement OUTBOX_TAKE_BACK = {
    "outbox_take_back",
    "UPDATE outbox SET state = 'taken_back', sealed = NULL WHERE user_id = $1 AND kind = $2 AND state = 'waiting'",
    2,
};
static const struct statement OUTBOX_NEXT = {
    "outbox_next",
    "SELECT o.id, o.kind, o.address, u.username, o.sealed, o.created_at, o.expires_at, o.attempts, o.user_id,"
    " u.tenant_id FROM outbox o JOIN users u ON u.id = o.user_id"
    " WHERE o.state = 'waiting' AND o.next_at <= $1 ORDER BY o.next_at LIMIT 1",
    1,
};
static const struct statement OUTBOX_CLAIM = {
    "outbox_claim",
    "UPDATE outbox SET next_at = $3, attempts = attempts + 1 WHERE id = $1 AND state = 'waiting' AND next_at <= $2",
    3,
};
static const struct statement OUTBOX_SETTLE = {
    "outbox_settle", "UPDATE outbox SET state = $2, sealed = NULL WHERE id = $1 AND state = 'waiting'", 2,
};
static const struct statement OUTBOX_LATER = {
    "outbox_later", "UPDATE outbox SET next_at = $2 WHERE id = $1 AND state = 'waiting'", 2,
};
static const struct statement OUTBOX_PURGE = {
    "outbox_purge",
    "DELETE FROM outbox WHERE id IN"
    " (SELECT id FROM outbox WHERE created_at <= $1 AND state <> 'waiting' ORDER BY created_at LIMIT 1000)",
    1,
};

static const struct statement OUTBOX_COUNT = {
    "outbox_count", "SELECT COUNT(*) FROM outbox WHERE state = 'waiting'", 0,
};

const struct statement *const OUTBOX_STATEMENTS[] = {
    &OUTBOX_INSERT, &OUTBOX_TAKE_BACK, &OUTBOX_NEXT,  &OUTBOX_CLAIM, &OUTBOX_SETTLE,
    &OUTBOX_LATER,  &OUTBOX_PURGE,     &OUTBOX_COUNT, NULL,
};

/* The waits after the first failure, the second …; the last one holds from then on. */
static const int64_t WAITS_S[] = { 5, 15, 60, 5 * 60, 15 * 60 };

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* Binds the sealed token to its row. */
static struct dw_str seal_context(struct dw_str id, char ret_context[CONTEXT_SIZE])
{
    snprintf(ret_context, CONTEXT_SIZE, "outbox %.*s", (int)id.len, id.ptr);
    return dw_str(ret_context);
}

enum dw_err outbox_add(struct transaction *tx, const struct outbox_entry *entry)
{
    const struct identity *identity = transaction_context(tx);
    _cleanup_arena_ struct dw_arena *arena = NULL;
    char id[DW_UUID_SIZE], context[CONTEXT_SIZE];
    struct dw_str sealed;
    int64_t added = 0;

    if (identity == NULL)
        return DW_ERR_INTERNAL;
    dw_uuid7(id);
    TRY(dw_arena_new(OUTBOX_ARENA_BYTES, &arena));
    TRY(aead_seal(&identity->keys.sealing, seal_context(dw_str(id), context), entry->payload, arena, &sealed));
    sealed = base64url_encode_arena(arena, sealed);
    if (sealed.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(sql_exec(tx, &OUTBOX_INSERT,
                 VALUES(V_CSTR(id), V_CSTR(entry->kind), V_TEXT(entry->user_id), V_TEXT(entry->to), V_TEXT(sealed),
                        V_INT(dw_clock_now_s()), V_INT(entry->expires_s), V_INT(OUTBOX_MAX)),
                 &added));
    return added == 1 ? DW_OK : DW_ERR_BUSY;
}

enum dw_err outbox_take_back(struct transaction *tx, const char *kind, struct dw_str user_id)
{
    return sql_exec(tx, &OUTBOX_TAKE_BACK, VALUES(V_TEXT(user_id), V_CSTR(kind)), NULL);
}

enum dw_err outbox_purge(struct transaction *tx)
{
    return sql_exec(tx, &OUTBOX_PURGE, VALUES(V_INT(dw_clock_now_s() - OUTBOX_KEEP_S)), NULL);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

struct turn {
    struct identity *identity;
    struct dw_arena *arena;
    int64_t now_s;
    struct outbox_mail mail;
    struct dw_str sealed, user_id, tenant_id;
    int64_t attempts; /* before this one */
    bool is_claimed;
    const char *state; /* to settle it in */
};

static enum dw_err read_next(const struct row *row, void *argument)
{
    struct turn *t = argument;

    t->mail = (struct outbox_mail){
        .id = dw_arena_copy(t->arena, row_text(row, 0)),
        .kind = dw_arena_copy(t->arena, row_text(row, 1)),
        .to = dw_arena_copy(t->arena, row_text(row, 2)),
        .username = dw_arena_copy(t->arena, row_text(row, 3)),
        .created_s = row_int(row, 5),
        .expires_s = row_int(row, 6),
    };
    t->sealed = dw_arena_copy(t->arena, row_text(row, 4));
    t->attempts = row_int(row, 7);
    t->user_id = dw_arena_copy(t->arena, row_text(row, 8));
    t->tenant_id = dw_arena_copy(t->arena, row_text(row, 9));
    const bool is_complete = t->mail.id.ptr && t->mail.kind.ptr && t->mail.to.ptr && t->mail.username.ptr &&
                             t->sealed.ptr && t->user_id.ptr && t->tenant_id.ptr;

    return is_complete ? DW_OK : DW_ERR_NO_MEMORY;
}

static enum dw_err find_next(struct transaction *tx, void *argument)
{
    struct turn *t = argument;

    return sql_one(tx, &OUTBOX_NEXT, VALUES(V_INT(t->now_s)), read_next, t);
}

static enum dw_err claim(struct transaction *tx, void *argument)
{
    struct turn *t = argument;
    int64_t changes = 0;

    TRY(sql_exec(tx, &OUTBOX_CLAIM, VALUES(V_TEXT(t->mail.id), V_INT(t->now_s), V_INT(t->now_s + OUTBOX_CLAIM_S)),
                 &changes));
    t->is_claimed = changes == 1;
    return DW_OK;
}

static enum dw_err settle(struct transaction *tx, void *argument)
{
    const struct turn *t = argument;
    const struct audit_event event = { .action = AUDIT_MAIL_EXPIRED, .tenant_id = t->tenant_id.ptr,
                                       .actor = DW_STR_INIT("system"), .target = t->user_id,
                                       .result = DW_ERR_UNAVAILABLE };

    TRY(sql_exec(tx, &OUTBOX_SETTLE, VALUES(V_TEXT(t->mail.id), V_CSTR(t->state)), NULL));
    return strcmp(t->state, "expired") == 0 ? audit_append(tx, &event) : DW_OK;
}

static enum dw_err put_off(struct transaction *tx, void *argument)
{
    const struct turn *t = argument;
    const size_t wait = MIN_OF((size_t)t->attempts, ARRAY_SIZE(WAITS_S) - 1);

    return sql_exec(tx, &OUTBOX_LATER, VALUES(V_TEXT(t->mail.id), V_INT(dw_clock_now_s() + WAITS_S[wait])), NULL);
}

static enum dw_err open_payload(struct turn *t)
{
    _cleanup_secret_ struct dw_secret payload = { 0 };
    char context[CONTEXT_SIZE];
    struct dw_str sealed;

    TRY(base64url_decode_arena(t->arena, t->sealed, &sealed));
    TRY(aead_open(&t->identity->keys.sealing, seal_context(t->mail.id, context), sealed, &payload));
    t->mail.payload = dw_arena_copy(t->arena, dw_secret_borrow(&payload));
    return t->mail.payload.ptr != NULL ? DW_OK : DW_ERR_NO_MEMORY;
}

/* A mail that was claimed: out, or later, or never again. */
static enum dw_err attempt(struct turn *t, outbox_send *send, void *argument)
{
    struct storage *storage = t->identity->storage;
    enum dw_err err;

    if (t->mail.expires_s <= t->now_s) {
        t->state = "expired";
        log_event(LOG_WARNING, "mail_expired", LOG_STR("mail", t->mail.id), LOG_INT("attempts", t->attempts));
        return storage_write(storage, settle, t);
    }
    err = open_payload(t);
    if (err == DW_OK)
        err = send(argument, &t->mail);
    if (err == DW_OK) {
        t->state = "sent";
        return storage_write(storage, settle, t);
    }
    TRY(storage_write(storage, put_off, t));
    return err;
}

static enum dw_err read_count(const struct row *row, void *argument)
{
    *(int64_t *)argument = row_int(row, 0);
    return DW_OK;
}

static enum dw_err count(struct transaction *tx, void *argument)
{
    return sql_one(tx, &OUTBOX_COUNT, NO_VALUES, read_count, argument);
}

enum dw_err outbox_count(struct identity *identity, int64_t *ret_waiting)
{
    int64_t waiting = 0;

    TRY(storage_read(identity->storage, count, &waiting));
    *ret_waiting = waiting;
    return DW_OK;
}

enum dw_err outbox_run(struct identity *identity, outbox_send *send, void *argument)
{
    for (int i = 0; i < OUTBOX_RUN_MAX; i++) {
        _cleanup_arena_ struct dw_arena *arena = NULL;

        TRY(dw_arena_new(OUTBOX_ARENA_BYTES, &arena));
        struct turn turn = { .identity = identity, .arena = arena, .now_s = dw_clock_now_s() };
        const enum dw_err err = storage_read(identity->storage, find_next, &turn);

        if (err == DW_ERR_NOT_FOUND)
            return DW_OK;
        TRY(err);
        TRY(storage_write(identity->storage, claim, &turn));
        if (!turn.is_claimed)
            continue;
        const enum dw_err sent = attempt(&turn, send, argument);

        if (sent != DW_ERR_VALIDATION)
            TRY(sent);
    }
    return DW_OK;
}
