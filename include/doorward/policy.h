/*
 * Policies: who may do what to which resource, as data.
 *
 *     static const struct dw_policy EDIT = { "owner or admin", DW_ANY(DW_RULE_OWNER, DW_RULE_ROLE("admin")) };
 *
 *     { DW_DELETE, "/tasks/{id}", delete_task, .needs = DW_POLICY_ON(&EDIT, &TASK_BY_ID) },
 *
 * Why: a rule stands in one place, whatever asks for it: a route, a handler, a test of the rules alone, an
 * administrator's question why somebody was refused. dw_policy_decide() needs facts and nothing else.
 * Defends against: rights that are scattered over handlers and forgotten in one; an error, or a fact that is missing,
 * read as permission; a denial that tells another tenant's user what exists; denials that nobody can explain.
 * Does not: find the resource (a dependency does), keep rights (the principal brings them), limit rates.
 *
 * A rule says yes, no, or "can't be decided", when a fact that it asks for is missing (Kleene's three values):
 *
 *     all   no when one says no;   yes when every one says yes;  else undecided
 *     any   yes when one says yes; no when every one says no;    else undecided
 *     not   yes and no change places; undecided stays so: not (undecided) lets nobody in
 *
 * Only yes allows. Rules are looked at in the order they stand in, and no further than the answer needs. An error of a
 * rule function ends the decision: denied, with that error.
 *
 * Lifetime: policies and rules are borrowed and must outlive what uses them (static const, at file scope); a route's
 * are checked by dw_app_new(), their networks read once. Threading: deciding changes nothing but its outputs.
 */
#ifndef DOORWARD_POLICY_H
#define DOORWARD_POLICY_H

#include <doorward/app.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- facts ------------------------------------------------------------------------------------------------------ */

/* What is acted on. A dependency whose value begins with it can be named in DW_POLICY_ON(). Absent: not known. */
struct dw_resource {
    struct dw_str owner;  /* whose it is: a dw_principal's subject */
    struct dw_str tenant;
};

/* All that a rule may look at. In a request they are filled in; a test of the rules alone writes them down. */
struct dw_facts {
    const struct dw_principal *principal; /* NULL: nobody is known */
    const struct dw_resource *resource;   /* NULL: none */
    struct dw_str peer;                   /* the client's address as text, as trusted proxies tell it */
    int64_t now_s;                        /* Unix seconds; 0: not known */
    void *context;                        /* dw_app_config.context */
    struct dw_request *request;           /* NULL outside of one: for rule functions that have to wait */
};

/* --- rules ------------------------------------------------------------------------------------------------------ */

enum dw_verdict { DW_NO, DW_YES, DW_UNDECIDED };

/* A rule of the program's own. It answers by ret_verdict; what it leaves untouched says no. An error denies: it becomes
 * the answer (DW_ERR_WOULD_BLOCK on an event loop: asked again on a worker). */
typedef enum dw_err dw_rule_function(const struct dw_facts *facts, const void *parameter,
                                     enum dw_verdict *ret_verdict);

/*
 * The kinds, when they say yes, and in brackets what a denial by them is, unless the rule or the policy sets another.
 * A kind of any has more than one: 404 when one of its rules hides, else what the caller could mend (a sign-in, a
 * second factor, a scope), else that of its first rule.
 */
enum dw_rule_kind {
    DW_RULE_END,             /* ends a list */
    DW_RULE_KIND_ALL,        /* every one of .rules says yes [of the first that does not] */
    DW_RULE_KIND_ANY,        /* one of .rules says yes */
    DW_RULE_KIND_NOT,        /* the only one of .rules says no [DW_ERR_FORBIDDEN] */
    DW_RULE_KIND_POLICY,     /* .policy says yes [the policy's] */
    DW_RULE_KIND_ROLE,       /* the principal's role is .text [DW_ERR_ROLE] */
    DW_RULE_KIND_PERMISSION, /* the user may do .text, and the credential was granted it [DW_ERR_PERMISSION, _SCOPE] */
    DW_RULE_KIND_SCOPE,      /* the credential was granted .text [DW_ERR_SCOPE] */
    DW_RULE_KIND_OWNER,      /* the resource's owner is the principal's subject [DW_ERR_FORBIDDEN] */
    DW_RULE_KIND_TENANT,     /* the resource's tenant is the principal's [DW_ERR_NOT_FOUND] */
    DW_RULE_KIND_NETWORK,    /* the peer is in one of the networks .text, "10.0.0.0/8, ::1" [DW_ERR_FORBIDDEN] */
    DW_RULE_KIND_SIGN_IN,    /* the sign-in is at most .seconds old [DW_ERR_SIGN_IN_STALE] */
    DW_RULE_KIND_MFA,        /* a second factor was shown at most .seconds ago [DW_ERR_MFA_STALE] */
    DW_RULE_KIND_HOURS,      /* now is within .hours [DW_ERR_FORBIDDEN] */
    DW_RULE_KIND_FUNCTION,   /* .function says so [DW_ERR_FORBIDDEN] */
};

