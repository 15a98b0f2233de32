#include "protocol/admin/rights.h"

#include "identity/role.h"

bool has_rights(const struct dw_principal *caller, struct dw_str permissions)
{
    const bool is_whole = scope_covers(caller->scope, caller->permissions);

    if (is_whole && dw_str_eq(caller->role, DW_STR(ROLE_ADMIN)))
        return true;
    return scope_covers(caller->permissions, permissions) && scope_covers(caller->scope, permissions);
}
