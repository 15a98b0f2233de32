/*
 * Policies, read: what dw_policy_validate() finds sound, with its networks parsed, ready to decide.
 */
#ifndef APP_POLICY_H
#define APP_POLICY_H

#include "app/problem.h"
#include "base/ip.h"
#include <doorward/policy.h>

/* One of the networks of a rule. */
struct policy_network {
    const struct dw_rule *rule;
    struct ip_range range;
};

struct policy_plan {
    const struct dw_policy *policy;
    bool asks_principal; /* a rule looks at it; a function of the program's is not asked */
    bool asks_resource;
    bool hides;       /* a denial may be a 404 */
    const char *says; /* "Refused by policy: owner or admin", for the documentation; NULL without an arena */
    size_t n_rules;
    size_t n_networks;
    struct policy_network networks[DW_POLICY_NETWORKS_MAX];
};

/* DW_ERR_TABLE: the problem says what. ret_plan is not whole then. (policy_read.c) */
DW_MUST_USE enum dw_err policy_read(const struct dw_policy *policy, struct problem *p, struct policy_plan *ret_plan);
/* For a step that decides a policy: that its uses give it what its rules ask for. The plan is in the arena. */
DW_MUST_USE enum dw_err policy_read_step(struct dw_arena *arena, const struct dw_dependency *d, struct problem *p,
                                         const struct policy_plan **ret_plan);
/* The dependency among a step's uses that gives the resource; NULL without one. */
const struct dw_dependency *policy_resource_of(const struct dw_dependency *d);

/* As dw_policy_decide(). ret_denier: the rule whose denial was taken; untouched when it is allowed or an error. */
DW_MUST_USE enum dw_err policy_decide(const struct policy_plan *plan, const struct dw_facts *facts,
                                      struct dw_trace *trace, const struct dw_rule **ret_denier);

#endif
