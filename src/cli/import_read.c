#include "cli/import_read.h"

#include "base/json.h"

enum { JSON_DEPTH = 4 };

/* --- records ----------------------------------------------------------------------------------------------------- */

/* Whether quotes are open behind the character c. They open at a field's beginning alone, or again where they were just
 * closed: "" stands for one inside. */
static bool quotes_after(const struct buffer *record, bool is_quoted, char c)
{
    const char last = record->len == 0 ? ',' : record->ptr[record->len - 1];

    if (c != '"')
        return is_quoted;
    return !is_quoted && (last == ',' || last == '"');
}

/* Up to the end of the line; in CSV a line may end inside quotes. What is too long is read over to its end. */
static enum dw_err read_record(struct import_reader *r)
{
    bool is_quoted = false;
    int c;

    buffer_reset(&r->record);
    r->line = r->next_line;
    while ((c = getc_unlocked(r->in)) != EOF) {
        r->next_line += c == '\n';
        if (c == '\n' && !is_quoted)
            return buffer_error(&r->record);
        is_quoted = r->format == IMPORT_CSV && quotes_after(&r->record, is_quoted, (char)c);
        buffer_append_char(&r->record, (char)c);
        /* Without an end the quotes of a broken record would swallow the file: past the maximum they don't count. */
        is_quoted = is_quoted && buffer_error(&r->record) == DW_OK;
    }
    if (ferror(r->in))
        return DW_ERR_IO;
    TRY(buffer_error(&r->record));
    return r->record.len == 0 ? DW_ERR_NOT_FOUND : DW_OK;
}

static bool is_blank(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr(" \t\r", s.ptr[i]) == NULL || s.ptr[i] == '\0')
            return false;
    return true;
}

/* Empty lines are none. */
static enum dw_err next_record(struct import_reader *r)
{
    do {
        TRY(read_record(r));
    } while (is_blank(buffer_str(&r->record)));
    return DW_OK;
}

/* --- CSV --------------------------------------------------------------------------------------------------------- */

/* One field, unquoted in place. False when a quote stands where none may. */
static bool take_field(char **at, char *end, struct dw_str *ret_field)
{
    char *from = *at, *to = *at, *p = *at;
    const bool is_quoted = p < end && *p == '"';

    if (!is_quoted) {
        while (p < end && *p != ',' && *p != '"')
            p++;
        *ret_field = dw_str_n(from, (size_t)(p - from));
        *at = p;
        return p == end || *p == ',';
    }
    for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++) {
        p += *p == '"';
        *to++ = *p;
    }
    *ret_field = dw_str_n(from, (size_t)(to - from));
    *at = p + 1;
    return p < end && (p + 1 == end || p[1] == ',');
}

static enum dw_err split_fields(struct import_reader *r, struct dw_str fields[IMPORT_COLUMNS_MAX], size_t *ret_n)
{
    char *at = r->record.ptr, *end = at + r->record.len;
    size_t n = 0;

    if (end > at && end[-1] == '\r')
        end--;
    for (;;) {
        if (n == IMPORT_COLUMNS_MAX || !take_field(&at, end, &fields[n++]))
            return DW_ERR_VALIDATION;
        if (at >= end)
            break;
        at++; /* the comma */
    }
    *ret_n = n;
    return DW_OK;
}

/* "" leaves the fallback. */
static bool read_flag(struct dw_str text, bool fallback, bool *ret_flag)
{
    static const struct { const char *text; bool value; } WORDS[] = {
        { "true", true }, { "1", true }, { "yes", true }, { "false", false }, { "0", false }, { "no", false },
    };

    *ret_flag = fallback;
    for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
        if (dw_str_eq_nocase(text, dw_str(WORDS[i].text))) {
            *ret_flag = WORDS[i].value;
            return true;
        }
    return text.len == 0;
}

#define TEXT(member) { #member, offsetof(struct import_record, member) }
static const struct member {
    const char *name;
    size_t offset;
} TEXTS[] = { TEXT(username), TEXT(email), TEXT(password_hash), TEXT(full_name), TEXT(role), TEXT(tenant) };
enum { REQUIRED = 3 };

static struct dw_str *text_of(struct import_record *record, const struct member *member)
{
    return (struct dw_str *)(void *)((char *)record + member->offset);
}

static struct dw_str field_named(const struct import_reader *r, const struct dw_str *fields, const char *name)
{
    for (size_t i = 0; i < r->n_headings; i++)
        if (strcmp(r->headings[i], name) == 0)
            return fields[i];
    return dw_str_n(NULL, 0);
}

