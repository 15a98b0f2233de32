#include "app/model.h"

#include "base/email.h"
#include "base/encoding.h"

#include <errno.h>
#include <stdarg.h>

/* --- issues ----------------------------------------------------------------------------------------------------- */

enum { INPUT_MAX = 256, MESSAGE_MAX = 512 };

/* The value at hand as JSON; absent when it is secret, long, or not even text. */
static struct dw_str input_of(const struct model_reader *in)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(INPUT_MAX);

    if (in->hide)
        return dw_str_n(NULL, 0);
    if (in->json != NULL)
        json_write_value(&b, in->json);
    else if (!dw_str_is_absent(in->text) && in->text.len < INPUT_MAX && dw_str_is_utf8(in->text))
        json_write_str(&b, in->text);
    if (buffer_error(&b) != DW_OK || b.len == 0)
        return dw_str_n(NULL, 0);
    return dw_arena_copy(in->arena, buffer_str(&b));
}

enum dw_err model_issue_text(struct model_reader *in, const char *type, const char *message)
{
    return issue_add(in->issues, in->arena, in->place, type, dw_str(message), input_of(in));
}

enum dw_err model_issue(struct model_reader *in, const char *type, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return issue_add(in->issues, in->arena, in->place, type, dw_arena_copy(in->arena, dw_str(message)), input_of(in));
}

static enum dw_err issue_wrong(struct model_reader *in, enum dw_type type)
{
    return model_issue_text(in, model_type(type)->wrong_type, model_type(type)->wrong_message);
}

/* --- strings ---------------------------------------------------------------------------------------------------- */

static enum dw_err read_json_str(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                 yyjson_val *value, void *member)
{
    const struct dw_str text = json_str(value);

    if (dw_str_is_absent(text))
        return type == DW_ENUM ? validate_enum(in, f, text) : issue_wrong(in, type);
    return model_type(type)->read_text(in, f, type, text, member);
}

static enum dw_err read_string(struct model_reader *in, const struct model_field *f, enum dw_type type,
                               struct dw_str text, void *member)
{
    TRY(validate_string(in, f, text));
    *(struct dw_str *)member = text;
    return DW_OK;
}

static enum dw_err read_email(struct model_reader *in, const struct model_field *f, enum dw_type type,
                              struct dw_str text, void *member)
{
    struct email email;

    TRY(validate_string(in, f, text));
    const enum dw_err err = email_parse(in->arena, text, NULL, &email);
    if (err == DW_ERR_VALIDATION)
        return model_issue(in, "value_error", "value is not a valid email address: %s", validate_email_reason(text));
    TRY(err);
    *(struct dw_str *)member = email.normalized;
    return DW_OK;
}

/* RFC 9562 §4, in lower case, so that ids compare. */
static enum dw_err read_uuid(struct model_reader *in, const struct model_field *f, enum dw_type type,
                             struct dw_str text, void *member)
{
    bool is_uuid = text.len == DW_UUID_SIZE - 1;

    for (size_t i = 0; is_uuid && i < text.len; i++) {
        const char c = text.ptr[i];
        const bool is_hyphen_place = i == 8 || i == 13 || i == 18 || i == 23;
        const bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        is_uuid = is_hyphen_place ? c == '-' : is_hex;
    }
    if (!is_uuid)
        return model_issue_text(in, "uuid_parsing",
                                "Input should be a valid UUID, 32 hexadecimal digits in groups of 8-4-4-4-12");
    char *copy = dw_arena_alloc(in->arena, text.len + 1);
    if (copy == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'F' ? (char)(text.ptr[i] + ('a' - 'A')) : text.ptr[i];
    return read_string(in, f, type, dw_str_n(copy, text.len), member);
}

/* RFC 3339 §5.6: as a time of that day it must be one that the calendar has. */
static enum dw_err read_date(struct model_reader *in, const struct model_field *f, enum dw_type type,
                             struct dw_str text, void *member)
{
    enum { DATE_SIZE = 10 };
    char time[DATE_SIZE + sizeof("T00:00:00Z")];
    int64_t unix_s;

    snprintf(time, sizeof(time), "%.*sT00:00:00Z", (int)MIN_OF(text.len, DATE_SIZE), text.ptr);
    if (text.len != DATE_SIZE || rfc3339_parse(dw_str(time), &unix_s) != DW_OK)
        return model_issue_text(in, "date_from_datetime_parsing", "Input should be a valid date, such as 2026-11-22");
    return read_string(in, f, type, text, member);
}

static enum dw_err read_plain_text(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                   struct dw_str text, void *member)
{
    const struct dw_str stripped = plain_text_strip(in->arena, text);

    if (dw_str_is_absent(stripped))
        return DW_ERR_NO_MEMORY;
    return read_string(in, f, type, stripped, member);
}

static enum dw_err read_enum(struct model_reader *in, const struct model_field *f, enum dw_type type,
                             struct dw_str text, void *member)
{
    TRY(validate_enum(in, f, text));
    *(struct dw_str *)member = text;
    return DW_OK;
}

/* --- numbers ---------------------------------------------------------------------------------------------------- */

static enum dw_err int_store(struct model_reader *in, const struct model_field *f, int64_t value, void *member)
{
    TRY(validate_int(in, f, value));
    *(int64_t *)member = value;
    return DW_OK;
}

/* JSON knows one kind of number: 3.0 is an integer, where a double holds all of it. */
static enum dw_err read_json_int(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                 yyjson_val *value, void *member)
{
    static const double EXACT = 9007199254740992.0; /* 2^53 */

