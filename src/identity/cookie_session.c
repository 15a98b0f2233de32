#include "identity/cookie_session.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "identity/access_token.h"
#include "identity/audit.h"
#include "identity/guard.h"

enum { VALUE_SIZE = 32, SEEN_EVERY_S = 60, SEEN_PARTS = 10, USER_ARENA = 1 << 16 };

/* rights_hash: role and permissions when the value was made. idle_expires_at: NULL without an idle limit. */
const char COOKIE_SESSION_TABLES[] =
    "ALTER TABLE refresh_families ADD COLUMN cookie_hash TEXT;"
    "ALTER TABLE refresh_families ADD COLUMN idle_expires_at BIGINT;"
    "ALTER TABLE refresh_families ADD COLUMN rights_hash TEXT;"
    "CREATE UNIQUE INDEX refresh_families_by_cookie ON refresh_families (cookie_hash);";

static const struct statement COOKIE_INSERT = {
    "cookie_insert",
    "INSERT INTO refresh_families (id, user_id, client_id, created_at, last_used_at, expires_at, address, user_agent,"
    " cookie_hash, idle_expires_at, rights_hash, mfa_at) VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9, $10, $11)",
    11,
};
static const struct statement COOKIE_FIND = {
    "cookie_find",
    "SELECT id, user_id, last_used_at, expires_at, idle_expires_at, revoked_at, rights_hash, created_at, mfa_at"
    " FROM refresh_families WHERE cookie_hash = $1",
    1,
};
static const struct statement COOKIE_SEEN = {
    "cookie_seen",
    "UPDATE refresh_families SET last_used_at = $2,"
    " idle_expires_at = CASE WHEN idle_expires_at IS NULL THEN NULL ELSE CAST($3 AS BIGINT) END"
    " WHERE id = $1 AND revoked_at IS NULL AND last_used_at < $2",
    3,
};
static const struct statement COOKIE_RENEW = {
    "cookie_renew",
    "UPDATE refresh_families SET cookie_hash = $3, rights_hash = $4 WHERE id = $1 AND user_id = $2"
    " AND cookie_hash IS NOT NULL AND revoked_at IS NULL AND ($5 = 1 OR rights_hash <> $4)"
    " RETURNING expires_at, idle_expires_at",
    5,
};
static const struct statement COOKIE_IS_OPEN = {
    "cookie_is_open",
    "SELECT 1 FROM refresh_families WHERE id = $1 AND user_id = $2 AND cookie_hash IS NOT NULL AND revoked_at IS NULL",
    2,
};

const struct statement *const COOKIE_SESSION_STATEMENTS[] = {
    &COOKIE_INSERT, &COOKIE_FIND, &COOKIE_SEEN, &COOKIE_RENEW, &COOKIE_IS_OPEN, NULL,
};

/* --- values ----------------------------------------------------------------------------------------------------- */

static enum dw_err hash_text(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_hash)
{
    unsigned char digest[SHA256_SIZE];

    TRY(hash_sha256(text, digest));
    const struct dw_str hash = base64url_encode_arena(arena, dw_str_n(digest, sizeof(digest)));

    if (hash.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_hash = hash;
    return DW_OK;
}

static enum dw_err value_make(struct dw_arena *arena, struct dw_str *ret_value, struct dw_str *ret_hash)
{
    unsigned char bytes[VALUE_SIZE];

    dw_random(bytes, sizeof(bytes));
    const struct dw_str value = base64url_encode_arena(arena, dw_str_n(bytes, sizeof(bytes)));

    dw_wipe(bytes, sizeof(bytes));
    if (value.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(hash_text(value, arena, ret_hash));
    *ret_value = value;
    return DW_OK;
}

bool cookie_session_is_formed(struct dw_str value)
{
    unsigned char bytes[VALUE_SIZE];
    size_t size;

    return value.len == COOKIE_SESSION_VALUE_CHARS && base64url_decode(value, bytes, sizeof(bytes), &size) == DW_OK;
}

/* One change of role or permissions makes another hash. */
static enum dw_err rights_hash(const struct user *user, struct dw_arena *arena, struct dw_str *ret_hash)
{
    const struct dw_str rights = dw_arena_printf(arena, "%.*s: %.*s", (int)user->role.len, user->role.ptr,
                                                 (int)user->permissions.len,
                                                 user->permissions.len > 0 ? user->permissions.ptr : "");

