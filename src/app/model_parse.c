#include "app/model.h"

#include "base/utf8.h"

/* Whether reading may go on, so that one answer tells all that is wrong. */
static bool goes_on(enum dw_err err, enum dw_err *verdict)
{
    if (err != DW_OK)
        *verdict = err;
    return err == DW_OK || err == DW_ERR_VALIDATION;
}

static bool field_is_secret(const struct model_field *f)
{
    return f->field->type == DW_SECRET || (f->field->type == DW_LIST && f->field->items == DW_SECRET) ||
           (f->nested != NULL && f->nested->has_secret);
}

static size_t item_size(const struct model_field *f)
{
    return f->field->items == DW_OBJECT ? f->nested->model->size : model_type(f->field->items)->size;
}

static void presence_set(const struct model_field *f, void *out)
{
    if ((f->field->flags & DW_PRESENCE) != 0)
        *(bool *)((char *)out + f->field->presence) = true;
}

/* What an absent or null member becomes: zero bytes, and -1 for a time, as 0 is one. */
static void member_clear(const struct model_field *f, void *member)
{
    if (f->field->type == DW_TIME)
        *(int64_t *)member = -1;
}

static enum dw_err fallback_read(struct model_reader *in, const struct model_field *f, void *member)
{
    if (f->field->fallback == NULL) {
        member_clear(f, member);
        return DW_OK;
    }
    return model_type(f->field->type)->read_text(in, f, f->field->type, dw_str(f->field->fallback), member);
}

/* --- JSON ------------------------------------------------------------------------------------------------------- */

static enum dw_err object_read(struct model_reader *in, const struct model_plan *plan, yyjson_val *object, void *out);

static enum dw_err value_read(struct model_reader *in, const struct model_field *f, enum dw_type type,
                              yyjson_val *value, void *member)
{
    if (type == DW_OBJECT)
        return object_read(in, f->nested, value, member);
    return model_type(type)->read_json(in, f, type, value, member);
}

static enum dw_err list_read(struct model_reader *in, const struct model_field *f, yyjson_val *value, void *member)
{
    const struct model_type *type = model_type(DW_LIST);
    struct dw_list list = { .n = yyjson_arr_size(value) };
    enum dw_err verdict = DW_OK;
    yyjson_arr_iter items;

    if (!yyjson_is_arr(value))
        return model_issue_text(in, type->wrong_type, type->wrong_message);
    TRY(validate_count(in, f, list.n));
    list.items = dw_arena_alloc(in->arena, list.n * item_size(f));
    if (list.items == NULL)
        return DW_ERR_BODY_TOO_LARGE;
    yyjson_arr_iter_init(value, &items);
    for (size_t i = 0; i < list.n && in->issues->n < ISSUE_MAX; i++) {
        const struct place place = { .outer = in->place, .index = i };
        struct model_reader at = *in;
        at.place = &place;
        at.json = yyjson_arr_iter_next(&items);
        if (!goes_on(value_read(&at, f, f->field->items, at.json, (char *)list.items + i * item_size(f)), &verdict))
            return verdict;
    }
    *(struct dw_list *)member = list;
    return verdict;
}

static enum dw_err member_read(struct model_reader *in, const struct model_plan *plan, const struct model_field *f,
                               yyjson_val *object, void *out)
{
    const struct place place = { .outer = in->place, .name = dw_str(f->field->name) };
    struct model_reader at = *in;
    void *member = (char *)out + f->field->offset;

    at.place = &place;
    at.json = yyjson_obj_getn(object, place.name.ptr, place.name.len);
    at.hide = field_is_secret(f);
    if (at.json == NULL && (f->field->flags & DW_REQUIRED) != 0) {
        at.json = object;
        at.hide = plan->has_secret;
        return model_issue_text(&at, "missing", "Field required");
    }
    if (at.json == NULL)
        return fallback_read(&at, f, member);
    presence_set(f, out);
    if (yyjson_is_null(at.json) && (f->field->flags & DW_NULLABLE) != 0) {
        member_clear(f, member);
        return DW_OK;
    }
    if (f->field->type == DW_LIST)
        return list_read(&at, f, at.json, member);
    return value_read(&at, f, f->field->type, at.json, member);
}

