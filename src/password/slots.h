/*
 * Slots: how many hashes may run at the same time, and the memory that they run in.
 *
 * Why: Argon2 takes its memory anew for each hash; a flood of sign-ins would then take whatever the machine has. Here
 * it is mapped once, at the start, and a hash waits for a slot in the order of arrival.
 * The pages are touched by the first hash, not at the start. They stay out of core dumps, and libargon2 clears them
 * after each hash: an attacker who reads its first blocks could test guesses without the memory-hard part.
 * Any thread. A thread holds one slot at the most.
 */
#ifndef PASSWORD_SLOTS_H
#define PASSWORD_SLOTS_H

#include "base/cleanup.h"

struct slots;

DW_MUST_USE enum dw_err slots_new(unsigned n, size_t bytes_each, struct slots **ret_slots);
void slots_free(struct slots **slots);

/* Blocks until a slot is free; from then on slot_allocate() on this thread gives that slot's memory. */
void slots_enter(struct slots *slots);
void slots_leave(struct slots *slots);

/* Page-aligned memory: this thread's slot if it has one that is large enough and unused, otherwise mapped for the
 * moment (a foreign hash that asks for more). NULL without memory. */
void *slot_allocate(size_t bytes);
void slot_release(void *memory, size_t bytes);

#endif
