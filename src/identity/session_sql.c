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
/* --- a rotation: none of these needs to know what the one before gave ------------------------------------------- */

/* $1 now, $2 the token, $3 its family, $4 the client, $5 families that began then or before are over. The one statement
 * that decides who wins: it can change the row once. */
const struct statement TOKEN_SPEND = {
    "token_spend",
    "UPDATE refresh_tokens SET spent_at = $1 WHERE token_hash = $2 AND family_id = $3 AND spent_at IS NULL"
    " AND expires_at > $1 AND EXISTS (SELECT 1 FROM refresh_families f JOIN users u ON u.id = f.user_id"
    " JOIN tenants t ON t.id = u.tenant_id WHERE f.id = $3 AND f.client_id = $4 AND f.revoked_at IS NULL"
    " AND f.created_at > $5 AND u.is_active = 1 AND t.is_active = 1)",
    5,
};
/* The end of a token or a family: $4 seconds from now, or $5 after the sign-in. */
#define ROTATED_END                                                                                                    \
    "CASE WHEN f.created_at + CAST($5 AS BIGINT) < CAST($4 AS BIGINT) THEN f.created_at + CAST($5 AS BIGINT)"          \
    " ELSE CAST($4 AS BIGINT) END"
/* $1 the next token, $2 the spent one, $3 now. A token that was spent before in the same second has its successor,
 * which has this name. */
const struct statement TOKEN_SUCCEED = {
    "token_succeed",
    "INSERT INTO refresh_tokens (token_hash, family_id, issued_at, expires_at)"
    " SELECT CAST($1 AS TEXT), f.id, CAST($3 AS BIGINT), " ROTATED_END
    " FROM refresh_tokens o JOIN refresh_families f ON f.id = o.family_id"
    " WHERE o.token_hash = $2 AND o.family_id = $6 AND o.spent_at = CAST($3 AS BIGINT) AND f.revoked_at IS NULL"
    " ON CONFLICT (token_hash) DO NOTHING",
    6,
};
/* $1 the family, $2 the next token, $3 now. */
const struct statement FAMILY_TOUCH = {
    "family_touch",
    "UPDATE refresh_families SET last_used_at = $3, expires_at = (SELECT n.expires_at FROM refresh_tokens n"
    " WHERE n.token_hash = $2) WHERE id = $1 AND EXISTS (SELECT 1 FROM refresh_tokens n WHERE n.token_hash = $2"
    " AND n.family_id = $1 AND n.issued_at = $3)",
    3,
};
static const struct statement FAMILY_OWNER = {
    "family_owner",
    "SELECT " USER_COLUMNS ", f.client_id, f.scope, f.revoked_at, f.created_at, f.mfa_at FROM refresh_families f"
    " JOIN users u ON u.id = f.user_id JOIN tenants t ON t.id = u.tenant_id WHERE f.id = $1",
    1,
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
static const struct statement TOKEN_BY_HASH = {
    "token_by_hash",
    "SELECT issued_at, expires_at, spent_at FROM refresh_tokens WHERE token_hash = $1 AND family_id = $2",
    2,
};

const struct statement *const SESSION_STATEMENTS[] = {
    &FAMILY_INSERT, &FAMILY_TOUCH,   &FAMILY_END,     &FAMILY_END_ALL,    &TOKEN_INSERT, &TOKEN_SPEND,
    &DENIAL_INSERT, &USER_SIGNED_IN, &USER_NEXT_VERSION, &FAMILY_OWNER, &TOKEN_BY_HASH, &FAMILY_END_OLDEST,
    &TOKEN_SUCCEED, NULL,
};

static enum dw_err read_family(const struct row *row, void *argument)
{
    struct family *f = argument;

    TRY(user_read_row(row, f->arena, &f->user));
    f->client = dw_arena_copy(f->arena, row_text(row, USER_COLUMN_COUNT));
    f->scope = dw_arena_copy(f->arena, row_text(row, USER_COLUMN_COUNT + 1));
    f->is_revoked = !row_is_null(row, USER_COLUMN_COUNT + 2);
    f->created_at = row_int(row, USER_COLUMN_COUNT + 3);
    f->mfa_at = row_int(row, USER_COLUMN_COUNT + 4);
    f->is_there = true;
    return f->client.ptr && (f->scope.ptr || row_is_null(row, USER_COLUMN_COUNT + 1)) ? DW_OK : DW_ERR_NO_MEMORY;
}

enum dw_err family_read_later(struct transaction *tx, struct dw_str id, struct family *family)
{
    return sql_later(tx, &FAMILY_OWNER, VALUES(V_TEXT(id)), read_family, family, NULL);
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
