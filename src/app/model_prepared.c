#include "app/model.h"

/* A model by itself: a set of its own, and the arena that holds it. */
struct dw_prepared_model {
    struct dw_arena *arena;
    struct model_set models;
    const struct model_plan *plan;
    bool is_readable;
};

enum { PREPARED_ARENA_LIMIT = 8 << 20, WRITTEN_MAX = 16 << 20, ISSUES_MAX_BYTES = 1 << 20 };

static enum dw_err prepare(struct dw_prepared_model *m, const struct dw_model *model, struct problem *p)
{
    struct problem none = { "" };

    TRY(dw_arena_new(PREPARED_ARENA_LIMIT, &m->arena));
    m->models.arena = m->arena;
    TRY(model_set_add(&m->models, model, MODEL_OUT, p, &m->plan));
    m->is_readable = model_set_add(&m->models, model, MODEL_JSON_IN, &none, &m->plan) == DW_OK;
    model_set_finish(&m->models);
    return DW_OK;
}

enum dw_err dw_model_new(const struct dw_model *model, struct dw_prepared_model **ret_prepared,
                         char ret_problem[DW_PROBLEM_SIZE])
{
    struct problem p = { "" };
    enum dw_err err = DW_ERR_NO_MEMORY;

    if (model == NULL || ret_prepared == NULL)
        return DW_ERR_ARGUMENT;
    _cleanup_(dw_model_free) struct dw_prepared_model *m = calloc(1, sizeof(*m));
    if (m != NULL)
        err = prepare(m, model, &p);
    if (err == DW_OK)
        *ret_prepared = TAKE_PTR(m);
    else if (ret_problem != NULL)
        snprintf(ret_problem, DW_PROBLEM_SIZE, "%s", p.text[0] == '\0' ? dw_error_info(err)->code : p.text);
    return err;
}

void dw_model_free(struct dw_prepared_model **prepared)
{
    if (prepared == NULL || *prepared == NULL)
        return;
    model_set_free(&(*prepared)->models);
    dw_arena_free(&(*prepared)->arena);
    free(*prepared);
    *prepared = NULL;
}

static enum dw_err issues_write(const struct issue_list *issues, struct dw_arena *arena, struct dw_str *ret_issues)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(ISSUES_MAX_BYTES);

    issue_list_write(issues, &b);
    TRY(buffer_error(&b));
    *ret_issues = dw_arena_copy(arena, buffer_str(&b));
    return dw_str_is_absent(*ret_issues) ? DW_ERR_NO_MEMORY : DW_OK;
}

enum dw_err dw_model_parse(const struct dw_prepared_model *prepared, struct dw_str json, struct dw_arena *arena,
                           void **ret_struct, struct dw_str *ret_issues)
{
    struct issue_list issues = { 0 };

    if (prepared == NULL || arena == NULL || ret_struct == NULL || !prepared->is_readable)
        return DW_ERR_ARGUMENT;
    const enum dw_err err = model_parse_json(prepared->plan, json, NULL, arena, &issues, ret_struct);
    if (err != DW_OK && issues.n > 0 && ret_issues != NULL)
        TRY(issues_write(&issues, arena, ret_issues));
    return err;
}

enum dw_err dw_model_write(const struct dw_prepared_model *prepared, const void *from, struct dw_arena *arena,
                           struct dw_str *ret_json)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(WRITTEN_MAX);

    if (prepared == NULL || from == NULL || arena == NULL || ret_json == NULL)
        return DW_ERR_ARGUMENT;
    model_write(prepared->plan, from, &b);
    TRY(buffer_error(&b));
    const struct dw_str json = dw_arena_copy(arena, buffer_str(&b));
    if (dw_str_is_absent(json))
        return DW_ERR_NO_MEMORY;
    *ret_json = json;
    return DW_OK;
}
