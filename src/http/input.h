/*
 * The bytes of a connection that are not answered yet.
 *
 * Why: an idle connection shall hold no buffer, so blocks are borrowed from the loop's free list when bytes come and go
 * back when all are answered. The kernel writes into the block directly; nothing is copied on the usual way.
 * Defends against: growth (input_make_room() is only asked for what the limits allow), credentials that linger (wiped
 * when given back).
 */
#ifndef HTTP_INPUT_H
#define HTTP_INPUT_H

#include "http/parse.h"

enum {
    INPUT_BLOCK = 4096,      /* what a block has at first; only these are kept */
    INPUT_KEPT_BLOCKS = 256, /* in a loop's free list */
};

struct input {
    char *ptr;
    size_t pos; /* the first byte that was not parsed */
    size_t len;
    size_t capacity;
};

struct input_block {
    struct input_block *next;
};

struct input_store {
    struct input_block *free;
    unsigned n_free;
};

static inline size_t input_room(const struct input *in)
{
    return in->capacity - in->len;
}

/* Takes a block when there is none. */
DW_MUST_USE enum dw_err input_open(struct input *in, struct input_store *store);
void input_release(struct input *in, struct input_store *store);
/* Makes room for `wanted` more bytes behind `keep_from` (an offset); what stands before it is dropped. The slices of
 * `parse` follow; it may be NULL when no request has begun. */
DW_MUST_USE enum dw_err input_make_room(struct input *in, struct input_store *store, size_t keep_from, size_t wanted,
                                        struct parse *parse);
void input_store_free(struct input_store *store);

#endif
