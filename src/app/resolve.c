#include "app/application.h"

static void *step_value(const struct app_state *s, const struct plan_step *step)
{
    return s->values + step->offset;
}

/* Values of size 0 need an address too, so that dw_get() can tell "checked" from "not needed". */
static enum dw_err values_make(struct dw_request *r, struct app_state *s, const struct plan *plan)
{
    if (s->values == NULL)
        s->values = dw_arena_alloc(r->arena, plan->values_size);
    return s->values == NULL ? DW_ERR_NO_MEMORY : DW_OK;
}

/* What a resolve that could not finish left behind must not be seen by the next try. */
static void step_forget(struct app_state *s, const struct plan_step *step)
{
    memset(step_value(s, step), 0, step->made->size);
    s->issues = (struct issue_list){ 0 };
    s->challenge = s->challenge_scope = dw_str_n(NULL, 0);
    s->challenge_max_age_s = 0;
    s->fail_error = DW_OK;
    s->is_credential_sent = false;
    s->scheme = NULL;
}

enum dw_err resolve_plan(struct dw_request *r)
{
    struct app_state *s = app_state(r);
    const struct plan *plan = &s->match.row->plan;

    if (plan->n_steps == 0)
        return DW_OK;
    TRY(values_make(r, s, plan));
    while (s->n_resolved < plan->n_steps) {
        const struct plan_step *step = &plan->steps[s->n_resolved];
        s->step = step;
        const enum dw_err err = step->made->resolve(r, step->made, step_value(s, step));
        s->step = NULL;
        if (err == DW_ERR_WOULD_BLOCK)
            step_forget(s, step);
        if (err != DW_OK) {
            s->failed = step;
            return err;
        }
        s->n_resolved++;
    }
    s->failed = NULL;
    return DW_OK;
}

void dispatch_release(struct dw_request *r)
{
    struct app_state *s = app_state(r);

    if (s == NULL)
        return;
    while (s->n_resolved > 0) {
        /* Counted down first: whatever release does, it is called once. */
        const struct plan_step *step = &s->match.row->plan.steps[--s->n_resolved];
        if (step->made->release == NULL)
            continue;
        s->step = step;
        step->made->release(r, step->made, step_value(s, step));
        s->step = NULL;
    }
}

/* --- for handlers and resolve functions ------------------------------------------------------------------------- */

const void *dw_get(struct dw_request *r, const struct dw_dependency *dependency)
{
    const struct app_row *row = r == NULL ? NULL : app_row(r);

    if (row == NULL || dependency == NULL || app_state(r)->values == NULL)
        return NULL;
    const struct app_state *s = app_state(r);
    const struct plan *plan = &row->plan;
    /* One's own first: another set of scopes may have given another value. */
    const unsigned char *uses = s->step == NULL ? plan->uses : s->step->uses;
    const size_t n_uses = s->step == NULL ? plan->n_uses : s->step->n_uses;
    for (size_t i = 0; i < n_uses; i++)
        if (plan->steps[uses[i]].asked == dependency && uses[i] < s->n_resolved)
            return step_value(s, &plan->steps[uses[i]]);
    for (size_t i = s->n_resolved; i-- > 0;)
        if (plan->steps[i].asked == dependency)
            return step_value(s, &plan->steps[i]);
    return NULL;
}

struct dw_str dw_required_scopes(struct dw_request *r)
{
    if (r == NULL || r->state == NULL || app_state(r)->step == NULL)
        return dw_str_n(NULL, 0);
    return app_state(r)->step->scopes;
}
