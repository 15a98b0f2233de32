/*
 * What the rooms above base do not need to see of an arena: resizing its last piece, for allocators built on it.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/cleanup.h"

/* Makes the piece `memory`, which had old_size bytes, new_size bytes long. In place when it is the last one made;
 * otherwise moved (growing) or left (shrinking). What it gives back is wiped. NULL past the limit or without memory:
 * the old piece is then as it was. */
void *arena_resize(struct dw_arena *arena, void *memory, size_t old_size, size_t new_size);

#endif
