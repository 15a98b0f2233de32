/* What an administrator looks at first: how many users and sign-ins a tenant has, and what went on day by day. */
#ifndef IDENTITY_DASHBOARD_H
#define IDENTITY_DASHBOARD_H

#include "identity/tenant.h"

enum { DASHBOARD_DAYS = 30 };

struct dashboard_day {
    int64_t at; /* its beginning, UTC */
    int64_t sign_ins, failures;
};

struct dashboard {
    int64_t users, active_users, sessions; /* sessions: sign-ins that have not ended, of tokens and cookies alike */
    struct dashboard_day days[DASHBOARD_DAYS]; /* the oldest first; today is the last */
};

/* Counts, in one state of the database: milliseconds for some 100,000 users. Failures are those of the audit log. */
DW_MUST_USE enum dw_err dashboard_read(struct identity *identity, const struct tenant *tenant,
                                       struct dashboard *ret_dashboard);

extern const struct statement *const DASHBOARD_STATEMENTS[];

#endif
