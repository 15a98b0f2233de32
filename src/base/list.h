/*
 * Lists with commas between their entries, as settings and configurations write them.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/cleanup.h"

/* Takes the first entry off, without the blanks around it; `rest` is absent after the last one. An empty text has one
 * entry, an empty one, as has what stands between two commas. */
static inline struct dw_str list_take(struct dw_str *rest)
{
    const char *comma = rest->len == 0 ? NULL : memchr(rest->ptr, ',', rest->len);
    const size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->ptr);
    struct dw_str entry = dw_str_n(rest->ptr, len);

    *rest = comma == NULL ? dw_str_n(NULL, 0) : dw_str_n(comma + 1, rest->len - len - 1);
    while (entry.len > 0 && (entry.ptr[0] == ' ' || entry.ptr[0] == '\t'))
        entry = dw_str_n(entry.ptr + 1, entry.len - 1);
    while (entry.len > 0 && (entry.ptr[entry.len - 1] == ' ' || entry.ptr[entry.len - 1] == '\t'))
        entry.len--;
    return entry;
}

/* How many entries there are. */
static inline size_t list_count(struct dw_str list)
{
    size_t n = 1;

    for (size_t i = 0; i < list.len; i++)
        n += list.ptr[i] == ',';
    return n;
}

#endif
