#include "identity/api_key.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "identity/api_key_use.h"
#include "identity/audit.h"
#include "identity/notice.h"
#include "identity/role.h"

#define KEY_START "dwk_"

enum {
    PREFIX_BYTES = 8,
    SECRET_BYTES = 32,
    START_LEN = sizeof(KEY_START) - 1,
    PREFIX_LEN = 2 * PREFIX_BYTES, /* in hex */
    KEY_LEN = START_LEN + PREFIX_LEN + 1 + 2 * SECRET_BYTES,
    HASH_LEN = (SHA256_SIZE * 4 + 2) / 3, /* in base64url */
};

/* A key has one secret in force (that without an end) and those that a rotation gave an end. */
const char API_KEY_TABLES[] =
    "CREATE TABLE api_keys ("
    " id TEXT PRIMARY KEY,"
    " tenant_id TEXT NOT NULL REFERENCES tenants(id),"
    " user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
    " name TEXT NOT NULL,"
    " scopes TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT,"
    " last_used_at BIGINT);"
    "CREATE INDEX api_keys_by_user ON api_keys (user_id);"

    "CREATE TABLE api_key_secrets ("
    " prefix TEXT PRIMARY KEY,"
    " key_id TEXT NOT NULL REFERENCES api_keys(id) ON DELETE CASCADE,"
    " hash TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " expires_at BIGINT);"
    "CREATE INDEX api_key_secrets_by_key ON api_key_secrets (key_id);"
    "CREATE INDEX api_key_secrets_by_expiry ON api_key_secrets (expires_at);"
    "CREATE UNIQUE INDEX api_key_secrets_one_in_force ON api_key_secrets (key_id) WHERE expires_at IS NULL;";

#define KEY_COLUMNS "k.id, k.name, s.prefix, k.scopes, k.created_at, k.expires_at, k.last_used_at"
#define SELECT_KEYS                                                                                                    \
    "SELECT " KEY_COLUMNS " FROM api_keys k JOIN api_key_secrets s ON s.key_id = k.id AND s.expires_at IS NULL"        \
    " WHERE k.tenant_id = $1 AND k.user_id = $2 AND "

static const struct statement KEY_COUNT = {
    "api_key_count", "SELECT COUNT(*) FROM api_keys WHERE user_id = $1", 1,
};
static const struct statement KEY_INSERT = {
    "api_key_insert",
    "INSERT INTO api_keys (id, tenant_id, user_id, name, scopes, created_at, expires_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
    7,
};
static const struct statement KEY_LIST = { "api_key_list", SELECT_KEYS "k.id > $3 ORDER BY k.id LIMIT $4", 4 };
static const struct statement KEY_BY_ID = { "api_key_by_id", SELECT_KEYS "k.id = $3", 3 };
static const struct statement KEY_DELETE = {
    "api_key_delete", "DELETE FROM api_keys WHERE tenant_id = $1 AND user_id = $2 AND id = $3", 3,
};
static const struct statement SECRET_INSERT = {
    "api_key_secret_insert",
    "INSERT INTO api_key_secrets (prefix, key_id, hash, created_at) VALUES ($1, $2, $3, $4)",
    4,
};
static const struct statement SECRETS_END = {
    "api_key_secrets_end",
    "UPDATE api_key_secrets SET expires_at = $2 WHERE key_id = $1 AND (expires_at IS NULL OR expires_at > $2)",
    2,
};
static const struct statement SECRETS_COUNT = {
    "api_key_secrets_count", "SELECT COUNT(*) FROM api_key_secrets WHERE key_id = $1 AND expires_at > $2", 2,
};
static const struct statement SECRETS_PURGE = {
    "api_key_secrets_purge", "DELETE FROM api_key_secrets WHERE expires_at <= $1", 1,
};
static const struct statement KEY_RESTORE = {
    "api_key_restore",
    "SELECT " USER_COLUMNS ", k.id, k.scopes, k.expires_at, s.hash, s.expires_at FROM api_key_secrets s"
    " JOIN api_keys k ON k.id = s.key_id JOIN users u ON u.id = k.user_id JOIN tenants t ON t.id = u.tenant_id"
    " WHERE s.prefix = $1",
    1,
};

