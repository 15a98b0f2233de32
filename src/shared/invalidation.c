#include "shared/invalidation.h"

#include <pthread.h>
#include <stdatomic.h>

struct invalidation {
    _Atomic uint64_t count; /* changes so far; entry number n stands at ring[n % INVALIDATION_RING] */
    pthread_mutex_t lock;
    struct change ring[INVALIDATION_RING];
};

enum dw_err invalidation_new(struct invalidation **ret_invalidation)
{
    struct invalidation *inv = calloc(1, sizeof(*inv));

    if (inv == NULL)
        return DW_ERR_NO_MEMORY;
    pthread_mutex_init(&inv->lock, NULL);
    *ret_invalidation = inv;
    return DW_OK;
}

static void change_drop(struct change *change)
{
    if (change->object.pointer != NULL)
        change->object.unref(change->object.pointer);
    *change = (struct change){ 0 };
}

void invalidation_free(struct invalidation **invalidation)
{
    if (invalidation == NULL || *invalidation == NULL)
        return;
    for (size_t i = 0; i < INVALIDATION_RING; i++)
        change_drop(&(*invalidation)->ring[i]);
    pthread_mutex_destroy(&(*invalidation)->lock);
    free(*invalidation);
    *invalidation = NULL;
}

uint64_t invalidation_now(const struct invalidation *inv)
{
    return atomic_load_explicit(&inv->count, memory_order_acquire);
}

/* With the lock held. */
static void append(struct invalidation *inv, enum change_kind kind, struct dw_str id, struct change_object object)
{
    const uint64_t number = atomic_load_explicit(&inv->count, memory_order_relaxed);
    struct change *entry = &inv->ring[number % INVALIDATION_RING];

    change_drop(entry);
    entry->kind = kind;
    memcpy(entry->id, id.ptr, id.len < sizeof(entry->id) ? id.len : sizeof(entry->id) - 1);
    entry->object = object;
    atomic_store_explicit(&inv->count, number + 1, memory_order_release);
}

void invalidation_publish(struct invalidation *inv, enum change_kind kind, struct dw_str id)
{
    pthread_mutex_lock(&inv->lock);
    append(inv, kind, id, (struct change_object){ 0 });
    pthread_mutex_unlock(&inv->lock);
}

/* With the lock held: whether nothing after `read_at` makes a copy of this user stale. */
static bool is_current(const struct invalidation *inv, struct dw_str id, uint64_t read_at)
{
    const uint64_t number = atomic_load_explicit(&inv->count, memory_order_relaxed);

    if (number - read_at >= INVALIDATION_RING)
        return false;
    for (uint64_t n = read_at; n < number; n++) {
        const struct change *entry = &inv->ring[n % INVALIDATION_RING];

        if (entry->kind == CHANGE_USERS || (entry->kind == CHANGE_USER && dw_str_eq(dw_str(entry->id), id)))
            return false;
    }
    return true;
}

void invalidation_offer(struct invalidation *inv, struct dw_str id, uint64_t read_at, struct change_object object)
{
    pthread_mutex_lock(&inv->lock);
    if (is_current(inv, id, read_at)) {
        object.ref(object.pointer);
        append(inv, CHANGE_LOADED, id, object);
    }
    pthread_mutex_unlock(&inv->lock);
}

bool invalidation_catch_up(struct invalidation *inv, uint64_t *seen,
                           void (*apply)(const struct change *change, void *argument), void *argument)
{
    pthread_mutex_lock(&inv->lock);
    const uint64_t number = atomic_load_explicit(&inv->count, memory_order_relaxed);
    const bool has_all = number - *seen <= INVALIDATION_RING;

    for (uint64_t n = *seen; has_all && n < number; n++)
        apply(&inv->ring[n % INVALIDATION_RING], argument);
    *seen = number;
    pthread_mutex_unlock(&inv->lock);
    return has_all;
}
