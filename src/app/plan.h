/*
 * Plans: the dependencies of a route, flattened when the application starts into steps in the order of need.
 *
 * Why: a request then only walks an array. A dependency stands once for each set of scopes on the paths to it (the
 * union along the path, as FastAPI's SecurityScopes); a circle is found here, not while serving.
 */
#ifndef APP_PLAN_H
#define APP_PLAN_H

#include "app/problem.h"

enum { PLAN_STEPS_MAX = 64, PLAN_DEPTH_MAX = 24, PLAN_USES_MAX = 16 };

struct policy_plan;

struct plan_step {
    const struct dw_dependency *asked; /* what dw_get() names */
    const struct dw_dependency *made;  /* what is resolved: `asked`, or what overrides it */
    struct dw_str scopes;              /* space-separated; absent when there are none */
    size_t offset;                     /* of the value */
    unsigned char uses[PLAN_USES_MAX]; /* the steps that stand for made->uses */
    unsigned char n_uses;
    const struct policy_plan *policy; /* of one that decides a policy */
};

struct plan {
    struct plan_step *steps;
    size_t n_steps;
    size_t values_size;
    unsigned char uses[PLAN_USES_MAX]; /* what the route asks for itself */
    unsigned char n_uses;
};

/* A list of replacements, newest first. */
struct plan_override {
    struct plan_override *next;
    const struct dw_dependency *asked;
    const struct dw_dependency *made;
};

DW_MUST_USE enum dw_err plan_make(struct dw_arena *arena, const struct dw_needs *needs,
                                  const struct plan_override *overrides, struct problem *p, struct plan *ret_plan);

/* Whether a word can be a scope (RFC 6749 §3.3). */
bool plan_is_scope(const char *scope);

#endif
