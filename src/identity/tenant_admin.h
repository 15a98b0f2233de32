/*
 * Tenants from outside: made, listed, renamed, disabled by the operator, who is an administrator of the tenant
 * "default" (spec F5).
 *
 * A disabled tenant's users are inactive: nobody signs in, registers, or gets anywhere with a token, key or cookie that
 * is already out, from the next request on. Nothing is deleted, and enabling it again gives all of it back.
 * The tenant "default" can't be disabled: nobody could enable it again.
 */
#ifndef IDENTITY_TENANT_ADMIN_H
#define IDENTITY_TENANT_ADMIN_H

#include "identity/tenant.h"

struct tenant_record {
    struct dw_str id, slug, name;
    bool is_active;
    int64_t created_at;
};

struct tenant_page {
    struct tenant_record *tenants; /* in the arena */
    size_t n;
    bool has_more;
};

/* In the order of their ids; after: the last one seen, or absent. */
DW_MUST_USE enum dw_err tenant_list(struct identity *identity, struct dw_str after, unsigned limit,
                                    struct dw_arena *arena, struct tenant_page *ret_page);
/* DW_ERR_NOT_FOUND. */
DW_MUST_USE enum dw_err tenant_get(struct identity *identity, struct dw_str id, struct dw_arena *arena,
                                   struct tenant_record *ret_tenant);
/* DW_ERR_TENANT_TAKEN. The event is the operator's tenant's. */
DW_MUST_USE enum dw_err tenant_create(struct identity *identity, const struct tenant *operators,
                                      const struct actor *actor, struct dw_str slug, struct dw_str name,
                                      struct dw_arena *arena, struct tenant_record *ret_tenant);

struct tenant_change {
    struct dw_str name; /* absent: as it is */
    int is_active;      /* 1, 0, or -1 */
};

/* DW_ERR_NOT_FOUND, DW_ERR_TENANT_DEFAULT. */
DW_MUST_USE enum dw_err tenant_update(struct identity *identity, const struct tenant *operators,
                                      const struct actor *actor, struct dw_str id, const struct tenant_change *change,
                                      struct dw_arena *arena, struct tenant_record *ret_tenant);

extern const char TENANT_STATE_COLUMN[];
extern const struct statement *const TENANT_ADMIN_STATEMENTS[];

#endif