    if (yyjson_is_sint(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) <= INT64_MAX))
        return int_store(in, f, yyjson_get_sint(value), member);
    if (yyjson_is_uint(value))
        return model_issue_text(in, "int_parsing_size",
                                "Unable to parse input string as an integer, exceeded maximum size");
    if (!yyjson_is_real(value))
        return issue_wrong(in, type);
    const double real = yyjson_get_real(value);
    if (real < -EXACT || real > EXACT || (double)(int64_t)real != real)
        return model_issue_text(in, "int_from_float",
                                "Input should be a valid integer, got a number with a fractional part");
    return int_store(in, f, (int64_t)real, member);
}

static enum dw_err read_text_int(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                 struct dw_str text, void *member)
{
    enum { DIGITS_MAX = 20 };
    char digits[DIGITS_MAX + 1];
    const size_t start = text.len > 0 && text.ptr[0] == '-';
    size_t end = start;

    while (end < text.len && text.ptr[end] >= '0' && text.ptr[end] <= '9')
        end++;
    if (end == start || end != text.len)
        return model_issue_text(in, "int_parsing",
                                "Input should be a valid integer, unable to parse string as an integer");
    const size_t len = MIN_OF(text.len, DIGITS_MAX);
    memcpy(digits, text.ptr, len);
    digits[len] = '\0';
    errno = 0;
    const long long value = strtoll(digits, NULL, 10);
    if (len != text.len || errno == ERANGE)
        return model_issue_text(in, "int_parsing_size",
                                "Unable to parse input string as an integer, exceeded maximum size");
    return int_store(in, f, value, member);
}

static enum dw_err read_json_number(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                    yyjson_val *value, void *member)
{
    if (!yyjson_is_num(value))
        return issue_wrong(in, type);
    TRY(validate_number(in, f, yyjson_get_num(value)));
    *(double *)member = yyjson_get_num(value);
    return DW_OK;
}

static enum dw_err read_text_number(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                    struct dw_str text, void *member)
{
    double value;

    if (number_parse(text, &value) != DW_OK)
        return model_issue_text(in, "float_parsing",
                                "Input should be a valid number, unable to parse string as a number");
    TRY(validate_number(in, f, value));
    *(double *)member = value;
    return DW_OK;
}

static enum dw_err read_json_bool(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                  yyjson_val *value, void *member)
{
    if (!yyjson_is_bool(value))
        return issue_wrong(in, type);
    *(bool *)member = yyjson_get_bool(value);
    return DW_OK;
}

static enum dw_err read_text_bool(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                  struct dw_str text, void *member)
{
    static const struct {
        struct dw_str word;
        bool means;
    } WORDS[] = {
        { DW_STR_INIT("true"), true }, { DW_STR_INIT("1"), true },      { DW_STR_INIT("yes"), true },
        { DW_STR_INIT("on"), true },   { DW_STR_INIT("false"), false }, { DW_STR_INIT("0"), false },
        { DW_STR_INIT("no"), false },  { DW_STR_INIT("off"), false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
        if (dw_str_eq_nocase(text, WORDS[i].word)) {
            *(bool *)member = WORDS[i].means;
            return DW_OK;
        }
    return model_issue_text(in, "bool_parsing", "Input should be a valid boolean, unable to interpret input");
}

/* The struct has no time before 1970: it would be read as one that was not sent. And what an offset puts behind the
 * year 9999 could not be written again (RFC 3339 §5.6). */
static enum dw_err read_text_time(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                  struct dw_str text, void *member)
{
    int64_t unix_s;

    if (rfc3339_parse(text, &unix_s) != DW_OK)
        return model_issue_text(in, "datetime_parsing",
                                "Input should be a valid datetime, such as 2026-11-22T17:05:49Z");
    if (unix_s < 0 || unix_s > RFC3339_LAST_S)
        return model_issue_text(in, "datetime_object_invalid",
                                "Input should be within 1970-01-01T00:00:00Z and 9999-12-31T23:59:59Z");
    return int_store(in, f, unix_s, member);
}

/* --- words ------------------------------------------------------------------------------------------------------ */

/* The characters of a scope-token (RFC 6749 §3.3). */
static bool is_word(struct dw_str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] < '!' || word.ptr[i] > '~' || word.ptr[i] == '"' || word.ptr[i] == '\\')
            return false;
    return word.len > 0;
}

struct words {
    char *text;
    size_t len;
    size_t n;
};

static enum dw_err word_append(struct model_reader *in, struct words *words, struct dw_str word)
{
    if (!is_word(word))
        return model_issue_text(in, "string_pattern_mismatch", "String should match pattern '^[!#-\\[\\]-~]+$'");
    if (words->len > 0)
        words->text[words->len++] = ' ';
    memcpy(words->text + words->len, word.ptr, word.len);
    words->len += word.len;
    words->n++;
    return DW_OK;
}

