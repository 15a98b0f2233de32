/* Policies over plain facts: what each rule says of facts that hold, that don't, and that are missing. */
#include "policy_fixture.h"

enum { NOW_S = 1763809200 /* Saturday, 2025-11-22 11:00:00 UTC */ };

static enum dw_err in_context(const struct dw_facts *facts, const void *parameter, enum dw_verdict *ret_verdict)
{
    *ret_verdict = facts->context == parameter ? DW_YES : DW_NO;
    return DW_OK;
}

static int something;

/* --- one rule, many facts --------------------------------------------------------------------------------------- */

#define WHO .principal = &(const struct dw_principal)
#define WHAT .resource = &(const struct dw_resource)
#define S(text) DW_STR_INIT(text)
#define PEER(text) .peer = S(text)
#define AT(when_s) .now_s = (when_s)
#define DAY(n) (1763337600 + (n) * 86400) /* 0: Monday, 2025-11-17 00:00:00 UTC */

enum { HOUR = 3600 };

#define OFFICE DW_RULE_HOURS(DW_WORKDAYS, DW_HHMM(8, 0), DW_HHMM(18, 0), DW_HHMM(1, 0))
#define NIGHT DW_RULE_HOURS(DW_FRIDAY, DW_HHMM(22, 0), DW_HHMM(6, 0), 0)
#define WEST DW_RULE_HOURS(DW_SUNDAY, DW_HHMM(0, 0), DW_HHMM(24, 0), -DW_HHMM(9, 30))
#define INSIDE DW_RULE_NETWORK("10.0.0.0/8, 192.0.2.7,2001:db8::/32")

