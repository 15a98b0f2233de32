#include "identity/custom_role.h"

#include "base/buffer.h"
#include "identity/audit.h"
#include "identity/node.h"

const char CUSTOM_ROLE_TABLES[] =
    "CREATE TABLE roles ("
    " tenant_id TEXT NOT NULL REFERENCES tenants(id),"
    " name TEXT NOT NULL,"
    " permissions TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " PRIMARY KEY (tenant_id, name));";

static const struct statement ROLE_LIST = {
    "role_list", "SELECT name, permissions FROM roles WHERE tenant_id = $1 ORDER BY name", 1,
};
/* Inserts nothing past the tenant's limit. */
static const struct statement ROLE_INSERT = {
    "role_insert",
    "INSERT INTO roles (tenant_id, name, permissions, created_at, updated_at) SELECT $1, $2, $3, CAST($4 AS BIGINT),"
    " CAST($4 AS BIGINT)"
    " WHERE (SELECT COUNT(*) FROM roles WHERE tenant_id = $1) < $5",
    5,
};
static const struct statement ROLE_UPDATE = {
    "role_update", "UPDATE roles SET permissions = $3, updated_at = $4 WHERE tenant_id = $1 AND name = $2", 4,
};
static const struct statement ROLE_DELETE = {
    "role_delete", "DELETE FROM roles WHERE tenant_id = $1 AND name = $2", 2,
};
static const struct statement ROLE_IN_USE = {
    "role_in_use", "SELECT 1 FROM users WHERE tenant_id = $1 AND role = $2 LIMIT 1", 2,
};
/* An UPDATE that changes nothing, so that its row is held until the commit. */
static const struct statement ROLE_HOLD = {
    "role_hold", "UPDATE roles SET name = name WHERE tenant_id = $1 AND name = $2", 2,
};
static const struct statement ROLE_FIND = {
    "role_find", "SELECT name, permissions FROM roles WHERE tenant_id = $1 AND name = $2", 2,
};
static const struct statement USER_PERMISSIONS = {
    "user_permissions", "UPDATE users SET permissions = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2", 4,
};

const struct statement *const CUSTOM_ROLE_STATEMENTS[] = {
    &ROLE_LIST, &ROLE_INSERT, &ROLE_UPDATE,      &ROLE_DELETE, &ROLE_IN_USE,
    &ROLE_HOLD, &ROLE_FIND,   &USER_PERMISSIONS, NULL,
};

/* --- names ------------------------------------------------------------------------------------------------------ */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_word(struct dw_str s)
{
    if (s.len == 0 || s.len > IDENTITY_NAME_MAX || !is_lower(s.ptr[0]))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_lower(s.ptr[i]) && !(s.ptr[i] >= '0' && s.ptr[i] <= '9') && s.ptr[i] != '_' && s.ptr[i] != '-')
            return false;
    return true;
}

bool role_is_name(struct dw_str name)
{
    return is_word(name);
}

bool permission_is_name(struct dw_str name)
{
    size_t words = 0;

    if (name.len > IDENTITY_NAME_MAX)
        return false;
    for (size_t start = 0, i = 0; i <= name.len; i++) {
        if (i < name.len && name.ptr[i] != ':')
            continue;
        if (!is_word(dw_str_n(name.ptr + start, i - start)))
            return false;
        words++;
        start = i + 1;
    }
    return words > 1;
}

