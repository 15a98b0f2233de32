#include "app/model.h"

#include "base/encoding.h"

enum { WRITE_DEPTH_MAX = 32 };

static void object_write(const struct model_plan *plan, const void *from, struct buffer *b, unsigned depth);

/* JSON has no infinities and no NaN (RFC 8259 §6). */
static void number_write(double value, struct buffer *b)
{
    char text[NUMBER_TEXT_SIZE];

    if (__builtin_isfinite(value))
        buffer_append(b, dw_str_n(text, number_format(value, text)));
    else
        buffer_append_literal(b, "null");
}

static void time_write(int64_t unix_s, struct buffer *b)
{
    char text[RFC3339_SIZE + 2] = "\"";

    if (unix_s < 0) {
        buffer_append_literal(b, "null");
        return;
    }
    /* A time that never comes is the last that RFC 3339 can write. */
    const size_t length = rfc3339_format(MIN_OF(unix_s, RFC3339_LAST_S), text + 1);
    text[length + 1] = '"';
    buffer_append(b, dw_str_n(text, length + 2));
}

void model_write_words(struct dw_str words, struct buffer *b)
{
    buffer_append_char(b, '[');
    for (size_t start = 0, end, n = 0; start < words.len; start = end + 1) {
        for (end = start; end < words.len && words.ptr[end] != ' ';)
            end++;
        if (end == start)
            continue;
        if (n++ > 0)
            buffer_append_char(b, ',');
        json_write_str(b, dw_str_n(words.ptr + start, end - start));
    }
    buffer_append_char(b, ']');
}

static void raw_write(struct dw_str json, struct buffer *b)
{
    buffer_append(b, json.len == 0 ? DW_STR("null") : json);
}

static void list_write(const struct model_field *f, const struct dw_list *list, struct buffer *b, unsigned depth);

static void value_write(const struct model_field *f, enum dw_type type, const void *value, struct buffer *b,
                        unsigned depth)
{
    switch (type) {
    case DW_STRING:
    case DW_SECRET:
    case DW_EMAIL:
    case DW_UUID:
    case DW_DATE:
    case DW_PLAIN_TEXT:
    case DW_ENUM:
        json_write_str(b, *(const struct dw_str *)value);
        break;
    case DW_INT:
        buffer_append_int(b, *(const int64_t *)value);
        break;
    case DW_NUMBER:
        number_write(*(const double *)value, b);
        break;
    case DW_BOOL:
        buffer_append(b, *(const bool *)value ? DW_STR("true") : DW_STR("false"));
        break;
    case DW_TIME:
        time_write(*(const int64_t *)value, b);
        break;
    case DW_OBJECT:
        object_write(f->nested, value, b, depth + 1);
        break;
    case DW_LIST:
        list_write(f, value, b, depth);
        break;
    case DW_WORDS:
        model_write_words(*(const struct dw_str *)value, b);
        break;
    case DW_RAW_JSON:
        raw_write(*(const struct dw_str *)value, b);
        break;
    }
}

static void list_write(const struct model_field *f, const struct dw_list *list, struct buffer *b, unsigned depth)
{
    const enum dw_type type = f->field->items;
    const size_t size = type == DW_OBJECT ? f->nested->model->size : model_type(type)->size;

    buffer_append_char(b, '[');
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0)
            buffer_append_char(b, ',');
        value_write(f, type, (const char *)list->items + i * size, b, depth);
    }
    buffer_append_char(b, ']');
}

static bool is_absent(const struct dw_field *f, const void *member)
{
    if (f->type == DW_TIME)
        return *(const int64_t *)member < 0;
    return model_type(f->type)->is_str && dw_str_is_absent(*(const struct dw_str *)member);
}

static void object_write(const struct model_plan *plan, const void *from, struct buffer *b, unsigned depth)
{
    bool is_first = true;

    if (depth > WRITE_DEPTH_MAX) {
        b->failed = DW_ERR_LIMIT;
        return;
    }
    buffer_append_char(b, '{');
    for (const struct model_field *f = plan->fields; f != plan->fields + plan->n_fields; f++) {
        const void *member = (const char *)from + f->field->offset;
        if ((f->field->flags & DW_OMIT_ABSENT) != 0 && is_absent(f->field, member))
            continue;
        /* The key begins with a comma. */
        buffer_append(b, dw_str_n(f->key.ptr + is_first, f->key.len - is_first));
        is_first = false;
        value_write(f, f->field->type, member, b, depth);
    }
    buffer_append_char(b, '}');
}

void model_write(const struct model_plan *plan, const void *from, struct buffer *b)
{
    object_write(plan, from, b, 0);
}

void model_write_list(const struct model_plan *plan, const struct dw_list *list, struct buffer *b)
{
    buffer_append_char(b, '[');
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0)
            buffer_append_char(b, ',');
        object_write(plan, (const char *)list->items + i * plan->model->size, b, 0);
    }
    buffer_append_char(b, ']');
}
