#include "password/slots.h"

#include <pthread.h>
#include <sys/mman.h>

struct slot {
    void *memory;
    bool is_taken;
};

struct slots {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t next_ticket, served; /* first come, first served */
    unsigned n, n_free;
    size_t bytes_each;
    struct slot *rows;
};

/* The slot of this thread: libargon2's allocator is called without any word of who is hashing. */
static _Thread_local struct slot *own_slot;
static _Thread_local size_t own_slot_bytes;
static _Thread_local bool own_slot_is_used;

static void *map_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    /* Both are wishes; hashing goes on without them. Large pages spare Argon2's scattered reads many TLB misses. */
    madvise(memory, bytes, MADV_DONTDUMP);
    madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

void slots_free(struct slots **slots)
{
    if (*slots == NULL)
        return;
    for (unsigned i = 0; (*slots)->rows != NULL && i < (*slots)->n; i++) {
        if ((*slots)->rows[i].memory != NULL)
            munmap((*slots)->rows[i].memory, (*slots)->bytes_each);
    }
    pthread_cond_destroy(&(*slots)->changed);
    pthread_mutex_destroy(&(*slots)->lock);
    free((*slots)->rows);
    free(*slots);
    *slots = NULL;
}

enum dw_err slots_new(unsigned n, size_t bytes_each, struct slots **ret_slots)
{
    _cleanup_(slots_free) struct slots *slots = calloc(1, sizeof(*slots));
    if (slots == NULL)
        return DW_ERR_NO_MEMORY;
    pthread_mutex_init(&slots->lock, NULL);
    pthread_cond_init(&slots->changed, NULL);
    slots->n = n;
    slots->n_free = n;
    slots->bytes_each = bytes_each;
    slots->rows = calloc(n, sizeof(*slots->rows));
    if (slots->rows == NULL)
        return DW_ERR_NO_MEMORY;
    for (unsigned i = 0; i < n; i++) {
        slots->rows[i].memory = map_memory(bytes_each);
        if (slots->rows[i].memory == NULL)
            return DW_ERR_NO_MEMORY;
    }
    *ret_slots = TAKE_PTR(slots);
    return DW_OK;
}

void slots_enter(struct slots *slots)
{
    struct slot *slot = slots->rows;

    pthread_mutex_lock(&slots->lock);
    const uint64_t ticket = slots->next_ticket++;
    while (ticket != slots->served || slots->n_free == 0)
        pthread_cond_wait(&slots->changed, &slots->lock);
    while (slot->is_taken)
        slot++;
    slot->is_taken = true;
    slots->served++;
    slots->n_free--;
    pthread_cond_broadcast(&slots->changed); /* there may be a slot for the next ticket too */
    pthread_mutex_unlock(&slots->lock);
    own_slot = slot;
    own_slot_bytes = slots->bytes_each;
    own_slot_is_used = false;
}

void slots_leave(struct slots *slots)
{
    pthread_mutex_lock(&slots->lock);
    own_slot->is_taken = false;
    slots->n_free++;
    pthread_cond_broadcast(&slots->changed);
    pthread_mutex_unlock(&slots->lock);
    own_slot = NULL;
    own_slot_bytes = 0;
}

void *slot_allocate(size_t bytes)
{
    if (own_slot == NULL || own_slot_is_used || bytes > own_slot_bytes)
        return map_memory(bytes);
    own_slot_is_used = true;
    return own_slot->memory;
}

void slot_release(void *memory, size_t bytes)
{
    if (own_slot != NULL && memory == own_slot->memory)
        own_slot_is_used = false;
    else
        munmap(memory, bytes);
}
