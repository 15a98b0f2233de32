#include "identity/credential.h"

#include "identity/audit.h"
#include "identity/decoy.h"
#include "identity/notice.h"
#include "identity/recovery.h"
#include "identity/session.h"

#include <inttypes.h>

#define SELECT_CREDENTIAL                                                                                              \
    "SELECT " USER_COLUMNS ", u.password_hash, u.password_serial, u.password_expires_at"                                     \
    " FROM users u JOIN tenants t ON t.id = u.tenant_id"    \
    " WHERE u.tenant_id = $1"

static const struct statement CREDENTIAL_BY_NAME = {
    "credential_by_name", SELECT_CREDENTIAL " AND u.username_key = $2", 2,
};
static const struct statement CREDENTIAL_BY_EMAIL = {
    "credential_by_email", SELECT_CREDENTIAL " AND u.email_key = $2", 2,
};
static const struct statement CREDENTIAL_BY_ID = {
    "credential_by_id", SELECT_CREDENTIAL " AND u.id = $2", 2,
};
static const struct statement CREDENTIAL_REHASH = {
    "credential_rehash", "UPDATE users SET password_hash = $2 WHERE id = $1", 2,
};
static const struct statement CREDENTIAL_SERIAL = {
    "credential_serial", "SELECT password_serial FROM users WHERE id = $1", 1,
};
/* With $4 = 1 every token of before is dead; otherwise the ended families' ids are denied one by one. */
static const struct statement CREDENTIAL_SET = {
    "credential_set",
    "UPDATE users SET password_hash = $3, password_serial = password_serial + 1, password_expires_at = NULL,"
    " token_version = token_version + $4,"
    " updated_at = $5"
    " WHERE tenant_id = $1 AND id = $2",
    5,
};

const struct statement *const CREDENTIAL_STATEMENTS[] = {
    &CREDENTIAL_BY_NAME, &CREDENTIAL_BY_EMAIL, &CREDENTIAL_BY_ID,   &CREDENTIAL_REHASH,
    &CREDENTIAL_SET,     &CREDENTIAL_SERIAL,  NULL,
};

/* Counts the passwords that a user has had. A better hash of the same one does not count: of two first sign-ins of an
 * imported user at the same time, neither may find that the other has changed the password. */
const char CREDENTIAL_EXPIRY_COLUMN[] = "ALTER TABLE users ADD COLUMN password_expires_at BIGINT;";
const char CREDENTIAL_SERIAL_COLUMN[] = "ALTER TABLE users ADD COLUMN password_serial BIGINT NOT NULL DEFAULT 0;";

/* --- checking --------------------------------------------------------------------------------------------------- */

struct look_up {
    const struct statement *statement;
    const struct tenant *tenant;
    struct dw_str key;
    struct dw_arena *arena;
    struct user user;
    struct dw_str hash;
    int64_t serial;
    int64_t expires_at; /* of a one-time password; -1: never */
};

enum { MARK_SIZE = 24 };

/* What stands for a password, without telling anything of it. */
static struct dw_str mark_format(int64_t serial, char ret_mark[MARK_SIZE])
{
    const int length = snprintf(ret_mark, MARK_SIZE, "%" PRId64, serial);

    return dw_str_n(ret_mark, (size_t)length);
}

static enum dw_err read_credential(const struct row *row, void *argument)
{
    struct look_up *look_up = argument;

    TRY(user_read_row(row, look_up->arena, &look_up->user));
    look_up->hash = dw_arena_copy(look_up->arena, row_text(row, USER_COLUMN_COUNT));
    look_up->serial = row_int(row, USER_COLUMN_COUNT + 1);
    look_up->expires_at = row_is_null(row, USER_COLUMN_COUNT + 2) ? -1 : row_int(row, USER_COLUMN_COUNT + 2);
    return look_up->hash.ptr ? DW_OK : DW_ERR_NO_MEMORY;
}

static enum dw_err look_up_credential(struct transaction *tx, void *argument)
{
    struct look_up *look_up = argument;

    return sql_one(tx, look_up->statement, VALUES(V_CSTR(look_up->tenant->id), V_TEXT(look_up->key)), read_credential,
                   look_up);
}

/* DW_ERR_NOT_FOUND when nobody has that name or address, or it can't be one. */
static enum dw_err find_credential(struct identity *identity, struct dw_str login, struct look_up *look_up)
{
    const bool is_email = login.len > 0 && memchr(login.ptr, '@', login.len) != NULL;
    struct dw_str address;
    const enum dw_err err = is_email ? user_key_of_email(login, look_up->arena, &address, &look_up->key)
                                     : user_key_of_name(login, look_up->arena, &look_up->key);

