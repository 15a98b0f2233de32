/*
 * Roles that a tenant makes itself, and permissions given to one user (spec F1, F2): in the database, changed without a
 * release. The built-in roles (role.h) can be neither changed nor deleted, nor their names taken.
 *
 * A change works on the next request of every user of the role, on whatever token: what a user may do is read with the
 * user's record, and the change empties every copy of it.
 * Permissions are names that applications choose ("reports:read"); Doorward knows what its own mean (PERMISSIONS).
 * Does not defend against: an administrator who gives away too much. Every change is in the audit log.
 */
#ifndef IDENTITY_CUSTOM_ROLE_H
#define IDENTITY_CUSTOM_ROLE_H

#include "identity/role.h"
#include "identity/user.h"

enum {
    ROLE_PERMISSIONS_MAX_BYTES = 1024, /* they go into every token of the role's users */
    DIRECT_PERMISSIONS_MAX_BYTES = 512,
    ROLES_MAX = 100, /* of a tenant */
};

struct custom_role {
    struct dw_str name;
    struct dw_str permissions; /* space-separated */
    bool built_in;
};

/* A lower-case letter, then letters, digits, '_', '-'; at most IDENTITY_NAME_MAX. */
bool role_is_name(struct dw_str name);
/* Two or more such words joined by ':'. */
bool permission_is_name(struct dw_str name);
/* The names, each once; DW_ERR_VALIDATION for one that is no permission's, or when they are longer than max_bytes. */
DW_MUST_USE enum dw_err permissions_join(const struct dw_str *names, size_t n, size_t max_bytes,
                                         struct dw_arena *arena, struct dw_str *ret_permissions);

/* The built-in ones, then the tenant's by name. */
DW_MUST_USE enum dw_err custom_role_list(struct identity *identity, const struct tenant *tenant,
                                         struct dw_arena *arena, struct custom_role **ret_roles, size_t *ret_n);
/* A built-in or custom one; DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err custom_role_find(struct identity *identity, const struct tenant *tenant, struct dw_str name,
                                         struct dw_arena *arena, struct custom_role *ret_role);
/* DW_ERR_ROLE_TAKEN (also for a built-in one's name), DW_ERR_VALIDATION, DW_ERR_ROLE_LIMIT past ROLES_MAX. */
DW_MUST_USE enum dw_err custom_role_create(struct identity *identity, const struct tenant *tenant,
                                           const struct actor *actor, const struct custom_role *role);
/* DW_ERR_NOT_FOUND, DW_ERR_ROLE_BUILT_IN. */
DW_MUST_USE enum dw_err custom_role_update(struct identity *identity, const struct tenant *tenant,
                                           const struct actor *actor, const struct custom_role *role);
/* DW_ERR_NOT_FOUND, DW_ERR_ROLE_BUILT_IN, DW_ERR_ROLE_IN_USE. */
DW_MUST_USE enum dw_err custom_role_delete(struct identity *identity, const struct tenant *tenant,
                                           const struct actor *actor, struct dw_str name);

/* Sets a user's own permissions (permissions_join()'s result). DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err user_set_permissions(struct identity *identity, const struct tenant *tenant,
                                             const struct actor *actor, struct dw_str id, struct dw_str permissions,
                                             struct dw_arena *arena, struct user *ret_user);

/* Inside a write: DW_ERR_VALIDATION when there is no such role in the tenant. Keeps it from being deleted meanwhile. */
DW_MUST_USE enum dw_err custom_role_check_in(struct transaction *tx, const struct tenant *tenant, struct dw_str name);

extern const char CUSTOM_ROLE_TABLES[];
extern const struct statement *const CUSTOM_ROLE_STATEMENTS[];

#endif
