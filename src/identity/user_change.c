/* Making, changing and deleting users. Each is one write; memory learns of it after the commit. */
#include "identity/audit.h"
#include "identity/credential.h"
#include "identity/custom_role.h"
#include "identity/notice.h"
#include "identity/recovery.h"
#include "identity/role.h"
#include "identity/session.h"

enum { FULL_NAME_MAX_BYTES = 1024 };

extern const struct statement USER_INSERT, USER_UPDATE, USER_DELETE, USER_OTHER_ADMIN, USER_HOLDS_ADDRESS;

/* The verified address of before, while the present one waits to be verified; NULL otherwise. */
const char FORMER_EMAIL_COLUMNS[] =
    "ALTER TABLE users ADD COLUMN former_email TEXT;"
    "ALTER TABLE users ADD COLUMN former_email_key TEXT;"
    "CREATE INDEX users_by_former_email ON users (tenant_id, former_email_key) WHERE former_email_key IS NOT NULL;";

const struct statement USER_INSERT = {
    "user_insert",
    "INSERT INTO users (id, tenant_id, username, username_key, email, email_key, email_verified, full_name, is_active,"
    " role, permissions, password_hash, token_version, mfa_enabled, created_at, updated_at, password_expires_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, '', $10, 1, 0, $11, $11, $12)",
    12,
};
/* A new address is unverified, and the verified one of before is kept beside it; going back to that one needs no new
 * proof. Disabling raises the token version, so that every token of before is dead. */
const struct statement USER_UPDATE = {
    "user_update",
    "UPDATE users SET"
    " full_name = CASE WHEN $3 = 1 THEN $4 ELSE full_name END,"
    " email_verified = CASE WHEN CAST($6 AS TEXT) IS NULL OR email_key = $6 THEN email_verified"
    " WHEN former_email_key = $6 THEN 1 ELSE 0 END,"
    " former_email = CASE WHEN $6 IS NULL OR email_key = $6 THEN former_email WHEN former_email_key = $6 THEN NULL"
    " WHEN email_verified = 1 THEN email ELSE former_email END,"
    " former_email_key = CASE WHEN $6 IS NULL OR email_key = $6 THEN former_email_key"
    " WHEN former_email_key = $6 THEN NULL WHEN email_verified = 1 THEN email_key ELSE former_email_key END,"
    " email = COALESCE($5, email),"
    " email_key = COALESCE($6, email_key),"
    " token_version = CASE WHEN $7 = 0 AND is_active = 1 THEN token_version + 1 ELSE token_version END,"
    " is_active = CASE WHEN $7 < 0 THEN is_active ELSE $7 END,"
    " role = COALESCE($8, role),"
    " updated_at = $9"
    " WHERE tenant_id = $1 AND id = $2",
    9,
};
const struct statement USER_DELETE = {
    "user_delete", "DELETE FROM users WHERE tenant_id = $1 AND id = $2", 2,
};
const struct statement USER_OTHER_ADMIN = {
    "user_other_admin",
    "SELECT 1 FROM users WHERE tenant_id = $1 AND role = 'admin' AND is_active = 1 AND id <> $2 LIMIT 1",
    2,
};

const struct statement USER_HOLDS_ADDRESS = {
    "user_holds_address", "SELECT 1 FROM users WHERE tenant_id = $1 AND former_email_key = $2 AND id <> $3 LIMIT 1", 3,
};

/* DW_ERR_LAST_ADMIN when nobody else could administer the tenant. Inside the write, so that two demotions at once
 * can't both pass. */
static enum dw_err guard_last_admin(struct transaction *tx, const struct tenant *tenant, const struct user *user)
{
    if (!user->is_enabled || !dw_str_eq(user->role, DW_STR(ROLE_ADMIN)))
        return DW_OK;
    const enum dw_err err = sql_finds(tx, &USER_OTHER_ADMIN, VALUES(V_CSTR(tenant->id), V_TEXT(user->id)));

    return err == DW_ERR_NOT_FOUND ? DW_ERR_LAST_ADMIN : err;
}

enum dw_err user_check_address(struct transaction *tx, const struct tenant *tenant, struct dw_str email_key,
                               struct dw_str id)
{
    const enum dw_err err = sql_finds(tx, &USER_HOLDS_ADDRESS,
                                      VALUES(V_CSTR(tenant->id), V_TEXT(email_key), V_TEXT(id)));

    if (err == DW_ERR_NOT_FOUND)
        return DW_OK;
    return err == DW_OK ? DW_ERR_USER_TAKEN : err;
}

