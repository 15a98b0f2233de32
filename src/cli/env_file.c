#include "cli/env_file.h"

/* One line under the cursor. */
struct line {
    struct dw_str rest;
    struct dw_arena *arena;
    const char *problem; /* static text */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip(struct line *l, size_t n)
{
    l->rest = dw_str_n(l->rest.ptr + n, l->rest.len - n);
}

static void skip_blanks(struct line *l)
{
    while (l->rest.len > 0 && is_blank(l->rest.ptr[0]))
        skip(l, 1);
}

static enum dw_err fail(struct line *l, const char *problem)
{
    l->problem = problem;
    return DW_ERR_SETTING;
}

static bool is_name_char(char c, bool is_first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!is_first && c >= '0' && c <= '9');
}

static enum dw_err read_name(struct line *l, struct dw_str *ret_name)
{
    const struct dw_str start = l->rest;
    size_t n = 0;

    while (n < start.len && is_name_char(start.ptr[n], n == 0))
        n++;
    if (n == 0)
        return fail(l, "a name is needed, as in NAME=value");
    skip(l, n);
    if (l->rest.len > 0 && is_blank(l->rest.ptr[0]))
        return fail(l, "no blanks before =");
    if (l->rest.len == 0 || l->rest.ptr[0] != '=')
        return fail(l, "a name of letters, digits and _ is needed, then =");
    skip(l, 1);
    *ret_name = dw_str_n(start.ptr, n);
    return DW_OK;
}

/* What may follow a value: nothing, or blanks and a comment. */
static enum dw_err end_line(struct line *l)
{
    const size_t before = l->rest.len;

    skip_blanks(l);
    if (l->rest.len == 0 || (l->rest.ptr[0] == '#' && l->rest.len < before))
        return DW_OK;
    return fail(l, "something stands after the value");
}

static enum dw_err copy_value(struct line *l, struct dw_str value, struct dw_str *ret_value)
{
    const struct dw_str copy = dw_arena_copy(l->arena, value);

    if (copy.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_value = copy;
    return DW_OK;
}

static enum dw_err read_single_quoted(struct line *l, struct dw_str *ret_value)
{
    const char *end = memchr(l->rest.ptr + 1, '\'', l->rest.len - 1);

    if (end == NULL)
        return fail(l, "the closing ' is missing on this line");
    TRY(copy_value(l, dw_str_n(l->rest.ptr + 1, (size_t)(end - l->rest.ptr) - 1), ret_value));
    skip(l, (size_t)(end - l->rest.ptr) + 1);
    return end_line(l);
}

/* What a backslash and this character stand for between double quotes; 0: nothing. */
static char unescape(char c)
{
    static const char FROM[] = "nrt\\\"$`", TO[] = "\n\r\t\\\"$`";
    const char *at = c == '\0' ? NULL : strchr(FROM, c);

    return at == NULL ? '\0' : TO[at - FROM];
}

static enum dw_err read_double_quoted(struct line *l, struct dw_str *ret_value)
{
    char *out = dw_arena_alloc(l->arena, l->rest.len);
    size_t n = 0;

    if (out == NULL)
        return DW_ERR_NO_MEMORY;
    for (skip(l, 1); l->rest.len > 0 && l->rest.ptr[0] != '"'; skip(l, 1)) {
        char c = l->rest.ptr[0];

        if (c == '$' || c == '`')
            return fail(l, "nothing is expanded here: write \\$ or \\`, or use single quotes");
        if (c == '\\') {
            skip(l, 1);
            c = l->rest.len > 0 ? unescape(l->rest.ptr[0]) : '\0';
            if (c == '\0')
                return fail(l, "only \\n \\r \\t \\\\ \\\" \\$ \\` may follow a backslash between double quotes");
        }
        out[n++] = c;
    }
    if (l->rest.len == 0)
        return fail(l, "the closing \" is missing on this line");
    skip(l, 1);
    *ret_value = dw_str_n(out, n);
    return end_line(l);
}

static enum dw_err read_bare(struct line *l, struct dw_str *ret_value)
{
    size_t n = 0;

