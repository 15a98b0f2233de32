#include "app/model.h"

/* JSON Schema 2020-12, as OpenAPI 3.1 takes it. */

static void member_cstr(struct buffer *b, const char *name, const char *value)
{
    if (value != NULL)
        json_write_member_str(b, name, dw_str(value));
}

void model_write_component_name(const struct model_plan *plan, bool is_output, struct buffer *b)
{
    const bool is_input_too = (plan->uses & (MODEL_JSON_IN | MODEL_TEXT_IN)) != 0;

    buffer_append(b, dw_str(plan->model->name));
    if (is_input_too && (plan->uses & MODEL_OUT) != 0)
        buffer_append(b, is_output ? DW_STR("-Output") : DW_STR("-Input"));
}

static void reference_write(const struct model_plan *plan, bool is_output, struct buffer *b)
{
    buffer_append_literal(b, "\"$ref\":\"#/components/schemas/");
    model_write_component_name(plan, is_output, b);
    buffer_append_char(b, '"');
}

/* An answer writes null for what is absent, an input takes it where that is allowed. */
static bool is_nullable(const struct dw_field *f, bool is_output)
{
    if ((f->flags & DW_NULLABLE) != 0)
        return true;
    const bool may_be_absent = (model_type(f->type)->is_str && f->type != DW_WORDS) || f->type == DW_TIME;
    return is_output && may_be_absent && (f->flags & (DW_REQUIRED | DW_OMIT_ABSENT)) == 0;
}

static void values_write(const struct dw_field *f, bool is_nullable_too, struct buffer *b)
{
    json_write_key(b, "enum");
    buffer_append_char(b, '[');
    for (const char *const *value = f->values; *value != NULL; value++) {
        json_write_comma(b);
        json_write_str(b, dw_str(*value));
    }
    if (is_nullable_too)
        buffer_append_literal(b, ",null");
    buffer_append_char(b, ']');
}

/* JSON Schema's patterns are not anchored; ours are, so that anchors of their own change nothing. */
static void pattern_write(const char *pattern, struct buffer *b)
{
    enum { PATTERN_MAX = 64 << 10 };
    _cleanup_buffer_ struct buffer anchored = BUFFER_INIT(PATTERN_MAX);

    buffer_append_literal(&anchored, "^(?:");
    buffer_append(&anchored, dw_str(pattern));
    buffer_append_literal(&anchored, ")$");
    if (buffer_error(&anchored) != DW_OK)
        b->failed = buffer_error(&anchored);
    json_write_member_str(b, "pattern", buffer_str(&anchored));
}

static void limits_write(const struct dw_field *f, const char *min_name, const char *max_name, bool zero_counts,
                         struct buffer *b)
{
    if (f->min != 0 || (zero_counts && f->max != 0))
        json_write_member_int(b, min_name, f->min);
    if (f->max != 0 || (zero_counts && f->min < 0))
        json_write_member_int(b, max_name, f->max);
}

static void type_write(const struct model_type *type, bool nullable, struct buffer *b)
{
    json_write_key(b, "type");
    if (nullable)
        buffer_append_char(b, '[');
    json_write_str(b, dw_str(type->schema_type));
    if (nullable)
        buffer_append_literal(b, ",\"null\"]");
    member_cstr(b, "format", type->schema_format);
}

/* The members of the schema of one value: of a field, or of an item of its list. */
static void value_schema(const struct model_field *f, enum dw_type type, bool nullable, bool is_output,
                         struct buffer *b)
{
    const struct dw_field *field = f->field;
    const bool is_item = field->type == DW_LIST;
    const struct model_type *row = model_type(type);

