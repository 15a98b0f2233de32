/* The dashboard of a tenant: numbers alone. */
#include "identity/dashboard.h"

#include "identity/role.h"
#include "protocol/context.h"
#include "protocol/routes.h"

static const struct dw_model DASHBOARD_DAY = {
    .name = "DashboardDay", .size = sizeof(struct dashboard_day),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct dashboard_day, at), .type = DW_TIME, .flags = DW_REQUIRED,
          .description = "Its beginning, UTC" },
        { DW_FIELD(struct dashboard_day, sign_ins), .type = DW_INT },
        { DW_FIELD(struct dashboard_day, failures), .type = DW_INT, .description = "Sign-ins that were refused" },
        { 0 } },
};

struct dashboard_out {
    int64_t users, active_users, sessions;
    struct dw_list days; /* of struct dashboard_day */
};

static const struct dw_model DASHBOARD_OUT = {
    .name = "Dashboard", .size = sizeof(struct dashboard_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct dashboard_out, users), .type = DW_INT },
        { DW_FIELD(struct dashboard_out, active_users), .type = DW_INT },
        { DW_FIELD(struct dashboard_out, sessions), .type = DW_INT, .description = "Sign-ins that have not ended" },
        { DW_FIELD(struct dashboard_out, days), .type = DW_LIST, .items = DW_OBJECT, .model = &DASHBOARD_DAY,
          .description = "The last 30, today last" },
        { 0 } },
};

static enum dw_err show_dashboard(struct dw_request *r, const void *in, struct dashboard_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    struct dashboard *dashboard = dw_arena_alloc(dw_request_arena(r), sizeof(*dashboard));

    if (dashboard == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(dashboard_read(identity_of(r), &tenant, dashboard));
    *out = (struct dashboard_out){
        .users = dashboard->users, .active_users = dashboard->active_users, .sessions = dashboard->sessions,
        .days = { .items = dashboard->days, .n = DASHBOARD_DAYS },
    };
    return DW_OK;
}

const struct dw_route DASHBOARD_ROUTES[] = {
    { DW_GET, "/admin/dashboard", DW_HANDLER(show_dashboard), .answer = &DASHBOARD_OUT,
      .needs = DW_DEPENDS({ DW_ROLE_OF(ROLE_ADMIN), NULL }, { DW_PERMISSION_OF("read:users"), NULL }),
      .id = "show_dashboard", .tag = TAG_ADMINISTRATION, .summary = "How many, and what went on",
      .description = "Needs the role `admin`, and `read:users` in the token's scope. Of the caller's tenant: users, "
                     "sign-ins that have not ended, and sign-ins and refusals of each of the last 30 days." },
    { 0 },
};
