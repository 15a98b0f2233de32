/*
 * Nobody gives, or acts upon, more rights than the credential carries: the one place that decides it.
 *
 * A narrow credential is measured by what it was granted, not by its owner: with `manage:roles` alone, a key that an
 * administrator made must not make another administrator. The role `admin` with nothing left out of the credential has
 * every right there is, those that are only the tenant's own included.
 * With `write:users` alone, an administrator's e-mail address could be changed and the account taken over by a password
 * reset. So a target's permissions must be among the caller's, and an administrator is an administrator's to change.
 * Does not: hold over the change itself. A promotion between the look and the change gives nothing that the change a
 * moment earlier would not have given.
 */
#ifndef PROTOCOL_ADMIN_RIGHTS_H
#define PROTOCOL_ADMIN_RIGHTS_H

#include "protocol/context.h"

/* .needs = NEEDS_OPERATOR: an administrator of the tenant "default" with nothing left out of the credential: for what
 * concerns all tenants. */
#define NEEDS_OPERATOR DW_DEPENDS({ &OPERATOR, NULL })
extern const struct dw_dependency OPERATOR;

/* Whether the caller has all of `permissions` (space-separated) to give. */
bool has_rights(const struct dw_principal *caller, struct dw_str permissions);

/* The user whom the path names, when the caller may act upon her; DW_ERR_NOT_FOUND, DW_ERR_FORBIDDEN. What a key can't
 * do to its owner's account under /users/me, it can't do under this path either: DW_ERR_INTERACTIVE. */
DW_MUST_USE enum dw_err target_find(struct dw_request *r, const struct tenant *tenant, struct dw_str *ret_id);

#endif