static bool plan_has(const struct model_plan *plan, struct dw_str name)
{
    for (size_t i = 0; i < plan->n_fields; i++)
        if (dw_str_eq(name, dw_str(plan->fields[i].field->name)))
            return true;
    return false;
}

static bool is_envelope(const struct model_reader *in, struct dw_str name)
{
    return in->is_message && in->place->outer == NULL &&
           (dw_str_eq(name, DW_STR("type")) || dw_str_eq(name, DW_STR("id")));
}

static enum dw_err extra_refuse(struct model_reader *in, const struct model_plan *plan, struct dw_str name,
                                yyjson_val *json, struct dw_str text)
{
    const struct place place = { .outer = in->place, .name = name };
    struct model_reader at = *in;

    if (plan_has(plan, name) || is_envelope(in, name))
        return DW_OK;
    at.place = &place;
    at.json = json;
    at.text = text;
    at.hide = plan->has_secret;
    return model_issue_text(&at, "extra_forbidden", "Extra inputs are not permitted");
}

static enum dw_err extras_refuse(struct model_reader *in, const struct model_plan *plan, yyjson_val *object)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    enum dw_err verdict = DW_OK;
    yyjson_val *name;

    while (plan->model->refuse_unknown && (name = yyjson_obj_iter_next(&members)) != NULL)
        if (!goes_on(extra_refuse(in, plan, json_str(name), yyjson_obj_iter_get_val(name), dw_str_n(NULL, 0)),
                     &verdict))
            return verdict;
    return verdict;
}

static enum dw_err object_read(struct model_reader *in, const struct model_plan *plan, yyjson_val *object, void *out)
{
    const struct model_type *type = model_type(DW_OBJECT);
    enum dw_err verdict = DW_OK;

    if (!yyjson_is_obj(object)) {
        in->hide = in->hide || plan->has_secret;
        return model_issue_text(in, type->wrong_type, type->wrong_message);
    }
    for (size_t i = 0; i < plan->n_fields; i++)
        if (!goes_on(member_read(in, plan, &plan->fields[i], object, out), &verdict))
            return verdict;
    if (!goes_on(extras_refuse(in, plan, object), &verdict))
        return verdict;
    return verdict;
}

/* Syntax, a name twice, too deep: one issue at the place of the error, in characters, as FastAPI has it. */
static enum dw_err json_refuse(struct model_reader *in, enum dw_err err, struct dw_str before)
{
    const struct place place = { .outer = in->place, .index = utf8_count(before) };
    struct model_reader at = *in;

    if (err != DW_ERR_JSON && err != DW_ERR_JSON_DUPLICATE && err != DW_ERR_JSON_DEPTH)
        return err;
    at.place = &place;
    at.hide = true;
    const enum dw_err added = model_issue_text(&at, "json_invalid", "JSON decode error");
    return added == DW_ERR_VALIDATION ? err : added;
}

static enum dw_err root_read(struct model_reader *in, const struct model_plan *plan, yyjson_val *root,
                             void **ret_struct)
{
    void *out = dw_arena_alloc(in->arena, plan->model->size);

    if (out == NULL)
        return DW_ERR_NO_MEMORY;
    in->json = root;
    TRY(object_read(in, plan, root, out));
    *ret_struct = out;
    return DW_OK;
}

enum dw_err model_parse_json(const struct model_plan *plan, struct dw_str body, const char *where,
                             struct dw_arena *arena, struct issue_list *issues, void **ret_struct)
{
    const struct place place = { .name = dw_str(where) };
    struct model_reader in = { .arena = arena, .issues = issues, .place = where == NULL ? NULL : &place };
    yyjson_val *root = NULL;
    size_t position = 0;

    if (body.len == 0)
        return model_issue_text(&in, "missing", "Field required");
    const enum dw_err err = json_parse(arena, body, JSON_DEPTH_DEFAULT, &root, &position);
    if (err != DW_OK)
        return json_refuse(&in, err, dw_str_n(body.ptr, MIN_OF(position, body.len)));
    if (yyjson_is_null(root))
        return model_issue_text(&in, "missing", "Field required");
    return root_read(&in, plan, root, ret_struct);
}

enum dw_err model_parse_message(const struct model_plan *plan, yyjson_val *root, struct dw_arena *arena,
                                struct issue_list *issues, void **ret_struct)
{
    const struct place place = { .name = DW_STR("message") };
    struct model_reader in = { .arena = arena, .issues = issues, .place = &place, .is_message = true };

