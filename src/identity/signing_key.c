#include "identity/signing_key.h"

#include "base/encoding.h"
#include "crypto/aead.h"
#include "identity/audit.h"
#include "identity/node.h"

#include <stdatomic.h>

static const struct statement KEY_LIST = {
    "signing_key_list",
    "SELECT kid, alg, state, public_jwk, sealed, created_at, retires_at FROM signing_keys ORDER BY created_at, kid",
    0,
};
static const struct statement KEY_INSERT = {
    "signing_key_insert",
    "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    6,
};
static const struct statement KEY_STEP_DOWN = {
    "signing_key_step_down", "UPDATE signing_keys SET state = 'retiring', retires_at = $1 WHERE state = 'active'", 1,
};
static const struct statement KEY_STEP_UP = {
    "signing_key_step_up",
    "UPDATE signing_keys SET state = 'active' WHERE kid = (SELECT kid FROM signing_keys WHERE state = 'next'"
    " ORDER BY created_at, kid LIMIT 1) RETURNING kid",
    0,
};
static const struct statement KEY_DELETE = {
    "signing_key_delete", "DELETE FROM signing_keys WHERE kid = $1 AND state <> 'active'", 1,
};
static const struct statement KEY_STATE = {
    "signing_key_state", "SELECT state FROM signing_keys WHERE kid = $1", 1,
};
static const struct statement KEY_NEXT = {
    "signing_key_next", "SELECT kid FROM signing_keys WHERE state = 'next' LIMIT 1", 0,
};
static const struct statement KEY_PURGE = {
    "signing_key_purge", "DELETE FROM signing_keys WHERE state = 'retiring' AND retires_at <= $1", 1,
};

const struct statement *const SIGNING_KEY_STATEMENTS[] = {
    &KEY_LIST, &KEY_INSERT, &KEY_STEP_DOWN, &KEY_STEP_UP, &KEY_DELETE, &KEY_STATE, &KEY_NEXT, &KEY_PURGE,
    NULL,
};

/* A set as it was loaded. Older ones stay until the process ends: rotations are rare, and a request may use one yet. */
struct generation {
    struct generation *older;
    struct dw_keyset *set;
    const struct dw_key *active;
};

struct signing_keys {
    pthread_mutex_t loading;
    _Atomic(struct generation *) current;
};

static void generation_free(struct generation **generation)
{
    if (*generation == NULL)
        return;
    dw_keyset_free(&(*generation)->set);
    free(*generation);
    *generation = NULL;
}

#define _cleanup_generation_ _cleanup_(generation_free)

/* --- loading ---------------------------------------------------------------------------------------------------- */

/* The sealed form is bound to the table and the row: a value copied to another row does not open. */
static struct dw_str seal_context(struct dw_arena *arena, struct dw_str kid)
{
    return dw_arena_printf(arena, "signing_keys/%.*s", (int)kid.len, kid.ptr);
}

struct load {
    struct identity *identity;
    struct dw_arena *arena;
    struct generation *generation;
};

static enum dw_err load_key(const struct row *row, void *argument)
{
    struct load *load = argument;
    _cleanup_secret_ struct dw_secret jwk = { 0 };
    struct dw_key *key = NULL;
    struct dw_str sealed;
    const struct dw_str kid = row_text(row, 0);
    const struct dw_str context = seal_context(load->arena, kid);

    if (context.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(base64url_decode_arena(load->arena, row_text(row, 4), &sealed));
    TRY(aead_open(&load->identity->keys.sealing, context, sealed, &jwk));
    TRY(dw_key_from_jwk(dw_secret_borrow(&jwk), dw_alg_by_name(row_text(row, 1)), &key));
    TRY(dw_keyset_take(load->generation->set, key));
    if (dw_str_eq(row_text(row, 2), DW_STR("active")))
        load->generation->active = key;
    return DW_OK;
}

static enum dw_err load_keys(struct transaction *tx, void *argument)
{
    return sql_each(tx, &KEY_LIST, NO_VALUES, load_key, argument, NULL);
}

/* Reads all keys and makes them the ones in use. */
static enum dw_err reload(struct identity *identity)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    _cleanup_generation_ struct generation *generation = calloc(1, sizeof(*generation));

    if (generation == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(dw_arena_new(1 << 22, &arena));
    TRY(dw_keyset_new(&generation->set));
    struct load load = { identity, arena, generation };

    pthread_mutex_lock(&identity->signing->loading);
    const enum dw_err err = storage_read(identity->storage, load_keys, &load);

    if (err == DW_OK && generation->active != NULL) {
        generation->older = atomic_load(&identity->signing->current);
        atomic_store_explicit(&identity->signing->current, TAKE_PTR(generation), memory_order_release);
    }
    pthread_mutex_unlock(&identity->signing->loading);
    TRY(err);
    return generation == NULL ? DW_OK : DW_ERR_NOT_FOUND;
}

/* --- making ----------------------------------------------------------------------------------------------------- */

struct making {
    struct identity *identity;
    const struct actor *actor;
    struct dw_str kid, alg, public_jwk, sealed;
    struct dw_arena *arena;
    bool step_up; /* rotate: the active one steps down */
};

/* RS and PS keys: about 128 bits of strength, as all else here has (NIST SP 800-57 part 1, table 2). */
enum { SIGNING_RSA_BITS = 3072 };

static enum dw_err make_key(struct making *m)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    _cleanup_secret_ struct dw_secret jwk = { 0 };
    struct dw_str sealed;