    while (n < l->rest.len && !is_blank(l->rest.ptr[n])) {
        if (strchr("'\"\\$`", l->rest.ptr[n]) != NULL)
            return fail(l, "quotes, backslashes, $ and ` need a value in single quotes");
        n++;
    }
    TRY(copy_value(l, dw_str_n(l->rest.ptr, n), ret_value));
    skip(l, n);
    return end_line(l);
}

static enum dw_err read_value(struct line *l, struct dw_str *ret_value)
{
    const char first = l->rest.len > 0 ? l->rest.ptr[0] : '\0';

    if (is_blank(first)) {
        skip_blanks(l);
        return l->rest.len == 0 || l->rest.ptr[0] == '#' ? copy_value(l, DW_STR(""), ret_value)
                                                          : fail(l, "no blanks after =");
    }
    if (first == '\'')
        return read_single_quoted(l, ret_value);
    return first == '"' ? read_double_quoted(l, ret_value) : read_bare(l, ret_value);
}

static enum dw_err read_line(struct line *l, struct env_file *file, struct env_entry *entry)
{
    skip_blanks(l);
    if (l->rest.len == 0 || l->rest.ptr[0] == '#')
        return DW_OK;
    if (memchr(l->rest.ptr, '\0', l->rest.len) != NULL || !dw_str_is_utf8(l->rest))
        return fail(l, "this is not text");
    if (dw_str_starts_with(l->rest, DW_STR("export ")) || dw_str_starts_with(l->rest, DW_STR("export\t"))) {
        skip(l, strlen("export"));
        skip_blanks(l);
    }
    TRY(read_name(l, &entry->name));
    if (env_file_find(file, entry->name) != NULL)
        return fail(l, "this name stands further up already");
    TRY(read_value(l, &entry->value));
    file->n++;
    return DW_OK;
}

const struct env_entry *env_file_find(const struct env_file *file, struct dw_str name)
{
    for (size_t i = 0; i < file->n; i++) {
        if (dw_str_eq(file->entries[i].name, name))
            return &file->entries[i];
    }
    return NULL;
}

/* The next line without its end; false at the end of the text. */
static bool next_line(struct dw_str *text, struct dw_str *ret_line)
{
    const char *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
    const size_t n = end != NULL ? (size_t)(end - text->ptr) : text->len;

    if (text->len == 0)
        return false;
    *ret_line = dw_str_n(text->ptr, n > 0 && text->ptr[n - 1] == '\r' ? n - 1 : n);
    *text = dw_str_n(text->ptr + n + (end != NULL), text->len - n - (end != NULL));
    return true;
}

enum dw_err env_file_parse(struct dw_str text, struct dw_arena *arena, struct env_file *ret_file,
                           char ret_problem[ENV_PROBLEM_SIZE])
{
    struct env_file file = { .entries = dw_arena_alloc(arena, ENV_FILE_MAX_LINES * sizeof(struct env_entry)) };
    struct line line = { .arena = arena };

    if (file.entries == NULL)
        return DW_ERR_NO_MEMORY;
    if (dw_str_starts_with(text, DW_STR("\xef\xbb\xbf"))) /* an editor's byte order mark */
        text = dw_str_n(text.ptr + 3, text.len - 3);
    for (unsigned number = 1; next_line(&text, &line.rest); number++) {
        struct env_entry *entry = &file.entries[file.n];

        if (file.n == ENV_FILE_MAX_LINES) {
            snprintf(ret_problem, ENV_PROBLEM_SIZE, "more than %d names", ENV_FILE_MAX_LINES);
            return DW_ERR_SETTING;
        }
        const enum dw_err err = read_line(&line, &file, entry);
        if (err == DW_ERR_SETTING)
            snprintf(ret_problem, ENV_PROBLEM_SIZE, "line %u: %s", number, line.problem);
        TRY(err);
        entry->line = number;
    }
    *ret_file = file;
    return DW_OK;
}
