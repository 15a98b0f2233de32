#include "identity/api_key.h"
#include "identity/api_key_use.h"
#include "identity/audit.h"
#include "identity/cookie_session.h"
#include "identity/credential.h"
#include "identity/custom_role.h"
#include "identity/dashboard.h"
#include "identity/decoy.h"
#include "identity/everyone.h"
#include "identity/guard.h"
#include "identity/health.h"
#include "identity/mfa.h"
#include "identity/notice.h"
#include "identity/pace.h"
#include "identity/outbox.h"
#include "identity/recent_sign_in.h"
#include "identity/recovery.h"
#include "identity/session.h"
#include "identity/sign_in_list.h"
#include "identity/signing_key.h"
#include "identity/user_import.h"
#include "identity/tenant_admin.h"

/* Ids are UUIDv7 text, times Unix seconds, lists space-separated text. Names and addresses are unique by their key. */
static const char FIRST_TABLES[] =
    "CREATE TABLE tenants ("
    " id TEXT PRIMARY KEY,"
    " slug TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL,"
    " created_at BIGINT NOT NULL);"

    "CREATE TABLE users ("
    " id TEXT PRIMARY KEY,"
    " tenant_id TEXT NOT NULL REFERENCES tenants(id),"
    " username TEXT NOT NULL,"
    " username_key TEXT NOT NULL,"
    " email TEXT NOT NULL,"
    " email_key TEXT NOT NULL,"
    " email_verified INTEGER NOT NULL,"
    " full_name TEXT,"
    " is_active INTEGER NOT NULL,"
    " role TEXT NOT NULL,"
    " permissions TEXT NOT NULL,"
    " password_hash TEXT NOT NULL,"
    " token_version BIGINT NOT NULL,"
    " mfa_enabled INTEGER NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " last_login_at BIGINT,"
    " UNIQUE (tenant_id, username_key),"
    " UNIQUE (tenant_id, email_key));"
    "CREATE INDEX users_by_role ON users (tenant_id, role);"

    "CREATE TABLE refresh_families ("
    " id TEXT PRIMARY KEY,"
    " user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
    " client_id TEXT NOT NULL,"
    " scope TEXT,"
    " created_at BIGINT NOT NULL,"
    " last_used_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " revoked_at BIGINT,"
    " address TEXT,"
    " user_agent TEXT);"
    "CREATE INDEX refresh_families_by_user ON refresh_families (user_id);"
    "CREATE INDEX refresh_families_by_expiry ON refresh_families (expires_at);"

    "CREATE TABLE refresh_tokens ("
    " token_hash TEXT PRIMARY KEY,"
    " family_id TEXT NOT NULL REFERENCES refresh_families(id) ON DELETE CASCADE,"
    " issued_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL,"
    " spent_at BIGINT);"
    "CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family_id);"
    "CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);"

    "CREATE TABLE denials ("
    " id TEXT PRIMARY KEY,"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL);"
    "CREATE INDEX denials_by_expiry ON denials (expires_at);"
    "CREATE INDEX denials_by_creation ON denials (created_at);"

    "CREATE TABLE signing_keys ("
    " kid TEXT PRIMARY KEY,"
    " alg TEXT NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retiring')),"
    " public_jwk TEXT NOT NULL,"
    " sealed TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " retires_at BIGINT);"
    "CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (state) WHERE state = 'active';"

    "CREATE TABLE changes ("
    " id TEXT PRIMARY KEY,"
    " kind INTEGER NOT NULL,"
    " subject TEXT NOT NULL,"
    " at BIGINT NOT NULL);"
    "CREATE INDEX changes_by_time ON changes (at);"

    "CREATE TABLE audit_events ("
    " id TEXT PRIMARY KEY,"
    " at BIGINT NOT NULL,"
    " action TEXT NOT NULL,"
    " tenant_id TEXT,"
    " actor TEXT,"
    " target TEXT,"
    " address TEXT,"
    " result TEXT NOT NULL);"
    "CREATE INDEX audit_events_by_time ON audit_events (at);";

