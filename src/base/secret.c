#include "base/cleanup.h"

void dw_wipe(void *memory, size_t size)
{
    if (memory != NULL && size > 0)
        explicit_bzero(memory, size);
}

bool dw_mem_eq(const void *a, const void *b, size_t size)
{
    if (size > 0 && (a == NULL || b == NULL))
        return false;
    const unsigned char *left = a, *right = b;
    uint64_t difference = 0;
    size_t i = 0;

    /* A token is compared on every request: eight bytes at a time. The empty asm hides from the compiler what the
     * difference is so far, so that it can't leave the loop early. */
    for (; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
        uint64_t l, r;

        memcpy(&l, left + i, sizeof(l));
        memcpy(&r, right + i, sizeof(r));
        difference |= l ^ r;
        __asm__("" : "+r"(difference));
    }
    for (; i < size; i++) {
        difference |= (uint64_t)(left[i] ^ right[i]);
        __asm__("" : "+r"(difference));
    }
    return difference == 0;
}

bool dw_secret_eq(const struct dw_secret *a, const struct dw_secret *b)
{
    return a != NULL && b != NULL && a->size == b->size && dw_mem_eq(a->bytes, b->bytes, a->size);
}

/* One byte more than asked: the bytes end in a NUL that is not counted, so an empty secret still differs from none. */
static enum dw_err secret_new(size_t size, struct dw_secret *ret_secret)
{
    if (size == SIZE_MAX)
        return DW_ERR_NO_MEMORY;
    unsigned char *bytes = calloc(1, size + 1);
    if (bytes == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_secret = (struct dw_secret){ bytes, size };
    return DW_OK;
}

enum dw_err dw_secret_copy(struct dw_str from, struct dw_secret *ret_secret)
{
    if (ret_secret == NULL)
        return DW_ERR_ARGUMENT;
    if (dw_str_is_absent(from)) {
        *ret_secret = (struct dw_secret){ 0 };
        return DW_OK;
    }
    TRY(secret_new(from.len, ret_secret));
    memcpy(ret_secret->bytes, from.ptr, from.len);
    return DW_OK;
}

enum dw_err dw_secret_random(size_t size, struct dw_secret *ret_secret)
{
    if (ret_secret == NULL)
        return DW_ERR_ARGUMENT;
    TRY(secret_new(size, ret_secret));
    dw_random(ret_secret->bytes, size);
    return DW_OK;
}

void dw_secret_free(struct dw_secret *secret)
{
    if (secret == NULL)
        return;
    dw_wipe(secret->bytes, secret->size);
    free(secret->bytes);
    *secret = (struct dw_secret){ 0 };
}
