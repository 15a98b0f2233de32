/* Policies put together: all, any, not, policies in policies; what a denial is then, the trace, and bad tables. */
#include "policy_fixture.h"

/* --- combinations ----------------------------------------------------------------------------------------------- */

#define M "m: undecided, no fact that it asks for"

POLICY(INNER, DW_ANY(NO, YES));
POLICY(INNER_HIDES, DW_DENY_AS(DW_ERR_NOT_FOUND, NO));

/* clang-format off */
static const struct {
    struct dw_rule rule;
    enum dw_err err;
    const char *text;
} COMBINED[] = {
    { DW_ALL(YES, YES), DW_OK, "allowed by all; all: yes (y: yes, y: yes)" },
    { DW_ALL(YES, NO, YES), DW_ERR_FORBIDDEN, "denied by n; all: no (y: yes, n: no)" },
    { DW_ALL(MAYBE, YES), DW_ERR_FORBIDDEN, "denied by m; all: undecided (" M ", y: yes)" },
    { DW_ALL(MAYBE, NO), DW_ERR_FORBIDDEN, "denied by n; all: no (" M ", n: no)" },
    { DW_ANY(NO, YES, DOWN), DW_OK, "allowed by y; any: yes (n: no, y: yes)" },
    { DW_ANY(NO, NO), DW_ERR_FORBIDDEN, "denied by any; any: no (n: no, n: no)" },
    { DW_ANY(MAYBE, YES), DW_OK, "allowed by y; any: yes (" M ", y: yes)" },
    { DW_ANY(NO, MAYBE), DW_ERR_FORBIDDEN, "denied by m; any: undecided (n: no, " M ")" },
    { DW_NOT(NO), DW_OK, "allowed by not; not: yes (n: no)" },
    { DW_NOT(YES), DW_ERR_FORBIDDEN, "denied by not; not: no (y: yes)" },
    { DW_NOT(MAYBE), DW_ERR_FORBIDDEN, "denied by not; not: undecided (" M ")" },
    { DW_NOT(DW_NOT(YES)), DW_OK, "allowed by not; not: yes (not: no (y: yes))" },
    { DW_NOT(DW_RULE_ROLE("guest")), DW_ERR_FORBIDDEN,
      "denied by not; not: undecided (role guest: undecided, no principal)" },
    /* an error ends it, wherever it stands before the answer is known */
    { DW_ALL(YES, DOWN, NO), DW_ERR_UNAVAILABLE,
      "denied by down; all: undecided (y: yes, down: undecided, no answer)" },
    { DW_ANY(DOWN, YES), DW_ERR_UNAVAILABLE, "denied by down; any: undecided (down: undecided, no answer)" },
    { DW_NOT(DOWN), DW_ERR_UNAVAILABLE, "denied by down; not: undecided (down: undecided, no answer)" },
    /* another policy */
    { DW_ALL(DW_RULE_POLICY(&INNER), YES), DW_OK,
      "allowed by all; all: yes (policy INNER: yes (any: yes (n: no, y: yes)), y: yes)" },
    { DW_RULE_POLICY(&INNER_HIDES), DW_ERR_NOT_FOUND, "denied by n; policy INNER_HIDES: no (all: no (n: no))" },
    /* what a denial is */
    { DW_ANY(DW_RULE_OWNER, DW_RULE_ROLE("a")), DW_ERR_FORBIDDEN, NULL },
    { DW_ANY(DW_RULE_ROLE("a"), DW_RULE_OWNER), DW_ERR_ROLE, NULL },
    { DW_ANY(DW_RULE_ROLE("a"), DW_RULE_TENANT), DW_ERR_NOT_FOUND, NULL },
    { DW_ANY(DW_RULE_OWNER, DW_RULE_MFA(9), DW_RULE_SCOPE("s")), DW_ERR_MFA_STALE, NULL },
    { DW_ANY(DW_RULE_OWNER, DW_RULE_SCOPE("s"), DW_RULE_SIGN_IN(9)), DW_ERR_SCOPE, NULL },
    { DW_ANY(DW_RULE_SIGN_IN(9), DW_DENY_AS(DW_ERR_NOT_FOUND, NO)), DW_ERR_NOT_FOUND, NULL },
    { DW_ALL(DW_RULE_TENANT, DW_RULE_ROLE("a")), DW_ERR_NOT_FOUND, NULL },
    { DW_ALL(DW_RULE_ROLE("a"), DW_RULE_TENANT), DW_ERR_ROLE, NULL },
    /* undecided and hiding stays hidden, even when a later rule says no */
    { DW_ALL(DW_RULE_TENANT, NO), DW_ERR_NOT_FOUND, NULL },
    { DW_DENY_AS(DW_ERR_CONFLICT, DW_ANY(NO, DW_RULE_TENANT)), DW_ERR_CONFLICT, NULL },
    { DW_NOT(DW_DENY_AS(DW_ERR_NOT_FOUND, YES)), DW_ERR_FORBIDDEN, NULL },
    { DW_DENY_AS(DW_ERR_NOT_FOUND, DW_NOT(YES)), DW_ERR_NOT_FOUND, NULL },
    { { DW_RULE_KIND_OWNER, .name = "its own", .denial = DW_ERR_NOT_FOUND }, DW_ERR_NOT_FOUND,
      "denied by its own; its own: undecided, no principal" },
};
/* clang-format on */

