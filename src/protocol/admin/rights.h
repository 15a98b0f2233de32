/*
 * Nobody gives, or acts upon, more rights than the credential carries: the one place that decides it.
 *
 * A narrow credential is measured by what it was granted, not by its owner: with `manage:roles` alone, a key that an
 * administrator made must not make another administrator. The role `admin` with nothing left out of the credential has
 * every right there is, those that are only the tenant's own included.
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

#endif