static enum dw_err parse_csv(struct import_reader *r, struct dw_arena *arena, struct import_record *record)
{
    struct dw_str fields[IMPORT_COLUMNS_MAX];
    size_t n = 0;

    TRY(split_fields(r, fields, &n));
    if (n != r->n_headings)
        return DW_ERR_VALIDATION;
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
        const struct dw_str field = field_named(r, fields, TEXTS[i].name);
        if (field.len == 0)
            continue;
        const struct dw_str copy = dw_arena_copy(arena, field);
        if (copy.ptr == NULL)
            return DW_ERR_NO_MEMORY;
        *text_of(record, &TEXTS[i]) = copy;
    }
    return read_flag(field_named(r, fields, "is_active"), true, &record->is_active) &&
                   read_flag(field_named(r, fields, "email_verified"), false, &record->email_verified)
               ? DW_OK
               : DW_ERR_VALIDATION;
}

static enum dw_err read_headings(struct import_reader *r)
{
    static const char MARK[] = "\xef\xbb\xbf"; /* what spreadsheets put in front */
    struct dw_str fields[IMPORT_COLUMNS_MAX];
    size_t n = 0;

    TRY(next_record(r));
    if (dw_str_starts_with(buffer_str(&r->record), DW_STR(MARK)))
        buffer_consume(&r->record, sizeof(MARK) - 1);
    TRY(split_fields(r, fields, &n));
    for (; r->n_headings < n; r->n_headings++) {
        r->headings[r->n_headings] = strndup(fields[r->n_headings].ptr, fields[r->n_headings].len);
        if (r->headings[r->n_headings] == NULL)
            return DW_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < REQUIRED; i++)
        if (field_named(r, fields, TEXTS[i].name).ptr == NULL)
            return DW_ERR_VALIDATION;
    return DW_OK;
}

/* --- JSON lines -------------------------------------------------------------------------------------------------- */

static bool json_flag(yyjson_val *object, const char *name, bool fallback, bool *ret_flag)
{
    yyjson_val *value = json_get(object, name);

    *ret_flag = yyjson_is_bool(value) ? yyjson_get_bool(value) : fallback;
    return value == NULL || yyjson_is_null(value) || yyjson_is_bool(value);
}

static enum dw_err parse_json(struct import_reader *r, struct dw_arena *arena, struct import_record *record)
{
    yyjson_val *root = NULL;

    TRY(json_parse(arena, buffer_str(&r->record), JSON_DEPTH, &root, NULL));
    if (!yyjson_is_obj(root))
        return DW_ERR_VALIDATION;
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
        yyjson_val *value = json_get(root, TEXTS[i].name);
        if (value != NULL && !yyjson_is_str(value) && !yyjson_is_null(value))
            return DW_ERR_VALIDATION;
        *text_of(record, &TEXTS[i]) = json_str(value);
    }
    return json_flag(root, "is_active", true, &record->is_active) &&
                   json_flag(root, "email_verified", false, &record->email_verified)
               ? DW_OK
               : DW_ERR_VALIDATION;
}

/* --- both -------------------------------------------------------------------------------------------------------- */

enum dw_err import_reader_open(FILE *in, enum import_format format,
                               struct import_reader *ret_reader)
{
    struct import_reader reader = { .in = in, .format = format, .record = BUFFER_INIT(IMPORT_RECORD_MAX),
                                    .next_line = 1 };
    const enum dw_err err = format == IMPORT_CSV ? read_headings(&reader) : DW_OK;

    if (err != DW_OK) {
        import_reader_close(&reader);
        return err == DW_ERR_NOT_FOUND ? DW_ERR_VALIDATION : err;
    }
    *ret_reader = reader;
    return DW_OK;
}

void import_reader_close(struct import_reader *reader)
{
    for (size_t i = 0; i < reader->n_headings; i++)
        free(reader->headings[i]);
    reader->n_headings = 0;
    buffer_free(&reader->record);
}

enum dw_err import_read(struct import_reader *reader, struct dw_arena *arena, struct import_record *ret_record)
{
    struct import_record record = { 0 };

    TRY(next_record(reader));
    TRY(reader->format == IMPORT_CSV ? parse_csv(reader, arena, &record) : parse_json(reader, arena, &record));
    for (size_t i = 0; i < REQUIRED; i++)
        if (text_of(&record, &TEXTS[i])->len == 0)
            return DW_ERR_VALIDATION;
    *ret_record = record;
    return DW_OK;
}