    TRY(dw_key_generate(m->identity->config.algorithm, SIGNING_RSA_BITS, &key));
    TRY(dw_key_private_jwk(key, &jwk));
    m->kid = dw_arena_copy(m->arena, dw_key_id(key));
    m->alg = dw_str(dw_alg_name(m->identity->config.algorithm));
    const struct dw_str context = seal_context(m->arena, m->kid);

    if (context.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(aead_seal(&m->identity->keys.sealing, context, dw_secret_borrow(&jwk), m->arena, &sealed));
    m->sealed = base64url_encode_arena(m->arena, sealed);
    TRY(dw_key_public_jwk(key, m->arena, &m->public_jwk));
    return m->sealed.ptr ? DW_OK : DW_ERR_NO_MEMORY;
}

static enum dw_err insert_key(struct transaction *tx, const struct making *m, const char *state)
{
    const struct audit_event event = { .action = AUDIT_KEY_CREATED, .actor = m->actor->id, .target = m->kid,
                                       .address = m->actor->address };

    TRY(sql_exec(tx, &KEY_INSERT,
                 VALUES(V_TEXT(m->kid), V_TEXT(m->alg), V_CSTR(state), V_TEXT(m->public_jwk), V_TEXT(m->sealed),
                        V_INT(dw_clock_now_s())),
                 NULL));
    return audit_append(tx, &event);
}

static enum dw_err insert_first(struct transaction *tx, void *argument)
{
    return insert_key(tx, argument, "active");
}

static enum dw_err make_first(struct identity *identity)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct actor system = { .id = DW_STR_INIT("system") };

    TRY(dw_arena_new(1 << 20, &arena));
    struct making m = { .identity = identity, .actor = &system, .arena = arena };

    TRY(make_key(&m));
    const enum dw_err err = storage_write(identity->storage, insert_first, &m);

    return err == DW_ERR_CONSTRAINT ? DW_OK : err; /* another node was first: its key is the active one */
}

enum dw_err signing_key_load(struct identity *identity)
{
    if (identity->signing == NULL) {
        identity->signing = calloc(1, sizeof(*identity->signing));
        if (identity->signing == NULL)
            return DW_ERR_NO_MEMORY;
        pthread_mutex_init(&identity->signing->loading, NULL);
    }
    const enum dw_err err = reload(identity);

    if (err != DW_ERR_NOT_FOUND)
        return err;
    TRY(make_first(identity));
    return reload(identity);
}

void signing_key_unload(struct identity *identity)
{
    if (identity->signing == NULL)
        return;
    for (struct generation *g = atomic_load(&identity->signing->current), *older; g != NULL; g = older) {
        older = g->older;
        generation_free(&g);
    }
    pthread_mutex_destroy(&identity->signing->loading);
    free(TAKE_PTR(identity->signing));
}

/* --- using ------------------------------------------------------------------------------------------------------ */

const struct dw_key *signing_key_active(struct identity *identity)
{
    return atomic_load_explicit(&identity->signing->current, memory_order_acquire)->active;
}

const struct dw_keyset *signing_key_set(struct identity *identity)
{
    return atomic_load_explicit(&identity->signing->current, memory_order_acquire)->set;
}

enum dw_err signing_key_jwks(struct identity *identity, struct dw_arena *arena, struct dw_str *ret_json)
{
    return dw_keyset_public_jwks(signing_key_set(identity), arena, ret_json);
}

struct listing {
    struct dw_arena *arena;
    struct signing_key_info *keys;
    size_t n, capacity;
};

static enum dw_err list_row(const struct row *row, void *argument)
{
    struct listing *l = argument;

    if (l->n == l->capacity)
        return DW_ERR_LIMIT;
    l->keys[l->n++] = (struct signing_key_info){
        .kid = dw_arena_copy(l->arena, row_text(row, 0)),
        .alg = dw_arena_copy(l->arena, row_text(row, 1)),
        .state = dw_arena_copy(l->arena, row_text(row, 2)),
        .public_jwk = dw_arena_copy(l->arena, row_text(row, 3)),
        .created_at = row_int(row, 5),
        .retires_at = row_is_null(row, 6) ? -1 : row_int(row, 6),
    };
    return DW_OK;
}

static enum dw_err list_keys(struct transaction *tx, void *argument)
{
    return sql_each(tx, &KEY_LIST, NO_VALUES, list_row, argument, NULL);
}

