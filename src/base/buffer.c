#include "base/buffer.h"

#include <stdarg.h>

enum { BUFFER_FIRST = 256 };

void buffer_free(struct buffer *b)
{
    dw_wipe(b->ptr, b->capacity);
    free(b->ptr);
    *b = (struct buffer)BUFFER_INIT(b->max);
}

void buffer_reset(struct buffer *b)
{
    dw_wipe(b->ptr, b->len);
    b->len = 0;
    b->failed = DW_OK;
}

/* Not realloc(): it would leave a copy of the old bytes behind, unwiped. */
static enum dw_err buffer_grow(struct buffer *b, size_t needed)
{
    size_t capacity = MAX_OF(b->capacity, BUFFER_FIRST);

    while (capacity < needed)
        capacity = capacity > b->max / 2 ? b->max : capacity * 2;
    char *grown = malloc(capacity);
    if (grown == NULL)
        return DW_ERR_NO_MEMORY;
    if (b->ptr != NULL)
        memcpy(grown, b->ptr, b->len);
    dw_wipe(b->ptr, b->capacity); /* what was consumed, too */
    free(b->ptr);
    b->ptr = grown;
    b->capacity = capacity;
    return DW_OK;
}

char *buffer_reserve(struct buffer *b, size_t extra)
{
    if (b->failed != DW_OK)
        return NULL;
    if (b->len > b->max || extra > b->max - b->len) {
        b->failed = DW_ERR_LIMIT;
        return NULL;
    }
    if (b->ptr == NULL || extra > b->capacity - b->len) {
        b->failed = buffer_grow(b, b->len + extra);
        if (b->failed != DW_OK)
            return NULL;
    }
    return b->ptr + b->len;
}

void buffer_commit(struct buffer *b, size_t written)
{
    b->len += written;
}

void buffer_append(struct buffer *b, struct dw_str s)
{
    if (s.len == 0)
        return;
    char *out = buffer_reserve(b, s.len);
    if (out == NULL)
        return;
    memcpy(out, s.ptr, s.len);
    b->len += s.len;
}

void buffer_append_char(struct buffer *b, char c)
{
    buffer_append(b, dw_str_n(&c, 1));
}

void buffer_append_int(struct buffer *b, int64_t value)
{
    char digits[24];
    size_t start = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--start] = '-';
    buffer_append(b, dw_str_n(digits + start, sizeof(digits) - start));
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        b->failed = b->failed == DW_OK ? DW_ERR_ARGUMENT : b->failed;
        return;
    }
    /* One more for the NUL, which is not counted afterwards. */
    char *out = buffer_reserve(b, (size_t)length + 1);
    if (out == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(out, (size_t)length + 1, format, arguments);
    va_end(arguments);
    b->len += (size_t)length;
}

void buffer_consume(struct buffer *b, size_t n)
{
    n = MIN_OF(n, b->len);
    if (n == 0)
        return;
    memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
}