static void test_combinations(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(COMBINED); i++) {
        char label[300];
        snprintf(label, sizeof(label), "row %zu, %s", i, COMBINED[i].text == NULL ? "" : COMBINED[i].text);
        check_decision(&COMBINED[i].rule, &(const struct dw_facts){ 0 }, COMBINED[i].err, COMBINED[i].text, label);
    }
}

static enum dw_verdict verdict_of(struct dw_rule rule)
{
    const struct dw_policy policy = { "p", rule };
    struct dw_trace trace;

    (void)!dw_policy_decide(&policy, &(const struct dw_facts){ 0 }, &trace);
    return (enum dw_verdict)trace.steps[0].verdict;
}

static struct dw_rule said(enum dw_verdict verdict)
{
    static const char *const WORDS[] = { [DW_NO] = "no", [DW_YES] = "yes", [DW_UNDECIDED] = "?" };

    return (struct dw_rule)DW_RULE_FUNCTION("x", told, WORDS[verdict]);
}

/* De Morgan, order and grouping, for every pair and triple of the three values. */
static void check_laws(struct dw_rule a, struct dw_rule b, struct dw_rule c)
{
    assert_int_equal(verdict_of((struct dw_rule)DW_NOT(DW_ALL(a, b))),
                     verdict_of((struct dw_rule)DW_ANY(DW_NOT(a), DW_NOT(b))));
    assert_int_equal(verdict_of((struct dw_rule)DW_NOT(DW_ANY(a, b))),
                     verdict_of((struct dw_rule)DW_ALL(DW_NOT(a), DW_NOT(b))));
    assert_int_equal(verdict_of((struct dw_rule)DW_NOT(DW_NOT(a))), verdict_of(a));
    assert_int_equal(verdict_of((struct dw_rule)DW_ALL(a, b)), verdict_of((struct dw_rule)DW_ALL(b, a)));
    assert_int_equal(verdict_of((struct dw_rule)DW_ANY(a, b)), verdict_of((struct dw_rule)DW_ANY(b, a)));
    assert_int_equal(verdict_of((struct dw_rule)DW_ALL(a, b, c)),
                     verdict_of((struct dw_rule)DW_ALL(a, DW_ALL(b, c))));
    assert_int_equal(verdict_of((struct dw_rule)DW_ANY(a, b, c)),
                     verdict_of((struct dw_rule)DW_ANY(a, DW_ANY(b, c))));
    assert_int_equal(verdict_of((struct dw_rule)DW_ALL(a, DW_ANY(b, c))),
                     verdict_of((struct dw_rule)DW_ANY(DW_ALL(a, b), DW_ALL(a, c))));
    assert_int_equal(verdict_of((struct dw_rule)DW_ALL(a, DW_ANY(a, b))), verdict_of(a));
}

static void test_laws(void **state)
{
    for (int a = DW_NO; a <= DW_UNDECIDED; a++)
        for (int b = DW_NO; b <= DW_UNDECIDED; b++)
            for (int c = DW_NO; c <= DW_UNDECIDED; c++)
                check_laws(said((enum dw_verdict)a), said((enum dw_verdict)b), said((enum dw_verdict)c));
    assert_int_equal(verdict_of((struct dw_rule)DW_ANY(said(DW_UNDECIDED), DW_NOT(said(DW_UNDECIDED)))), DW_UNDECIDED);
}

