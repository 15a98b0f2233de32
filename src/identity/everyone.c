#include "identity/everyone.h"

#include "identity/audit.h"
#include "identity/node.h"
#include "identity/signing_key.h"

enum { AT_ONCE = 5000, ID_SIZE = 64 };

/* In the order of their ids, so that each is looked at once; what opens after $1 has nothing of before. */
static const struct statement EVERYONE_END = {
    "everyone_end",
    "UPDATE refresh_families SET revoked_at = $1 WHERE id IN (SELECT id FROM refresh_families WHERE revoked_at IS NULL"
    " AND id > $2 AND created_at <= $1 ORDER BY id LIMIT $3) RETURNING id",
    3,
};
static const struct statement EVERYONE_LINKS = {
    "everyone_links", "UPDATE recovery_tokens SET ended_at = $1 WHERE expires_at > $1 AND ended_at IS NULL", 1,
};
static const struct statement EVERYONE_MAILS = {
    "everyone_mails",
    "UPDATE outbox SET state = 'taken_back', sealed = NULL WHERE state = 'waiting' AND created_at <= $1",
    1,
};

const struct statement *const EVERYONE_STATEMENTS[] = { &EVERYONE_END, &EVERYONE_LINKS, &EVERYONE_MAILS, NULL };

/* --- keys -------------------------------------------------------------------------------------------------------- */

static bool has_key(const struct signing_key_info *keys, size_t n, struct dw_str kid)
{
    for (size_t i = 0; i < n; i++) {
        if (dw_str_eq(keys[i].kid, kid))
            return true;
    }
    return false;
}

/* A key that was published as the next one is one of before: it may have signed since the back-up was made. */
static enum dw_err replace_keys(struct identity *identity, const struct actor *actor, struct dw_arena *arena)
{
    struct signing_key_info *before = NULL;
    struct dw_str kid;
    size_t n = 0;

    TRY(signing_key_list(identity, arena, &before, &n));
    for (size_t i = 0; i <= n; i++) {
        TRY(signing_key_rotate(identity, actor, true, arena, &kid));
        if (!has_key(before, n, kid))
            break;
    }
    for (size_t i = 0; i < n; i++) {
        const enum dw_err err = signing_key_retire(identity, actor, before[i].kid);

        if (err != DW_OK && err != DW_ERR_NOT_FOUND) /* a purge may have been faster */
            return err;
    }
    return DW_OK;
}

/* --- sign-ins ---------------------------------------------------------------------------------------------------- */

struct ending {
    struct identity *identity;
    const struct actor *actor;
    struct dw_str restored, detail;
    int64_t now_s, ended;
    size_t rows;           /* of this step */
    char last[ID_SIZE];    /* the greatest id that was ended */
    char reached[ID_SIZE]; /* in this step: it may run again */
};

static enum dw_err read_ended(const struct row *row, void *argument)
{
    struct ending *e = argument;
    const struct dw_str id = row_text(row, 0);
    char text[ID_SIZE];

    snprintf(text, sizeof(text), "%.*s", (int)id.len, id.ptr);
    if (strcmp(text, e->reached) > 0)
        memcpy(e->reached, text, sizeof(text));
    return DW_OK;
}

static enum dw_err end_some(struct transaction *tx, void *argument)
{
    struct ending *e = argument;

    memcpy(e->reached, e->last, sizeof(e->last));
    return sql_each(tx, &EVERYONE_END, VALUES(V_INT(e->now_s), V_CSTR(e->last), V_INT(AT_ONCE)), read_ended, e,
                    &e->rows);
}

static enum dw_err end_links(struct transaction *tx, void *argument)
{
    const struct ending *e = argument;
    const struct audit_event signed_out = { .action = AUDIT_EVERYONE_SIGNED_OUT, .actor = e->actor->id,
                                            .address = e->actor->address, .detail = e->detail };
    const struct audit_event restored = { .action = AUDIT_RESTORED, .actor = e->actor->id,
                                          .address = e->actor->address, .detail = e->restored };

    TRY(sql_exec(tx, &EVERYONE_LINKS, VALUES(V_INT(e->now_s)), NULL));
    TRY(sql_exec(tx, &EVERYONE_MAILS, VALUES(V_INT(e->now_s)), NULL));
    TRY(identity_announce(tx, e->identity, CHANGE_USERS, DW_STR("")));
    if (!dw_str_is_absent(e->restored))
        TRY(audit_append(tx, &restored));
    return audit_append(tx, &signed_out);
}

enum dw_err everyone_sign_out(struct identity *identity, const struct actor *actor, struct dw_str restored,
                              struct dw_arena *arena, int64_t *ret_sign_ins)
{
    struct ending e = { .identity = identity, .actor = actor, .restored = restored, .now_s = dw_clock_now_s() };

    TRY(replace_keys(identity, actor, arena));
    do {
        TRY(storage_write(identity->storage, end_some, &e));
        memcpy(e.last, e.reached, sizeof(e.last));
        e.ended += (int64_t)e.rows;
    } while (e.rows == AT_ONCE);
    e.detail = dw_arena_printf(arena, "%lld sign-ins ended", (long long)e.ended);
    if (e.detail.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(storage_write(identity->storage, end_links, &e));
    identity_publish(identity, CHANGE_USERS, DW_STR(""));
    *ret_sign_ins = e.ended;
    return DW_OK;
}
