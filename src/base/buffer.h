/*
 * A growable byte buffer that states its maximum when made (after curl's dynbuf).
 *
 * Defends against: unbounded growth from input, and checking every append: the first failure sticks, later appends
 * do nothing, and the writer asks once at the end with buffer_error().
 * Ownership: owns its bytes; wiped on free, as they may be credentials. One thread at a time.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/cleanup.h"

struct buffer {
    char *ptr;
    size_t len;
    size_t capacity;
    size_t max; /* bytes; appends past it fail with DW_ERR_LIMIT */
    enum dw_err failed;
};

#define BUFFER_INIT(max_bytes) { .max = (max_bytes) }

void buffer_free(struct buffer *b);
/* Wipes the content and forgets the failure, keeps the memory. */
void buffer_reset(struct buffer *b);
/* Makes room for `extra` more bytes and returns where they go; NULL on failure. buffer_commit() then counts them. */
char *buffer_reserve(struct buffer *b, size_t extra);
void buffer_commit(struct buffer *b, size_t written);
void buffer_append(struct buffer *b, struct dw_str s);
void buffer_append_char(struct buffer *b, char c);
void buffer_append_int(struct buffer *b, int64_t value);
void buffer_printf(struct buffer *b, const char *format, ...) DW_PRINTF(2, 3);
/* Removes the first n bytes. */
void buffer_consume(struct buffer *b, size_t n);

DW_MUST_USE static inline enum dw_err buffer_error(const struct buffer *b)
{
    return b->failed;
}

static inline struct dw_str buffer_str(const struct buffer *b)
{
    return dw_str_n(b->ptr, b->len);
}

/* A literal without a strlen. */
#define buffer_append_literal(b, literal) buffer_append((b), dw_str_n((literal), sizeof(literal) - 1))

#define _cleanup_buffer_ _cleanup_(buffer_free)

#endif