    if (err == DW_ERR_VALIDATION)
        return DW_ERR_NOT_FOUND;
    TRY(err);
    look_up->statement = is_email ? &CREDENTIAL_BY_EMAIL : &CREDENTIAL_BY_NAME;
    return storage_read(identity->storage, look_up_credential, look_up);
}

/* A better hash of the same password, in the arena. Failing to make one does not stop the sign-in. */
static struct dw_str make_rehash(struct identity *identity, const struct dw_secret *password, struct dw_arena *arena)
{
    char encoded[DW_PASSWORD_ENCODED_MAX];
    struct dw_str copy = { NULL, 0 };

    if (dw_password_hash(identity->passwords, password, encoded) == DW_OK)
        copy = dw_arena_copy(arena, dw_str(encoded));
    dw_wipe(encoded, sizeof(encoded));
    return copy;
}

struct mark_check {
    struct dw_str mark;
    bool holds;
};

static enum dw_err compare_mark(const struct row *row, void *argument)
{
    struct mark_check *check = argument;
    char mark[MARK_SIZE];

    check->holds = dw_str_eq(mark_format(row_int(row, 0), mark), check->mark);
    return DW_OK;
}

enum dw_err credential_check_mark(struct transaction *tx, struct dw_str user_id, struct dw_str mark)
{
    struct mark_check check = { .mark = mark };
    const enum dw_err err = sql_one(tx, &CREDENTIAL_SERIAL, VALUES(V_TEXT(user_id)), compare_mark, &check);

    if (err == DW_ERR_NOT_FOUND)
        return DW_ERR_SIGN_IN;
    TRY(err);
    return check.holds ? DW_OK : DW_ERR_SIGN_IN;
}

enum dw_err credential_check(struct identity *identity, const struct tenant *tenant, struct dw_str login,
                             const struct dw_secret *password, struct dw_arena *arena, struct user *ret_user,
                             struct dw_str *ret_rehash, struct dw_str *ret_mark)
{
    struct look_up look_up = { .tenant = tenant, .arena = arena };
    const enum dw_err err = find_credential(identity, login, &look_up);
    bool matches = false, needs_rehash = false;
    char mark[MARK_SIZE];

    if (err == DW_ERR_NOT_FOUND) {
        decoy_verify(identity, tenant, login, password);
        return DW_ERR_SIGN_IN;
    }
    TRY(err);
    TRY(dw_password_verify(identity->passwords, look_up.hash, password, &matches, &needs_rehash));
    if (!matches)
        return DW_ERR_SIGN_IN;
    if (!look_up.user.is_active)
        return DW_ERR_USER_INACTIVE;
    if (look_up.expires_at >= 0 && dw_clock_now_s() >= look_up.expires_at)
        return DW_ERR_PASSWORD_EXPIRED;
    *ret_mark = dw_arena_copy(arena, mark_format(look_up.serial, mark));
    if (ret_mark->ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_user = look_up.user;
    *ret_rehash = needs_rehash ? make_rehash(identity, password, arena) : dw_str_n(NULL, 0);
    return DW_OK;
}

enum dw_err credential_confirm(struct identity *identity, const struct tenant *tenant, struct dw_str id,
                               const struct dw_secret *password)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    bool matches = false;

    TRY(dw_arena_new(1 << 16, &arena));
    struct look_up look_up = { .statement = &CREDENTIAL_BY_ID, .tenant = tenant, .key = id, .arena = arena };

    TRY(storage_read(identity->storage, look_up_credential, &look_up));
    TRY(dw_password_verify(identity->passwords, look_up.hash, password, &matches, NULL));
    return matches ? DW_OK : DW_ERR_PASSWORD_WRONG;
}

/* --- setting ---------------------------------------------------------------------------------------------------- */

/* The words of the settings, and the tenant's name, but for the one that every server has. */
static enum dw_err check_policy(const struct identity *identity, struct dw_str tenant, const struct dw_secret *password,
                                const struct dw_str *personal, size_t n_personal)
{
    struct dw_str words[IDENTITY_WORDS_MAX + 1];
    struct dw_password_policy policy = identity->config.policy;

    if (policy.n_words > IDENTITY_WORDS_MAX)
        return DW_ERR_LIMIT;
    for (size_t i = 0; i < policy.n_words; i++)
        words[i] = policy.words[i];
    if (!dw_str_eq(tenant, DW_STR(TENANT_DEFAULT)))
        words[policy.n_words++] = tenant;
    policy.words = words;
    return dw_password_check(&policy, password, personal, n_personal);
}

