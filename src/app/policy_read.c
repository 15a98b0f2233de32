#include "app/policy.h"

#include "app/plan.h"

enum { NAME_MAX_BYTES = 100, NETWORK_SHOWN = 60, MINUTES_A_DAY = 24 * 60, OFFSET_MAX_MIN = 14 * 60 };

struct reader {
    struct policy_plan *plan;
    struct problem *problem;
    const struct dw_policy *path[DW_POLICY_DEPTH_MAX]; /* from the policy to the one that is being read */
    size_t n_path;
    unsigned n_covers; /* rules around this one whose denial is taken instead of its own */
};

typedef enum dw_err check(struct reader *in, const struct dw_rule *rule, unsigned depth);

static enum dw_err rule_read(struct reader *in, const struct dw_rule *rule, unsigned depth);

/* --- by kind ---------------------------------------------------------------------------------------------------- */

static enum dw_err rules_check(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    const char *kind = rule->kind == DW_RULE_KIND_ALL ? "all" : rule->kind == DW_RULE_KIND_ANY ? "any" : "not";

    if (rule->rules == NULL || rule->rules[0].kind == DW_RULE_END)
        return problem_say(in->problem, "%s of no rules", kind);
    if (rule->kind == DW_RULE_KIND_NOT && rule->rules[1].kind != DW_RULE_END)
        return problem_say(in->problem, "not of more than one rule");
    for (const struct dw_rule *inner = rule->rules; inner->kind != DW_RULE_END; inner++)
        TRY(rule_read(in, inner, depth + 1));
    return DW_OK;
}

static bool is_name(const char *name)
{
    const struct dw_str s = dw_str(name);

    return s.len > 0 && s.len <= NAME_MAX_BYTES && dw_str_is_utf8(s);
}

static enum dw_err policy_enter(struct reader *in, const struct dw_policy *policy, unsigned depth)
{
    if (policy == NULL)
        return problem_say(in->problem, "none is named");
    if (!is_name(policy->name))
        return problem_say(in->problem, "no name, or one of over %d bytes", NAME_MAX_BYTES);
    for (size_t i = 0; i < in->n_path; i++)
        if (in->path[i] == policy)
            return problem_say(in->problem, "policies in a circle: %s", policy->name);
    in->path[in->n_path++] = policy;
    TRY(problem_at(in->problem, policy->name, rule_read(in, &policy->rule, depth)));
    in->n_path--;
    return DW_OK;
}

static enum dw_err policy_check(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    return policy_enter(in, rule->policy, depth + 1);
}

static enum dw_err word_check(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    if (!is_name(rule->text))
        return problem_say(in->problem, "a role without a name, or with one of over %d bytes", NAME_MAX_BYTES);
    in->plan->asks_principal = true;
    return DW_OK;
}

static enum dw_err scope_check(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    if (!is_name(rule->text) || !plan_is_scope(rule->text))
        return problem_say(in->problem, "'%.*s' is no scope or permission", NAME_MAX_BYTES,
                           rule->text == NULL ? "" : rule->text);
    in->plan->asks_principal = true;
    return DW_OK;
}

static enum dw_err relation_check(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    in->plan->asks_principal = in->plan->asks_resource = true;
    return DW_OK;
}

static enum dw_err age_check(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    if (rule->seconds <= 0)
        return problem_say(in->problem, "an age without seconds");
    in->plan->asks_principal = true;
    return DW_OK;
}

static struct dw_str trim(struct dw_str s)
{
    while (s.len > 0 && s.ptr[0] == ' ')
        s = dw_str_n(s.ptr + 1, s.len - 1);
    while (s.len > 0 && s.ptr[s.len - 1] == ' ')
        s.len--;
    return s;
}

static enum dw_err network_check(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    struct policy_plan *plan = in->plan;
    const struct dw_str text = dw_str(rule->text);

    for (size_t start = 0, end; start <= text.len; start = end + 1) {
        for (end = start; end < text.len && text.ptr[end] != ',';)
            end++;
        const struct dw_str entry = text.len == 0 ? DW_STR("") : trim(dw_str_n(text.ptr + start, end - start));
        if (plan->n_networks == DW_POLICY_NETWORKS_MAX)
            return problem_say(in->problem, "more than %d networks", DW_POLICY_NETWORKS_MAX);
        struct policy_network *network = &plan->networks[plan->n_networks++];
        network->rule = rule;
        if (ip_range_parse(entry, &network->range) != DW_OK)
            return problem_say(in->problem, "\"%.*s\" is no address or network",
                               (int)MIN_OF(entry.len, (size_t)NETWORK_SHOWN), entry.ptr);
    }
    return DW_OK;
}

static enum dw_err hours_check(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    const struct dw_hours *h = &rule->hours;

    if (h->days == 0 || h->days > DW_ALL_DAYS)
        return problem_say(in->problem, "hours of no day, or of an unknown one");
    if (h->from_min < 0 || h->from_min >= MINUTES_A_DAY || h->until_min <= 0 || h->until_min > MINUTES_A_DAY ||
        h->from_min == h->until_min)
        return problem_say(in->problem, "hours from minute %d until minute %d", h->from_min, h->until_min);
    if (h->utc_offset_min < -OFFSET_MAX_MIN || h->utc_offset_min > OFFSET_MAX_MIN)
        return problem_say(in->problem, "hours %d minutes from UTC", h->utc_offset_min);
    return DW_OK;
}

static enum dw_err function_check(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    if (rule->name == NULL)
        return problem_say(in->problem, "a rule function without a name");
    if (rule->function == NULL)
        return problem_say(in->problem, "rule %s: no function", rule->name);
    return DW_OK;
}

/* --- one rule --------------------------------------------------------------------------------------------------- */