static enum dw_err words_store(struct model_reader *in, const struct model_field *f, const struct words *words,
                               void *member)
{
    TRY(validate_count(in, f, words->n));
    *(struct dw_str *)member = dw_str_n(words->text, words->len);
    return DW_OK;
}

static enum dw_err read_json_words(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                   yyjson_val *value, void *member)
{
    struct words words = { 0 };
    enum dw_err verdict = DW_OK;
    yyjson_arr_iter items;
    yyjson_val *item;
    size_t size = 1;

    if (!yyjson_is_arr(value))
        return issue_wrong(in, type);
    yyjson_arr_iter_init(value, &items);
    while ((item = yyjson_arr_iter_next(&items)) != NULL)
        size += yyjson_get_len(item) + 1;
    words.text = dw_arena_alloc(in->arena, size);
    if (words.text == NULL)
        return DW_ERR_NO_MEMORY;
    yyjson_arr_iter_init(value, &items);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&items)) != NULL; i++) {
        const struct place place = { .outer = in->place, .index = i };
        struct model_reader at = *in;
        at.place = &place;
        at.json = item;
        const enum dw_err err =
            yyjson_is_str(item) ? word_append(&at, &words, json_str(item)) : issue_wrong(&at, DW_STRING);
        if (err != DW_OK && err != DW_ERR_VALIDATION)
            return err;
        verdict = err == DW_OK ? verdict : err;
    }
    TRY(verdict);
    return words_store(in, f, &words, member);
}

static enum dw_err read_text_words(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                   struct dw_str text, void *member)
{
    struct words words = { .text = dw_arena_alloc(in->arena, text.len + 1) };

    if (words.text == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t start = 0, end; start < text.len; start = end + 1) {
        for (end = start; end < text.len && text.ptr[end] != ' ';)
            end++;
        if (end > start)
            TRY(word_append(in, &words, dw_str_n(text.ptr + start, end - start)));
    }
    return words_store(in, f, &words, member);
}

/* --- the table -------------------------------------------------------------------------------------------------- */

enum { EVERYWHERE = MODEL_JSON_IN | MODEL_TEXT_IN | MODEL_OUT };

#define STR_ROW(reader, wrong, message, format)                                                                        \
    {                                                                                                                  \
        sizeof(struct dw_str), EVERYWHERE, read_json_str, reader, wrong, message, "string", format, true               \
    }

/* clang-format off */
static const struct model_type TYPES[] = {
    [DW_STRING]     = STR_ROW(read_string, "string_type", "Input should be a valid string", NULL),
    [DW_SECRET]     = STR_ROW(read_string, "string_type", "Input should be a valid string", "password"),
    [DW_EMAIL]      = STR_ROW(read_email, "string_type", "Input should be a valid string", "email"),
    [DW_UUID]       = STR_ROW(read_uuid, "uuid_type", "UUID input should be a string", "uuid"),
    [DW_PLAIN_TEXT] = STR_ROW(read_plain_text, "string_type", "Input should be a valid string", NULL),
    [DW_ENUM]       = STR_ROW(read_enum, "enum", "Input should be a valid string", NULL),
    [DW_INT]    = { sizeof(int64_t), EVERYWHERE, read_json_int, read_text_int,
                    "int_type", "Input should be a valid integer", "integer", NULL, false },
    [DW_NUMBER] = { sizeof(double), EVERYWHERE, read_json_number, read_text_number,
                    "float_type", "Input should be a valid number", "number", NULL, false },
    [DW_BOOL]   = { sizeof(bool), EVERYWHERE, read_json_bool, read_text_bool,
                    "bool_type", "Input should be a valid boolean", "boolean", NULL, false },
    [DW_TIME]   = { sizeof(int64_t), EVERYWHERE, read_json_str, read_text_time,
                    "datetime_type", "Input should be a valid datetime", "string", "date-time", false },
    [DW_OBJECT] = { 0, MODEL_JSON_IN | MODEL_OUT, NULL, NULL, "model_attributes_type",
                    "Input should be a valid dictionary or object to extract fields from", "object", NULL, false },
    [DW_LIST]   = { sizeof(struct dw_list), EVERYWHERE, NULL, NULL,
                    "list_type", "Input should be a valid list", "array", NULL, false },
    [DW_WORDS]  = { sizeof(struct dw_str), EVERYWHERE, read_json_words, read_text_words,
                    "list_type", "Input should be a valid list", "array", NULL, true },
    [DW_DATE]   = STR_ROW(read_date, "date_type", "Input should be a valid date", "date"),
    [DW_RAW_JSON] = { sizeof(struct dw_str), MODEL_OUT, NULL, NULL, NULL, NULL, NULL, NULL, true },
};
/* clang-format on */

const struct model_type *model_type(enum dw_type type)
{
    return &TYPES[type >= DW_STRING && type < ARRAY_SIZE(TYPES) ? type : 0];
}
