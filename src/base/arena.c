#include "base/arena.h"

#include <stdarg.h>

/*
 * Blocks are born zeroed and wiped when given back, as far as they were used; so allocation is only a bump, and
 * nothing is cleared twice.
 */
enum { BLOCK_FIRST = 4096, BLOCK_SECOND = 8192, BLOCK_LARGEST = 64 * 1024, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t capacity;
    size_t used;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

struct dw_arena {
    struct block *current; /* the newest; its `next` are older, the last one is `first` */
    struct block *first;
    size_t total; /* bytes handed out */
    size_t limit;
    size_t next_capacity;
};

static struct block *block_new(size_t capacity)
{
    struct block *block = calloc(1, sizeof(*block) + capacity);
    if (block != NULL)
        block->capacity = capacity;
    return block;
}

static void block_wipe(struct block *block)
{
    dw_wipe(block->bytes, block->used);
    block->used = 0;
}

enum dw_err dw_arena_new(size_t limit_bytes, struct dw_arena **ret_arena)
{
    if (ret_arena == NULL)
        return DW_ERR_ARGUMENT;
    struct block *first = block_new(BLOCK_FIRST - sizeof(*first));
    struct dw_arena *arena = calloc(1, sizeof(*arena));

    if (first == NULL || arena == NULL) {
        free(first);
        free(arena);
        return DW_ERR_NO_MEMORY;
    }
    arena->first = first;
    arena->current = first;
    arena->limit = limit_bytes;
    arena->next_capacity = BLOCK_SECOND;
    *ret_arena = arena;
    return DW_OK;
}

void dw_arena_reset(struct dw_arena *arena)
{
    if (arena == NULL)
        return;
    while (arena->current != arena->first) {
        struct block *block = arena->current;
        arena->current = block->next;
        block_wipe(block);
        free(block);
    }
    block_wipe(arena->first);
    arena->total = 0;
    arena->next_capacity = BLOCK_SECOND;
}

void dw_arena_free(struct dw_arena **arena)
{
    if (arena == NULL || *arena == NULL)
        return;
    dw_arena_reset(*arena);
    free((*arena)->first);
    free(*arena);
    *arena = NULL;
}

/* A block for a piece that the current one has no room for. A large piece gets one of its own size. */
static struct block *arena_grow(struct dw_arena *arena, size_t size)
{
    struct block *block = block_new(MAX_OF(size, arena->next_capacity));
    if (block == NULL)
        return NULL;
    if (arena->next_capacity < BLOCK_LARGEST)
        arena->next_capacity *= 2;
    block->next = arena->current;
    arena->current = block;
    return block;
}

static size_t align_up(size_t size)
{
    return (MAX_OF(size, 1) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

void *dw_arena_alloc(struct dw_arena *arena, size_t size)
{
    if (arena == NULL || size > SIZE_MAX / 2)
        return NULL;
    struct block *block = arena->current;

    size = align_up(size);
    if (size > arena->limit - arena->total)
        return NULL;
    if (size > block->capacity - block->used) {
        block = arena_grow(arena, size);
        if (block == NULL)
            return NULL;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    arena->total += size;
    return memory;
}

/* Grows or shrinks the last piece where it stands; false when it is not the last one or there is no room behind it. */
static bool arena_resize_in_place(struct dw_arena *arena, unsigned char *memory, size_t old_size, size_t new_size)
{
    struct block *block = arena->current;

    if (block->used < old_size || memory != block->bytes + (block->used - old_size))
        return false;
    const size_t start = block->used - old_size;
    if (new_size > block->capacity - start)
        return false;
    if (new_size > old_size && new_size - old_size > arena->limit - arena->total)
        return false;
    if (new_size < old_size)
        dw_wipe(memory + new_size, old_size - new_size);
    block->used = start + new_size;
    arena->total = arena->total - old_size + new_size;
    return true;
}

void *arena_resize(struct dw_arena *arena, void *memory, size_t old_size, size_t new_size)
{
    if (new_size > SIZE_MAX / 2)
        return NULL;
    if (arena_resize_in_place(arena, memory, align_up(old_size), align_up(new_size)) || new_size <= old_size)
        return memory;
    void *moved = dw_arena_alloc(arena, new_size);
    if (moved != NULL)
        memcpy(moved, memory, old_size);
    return moved;
}

struct dw_str dw_arena_copy(struct dw_arena *arena, struct dw_str s)
{
    if (dw_str_is_absent(s) || s.len == SIZE_MAX)
        return dw_str_n(NULL, 0);
    char *copy = dw_arena_alloc(arena, s.len + 1);
    if (copy == NULL)
        return dw_str_n(NULL, 0);
    memcpy(copy, s.ptr, s.len);
    return dw_str_n(copy, s.len);
}

struct dw_str dw_arena_printf(struct dw_arena *arena, const char *format, ...)
{
    va_list arguments;

    if (format == NULL)
        return dw_str_n(NULL, 0);
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return dw_str_n(NULL, 0);
    char *text = dw_arena_alloc(arena, (size_t)length + 1);
    if (text == NULL)
        return dw_str_n(NULL, 0);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return dw_str_n(text, (size_t)length);
}
