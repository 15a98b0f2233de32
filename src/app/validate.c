#include "app/model.h"

#include "base/utf8.h"

/* "character" or "characters", as pydantic counts them. */
static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static enum dw_err validate_length(struct model_reader *in, const struct dw_field *f, struct dw_str s)
{
    /* Of a list they count its items. */
    if (f->type == DW_LIST || (f->min == 0 && f->max == 0))
        return DW_OK;
    const int64_t n = (int64_t)utf8_count(s);
    if (n < f->min)
        return model_issue(in, "string_too_short", "String should have at least %lld character%s", (long long)f->min,
                           plural(f->min));
    if (f->max != 0 && n > f->max)
        return model_issue(in, "string_too_long", "String should have at most %lld character%s", (long long)f->max,
                           plural(f->max));
    return DW_OK;
}

enum dw_err validate_string(struct model_reader *in, const struct model_field *f, struct dw_str s)
{
    if (!dw_str_is_utf8(s))
        return model_issue_text(in, "string_unicode",
                                "Input should be a valid string, unable to parse raw data as a unicode string");
    if (s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL)
        return model_issue_text(in, "string_nul", "String should not contain a NUL character");
    TRY(validate_length(in, f->field, s));
    if (f->pattern != NULL && !pattern_matches(f->pattern, s))
        return model_issue(in, "string_pattern_mismatch", "String should match pattern '%s'", f->field->pattern);
    return DW_OK;
}

enum dw_err validate_enum(struct model_reader *in, const struct model_field *f, struct dw_str s)
{
    enum { TEXT_MAX = 400 };
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(TEXT_MAX);
    const char *const *values = f->field->values;

    for (size_t i = 0; values[i] != NULL; i++) {
        if (!dw_str_is_absent(s) && dw_str_eq(s, dw_str(values[i])))
            return DW_OK;
        if (i > 0)
            buffer_append(&b, values[i + 1] == NULL ? DW_STR(" or ") : DW_STR(", "));
        buffer_printf(&b, "'%s'", values[i]);
    }
    return model_issue(in, "enum", "Input should be %.*s", (int)b.len, b.len > 0 ? b.ptr : "");
}

/* 0 is a limit when the other one is set: .max = 100 alone means 0 to 100, .min = 1 alone means 1 and more. */
static bool has_minimum(const struct dw_field *f)
{
    return f->type != DW_LIST && (f->min != 0 || f->max != 0);
}

static bool has_maximum(const struct dw_field *f)
{
    return f->type != DW_LIST && (f->max != 0 || f->min < 0);
}

enum dw_err validate_int(struct model_reader *in, const struct model_field *f, int64_t value)
{
    if (has_minimum(f->field) && value < f->field->min)
        return model_issue(in, "greater_than_equal", "Input should be greater than or equal to %lld",
                           (long long)f->field->min);
    if (has_maximum(f->field) && value > f->field->max)
        return model_issue(in, "less_than_equal", "Input should be less than or equal to %lld",
                           (long long)f->field->max);
    return DW_OK;
}

enum dw_err validate_number(struct model_reader *in, const struct model_field *f, double value)
{
    if (!__builtin_isfinite(value))
        return model_issue_text(in, "finite_number", "Input should be a finite number");
    if (has_minimum(f->field) && value < (double)f->field->min)
        return model_issue(in, "greater_than_equal", "Input should be greater than or equal to %lld",
                           (long long)f->field->min);
    if (has_maximum(f->field) && value > (double)f->field->max)
        return model_issue(in, "less_than_equal", "Input should be less than or equal to %lld",
                           (long long)f->field->max);
    return DW_OK;
}

enum dw_err validate_count(struct model_reader *in, const struct model_field *f, size_t n)
{
    const int64_t count = (int64_t)n, min = f->field->min, max = f->field->max;

    if (count < min)
        return model_issue(in, "too_short", "List should have at least %lld item%s after validation, not %lld",
                           (long long)min, plural(min), (long long)count);
    if (max != 0 && count > max)
        return model_issue(in, "too_long", "List should have at most %lld item%s after validation, not %lld",
                           (long long)max, plural(max), (long long)count);
    return DW_OK;
}

const char *validate_email_reason(struct dw_str text)
{
    const char *at = text.ptr != NULL && text.len > 0 ? memrchr(text.ptr, '@', text.len) : NULL;

    if (at == NULL)
        return "An email address must have an @-sign.";
    if (at == text.ptr)
        return "There must be something before the @-sign.";
    const struct dw_str domain = dw_str_n(at + 1, text.len - (size_t)(at + 1 - text.ptr));
    if (domain.len == 0)
        return "There must be something after the @-sign.";
    if (memchr(domain.ptr, '.', domain.len) == NULL)
        return "The part after the @-sign is not valid. It should have a period.";
    if (text.len > 254)
        return "The email address is too long.";
    return "The email address contains invalid characters, or its domain is not one that mail can be sent to.";
}