enum dw_err signing_key_list(struct identity *identity, struct dw_arena *arena, struct signing_key_info **ret_keys,
                             size_t *ret_n)
{
    enum { MOST = 256 };
    struct listing l = { .arena = arena, .capacity = MOST };

    l.keys = dw_arena_alloc(arena, MOST * sizeof(*l.keys));
    if (l.keys == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(storage_read(identity->storage, list_keys, &l));
    *ret_keys = l.keys;
    *ret_n = l.n;
    return DW_OK;
}

/* --- rotation --------------------------------------------------------------------------------------------------- */

static enum dw_err read_kid(const struct row *row, void *argument)
{
    struct making *m = argument;

    m->kid = dw_arena_copy(m->arena, row_text(row, 0));
    return m->kid.ptr ? DW_OK : DW_ERR_NO_MEMORY;
}

static enum dw_err apply_preparation(struct transaction *tx, void *argument)
{
    struct making *m = argument;
    struct making found = { .arena = m->arena };
    const enum dw_err err = sql_one(tx, &KEY_NEXT, NO_VALUES, read_kid, &found);

    if (err == DW_OK)
        return DW_ERR_CONFLICT;
    if (err != DW_ERR_NOT_FOUND)
        return err;
    TRY(identity_announce(tx, m->identity, CHANGE_KEYS, DW_STR("")));
    return insert_key(tx, m, "next");
}

enum dw_err signing_key_prepare(struct identity *identity, const struct actor *actor, struct dw_arena *arena,
                                struct dw_str *ret_kid)
{
    struct making m = { .identity = identity, .actor = actor, .arena = arena };

    TRY(make_key(&m));
    TRY(storage_write(identity->storage, apply_preparation, &m));
    TRY(reload(identity));
    identity_publish(identity, CHANGE_KEYS, DW_STR(""));
    *ret_kid = m.kid;
    return DW_OK;
}

static enum dw_err apply_rotation(struct transaction *tx, void *argument)
{
    struct making *m = argument;
    const struct dw_str fresh = m->kid;
    const int64_t last_use = dw_clock_now_s() + m->identity->config.access_ttl_s;

    TRY(sql_exec(tx, &KEY_STEP_DOWN, VALUES(V_INT(last_use)), NULL));
    const enum dw_err err = sql_one(tx, &KEY_STEP_UP, NO_VALUES, read_kid, m);

    if (err == DW_ERR_NOT_FOUND) {
        m->kid = fresh;
        TRY(insert_key(tx, m, "active"));
    } else {
        TRY(err);
    }
    const struct audit_event event = { .action = AUDIT_KEY_ROTATED, .actor = m->actor->id, .target = m->kid,
                                       .address = m->actor->address };

    TRY(identity_announce(tx, m->identity, CHANGE_KEYS, DW_STR("")));
    return audit_append(tx, &event);
}

enum dw_err signing_key_rotate(struct identity *identity, const struct actor *actor, struct dw_arena *arena,
                               struct dw_str *ret_kid)
{
    struct making m = { .identity = identity, .actor = actor, .arena = arena };

    TRY(make_key(&m));
    TRY(storage_write(identity->storage, apply_rotation, &m));
    TRY(reload(identity));
    identity_publish(identity, CHANGE_KEYS, DW_STR(""));
    *ret_kid = m.kid;
    return DW_OK;
}

static enum dw_err read_state(const struct row *row, void *argument)
{
    *(bool *)argument = dw_str_eq(row_text(row, 0), DW_STR("active"));
    return DW_OK;
}

static enum dw_err apply_retirement(struct transaction *tx, void *argument)
{
    struct making *m = argument;
    bool is_active = false;
    const struct audit_event event = { .action = AUDIT_KEY_RETIRED, .actor = m->actor->id, .target = m->kid,
                                       .address = m->actor->address };

    TRY(sql_one(tx, &KEY_STATE, VALUES(V_TEXT(m->kid)), read_state, &is_active));
    if (is_active)
        return DW_ERR_CONFLICT;
    TRY(sql_exec(tx, &KEY_DELETE, VALUES(V_TEXT(m->kid)), NULL));
    TRY(identity_announce(tx, m->identity, CHANGE_KEYS, DW_STR("")));
    return audit_append(tx, &event);
}

enum dw_err signing_key_retire(struct identity *identity, const struct actor *actor, struct dw_str kid)
{
    struct making m = { .identity = identity, .actor = actor, .kid = kid };

    TRY(storage_write(identity->storage, apply_retirement, &m));
    TRY(reload(identity));
    identity_publish(identity, CHANGE_KEYS, DW_STR(""));
    return DW_OK;
}

static enum dw_err apply_purge(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &KEY_PURGE, VALUES(V_INT(dw_clock_now_s())), argument);
}

enum dw_err signing_key_purge(struct identity *identity)
{
    int64_t removed = 0;

    TRY(storage_write(identity->storage, apply_purge, &removed));
    if (removed == 0)
        return DW_OK;
    TRY(reload(identity));
    identity_publish(identity, CHANGE_KEYS, DW_STR(""));
    return DW_OK;
}
