/*
 * Straight-line clean-up: a declaration says who frees it.
 *
 *     _cleanup_(dw_arena_free) struct dw_arena *arena = NULL;
 *     TRY(dw_arena_new(LIMIT, &arena));
 *     ...
 *     *ret_arena = TAKE_PTR(arena);
 *     return DW_OK;
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <doorward/base.h>
#include <stdio.h>
#include <stdlib.h>

#define TRY(expression) DW_TRY(expression)

/* `function` takes a pointer to the variable and must accept an empty one. */
#define _cleanup_(function) __attribute__((cleanup(function)))

/* Hands the pointer on and forgets it, so that clean-up leaves it alone. */
#define TAKE_PTR(pointer)                                                                                              \
    ({                                                                                                                 \
        __auto_type take_ptr_value = (pointer);                                                                        \
        (pointer) = NULL;                                                                                              \
        take_ptr_value;                                                                                                \
    })

/* The same for a struct dw_secret. */
#define TAKE_SECRET(secret)                                                                                            \
    ({                                                                                                                 \
        struct dw_secret take_secret_value = (secret);                                                                 \
        (secret) = (struct dw_secret){ 0 };                                                                            \
        take_secret_value;                                                                                             \
    })

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
/* Each argument is evaluated twice: no calls, no atomics, no increments in them. */
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

static inline void cleanup_free(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

static inline void cleanup_fclose(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

void cleanup_close(int *fd); /* closes when >= 0; keeps errno */

#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_secret_ _cleanup_(dw_secret_free)
#define _cleanup_arena_ _cleanup_(dw_arena_free)

#endif
