#include "mail/template.h"

#include <errno.h>

enum { TEMPLATES_MAX = 16, TEMPLATES_ARENA_BYTES = 2 * 1024 * 1024, PATH_SIZE = 1024 };

const char *const MAIL_PLACEHOLDERS[] = { "username", "service", "link", "token", "expires",
                                            "when", "from", "detail", NULL };

struct mail_templates {
    struct dw_arena *arena;
    struct mail_template rows[TEMPLATES_MAX];
    size_t n;
};

/* --- placeholders ----------------------------------------------------------------------------------------------- */

static void append_escaped(struct buffer *b, struct dw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&': buffer_append_literal(b, "&amp;"); break;
        case '<': buffer_append_literal(b, "&lt;"); break;
        case '>': buffer_append_literal(b, "&gt;"); break;
        case '"': buffer_append_literal(b, "&quot;"); break;
        case '\'': buffer_append_literal(b, "&#39;"); break;
        default: buffer_append_char(b, text.ptr[i]);
        }
    }
}

static const struct mail_value *find_value(const struct mail_value *values, struct dw_str name)
{
    for (; values->name != NULL; values++) {
        if (dw_str_eq(name, dw_str(values->name)))
            return values;
    }
    return NULL;
}

enum dw_err mail_render(struct dw_str text, const struct mail_value *values, enum mail_escape escape, struct buffer *b)
{
    while (text.len > 0) {
        const char *open = memmem(text.ptr, text.len, "{{", 2);
        const size_t before = open == NULL ? text.len : (size_t)(open - text.ptr);

        buffer_append(b, dw_str_n(text.ptr, before));
        text = dw_str_n(text.ptr + before, text.len - before);
        if (open == NULL)
            break;
        const char *close = memmem(text.ptr, text.len, "}}", 2);
        if (close == NULL)
            return DW_ERR_TABLE;
        const size_t length = (size_t)(close - text.ptr);
        const struct mail_value *value = find_value(values, dw_str_n(text.ptr + 2, length - 2));
        if (value == NULL)
            return DW_ERR_TABLE;
        if (escape == MAIL_HTML)
            append_escaped(b, value->text);
        else
            buffer_append(b, value->text);
        text = dw_str_n(text.ptr + length + 2, text.len - length - 2);
    }
    return buffer_error(b);
}

/* --- loading ---------------------------------------------------------------------------------------------------- */

/* DW_ERR_NOT_FOUND when the folder has no such file, which is fine. */
static enum dw_err read_file(const char *path, struct dw_arena *arena, struct dw_str *ret_text)
{
    _cleanup_fclose_ FILE *file = fopen(path, "re");
    _cleanup_free_ char *text = NULL;

    if (file == NULL)
        return errno == ENOENT ? DW_ERR_NOT_FOUND : DW_ERR_IO;
    text = malloc(MAIL_TEMPLATE_MAX_BYTES + 1);
    if (text == NULL)
        return DW_ERR_NO_MEMORY;
    const size_t size = fread(text, 1, MAIL_TEMPLATE_MAX_BYTES + 1, file);
    if (ferror(file) != 0)
        return DW_ERR_IO;
    if (size > MAIL_TEMPLATE_MAX_BYTES)
        return DW_ERR_LIMIT;
    *ret_text = dw_arena_copy(arena, dw_str_n(text, size));
    return ret_text->ptr != NULL ? DW_OK : DW_ERR_NO_MEMORY;
}

/* The folder's file, else what is built in. */
static enum dw_err take(struct mail_templates *templates, const char *folder, const char *name, const char *suffix,
                        const char *built_in, struct dw_str *ret_text, char ret_problem[MAIL_PROBLEM_SIZE])
{
    char path[PATH_SIZE];
    enum dw_err err = DW_ERR_NOT_FOUND;

    if (folder != NULL) {
        if ((size_t)snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix) >= sizeof(path))
            err = DW_ERR_LIMIT;
        else
            err = read_file(path, templates->arena, ret_text);
    }
    if (err == DW_ERR_NOT_FOUND) {
        *ret_text = dw_str(built_in);
        return DW_OK;
    }
    if (err != DW_OK && err != DW_ERR_NO_MEMORY) {
        snprintf(ret_problem, MAIL_PROBLEM_SIZE, "%s%s: %s", name, suffix,
                 err == DW_ERR_LIMIT ? "too long" : strerror(errno));
        return DW_ERR_SETTING;
    }
    return err;
}