    if (rights.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    return hash_text(rights, arena, ret_hash);
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

struct cookie_opening {
    struct identity *identity;
    const struct sign_in *in;
    const struct first_factor *factor;
    struct dw_arena *arena;
    struct dw_str hash;
    int64_t now_s, ttl_s, idle_s; /* idle_s -1: no limit */
    struct cookie_session session;
    struct denials denials; /* of older ones that make room */
};

static enum dw_err insert_session(struct transaction *tx, void *argument)
{
    struct cookie_opening *o = argument;
    const struct sign_in *in = o->in;
    const struct audit_event event = { .action = AUDIT_SIGN_IN, .tenant_id = in->tenant.id,
                                       .actor = o->factor->user.id, .target = o->session.id,
                                       .address = in->device.address };
    const struct dw_str client = in->client_id.len > 0 ? in->client_id : DW_STR(CLIENT_FIRST_PARTY);
    struct dw_str rights;

    o->denials = (struct denials){ 0 };
    TRY(session_admit_in(tx, o->identity, o->factor, o->now_s, o->arena, &o->session.user));
    TRY(guard_admit_in(tx, o->identity, in, o->session.user.id));
    TRY(session_make_room_in(tx, o->identity, in, o->session.user.id, o->arena, &o->denials));
    TRY(rights_hash(&o->session.user, o->arena, &rights));
    TRY(sql_exec(tx, &COOKIE_INSERT,
                 VALUES(V_TEXT(o->session.id), V_TEXT(o->session.user.id), V_TEXT(client), V_INT(o->now_s),
                        V_INT(o->now_s + o->ttl_s), V_TEXT(in->device.address), V_TEXT(in->device.user_agent),
                        V_TEXT(o->hash), o->idle_s < 0 ? V_NULL : V_INT(o->now_s + o->idle_s), V_TEXT(rights),
                        o->factor->mfa_s > 0 ? V_INT(o->factor->mfa_s) : V_NULL),
                 NULL));
    return audit_append(tx, &event);
}

enum dw_err cookie_session_open(struct identity *identity, const struct sign_in *sign_in,
                                const struct first_factor *factor, bool is_remembered, struct dw_arena *arena,
                                struct cookie_session *ret_session)
{
    struct cookie_opening o = {
        .identity = identity, .in = sign_in, .factor = factor, .arena = arena, .now_s = dw_clock_now_s(),
        .ttl_s = is_remembered ? COOKIE_SESSION_REMEMBERED_S : identity->config.session_ttl_s,
        .idle_s = is_remembered ? -1 : identity->config.session_idle_s,
    };
    char id[DW_UUID_SIZE];

    dw_uuid7(id);
    o.session.id = dw_arena_copy(arena, dw_str(id));
    if (o.session.id.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    o.session.value.max_age_s = is_remembered ? o.ttl_s : 0;
    TRY(value_make(arena, &o.session.value.text, &o.hash));
    TRY(storage_write(identity->storage, insert_session, &o));
    TRY(session_publish(identity, factor->user.id, &o.denials));
    *ret_session = o.session;
    return DW_OK;
}

/* --- restoring -------------------------------------------------------------------------------------------------- */

struct cookie_row {
    struct dw_str hash;
    struct dw_arena *arena;
    struct dw_str id, user_id, rights;
    int64_t last_used_at, expires_at, idle_expires_at; /* idle: -1 for none */
    int64_t created_at, mfa_at;                        /* mfa: 0 for none */
    bool is_revoked;
    struct user *user;
};

static enum dw_err read_cookie_row(const struct row *row, void *argument)
{
    struct cookie_row *c = argument;

    c->id = dw_arena_copy(c->arena, row_text(row, 0));
    c->user_id = dw_arena_copy(c->arena, row_text(row, 1));
    c->last_used_at = row_int(row, 2);
    c->expires_at = row_int(row, 3);
    c->idle_expires_at = row_is_null(row, 4) ? -1 : row_int(row, 4);
    c->is_revoked = !row_is_null(row, 5);
    c->rights = dw_arena_copy(c->arena, row_text(row, 6));
    c->created_at = row_int(row, 7);
    c->mfa_at = row_int(row, 8);
    return c->id.ptr != NULL && c->user_id.ptr != NULL && c->rights.ptr != NULL ? DW_OK : DW_ERR_NO_MEMORY;
}

static enum dw_err find_cookie(struct transaction *tx, void *argument)
{
    struct cookie_row *c = argument;

    TRY(sql_one(tx, &COOKIE_FIND, VALUES(V_TEXT(c->hash)), read_cookie_row, c));
    return user_load(tx, c->user_id, c->arena, c->user);
}

/* DW_ERR_TOKEN_INVALID when no session has the value. */
static enum dw_err cookie_look_up(struct identity *identity, struct dw_str value, struct dw_arena *arena,
                                  struct cookie_row *ret_row)
{
    struct cookie_row c = { .arena = arena, .user = dw_arena_alloc(arena, sizeof(*c.user)) };

    if (c.user == NULL)
        return DW_ERR_NO_MEMORY;
    if (!cookie_session_is_formed(value))
        return DW_ERR_TOKEN_INVALID;
    TRY(hash_text(value, arena, &c.hash));
    const enum dw_err err = storage_read(identity->storage, find_cookie, &c);

    if (err == DW_ERR_NOT_FOUND)
        return DW_ERR_TOKEN_INVALID;
    TRY(err);
    *ret_row = c;
    return DW_OK;
}

/* In the order of principal_restore(): inactive before revoked, as disabling a user has ended all her sign-ins. */
static enum dw_err judge(const struct cookie_row *c, int64_t now_s)
{
    if (now_s >= c->expires_at || (c->idle_expires_at >= 0 && now_s >= c->idle_expires_at))
        return DW_ERR_TOKEN_EXPIRED;
    if (!c->user->is_active)
        return DW_ERR_USER_INACTIVE;
    return c->is_revoked ? DW_ERR_TOKEN_REVOKED : DW_OK;
}

struct sighting {
    struct dw_str id;
    int64_t now_s, idle_s;
};

static enum dw_err write_seen(struct transaction *tx, void *argument)
{
    const struct sighting *s = argument;

    return sql_exec(tx, &COOKIE_SEEN, VALUES(V_TEXT(s->id), V_INT(s->now_s), V_INT(s->now_s + s->idle_s)), NULL);
}

/* Once a minute, or a tenth of a shorter idle time: a session may seem that much older than it is, never younger. */
static enum dw_err see(struct identity *identity, const struct cookie_row *c, int64_t now_s)
{
    struct sighting s = { c->id, now_s, identity->config.session_idle_s };

    if (now_s - c->last_used_at < MIN_OF(SEEN_EVERY_S, MAX_OF(s.idle_s / SEEN_PARTS, 1)))
        return DW_OK;
    return storage_write(identity->storage, write_seen, &s);
}

enum dw_err cookie_session_restore(struct identity *identity, struct dw_str value, struct dw_arena *arena,
                                   struct principal *ret_principal, bool *ret_is_stale)
{
    const int64_t now_s = dw_clock_now_s();
    struct cookie_row c;
    struct dw_str rights;

    TRY(cookie_look_up(identity, value, arena, &c));
    TRY(judge(&c, now_s));
    TRY(see(identity, &c, now_s));
    TRY(rights_hash(c.user, arena, &rights));
    *ret_is_stale = !dw_str_eq(rights, c.rights);
    *ret_principal = (struct principal){
        .user = c.user, .session = c.id, .client = DW_STR(CLIENT_FIRST_PARTY), .scope = c.user->permissions,
        .expires_s = c.expires_at, .authenticated_s = c.created_at, .mfa_s = c.mfa_at,
    };
    return DW_OK;
}

/* --- renewing --------------------------------------------------------------------------------------------------- */

struct renewal {
    struct dw_str session, hash, rights;
    const struct user *user;
    const struct actor *actor;
    enum cookie_renewal when;
    int64_t max_age_s;
    bool is_done;
};

static enum dw_err read_lifetime(const struct row *row, void *argument)
{
    struct renewal *n = argument;

    n->max_age_s = row_is_null(row, 1) ? row_int(row, 0) - dw_clock_now_s() : 0;
    return DW_OK;
}

static enum dw_err apply_renewal(struct transaction *tx, void *argument)
{
    struct renewal *n = argument;
    const struct audit_event event = { .action = AUDIT_SESSION_RENEWED, .tenant_id = n->user->tenant_id.ptr,
                                       .actor = n->actor->id, .target = n->session, .address = n->actor->address };
    const enum dw_err err = sql_one(tx, &COOKIE_RENEW,
                                    VALUES(V_TEXT(n->session), V_TEXT(n->user->id), V_TEXT(n->hash), V_TEXT(n->rights),
                                           V_INT(n->when == RENEW_ALWAYS)),
                                    read_lifetime, n);

    n->is_done = err == DW_OK;
    if (err == DW_ERR_NOT_FOUND)
        return sql_finds(tx, &COOKIE_IS_OPEN, VALUES(V_TEXT(n->session), V_TEXT(n->user->id)));
    TRY(err);
    return audit_append(tx, &event);
}

enum dw_err cookie_session_renew(struct identity *identity, const struct user *user, struct dw_str session,
                                 enum cookie_renewal when, const struct actor *actor, struct dw_arena *arena,
                                 struct cookie_value *ret_value)
{
    struct renewal n = { .session = session, .user = user, .actor = actor, .when = when };
    struct dw_str value;

    TRY(value_make(arena, &value, &n.hash));
    TRY(rights_hash(user, arena, &n.rights));
    TRY(storage_write(identity->storage, apply_renewal, &n));
    *ret_value = n.is_done ? (struct cookie_value){ value, MAX_OF(n.max_age_s, 0) } : (struct cookie_value){ 0 };
    return DW_OK;
}

/* --- ending ----------------------------------------------------------------------------------------------------- */

enum dw_err cookie_session_end(struct identity *identity, struct dw_str value, struct dw_str address)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct cookie_row c;
    struct tenant tenant = { 0 };

    TRY(dw_arena_new(USER_ARENA, &arena));
    const enum dw_err err = cookie_look_up(identity, value, arena, &c);

    if (err == DW_ERR_TOKEN_INVALID || (err == DW_OK && c.is_revoked))
        return DW_OK;
    TRY(err);
    const struct actor actor = { .id = c.user_id, .address = address };

    snprintf(tenant.id, sizeof(tenant.id), "%s", c.user->tenant_id.ptr);
    return session_sign_out(identity, &tenant, &actor, c.user_id, c.id, dw_str_n(NULL, 0));
}
