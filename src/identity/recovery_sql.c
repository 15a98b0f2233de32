#include "identity/recovery_sql.h"

#include "identity/recovery.h"

const char RECOVERY_TABLES[] =
    "CREATE TABLE recovery_tokens ("
    " token_hash TEXT PRIMARY KEY,"
    " user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
    " purpose TEXT NOT NULL CHECK (purpose IN ('reset', 'verify')),"
    " email_key TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " ended_at BIGINT);"
    "CREATE INDEX recovery_tokens_by_user ON recovery_tokens (user_id, purpose, created_at);"
    "CREATE INDEX recovery_tokens_by_expiry ON recovery_tokens (expires_at);"

    "CREATE TABLE recovery_requests ("
    " tenant TEXT NOT NULL,"
    " email_key TEXT NOT NULL,"
    " address TEXT,"
    " created_at BIGINT NOT NULL,"
    " PRIMARY KEY (tenant, email_key));"
    "CREATE INDEX recovery_requests_by_time ON recovery_requests (created_at);";

#define FROM_OWNERS                                                                                                    \
    " FROM recovery_tokens r JOIN users u ON u.id = r.user_id AND u.is_active = 1"                                     \
    " AND CASE r.purpose WHEN 'reset' THEN COALESCE(u.former_email_key, u.email_key) ELSE u.email_key END = r.email_key" \
    " JOIN tenants t ON t.id = u.tenant_id AND t.is_active = 1 "

const struct statement RECOVERY_INSERT = {
    "recovery_insert",
    "INSERT INTO recovery_tokens (token_hash, user_id, purpose, email_key, created_at, expires_at)"
    " SELECT $1, u.id, $3, CASE WHEN CAST($3 AS TEXT) = 'reset' THEN COALESCE(u.former_email_key, u.email_key)"
    " ELSE u.email_key END, $4, $5 FROM users u WHERE u.id = $2",
    5,
};
const struct statement RECOVERY_SPEND = {
    "recovery_spend", "UPDATE recovery_tokens SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL", 2,
};
const struct statement RECOVERY_END = {
    "recovery_end",
    "UPDATE recovery_tokens SET ended_at = $3 WHERE user_id = $1 AND purpose = $2 AND ended_at IS NULL",
    3,
};
const struct statement RECOVERY_VERIFIED = {
    "recovery_verified",
    "UPDATE users SET email_verified = 1, former_email = NULL, former_email_key = NULL, updated_at = $2 WHERE id = $1",
    2,
};
/* Back to the verified address, where a new one was never verified. */
const struct statement RECOVERY_RETURN = {
    "recovery_return",
    "UPDATE users SET email = former_email, email_key = former_email_key, email_verified = 1, former_email = NULL,"
    " former_email_key = NULL, updated_at = $2 WHERE id = $1 AND former_email_key IS NOT NULL",
    2,
};
/* One row an address, whether anybody has it or not; the same work for all of them. */
const struct statement REQUEST_INSERT = {
    "recovery_request_insert",
    "INSERT INTO recovery_requests (tenant, email_key, address, created_at)"
    " SELECT $1, $2, $3, $4 WHERE (SELECT COUNT(*) FROM recovery_requests) < $5 ON CONFLICT DO NOTHING",
    5,
};
const struct statement REQUEST_DELETE = {
    "recovery_request_delete", "DELETE FROM recovery_requests WHERE tenant = $1 AND email_key = $2", 2,
};
static const struct statement REQUEST_NEXT = {
    "recovery_request_next",
    "SELECT tenant, email_key, address FROM recovery_requests ORDER BY created_at LIMIT 1",
    0,
};
static const struct statement RECOVERY_COUNT = {
    "recovery_count",
    "SELECT COUNT(*), MIN(created_at) FROM recovery_tokens WHERE user_id = $1 AND purpose = $2 AND created_at > $3",
    3,
};
static const struct statement RECOVERY_OWNER = {
    "recovery_owner",
    "SELECT " USER_COLUMNS FROM_OWNERS
    "WHERE r.token_hash = $1 AND r.purpose = $2 AND r.ended_at IS NULL AND r.expires_at > $3",
    3,
};
static const struct statement RECOVERY_USER = {
    "recovery_user",
    "SELECT " USER_COLUMNS " FROM users u JOIN tenants t ON t.id = u.tenant_id WHERE t.slug = $1"
    " AND (u.email_key = $2 OR u.former_email_key = $2)",
    2,
};
/* Kept for the hour in which they count. */
static const struct statement RECOVERY_PURGE = {
    "recovery_purge", "DELETE FROM recovery_tokens WHERE expires_at <= $1 AND created_at <= $2", 2,
};