/* --- making ----------------------------------------------------------------------------------------------------- */

struct creation {
    struct identity *identity;
    const struct tenant *tenant;
    const struct actor *actor;
    const struct user_new *new_user;
    struct dw_str username_key, email, email_key;
    char id[DW_UUID_SIZE];
    char hash[DW_PASSWORD_ENCODED_MAX];
    struct dw_arena *arena;
    struct user user;
};

static enum dw_err insert_user(struct transaction *tx, void *argument)
{
    struct creation *c = argument;
    const struct user_new *u = c->new_user;
    const int64_t now_s = dw_clock_now_s();
    const struct audit_event event = { .action = AUDIT_USER_CREATED, .tenant_id = c->tenant->id,
                                       .actor = c->actor->id.ptr ? c->actor->id : dw_str(c->id),
                                       .target = dw_str(c->id), .address = c->actor->address };

    if (u->role.ptr != NULL)
        TRY(custom_role_check_in(tx, c->tenant, u->role));
    TRY(user_check_address(tx, c->tenant, c->email_key, dw_str(c->id)));
    const enum dw_err err =
        sql_exec(tx, &USER_INSERT,
                 VALUES(V_CSTR(c->id), V_CSTR(c->tenant->id), V_TEXT(u->username), V_TEXT(c->username_key),
                        V_TEXT(c->email), V_TEXT(c->email_key), V_INT(u->email_verified), V_TEXT(u->full_name),
                        V_TEXT(u->role.ptr ? u->role : DW_STR(ROLE_USER)), V_CSTR(c->hash), V_INT(now_s),
                        u->password_ttl_s > 0 ? V_INT(now_s + u->password_ttl_s) : V_NULL),
                 NULL);

    if (err == DW_ERR_CONSTRAINT)
        return DW_ERR_USER_TAKEN;
    TRY(err);
    TRY(audit_append(tx, &event));
    TRY(user_load(tx, dw_str(c->id), c->arena, &c->user));
    /* Who registers gives an address that nobody has looked at; an administrator knows whom she makes an account
     * for. */
    return c->actor->id.ptr != NULL ? DW_OK : recovery_verification(tx, c->identity, &c->user, c->actor);
}

enum dw_err user_create(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                        const struct user_new *new_user, struct dw_arena *arena, struct user *ret_user)
{
    struct creation c = { .identity = identity, .tenant = tenant, .actor = actor, .new_user = new_user,
                          .arena = arena };

    if (new_user->full_name.len > FULL_NAME_MAX_BYTES)
        return DW_ERR_VALIDATION;
    TRY(user_key_of_name(new_user->username, arena, &c.username_key));
    TRY(user_key_of_email(new_user->email, arena, &c.email, &c.email_key));
    dw_uuid7(c.id);
    enum dw_err err = credential_hash(identity, dw_str(tenant->slug), new_user->username, c.email, new_user->password,
                                      c.hash);

    if (err == DW_OK)
        err = identity_write_as(identity, actor, insert_user, &c);
    dw_wipe(c.hash, sizeof(c.hash));
    TRY(err);
    *ret_user = c.user;
    return DW_OK;
}

/* --- changing --------------------------------------------------------------------------------------------------- */

struct update {
    struct identity *identity;
    const struct tenant *tenant;
    const struct actor *actor;
    struct dw_str id;
    const struct user_change *change;
    struct dw_str email, email_key;
    struct dw_arena *arena;
    struct denials denials;
    struct user user;
};

static enum dw_err audit_update(struct transaction *tx, const struct update *u, const struct user *before)
{
    const bool is_role_new = u->change->role.ptr != NULL && !dw_str_eq(u->change->role, before->role);
    const bool is_state_new = u->change->is_active >= 0 && (u->change->is_active == 1) != before->is_enabled;
    const struct {
        bool happened;
        enum audit_action action;
    } events[] = {
        { is_role_new, AUDIT_ROLE_CHANGED },
        { is_state_new && u->change->is_active == 0, AUDIT_USER_DISABLED },
        { is_state_new && u->change->is_active == 1, AUDIT_USER_ENABLED },
        { u->change->set_full_name || u->email.ptr != NULL, AUDIT_USER_UPDATED },
    };

    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        const struct audit_event event = { .action = events[i].action, .tenant_id = u->tenant->id,
                                           .actor = u->actor->id, .target = u->id, .address = u->actor->address };

        if (events[i].happened)
            TRY(audit_append(tx, &event));
    }
    return DW_OK;
}

