#include "app/model.h"

#include <assert.h>

static enum dw_err plan_prepare(struct model_set *set, struct model_plan *plan, struct problem *p);

/* --- checks of one declaration ---------------------------------------------------------------------------------- */

bool model_is_component_name(const char *name)
{
    static const char ALLOWED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    return name != NULL && name[0] != '\0' && name[strspn(name, ALLOWED)] == '\0';
}

static size_t member_alignment(enum dw_type type)
{
    return type == DW_BOOL ? _Alignof(bool) : _Alignof(int64_t);
}

static enum dw_err field_check_place(const struct dw_model *model, const struct dw_field *f, struct problem *p)
{
    const size_t size = f->type == DW_OBJECT ? f->model->size : model_type(f->type)->size;

    if (f->offset > model->size || size > model->size - f->offset)
        return problem_say(p, "lies outside the struct");
    if (f->offset % member_alignment(f->type) != 0)
        return problem_say(p, "its offset is not that of such a member");
    if ((f->flags & DW_PRESENCE) != 0 && f->presence >= model->size)
        return problem_say(p, "its presence lies outside the struct");
    return DW_OK;
}

/* Of their text; the values of an enumeration and the characters of words are what they are. */
static bool has_pattern(enum dw_type type)
{
    return model_type(type)->is_str && type != DW_RAW_JSON && type != DW_ENUM && type != DW_WORDS;
}

/* Numbers and times are limited by value. */
static bool is_measured(enum dw_type type)
{
    return model_type(type)->is_str || type == DW_LIST;
}

static enum dw_err field_check_limits(const struct dw_field *f, struct problem *p)
{
    if (f->max != 0 && f->min > f->max)
        return problem_say(p, "min is above max");
    if (is_measured(f->type) && (f->min < 0 || f->max < 0))
        return problem_say(p, "a length below 0");
    if (f->pattern != NULL && !has_pattern(f->type == DW_LIST ? f->items : f->type))
        return problem_say(p, "a pattern on what is no string");
    return DW_OK;
}

static enum dw_err field_check_type(const struct dw_field *f, struct problem *p)
{
    const enum dw_type held = f->type == DW_LIST ? f->items : f->type;

    if (model_type(f->type)->uses == 0)
        return problem_say(p, "no type, or an unknown one");
    if (f->type == DW_LIST &&
        (model_type(held)->uses == 0 || held == DW_LIST || held == DW_WORDS || held == DW_RAW_JSON))
        return problem_say(p, "a list of what can't be an item");
    if (held == DW_OBJECT && f->model == NULL)
        return problem_say(p, "an object without a model");
    if (held == DW_ENUM && (f->values == NULL || f->values[0] == NULL))
        return problem_say(p, "an enumeration without values");
    return field_check_limits(f, p);
}

static enum dw_err field_check_twins(const struct dw_model *model, const struct dw_field *f, struct problem *p)
{
    for (const struct dw_field *earlier = model->fields; earlier != f; earlier++)
        if (strcmp(earlier->name, f->name) == 0)
            return problem_say(p, "the name stands twice");
    return DW_OK;
}

/* What an absent member means must be readable as the member itself. */
static enum dw_err field_check_fallback(struct model_set *set, const struct model_field *f, struct problem *p)
{
    enum { MEMBER_MAX = 64 };
    _Alignas(16) unsigned char member[MEMBER_MAX] = { 0 };
    struct issue_list issues = { 0 };
    struct model_reader in = { .arena = set->arena, .issues = &issues, .hide = true };
    const struct model_type *type = model_type(f->field->type);

    if (f->field->fallback == NULL)
        return DW_OK;
    if (type->read_text == NULL)
        return problem_say(p, "a fallback on what has none");
    if (type->read_text(&in, f, f->field->type, dw_str(f->field->fallback), member) != DW_OK)
        return problem_say(p, "the fallback '%s' is not valid itself", f->field->fallback);
    return DW_OK;
}

static enum dw_err pattern_compile(struct model_field *f, struct problem *p)
{
    return f->field->pattern == NULL ? DW_OK : pattern_new(dw_str(f->field->pattern), p, &f->pattern);
}

/* --- making ready ----------------------------------------------------------------------------------------------- */

static struct dw_str key_make(struct dw_arena *arena, const char *name)
{
    enum { KEY_MAX = 512 };
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(KEY_MAX);

    buffer_append_char(&b, ',');
    json_write_str(&b, dw_str(name));
    buffer_append_char(&b, ':');
    return buffer_error(&b) == DW_OK ? dw_arena_copy(arena, buffer_str(&b)) : dw_str_n(NULL, 0);
}

static struct dw_str header_make(struct dw_arena *arena, const char *name)
{
    const struct dw_str copy = dw_arena_copy(arena, dw_str(name));

    for (size_t i = 0; !dw_str_is_absent(copy) && i < copy.len; i++)
        if (copy.ptr[i] == '_')
            ((char *)copy.ptr)[i] = '-';
    return copy;
}

static struct model_plan *plan_find(const struct model_set *set, const struct dw_model *model)
{
    struct model_plan *plan = set->first;

    while (plan != NULL && plan->model != model)
        plan = plan->next;
    return plan;
}