const struct statement *const RECOVERY_STATEMENTS[] = {
    &RECOVERY_INSERT, &RECOVERY_SPEND, &RECOVERY_END,   &RECOVERY_VERIFIED, &RECOVERY_RETURN, &REQUEST_INSERT,
    &REQUEST_DELETE,  &REQUEST_NEXT,   &RECOVERY_COUNT, &RECOVERY_OWNER,    &RECOVERY_USER,   &RECOVERY_PURGE,
    NULL,
};

static enum dw_err read_count(const struct row *row, void *argument)
{
    *(struct recovery_count *)argument = (struct recovery_count){ row_int(row, 0), row_int(row, 1) };
    return DW_OK;
}

enum dw_err recovery_count(struct transaction *tx, struct dw_str user_id, const char *purpose, int64_t since_s,
                           struct recovery_count *ret_count)
{
    struct recovery_count count;

    TRY(sql_one(tx, &RECOVERY_COUNT, VALUES(V_TEXT(user_id), V_CSTR(purpose), V_INT(since_s)), read_count, &count));
    *ret_count = count;
    return DW_OK;
}

struct user_reading {
    struct dw_arena *arena;
    struct user user;
};

static enum dw_err read_user(const struct row *row, void *argument)
{
    struct user_reading *reading = argument;

    return user_read_row(row, reading->arena, &reading->user);
}

enum dw_err recovery_owner(struct transaction *tx, struct dw_str token_hash, const char *purpose,
                           struct dw_arena *arena, struct user *ret_user)
{
    struct user_reading reading = { .arena = arena };

    TRY(sql_one(tx, &RECOVERY_OWNER, VALUES(V_TEXT(token_hash), V_CSTR(purpose), V_INT(dw_clock_now_s())), read_user,
                &reading));
    *ret_user = reading.user;
    return DW_OK;
}

enum dw_err recovery_user(struct transaction *tx, struct dw_str slug, struct dw_str email_key, struct dw_arena *arena,
                          struct user *ret_user)
{
    struct user_reading reading = { .arena = arena };

    TRY(sql_one(tx, &RECOVERY_USER, VALUES(V_TEXT(slug), V_TEXT(email_key)), read_user, &reading));
    *ret_user = reading.user;
    return DW_OK;
}

struct request_reading {
    struct dw_arena *arena;
    struct recovery_request request;
};

static enum dw_err read_request(const struct row *row, void *argument)
{
    struct request_reading *reading = argument;
    struct recovery_request *request = &reading->request;

    *request = (struct recovery_request){
        .slug = dw_arena_copy(reading->arena, row_text(row, 0)),
        .email_key = dw_arena_copy(reading->arena, row_text(row, 1)),
        .peer = dw_arena_copy(reading->arena, row_text(row, 2)),
    };
    return request->slug.ptr && request->email_key.ptr && (request->peer.ptr || row_is_null(row, 2))
               ? DW_OK
               : DW_ERR_NO_MEMORY;
}

static enum dw_err find_request(struct transaction *tx, void *argument)
{
    return sql_one(tx, &REQUEST_NEXT, NO_VALUES, read_request, argument);
}

enum dw_err recovery_next_request(struct identity *identity, struct dw_arena *arena,
                                  struct recovery_request *ret_request)
{
    struct request_reading reading = { .arena = arena };

    TRY(storage_read(identity->storage, find_request, &reading));
    *ret_request = reading.request;
    return DW_OK;
}

enum dw_err recovery_purge(struct transaction *tx)
{
    const int64_t now_s = dw_clock_now_s();

    return sql_exec(tx, &RECOVERY_PURGE, VALUES(V_INT(now_s), V_INT(now_s - RECOVERY_WINDOW_S)), NULL);
}