enum dw_err permissions_join(const struct dw_str *names, size_t n, size_t max_bytes, struct dw_arena *arena,
                             struct dw_str *ret_permissions)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(max_bytes);

    for (size_t i = 0; i < n; i++) {
        if (!permission_is_name(names[i]))
            return DW_ERR_VALIDATION;
        if (b.len > 0 && dw_str_list_has(buffer_str(&b), names[i]))
            continue;
        if (b.len > 0)
            buffer_append_char(&b, ' ');
        buffer_append(&b, names[i]);
    }
    if (buffer_error(&b) == DW_ERR_LIMIT)
        return DW_ERR_VALIDATION;
    TRY(buffer_error(&b));
    const struct dw_str joined = dw_arena_copy(arena, b.len > 0 ? buffer_str(&b) : DW_STR(""));

    if (joined.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_permissions = joined;
    return DW_OK;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

struct listing {
    const struct tenant *tenant;
    struct dw_arena *arena;
    struct custom_role *roles;
    size_t n, capacity;
};

static enum dw_err list_row(const struct row *row, void *argument)
{
    struct listing *l = argument;

    if (l->n == l->capacity)
        return DW_ERR_LIMIT;
    struct custom_role *role = &l->roles[l->n++];

    *role = (struct custom_role){ .name = dw_arena_copy(l->arena, row_text(row, 0)),
                                  .permissions = dw_arena_copy(l->arena, row_text(row, 1)) };
    return role->name.ptr != NULL && role->permissions.ptr != NULL ? DW_OK : DW_ERR_NO_MEMORY;
}

static enum dw_err list(struct transaction *tx, void *argument)
{
    struct listing *l = argument;

    return sql_each(tx, &ROLE_LIST, VALUES(V_CSTR(l->tenant->id)), list_row, l, NULL);
}

enum dw_err custom_role_list(struct identity *identity, const struct tenant *tenant, struct dw_arena *arena,
                             struct custom_role **ret_roles, size_t *ret_n)
{
    struct listing l = { .tenant = tenant, .arena = arena, .capacity = ROLES_MAX };

    for (const struct role *r = ROLES; r->name != NULL; r++)
        l.capacity++;
    l.roles = dw_arena_alloc(arena, l.capacity * sizeof(*l.roles));
    if (l.roles == NULL)
        return DW_ERR_NO_MEMORY;
    for (const struct role *r = ROLES; r->name != NULL; r++)
        l.roles[l.n++] = (struct custom_role){ dw_str(r->name), dw_str(r->permissions), true };
    TRY(storage_read(identity->storage, list, &l));
    *ret_roles = l.roles;
    *ret_n = l.n;
    return DW_OK;
}

struct finding {
    const struct tenant *tenant;
    struct dw_str name;
    struct listing listing;
};

static enum dw_err find(struct transaction *tx, void *argument)
{
    struct finding *f = argument;

    f->listing.n = 0;
    return sql_one(tx, &ROLE_FIND, VALUES(V_CSTR(f->tenant->id), V_TEXT(f->name)), list_row, &f->listing);
}

enum dw_err custom_role_find(struct identity *identity, const struct tenant *tenant, struct dw_str name,
                             struct dw_arena *arena, struct custom_role *ret_role)
{
    const struct role *built_in = role_find(name);
    struct custom_role role = { .built_in = true };
    struct finding f = { tenant, name, { .arena = arena, .roles = &role, .capacity = 1 } };

    if (built_in != NULL)
        role = (struct custom_role){ dw_str(built_in->name), dw_str(built_in->permissions), true };
    else
        TRY(storage_read(identity->storage, find, &f));
    *ret_role = role;
    return DW_OK;
}

/* --- changing --------------------------------------------------------------------------------------------------- */

struct role_change {
    struct identity *identity;
    const struct tenant *tenant;
    const struct actor *actor;
    struct dw_str name; /* of the role, or the user's id */
    struct dw_str permissions;
    struct dw_arena *arena;
    struct user user;
};

enum dw_err custom_role_check_in(struct transaction *tx, const struct tenant *tenant, struct dw_str name)
{
    int64_t held = 0;

    if (role_find(name) != NULL)
        return DW_OK;
    TRY(sql_exec(tx, &ROLE_HOLD, VALUES(V_CSTR(tenant->id), V_TEXT(name)), &held));
    return held == 1 ? DW_OK : DW_ERR_VALIDATION;
}

static enum dw_err audit(struct transaction *tx, const struct role_change *c, enum audit_action action)
{
    const struct audit_event event = { .action = action, .tenant_id = c->tenant->id, .actor = c->actor->id,
                                       .target = c->name, .address = c->actor->address, .detail = c->permissions };

    return audit_append(tx, &event);
}

static enum dw_err apply_create(struct transaction *tx, void *argument)
{
    const struct role_change *c = argument;
    int64_t changes = 0;
    const enum dw_err err = sql_exec(tx, &ROLE_INSERT,
                                     VALUES(V_CSTR(c->tenant->id), V_TEXT(c->name), V_TEXT(c->permissions),
                                            V_INT(dw_clock_now_s()), V_INT(ROLES_MAX)),
                                     &changes);

    if (err == DW_ERR_CONSTRAINT)
        return DW_ERR_ROLE_TAKEN;
    TRY(err);
    return changes == 1 ? audit(tx, c, AUDIT_ROLE_CREATED) : DW_ERR_ROLE_LIMIT;
}

enum dw_err custom_role_create(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                               const struct custom_role *role)
{
    struct role_change c = { identity, tenant, actor, role->name, role->permissions, NULL, { { 0 } } };

    if (!role_is_name(role->name))
        return DW_ERR_VALIDATION;
    return role_find(role->name) != NULL ? DW_ERR_ROLE_TAKEN : identity_write_as(identity, actor, apply_create, &c);
}

static enum dw_err apply_change(struct transaction *tx, void *argument)
{
    const struct role_change *c = argument;
    int64_t changes = 0;

    TRY(sql_exec(tx, &ROLE_UPDATE,
                 VALUES(V_CSTR(c->tenant->id), V_TEXT(c->name), V_TEXT(c->permissions), V_INT(dw_clock_now_s())),
                 &changes));
    if (changes == 0)
        return DW_ERR_NOT_FOUND;
    TRY(identity_announce(tx, c->identity, CHANGE_USERS, DW_STR("")));
    return audit(tx, c, AUDIT_ROLE_UPDATED);
}

enum dw_err custom_role_update(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                               const struct custom_role *role)
{
    struct role_change c = { identity, tenant, actor, role->name, role->permissions, NULL, { { 0 } } };

    if (role_find(role->name) != NULL)
        return DW_ERR_ROLE_BUILT_IN;
    TRY(identity_write_as(identity, actor, apply_change, &c));
    /* Of its users there may be many: cheaper to read all of them anew than to name each. */
    identity_publish(identity, CHANGE_USERS, DW_STR(""));
    return DW_OK;
}

static enum dw_err apply_deletion(struct transaction *tx, void *argument)
{
    const struct role_change *c = argument;
    int64_t changes = 0;

    TRY(sql_exec(tx, &ROLE_DELETE, VALUES(V_CSTR(c->tenant->id), V_TEXT(c->name)), &changes));
    if (changes == 0)
        return DW_ERR_NOT_FOUND;
    const enum dw_err err = sql_finds(tx, &ROLE_IN_USE, VALUES(V_CSTR(c->tenant->id), V_TEXT(c->name)));

    if (err == DW_OK)
        return DW_ERR_ROLE_IN_USE; /* undoes the deletion */
    return err == DW_ERR_NOT_FOUND ? audit(tx, c, AUDIT_ROLE_DELETED) : err;
}

enum dw_err custom_role_delete(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                               struct dw_str name)
{
    struct role_change c = { .identity = identity, .tenant = tenant, .actor = actor, .name = name };

    return role_find(name) != NULL ? DW_ERR_ROLE_BUILT_IN : identity_write_as(identity, actor, apply_deletion, &c);
}

static enum dw_err apply_permissions(struct transaction *tx, void *argument)
{
    struct role_change *c = argument;
    int64_t changes = 0;

    TRY(sql_exec(tx, &USER_PERMISSIONS,
                 VALUES(V_CSTR(c->tenant->id), V_TEXT(c->name), V_TEXT(c->permissions), V_INT(dw_clock_now_s())),
                 &changes));
    if (changes == 0)
        return DW_ERR_NOT_FOUND;
    TRY(identity_announce(tx, c->identity, CHANGE_USER, c->name));
    TRY(audit(tx, c, AUDIT_PERMISSIONS_CHANGED));
    return user_load(tx, c->name, c->arena, &c->user);
}

enum dw_err user_set_permissions(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                 struct dw_str id, struct dw_str permissions, struct dw_arena *arena,
                                 struct user *ret_user)
{
    struct role_change c = { identity, tenant, actor, id, permissions, arena, { { 0 } } };

    TRY(identity_write_as(identity, actor, apply_permissions, &c));
    identity_publish(identity, CHANGE_USER, id);
    *ret_user = c.user;
    return DW_OK;
}