/* The new address is asked to verify itself; the old one learns what happened. */
static enum dw_err tell_new_address(struct transaction *tx, const struct update *u, const struct user *before)
{
    struct dw_str mailbox;

    if (u->email.ptr == NULL || dw_str_eq(u->user.email, before->email))
        return DW_OK;
    TRY(notice_mailbox(tx, u->id, u->arena, &mailbox));
    /* Where no address was ever verified, the one before is all there is. */
    const bool is_only_one = !u->user.email_verified && dw_str_eq(mailbox, u->user.email);
    const struct notice notice = { .kind = NOTICE_EMAIL_CHANGED, .user_id = u->id, .from = u->actor->address,
                                   .to = is_only_one ? before->email : mailbox };

    TRY(notice_add(tx, &notice));
    return u->user.email_verified ? DW_OK : recovery_verification(tx, u->identity, &u->user, u->actor);
}

static enum dw_err apply_update(struct transaction *tx, void *argument)
{
    struct update *u = argument;
    const struct user_change *change = u->change;
    struct user before;

    TRY(user_load_of(tx, u->tenant, u->id, u->arena, &before));
    const bool loses_role = change->role.ptr != NULL && !dw_str_eq(change->role, before.role);

    if (change->is_active == 0 || loses_role)
        TRY(guard_last_admin(tx, u->tenant, &before));
    if (change->role.ptr != NULL)
        TRY(custom_role_check_in(tx, u->tenant, change->role));
    if (u->email.ptr != NULL)
        TRY(user_check_address(tx, u->tenant, u->email_key, u->id));
    const enum dw_err err =
        sql_exec(tx, &USER_UPDATE,
                 VALUES(V_CSTR(u->tenant->id), V_TEXT(u->id), V_INT(change->set_full_name), V_TEXT(change->full_name),
                        V_TEXT(u->email), V_TEXT(u->email_key), V_INT(change->is_active), V_TEXT(change->role),
                        V_INT(dw_clock_now_s())),
                 NULL);

    if (err == DW_ERR_CONSTRAINT)
        return DW_ERR_USER_TAKEN;
    TRY(err);
    u->denials = (struct denials){ 0 };
    if (change->is_active == 0 && before.is_enabled)
        TRY(session_end_in(tx, u->identity, u->id, dw_str_n(NULL, 0), u->arena, &u->denials));
    TRY(audit_update(tx, u, &before));
    TRY(identity_announce(tx, u->identity, CHANGE_USER, u->id));
    TRY(user_load(tx, u->id, u->arena, &u->user));
    return tell_new_address(tx, u, &before);
}

enum dw_err user_update(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                        struct dw_str id, const struct user_change *change, struct dw_arena *arena,
                        struct user *ret_user)
{
    struct update u = { .identity = identity, .tenant = tenant, .actor = actor, .id = id, .change = change,
                        .arena = arena };

    if (change->full_name.len > FULL_NAME_MAX_BYTES)
        return DW_ERR_VALIDATION;
    if (change->email.ptr != NULL)
        TRY(user_key_of_email(change->email, arena, &u.email, &u.email_key));
    TRY(identity_write_as(identity, actor, apply_update, &u));
    TRY(session_publish(identity, id, &u.denials));
    *ret_user = u.user;
    return DW_OK;
}

/* --- deleting --------------------------------------------------------------------------------------------------- */

static enum dw_err apply_delete(struct transaction *tx, void *argument)
{
    struct update *u = argument;
    const struct audit_event event = { .action = AUDIT_USER_DELETED, .tenant_id = u->tenant->id, .actor = u->actor->id,
                                       .target = u->id, .address = u->actor->address };

    TRY(user_load_of(tx, u->tenant, u->id, u->arena, &u->user));
    TRY(guard_last_admin(tx, u->tenant, &u->user));
    u->denials = (struct denials){ 0 };
    TRY(session_end_in(tx, u->identity, u->id, dw_str_n(NULL, 0), u->arena, &u->denials));
    TRY(sql_exec(tx, &USER_DELETE, VALUES(V_CSTR(u->tenant->id), V_TEXT(u->id)), NULL));
    TRY(identity_announce(tx, u->identity, CHANGE_USER, u->id));
    return audit_append(tx, &event);
}

enum dw_err user_delete(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                        struct dw_str id)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(1 << 20, &arena));
    struct update u = { .identity = identity, .tenant = tenant, .actor = actor, .id = id, .arena = arena };

    TRY(identity_write_as(identity, actor, apply_delete, &u));
    return session_publish(identity, id, &u.denials);
}