    return root_read(&in, plan, root, ret_struct);
}

/* --- forms and queries ------------------------------------------------------------------------------------------ */

/* A parameter without a value counts as omitted (RFC 6749 §3.1). */
static size_t pairs_named(const struct model_pairs *p, struct dw_str name, struct dw_str *ret_value)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        if (dw_str_eq(p->pairs[i].name, name) && p->pairs[i].value.len > 0 && n++ == 0)
            *ret_value = p->pairs[i].value;
    return n;
}

static enum dw_err text_list_read(struct model_reader *in, const struct model_field *f, const struct model_pairs *p,
                                  size_t n, void *member)
{
    struct dw_list list = { .items = dw_arena_alloc(in->arena, n * item_size(f)) };
    const struct model_type *type = model_type(f->field->items);
    enum dw_err verdict = DW_OK;

    TRY(validate_count(in, f, n));
    if (list.items == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; i < p->n; i++) {
        if (!dw_str_eq(p->pairs[i].name, dw_str(f->field->name)) || p->pairs[i].value.len == 0)
            continue;
        const struct place place = { .outer = in->place, .index = list.n };
        struct model_reader at = *in;
        at.place = &place;
        at.text = p->pairs[i].value;
        void *item = (char *)list.items + list.n++ * item_size(f);
        if (!goes_on(type->read_text(&at, f, f->field->items, at.text, item), &verdict))
            return verdict;
    }
    *(struct dw_list *)member = list;
    return verdict;
}

static enum dw_err parameter_read(struct model_reader *in, const struct model_field *f, const struct model_pairs *p,
                                  void *out)
{
    const struct place place = { .outer = in->place, .name = p->are_headers ? f->header : dw_str(f->field->name) };
    struct model_reader at = *in;
    void *member = (char *)out + f->field->offset;

    at.place = &place;
    at.hide = field_is_secret(f);
    const size_t n = pairs_named(p, dw_str(f->field->name), &at.text);
    if (n == 0 && (f->field->flags & DW_REQUIRED) != 0)
        return model_issue_text(&at, "missing", "Field required");
    if (n == 0)
        return fallback_read(&at, f, member);
    presence_set(f, out);
    if (f->field->type == DW_LIST)
        return text_list_read(&at, f, p, n, member);
    /* RFC 6749 §3.1: parameters must not be included more than once. */
    if (n > 1)
        return model_issue_text(&at, "duplicate_parameter", "Parameter should be sent only once");
    return model_type(f->field->type)->read_text(&at, f, f->field->type, at.text, member);
}

static enum dw_err parameters_read(struct model_reader *in, const struct model_plan *plan, const struct model_pairs *p,
                                   void *out)
{
    enum dw_err verdict = DW_OK;

    for (size_t i = 0; i < plan->n_fields; i++)
        if (!goes_on(parameter_read(in, &plan->fields[i], p, out), &verdict))
            return verdict;
    for (size_t i = 0; plan->model->refuse_unknown && i < p->n; i++)
        if (!goes_on(extra_refuse(in, plan, p->pairs[i].name, NULL, p->pairs[i].value), &verdict))
            return verdict;
    return verdict;
}

enum dw_err model_parse_pairs(const struct model_plan *plan, const struct model_pairs *pairs, struct dw_arena *arena,
                              struct issue_list *issues, void **ret_struct)
{
    const struct place place = { .name = dw_str(pairs->where) };
    struct model_reader in = { .arena = arena, .issues = issues, .place = &place };
    void *out = dw_arena_alloc(arena, plan->model->size);

    if (out == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(parameters_read(&in, plan, pairs, out));
    *ret_struct = out;
    return DW_OK;
}

enum dw_err model_parse_text(const struct model_plan *plan, struct dw_str encoded, const char *where,
                             struct dw_arena *arena, struct issue_list *issues, void **ret_struct)
{
    struct query_pair *pairs = NULL;
    size_t n = 0;

    if (encoded.len > 0)
        TRY(query_parse(arena, encoded, &pairs, &n));
    return model_parse_pairs(plan, &(struct model_pairs){ .pairs = pairs, .n = n, .where = where }, arena, issues,
                             ret_struct);
}
