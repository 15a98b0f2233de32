#include "app/policy.h"

enum {
    STATUS_HIDDEN = 404,
    CLOCK_LEEWAY_S = 60,
    SECONDS_A_MINUTE = 60,
    SECONDS_A_DAY = 24 * 60 * 60,
    DAYS_A_WEEK = 7,
    FIRST_WEEKDAY = 3, /* 1970-01-01 was a Thursday, the third day after Monday */
};

/* A decision under way. */
struct decision {
    const struct policy_plan *plan;
    const struct dw_facts *facts;
    struct dw_trace *trace;
    bool is_peer_read, has_peer;
    struct ip peer;
};

/* What one rule came to. */
struct outcome {
    enum dw_verdict verdict;
    enum dw_err denial;           /* what a denial by it is */
    const struct dw_rule *denier; /* the rule that says so */
    unsigned decided_by;          /* a step of the trace */
    const char *missing;          /* the fact, when it could not be decided */
};

static enum dw_err rule_decide(struct decision *d, const struct dw_rule *rule, unsigned depth,
                               struct outcome *ret_outcome);

/* --- rules that look at a fact ---------------------------------------------------------------------------------- */

typedef enum dw_err decide(struct decision *d, const struct dw_rule *rule, struct outcome *o);

static enum dw_err answer(struct outcome *o, bool is_yes)
{
    o->verdict = is_yes ? DW_YES : DW_NO;
    return DW_OK;
}

static enum dw_err undecided(struct outcome *o, const char *missing)
{
    o->verdict = DW_UNDECIDED;
    o->missing = missing;
    return DW_OK;
}

/* An empty role is one that the credential does not tell: else `not` would let a partial credential in. */
static enum dw_err role_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    const struct dw_principal *who = d->facts->principal;

    if (who == NULL || who->role.len == 0)
        return undecided(o, who == NULL ? "principal" : "role");
    return answer(o, dw_str_eq(who->role, dw_str(rule->text)));
}

static enum dw_err scope_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    const struct dw_principal *who = d->facts->principal;

    if (who == NULL || dw_str_is_absent(who->scope))
        return undecided(o, who == NULL ? "principal" : "scope");
    return answer(o, dw_str_list_has(who->scope, dw_str(rule->text)));
}

/* The user must have it, and the credential must have been granted it, as for DW_PERMISSION(). */
static enum dw_err permission_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    const struct dw_principal *who = d->facts->principal;

    if (who == NULL || dw_str_is_absent(who->permissions))
        return undecided(o, who == NULL ? "principal" : "permissions");
    if (!dw_str_list_has(who->permissions, dw_str(rule->text)))
        return answer(o, false);
    o->denial = DW_ERR_SCOPE;
    return scope_decide(d, rule, o);
}

/* Nothing is nobody's: two facts that are missing are not the same one. */
static enum dw_err same_decide(struct dw_str theirs, struct dw_str whose, const char *missing[2], struct outcome *o)
{
    if (theirs.len == 0 || whose.len == 0)
        return undecided(o, missing[theirs.len == 0 ? 0 : 1]);
    return answer(o, dw_str_eq(theirs, whose));
}

static enum dw_err owner_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    const struct dw_principal *who = d->facts->principal;
    const struct dw_resource *what = d->facts->resource;

    if (who == NULL || what == NULL)
        return undecided(o, who == NULL ? "principal" : "resource");
    return same_decide(who->subject, what->owner, (const char *[]){ "subject", "owner" }, o);
}

static enum dw_err tenant_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    const struct dw_principal *who = d->facts->principal;
    const struct dw_resource *what = d->facts->resource;

    if (who == NULL || what == NULL)
        return undecided(o, who == NULL ? "principal" : "resource");
    return same_decide(who->tenant, what->tenant, (const char *[]){ "tenant", "tenant of the resource" }, o);
}

static enum dw_err network_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    if (!d->is_peer_read)
        d->has_peer = ip_parse(d->facts->peer, &d->peer) == DW_OK;
    d->is_peer_read = true;
    if (!d->has_peer)
        return undecided(o, "client address");
    for (size_t i = 0; i < d->plan->n_networks; i++)
        if (d->plan->networks[i].rule == rule && ip_range_has(&d->plan->networks[i].range, &d->peer))
            return answer(o, true);
    return answer(o, false);
}

/* A time that is still to come, by more than clocks differ, is none. */
static enum dw_err age_decide(const struct decision *d, const struct dw_rule *rule, int64_t when_s, struct outcome *o)
{
    const int64_t now_s = d->facts->now_s;

