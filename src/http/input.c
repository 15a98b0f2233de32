#include "http/input.h"

#include "base/cleanup.h"

enum dw_err input_open(struct input *in, struct input_store *store)
{
    if (in->ptr != NULL)
        return DW_OK;
    char *block = (char *)store->free;
    if (block != NULL) {
        store->free = store->free->next;
        store->n_free--;
    } else {
        block = malloc(INPUT_BLOCK);
    }
    if (block == NULL)
        return DW_ERR_NO_MEMORY;
    *in = (struct input){ .ptr = block, .capacity = INPUT_BLOCK };
    return DW_OK;
}

void input_release(struct input *in, struct input_store *store)
{
    if (in->ptr == NULL)
        return;
    dw_wipe(in->ptr, in->len);
    if (in->capacity == INPUT_BLOCK && store->n_free < INPUT_KEPT_BLOCKS) {
        struct input_block *block = (struct input_block *)(void *)in->ptr;
        block->next = store->free;
        store->free = block;
        store->n_free++;
    } else {
        free(in->ptr);
    }
    *in = (struct input){ 0 };
}

enum dw_err input_make_room(struct input *in, struct input_store *store, size_t keep_from, size_t wanted,
                            struct parse *parse)
{
    const size_t kept = in->len - keep_from;
    size_t capacity = in->capacity;

    if (input_room(in) >= wanted)
        return DW_OK;
    while (capacity - kept < wanted)
        capacity *= 2;
    char *moved = malloc(capacity);
    if (moved == NULL)
        return DW_ERR_NO_MEMORY;
    memcpy(moved, in->ptr + keep_from, kept);
    if (parse != NULL)
        parse_rebase(parse, in->ptr + keep_from, moved);
    const struct input grown = { .ptr = moved, .pos = in->pos - keep_from, .len = kept, .capacity = capacity };
    input_release(in, store);
    *in = grown;
    return DW_OK;
}

void input_store_free(struct input_store *store)
{
    while (store->free != NULL) {
        struct input_block *block = store->free;
        store->free = block->next;
        free(block);
    }
    store->n_free = 0;
}