/* clang-format off */
static const struct {
    struct dw_rule rule;
    struct dw_facts facts;
    enum dw_err err;
    const char *text; /* behind the policy's name */
} FACTS[] = {
    /* role */
    { DW_RULE_ROLE("admin"), { WHO{ .role = S("admin") } }, DW_OK, "allowed by role admin; role admin: yes" },
    { DW_RULE_ROLE("admin"), { WHO{ .role = S("user") } }, DW_ERR_ROLE, "denied by role admin; role admin: no" },
    { DW_RULE_ROLE("admin"), { WHO{ .role = S("admin2") } }, DW_ERR_ROLE, "denied by role admin; role admin: no" },
    { DW_RULE_ROLE("admin"), { WHO{ .role = S("Admin") } }, DW_ERR_ROLE, "denied by role admin; role admin: no" },
    { DW_RULE_ROLE("admin"), { WHO{ .role = S("") } }, DW_ERR_ROLE,
      "denied by role admin; role admin: undecided, no role" },
    { DW_RULE_ROLE("admin"), { 0 }, DW_ERR_ROLE, "denied by role admin; role admin: undecided, no principal" },
    /* permission: the user has it, and the credential too */
    { DW_RULE_PERMISSION("a:b"), { WHO{ .permissions = S("x a:b"), .scope = S("a:b") } }, DW_OK,
      "allowed by permission a:b; permission a:b: yes" },
    { DW_RULE_PERMISSION("a:b"), { WHO{ .permissions = S("x a:b"), .scope = S("x") } }, DW_ERR_SCOPE,
      "denied by permission a:b; permission a:b: no" },
    { DW_RULE_PERMISSION("a:b"), { WHO{ .permissions = S("x a:bc"), .scope = S("a:b") } }, DW_ERR_PERMISSION,
      "denied by permission a:b; permission a:b: no" },
    { DW_RULE_PERMISSION("a:b"), { WHO{ .permissions = S(""), .scope = S("a:b") } }, DW_ERR_PERMISSION,
      "denied by permission a:b; permission a:b: no" },
    { DW_RULE_PERMISSION("a:b"), { WHO{ .scope = S("a:b") } }, DW_ERR_PERMISSION,
      "denied by permission a:b; permission a:b: undecided, no permissions" },
    { DW_RULE_PERMISSION("a:b"), { WHO{ .permissions = S("a:b") } }, DW_ERR_SCOPE,
      "denied by permission a:b; permission a:b: undecided, no scope" },
    { DW_RULE_PERMISSION("a:b"), { 0 }, DW_ERR_PERMISSION,
      "denied by permission a:b; permission a:b: undecided, no principal" },
    /* scope */
    { DW_RULE_SCOPE("a"), { WHO{ .scope = S("b a") } }, DW_OK, "allowed by scope a; scope a: yes" },
    { DW_RULE_SCOPE("a"), { WHO{ .scope = S("") } }, DW_ERR_SCOPE, "denied by scope a; scope a: no" },
    { DW_RULE_SCOPE("a"), { WHO{ .role = S("a") } }, DW_ERR_SCOPE,
      "denied by scope a; scope a: undecided, no scope" },
    { DW_RULE_SCOPE("a"), { 0 }, DW_ERR_SCOPE, "denied by scope a; scope a: undecided, no principal" },
    /* owner */
    { DW_RULE_OWNER, { WHO{ .subject = S("u1") }, WHAT{ .owner = S("u1") } }, DW_OK, "allowed by owner; owner: yes" },
    { DW_RULE_OWNER, { WHO{ .subject = S("u1") }, WHAT{ .owner = S("u12") } }, DW_ERR_FORBIDDEN,
      "denied by owner; owner: no" },
    { DW_RULE_OWNER, { WHO{ .subject = S("") }, WHAT{ .owner = S("") } }, DW_ERR_FORBIDDEN,
      "denied by owner; owner: undecided, no subject" },
    { DW_RULE_OWNER, { WHO{ .subject = S("u1") }, WHAT{ .tenant = S("t") } }, DW_ERR_FORBIDDEN,
      "denied by owner; owner: undecided, no owner" },
    { DW_RULE_OWNER, { WHO{ .subject = S("u1") } }, DW_ERR_FORBIDDEN,
      "denied by owner; owner: undecided, no resource" },
    { DW_RULE_OWNER, { WHAT{ .owner = S("u1") } }, DW_ERR_FORBIDDEN,
      "denied by owner; owner: undecided, no principal" },
    /* tenant: another one's things are not there */
    { DW_RULE_TENANT, { WHO{ .tenant = S("t") }, WHAT{ .tenant = S("t") } }, DW_OK,
      "allowed by same tenant; same tenant: yes" },
    { DW_RULE_TENANT, { WHO{ .tenant = S("t") }, WHAT{ .tenant = S("s") } }, DW_ERR_NOT_FOUND,
      "denied by same tenant; same tenant: no" },
    { DW_RULE_TENANT, { WHO{ .subject = S("u") }, WHAT{ .owner = S("u") } }, DW_ERR_NOT_FOUND,
      "denied by same tenant; same tenant: undecided, no tenant" },
    { DW_RULE_TENANT, { WHO{ .tenant = S("t") }, WHAT{ .owner = S("u") } }, DW_ERR_NOT_FOUND,
      "denied by same tenant; same tenant: undecided, no tenant of the resource" },
    { DW_RULE_TENANT, { 0 }, DW_ERR_NOT_FOUND, "denied by same tenant; same tenant: undecided, no principal" },
    { DW_DENY_AS(DW_ERR_FORBIDDEN, DW_RULE_TENANT), { WHO{ .tenant = S("t") }, WHAT{ .tenant = S("s") } },
      DW_ERR_FORBIDDEN, "denied by same tenant; all: no (same tenant: no)" },
    /* network */
    { INSIDE, { PEER("10.255.0.1") }, DW_OK,
      "allowed by network 10.0.0.0/8, 192.0.2.7,2001:db8::/32; network 10.0.0.0/8, 192.0.2.7,2001:db8::/32: yes" },
    { { DW_RULE_KIND_NETWORK, .name = "inside", .text = "10.0.0.0/8" }, { PEER("11.0.0.1") }, DW_ERR_FORBIDDEN,
      "denied by inside; inside: no" },
    { { DW_RULE_KIND_NETWORK, .name = "in", .text = "10.0.0.0/8,192.0.2.7" }, { PEER("192.0.2.7") }, DW_OK,
      "allowed by in; in: yes" },
    { { DW_RULE_KIND_NETWORK, .name = "in", .text = "192.0.2.7" }, { PEER("192.0.2.8") }, DW_ERR_FORBIDDEN,
      "denied by in; in: no" },
    { { DW_RULE_KIND_NETWORK, .name = "in", .text = "10.0.0.0/8" }, { PEER("::ffff:10.1.1.1") }, DW_OK,
      "allowed by in; in: yes" },
    { { DW_RULE_KIND_NETWORK, .name = "in", .text = "2001:db8::/32" }, { PEER("2001:db8:1::1") }, DW_OK,
      "allowed by in; in: yes" },
    { { DW_RULE_KIND_NETWORK, .name = "in", .text = "2001:db8::/32" }, { PEER("10.0.0.1") }, DW_ERR_FORBIDDEN,
      "denied by in; in: no" },
    { { DW_RULE_KIND_NETWORK, .name = "in", .text = "0.0.0.0/0" }, { PEER("unknown") }, DW_ERR_FORBIDDEN,
      "denied by in; in: undecided, no client address" },
    { { DW_RULE_KIND_NETWORK, .name = "in", .text = "0.0.0.0/0" }, { PEER("10.0.0.1, 10.0.0.2") }, DW_ERR_FORBIDDEN,
      "denied by in; in: undecided, no client address" },
    { { DW_RULE_KIND_NETWORK, .name = "in", .text = "0.0.0.0/0" }, { 0 }, DW_ERR_FORBIDDEN,
      "denied by in; in: undecided, no client address" },
    /* second factor, sign-in */
    { DW_RULE_MFA(300), { WHO{ .mfa_s = NOW_S - 300 }, AT(NOW_S) }, DW_OK,
      "allowed by second factor within 300 s; second factor within 300 s: yes" },
    { DW_RULE_MFA(300), { WHO{ .mfa_s = NOW_S - 301 }, AT(NOW_S) }, DW_ERR_MFA_STALE,
      "denied by second factor within 300 s; second factor within 300 s: no" },
    { DW_RULE_MFA(300), { WHO{ .authenticated_s = NOW_S }, AT(NOW_S) }, DW_ERR_MFA_STALE,
      "denied by second factor within 300 s; second factor within 300 s: undecided, no time of the second factor" },
    { DW_RULE_MFA(300), { WHO{ .mfa_s = NOW_S + 60 }, AT(NOW_S) }, DW_OK,
      "allowed by second factor within 300 s; second factor within 300 s: yes" },
    { DW_RULE_MFA(300), { WHO{ .mfa_s = NOW_S + 61 }, AT(NOW_S) }, DW_ERR_MFA_STALE,
      "denied by second factor within 300 s; second factor within 300 s: undecided, no time of the second factor" },
    { DW_RULE_MFA(300), { WHO{ .mfa_s = INT64_MAX }, AT(NOW_S) }, DW_ERR_MFA_STALE,
      "denied by second factor within 300 s; second factor within 300 s: undecided, no time of the second factor" },
    { DW_RULE_MFA(INT64_MAX), { WHO{ .mfa_s = INT64_MIN }, AT(INT64_MAX) }, DW_ERR_MFA_STALE,
      "denied by second factor within 9223372036854775807 s; second factor within 9223372036854775807 s: undecided, "
      "no time of the second factor" },
    { DW_RULE_MFA(300), { WHO{ .mfa_s = NOW_S } }, DW_ERR_MFA_STALE,
      "denied by second factor within 300 s; second factor within 300 s: undecided, no time of day" },
    { DW_RULE_MFA(300), { AT(NOW_S) }, DW_ERR_MFA_STALE,
      "denied by second factor within 300 s; second factor within 300 s: undecided, no principal" },
    { DW_RULE_SIGN_IN(60), { WHO{ .authenticated_s = NOW_S - 60 }, AT(NOW_S) }, DW_OK,
      "allowed by signed in within 60 s; signed in within 60 s: yes" },
    { DW_RULE_SIGN_IN(60), { WHO{ .authenticated_s = NOW_S - 61 }, AT(NOW_S) }, DW_ERR_SIGN_IN_STALE,
      "denied by signed in within 60 s; signed in within 60 s: no" },
    { DW_RULE_SIGN_IN(60), { WHO{ .mfa_s = NOW_S }, AT(NOW_S) }, DW_ERR_SIGN_IN_STALE,
      "denied by signed in within 60 s; signed in within 60 s: undecided, no time of the sign-in" },
    { DW_RULE_SIGN_IN(60), { 0 }, DW_ERR_SIGN_IN_STALE,
      "denied by signed in within 60 s; signed in within 60 s: undecided, no principal" },
    /* hours: 08:00 to 18:00 at UTC+01:00 is 07:00 to 17:00 UTC */
    { OFFICE, { AT(DAY(0) + 7 * HOUR - 1) }, DW_ERR_FORBIDDEN,
      "denied by hours Mon,Tue,Wed,Thu,Fri 08:00-18:00 UTC+01:00; "
      "hours Mon,Tue,Wed,Thu,Fri 08:00-18:00 UTC+01:00: no" },
    { OFFICE, { AT(DAY(0) + 7 * HOUR) }, DW_OK, NULL },
    { OFFICE, { AT(DAY(4) + 17 * HOUR - 1) }, DW_OK, NULL },
    { OFFICE, { AT(DAY(4) + 17 * HOUR) }, DW_ERR_FORBIDDEN, NULL },
    { OFFICE, { AT(DAY(5) + 12 * HOUR) }, DW_ERR_FORBIDDEN, NULL },
    { OFFICE, { 0 }, DW_ERR_FORBIDDEN, NULL },
    { OFFICE, { AT(-1) }, DW_ERR_FORBIDDEN, NULL },
    /* a night belongs to the day on which it begins */
    { NIGHT, { AT(DAY(4) + 22 * HOUR) }, DW_OK,
      "allowed by hours Fri 22:00-06:00 UTC; hours Fri 22:00-06:00 UTC: yes" },
    { NIGHT, { AT(DAY(5) + 6 * HOUR - 1) }, DW_OK, NULL },
    { NIGHT, { AT(DAY(5) + 6 * HOUR) }, DW_ERR_FORBIDDEN, NULL },
    { NIGHT, { AT(DAY(5) + 22 * HOUR) }, DW_ERR_FORBIDDEN, NULL },
    { NIGHT, { AT(DAY(4) + 5 * HOUR) }, DW_ERR_FORBIDDEN, NULL },
    /* Sunday at UTC-09:30 ends on Monday at 09:30 UTC; also in the first hours of all */
    { WEST, { AT(DAY(0) + 9 * HOUR + 1799) }, DW_OK, "allowed by hours Sun 00:00-24:00 UTC-09:30; "
      "hours Sun 00:00-24:00 UTC-09:30: yes" },
    { WEST, { AT(DAY(0) + 9 * HOUR + 1800) }, DW_ERR_FORBIDDEN, NULL },
    { DW_RULE_HOURS(DW_WEDNESDAY, 0, DW_HHMM(24, 0), -DW_HHMM(9, 30)), { AT(1) }, DW_OK, NULL },
    { DW_RULE_HOURS(DW_THURSDAY, 0, DW_HHMM(24, 0), 0), { AT(1) }, DW_OK, NULL },
    /* a Sunday, 15:30:07 UTC, as far away as time goes */
    { DW_RULE_HOURS(DW_MONDAY, 0, DW_HHMM(6, 0), DW_HHMM(14, 0)), { AT(INT64_MAX) }, DW_OK, NULL },
    /* functions */
    { YES, { 0 }, DW_OK, "allowed by y; y: yes" },
    { NO, { 0 }, DW_ERR_FORBIDDEN, "denied by n; n: no" },
    { DW_RULE_FUNCTION("silent", told, ""), { 0 }, DW_ERR_FORBIDDEN, "denied by silent; silent: no" },
    { DW_RULE_FUNCTION("odd", told, "odd"), { 0 }, DW_ERR_FORBIDDEN, "denied by odd; odd: no" },
    { MAYBE, { 0 }, DW_ERR_FORBIDDEN, "denied by m; m: undecided, no fact that it asks for" },
    { DOWN, { 0 }, DW_ERR_UNAVAILABLE, "denied by down; down: undecided, no answer" },
    { DW_RULE_FUNCTION("ours", in_context, &something), { .context = &something }, DW_OK,
      "allowed by ours; ours: yes" },
};
/* clang-format on */

static void test_rules(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(FACTS); i++) {
        char label[300];
        snprintf(label, sizeof(label), "row %zu, %s", i, FACTS[i].text == NULL ? "" : FACTS[i].text);
        check_decision(&FACTS[i].rule, &FACTS[i].facts, FACTS[i].err, FACTS[i].text, label);
    }
}

CHECK_MAIN(cmocka_unit_test(test_rules))
