#include "protocol/admin/rights.h"

#include "identity/role.h"
#include "identity/tenant.h"

static bool is_whole(const struct dw_principal *caller)
{
    return scope_covers(caller->scope, caller->permissions);
}

bool has_rights(const struct dw_principal *caller, struct dw_str permissions)
{
    if (dw_str_eq(caller->role, DW_STR(ROLE_ADMIN)) && is_whole(caller))
        return true;
    return scope_covers(caller->permissions, permissions) && scope_covers(caller->scope, permissions);
}

static bool may_act_upon(const struct dw_principal *actor, const struct user *target)
{
    const struct dw_str admin = DW_STR(ROLE_ADMIN);

    if (dw_str_eq(target->role, admin) && !dw_str_eq(actor->role, admin))
        return false;
    return has_rights(actor, target->permissions);
}

enum dw_err target_find(struct dw_request *r, const struct tenant *tenant, struct dw_str *ret_id)
{
    struct user target;

    TRY(user_get(identity_of(r), tenant, dw_path_parameter(r, "id"), dw_request_arena(r), &target));
    if (!may_act_upon(dw_principal(r), &target))
        return DW_ERR_FORBIDDEN;
    if (!is_interactive(r) && dw_str_eq(target.id, dw_principal(r)->subject))
        return DW_ERR_INTERACTIVE;
    *ret_id = target.id;
    return DW_OK;
}

static enum dw_err resolve_operator(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    const struct dw_principal *caller = dw_principal(r);

    if (!dw_str_eq(caller->role, DW_STR(ROLE_ADMIN)) || !dw_str_eq(caller->tenant, DW_STR(TENANT_DEFAULT)))
        return DW_ERR_ROLE;
    return is_whole(caller) ? DW_OK : DW_ERR_FORBIDDEN;
}

const struct dw_dependency OPERATOR = {
    .name = "the operator",
    .uses = DW_USES_PRINCIPAL,
    .resolve = resolve_operator,
    .refusal = "403 The caller is no administrator of the tenant `default`, or the credential leaves out some of her "
               "rights",
};
