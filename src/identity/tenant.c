#include "identity/tenant.h"

static const struct statement TENANT_BY_SLUG = {
    "tenant_by_slug", "SELECT id, slug, is_active FROM tenants WHERE slug = $1", 1,
};
static const struct statement TENANT_INSERT = {
    "tenant_insert",
    "INSERT INTO tenants (id, slug, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (slug) DO NOTHING",
    4,
};

const struct statement *const TENANT_STATEMENTS[] = { &TENANT_BY_SLUG, &TENANT_INSERT, NULL };

struct find {
    struct dw_str slug;
    struct tenant *tenant;
};

static enum dw_err read_tenant(const struct row *row, void *argument)
{
    struct tenant *tenant = argument;
    const struct dw_str id = row_text(row, 0), slug = row_text(row, 1);

    if (id.len >= sizeof(tenant->id) || slug.len >= sizeof(tenant->slug))
        return DW_ERR_DATABASE;
    *tenant = (struct tenant){ .is_active = row_bool(row, 2) };
    memcpy(tenant->id, id.ptr, id.len);
    memcpy(tenant->slug, slug.ptr, slug.len);
    return DW_OK;
}

static enum dw_err find(struct transaction *tx, void *argument)
{
    struct find *f = argument;

    return sql_one(tx, &TENANT_BY_SLUG, VALUES(V_TEXT(f->slug)), read_tenant, f->tenant);
}

enum dw_err tenant_find(struct identity *identity, struct dw_str slug, struct tenant *ret_tenant)
{
    struct tenant tenant;
    struct find f = { .slug = slug.ptr ? slug : DW_STR(TENANT_DEFAULT), .tenant = &tenant };

    TRY(storage_read(identity->storage, find, &f));
    *ret_tenant = tenant;
    return DW_OK;
}

static enum dw_err insert_default(struct transaction *tx, void *argument)
{
    char id[DW_UUID_SIZE];

    (void)argument;
    dw_uuid7(id);
    return sql_exec(tx, &TENANT_INSERT,
                    VALUES(V_CSTR(id), V_CSTR(TENANT_DEFAULT), V_CSTR("Default"), V_INT(dw_clock_now_s())), NULL);
}

enum dw_err tenant_ensure_default(struct identity *identity)
{
    struct tenant tenant;
    const enum dw_err err = tenant_find(identity, DW_STR(TENANT_DEFAULT), &tenant);

    return err == DW_ERR_NOT_FOUND ? storage_write(identity->storage, insert_default, NULL) : err;
}