    if (row->schema_type == NULL)
        return;
    if (type == DW_OBJECT) {
        if (nullable)
            buffer_append_literal(b, "\"anyOf\":[{");
        reference_write(f->nested, is_output, b);
        if (nullable)
            buffer_append_literal(b, "},{\"type\":\"null\"}]");
        return;
    }
    type_write(row, nullable, b);
    if (type == DW_ENUM)
        values_write(field, nullable, b);
    if (field->pattern != NULL)
        pattern_write(field->pattern, b);
    if (!is_item && (type == DW_INT || type == DW_NUMBER))
        limits_write(field, "minimum", "maximum", true, b);
    else if (!is_item && type != DW_WORDS && type != DW_TIME && row->is_str && !is_output)
        limits_write(field, "minLength", "maxLength", false, b);
}

static void list_schema(const struct model_field *f, bool nullable, bool is_output, struct buffer *b)
{
    type_write(model_type(DW_LIST), nullable, b);
    buffer_append_literal(b, ",\"items\":{");
    if (f->field->type == DW_WORDS)
        buffer_append_literal(b, "\"type\":\"string\"");
    else
        value_schema(f, f->field->items, false, is_output, b);
    buffer_append_char(b, '}');
    if (!is_output)
        limits_write(f->field, "minItems", "maxItems", false, b);
}

/* A text from the table as a value of the field's type. For lists and objects the text is JSON itself. */
static void literal_write(const struct dw_field *f, const char *text, struct buffer *b)
{
    if (f->type == DW_WORDS)
        model_write_words(dw_str(text), b);
    else if (model_type(f->type)->is_str || f->type == DW_TIME)
        json_write_str(b, dw_str(text));
    else
        buffer_append(b, dw_str(text));
}

void model_write_field_schema(const struct model_field *f, bool is_output, struct buffer *b)
{
    const struct dw_field *field = f->field;
    const bool nullable = is_nullable(field, is_output);

    buffer_append_char(b, '{');
    if (field->type == DW_LIST || field->type == DW_WORDS)
        list_schema(f, nullable, is_output, b);
    else
        value_schema(f, field->type, nullable, is_output, b);
    member_cstr(b, "title", field->title);
    member_cstr(b, "description", field->description);
    if (field->fallback != NULL && !is_output) {
        json_write_key(b, "default");
        literal_write(field, field->fallback, b);
    }
    if (field->example != NULL) {
        json_write_key(b, "examples");
        buffer_append_char(b, '[');
        literal_write(field, field->example, b);
        buffer_append_char(b, ']');
    }
    buffer_append_char(b, '}');
}

static bool is_always_there(const struct dw_field *f, bool is_output)
{
    return is_output ? (f->flags & DW_OMIT_ABSENT) == 0 : (f->flags & DW_REQUIRED) != 0;
}

static void required_write(const struct model_plan *plan, bool is_output, struct buffer *b)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->n_fields; i++)
        n += is_always_there(plan->fields[i].field, is_output);
    if (n == 0)
        return;
    json_write_key(b, "required");
    buffer_append_char(b, '[');
    for (size_t i = 0; i < plan->n_fields; i++) {
        if (!is_always_there(plan->fields[i].field, is_output))
            continue;
        json_write_comma(b);
        json_write_str(b, dw_str(plan->fields[i].field->name));
    }
    buffer_append_char(b, ']');
}

void model_write_schema(const struct model_plan *plan, bool is_output, struct buffer *b)
{
    buffer_append_char(b, '{');
    json_write_member_str(b, "type", DW_STR("object"));
    json_write_member_str(b, "title", dw_str(plan->model->name));
    member_cstr(b, "description", plan->model->description);
    json_write_key(b, "properties");
    buffer_append_char(b, '{');
    for (size_t i = 0; i < plan->n_fields; i++) {
        json_write_key(b, plan->fields[i].field->name);
        model_write_field_schema(&plan->fields[i], is_output, b);
    }
    buffer_append_char(b, '}');
    required_write(plan, is_output, b);
    if (plan->model->refuse_unknown && !is_output)
        buffer_append_literal(b, ",\"additionalProperties\":false");
    buffer_append_char(b, '}');
}
