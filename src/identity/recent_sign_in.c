#include "identity/recent_sign_in.h"

#include "identity/audit.h"

/* NULL: not since the sign-in itself. */
const char RECENT_SIGN_IN_COLUMN[] = "ALTER TABLE refresh_families ADD COLUMN confirmed_at BIGINT;";

static const struct statement RECENT_READ = {
    "recent_sign_in_read",
    "SELECT COALESCE(confirmed_at, created_at) FROM refresh_families"
    " WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
    2,
};
static const struct statement RECENT_RENEW = {
    "recent_sign_in_renew",
    "UPDATE refresh_families SET confirmed_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
    3,
};

const struct statement *const RECENT_SIGN_IN_STATEMENTS[] = { &RECENT_READ, &RECENT_RENEW, NULL };

struct asking {
    struct dw_str user_id, session;
    int64_t at_s;
};

static enum dw_err read_time(const struct row *row, void *argument)
{
    struct asking *a = argument;

    a->at_s = row_int(row, 0);
    return DW_OK;
}

static enum dw_err find(struct transaction *tx, void *argument)
{
    struct asking *a = argument;

    return sql_one(tx, &RECENT_READ, VALUES(V_TEXT(a->session), V_TEXT(a->user_id)), read_time, a);
}

enum dw_err recent_sign_in_check(struct identity *identity, struct dw_str user_id, struct dw_str session)
{
    const int64_t ttl_s = identity->config.reauth_ttl_s;
    struct asking a = { .user_id = user_id, .session = session };

    if (ttl_s <= 0)
        return DW_ERR_REAUTHENTICATION;
    const enum dw_err err = storage_read(identity->storage, find, &a);

    if (err == DW_ERR_NOT_FOUND)
        return DW_ERR_REAUTHENTICATION;
    TRY(err);
    return dw_clock_now_s() - a.at_s <= ttl_s ? DW_OK : DW_ERR_REAUTHENTICATION;
}

struct renewal {
    const struct tenant *tenant;
    const struct actor *actor;
    struct dw_str session;
};

static enum dw_err apply_renewal(struct transaction *tx, void *argument)
{
    const struct renewal *n = argument;
    const struct audit_event event = { .action = AUDIT_SIGN_IN_CONFIRMED, .tenant_id = n->tenant->id,
                                       .actor = n->actor->id, .target = n->session, .address = n->actor->address };

    TRY(sql_exec(tx, &RECENT_RENEW, VALUES(V_TEXT(n->session), V_TEXT(n->actor->id), V_INT(dw_clock_now_s())), NULL));
    return audit_append(tx, &event);
}

enum dw_err recent_sign_in_renew(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                 struct dw_str session)
{
    struct renewal n = { tenant, actor, session };

    return storage_write(identity->storage, apply_renewal, &n);
}