/* No further than the answer needs. */
static void test_order(void **state)
{
    const struct {
        struct dw_rule rule;
        unsigned n_calls;
    } ROWS[] = {
        { DW_ALL(NO, YES), 1 },    { DW_ANY(YES, NO), 1 },       { DW_ALL(YES, YES), 2 },
        { DW_ALL(MAYBE, NO), 2 },  { DW_ANY(MAYBE, MAYBE), 2 },  { DW_ANY(DW_ALL(NO, YES), YES), 2 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        n_called = 0;
        (void)verdict_of(ROWS[i].rule);
        assert_int_equal(n_called, ROWS[i].n_calls);
    }
}

/* --- traces ----------------------------------------------------------------------------------------------------- */

POLICY(TRACED, DW_ALL(DW_RULE_TENANT, DW_ANY(DW_RULE_OWNER, DW_RULE_ROLE("\"x\""))));

static void test_trace_json(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct dw_principal ann = { .subject = DW_STR("ann"), .tenant = DW_STR("t") };
    const struct dw_resource task = { .owner = DW_STR("ben"), .tenant = DW_STR("t") };
    const struct dw_facts facts = { .principal = &ann, .resource = &task };
    struct dw_trace trace;

    CHECK_OK(dw_arena_new(POLICY_ARENA_LIMIT, &arena));
    CHECK_ERR(DW_ERR_FORBIDDEN, dw_policy_decide(&TRACED, &facts, &trace));
    check_str(DW_STR("{\"policy\":\"TRACED\",\"allowed\":false,\"error\":\"forbidden\","
                     "\"decided_by\":\"role \\\"x\\\"\","
                     "\"rule\":{\"rule\":\"all\",\"verdict\":\"undecided\",\"rules\":["
                     "{\"rule\":\"same tenant\",\"verdict\":\"yes\"},"
                     "{\"rule\":\"any\",\"verdict\":\"undecided\",\"rules\":["
                     "{\"rule\":\"owner\",\"verdict\":\"no\"},"
                     "{\"rule\":\"role \\\"x\\\"\",\"verdict\":\"undecided\",\"missing\":\"role\"}]}]}}"),
              dw_trace_json(&trace, arena), "json");
    CHECK_OK(dw_policy_decide(&INNER, &facts, &trace));
    check_str(DW_STR("{\"policy\":\"INNER\",\"allowed\":true,\"decided_by\":\"y\",\"rule\":{\"rule\":\"any\","
                     "\"verdict\":\"yes\",\"rules\":[{\"rule\":\"n\",\"verdict\":\"no\"},"
                     "{\"rule\":\"y\",\"verdict\":\"yes\"}]}}"),
              dw_trace_json(&trace, arena), "json of what is allowed");
}

#define TEN(...) __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__,            \
    __VA_ARGS__, __VA_ARGS__, __VA_ARGS__
#define LONG_NAME                                                                                                      \
    "a name of very many letters, a name of very many letters, a name of very many letters, a name of ve"
#define LONG DW_RULE_FUNCTION(LONG_NAME, told, "no")

POLICY(WIDE, DW_ANY(TEN(LONG), TEN(LONG), TEN(LONG), TEN(LONG), TEN(LONG), TEN(LONG), LONG, LONG, LONG));

/* The largest policy that there may be: its words are cut, its JSON is whole. */
static void test_trace_is_bounded(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_trace trace;

    CHECK_OK(dw_arena_new(POLICY_ARENA_LIMIT, &arena));
    CHECK_ERR(DW_ERR_FORBIDDEN, dw_policy_decide(&WIDE, &(const struct dw_facts){ 0 }, &trace));
    assert_int_equal(trace.n_steps, DW_POLICY_RULES_MAX);
    const struct dw_str text = dw_trace_text(&trace, arena), json = dw_trace_json(&trace, arena);
    assert_in_range(text.len, 900, 1024);
    assert_int_equal(text.ptr[text.len], '\0');
    assert_in_range(json.len, 63 * 100, 16 * 1024);
    assert_memory_equal(json.ptr + json.len - 4, "}]}}", 4);
}

static void test_trace_misuse(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct dw_trace empty = { 0 };
    struct dw_trace trace;

    CHECK_OK(dw_arena_new(POLICY_ARENA_LIMIT, &arena));
    CHECK_OK(dw_policy_decide(&INNER, &(const struct dw_facts){ 0 }, &trace));
    assert_true(dw_str_is_absent(dw_trace_text(NULL, arena)));
    assert_true(dw_str_is_absent(dw_trace_json(NULL, arena)));
    assert_true(dw_str_is_absent(dw_trace_text(&trace, NULL)));
    assert_true(dw_str_is_absent(dw_trace_json(&trace, NULL)));
    assert_true(dw_str_is_absent(dw_trace_text(&empty, arena)));
    assert_true(dw_str_is_absent(dw_trace_json(&empty, arena)));
    trace.decided_by = trace.n_steps;
    assert_true(dw_str_is_absent(dw_trace_text(&trace, arena)));
    trace.n_steps = DW_POLICY_RULES_MAX + 1;
    assert_true(dw_str_is_absent(dw_trace_json(&trace, arena)));
}

/* --- policies that are refused ---------------------------------------------------------------------------------- */

static const struct dw_policy CIRCLE;
static const struct dw_policy CIRCLE_BACK = { "back", DW_ANY(YES, DW_RULE_POLICY(&CIRCLE)) };
static const struct dw_policy CIRCLE = { "circle", DW_NOT(DW_RULE_POLICY(&CIRCLE_BACK)) };
/* A list that holds itself. */
static const struct dw_rule SPIRAL[2];
static const struct dw_rule SPIRAL[2] = { { .kind = DW_RULE_KIND_ANY, .rules = SPIRAL }, { .kind = DW_RULE_END } };
static const struct dw_rule NONE[] = { { .kind = DW_RULE_END } };
static const struct dw_policy NAMELESS = { NULL, YES };
static const struct dw_policy BAD_INSIDE = { "inside", DW_RULE_MFA(0) };

#define EIGHT(text) text text text text text text text text
#define DEEPER(...) DW_NOT(DW_NOT(DW_NOT(__VA_ARGS__)))
#define SIXTY TEN(NO), TEN(NO), TEN(NO), TEN(NO), TEN(NO), TEN(NO)

/* clang-format off */
static const struct {
    struct dw_rule rule;
    const char *problem;
} REFUSED[] = {
    { { 0 }, "a rule of no kind, or of an unknown one" },
    { { .kind = (enum dw_rule_kind)77 }, "a rule of no kind, or of an unknown one" },
    { { .kind = (enum dw_rule_kind)-1 }, "a rule of no kind, or of an unknown one" },
    { { .kind = DW_RULE_KIND_ANY }, "any of no rules" },
    { { .kind = DW_RULE_KIND_ANY, .rules = NONE }, "any of no rules" },
    { { .kind = DW_RULE_KIND_ALL, .rules = NONE }, "all of no rules" },
    { { .kind = DW_RULE_KIND_NOT, .rules = NONE }, "not of no rules" },
    { DW_NOT(YES, NO), "not of more than one rule" },
    { { .kind = DW_RULE_KIND_ANY, .rules = SPIRAL }, "rules nested deeper than 12" },
    { DEEPER(DEEPER(DEEPER(DEEPER(YES)))), "rules nested deeper than 12" },
    { DW_ANY(SIXTY, NO, NO, NO, NO), "more than 64 rules" },
    { DW_RULE_POLICY(NULL), "none is named" },
    { DW_RULE_POLICY(&NAMELESS), "no name, or one of over 100 bytes" },
    { DW_RULE_POLICY(&CIRCLE), "circle: back: policies in a circle: circle" },
    { DW_RULE_POLICY(&BAD_INSIDE), "inside: an age without seconds" },
    { DW_RULE_ROLE(NULL), "a role without a name, or with one of over 100 bytes" },
    { DW_RULE_ROLE(""), "a role without a name, or with one of over 100 bytes" },
    { DW_RULE_ROLE(LONG_NAME LONG_NAME), "a role without a name, or with one of over 100 bytes" },
    { DW_RULE_SCOPE(NULL), "'' is no scope or permission" },
    { DW_RULE_SCOPE("a b"), "'a b' is no scope or permission" },
    { DW_RULE_PERMISSION(""), "'' is no scope or permission" },
    { DW_RULE_PERMISSION("a\"b"), "'a\"b' is no scope or permission" },
    { DW_RULE_MFA(0), "an age without seconds" },
    { DW_RULE_SIGN_IN(-1), "an age without seconds" },
    { DW_RULE_NETWORK(NULL), "\"\" is no address or network" },
    { DW_RULE_NETWORK(""), "\"\" is no address or network" },
    { DW_RULE_NETWORK("10.0.0.0/8,"), "\"\" is no address or network" },
    { DW_RULE_NETWORK("10.0.0.0/33"), "\"10.0.0.0/33\" is no address or network" },
    { DW_RULE_NETWORK("10.0.0.1/8"), "\"10.0.0.1/8\" is no address or network" },
    { DW_RULE_NETWORK("10.0.0.0/8 192.0.2.1"), "\"10.0.0.0/8 192.0.2.1\" is no address or network" },
    { DW_RULE_NETWORK("localhost"), "\"localhost\" is no address or network" },
    { DW_RULE_NETWORK(EIGHT(EIGHT("::1,")) "::1"),
      "more than 64 networks" },
    { DW_RULE_HOURS(0, 0, 60, 0), "hours of no day, or of an unknown one" },
    { DW_RULE_HOURS(128, 0, 60, 0), "hours of no day, or of an unknown one" },
    { DW_RULE_HOURS(DW_MONDAY, 60, 60, 0), "hours from minute 60 until minute 60" },
    { DW_RULE_HOURS(DW_MONDAY, 1440, 60, 0), "hours from minute 1440 until minute 60" },
    { DW_RULE_HOURS(DW_MONDAY, -1, 60, 0), "hours from minute -1 until minute 60" },
    { DW_RULE_HOURS(DW_MONDAY, 60, 1441, 0), "hours from minute 60 until minute 1441" },
    { DW_RULE_HOURS(DW_MONDAY, 60, 0, 0), "hours from minute 60 until minute 0" },
    { DW_RULE_HOURS(DW_MONDAY, 0, 60, 841), "hours 841 minutes from UTC" },
    { DW_RULE_HOURS(DW_MONDAY, 0, 60, -841), "hours -841 minutes from UTC" },
    { DW_RULE_FUNCTION(NULL, told, "yes"), "a rule function without a name" },
    { DW_RULE_FUNCTION("f", NULL, NULL), "rule f: no function" },
    { { .kind = DW_RULE_KIND_OWNER, .name = "" }, "a rule with an empty name, or one of over 100 bytes" },
    { { .kind = DW_RULE_KIND_OWNER, .name = "\xff" }, "a rule with an empty name, or one of over 100 bytes" },
    { DW_DENY_AS(DW_ERR_INTERNAL, YES), "a denial by internal, which is no 4xx" },
    { DW_DENY_AS((enum dw_err)9999, YES), "a denial by internal, which is no 4xx" },
    { DW_ANY(YES, DW_ALL(YES, DW_RULE_MFA(-5))), "an age without seconds" },
};
/* clang-format on */

static void test_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++) {
        const struct dw_policy policy = { "p", REFUSED[i].rule };
        char problem[DW_PROBLEM_SIZE] = "", expected[DW_PROBLEM_SIZE];
        struct dw_trace trace = { .n_steps = 7 };

        snprintf(expected, sizeof(expected), "policy: p: %s", REFUSED[i].problem);
        check_err(DW_ERR_TABLE, dw_policy_validate(&policy, problem), REFUSED[i].problem);
        assert_string_equal(problem, expected);
        check_err(DW_ERR_TABLE, dw_policy_validate(&policy, NULL), REFUSED[i].problem);
        /* Whatever it would decide: nothing is allowed by what is not sound. */
        check_err(DW_ERR_TABLE, dw_policy_decide(&policy, &(const struct dw_facts){ 0 }, &trace), REFUSED[i].problem);
        assert_int_equal(trace.n_steps, 7);
    }
}

static void test_null_arguments(void **state)
{
    char problem[DW_PROBLEM_SIZE] = "";

    CHECK_ERR(DW_ERR_ARGUMENT, dw_policy_decide(NULL, &(const struct dw_facts){ 0 }, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_policy_decide(&INNER, NULL, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_policy_validate(NULL, problem));
    CHECK_ERR(DW_ERR_TABLE, dw_policy_validate(&NAMELESS, problem));
    assert_string_equal(problem, "policy: no name, or one of over 100 bytes");
}

CHECK_MAIN(cmocka_unit_test(test_combinations), cmocka_unit_test(test_laws), cmocka_unit_test(test_order),
           cmocka_unit_test(test_trace_json), cmocka_unit_test(test_trace_is_bounded),
           cmocka_unit_test(test_trace_misuse), cmocka_unit_test(test_refused), cmocka_unit_test(test_null_arguments))
