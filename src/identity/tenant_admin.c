#include "identity/tenant_admin.h"

#include "identity/audit.h"
#include "identity/node.h"

const char TENANT_STATE_COLUMN[] = "ALTER TABLE tenants ADD COLUMN is_active INTEGER NOT NULL DEFAULT 1;";

#define TENANT_COLUMNS "id, slug, name, is_active, created_at"

static const struct statement TENANT_LIST = {
    "tenant_list", "SELECT " TENANT_COLUMNS " FROM tenants WHERE id > $1 ORDER BY id LIMIT $2", 2,
};
static const struct statement TENANT_BY_ID = {
    "tenant_by_id", "SELECT " TENANT_COLUMNS " FROM tenants WHERE id = $1", 1,
};
static const struct statement TENANT_MAKE = {
    "tenant_make", "INSERT INTO tenants (id, slug, name, created_at) VALUES ($1, $2, $3, $4)", 4,
};
static const struct statement TENANT_CHANGE = {
    "tenant_change",
    "UPDATE tenants SET name = COALESCE($2, name), is_active = CASE WHEN $3 < 0 THEN is_active ELSE $3 END"
    " WHERE id = $1",
    3,
};

const struct statement *const TENANT_ADMIN_STATEMENTS[] = {
    &TENANT_LIST, &TENANT_BY_ID, &TENANT_MAKE, &TENANT_CHANGE, NULL,
};

/* --- reading ---------------------------------------------------------------------------------------------------- */

struct listing {
    struct dw_str after;
    unsigned limit;
    struct dw_arena *arena;
    struct tenant_page page;
};

static enum dw_err read_record(const struct row *row, struct dw_arena *arena, struct tenant_record *ret_tenant)
{
    const struct tenant_record tenant = {
        .id = dw_arena_copy(arena, row_text(row, 0)), .slug = dw_arena_copy(arena, row_text(row, 1)),
        .name = dw_arena_copy(arena, row_text(row, 2)), .is_active = row_bool(row, 3), .created_at = row_int(row, 4),
    };

    if (tenant.id.ptr == NULL || tenant.slug.ptr == NULL || tenant.name.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_tenant = tenant;
    return DW_OK;
}

static enum dw_err list_row(const struct row *row, void *argument)
{
    struct listing *l = argument;

    if (l->page.n == l->limit) {
        l->page.has_more = true;
        return DW_OK;
    }
    return read_record(row, l->arena, &l->page.tenants[l->page.n++]);
}

static enum dw_err list(struct transaction *tx, void *argument)
{
    struct listing *l = argument;

    return sql_each(tx, &TENANT_LIST,
                    VALUES(V_TEXT(l->after.ptr ? l->after : DW_STR("")), V_INT((int64_t)l->limit + 1)), list_row, l,
                    NULL);
}

enum dw_err tenant_list(struct identity *identity, struct dw_str after, unsigned limit, struct dw_arena *arena,
                        struct tenant_page *ret_page)
{
    struct listing l = { .after = after, .limit = limit, .arena = arena };

    l.page.tenants = dw_arena_alloc(arena, limit * sizeof(*l.page.tenants));
    if (l.page.tenants == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(storage_read(identity->storage, list, &l));
    *ret_page = l.page;
    return DW_OK;
}

struct tenant_write {
    struct identity *identity;
    const struct tenant *operators;
    const struct actor *actor;
    struct dw_str id, slug, name;
    int is_active;
    struct dw_arena *arena;
    struct tenant_record tenant;
};

static enum dw_err one_row(const struct row *row, void *argument)
{
    struct tenant_write *w = argument;

    return read_record(row, w->arena, &w->tenant);
}

static enum dw_err load(struct transaction *tx, void *argument)
{
    struct tenant_write *w = argument;

    return sql_one(tx, &TENANT_BY_ID, VALUES(V_TEXT(w->id)), one_row, w);
}

enum dw_err tenant_get(struct identity *identity, struct dw_str id, struct dw_arena *arena,
                       struct tenant_record *ret_tenant)
{
    struct tenant_write w = { .id = id, .arena = arena };

    TRY(storage_read(identity->storage, load, &w));
    *ret_tenant = w.tenant;
    return DW_OK;
}

/* --- changing --------------------------------------------------------------------------------------------------- */

static enum dw_err audit(struct transaction *tx, const struct tenant_write *w, enum audit_action action)
{
    const struct audit_event event = { .action = action, .tenant_id = w->operators->id, .actor = w->actor->id,
                                       .target = w->id, .address = w->actor->address, .detail = w->tenant.slug };

    return audit_append(tx, &event);
}

static enum dw_err apply_create(struct transaction *tx, void *argument)
{
    struct tenant_write *w = argument;
    const enum dw_err err =
        sql_exec(tx, &TENANT_MAKE,
                 VALUES(V_TEXT(w->id), V_TEXT(w->slug), V_TEXT(w->name), V_INT(dw_clock_now_s())), NULL);

    if (err == DW_ERR_CONSTRAINT)
        return DW_ERR_TENANT_TAKEN;
    TRY(err);
    TRY(load(tx, w));
    return audit(tx, w, AUDIT_TENANT_CREATED);
}

enum dw_err tenant_create(struct identity *identity, const struct tenant *operators, const struct actor *actor,
                          struct dw_str slug, struct dw_str name, struct dw_arena *arena,
                          struct tenant_record *ret_tenant)
{
    char id[DW_UUID_SIZE];
    struct tenant_write w = { .identity = identity, .operators = operators, .actor = actor, .id = dw_str_n(id, 36),
                              .slug = slug, .name = name, .arena = arena };

    dw_uuid7(id);
    TRY(identity_write_as(identity, actor, apply_create, &w));
    *ret_tenant = w.tenant;
    return DW_OK;
}

static enum dw_err apply_update(struct transaction *tx, void *argument)
{
    struct tenant_write *w = argument;

    TRY(load(tx, w));
    const bool was_active = w->tenant.is_active;

    if (w->is_active == 0 && dw_str_eq(w->tenant.slug, DW_STR(TENANT_DEFAULT)))
        return DW_ERR_TENANT_DEFAULT;
    TRY(sql_exec(tx, &TENANT_CHANGE, VALUES(V_TEXT(w->id), V_TEXT(w->name), V_INT(w->is_active)), NULL));
    TRY(load(tx, w));
    TRY(identity_announce(tx, w->identity, CHANGE_USERS, DW_STR("")));
    if (was_active && !w->tenant.is_active)
        return audit(tx, w, AUDIT_TENANT_DISABLED);
    return audit(tx, w, !was_active && w->tenant.is_active ? AUDIT_TENANT_ENABLED : AUDIT_TENANT_UPDATED);
}

enum dw_err tenant_update(struct identity *identity, const struct tenant *operators, const struct actor *actor,
                          struct dw_str id, const struct tenant_change *change, struct dw_arena *arena,
                          struct tenant_record *ret_tenant)
{
    struct tenant_write w = { .identity = identity, .operators = operators, .actor = actor, .id = id,
                              .name = change->name, .is_active = change->is_active, .arena = arena };

    TRY(identity_write_as(identity, actor, apply_update, &w));
    identity_publish(identity, CHANGE_USERS, DW_STR(""));
    *ret_tenant = w.tenant;
    return DW_OK;
}
