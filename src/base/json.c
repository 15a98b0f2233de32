#include "base/json.h"

#include "base/arena.h"

/*
 * yyjson keeps a document as one array of values in the order of the text; a container tells where its next sibling
 * stands. So one pass over that array checks depth and names, with a stack of container ends in place of recursion.
 */
enum { DEPTH_MAX = 128, NAMES_PAIRWISE_MAX = 16 };

static void *alloc_in_arena(void *arena, size_t size)
{
    return dw_arena_alloc(arena, size);
}

static void *resize_in_arena(void *arena, void *memory, size_t old_size, size_t size)
{
    return arena_resize(arena, memory, old_size, size);
}

static void free_in_arena(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

static yyjson_val *next_name(yyjson_val *name)
{
    return unsafe_yyjson_get_next(name + 1);
}

static int compare_names(const void *left, const void *right)
{
    yyjson_val *a = *(yyjson_val *const *)left, *b = *(yyjson_val *const *)right;
    const size_t a_size = unsafe_yyjson_get_len(a), b_size = unsafe_yyjson_get_len(b);

    if (a_size != b_size)
        return a_size < b_size ? -1 : 1;
    return memcmp(unsafe_yyjson_get_str(a), unsafe_yyjson_get_str(b), a_size);
}

/* Sorting, not hashing: there is no input that makes it slow. */
static enum dw_err check_many_names(yyjson_val *object, size_t n)
{
    _cleanup_free_ yyjson_val **names = malloc(n * sizeof(yyjson_val *));
    if (names == NULL)
        return DW_ERR_NO_MEMORY;
    yyjson_val *name = unsafe_yyjson_get_first(object);
    for (size_t i = 0; i < n; i++, name = next_name(name))
        names[i] = name;
    qsort(names, n, sizeof(yyjson_val *), compare_names);
    for (size_t i = 1; i < n; i++) {
        if (compare_names(&names[i - 1], &names[i]) == 0)
            return DW_ERR_JSON_DUPLICATE;
    }
    return DW_OK;
}

static bool is_among(yyjson_val *name, yyjson_val *first)
{
    for (yyjson_val *other = first; other != name; other = next_name(other)) {
        if (compare_names(&name, &other) == 0)
            return true;
    }
    return false;
}

/* One of 64 marks; equal names have the same. */
static unsigned name_mark(yyjson_val *name)
{
    const unsigned char *text = (const unsigned char *)unsafe_yyjson_get_str(name);
    const size_t size = unsafe_yyjson_get_len(name);

    return size == 0 ? 0 : (unsigned)(size * 5 + text[0] + (size_t)text[size - 1] * 3) % 64;
}

static enum dw_err check_names(yyjson_val *object)
{
    const size_t n = unsafe_yyjson_get_len(object);
    yyjson_val *const first = unsafe_yyjson_get_first(object);
    uint64_t marks = 0;

    if (n > NAMES_PAIRWISE_MAX)
        return check_many_names(object, n);
    yyjson_val *name = first;
    for (size_t i = 0; i < n; i++, name = next_name(name)) {
        const uint64_t mark = UINT64_C(1) << name_mark(name);
        if ((marks & mark) != 0 && is_among(name, first))
            return DW_ERR_JSON_DUPLICATE;
        marks |= mark;
    }
    return DW_OK;
}

static enum dw_err check_document(yyjson_val *root, unsigned max_depth)
{
    yyjson_val *ends[DEPTH_MAX];
    yyjson_val *const end = unsafe_yyjson_get_next(root);
    unsigned depth = 0;

    max_depth = MIN_OF(max_depth, DEPTH_MAX);
    for (yyjson_val *value = root; value < end; value++) {
        while (depth > 0 && value >= ends[depth - 1])
            depth--;
        if (!unsafe_yyjson_is_ctn(value))
            continue;
        if (depth >= max_depth)
            return DW_ERR_JSON_DEPTH;
        ends[depth++] = unsafe_yyjson_get_next(value);
        if (unsafe_yyjson_is_obj(value))
            TRY(check_names(value));
    }
    return DW_OK;
}

enum dw_err json_parse(struct dw_arena *arena, struct dw_str text, unsigned max_depth, yyjson_val **ret_root,
                       size_t *ret_error_pos)
{
    const yyjson_alc allocator = { alloc_in_arena, resize_in_arena, free_in_arena, arena };
    yyjson_read_err error = { 0 };

    /* yyjson's own interface takes the text as writable, and writes only when asked to work in place. */
    yyjson_doc *document = text.len == 0 ? NULL
                                         : yyjson_read_opts((char *)text.ptr, text.len, YYJSON_READ_NOFLAG,
                                                            &allocator, &error);
    if (document == NULL) {
        if (error.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
            return DW_ERR_NO_MEMORY;
        if (ret_error_pos != NULL)
            *ret_error_pos = error.pos;
        return DW_ERR_JSON;
    }
    yyjson_val *root = yyjson_doc_get_root(document);
    TRY(check_document(root, max_depth));
    *ret_root = root;
    return DW_OK;
}

yyjson_val *json_get(yyjson_val *object, const char *name)
{
    return yyjson_obj_get(object, name);
}

struct dw_str json_get_str(yyjson_val *object, const char *name)
{
    return json_str(json_get(object, name));
}

int64_t json_get_int(yyjson_val *object, const char *name, int64_t fallback)
{
    yyjson_val *value = json_get(object, name);

    if (yyjson_is_sint(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) <= INT64_MAX))
        return yyjson_get_sint(value);
    return fallback;
}

bool json_get_bool(yyjson_val *object, const char *name, bool fallback)
{
    yyjson_val *value = json_get(object, name);
    return yyjson_is_bool(value) ? yyjson_get_bool(value) : fallback;
}
