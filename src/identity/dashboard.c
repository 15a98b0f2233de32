#include "identity/dashboard.h"

enum { DAY_S = 86400 };

static const struct statement DASHBOARD_USERS = {
    "dashboard_users", "SELECT COUNT(*), COALESCE(SUM(is_active), 0) FROM users WHERE tenant_id = $1", 1,
};
static const struct statement DASHBOARD_SESSIONS = {
    "dashboard_sessions",
    "SELECT COUNT(*) FROM refresh_families f JOIN users u ON u.id = f.user_id"
    " WHERE u.tenant_id = $1 AND f.revoked_at IS NULL AND f.expires_at > $2",
    2,
};
static const struct statement DASHBOARD_DAYS_OF = {
    "dashboard_days",
    "SELECT at / 86400, SUM(CASE WHEN action = 'session.sign_in' THEN 1 ELSE 0 END),"
    " SUM(CASE WHEN action = 'session.sign_in_failed' THEN 1 ELSE 0 END)"
    " FROM audit_events WHERE tenant_id = $1 AND at >= $2 AND action IN ('session.sign_in', 'session.sign_in_failed')"
    " GROUP BY at / 86400",
    2,
};

const struct statement *const DASHBOARD_STATEMENTS[] = {
    &DASHBOARD_USERS, &DASHBOARD_SESSIONS, &DASHBOARD_DAYS_OF, NULL,
};

struct reading {
    const struct tenant *tenant;
    int64_t now_s, first_day;
    struct dashboard dashboard;
};

static enum dw_err read_users(const struct row *row, void *argument)
{
    struct reading *r = argument;

    r->dashboard.users = row_int(row, 0);
    r->dashboard.active_users = row_int(row, 1);
    return DW_OK;
}

static enum dw_err read_sessions(const struct row *row, void *argument)
{
    ((struct reading *)argument)->dashboard.sessions = row_int(row, 0);
    return DW_OK;
}

static enum dw_err read_day(const struct row *row, void *argument)
{
    struct reading *r = argument;
    const int64_t day = row_int(row, 0) - r->first_day;

    if (day < 0 || day >= DASHBOARD_DAYS) /* a clock that was ahead once */
        return DW_OK;
    r->dashboard.days[day].sign_ins = row_int(row, 1);
    r->dashboard.days[day].failures = row_int(row, 2);
    return DW_OK;
}

static enum dw_err read_all(struct transaction *tx, void *argument)
{
    struct reading *r = argument;

    TRY(sql_one(tx, &DASHBOARD_USERS, VALUES(V_CSTR(r->tenant->id)), read_users, r));
    TRY(sql_one(tx, &DASHBOARD_SESSIONS, VALUES(V_CSTR(r->tenant->id), V_INT(r->now_s)), read_sessions, r));
    return sql_each(tx, &DASHBOARD_DAYS_OF, VALUES(V_CSTR(r->tenant->id), V_INT(r->first_day * DAY_S)), read_day, r,
                    NULL);
}

enum dw_err dashboard_read(struct identity *identity, const struct tenant *tenant, struct dashboard *ret_dashboard)
{
    struct reading r = { .tenant = tenant, .now_s = dw_clock_now_s() };

    r.first_day = r.now_s / DAY_S - (DASHBOARD_DAYS - 1);
    for (int i = 0; i < DASHBOARD_DAYS; i++)
        r.dashboard.days[i].at = (r.first_day + i) * DAY_S;
    TRY(storage_read(identity->storage, read_all, &r));
    *ret_dashboard = r.dashboard;
    return DW_OK;
}