static enum dw_err plan_get(struct model_set *set, const struct dw_model *model, struct problem *p,
                            struct model_plan **ret_plan)
{
    struct model_plan *plan = plan_find(set, model);

    if (plan == NULL) {
        for (const struct model_plan *other = set->first; other != NULL; other = other->next)
            if (model->name != NULL && strcmp(other->model->name, model->name) == 0)
                return problem_say(p, "model %s: two models have this name", model->name);
        if (!model_is_component_name(model->name))
            return problem_say(p, "a model without a name, or with one of other than A-Z a-z 0-9 . _ -");
        plan = dw_arena_alloc(set->arena, sizeof(*plan));
        if (plan == NULL)
            return DW_ERR_NO_MEMORY;
        plan->model = model;
        plan->next = set->first;
        set->first = plan;
        TRY(problem_at(p, model->name, plan_prepare(set, plan, p)));
    }
    *ret_plan = plan;
    return DW_OK;
}

static enum dw_err field_prepare(struct model_set *set, const struct dw_model *model, struct model_field *f,
                                 struct problem *p)
{
    const struct dw_field *field = f->field;
    struct model_plan *nested = NULL;

    TRY(field_check_twins(model, field, p));
    TRY(field_check_type(field, p));
    TRY(field_check_place(model, field, p));
    TRY(pattern_compile(f, p));
    f->key = key_make(set->arena, field->name);
    f->header = header_make(set->arena, field->name);
    if (dw_str_is_absent(f->key) || dw_str_is_absent(f->header))
        return DW_ERR_NO_MEMORY;
    if (field->type == DW_OBJECT && field->model == model)
        return problem_say(p, "a struct can't hold itself");
    if (field->type == DW_OBJECT || (field->type == DW_LIST && field->items == DW_OBJECT))
        TRY(plan_get(set, field->model, p, &nested));
    f->nested = nested;
    return field_check_fallback(set, f, p);
}

static enum dw_err plan_prepare(struct model_set *set, struct model_plan *plan, struct problem *p)
{
    enum { SIZE_BYTES_MAX = 1 << 20 };
    const struct dw_model *model = plan->model;

    if (model->size == 0 || model->fields == NULL)
        return problem_say(p, "a model without size or fields");
    if (model->size > SIZE_BYTES_MAX)
        return problem_say(p, "a struct of more than %d bytes", SIZE_BYTES_MAX);
    while (model->fields[plan->n_fields].name != NULL)
        plan->n_fields++;
    plan->fields = dw_arena_alloc(set->arena, plan->n_fields * sizeof(*plan->fields));
    if (plan->fields == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; i < plan->n_fields; i++) {
        plan->fields[i].field = &model->fields[i];
        TRY(problem_at(p, model->fields[i].name, field_prepare(set, model, &plan->fields[i], p)));
    }
    return DW_OK;
}

/* Marks the use here and deeper, where the types allow it. */
static enum dw_err plan_mark(struct model_plan *plan, enum model_use use, struct problem *p)
{
    if ((plan->uses & use) != 0)
        return DW_OK;
    plan->uses |= use;
    for (size_t i = 0; i < plan->n_fields; i++) {
        const struct model_field *f = &plan->fields[i];
        const enum dw_type held = f->field->type == DW_LIST ? f->field->items : f->field->type;
        if ((model_type(f->field->type)->uses & use) == 0 || (model_type(held)->uses & use) == 0)
            return problem_say(p, "%s: %s: such a member can't stand in a %s", plan->model->name, f->field->name,
                               use == MODEL_JSON_IN ? "body" : use == MODEL_OUT ? "answer" : "form or query");
        if (f->nested != NULL)
            TRY(plan_mark((struct model_plan *)f->nested, use, p));
    }
    return DW_OK;
}

enum dw_err model_set_add(struct model_set *set, const struct dw_model *model, enum model_use use, struct problem *p,
                          const struct model_plan **ret_plan)
{
    struct model_plan *plan = NULL;

    TRY(plan_get(set, model, p, &plan));
    assert(plan != NULL);
    TRY(plan_mark(plan, use, p));
    *ret_plan = plan;
    return DW_OK;
}

/* True when that was news. */
static bool plan_look_for_secrets(struct model_plan *plan)
{
    if (plan->has_secret)
        return false;
    for (size_t i = 0; i < plan->n_fields; i++) {
        const struct model_field *f = &plan->fields[i];
        const enum dw_type held = f->field->type == DW_LIST ? f->field->items : f->field->type;
        if (held == DW_SECRET || (f->nested != NULL && f->nested->has_secret))
            plan->has_secret = true;
    }
    return plan->has_secret;
}

/* Until nothing changes, since models may hold lists of each other. */
void model_set_finish(struct model_set *set)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (struct model_plan *plan = set->first; plan != NULL; plan = plan->next)
            changed |= plan_look_for_secrets(plan);
    }
}

void model_set_free(struct model_set *set)
{
    for (struct model_plan *plan = set->first; plan != NULL; plan = plan->next)
        for (size_t i = 0; plan->fields != NULL && i < plan->n_fields; i++)
            pattern_free(&plan->fields[i].pattern);
    set->first = NULL;
}
