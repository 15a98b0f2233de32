#include "identity/user.h"

#include "base/buffer.h"
#include "base/email.h"
#include "identity/role.h"

#define FROM_USERS " FROM users u JOIN tenants t ON t.id = u.tenant_id "

static const struct statement USER_BY_ID = {
    "user_by_id", "SELECT " USER_COLUMNS FROM_USERS "WHERE u.tenant_id = $1 AND u.id = $2", 2,
};
static const struct statement USER_LOAD = {
    "user_load", "SELECT " USER_COLUMNS FROM_USERS "WHERE u.id = $1", 1,
};
static const struct statement USER_BY_NAME = {
    "user_by_name", "SELECT " USER_COLUMNS FROM_USERS "WHERE u.tenant_id = $1 AND u.username_key = $2", 2,
};
static const struct statement USER_BY_EMAIL = {
    "user_by_email", "SELECT " USER_COLUMNS FROM_USERS "WHERE u.tenant_id = $1 AND u.email_key = $2", 2,
};
#define LISTED_USERS                                                                                                   \
    "SELECT " USER_COLUMNS FROM_USERS                                                                                  \
    "WHERE u.tenant_id = $1 AND u.id > $2"                                                                             \
    " AND (CAST($3 AS TEXT) IS NULL OR u.username_key LIKE $3 ESCAPE '!' OR u.email_key LIKE $3 ESCAPE '!')"           \
    " AND ($4 < 0 OR u.is_active = $4)"
static const struct statement USER_LIST = { "user_list", LISTED_USERS " ORDER BY u.id LIMIT $5", 5 };
static const struct statement USER_LIST_OF_ROLE = {
    "user_list_of_role", LISTED_USERS " AND u.role = $6 ORDER BY u.id LIMIT $5", 6,
};
static const struct statement USER_ROLE_EXISTS = {
    "user_role_exists", "SELECT 1 FROM users WHERE tenant_id = $1 AND role = $2 LIMIT 1", 2,
};

extern const struct statement USER_INSERT, USER_UPDATE, USER_DELETE, USER_OTHER_ADMIN, USER_HOLDS_ADDRESS;

const struct statement *const USER_STATEMENTS[] = {
    &USER_BY_ID, &USER_LOAD, &USER_BY_NAME, &USER_BY_EMAIL, &USER_LIST, &USER_LIST_OF_ROLE, &USER_ROLE_EXISTS,
    &USER_INSERT, &USER_UPDATE, &USER_DELETE, &USER_OTHER_ADMIN, &USER_HOLDS_ADDRESS, NULL,
};

/* --- keys ------------------------------------------------------------------------------------------------------- */

/* ASCII lower case; bytes past ASCII stay: SQL's look-up is by this key alone. */
static struct dw_str lower(struct dw_arena *arena, struct dw_str s)
{
    const struct dw_str copy = dw_arena_copy(arena, s);
    char *p = (char *)copy.ptr;

    for (size_t i = 0; p != NULL && i < copy.len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] | 0x20);
    return copy;
}

enum dw_err user_key_of_name(struct dw_str username, struct dw_arena *arena, struct dw_str *ret_key)
{
    if (username.len == 0 || username.len > IDENTITY_NAME_MAX)
        return DW_ERR_VALIDATION;
    for (size_t i = 0; i < username.len; i++) {
        const char c = username.ptr[i];
        const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        /* No '@': a name must never be able to look like somebody's address. */
        if (!is_word && (i == 0 || (c != '.' && c != '_' && c != '-')) && c != '_')
            return DW_ERR_VALIDATION;
    }
    const struct dw_str key = lower(arena, username);

    if (key.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_key = key;
    return DW_OK;
}

enum dw_err user_key_of_email(struct dw_str email, struct dw_arena *arena, struct dw_str *ret_email,
                              struct dw_str *ret_key)
{
    const struct email_options options = { .allow_special_domains = true };
    struct email parsed;

    TRY(email_parse(arena, email, &options, &parsed));
    const struct dw_str key = lower(arena, parsed.normalized);