static enum dw_err bad(const char *name, const char *suffix, const char *why, char ret_problem[MAIL_PROBLEM_SIZE])
{
    snprintf(ret_problem, MAIL_PROBLEM_SIZE, "%s%s: %s", name, suffix, why);
    return DW_ERR_SETTING;
}

/* The first line is the subject, then an empty line. */
static bool split_subject(struct mail_template *t)
{
    const struct dw_str mark = DW_STR("Subject: ");
    const char *end = memchr(t->text.ptr, '\n', t->text.len);

    if (!dw_str_starts_with(t->text, mark) || end == NULL)
        return false;
    const size_t line = (size_t)(end - t->text.ptr);
    if (t->text.len < line + 2 || end[1] != '\n' || line == mark.len || memchr(t->text.ptr, '\r', line) != NULL)
        return false;
    t->subject = dw_str_n(t->text.ptr + mark.len, line - mark.len);
    t->text = dw_str_n(end + 2, t->text.len - line - 2);
    return true;
}

static bool is_usable(struct dw_str text)
{
    struct mail_value all[16] = { { 0 } };
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(4 * MAIL_TEMPLATE_MAX_BYTES);

    _Static_assert(ARRAY_SIZE(all) > ARRAY_SIZE(MAIL_PLACEHOLDERS), "more placeholders than can be checked");
    for (size_t i = 0; MAIL_PLACEHOLDERS[i] != NULL; i++)
        all[i] = (struct mail_value){ MAIL_PLACEHOLDERS[i], DW_STR("") };
    return dw_str_is_utf8(text) && mail_render(text, all, MAIL_PLAIN, &b) == DW_OK;
}

static enum dw_err load_one(struct mail_templates *templates, const char *folder,
                            const struct mail_template_source *source, char ret_problem[MAIL_PROBLEM_SIZE])
{
    struct mail_template *t = &templates->rows[templates->n];

    if (templates->n == TEMPLATES_MAX)
        return DW_ERR_LIMIT;
    t->name = source->name;
    TRY(take(templates, folder, source->name, ".txt", source->text, &t->text, ret_problem));
    TRY(take(templates, folder, source->name, ".html", source->html, &t->html, ret_problem));
    if (!split_subject(t))
        return bad(t->name, ".txt", "starts with \"Subject: …\" and an empty line", ret_problem);
    if (!is_usable(t->subject) || !is_usable(t->text))
        return bad(t->name, ".txt", "a placeholder is unknown or not closed, or it is not UTF-8", ret_problem);
    if (!is_usable(t->html))
        return bad(t->name, ".html", "a placeholder is unknown or not closed, or it is not UTF-8", ret_problem);
    templates->n++;
    return DW_OK;
}

enum dw_err mail_templates_load(const char *folder, struct mail_templates **ret_templates,
                                char ret_problem[MAIL_PROBLEM_SIZE])
{
    _cleanup_(mail_templates_free) struct mail_templates *templates = calloc(1, sizeof(*templates));

    ret_problem[0] = '\0';
    if (templates == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(dw_arena_new(TEMPLATES_ARENA_BYTES, &templates->arena));
    for (const struct mail_template_source *source = MAIL_TEMPLATES; source->name != NULL; source++)
        TRY(load_one(templates, folder, source, ret_problem));
    *ret_templates = TAKE_PTR(templates);
    return DW_OK;
}

void mail_templates_free(struct mail_templates **templates)
{
    if (*templates == NULL)
        return;
    dw_arena_free(&(*templates)->arena);
    free(*templates);
    *templates = NULL;
}

const struct mail_template *mail_template_find(const struct mail_templates *templates, struct dw_str name)
{
    for (size_t i = 0; i < templates->n; i++) {
        if (dw_str_eq(name, dw_str(templates->rows[i].name)))
            return &templates->rows[i];
    }
    return NULL;
}
