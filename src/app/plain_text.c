#include "app/model.h"

/* What a browser takes for the beginning of a tag, a comment or a declaration (HTML §13.2.5.6). */
static bool opens_tag(char next)
{
    return (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '/' || next == '!' || next == '?';
}

/* Leaves out everything from a '<' that opens a tag to the next '>', or to the end. */
static size_t tags_remove(struct dw_str html, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < html.len; i++) {
        if (html.ptr[i] == '<' && i + 1 < html.len && opens_tag(html.ptr[i + 1])) {
            const char *end = memchr(html.ptr + i, '>', html.len - i);
            if (end == NULL)
                break;
            i = (size_t)(end - html.ptr);
            continue;
        }
        out[n++] = html.ptr[i];
    }
    return n;
}

/* "<<b>script>" leaves a new tag behind. From the right, so that what is kept never opens one again. */
static size_t openings_remove(char *text, size_t n)
{
    size_t kept = n;

    for (size_t i = n; i-- > 0;)
        if (text[i] != '<' || kept == n || !opens_tag(text[kept]))
            text[--kept] = text[i];
    memmove(text, text + kept, n - kept);
    return n - kept;
}

struct dw_str plain_text_strip(struct dw_arena *arena, struct dw_str html)
{
    char *out = dw_arena_alloc(arena, html.len + 1);

    if (out == NULL)
        return dw_str_n(NULL, 0);
    return dw_str_n(out, openings_remove(out, tags_remove(html, out)));
}
