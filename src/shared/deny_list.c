#include "shared/deny_list.h"
#include "base/encoding.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { FIRST_SLOTS = 1024 };

/* Open addressing; low == 0 marks a free slot (a UUID's low half holds the variant bits and is never 0). */
struct slot {
    _Atomic uint64_t high, low, expires_s;
};

struct table {
    struct table *next; /* in the list of retired ones */
    size_t mask, used;
    struct slot *slots; /* in pages of their own */
};

struct deny_list {
    pthread_mutex_t writing;
    _Atomic uint64_t version; /* odd while a writer works */
    _Atomic(struct table *) table;
    struct table *retired; /* empty; readers may still look at these, so they are not freed before the list is */
};

static size_t table_bytes(const struct table *t)
{
    return (t->mask + 1) * sizeof(t->slots[0]);
}

static struct table *table_new(size_t slots)
{
    struct table *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->mask = slots - 1;
    void *pages = mmap(NULL, table_bytes(t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        free(t);
        return NULL;
    }
    t->slots = pages;
    return t;
}

static void table_free(struct table *t)
{
    if (t == NULL)
        return;
    munmap(t->slots, table_bytes(t));
    free(t);
}

/* Gives the pages back and keeps their place: a reader that is late reads zeros there, sees that the version moved, and
 * looks again. */
static void table_clear(struct table *t)
{
    t->used = 0;
    if (madvise(t->slots, table_bytes(t), MADV_DONTNEED) == 0)
        return;
    for (size_t i = 0; i <= t->mask; i++) /* pages that are locked into memory stay */
        atomic_store_explicit(&t->slots[i].low, 0, memory_order_relaxed);
}

bool deny_id_parse(struct dw_str text, struct deny_id *ret_id)
{
    uint64_t half[2] = { 0, 0 };
    unsigned digits = 0;

    if (text.len != DW_UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        const int value = hex_value(text.ptr[i]);

        if (is_dash != (text.ptr[i] == '-') || (!is_dash && value < 0))
            return false;
        if (is_dash)
            continue;
        half[digits / 16] = half[digits / 16] << 4 | (uint64_t)value;
        digits++;
    }
    if (half[1] == 0)
        return false;
    *ret_id = (struct deny_id){ .high = half[0], .low = half[1] };
    return true;
}

enum dw_err deny_list_new(struct deny_list **ret_list)
{
    struct deny_list *list = calloc(1, sizeof(*list));
    struct table *table = table_new(FIRST_SLOTS);

    if (list == NULL || table == NULL) {
        free(list);
        table_free(table);
        return DW_ERR_NO_MEMORY;
    }
    pthread_mutex_init(&list->writing, NULL);
    atomic_init(&list->table, table);
    *ret_list = list;
    return DW_OK;
}

void deny_list_free(struct deny_list **list)
{
    if (list == NULL || *list == NULL)
        return;
    for (struct table *t = (*list)->retired, *next; t != NULL; t = next) {
        next = t->next;
        table_free(t);
    }
    table_free(atomic_load(&(*list)->table));
    pthread_mutex_destroy(&(*list)->writing);
    free(*list);
    *list = NULL;
}

static size_t slot_of(const struct table *t, uint64_t low)
{
    return (size_t)(low ^ low >> 29) & t->mask;
}

/* The slot that holds the id, or the free one where it belongs. */
static struct slot *table_find(struct table *t, const struct deny_id *id)
{
    size_t i = slot_of(t, id->low);