enum dw_err credential_hash(struct identity *identity, struct dw_str tenant, struct dw_str username,
                            struct dw_str email, const struct dw_secret *password,
                            char ret_encoded[DW_PASSWORD_ENCODED_MAX])
{
    const char *at = email.len > 0 ? memchr(email.ptr, '@', email.len) : NULL;
    const struct dw_str personal[] = {
        username,
        email,
        at ? dw_str_n(email.ptr, (size_t)(at - email.ptr)) : dw_str_n(NULL, 0),
    };

    TRY(check_policy(identity, tenant, password, personal, ARRAY_SIZE(personal)));
    return dw_password_hash(identity->passwords, password, ret_encoded);
}

struct set {
    struct identity *identity;
    const struct tenant *tenant;
    const struct actor *actor;
    struct dw_str id;
    struct dw_str keep_session;
    char hash[DW_PASSWORD_ENCODED_MAX];
    struct dw_arena *arena;
    struct denials denials;
};

/* Sign-ins but `keep` end, and so do links for resetting: whoever has one may have had it for long. */
static enum dw_err store(struct transaction *tx, const struct set *s, struct denials *denials)
{
    int64_t changes = 0;

    TRY(sql_exec(tx, &CREDENTIAL_SET,
                 VALUES(V_CSTR(s->tenant->id), V_TEXT(s->id), V_CSTR(s->hash), V_INT(s->keep_session.ptr == NULL),
                        V_INT(dw_clock_now_s())),
                 &changes));
    if (changes == 0)
        return DW_ERR_NOT_FOUND;
    *denials = (struct denials){ 0 };
    TRY(session_end_in(tx, s->identity, s->id, s->keep_session, s->arena, denials));
    TRY(recovery_end(tx, RECOVERY_RESET, s->id));
    return identity_announce(tx, s->identity, CHANGE_USER, s->id);
}

static enum dw_err apply_set(struct transaction *tx, void *argument)
{
    struct set *s = argument;
    const struct audit_event event = { .action = AUDIT_PASSWORD_CHANGED, .tenant_id = s->tenant->id,
                                       .actor = s->actor->id, .target = s->id, .address = s->actor->address };

    TRY(store(tx, s, &s->denials));
    TRY(notice_add(tx, &(struct notice){ .kind = NOTICE_PASSWORD_CHANGED, .user_id = s->id,
                                         .from = s->actor->address }));
    return audit_append(tx, &event);
}

enum dw_err credential_replace(struct transaction *tx, struct identity *identity, const struct user *user,
                               const char *encoded, struct dw_arena *arena, struct denials *denials)
{
    struct tenant tenant = { .id = "" };
    struct set s = { .identity = identity, .tenant = &tenant, .id = user->id, .arena = arena };

    snprintf(tenant.id, sizeof(tenant.id), "%.*s", (int)user->tenant_id.len, user->tenant_id.ptr);
    snprintf(s.hash, sizeof(s.hash), "%s", encoded);
    const enum dw_err err = store(tx, &s, denials);

    dw_wipe(s.hash, sizeof(s.hash));
    return err;
}

enum dw_err credential_set(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                           struct dw_str id, const struct dw_secret *password, struct dw_str keep_session)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct user user;

    TRY(dw_arena_new(1 << 20, &arena));
    struct set s = { .identity = identity, .tenant = tenant, .actor = actor, .id = id, .keep_session = keep_session,
                     .arena = arena };

    TRY(user_get(identity, tenant, id, arena, &user));
    TRY(credential_hash(identity, user.tenant, user.username, user.email, password, s.hash));
    const enum dw_err err = identity_write_as(identity, actor, apply_set, &s);

    dw_wipe(s.hash, sizeof(s.hash));
    TRY(err);
    return session_publish(identity, id, &s.denials);
}

enum dw_err credential_store_rehash(struct transaction *tx, struct dw_str user_id, struct dw_str encoded)
{
    return sql_exec(tx, &CREDENTIAL_REHASH, VALUES(V_TEXT(user_id), V_TEXT(encoded)), NULL);
}
