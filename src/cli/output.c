#include "cli/output.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>

enum { RECORD_MAX_BYTES = 256 * 1024, NAME_WIDTH = 16 };

void output_printable(struct buffer *b, struct dw_str text, bool keep_newlines)
{
    while (text.len > 0) {
        uint32_t c = 0;
        const size_t n = utf8_next(text, &c);
        const bool is_control = n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;

        if (is_control && !(keep_newlines && c == '\n'))
            buffer_append_char(b, '?');
        else
            buffer_append(b, dw_str_n(text.ptr, n));
        text = dw_str_n(text.ptr + MAX_OF(n, 1U), text.len - MAX_OF(n, 1U));
    }
}

enum dw_err output_buffer(FILE *out, const struct buffer *b)
{
    TRY(buffer_error(b));
    return b->len == 0 || fwrite(b->ptr, b->len, 1, out) == 1 ? DW_OK : DW_ERR_IO;
}

/* --- one field -------------------------------------------------------------------------------------------------- */

static const void *value_at(const struct field *field, const void *record)
{
    return (const char *)record + field->offset;
}

static void write_words_json(struct buffer *b, struct dw_str words)
{
    buffer_append_char(b, '[');
    for (size_t i = 0, start = 0; i <= words.len && words.len > 0; i++) {
        if (i < words.len && words.ptr[i] != ' ')
            continue;
        if (i > start) {
            json_write_comma(b);
            json_write_str(b, dw_str_n(words.ptr + start, i - start));
        }
        start = i + 1;
    }
    buffer_append_char(b, ']');
}

/* The text form; false when there is nothing. */
static bool format_time(int64_t unix_s, char ret_text[RFC3339_SIZE])
{
    if (unix_s >= 0)
        rfc3339_format(unix_s, ret_text);
    return unix_s >= 0;
}

static void write_field_json(struct buffer *b, const struct field *field, const void *record)
{
    const void *value = value_at(field, record);
    char time[RFC3339_SIZE];

    switch (field->type) {
    case FIELD_TEXT:
        json_write_member_str(b, field->name, *(const struct dw_str *)value);
        break;
    case FIELD_WORDS:
        json_write_key(b, field->name);
        write_words_json(b, *(const struct dw_str *)value);
        break;
    case FIELD_INT:
        json_write_member_int(b, field->name, *(const int64_t *)value);
        break;
    case FIELD_BOOL:
        json_write_member_bool(b, field->name, *(const bool *)value);
        break;
    case FIELD_TIME:
        json_write_member_str(b, field->name, dw_str(format_time(*(const int64_t *)value, time) ? time : NULL));
        break;
    }
}

static void write_field_text(struct buffer *b, const struct field *field, const void *record)
{
    const void *value = value_at(field, record);
    char time[RFC3339_SIZE];

    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_WORDS:
        if (((const struct dw_str *)value)->len == 0)
            buffer_append_char(b, '-');
        else
            output_printable(b, *(const struct dw_str *)value, false);
        break;
    case FIELD_INT:
        buffer_append_int(b, *(const int64_t *)value);
        break;
    case FIELD_BOOL:
        buffer_append(b, *(const bool *)value ? DW_STR("yes") : DW_STR("no"));
        break;
    case FIELD_TIME:
        buffer_append(b, dw_str(format_time(*(const int64_t *)value, time) ? time : "-"));
        break;
    }
}

/* --- records and lists ------------------------------------------------------------------------------------------- */

static void write_object(struct buffer *b, const struct field *fields, const void *record)
{
    buffer_append_char(b, '{');
    for (const struct field *f = fields; f->name != NULL; f++)
        write_field_json(b, f, record);
    buffer_append_char(b, '}');
}

enum dw_err output_record(struct cli *cli, const struct field *fields, const void *record)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(RECORD_MAX_BYTES);

    if (cli->json) {
        write_object(&b, fields, record);
        buffer_append_char(&b, '\n');
        return output_buffer(cli->out, &b);
    }
    for (const struct field *f = fields; f->name != NULL; f++) {
        buffer_printf(&b, "%-*s", NAME_WIDTH, f->name);
        write_field_text(&b, f, record);
        buffer_append_char(&b, '\n');
    }
    return output_buffer(cli->out, &b);
}

/* Blanks up to the next column: two at the least. The last column gets none. */
static void end_column(struct buffer *b, const struct field *field, size_t start)
{
    const size_t used = b->len - start;

    for (const struct field *f = field + 1; f->name != NULL; f++) {
        if (f->heading != NULL) {
            buffer_printf(b, "%*s", MAX_OF(field->width - (int)used, 0) + 2, "");
            return;
        }
    }
    buffer_append_char(b, '\n');
}

void output_list_begin(struct cli *cli, const struct field *fields)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(RECORD_MAX_BYTES);

    if (cli->json) {
        fputs("{\"items\":[", cli->out);
        return;
    }
    for (const struct field *f = fields; f->name != NULL; f++) {
        const size_t start = b.len;

        if (f->heading == NULL)
            continue;
        buffer_append(&b, dw_str(f->heading));
        end_column(&b, f, start);
    }
    fprintf(cli->out, "%.*s", (int)b.len, b.ptr);
}

enum dw_err output_list_item(struct cli *cli, const struct field *fields, const void *record, bool is_first)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(RECORD_MAX_BYTES);

    if (cli->json) {
        if (!is_first)
            buffer_append_char(&b, ',');
        write_object(&b, fields, record);
        return output_buffer(cli->out, &b);
    }
    for (const struct field *f = fields; f->name != NULL; f++) {
        const size_t start = b.len;

        if (f->heading == NULL)
            continue;
        write_field_text(&b, f, record);
        end_column(&b, f, start);
    }
    return output_buffer(cli->out, &b);
}

void output_list_end(struct cli *cli)
{
    if (cli->json)
        fputs("],\"next\":null}\n", cli->out);
}

enum dw_err output_said(struct cli *cli, const char *format, ...)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(RECORD_MAX_BYTES);
    _cleanup_free_ char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text = NULL;
        return DW_ERR_NO_MEMORY;
    }
    if (cli->json) {
        buffer_append_char(&b, '{');
        json_write_member_str(&b, "detail", dw_str(text));
        buffer_append_char(&b, '}');
    } else {
        output_printable(&b, dw_str(text), true);
    }
    buffer_append_char(&b, '\n');
    return output_buffer(cli->out, &b);
}
