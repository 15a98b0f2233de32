/*
 * JSON of foreign bytes, read safely; and a writer that appends to a buffer.
 *
 * Why: yyjson is fast but keeps duplicate names (RFC 8259 §4 leaves them open; two readers then disagree about what
 * was signed) and parses any depth. Every parse of foreign bytes goes through json_parse().
 * The document lives in the arena: nothing is freed singly. Values are yyjson's own, read with yyjson_get_*().
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buffer.h"
#include <yyjson.h>

enum { JSON_DEPTH_DEFAULT = 32, JSON_MEMORY_FACTOR = 60 };

/* Strict RFC 8259. Errors: DW_ERR_JSON (syntax, UTF-8, nothing there), DW_ERR_JSON_DUPLICATE (a name twice in one
 * object, compared after unescaping), DW_ERR_JSON_DEPTH, DW_ERR_NO_MEMORY.
 * Memory: usually 3 to 14 bytes of the arena for a byte of text, at the worst JSON_MEMORY_FACTOR.
 * *ret_root borrows from the arena and lives as long. ret_error_pos may be NULL (byte offset of a syntax error). */
DW_MUST_USE enum dw_err json_parse(struct dw_arena *arena, struct dw_str text, unsigned max_depth,
                                   yyjson_val **ret_root, size_t *ret_error_pos);

/* Member access on an object; absent, null object or another type give {NULL, 0}, `fallback`, false, NULL. A string
 * with a NUL inside is handed on with its length. */
struct dw_str json_get_str(yyjson_val *object, const char *name);
int64_t json_get_int(yyjson_val *object, const char *name, int64_t fallback);
bool json_get_bool(yyjson_val *object, const char *name, bool fallback);
yyjson_val *json_get(yyjson_val *object, const char *name);
static inline struct dw_str json_str(yyjson_val *value)
{
    return yyjson_is_str(value) ? dw_str_n(yyjson_get_str(value), yyjson_get_len(value)) : dw_str_n(NULL, 0);
}

/* Writing: a value with escapes as RFC 8259 §7 asks; the caller places commas through json_key / json_item. */
void json_write_str(struct buffer *b, struct dw_str s); /* "…", escaped; absent writes null */
/* `"name":` preceded by a comma unless the last byte written is an opening bracket. */
void json_write_key(struct buffer *b, const char *name);
/* A comma unless the last byte written is an opening bracket: before each item of an array. */
void json_write_comma(struct buffer *b);
void json_write_member_str(struct buffer *b, const char *name, struct dw_str value);
void json_write_member_int(struct buffer *b, const char *name, int64_t value);
void json_write_member_bool(struct buffer *b, const char *name, bool value);
/* A parsed value, written back compactly. */
void json_write_value(struct buffer *b, yyjson_val *value);

#endif
