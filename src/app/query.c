#include "app/query.h"

#include "base/encoding.h"

static enum dw_err pair_decode(struct dw_arena *arena, struct dw_str text, struct query_pair *ret_pair)
{
    const char *equals = memchr(text.ptr, '=', text.len);
    const size_t name_len = equals == NULL ? text.len : (size_t)(equals - text.ptr);

    ret_pair->value = dw_str_n(NULL, 0);
    TRY(percent_decode_arena(arena, dw_str_n(text.ptr, name_len), true, &ret_pair->name));
    if (equals == NULL)
        return DW_OK;
    return percent_decode_arena(arena, dw_str_n(equals + 1, text.len - name_len - 1), true, &ret_pair->value);
}

static size_t pairs_count(struct dw_str encoded)
{
    size_t n = 1;

    for (size_t i = 0; i < encoded.len; i++)
        n += encoded.ptr[i] == '&';
    return n;
}

enum dw_err query_parse(struct dw_arena *arena, struct dw_str encoded, struct query_pair **ret_pairs, size_t *ret_n)
{
    const size_t most = pairs_count(encoded);
    size_t n = 0;

    if (most > QUERY_PAIRS_MAX)
        return DW_ERR_BAD_REQUEST;
    struct query_pair *pairs = dw_arena_alloc(arena, most * sizeof(*pairs));
    if (pairs == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t start = 0, end; start < encoded.len; start = end + 1) {
        for (end = start; end < encoded.len && encoded.ptr[end] != '&';)
            end++;
        if (end > start)
            TRY(pair_decode(arena, dw_str_n(encoded.ptr + start, end - start), &pairs[n++]));
    }
    *ret_pairs = pairs;
    *ret_n = n;
    return DW_OK;
}

enum dw_err query_find(struct dw_arena *arena, struct dw_str encoded, struct dw_str name, struct dw_str *ret_value)
{
    struct query_pair *pairs;
    struct dw_str value = { NULL, 0 };
    bool found = false;
    size_t n;

    if (encoded.len == 0) {
        *ret_value = value;
        return DW_OK;
    }
    TRY(query_parse(arena, encoded, &pairs, &n));
    for (size_t i = 0; i < n; i++) {
        if (!dw_str_eq(pairs[i].name, name))
            continue;
        if (found)
            return DW_ERR_BAD_REQUEST;
        found = true;
        value = pairs[i].value;
    }
    *ret_value = value;
    return DW_OK;
}