const struct statement *const API_KEY_STATEMENTS[] = {
    &KEY_COUNT,   &KEY_INSERT,    &KEY_LIST,      &KEY_BY_ID,   &KEY_DELETE, &SECRET_INSERT,
    &SECRETS_END, &SECRETS_COUNT, &SECRETS_PURGE, &KEY_RESTORE, NULL,
};

static bool is_over(int64_t expires_s, int64_t now_s)
{
    return expires_s >= 0 && now_s >= expires_s;
}

static int64_t time_or_none(const struct row *row, unsigned column)
{
    return row_is_null(row, column) ? -1 : row_int(row, column);
}

static struct value value_time(int64_t unix_s)
{
    return unix_s < 0 ? V_NULL : V_INT(unix_s);
}

/* --- the key itself ---------------------------------------------------------------------------------------------- */

/* The whole is hashed, so that a secret is of use with its own prefix alone. */
static enum dw_err hash_key(struct dw_str key, char ret_hash[HASH_LEN])
{
    unsigned char digest[SHA256_SIZE];

    TRY(hash_sha256(key, digest));
    base64url_encode(dw_str_n(digest, sizeof(digest)), ret_hash);
    return DW_OK;
}

struct new_secret {
    struct dw_str key, prefix; /* in the arena */
    char hash[HASH_LEN];
};

static enum dw_err make_secret(struct dw_arena *arena, struct new_secret *ret_secret)
{
    unsigned char prefix[PREFIX_BYTES], secret[SECRET_BYTES];
    char *key = dw_arena_alloc(arena, KEY_LEN);
    struct new_secret made;

    if (key == NULL)
        return DW_ERR_NO_MEMORY;
    dw_random(prefix, sizeof(prefix));
    dw_random(secret, sizeof(secret));
    memcpy(key, KEY_START, START_LEN);
    hex_encode(dw_str_n(prefix, sizeof(prefix)), key + START_LEN);
    key[START_LEN + PREFIX_LEN] = '_';
    hex_encode(dw_str_n(secret, sizeof(secret)), key + START_LEN + PREFIX_LEN + 1);
    dw_wipe(secret, sizeof(secret));
    made.key = dw_str_n(key, KEY_LEN);
    made.prefix = dw_str_n(key + START_LEN, PREFIX_LEN);
    TRY(hash_key(made.key, made.hash));
    *ret_secret = made;
    return DW_OK;
}

static enum dw_err insert_secret(struct transaction *tx, struct dw_str key_id, const struct new_secret *secret,
                                 int64_t now_s)
{
    return sql_exec(tx, &SECRET_INSERT,
                    VALUES(V_TEXT(secret->prefix), V_TEXT(key_id), V_TEXT(dw_str_n(secret->hash, HASH_LEN)),
                           V_INT(now_s)),
                    NULL);
}

static bool is_hex(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return true;
}

