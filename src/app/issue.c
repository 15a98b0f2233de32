#include "app/issue.h"

#include "base/json.h"

static void place_write(const struct place *place, struct buffer *b)
{
    const struct place *chain[ISSUE_DEPTH_MAX];
    size_t n = 0;

    for (; place != NULL && n < ISSUE_DEPTH_MAX; place = place->outer)
        chain[n++] = place;
    buffer_append_char(b, '[');
    while (n-- > 0) {
        json_write_comma(b);
        if (dw_str_is_absent(chain[n]->name))
            buffer_append_int(b, (int64_t)chain[n]->index);
        else
            json_write_str(b, chain[n]->name);
    }
    buffer_append_char(b, ']');
}

enum dw_err issue_add(struct issue_list *list, struct dw_arena *arena, const struct place *place, const char *type,
                      struct dw_str message, struct dw_str input)
{
    enum { LOC_MAX = 4096 };
    _cleanup_buffer_ struct buffer loc = BUFFER_INIT(LOC_MAX);

    if (list->n >= ISSUE_MAX)
        return DW_ERR_VALIDATION;
    place_write(place, &loc);
    if (buffer_error(&loc) != DW_OK) {
        buffer_reset(&loc);
        buffer_append_literal(&loc, "[]");
    }
    struct issue *issue = dw_arena_alloc(arena, sizeof(*issue));
    const struct dw_str loc_text = dw_arena_copy(arena, buffer_str(&loc));
    if (issue == NULL || dw_str_is_absent(loc_text) || dw_str_is_absent(message))
        return DW_ERR_NO_MEMORY;
    *issue = (struct issue){ .type = type, .message = message, .loc = loc_text, .input = input };
    if (list->last == NULL)
        list->first = issue;
    else
        list->last->next = issue;
    list->last = issue;
    list->n++;
    return DW_ERR_VALIDATION;
}

void issue_list_write(const struct issue_list *list, struct buffer *b)
{
    buffer_append_char(b, '[');
    for (const struct issue *issue = list->first; issue != NULL; issue = issue->next) {
        json_write_comma(b);
        buffer_append_literal(b, "{\"type\":");
        json_write_str(b, dw_str(issue->type));
        buffer_append_literal(b, ",\"loc\":");
        buffer_append(b, issue->loc);
        buffer_append_literal(b, ",\"msg\":");
        json_write_str(b, issue->message);
        if (!dw_str_is_absent(issue->input)) {
            buffer_append_literal(b, ",\"input\":");
            buffer_append(b, issue->input);
        }
        buffer_append_char(b, '}');
    }
    buffer_append_char(b, ']');
}

/* The last name of a loc, without its quotes: a member's name holds none in any model. */
static struct dw_str loc_last(struct dw_str loc)
{
    size_t end = loc.len, start;

    while (end > 0 && (loc.ptr[end - 1] == ']' || loc.ptr[end - 1] == '"'))
        end--;
    for (start = end; start > 0 && loc.ptr[start - 1] != '"' && loc.ptr[start - 1] != ',' && loc.ptr[start - 1] != '[';)
        start--;
    return dw_str_n(loc.ptr + start, end - start);
}

struct dw_str issue_list_text(const struct issue_list *list, struct dw_arena *arena)
{
    const struct issue *first = list->first;

    if (first == NULL)
        return dw_str_n(NULL, 0);
    const struct dw_str name = loc_last(first->loc);
    return dw_arena_printf(arena, "%.*s: %.*s", (int)name.len, name.ptr, (int)first->message.len, first->message.ptr);
}
