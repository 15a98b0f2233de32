#include "identity/session_sql.h"

#include "identity/session.h"

/* NULL: by the password alone. */
const char SECOND_FACTOR_COLUMN[] = "ALTER TABLE refresh_families ADD COLUMN mfa_at BIGINT;";

const struct statement FAMILY_INSERT = {
    "family_insert",
    "INSERT INTO refresh_families (id, user_id, client_id, scope, created_at, last_used_at, expires_at, address,"
    " user_agent, mfa_at) VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9)",
    9,
};
const struct statement FAMILY_TOUCH = {
    "family_touch", "UPDATE refresh_families SET last_used_at = $2, expires_at = $3 WHERE id = $1", 3,
};
const struct statement FAMILY_END = {
    "family_end",
    "UPDATE refresh_families SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
    3,
};
const struct statement FAMILY_END_ALL = {
    "family_end_all",
    "UPDATE refresh_families SET revoked_at = $3 WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL RETURNING id",
    3,
};
/* All but the newest $2. */
const struct statement FAMILY_END_OLDEST = {
    "family_end_oldest",
    "UPDATE refresh_families SET revoked_at = $3 WHERE id IN (SELECT id FROM refresh_families WHERE user_id = $1"
    " AND revoked_at IS NULL AND expires_at > $3 ORDER BY id DESC LIMIT 1000 OFFSET $2) RETURNING id",
    3,
};
const struct statement TOKEN_INSERT = {
    "token_insert",
    "INSERT INTO refresh_tokens (token_hash, family_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
    4,
};
/* The one statement that decides who wins: it can change the row once. */
const struct statement TOKEN_SPEND = {
    "token_spend",
    "UPDATE refresh_tokens SET spent_at = $1 WHERE token_hash = $2 AND family_id = $3 AND spent_at IS NULL"
    " AND expires_at > $1 AND EXISTS (SELECT 1 FROM refresh_families f"
    " WHERE f.id = $3 AND f.client_id = $4 AND f.revoked_at IS NULL)",
    4,
};
const struct statement DENIAL_INSERT = {
    "denial_insert",
    "INSERT INTO denials (id, created_at, expires_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
    3,
};
const struct statement USER_SIGNED_IN = {
    "user_signed_in", "UPDATE users SET last_login_at = $2 WHERE id = $1", 2,
};
const struct statement USER_NEXT_VERSION = {
    "user_next_version", "UPDATE users SET token_version = token_version + 1 WHERE tenant_id = $1 AND id = $2", 2,
};
static const struct statement FAMILY_BY_ID = {
    "family_by_id",
    "SELECT user_id, client_id, scope, revoked_at, created_at, mfa_at FROM refresh_families WHERE id = $1",
    1,
};
static const struct statement TOKEN_BY_HASH = {
    "token_by_hash",
    "SELECT issued_at, expires_at, spent_at FROM refresh_tokens WHERE token_hash = $1 AND family_id = $2",
    2,
};

const struct statement *const SESSION_STATEMENTS[] = {
    &FAMILY_INSERT, &FAMILY_TOUCH,   &FAMILY_END,     &FAMILY_END_ALL,    &TOKEN_INSERT, &TOKEN_SPEND,
    &DENIAL_INSERT, &USER_SIGNED_IN, &USER_NEXT_VERSION, &FAMILY_BY_ID, &TOKEN_BY_HASH, &FAMILY_END_OLDEST, NULL,
};

struct family_reading {
    struct dw_arena *arena;
    struct family family;
};

static enum dw_err read_family(const struct row *row, void *argument)
{
    struct family_reading *f = argument;

    f->family = (struct family){
        .user_id = dw_arena_copy(f->arena, row_text(row, 0)),
        .client = dw_arena_copy(f->arena, row_text(row, 1)),
        .scope = dw_arena_copy(f->arena, row_text(row, 2)),
        .is_revoked = !row_is_null(row, 3),
        .created_at = row_int(row, 4),
        .mfa_at = row_int(row, 5),
    };
    const bool is_complete = f->family.user_id.ptr && f->family.client.ptr &&
                             (f->family.scope.ptr || row_is_null(row, 2));

    return is_complete ? DW_OK : DW_ERR_NO_MEMORY;
}

enum dw_err family_read(struct transaction *tx, struct dw_str id, struct dw_arena *arena, struct family *ret_family)
{
    struct family_reading f = { .arena = arena };

    TRY(sql_one(tx, &FAMILY_BY_ID, VALUES(V_TEXT(id)), read_family, &f));
    *ret_family = f.family;
    return DW_OK;
}

static enum dw_err read_token(const struct row *row, void *argument)
{
    *(struct stored_token *)argument = (struct stored_token){
        .issued_at = row_int(row, 0),
        .expires_at = row_int(row, 1),
        .spent_at = row_is_null(row, 2) ? -1 : row_int(row, 2),
    };
    return DW_OK;
}

enum dw_err stored_token_read(struct transaction *tx, struct dw_str hash, struct dw_str family,
                              struct stored_token *ret_token)
{
    struct stored_token token;

    TRY(sql_one(tx, &TOKEN_BY_HASH, VALUES(V_TEXT(hash), V_TEXT(family)), read_token, &token));
    *ret_token = token;
    return DW_OK;
}