enum dw_weekday {
    DW_MONDAY = 1, DW_TUESDAY = 2, DW_WEDNESDAY = 4, DW_THURSDAY = 8, DW_FRIDAY = 16, DW_SATURDAY = 32, DW_SUNDAY = 64,
    DW_WORKDAYS = 31, DW_ALL_DAYS = 127,
};

/* A time of day, as minutes. */
#define DW_HHMM(hour, minute) ((hour) * 60 + (minute))

/* Some hours of some days, by a clock that keeps one distance from UTC (no summer time). From 22:00 until 06:00 is a
 * night; it belongs to the day on which it begins. */
struct dw_hours {
    unsigned days;      /* enum dw_weekday, or'ed */
    int from_min;       /* DW_HHMM(8, 0) */
    int until_min;      /* not itself any more; DW_HHMM(24, 0) is the end of the day */
    int utc_offset_min; /* DW_HHMM(1, 0) is UTC+01:00; at most 14 hours */
};

struct dw_policy;

/* One rule. Only the members that its kind names are read, and: */
struct dw_rule {
    enum dw_rule_kind kind;
    const char *name;   /* in traces; NULL: made from the kind and its members. A function must have one */
    enum dw_err denial; /* what a denial by it is; 0: as the kind says */
    const char *text;
    int64_t seconds;
    struct dw_hours hours;
    dw_rule_function *function;
    const void *parameter;       /* for .function */
    const struct dw_rule *rules; /* ends with DW_RULE_END */
    const struct dw_policy *policy;
};

/* Initialisers of a rule. Those that hold other rules need C's compound literals; in C++ write the list as an array and
 * { .kind = DW_RULE_KIND_ANY, .rules = LIST }. */
#define DW_RULE_ROLE(role_name) { .kind = DW_RULE_KIND_ROLE, .text = (role_name) }
#define DW_RULE_PERMISSION(permission_name) { .kind = DW_RULE_KIND_PERMISSION, .text = (permission_name) }
#define DW_RULE_SCOPE(scope_name) { .kind = DW_RULE_KIND_SCOPE, .text = (scope_name) }
#define DW_RULE_OWNER { .kind = DW_RULE_KIND_OWNER }
#define DW_RULE_TENANT { .kind = DW_RULE_KIND_TENANT }
#define DW_RULE_NETWORK(networks) { .kind = DW_RULE_KIND_NETWORK, .text = (networks) }
#define DW_RULE_SIGN_IN(max_age_s) { .kind = DW_RULE_KIND_SIGN_IN, .seconds = (max_age_s) }
#define DW_RULE_MFA(max_age_s) { .kind = DW_RULE_KIND_MFA, .seconds = (max_age_s) }
/* DW_RULE_HOURS(DW_WORKDAYS, DW_HHMM(8, 0), DW_HHMM(18, 0), DW_HHMM(1, 0)) */
#define DW_RULE_HOURS(week_days, from, until, utc_offset)                                                              \
    { .kind = DW_RULE_KIND_HOURS, .hours = { (week_days), (from), (until), (utc_offset) } }
#define DW_RULE_FUNCTION(rule_name, rule_function, rule_parameter)                                                     \
    { .kind = DW_RULE_KIND_FUNCTION, .name = (rule_name), .function = (rule_function), .parameter = (rule_parameter) }
/* Another policy as a rule of this one. */
#define DW_RULE_POLICY(policy_pointer) { .kind = DW_RULE_KIND_POLICY, .policy = (policy_pointer) }

#define DW_RULE_LIST(...) ((const struct dw_rule[]){ __VA_ARGS__, { .kind = DW_RULE_END } })
#define DW_ALL(...) { .kind = DW_RULE_KIND_ALL, .rules = DW_RULE_LIST(__VA_ARGS__) }
#define DW_ANY(...) { .kind = DW_RULE_KIND_ANY, .rules = DW_RULE_LIST(__VA_ARGS__) }
#define DW_NOT(...) { .kind = DW_RULE_KIND_NOT, .rules = DW_RULE_LIST(__VA_ARGS__) }
/* A rule with another denial: DW_DENY_AS(DW_ERR_NOT_FOUND, DW_RULE_OWNER) hides what is somebody else's;
 * DW_DENY_AS(DW_ERR_FORBIDDEN, DW_RULE_TENANT) admits that it exists. */
#define DW_DENY_AS(error, ...) { .kind = DW_RULE_KIND_ALL, .denial = (error), .rules = DW_RULE_LIST(__VA_ARGS__) }

struct dw_policy {
    const char *name; /* in traces and in the documentation */
    struct dw_rule rule;
};

enum { DW_POLICY_RULES_MAX = 64, DW_POLICY_DEPTH_MAX = 12, DW_POLICY_NETWORKS_MAX = 64 };

/* --- deciding, of plain facts ----------------------------------------------------------------------------------- */

/* A rule that was looked at. */
struct dw_trace_step {
    const struct dw_rule *rule;
    const char *missing; /* the fact that an undecided rule had not; static; NULL otherwise */
    unsigned char depth; /* 0: the policy's own rule; its .rules 1, and so on */
    unsigned char verdict; /* enum dw_verdict */
};