    if (now_s <= 0)
        return undecided(o, "time of day");
    if (when_s <= 0 || when_s - CLOCK_LEEWAY_S > now_s)
        return undecided(o, rule->kind == DW_RULE_KIND_MFA ? "time of the second factor" : "time of the sign-in");
    return answer(o, now_s - when_s <= rule->seconds);
}

static enum dw_err sign_in_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    const struct dw_principal *who = d->facts->principal;

    return who == NULL ? undecided(o, "principal") : age_decide(d, rule, who->authenticated_s, o);
}

static enum dw_err mfa_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    const struct dw_principal *who = d->facts->principal;

    return who == NULL ? undecided(o, "principal") : age_decide(d, rule, who->mfa_s, o);
}

static bool is_on(const struct dw_hours *h, int64_t day)
{
    return (h->days >> ((day + FIRST_WEEKDAY) % DAYS_A_WEEK) & 1) != 0;
}

static enum dw_err hours_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    enum { SECONDS_A_WEEK = DAYS_A_WEEK * SECONDS_A_DAY };
    const struct dw_hours *h = &rule->hours;
    /* Within one week, as the next is the same; with another one added no distance from UTC leads before 1970. */
    const int64_t local_s = d->facts->now_s % SECONDS_A_WEEK + (int64_t)h->utc_offset_min * SECONDS_A_MINUTE +
                            SECONDS_A_WEEK;
    const int64_t day = local_s / SECONDS_A_DAY;
    const int64_t minute = local_s % SECONDS_A_DAY / SECONDS_A_MINUTE;

    if (d->facts->now_s <= 0)
        return undecided(o, "time of day");
    if (h->from_min < h->until_min)
        return answer(o, is_on(h, day) && minute >= h->from_min && minute < h->until_min);
    return answer(o, (minute >= h->from_min && is_on(h, day)) || (minute < h->until_min && is_on(h, day - 1)));
}

static enum dw_err function_decide(struct decision *d, const struct dw_rule *rule, struct outcome *o)
{
    enum dw_verdict verdict = DW_NO;

    TRY(rule->function(d->facts, rule->parameter, &verdict));
    if (verdict == DW_UNDECIDED)
        return undecided(o, "fact that it asks for");
    return answer(o, verdict == DW_YES);
}

/* clang-format off */
static const struct {
    decide *decide;
    enum dw_err denial;
} KINDS[] = {
    [DW_RULE_KIND_ROLE]       = { role_decide,       DW_ERR_ROLE },
    [DW_RULE_KIND_PERMISSION] = { permission_decide, DW_ERR_PERMISSION },
    [DW_RULE_KIND_SCOPE]      = { scope_decide,      DW_ERR_SCOPE },
    [DW_RULE_KIND_OWNER]      = { owner_decide,      DW_ERR_FORBIDDEN },
    [DW_RULE_KIND_TENANT]     = { tenant_decide,     DW_ERR_NOT_FOUND },
    [DW_RULE_KIND_NETWORK]    = { network_decide,    DW_ERR_FORBIDDEN },
    [DW_RULE_KIND_SIGN_IN]    = { sign_in_decide,    DW_ERR_SIGN_IN_STALE },
    [DW_RULE_KIND_MFA]        = { mfa_decide,        DW_ERR_MFA_STALE },
    [DW_RULE_KIND_HOURS]      = { hours_decide,      DW_ERR_FORBIDDEN },
    [DW_RULE_KIND_FUNCTION]   = { function_decide,   DW_ERR_FORBIDDEN },
};
/* clang-format on */

static enum dw_err fact_decide(struct decision *d, const struct dw_rule *rule, unsigned step,
                               struct outcome *ret_outcome)
{
    struct outcome o = { .denial = KINDS[rule->kind].denial, .denier = rule, .decided_by = step };
    const enum dw_err err = KINDS[rule->kind].decide(d, rule, &o);

    if (err != DW_OK) {
        d->trace->steps[step].missing = "answer";
        d->trace->decided_by = step;
        return err;
    }
    d->trace->steps[step].missing = o.missing;
    *ret_outcome = o;
    return DW_OK;
}

/* --- rules that hold rules -------------------------------------------------------------------------------------- */

/* How much a denial is worth telling, among alternatives that all failed. Hiding comes first: one rule that must not
 * tell is not undone by another that would; then what the caller can mend. */
static int denial_rank(enum dw_err denial)
{
    enum { RANK_PLAIN, RANK_MENDABLE, RANK_HIDDEN };

    if (dw_error_info(denial)->status == STATUS_HIDDEN)
        return RANK_HIDDEN;
    return denial == DW_ERR_SCOPE || denial == DW_ERR_SIGN_IN_STALE || denial == DW_ERR_MFA_STALE ? RANK_MENDABLE
                                                                                                  : RANK_PLAIN;
}

