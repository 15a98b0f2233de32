/*
 * The small types that every other header stands on: borrowed strings, arenas, secrets, the clock.
 *
 * Defends against: overruns (a length travels with each pointer), use after free (request data lives in one arena),
 * secrets that linger or get printed (struct dw_secret has no printable form and is wiped).
 * Threading: a dw_arena or dw_secret belongs to one thread at a time; dw_str is a value.
 */
#ifndef DOORWARD_BASE_H
#define DOORWARD_BASE_H

#include <doorward/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- borrowed strings ------------------------------------------------------------------------------------------- */

/* Bytes that somebody else owns; not NUL-terminated. {NULL, 0} means "absent", {non-NULL, 0} "empty". */
struct dw_str {
    const char *ptr;
    size_t len;
};

/* A string literal as a dw_str (C initialiser form DW_STR_INIT for static tables). */
#define DW_STR_INIT(literal) { (literal), sizeof(literal) - 1 }
#ifdef __cplusplus
#define DW_STR(literal) dw_str_n((literal), sizeof(literal) - 1)
#else
#define DW_STR(literal) ((struct dw_str)DW_STR_INIT(literal))
#endif

/* Of a C string, borrowed; NULL is absent. */
static inline struct dw_str dw_str(const char *c_string)
{
    struct dw_str s = { c_string, c_string ? strlen(c_string) : 0 };
    return s;
}

/* Of so many bytes, borrowed. */
static inline struct dw_str dw_str_n(const void *ptr, size_t len)
{
    struct dw_str s = { (const char *)ptr, len };
    return s;
}

/* Absent is not empty: "" was sent, absent was not. */
static inline bool dw_str_is_absent(struct dw_str s)
{
    return s.ptr == NULL;
}

/* Equality of public data. Not constant-time: for secrets there is dw_secret_eq(). */
static inline bool dw_str_eq(struct dw_str a, struct dw_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equality without regard to ASCII case (header names, scheme names: RFC 9110 §5.1, §11.1). */
DW_API bool dw_str_eq_nocase(struct dw_str a, struct dw_str b);
DW_API bool dw_str_starts_with(struct dw_str s, struct dw_str prefix);

/* Whether `s` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). NUL is allowed here. */
DW_API bool dw_str_is_utf8(struct dw_str s);

/* Whether the space-separated `list` (RFC 6749 §3.3) holds `item`. */
DW_API bool dw_str_list_has(struct dw_str list, struct dw_str item);

/* --- arena ------------------------------------------------------------------------------------------------------ */

/* Memory that is freed all at once, at the end of a request. Wiped when freed or reset, as it may hold credentials. */
struct dw_arena;

/* limit_bytes: the most that may ever be allocated from it; DW_ERR_LIMIT past that. */
DW_API DW_MUST_USE enum dw_err dw_arena_new(size_t limit_bytes, struct dw_arena **ret_arena);
DW_API void dw_arena_free(struct dw_arena **arena);
/* Gives back everything allocated from it but keeps its first block. */
DW_API void dw_arena_reset(struct dw_arena *arena);
/* Zeroed memory aligned for any type; NULL past the limit or without memory. */
DW_API void *dw_arena_alloc(struct dw_arena *arena, size_t size);
/* A NUL-terminated copy; absent stays absent. {NULL, 0} also when memory ran out: check the ptr. */
DW_API struct dw_str dw_arena_copy(struct dw_arena *arena, struct dw_str s);
DW_API struct dw_str dw_arena_printf(struct dw_arena *arena, const char *format, ...) DW_PRINTF(2, 3);

/* --- secrets ---------------------------------------------------------------------------------------------------- */

/* Bytes that must not be seen. Owned; wiped by dw_secret_free(). Zero-initialise: { 0 } is "no secret". */
struct dw_secret {
    unsigned char *bytes;
    size_t size;
};

/* A copy of what somebody else keeps; absent gives "no secret". DW_ERR_NO_MEMORY. */
DW_API DW_MUST_USE enum dw_err dw_secret_copy(struct dw_str from, struct dw_secret *ret_secret);
/* `size` bytes from the system's generator (getrandom). */
DW_API DW_MUST_USE enum dw_err dw_secret_random(size_t size, struct dw_secret *ret_secret);
DW_API void dw_secret_free(struct dw_secret *secret);
/* Constant-time in the content; a differing length is told at once, as lengths are public. */
DW_API bool dw_secret_eq(const struct dw_secret *a, const struct dw_secret *b);
/* The same for borrowed bytes. */
DW_API bool dw_mem_eq(const void *a, const void *b, size_t size);
/* Overwrites memory in a way that the compiler keeps. */
DW_API void dw_wipe(void *memory, size_t size);

/* Its bytes, for as long as it lives. */
static inline struct dw_str dw_secret_borrow(const struct dw_secret *secret)
{
    return secret == NULL ? dw_str_n(NULL, 0) : dw_str_n(secret->bytes, secret->size);
}

/* --- clock ------------------------------------------------------------------------------------------------------ */

/* Unix seconds. A test that set the clock sees that time instead, in the whole process. Any thread. */
DW_API int64_t dw_clock_now_s(void);
/* For tests: time stands still at unix_s; negative gives the real clock back. */
DW_API void dw_clock_set(int64_t unix_s);

/* --- random and ids --------------------------------------------------------------------------------------------- */

/* Fills from the system's generator; ends the process when it has none, since nothing safe can follow. */
DW_API void dw_random(void *ret_bytes, size_t size);

enum { DW_UUID_SIZE = 37 };
/* A UUIDv7 (RFC 9562 §5.7) in text form, NUL-terminated: greater than any that this process made before, 62 random
 * bits. Not a secret. */
DW_API void dw_uuid7(char ret_text[DW_UUID_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