/* Lists and searches go by these to the page that is asked for, without a sort and past other tenants' rows. */
static const char LIST_INDEXES[] =
    "CREATE INDEX users_by_tenant ON users (tenant_id, id);"
    "DROP INDEX users_by_role;"
    "CREATE INDEX users_by_role ON users (tenant_id, role, id, is_active);"
    "DROP INDEX refresh_families_by_user;"
    "CREATE INDEX refresh_families_by_user ON refresh_families (user_id, id);"
    "DROP INDEX api_keys_by_user;"
    "CREATE INDEX api_keys_by_user ON api_keys (user_id, id);"
    "DROP INDEX changes_by_time;"
    "CREATE INDEX changes_by_time ON changes (at, id);"
    "CREATE INDEX outbox_by_age ON outbox (created_at);"
    "DROP INDEX audit_events_by_target;"
    "CREATE INDEX audit_events_by_tenant ON audit_events (tenant_id, seq);";

/* When the next signing key takes over by itself; NULL: when somebody asks. Of the others, when they took over; NULL:
 * when they were made. */
static const char KEY_START_COLUMN[] = "ALTER TABLE signing_keys ADD COLUMN starts_at BIGINT;";

static const struct migration MIGRATIONS[] = {
    { 1, "accounts, sign-ins, keys, audit", FIRST_TABLES },
    { 2, "recovery of accounts", RECOVERY_TABLES },
    { 3, "mails to send", OUTBOX_TABLES },
    { 4, "API keys", API_KEY_TABLES },
    { 5, "the chain of the audit log", AUDIT_CHAIN_TABLES },
    { 6, "cookie sessions", COOKIE_SESSION_TABLES },
    { 7, "two-factor sign-in", MFA_TABLES },
    { 8, "failed sign-ins and known devices", GUARD_TABLES },
    { 9, "custom roles", CUSTOM_ROLE_TABLES },
    { 10, "tenants can be disabled", TENANT_STATE_COLUMN },
    { 11, "passwords confirmed within a sign-in", RECENT_SIGN_IN_COLUMN },
    { 12, "indexes of lists and searches", LIST_INDEXES },
    { 13, "passwords are counted", CREDENTIAL_SERIAL_COLUMN },
    { 14, "where a pruned audit log begins", AUDIT_PRUNED_COLUMNS },
    { 15, "an address is kept until the next one is verified", FORMER_EMAIL_COLUMNS },
    { 16, "one-time passwords expire", CREDENTIAL_EXPIRY_COLUMN },
    { 17, "when a signing key starts", KEY_START_COLUMN },
    { 18, "second factors of sign-ins", SECOND_FACTOR_COLUMN },
    { 0 },
};

static const struct statement *const *const ALL_STATEMENTS[] = {
    IDENTITY_STATEMENTS, TENANT_STATEMENTS, USER_STATEMENTS, CREDENTIAL_STATEMENTS, SESSION_STATEMENTS,
    SIGNING_KEY_STATEMENTS, SIGNING_KEY_CHANGE_STATEMENTS, AUDIT_STATEMENTS, AUDIT_VERIFY_STATEMENTS,
    AUDIT_PRUNE_STATEMENTS, RECOVERY_STATEMENTS,
    OUTBOX_STATEMENTS, API_KEY_STATEMENTS, API_KEY_USE_STATEMENTS, COOKIE_SESSION_STATEMENTS, SIGN_IN_LIST_STATEMENTS,
    MFA_STATEMENTS, MFA_ATTEMPT_STATEMENTS, MFA_PENDING_STATEMENTS, GUARD_STATEMENTS, USER_IMPORT_STATEMENTS,
    CUSTOM_ROLE_STATEMENTS, TENANT_ADMIN_STATEMENTS, DASHBOARD_STATEMENTS, RECENT_SIGN_IN_STATEMENTS,
    NOTICE_STATEMENTS, PACE_STATEMENTS, DECOY_STATEMENTS, EVERYONE_STATEMENTS, HEALTH_STATEMENTS, NULL,
};

const struct storage_schema IDENTITY_SCHEMA = { .migrations = MIGRATIONS, .statements = ALL_STATEMENTS };
