#include "identity/user_import.h"

#include "identity/audit.h"
#include "identity/custom_role.h"

enum { FULL_NAME_MAX_BYTES = 1024 };

static const struct statement IMPORT_INSERT = {
    "import_insert",
    "INSERT INTO users (id, tenant_id, username, username_key, email, email_key, email_verified, full_name, is_active,"
    " role, permissions, password_hash, token_version, mfa_enabled, created_at, updated_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', $11, 1, 0, $12, $12) ON CONFLICT DO NOTHING",
    12,
};

const struct statement *const USER_IMPORT_STATEMENTS[] = { &IMPORT_INSERT, NULL };

struct importing {
    const struct actor *actor;
    struct user_import *rows;
    size_t n;
    struct dw_arena *arena;
};

static bool is_text(struct dw_str text, size_t max)
{
    return text.len <= max && dw_str_is_utf8(text) && (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL);
}

static enum dw_err insert_row(struct transaction *tx, const struct importing *i, const struct user_import *row)
{
    char id[DW_UUID_SIZE];
    struct dw_str name_key, email, email_key;
    struct dw_password_info info;
    int64_t changes = 0;
    const struct dw_str role = row->role.len > 0 ? row->role : DW_STR(ROLE_USER);

    TRY(user_key_of_name(row->username, i->arena, &name_key));
    TRY(user_key_of_email(row->email, i->arena, &email, &email_key));
    if (!is_text(row->full_name, FULL_NAME_MAX_BYTES))
        return DW_ERR_VALIDATION;
    TRY(dw_password_info(row->password_hash, &info));
    const enum dw_err err = custom_role_check_in(tx, &row->tenant, role);

    if (err != DW_OK)
        return err == DW_ERR_VALIDATION ? DW_ERR_ROLE : err;
    dw_uuid7(id);
    TRY(user_check_address(tx, &row->tenant, email_key, dw_str(id)));
    TRY(sql_exec(tx, &IMPORT_INSERT,
                 VALUES(V_CSTR(id), V_CSTR(row->tenant.id), V_TEXT(row->username), V_TEXT(name_key), V_TEXT(email),
                        V_TEXT(email_key), V_INT(row->email_verified),
                        V_TEXT(row->full_name.len > 0 ? row->full_name : dw_str_n(NULL, 0)), V_INT(row->is_active),
                        V_TEXT(role), V_TEXT(row->password_hash), V_INT(dw_clock_now_s())),
                 &changes));
    if (changes == 0)
        return DW_ERR_USER_TAKEN;
    const struct audit_event event = { .action = AUDIT_USER_IMPORTED, .tenant_id = row->tenant.id,
                                       .actor = i->actor->id, .target = dw_str(id), .address = i->actor->address };

    return audit_append(tx, &event);
}

/* What is the row's fault, as against ours. */
static bool is_refusal(enum dw_err err)
{
    return err == DW_ERR_USER_TAKEN || err == DW_ERR_VALIDATION || err == DW_ERR_ROLE || err == DW_ERR_PASSWORD_FORMAT;
}

static enum dw_err import_rows(struct transaction *tx, void *argument)
{
    struct importing *i = argument;

    for (size_t r = 0; r < i->n; r++) {
        if (i->rows[r].is_skipped)
            continue;
        const enum dw_err err = insert_row(tx, i, &i->rows[r]);

        if (err != DW_OK && !is_refusal(err))
            return err;
        i->rows[r].refusal = err;
    }
    return DW_OK;
}

enum dw_err user_import(struct identity *identity, const struct actor *actor, struct user_import *rows, size_t n,
                        struct dw_arena *arena)
{
    struct importing i = { actor, rows, n, arena };

    /* The write may run again: what it refused the first time is no reason to leave a row out the second time. */
    for (size_t r = 0; r < n; r++)
        rows[r].is_skipped = rows[r].refusal != DW_OK;
    return storage_write(identity->storage, import_rows, &i);
}
