/* Tenants: each user belongs to one. Every table of a tenant is reached through functions that take the tenant. */
#ifndef IDENTITY_TENANT_H
#define IDENTITY_TENANT_H

#include "identity/identity.h"

#define TENANT_DEFAULT "default"

/* What a tenant-bound function takes: made by tenant_find() or from an authenticated user, never from free text. */
struct tenant {
    char id[DW_UUID_SIZE];
    char slug[IDENTITY_NAME_MAX + 1];
    bool is_active;
};

/* By slug; absent means "default". DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err tenant_find(struct identity *identity, struct dw_str slug, struct tenant *ret_tenant);
/* Makes the tenant "default" when it is missing. */
DW_MUST_USE enum dw_err tenant_ensure_default(struct identity *identity);

extern const struct statement *const TENANT_STATEMENTS[];

#endif
