/*
 * Roles and permissions (spec F1). A role is a named list of permissions; permissions double as scope names.
 */
#ifndef IDENTITY_ROLE_H
#define IDENTITY_ROLE_H

#include "base/cleanup.h"

#define ROLE_USER "user"
#define ROLE_ADMIN "admin"

struct permission {
    const char *name, *description;
};

/* Every permission there is; ends with a NULL name. The documentation lists them as scopes. */
extern const struct permission PERMISSIONS[];

struct role {
    const char *name;
    const char *permissions; /* space-separated */
};

/* The built-in ones, which are in every tenant; ends with a NULL name. Others: custom_role.h. */
extern const struct role ROLES[];
/* NULL when it is not built in. */
const struct role *role_find(struct dw_str name);
/* What a user of this role may do: the role's (of a custom one: `custom`) and the user's own permissions, each once,
 * space-separated. */
DW_MUST_USE enum dw_err role_permissions(struct dw_str role, struct dw_str custom, struct dw_str direct,
                                         struct dw_arena *arena, struct dw_str *ret_permissions);
/* Granted scope (spec F3): asked ∩ may; all of `may` when nothing was asked (RFC 6749 §3.3). DW_ERR_SCOPE_UNKNOWN when
 * `asked` is no list of scope tokens. Unknown or unpermitted ones are left out. */
DW_MUST_USE enum dw_err scope_grant(struct dw_str asked, struct dw_str may, struct dw_arena *arena,
                                    struct dw_str *ret_scope);
/* Whether `whole` has every word of `part`. */
bool scope_covers(struct dw_str whole, struct dw_str part);
/* The words that both lists hold. */
DW_MUST_USE enum dw_err scope_intersect(struct dw_str a, struct dw_str b, struct dw_arena *arena,
                                        struct dw_str *ret_scope);

#endif