    for (;; i = (i + 1) & t->mask) {
        const uint64_t low = atomic_load_explicit(&t->slots[i].low, memory_order_relaxed);

        if (low == 0)
            return &t->slots[i];
        if (low == id->low && atomic_load_explicit(&t->slots[i].high, memory_order_relaxed) == id->high)
            return &t->slots[i];
    }
}

static void slot_put(struct table *t, const struct deny_id *id, uint64_t expires_s)
{
    struct slot *slot = table_find(t, id);

    if (atomic_load_explicit(&slot->low, memory_order_relaxed) == 0)
        t->used++;
    atomic_store_explicit(&slot->high, id->high, memory_order_relaxed);
    atomic_store_explicit(&slot->low, id->low, memory_order_relaxed);
    atomic_store_explicit(&slot->expires_s, expires_s, memory_order_relaxed);
}

static size_t count_alive(struct table *t, uint64_t now_s)
{
    size_t alive = 0;

    for (size_t i = 0; i <= t->mask; i++)
        alive += t->slots[i].low != 0 && t->slots[i].expires_s > now_s;
    return alive;
}

/* An empty table of that size: a retired one where there is one, so that places do not pile up. */
static struct table *table_obtain(struct deny_list *list, size_t slots)
{
    for (struct table **link = &list->retired; *link != NULL; link = &(*link)->next) {
        struct table *t = *link;

        if (t->mask + 1 != slots)
            continue;
        *link = t->next;
        return t;
    }
    return table_new(slots);
}

/* A table for what is still alive, with room for three times as much again. NULL without memory. */
static struct table *table_rebuild(struct deny_list *list, struct table *old, uint64_t now_s)
{
    size_t slots = FIRST_SLOTS;
    const size_t alive = count_alive(old, now_s);

    while (slots < alive * 4)
        slots *= 2;
    struct table *t = table_obtain(list, slots);

    for (size_t i = 0; t != NULL && i <= old->mask; i++) {
        const struct deny_id id = { old->slots[i].high, old->slots[i].low };

        if (id.low != 0 && old->slots[i].expires_s > now_s)
            slot_put(t, &id, old->slots[i].expires_s);
    }
    return t;
}

/* *ret_retired: the table that was replaced, if one was, to be cleared when readers may go on. */
static enum dw_err make_room(struct deny_list *list, uint64_t now_s, struct table **ret_retired)
{
    struct table *old = atomic_load_explicit(&list->table, memory_order_relaxed);

    if (old->used * 2 <= old->mask)
        return DW_OK;
    struct table *t = table_rebuild(list, old, now_s);

    if (t == NULL)
        return DW_ERR_NO_MEMORY;
    old->next = list->retired;
    list->retired = old;
    atomic_store_explicit(&list->table, t, memory_order_release);
    *ret_retired = old;
    return DW_OK;
}

enum dw_err deny_list_add(struct deny_list *list, struct dw_str text, int64_t expires_s, int64_t now_s)
{
    struct table *retired = NULL;
    struct deny_id id;

    if (list == NULL || !deny_id_parse(text, &id))
        return DW_ERR_ARGUMENT;
    if (expires_s <= now_s)
        return DW_OK;
    pthread_mutex_lock(&list->writing);
    atomic_fetch_add_explicit(&list->version, 1, memory_order_acq_rel);
    const enum dw_err err = make_room(list, (uint64_t)now_s, &retired);

    if (err == DW_OK)
        slot_put(atomic_load_explicit(&list->table, memory_order_relaxed), &id, (uint64_t)expires_s);
    atomic_fetch_add_explicit(&list->version, 1, memory_order_release);
    if (retired != NULL)
        table_clear(retired);
    pthread_mutex_unlock(&list->writing);
    return err;
}

bool deny_list_has(struct deny_list *list, const struct deny_id *id)
{
    for (;;) {
        const uint64_t before = atomic_load_explicit(&list->version, memory_order_acquire);

        if (before & 1)
            continue; /* a writer works for some nanoseconds, or rebuilds for a millisecond at the most */
        struct table *t = atomic_load_explicit(&list->table, memory_order_acquire);
        const bool found = atomic_load_explicit(&table_find(t, id)->low, memory_order_relaxed) != 0;

        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&list->version, memory_order_relaxed) == before)
            return found;
    }
}

size_t deny_list_size(struct deny_list *list)
{
    pthread_mutex_lock(&list->writing);
    const size_t used = atomic_load(&list->table)->used;

    pthread_mutex_unlock(&list->writing);
    return used;
}