static check *const CHECKS[] = {
    [DW_RULE_KIND_ALL] = rules_check,
    [DW_RULE_KIND_ANY] = rules_check,
    [DW_RULE_KIND_NOT] = rules_check,
    [DW_RULE_KIND_POLICY] = policy_check,
    [DW_RULE_KIND_ROLE] = word_check,
    [DW_RULE_KIND_PERMISSION] = scope_check,
    [DW_RULE_KIND_SCOPE] = scope_check,
    [DW_RULE_KIND_OWNER] = relation_check,
    [DW_RULE_KIND_TENANT] = relation_check,
    [DW_RULE_KIND_NETWORK] = network_check,
    [DW_RULE_KIND_SIGN_IN] = age_check,
    [DW_RULE_KIND_MFA] = age_check,
    [DW_RULE_KIND_HOURS] = hours_check,
    [DW_RULE_KIND_FUNCTION] = function_check,
};

/* A denial is the caller's: 4xx. */
static enum dw_err denial_check(const struct dw_rule *rule, struct problem *p)
{
    enum { STATUS_CALLER = 400, STATUS_OURS = 500 };
    const int status = dw_error_info(rule->denial)->status;

    if (rule->denial == DW_OK || (status >= STATUS_CALLER && status < STATUS_OURS))
        return DW_OK;
    return problem_say(p, "a denial by %s, which is no 4xx", dw_error_info(rule->denial)->code);
}

static bool hides(const struct dw_rule *rule)
{
    enum { STATUS_HIDDEN = 404 };

    if (rule->denial == DW_OK)
        return rule->kind == DW_RULE_KIND_TENANT;
    return dw_error_info(rule->denial)->status == STATUS_HIDDEN;
}

static enum dw_err rule_read(struct reader *in, const struct dw_rule *rule, unsigned depth)
{
    if ((size_t)rule->kind >= ARRAY_SIZE(CHECKS) || CHECKS[rule->kind] == NULL)
        return problem_say(in->problem, "a rule of no kind, or of an unknown one");
    if (depth >= DW_POLICY_DEPTH_MAX)
        return problem_say(in->problem, "rules nested deeper than %d", DW_POLICY_DEPTH_MAX);
    if (in->plan->n_rules++ == DW_POLICY_RULES_MAX)
        return problem_say(in->problem, "more than %d rules", DW_POLICY_RULES_MAX);
    if (rule->name != NULL && !is_name(rule->name))
        return problem_say(in->problem, "a rule with an empty name, or one of over %d bytes", NAME_MAX_BYTES);
    TRY(denial_check(rule, in->problem));
    if (in->n_covers == 0 && hides(rule))
        in->plan->hides = true;
    const unsigned covers = rule->denial != DW_OK || rule->kind == DW_RULE_KIND_NOT ? 1 : 0;
    in->n_covers += covers;
    TRY(CHECKS[rule->kind](in, rule, depth));
    in->n_covers -= covers;
    return DW_OK;
}

/* --- whole policies --------------------------------------------------------------------------------------------- */

enum dw_err policy_read(const struct dw_policy *policy, struct problem *p, struct policy_plan *ret_plan)
{
    struct reader in = { .plan = ret_plan, .problem = p };

    *ret_plan = (struct policy_plan){ .policy = policy };
    return problem_at(p, "policy", policy_enter(&in, policy, 0));
}

enum dw_err dw_policy_validate(const struct dw_policy *policy, char ret_problem[DW_PROBLEM_SIZE])
{
    struct problem p = { "" };
    struct policy_plan plan;

    if (policy == NULL)
        return DW_ERR_ARGUMENT;
    const enum dw_err err = policy_read(policy, &p, &plan);
    if (err != DW_OK && ret_problem != NULL)
        memcpy(ret_problem, p.text, sizeof(p.text));
    return err;
}

/* --- policies that a route needs -------------------------------------------------------------------------------- */

const struct dw_dependency *policy_resource_of(const struct dw_dependency *d)
{
    for (const struct dw_use *use = d->uses; use != NULL && use->dependency != NULL; use++)
        if (use->dependency != &DW_CURRENT_PRINCIPAL)
            return use->dependency;
    return NULL;
}

static bool uses_principal(const struct dw_dependency *d)
{
    for (const struct dw_use *use = d->uses; use != NULL && use->dependency != NULL; use++)
        if (use->dependency == &DW_CURRENT_PRINCIPAL)
            return true;
    return false;
}

static enum dw_err uses_check(const struct dw_dependency *d, const struct policy_plan *plan, struct problem *p)
{
    const struct dw_dependency *resource = policy_resource_of(d);

    if (plan->asks_principal && !uses_principal(d))
        return problem_say(p, "policy: %s: it asks who is calling, but lets anyone call", plan->policy->name);
    if (plan->asks_resource && resource == NULL)
        return problem_say(p, "policy: %s: it asks for a resource, but there is none (DW_POLICY_ON)",
                           plan->policy->name);
    if (resource != NULL && resource->size < sizeof(struct dw_resource))
        return problem_say(p, "policy: %s: the value of %s does not begin with a resource", plan->policy->name,
                           resource->name == NULL ? "its dependency" : resource->name);
    return DW_OK;
}

enum dw_err policy_read_step(struct dw_arena *arena, const struct dw_dependency *d, struct problem *p,
                             const struct policy_plan **ret_plan)
{
    struct policy_plan *plan = dw_arena_alloc(arena, sizeof(*plan));

    if (plan == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(policy_read(d->parameter, p, plan));
    TRY(uses_check(d, plan, p));
    plan->says = dw_arena_printf(arena, "Refused by policy: %s", plan->policy->name).ptr;
    if (plan->says == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_plan = plan;
    return DW_OK;
}