bool api_key_is_formed(struct dw_str key)
{
    return key.len == KEY_LEN && dw_str_starts_with(key, DW_STR(KEY_START)) &&
           key.ptr[START_LEN + PREFIX_LEN] == '_' && is_hex(dw_str_n(key.ptr + START_LEN, PREFIX_LEN)) &&
           is_hex(dw_str_n(key.ptr + START_LEN + PREFIX_LEN + 1, 2 * SECRET_BYTES));
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

struct key_reading {
    struct dw_arena *arena;
    struct api_key *keys;
    size_t n;
};

static enum dw_err read_key(const struct row *row, void *argument)
{
    struct key_reading *r = argument;
    const struct api_key key = {
        .id = dw_arena_copy(r->arena, row_text(row, 0)),
        .name = dw_arena_copy(r->arena, row_text(row, 1)),
        .prefix = dw_arena_copy(r->arena, row_text(row, 2)),
        .scopes = dw_arena_copy(r->arena, row_text(row, 3)),
        .created_at = row_int(row, 4),
        .expires_at = time_or_none(row, 5),
        .last_used_at = time_or_none(row, 6),
        .is_active = !is_over(time_or_none(row, 5), dw_clock_now_s()),
    };

    if (!key.id.ptr || !key.name.ptr || !key.prefix.ptr || !key.scopes.ptr)
        return DW_ERR_NO_MEMORY;
    r->keys[r->n++] = key;
    return DW_OK;
}

static enum dw_err load_key(struct transaction *tx, const struct api_key_owner *owner, struct dw_str id,
                            struct dw_arena *arena, struct api_key *ret_key)
{
    struct key_reading r = { .arena = arena, .keys = ret_key };

    return sql_one(tx, &KEY_BY_ID, VALUES(V_CSTR(owner->tenant->id), V_TEXT(owner->user_id), V_TEXT(id)), read_key, &r);
}

static enum dw_err read_count(const struct row *row, void *argument)
{
    *(int64_t *)argument = row_int(row, 0);
    return DW_OK;
}

static enum dw_err record(struct transaction *tx, enum audit_action action, const struct api_key_owner *owner,
                          struct dw_str key_id)
{
    const struct audit_event event = { .action = action, .tenant_id = owner->tenant->id, .actor = owner->actor->id,
                                       .target = key_id, .address = owner->actor->address };

    return audit_append(tx, &event);
}

/* --- making ------------------------------------------------------------------------------------------------------ */

struct creation {
    const struct api_key_owner *owner;
    const struct api_key_new *new_key;
    struct new_secret secret;
    char id[DW_UUID_SIZE];
    struct dw_arena *arena;
    struct api_key key;
};

/* What the key is given: asked for, or all; never more than the credential and its user have. */
static enum dw_err grant(const struct creation *c, const struct user *user, struct dw_str *ret_scopes)
{
    const struct api_key_new *in = c->new_key;
    struct dw_str may;

    TRY(scope_intersect(user->permissions, in->may.ptr != NULL ? in->may : DW_STR(""), c->arena, &may));
    if (in->scopes.ptr != NULL && !scope_covers(may, in->scopes))
        return DW_ERR_PERMISSION;
    return scope_intersect(in->scopes.ptr != NULL ? in->scopes : may, may, c->arena, ret_scopes);
}

static enum dw_err insert_key(struct transaction *tx, void *argument)
{
    struct creation *c = argument;
    const struct api_key_owner *owner = c->owner;
    const int64_t now_s = dw_clock_now_s();
    struct user user;
    struct dw_str scopes;
    int64_t n_keys = 0;

    TRY(user_load(tx, owner->user_id, c->arena, &user));
    TRY(grant(c, &user, &scopes));
    TRY(sql_one(tx, &KEY_COUNT, VALUES(V_TEXT(owner->user_id)), read_count, &n_keys));
    if (n_keys >= API_KEY_LIMIT)
        return DW_ERR_API_KEY_LIMIT;
    TRY(sql_exec(tx, &KEY_INSERT,
                 VALUES(V_CSTR(c->id), V_CSTR(owner->tenant->id), V_TEXT(owner->user_id), V_TEXT(c->new_key->name),
                        V_TEXT(scopes), V_INT(now_s), value_time(c->new_key->expires_s)),
                 NULL));
    TRY(insert_secret(tx, dw_str(c->id), &c->secret, now_s));
    TRY(record(tx, AUDIT_API_KEY_CREATED, owner, dw_str(c->id)));
    TRY(notice_add(tx, &(struct notice){ .kind = NOTICE_API_KEY_CREATED, .user_id = owner->user_id,
                                         .from = owner->actor->address, .detail = c->new_key->name }));
    return load_key(tx, owner, dw_str(c->id), c->arena, &c->key);
}

enum dw_err api_key_create(struct identity *identity, const struct api_key_owner *owner,
                           const struct api_key_new *new_key, struct dw_arena *arena, struct api_key_made *ret_made)
{
    struct creation c = { .owner = owner, .new_key = new_key, .arena = arena };
    struct dw_str asked;

    if (new_key->name.len == 0 || new_key->name.len > API_KEY_NAME_MAX_BYTES)
        return DW_ERR_VALIDATION;
    TRY(scope_grant(new_key->scopes, DW_STR(""), arena, &asked)); /* malformed? */
    dw_uuid7(c.id);
    TRY(make_secret(arena, &c.secret));
    TRY(identity_write_as(identity, owner->actor, insert_key, &c));
    *ret_made = (struct api_key_made){ .info = c.key, .key = c.secret.key, .previous_expires_at = -1 };
    return DW_OK;
}

/* --- listing ----------------------------------------------------------------------------------------------------- */

struct listing {
    const struct api_key_owner *owner;
    struct dw_str after;
    unsigned limit;
    struct key_reading reading;
};

static enum dw_err list_keys(struct transaction *tx, void *argument)
{
    struct listing *l = argument;

    l->reading.n = 0;
    return sql_each(tx, &KEY_LIST,
                    VALUES(V_CSTR(l->owner->tenant->id), V_TEXT(l->owner->user_id),
                           V_TEXT(l->after.ptr != NULL ? l->after : DW_STR("")), V_INT((int64_t)l->limit + 1)),
                    read_key, &l->reading, NULL);
}

enum dw_err api_key_list(struct identity *identity, const struct api_key_owner *owner, struct dw_str after,
                         unsigned limit, struct dw_arena *arena, struct api_key_page *ret_page)
{
    struct listing l = { .owner = owner, .after = after, .limit = limit, .reading = { .arena = arena } };

    if (limit < 1 || limit > API_KEY_LIMIT)
        return DW_ERR_ARGUMENT;
    l.reading.keys = dw_arena_alloc(arena, ((size_t)limit + 1) * sizeof(*l.reading.keys));
    if (l.reading.keys == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(storage_read(identity->storage, list_keys, &l));
    for (size_t i = 0; i < l.reading.n; i++) {
        struct api_key *key = &l.reading.keys[i];

        key->last_used_at = MAX_OF(key->last_used_at, api_key_noted_use(identity, key->id));
    }
    *ret_page = (struct api_key_page){ .keys = l.reading.keys, .n = MIN_OF(l.reading.n, (size_t)limit),
                                       .has_more = l.reading.n > limit };
    return DW_OK;
}

/* --- rotating ---------------------------------------------------------------------------------------------------- */

struct rotation {
    const struct api_key_owner *owner;
    struct dw_str id;
    int64_t previous_end_s, now_s;
    struct new_secret secret;
    struct dw_arena *arena;
    struct api_key key;
};

static enum dw_err rotate_key(struct transaction *tx, void *argument)
{
    struct rotation *r = argument;
    int64_t n_live = 0;

    TRY(load_key(tx, r->owner, r->id, r->arena, &r->key));
    if (!r->key.is_active)
        return DW_ERR_API_KEY_ENDED;
    TRY(sql_exec(tx, &SECRETS_END, VALUES(V_TEXT(r->id), V_INT(r->previous_end_s)), NULL));
    TRY(sql_one(tx, &SECRETS_COUNT, VALUES(V_TEXT(r->id), V_INT(r->now_s)), read_count, &n_live));
    if (n_live >= API_KEY_SECRETS_LIMIT)
        return DW_ERR_API_KEY_ROTATED;
    TRY(insert_secret(tx, r->id, &r->secret, r->now_s));
    TRY(record(tx, AUDIT_API_KEY_ROTATED, r->owner, r->id));
    return load_key(tx, r->owner, r->id, r->arena, &r->key);
}

enum dw_err api_key_rotate(struct identity *identity, const struct api_key_owner *owner, struct dw_str id,
                           int64_t overlap_s, struct dw_arena *arena, struct api_key_made *ret_made)
{
    const int64_t now_s = dw_clock_now_s();
    struct rotation r = { .owner = owner, .id = id, .now_s = now_s, .previous_end_s = now_s + overlap_s,
                          .arena = arena };

    if (overlap_s < 0 || overlap_s > API_KEY_OVERLAP_MAX_S)
        return DW_ERR_ARGUMENT;
    TRY(make_secret(arena, &r.secret));
    TRY(identity_write_as(identity, owner->actor, rotate_key, &r));
    if (r.key.expires_at >= 0)
        r.previous_end_s = MIN_OF(r.previous_end_s, r.key.expires_at);
    r.key.last_used_at = MAX_OF(r.key.last_used_at, api_key_noted_use(identity, id));
    *ret_made = (struct api_key_made){ .info = r.key, .key = r.secret.key, .previous_expires_at = r.previous_end_s };
    return DW_OK;
}

/* --- ending ------------------------------------------------------------------------------------------------------ */

struct revocation {
    const struct api_key_owner *owner;
    struct dw_str id;
};

static enum dw_err delete_key(struct transaction *tx, void *argument)
{
    const struct revocation *r = argument;
    int64_t changes = 0;

    TRY(sql_exec(tx, &KEY_DELETE, VALUES(V_CSTR(r->owner->tenant->id), V_TEXT(r->owner->user_id), V_TEXT(r->id)),
                 &changes));
    if (changes == 0)
        return DW_ERR_NOT_FOUND;
    return record(tx, AUDIT_API_KEY_REVOKED, r->owner, r->id);
}

enum dw_err api_key_revoke(struct identity *identity, const struct api_key_owner *owner, struct dw_str id)
{
    struct revocation r = { owner, id };

    return storage_write(identity->storage, delete_key, &r);
}

enum dw_err api_key_purge_in(struct transaction *tx, int64_t now_s)
{
    return sql_exec(tx, &SECRETS_PURGE, VALUES(V_INT(now_s)), NULL);
}

/* --- using ------------------------------------------------------------------------------------------------------- */

struct restoration {
    struct dw_str prefix;
    struct dw_arena *arena;
    struct user *user;
    struct dw_str key_id, scopes;
    char hash[HASH_LEN];
    size_t hash_len;
    int64_t key_end_s, secret_end_s;
};

static enum dw_err read_restored(const struct row *row, void *argument)
{
    struct restoration *r = argument;
    const struct dw_str hash = row_text(row, USER_COLUMN_COUNT + 3);

    TRY(user_read_row(row, r->arena, r->user));
    r->key_id = dw_arena_copy(r->arena, row_text(row, USER_COLUMN_COUNT));
    r->scopes = dw_arena_copy(r->arena, row_text(row, USER_COLUMN_COUNT + 1));
    r->key_end_s = time_or_none(row, USER_COLUMN_COUNT + 2);
    r->secret_end_s = time_or_none(row, USER_COLUMN_COUNT + 4);
    if (r->key_id.ptr == NULL || r->scopes.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    r->hash_len = MIN_OF(hash.len, sizeof(r->hash));
    memcpy(r->hash, hash.ptr, r->hash_len);
    return DW_OK;
}

static enum dw_err look_up(struct transaction *tx, void *argument)
{
    struct restoration *r = argument;

    return sql_one(tx, &KEY_RESTORE, VALUES(V_TEXT(r->prefix)), read_restored, r);
}

/* What a key may is told only to whoever has it all: the secret comes first. */
static enum dw_err judge(const struct restoration *r, const char hash[HASH_LEN])
{
    const int64_t now_s = dw_clock_now_s();

    if (r->hash_len != HASH_LEN || !dw_mem_eq(r->hash, hash, HASH_LEN))
        return DW_ERR_API_KEY;
    if (!r->user->is_active)
        return DW_ERR_USER_INACTIVE;
    return is_over(r->key_end_s, now_s) || is_over(r->secret_end_s, now_s) ? DW_ERR_API_KEY_EXPIRED : DW_OK;
}

/* The earlier of two ends, of which -1 is none. */
static int64_t earlier(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return MAX_OF(a, b);
    return MIN_OF(a, b);
}

static enum dw_err principal_of(const struct restoration *r, struct principal *ret_principal)
{
    const int64_t end_s = earlier(r->key_end_s, r->secret_end_s);
    struct principal p = { .user = r->user, .token_id = r->key_id, .expires_s = end_s < 0 ? INT64_MAX : end_s };

    TRY(scope_intersect(r->scopes, r->user->permissions, r->arena, &p.scope));
    p.is_partial = !scope_covers(p.scope, r->user->permissions);
    *ret_principal = p;
    return DW_OK;
}

enum dw_err api_key_restore(struct identity *identity, struct dw_str key, struct dw_str address,
                            struct dw_arena *arena, struct principal *ret_principal)
{
    struct restoration r = { .arena = arena, .user = dw_arena_alloc(arena, sizeof(*r.user)) };
    char hash[HASH_LEN];

    if (r.user == NULL)
        return DW_ERR_NO_MEMORY;
    if (!api_key_is_formed(key))
        return DW_ERR_API_KEY;
    TRY(hash_key(key, hash));
    r.prefix = dw_str_n(key.ptr + START_LEN, PREFIX_LEN);
    const enum dw_err err = storage_read(identity->storage, look_up, &r);

    if (err == DW_ERR_NOT_FOUND)
        return DW_ERR_API_KEY;
    TRY(err);
    TRY(judge(&r, hash));
    TRY(principal_of(&r, ret_principal));
    api_key_note_use(identity, &(struct api_key_use){ .key_id = r.key_id, .user_id = r.user->id,
                                                      .tenant_id = r.user->tenant_id, .address = address,
                                                      .at_s = dw_clock_now_s() });
    return DW_OK;
}