    if (key.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_email = parsed.normalized;
    *ret_key = key;
    return DW_OK;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

enum dw_err user_read_row(const struct row *row, struct dw_arena *arena, struct user *ret_user)
{
    struct user user = {
        .id = dw_arena_copy(arena, row_text(row, 0)),
        .tenant_id = dw_arena_copy(arena, row_text(row, 1)),
        .tenant = dw_arena_copy(arena, row_text(row, 2)),
        .username = dw_arena_copy(arena, row_text(row, 3)),
        .email = dw_arena_copy(arena, row_text(row, 4)),
        .email_verified = row_bool(row, 5),
        .full_name = dw_arena_copy(arena, row_text(row, 6)),
        .is_active = row_bool(row, 7) && row_bool(row, 15),
        .is_enabled = row_bool(row, 7),
        .role = dw_arena_copy(arena, row_text(row, 8)),
        .direct_permissions = dw_arena_copy(arena, row_text(row, 9)),
        .token_version = row_int(row, 10),
        .mfa_enabled = row_bool(row, 11),
        .created_at = row_int(row, 12),
        .last_login_at = row_is_null(row, 13) ? -1 : row_int(row, 13),
    };

    if (!user.id.ptr || !user.tenant_id.ptr || !user.tenant.ptr || !user.username.ptr || !user.email.ptr ||
        !user.role.ptr || !user.direct_permissions.ptr || (!user.full_name.ptr && !row_is_null(row, 6)))
        return DW_ERR_NO_MEMORY;
    TRY(role_permissions(user.role, row_text(row, 14), user.direct_permissions, arena, &user.permissions));
    *ret_user = user;
    return DW_OK;
}

static const size_t STRINGS[] = {
    offsetof(struct user, id),       offsetof(struct user, tenant_id), offsetof(struct user, tenant),
    offsetof(struct user, username), offsetof(struct user, email),     offsetof(struct user, full_name),
    offsetof(struct user, role),     offsetof(struct user, direct_permissions),
    offsetof(struct user, permissions),
};

size_t user_packed_size(const struct user *user)
{
    size_t size = sizeof(*user);

    for (size_t i = 0; i < ARRAY_SIZE(STRINGS); i++)
        size += ((const struct dw_str *)(const void *)((const char *)user + STRINGS[i]))->len;
    return size;
}

struct user *user_pack(const struct user *user, void *memory)
{
    struct user *copy = memory;
    char *text = (char *)memory + sizeof(*copy);

    *copy = *user;
    for (size_t i = 0; i < ARRAY_SIZE(STRINGS); i++) {
        struct dw_str *s = (struct dw_str *)(void *)((char *)copy + STRINGS[i]);

        if (s->ptr == NULL)
            continue;
        memcpy(text, s->ptr, s->len);
        s->ptr = text;
        text += s->len;
    }
    return copy;
}

struct read_one {
    const struct statement *statement;
    const struct value *values;
    struct dw_arena *arena;
    struct user *user;
};

static enum dw_err one_row(const struct row *row, void *argument)
{
    struct read_one *one = argument;

    return user_read_row(row, one->arena, one->user);
}

static enum dw_err read_one(struct transaction *tx, void *argument)
{
    struct read_one *one = argument;

    return sql_one(tx, one->statement, one->values, one_row, one);
}

enum dw_err user_load(struct transaction *tx, struct dw_str id, struct dw_arena *arena, struct user *ret_user)
{
    struct user user;
    struct read_one one = { &USER_LOAD, VALUES(V_TEXT(id)), arena, &user };

    TRY(read_one(tx, &one));
    *ret_user = user;
    return DW_OK;
}

enum dw_err user_load_of(struct transaction *tx, const struct tenant *tenant, struct dw_str id, struct dw_arena *arena,
                         struct user *ret_user)
{
    struct user user;
    struct read_one one = { &USER_BY_ID, VALUES(V_CSTR(tenant->id), V_TEXT(id)), arena, &user };

    TRY(read_one(tx, &one));
    *ret_user = user;
    return DW_OK;
}

enum dw_err user_get(struct identity *identity, const struct tenant *tenant, struct dw_str id, struct dw_arena *arena,
                     struct user *ret_user)
{
    struct user user;
    struct read_one one = { &USER_BY_ID, VALUES(V_CSTR(tenant->id), V_TEXT(id)), arena, &user };

    TRY(storage_read(identity->storage, read_one, &one));
    *ret_user = user;
    return DW_OK;
}

enum dw_err user_find(struct identity *identity, const struct tenant *tenant, struct dw_str login,
                      struct dw_arena *arena, struct user *ret_user)
{
    struct dw_str key, address;
    struct user user;
    const bool is_email = login.len > 0 && memchr(login.ptr, '@', login.len) != NULL;
    const enum dw_err err = is_email ? user_key_of_email(login, arena, &address, &key)
                                     : user_key_of_name(login, arena, &key);

    if (err == DW_ERR_VALIDATION)
        return DW_ERR_NOT_FOUND;
    TRY(err);
    struct read_one one = { is_email ? &USER_BY_EMAIL : &USER_BY_NAME, VALUES(V_CSTR(tenant->id), V_TEXT(key)), arena,
                            &user };

    TRY(storage_read(identity->storage, read_one, &one));
    *ret_user = user;
    return DW_OK;
}

/* --- lists ------------------------------------------------------------------------------------------------------ */

struct list {
    const struct tenant *tenant;
    const struct user_filter *filter;
    struct dw_str pattern;
    struct dw_arena *arena;
    struct user_page page;
};

static enum dw_err list_row(const struct row *row, void *argument)
{
    struct list *list = argument;

    if (list->page.n == list->filter->limit) {
        list->page.has_more = true;
        return DW_OK;
    }
    return user_read_row(row, list->arena, &list->page.users[list->page.n++]);
}

static enum dw_err read_list(struct transaction *tx, void *argument)
{
    struct list *list = argument;
    const struct user_filter *f = list->filter;

    /* One more than asked for tells whether there is a next page. */
    return sql_each(tx, f->role.ptr != NULL ? &USER_LIST_OF_ROLE : &USER_LIST,
                    VALUES(V_CSTR(list->tenant->id), V_TEXT(f->after.ptr ? f->after : DW_STR("")),
                           V_TEXT(list->pattern), V_INT(f->is_active), V_INT((int64_t)f->limit + 1), V_TEXT(f->role)),
                    list_row, list, NULL);
}

/* %part% with LIKE's own characters escaped; absent stays absent. */
static enum dw_err like_pattern(struct dw_str part, struct dw_arena *arena, struct dw_str *ret_pattern)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(1024);

    if (part.len == 0)
        return DW_OK;
    buffer_append_char(&b, '%');
    for (size_t i = 0; i < part.len; i++) {
        if (strchr("%_!", part.ptr[i]) != NULL)
            buffer_append_char(&b, '!');
        buffer_append_char(&b, part.ptr[i]);
    }
    buffer_append_char(&b, '%');
    TRY(buffer_error(&b));
    *ret_pattern = lower(arena, buffer_str(&b));
    return ret_pattern->ptr ? DW_OK : DW_ERR_NO_MEMORY;
}

enum dw_err user_list(struct identity *identity, const struct tenant *tenant, const struct user_filter *filter,
                      struct dw_arena *arena, struct user_page *ret_page)
{
    struct list list = { .tenant = tenant, .filter = filter, .arena = arena };

    if (filter->limit < 1 || filter->limit > 100)
        return DW_ERR_ARGUMENT;
    TRY(like_pattern(filter->query, arena, &list.pattern));
    list.page.users = dw_arena_alloc(arena, filter->limit * sizeof(struct user));
    if (list.page.users == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(storage_read(identity->storage, read_list, &list));
    *ret_page = list.page;
    return DW_OK;
}

struct role_exists {
    const struct tenant *tenant;
    struct dw_str role;
};

static enum dw_err read_role_exists(struct transaction *tx, void *argument)
{
    struct role_exists *q = argument;

    return sql_finds(tx, &USER_ROLE_EXISTS, VALUES(V_CSTR(q->tenant->id), V_TEXT(q->role)));
}

enum dw_err user_role_exists(struct identity *identity, const struct tenant *tenant, struct dw_str role,
                             bool *ret_exists)
{
    struct role_exists q = { tenant, role };
    const enum dw_err err = storage_read(identity->storage, read_role_exists, &q);

    if (err != DW_OK && err != DW_ERR_NOT_FOUND)
        return err;
    *ret_exists = err == DW_OK;
    return DW_OK;
}
