/*
 * For tests of policies: rules that say what they are told to say, and the check of one decision.
 */
#ifndef APP_POLICY_FIXTURE_H
#define APP_POLICY_FIXTURE_H

#include "../check.h"
#include "base/cleanup.h"
#include <doorward/policy.h>

enum { POLICY_ARENA_LIMIT = 1 << 20 };

static unsigned n_called;

/* Says what its parameter says: "yes", "no", "?", "" (nothing at all), or an error. */
static inline enum dw_err told(const struct dw_facts *facts, const void *parameter, enum dw_verdict *ret_verdict)
{
    const char *what = parameter;

    n_called++;
    if (strcmp(what, "down") == 0)
        return DW_ERR_UNAVAILABLE;
    if (strcmp(what, "odd") == 0)
        *ret_verdict = (enum dw_verdict)7;
    else if (what[0] != '\0')
        *ret_verdict = what[0] == 'y' ? DW_YES : what[0] == 'n' ? DW_NO : DW_UNDECIDED;
    return DW_OK;
}

#define YES DW_RULE_FUNCTION("y", told, "yes")
#define NO DW_RULE_FUNCTION("n", told, "no")
#define MAYBE DW_RULE_FUNCTION("m", told, "?")
#define DOWN DW_RULE_FUNCTION("down", told, "down")
#define POLICY(identifier, ...) static const struct dw_policy identifier = { #identifier, __VA_ARGS__ }

/* Decides, with a trace and without one. `text`: the trace in words, behind the policy's name; NULL: not looked at. */
static inline void check_decision(const struct dw_rule *rule, const struct dw_facts *facts, enum dw_err err,
                                  const char *text, const char *label)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct dw_policy policy = { "p", *rule };
    struct dw_trace trace;
    char problem[DW_PROBLEM_SIZE] = "";
    char expected[512];

    if (dw_policy_validate(&policy, problem) != DW_OK)
        fail_msg("%s: refused: %s", label, problem);
    check_err(err, dw_policy_decide(&policy, facts, NULL), label);
    check_err(err, dw_policy_decide(&policy, facts, &trace), label);
    assert_ptr_equal(trace.policy, &policy);
    assert_int_equal(trace.err, err);
    if (text == NULL)
        return;
    CHECK_OK(dw_arena_new(POLICY_ARENA_LIMIT, &arena));
    snprintf(expected, sizeof(expected), "p: %s", text);
    check_str(dw_str(expected), dw_trace_text(&trace, arena), label);
}

#endif
