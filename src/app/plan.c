#include "app/plan.h"

#include "app/policy.h"
#include "base/buffer.h"

enum { SCOPES_MAX = 1024, VALUE_ALIGNMENT = 16, VALUE_MAX = 64 * 1024 };

struct maker {
    struct dw_arena *arena;
    const struct plan_override *overrides;
    struct problem *problem;
    struct plan_step steps[PLAN_STEPS_MAX];
    size_t n_steps;
    size_t values_size;
    const struct dw_dependency *path[PLAN_DEPTH_MAX]; /* from the route to what is being looked at */
    size_t depth;
};

/* --- scopes ----------------------------------------------------------------------------------------------------- */

/* RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E. */
bool plan_is_scope(const char *scope)
{
    for (const char *c = scope; *c != '\0'; c++)
        if (*c < '!' || *c > '~' || *c == '"' || *c == '\\')
            return false;
    return *scope != '\0';
}

/* `from` and then those of `scopes` that it has not. */
static enum dw_err scopes_join(struct maker *m, struct dw_str from, const char *const *scopes,
                               struct dw_str *ret_joined)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(SCOPES_MAX);

    if (scopes == NULL || scopes[0] == NULL) {
        *ret_joined = from;
        return DW_OK;
    }
    buffer_append(&b, from);
    for (; *scopes != NULL; scopes++) {
        if (!plan_is_scope(*scopes))
            return problem_say(m->problem, "'%s' is no scope", *scopes);
        if (b.len > 0 && dw_str_list_has(buffer_str(&b), dw_str(*scopes)))
            continue;
        if (b.len > 0)
            buffer_append_char(&b, ' ');
        buffer_append(&b, dw_str(*scopes));
    }
    if (buffer_error(&b) != DW_OK)
        return problem_say(m->problem, "the scopes are longer than %d characters", SCOPES_MAX);
    *ret_joined = dw_arena_copy(m->arena, buffer_str(&b));
    return dw_str_is_absent(*ret_joined) ? DW_ERR_NO_MEMORY : DW_OK;
}

/* The same set, in whatever order: each holds no scope twice, so length and inclusion decide. */
static bool scopes_same(struct dw_str a, struct dw_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t start = 0, end; start < a.len; start = end + 1) {
        for (end = start; end < a.len && a.ptr[end] != ' ';)
            end++;
        if (!dw_str_list_has(b, dw_str_n(a.ptr + start, end - start)))
            return false;
    }
    return true;
}

/* --- steps ------------------------------------------------------------------------------------------------------ */

static const struct dw_dependency *override_of(const struct maker *m, const struct dw_dependency *asked)
{
    for (const struct plan_override *o = m->overrides; o != NULL; o = o->next)
        if (o->asked == asked)
            return o->made;
    return asked;
}

static enum dw_err circle_say(const struct maker *m, const struct dw_dependency *again)
{
    char names[DW_PROBLEM_SIZE / 2] = "";
    size_t len = 0, i = 0;

    while (m->path[i] != again)
        i++;
    for (; i < m->depth && len < sizeof(names); i++)
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s -> ", m->path[i]->name);
    return problem_say(m->problem, "dependencies in a circle: %s%s", names, again->name);
}

static enum dw_err dependency_check(const struct maker *m, const struct dw_dependency *d)
{
    if (d->name == NULL)
        return problem_say(m->problem, "a dependency without a name");
    if (d->resolve == NULL)
        return problem_say(m->problem, "dependency %s: no resolve function", d->name);
    if (d->size > VALUE_MAX)
        return problem_say(m->problem, "dependency %s: its value is larger than %d bytes", d->name, VALUE_MAX);
    for (size_t i = 0; i < m->depth; i++)
        if (m->path[i] == d)
            return circle_say(m, d);
    if (m->depth == PLAN_DEPTH_MAX)
        return problem_say(m->problem, "dependency %s: nested deeper than %d", d->name, PLAN_DEPTH_MAX);
    return DW_OK;
}

static bool step_find(const struct maker *m, const struct dw_dependency *asked, struct dw_str scopes,
                      unsigned char *ret_index)
{
    for (size_t i = 0; i < m->n_steps; i++)
        if (m->steps[i].asked == asked && scopes_same(m->steps[i].scopes, scopes)) {
            *ret_index = (unsigned char)i;
            return true;
        }
    return false;
}

static enum dw_err step_append(struct maker *m, const struct plan_step *step, unsigned char *ret_index)
{
    if (m->n_steps == PLAN_STEPS_MAX)
        return problem_say(m->problem, "more than %d dependencies", PLAN_STEPS_MAX);
    struct plan_step *new_step = &m->steps[m->n_steps];
    *new_step = *step;
    new_step->offset = m->values_size;
    m->values_size += (step->made->size + VALUE_ALIGNMENT - 1) & ~(size_t)(VALUE_ALIGNMENT - 1);
    *ret_index = (unsigned char)m->n_steps++;
    return DW_OK;
}

static enum dw_err uses_visit(struct maker *m, const struct dw_use *uses, struct dw_str scopes, unsigned char *ret_uses,
                              unsigned char *ret_n);

static enum dw_err use_visit(struct maker *m, const struct dw_use *use, struct dw_str above, unsigned char *ret_index)
{
    struct plan_step step = { .asked = use->dependency, .made = override_of(m, use->dependency) };

    TRY(dependency_check(m, step.made));
    TRY(scopes_join(m, above, use->scopes, &step.scopes));
    if (step_find(m, step.asked, step.scopes, ret_index))
        return DW_OK;
    m->path[m->depth++] = step.made;
    TRY(uses_visit(m, step.made->uses, step.scopes, step.uses, &step.n_uses));
    m->depth--;
    if (step.made->resolve == dw_resolve_policy)
        TRY(policy_read_step(m->arena, step.made, m->problem, &step.policy));
    return step_append(m, &step, ret_index);
}

static enum dw_err uses_visit(struct maker *m, const struct dw_use *uses, struct dw_str scopes, unsigned char *ret_uses,
                              unsigned char *ret_n)
{
    unsigned char n = 0;

    for (; uses != NULL && uses->dependency != NULL; uses++) {
        if (n == PLAN_USES_MAX)
            return problem_say(m->problem, "more than %d dependencies side by side", PLAN_USES_MAX);
        TRY(use_visit(m, uses, scopes, &ret_uses[n]));
        n++;
    }
    *ret_n = n;
    return DW_OK;
}

enum dw_err plan_make(struct dw_arena *arena, const struct dw_needs *needs, const struct plan_override *overrides,
                      struct problem *p, struct plan *ret_plan)
{
    _cleanup_free_ struct maker *m = calloc(1, sizeof(*m));
    struct plan plan = { 0 };

    if (m == NULL)
        return DW_ERR_NO_MEMORY;
    m->arena = arena;
    m->overrides = overrides;
    m->problem = p;
    TRY(uses_visit(m, needs->uses, dw_str_n(NULL, 0), plan.uses, &plan.n_uses));
    plan.n_steps = m->n_steps;
    plan.values_size = m->values_size;
    plan.steps = dw_arena_alloc(arena, sizeof(*plan.steps) * m->n_steps);
    if (plan.steps == NULL)
        return DW_ERR_NO_MEMORY;
    memcpy(plan.steps, m->steps, sizeof(*plan.steps) * m->n_steps);
    *ret_plan = plan;
    return DW_OK;
}
