#include "identity/signing_key.h"

#include "base/encoding.h"
#include "crypto/aead.h"

#include <stdatomic.h>

static const struct statement KEY_LIST = {
    "signing_key_list",
    "SELECT kid, alg, state, public_jwk, sealed, created_at, retires_at, starts_at FROM signing_keys"
    " ORDER BY CASE state WHEN 'active' THEN 0 WHEN 'next' THEN 1 ELSE 2 END, created_at, kid",
    0,
};

const struct statement *const SIGNING_KEY_STATEMENTS[] = { &KEY_LIST, NULL };

/* A set as it was loaded. Older ones stay until the process ends: rotations are rare, and a request may use one yet. */
struct generation {
    struct generation *older;
    struct dw_keyset *set;
    const struct dw_key *active;
    struct signing_key_standing standing; /* borrows from the set */
};

/* Threads that want the same look at the database: what one of them saw is good for all that asked before it began. */
struct shared_look {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t ended;
    uint64_t n_begun, n_ended;
    enum dw_err err; /* of the last that ended */
};

struct signing_keys {
    pthread_mutex_t loading;
    struct shared_look look;
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

struct dw_str signing_key_seal_context(struct dw_arena *arena, struct dw_str kid)
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
    const struct dw_str context = signing_key_seal_context(load->arena, kid);

    if (context.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(base64url_decode_arena(load->arena, row_text(row, 4), &sealed));
    TRY(aead_open(&load->identity->keys.sealing, context, sealed, &jwk));
    TRY(dw_key_from_jwk(dw_secret_borrow(&jwk), dw_alg_by_name(row_text(row, 1)), &key));
    TRY(dw_keyset_take(load->generation->set, key));
    if (dw_str_eq(row_text(row, 2), DW_STR("active")))
        load->generation->active = key;
    const struct signing_key_info info = {
        .kid = dw_key_id(key),
        .alg = row_text(row, 1),
        .state = row_text(row, 2),
        .created_at = row_int(row, 5),
        .starts_at = row_is_null(row, 7) ? -1 : row_int(row, 7),
    };

    signing_key_note(&load->generation->standing, &info);
    return DW_OK;
}

static enum dw_err load_keys(struct transaction *tx, void *argument)
{
    return sql_each(tx, &KEY_LIST, NO_VALUES, load_key, argument, NULL);
}

enum dw_err signing_key_reload(struct identity *identity)
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

enum dw_err signing_key_load(struct identity *identity)
{
    if (identity->signing == NULL) {
        identity->signing = calloc(1, sizeof(*identity->signing));
        if (identity->signing == NULL)
            return DW_ERR_NO_MEMORY;
        pthread_mutex_init(&identity->signing->loading, NULL);
        pthread_mutex_init(&identity->signing->look.mutex, NULL);
        pthread_cond_init(&identity->signing->look.ended, NULL);
    }
    const enum dw_err err = signing_key_reload(identity);

    if (err != DW_ERR_NOT_FOUND)
        return err;
    TRY(signing_key_make_first(identity));
    return signing_key_reload(identity);
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
    pthread_mutex_destroy(&identity->signing->look.mutex);
    pthread_cond_destroy(&identity->signing->look.ended);
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

struct signing_key_standing signing_key_known(struct identity *identity)
{
    return atomic_load_explicit(&identity->signing->current, memory_order_acquire)->standing;
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
        .starts_at = row_is_null(row, 7) ? -1 : row_int(row, 7),
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

/* --- catching up ------------------------------------------------------------------------------------------------ */

struct comparing {
    const struct generation *known;
    size_t n;
    bool differs;
};

static enum dw_err compare_key(const struct row *row, void *argument)
{
    struct comparing *c = argument;
    const bool is_active = dw_str_eq(row_text(row, 2), DW_STR("active"));

    c->n++;
    if (dw_keyset_find(c->known->set, row_text(row, 0)) == NULL ||
        (is_active && !dw_str_eq(row_text(row, 0), dw_key_id(c->known->active))))
        c->differs = true;
    return DW_OK;
}

static enum dw_err compare_keys(struct transaction *tx, void *argument)
{
    return sql_each(tx, &KEY_LIST, NO_VALUES, compare_key, argument, NULL);
}

static enum dw_err look(struct identity *identity)
{
    struct comparing c = { .known = atomic_load_explicit(&identity->signing->current, memory_order_acquire) };

    TRY(storage_read(identity->storage, compare_keys, &c));
    if (!c.differs && c.n == dw_keyset_size(c.known->set))
        return DW_OK;
    TRY(signing_key_reload(identity));
    invalidation_publish(identity->invalidation, CHANGE_KEYS, DW_STR(""));
    return DW_OK;
}

/* Where the database is slow, hundreds ask at the same time: one look answers all of them. */
enum dw_err signing_key_catch_up(struct identity *identity)
{
    struct shared_look *l = &identity->signing->look;
    enum dw_err err;

    pthread_mutex_lock(&l->mutex);
    const uint64_t mine = l->n_begun + 1; /* the first that begins from now on */

    while (l->n_ended < mine && l->n_begun > l->n_ended)
        pthread_cond_wait(&l->ended, &l->mutex);
    if (l->n_ended < mine) {
        l->n_begun++;
        pthread_mutex_unlock(&l->mutex);
        err = look(identity);
        pthread_mutex_lock(&l->mutex);
        l->n_ended++;
        l->err = err;
        pthread_cond_broadcast(&l->ended);
    }
    err = l->err;
    pthread_mutex_unlock(&l->mutex);
    return err;
}