static void denial_take(struct outcome *to, const struct outcome *from)
{
    to->denial = from->denial;
    to->denier = from->denier;
}

/* `all` looks for a no, `any` for a yes; an undecided rule counts when none is found. */
static enum dw_err list_decide(struct decision *d, const struct dw_rule *rule, unsigned depth, unsigned step,
                               struct outcome *ret_outcome)
{
    const bool is_all = rule->kind == DW_RULE_KIND_ALL;
    const enum dw_verdict sought = is_all ? DW_NO : DW_YES;
    struct outcome all = { .verdict = is_all ? DW_YES : DW_NO, .decided_by = step };

    for (const struct dw_rule *inner = rule->rules; inner->kind != DW_RULE_END; inner++) {
        struct outcome one;
        TRY(rule_decide(d, inner, depth + 1, &one));
        if (one.verdict != DW_YES &&
            (all.denier == NULL || (!is_all && denial_rank(one.denial) > denial_rank(all.denial))))
            denial_take(&all, &one);
        if (one.verdict == sought || (one.verdict == DW_UNDECIDED && all.verdict != DW_UNDECIDED) ||
            rule->rules[1].kind == DW_RULE_END) {
            all.verdict = one.verdict;
            all.decided_by = one.decided_by;
        }
        if (one.verdict == sought)
            break;
    }
    *ret_outcome = all;
    return DW_OK;
}

static enum dw_err not_decide(struct decision *d, const struct dw_rule *rule, unsigned depth, unsigned step,
                              struct outcome *ret_outcome)
{
    struct outcome o;

    TRY(rule_decide(d, rule->rules, depth + 1, &o));
    *ret_outcome = (struct outcome){
        .verdict = o.verdict == DW_UNDECIDED ? DW_UNDECIDED : o.verdict == DW_YES ? DW_NO : DW_YES,
        .denial = DW_ERR_FORBIDDEN,
        .denier = rule,
        .decided_by = step,
    };
    return DW_OK;
}

static enum dw_err kind_decide(struct decision *d, const struct dw_rule *rule, unsigned depth, unsigned step,
                               struct outcome *ret_outcome)
{
    switch (rule->kind) {
    case DW_RULE_KIND_ALL:
    case DW_RULE_KIND_ANY:
        return list_decide(d, rule, depth, step, ret_outcome);
    case DW_RULE_KIND_NOT:
        return not_decide(d, rule, depth, step, ret_outcome);
    case DW_RULE_KIND_POLICY:
        return rule_decide(d, &rule->policy->rule, depth + 1, ret_outcome);
    default:
        return fact_decide(d, rule, step, ret_outcome);
    }
}

/* The plan was read, so depth and number are within their limits. */
static enum dw_err rule_decide(struct decision *d, const struct dw_rule *rule, unsigned depth,
                               struct outcome *ret_outcome)
{
    const unsigned step = d->trace->n_steps++;
    struct outcome o;

    d->trace->steps[step] = (struct dw_trace_step){ rule, NULL, (unsigned char)depth, DW_UNDECIDED };
    TRY(kind_decide(d, rule, depth, step, &o));
    if (rule->denial != DW_OK)
        o.denial = rule->denial;
    d->trace->steps[step].verdict = (unsigned char)o.verdict;
    *ret_outcome = o;
    return DW_OK;
}

/* --- whole policies --------------------------------------------------------------------------------------------- */

enum dw_err policy_decide(const struct policy_plan *plan, const struct dw_facts *facts, struct dw_trace *trace,
                          const struct dw_rule **ret_denier)
{
    struct decision d = { .plan = plan, .facts = facts, .trace = trace };
    struct outcome o;

    trace->policy = plan->policy;
    trace->n_steps = trace->decided_by = 0;
    trace->err = rule_decide(&d, &plan->policy->rule, 0, &o);
    if (trace->err != DW_OK)
        return trace->err;
    trace->decided_by = o.decided_by;
    if (o.verdict == DW_YES)
        return DW_OK;
    *ret_denier = o.denier;
    trace->err = o.denial;
    return trace->err;
}

enum dw_err dw_policy_decide(const struct dw_policy *policy, const struct dw_facts *facts, struct dw_trace *trace)
{
    const struct dw_rule *denier = NULL;
    struct problem p = { "" };
    struct policy_plan plan;
    struct dw_trace unseen;

    if (policy == NULL || facts == NULL)
        return DW_ERR_ARGUMENT;
    TRY(policy_read(policy, &p, &plan));
    return policy_decide(&plan, facts, trace == NULL ? &unseen : trace, &denier);
}
