#include "app/application.h"

#include "base/log.h"

/* Policies in a request: the facts are the request's, the decision goes to the log, a denial to its challenge. */

static void decision_log(struct dw_request *r, const struct dw_trace *trace)
{
    const bool is_told = trace->err != DW_OK && app_state(r)->app->config.access_log;
    const enum log_level level = is_told ? LOG_INFO : LOG_DEBUG;

    /* Asked again on a worker, which then tells. */
    if (!log_is_on(level) || trace->err == DW_ERR_WOULD_BLOCK)
        return;
    const struct dw_principal *who = dw_principal(r);

    log_event(level, trace->err == DW_OK ? "policy_allowed" : "policy_denied",
              LOG_CSTR("route", app_row(r) == NULL ? "" : app_row(r)->label),
              LOG_STR("subject", who == NULL ? DW_STR("") : who->subject),
              LOG_STR("decision", dw_trace_text(trace, r->arena)), LOG_ERR(trace->err));
}

/* RFC 6750 §3.1: the scope that would do. RFC 9470 §3: how old a sign-in may be. */
static void challenge_set(struct app_state *s, enum dw_err err, const struct dw_rule *denier)
{
    if (err == DW_ERR_SCOPE && (denier->kind == DW_RULE_KIND_SCOPE || denier->kind == DW_RULE_KIND_PERMISSION))
        s->challenge_scope = dw_str(denier->text);
    if (err == DW_ERR_SIGN_IN_STALE || err == DW_ERR_MFA_STALE)
        s->challenge_max_age_s = denier->seconds;
}

static enum dw_err explain(struct dw_request *r, const struct dw_trace *trace)
{
    enum { STATUS_HIDDEN = 404 };
    const struct app_state *s = app_state(r);

    if (!s->app->config.explain_denials || dw_error_info(trace->err)->status == STATUS_HIDDEN)
        return trace->err;
    const struct dw_str text = dw_trace_text(trace, r->arena);
    return dw_str_is_absent(text) ? trace->err : dw_fail(r, trace->err, text.ptr);
}

static enum dw_err decide_in_request(struct dw_request *r, const struct policy_plan *plan,
                                     const struct dw_resource *resource)
{
    struct app_state *s = app_state(r);
    const struct dw_rule *denier = NULL;
    const struct dw_facts facts = {
        .principal = dw_principal(r),
        .resource = resource,
        .peer = dw_request_peer(r),
        .now_s = dw_clock_now_s(),
        .context = s->app->config.context,
        .request = r,
    };

    if (s->trace == NULL)
        s->trace = dw_arena_alloc(r->arena, sizeof(*s->trace));
    if (s->trace == NULL)
        return DW_ERR_NO_MEMORY;
    const enum dw_err err = policy_decide(plan, &facts, s->trace, &denier);
    decision_log(r, s->trace);
    /* Without a denier it is a rule function's own error. */
    if (denier == NULL)
        return err;
    challenge_set(s, err, denier);
    return explain(r, s->trace);
}

enum dw_err dw_policy_enforce(struct dw_request *r, const struct dw_policy *policy, const struct dw_resource *resource)
{
    struct problem p = { "" };
    struct policy_plan plan;

    if (r == NULL || r->state == NULL || policy == NULL)
        return DW_ERR_ARGUMENT;
    TRY(policy_read(policy, &p, &plan));
    return decide_in_request(r, &plan, resource);
}

enum dw_err dw_resolve_policy(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    if (r == NULL || r->state == NULL || self == NULL || self->parameter == NULL)
        return DW_ERR_ARGUMENT;
    const struct plan_step *step = app_state(r)->step;
    const struct dw_dependency *asked = policy_resource_of(self);
    const struct dw_resource *resource = asked == NULL ? NULL : dw_get(r, asked);

    /* Called by another resolve function it has no step of its own. */
    if (step == NULL || step->made != self || step->policy == NULL)
        return dw_policy_enforce(r, self->parameter, resource);
    return decide_in_request(r, step->policy, resource);
}

const struct dw_trace *dw_policy_trace(const struct dw_request *r)
{
    return r == NULL || r->state == NULL ? NULL : app_state(r)->trace;
}