/* What a decision looked at, in order. Holds no fact, so that it can be shown. */
struct dw_trace {
    const struct dw_policy *policy;
    enum dw_err err;     /* DW_OK: allowed */
    unsigned n_steps;
    unsigned decided_by; /* the step that decided */
    struct dw_trace_step steps[DW_POLICY_RULES_MAX];
};

/* DW_OK: allowed. Otherwise the denial; a rule function's error; DW_ERR_TABLE for a policy that dw_policy_validate()
 * refuses; DW_ERR_ARGUMENT. `trace` may be NULL; it is filled whatever is returned, except with the last two. */
DW_API DW_MUST_USE enum dw_err dw_policy_decide(const struct dw_policy *policy, const struct dw_facts *facts,
                                                struct dw_trace *trace);
/* Whether a policy is sound: names that are missing, lists without rules, networks that are none, hours that can't be,
 * policies that use each other in a circle, more than the limits above. DW_ERR_TABLE: ret_problem (may be NULL) says
 * what. dw_app_new() does so for the policies of its routes. */
DW_API DW_MUST_USE enum dw_err dw_policy_validate(const struct dw_policy *policy, char ret_problem[DW_PROBLEM_SIZE]);

/* "owner or admin: denied by any; any: no (owner: no, role admin: undecided, no role)": at most 1 KiB, then cut; in the
 * arena, with a NUL behind it. Absent without memory, and for what is no trace. */
DW_API struct dw_str dw_trace_text(const struct dw_trace *trace, struct dw_arena *arena);
/* The same for an administrator's eyes, as a DW_RAW_JSON member or as a whole answer:
 * {"policy":"owner or admin","allowed":false,"error":"forbidden","decided_by":"any",
 *  "rule":{"rule":"any","verdict":"no","rules":[{"rule":"owner","verdict":"no"},…]}}
 * and "missing":"role" beside a verdict "undecided". */
DW_API struct dw_str dw_trace_json(const struct dw_trace *trace, struct dw_arena *arena);

/* --- deciding, in a request ------------------------------------------------------------------------------------- */

/* .needs = DW_POLICY(&POLICY): a caller whom the policy allows. 401 for unknown ones, before any rule is looked at. */
#define DW_POLICY(policy_pointer) { DW_NEEDS_ALL, DW_USE_LIST({ DW_POLICY_OF(policy_pointer), NULL }) }
/* .needs = DW_POLICY_ON(&POLICY, &TASK_BY_ID): the same for a resource, the struct dw_resource with which the
 * dependency's value begins. It is resolved after the caller is known; when it fails, its error is the answer. */
#define DW_POLICY_ON(policy_pointer, resource_dependency)                                                              \
    { DW_NEEDS_ALL, DW_USE_LIST({ DW_POLICY_OF_RESOURCE(policy_pointer, resource_dependency), NULL }) }
/* .needs = DW_POLICY_FOR_ANYONE(&POLICY): callers may be unknown; for rules on network, hours and the program's own. */
#define DW_POLICY_FOR_ANYONE(policy_pointer)                                                                           \
    { DW_NEEDS_ALL, DW_USE_LIST({ DW_POLICY_OF_ANYONE(policy_pointer), NULL }) }

/* The same as dependencies, to stand beside others in DW_DEPENDS(…). */
#define DW_POLICY_OF(policy_pointer)                                                                                   \
    (&(const struct dw_dependency){ .name = "policy", .uses = DW_USES_PRINCIPAL, .resolve = dw_resolve_policy,         \
                                    .parameter = (policy_pointer) })
#define DW_POLICY_OF_RESOURCE(policy_pointer, resource_dependency)                                                     \
    (&(const struct dw_dependency){                                                                                    \
        .name = "policy", .uses = DW_USE_LIST({ &DW_CURRENT_PRINCIPAL, NULL }, { (resource_dependency), NULL }),       \
        .resolve = dw_resolve_policy, .parameter = (policy_pointer) })
#define DW_POLICY_OF_ANYONE(policy_pointer)                                                                            \
    (&(const struct dw_dependency){ .name = "policy", .resolve = dw_resolve_policy, .parameter = (policy_pointer) })
/* Decides self->parameter, a struct dw_policy; the resource is what self->uses names besides the principal. */
DW_API enum dw_err dw_resolve_policy(struct dw_request *r, const struct dw_dependency *self, void *ret_value);

/* The same decision by a handler, for a resource that it found itself, or for each message of a connection. `resource`
 * may be NULL. The principal is that of the route, if it has one. `return dw_policy_enforce(…)` answers the denial. */
DW_API DW_MUST_USE enum dw_err dw_policy_enforce(struct dw_request *r, const struct dw_policy *policy,
                                                 const struct dw_resource *resource);
/* How the last decision of this request came about; NULL when there was none. With dw_app_config.access_log
 * each denial is in the log as well; with .explain_denials the caller is told. */
DW_API const struct dw_trace *dw_policy_trace(const struct dw_request *r);

#ifdef __cplusplus
}
#endif
#endif
