#include "app/policy.h"

#include "base/json.h"

/* Traces in words and as JSON: the names of rules and what they said, never a fact. */

enum { WORDS_MAX = 256, TEXT_MAX = 1024, JSON_MAX = 64 * 1024, MINUTES_AN_HOUR = 60 };

static const char *const VERDICTS[] = { [DW_NO] = "no", [DW_YES] = "yes", [DW_UNDECIDED] = "undecided" };

/* --- the words for one rule ------------------------------------------------------------------------------------- */

static void days_write(unsigned days, struct buffer *b)
{
    static const char NAMES[][4] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    const char *separator = "";

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        if ((days >> i & 1) != 0) {
            buffer_printf(b, "%s%s", separator, NAMES[i]);
            separator = ",";
        }
}

static void hours_write(const struct dw_hours *h, struct buffer *b)
{
    const int offset = h->utc_offset_min < 0 ? -h->utc_offset_min : h->utc_offset_min;

    buffer_append_literal(b, "hours ");
    days_write(h->days, b);
    buffer_printf(b, " %02d:%02d-%02d:%02d UTC", h->from_min / MINUTES_AN_HOUR, h->from_min % MINUTES_AN_HOUR,
                  h->until_min / MINUTES_AN_HOUR, h->until_min % MINUTES_AN_HOUR);
    if (offset != 0)
        buffer_printf(b, "%c%02d:%02d", h->utc_offset_min < 0 ? '-' : '+', offset / MINUTES_AN_HOUR,
                      offset % MINUTES_AN_HOUR);
}

/* clang-format off */
static const struct {
    const char *words;
    enum { ALONE, WITH_TEXT, WITH_SECONDS, WITH_HOURS, WITH_POLICY } with;
} KINDS[] = {
    [DW_RULE_KIND_ALL]        = { "all",                ALONE },
    [DW_RULE_KIND_ANY]        = { "any",                ALONE },
    [DW_RULE_KIND_NOT]        = { "not",                ALONE },
    [DW_RULE_KIND_POLICY]     = { "policy ",            WITH_POLICY },
    [DW_RULE_KIND_ROLE]       = { "role ",              WITH_TEXT },
    [DW_RULE_KIND_PERMISSION] = { "permission ",        WITH_TEXT },
    [DW_RULE_KIND_SCOPE]      = { "scope ",             WITH_TEXT },
    [DW_RULE_KIND_OWNER]      = { "owner",              ALONE },
    [DW_RULE_KIND_TENANT]     = { "same tenant",        ALONE },
    [DW_RULE_KIND_NETWORK]    = { "network ",           WITH_TEXT },
    [DW_RULE_KIND_SIGN_IN]    = { "signed in within ",  WITH_SECONDS },
    [DW_RULE_KIND_MFA]        = { "second factor within ", WITH_SECONDS },
    [DW_RULE_KIND_HOURS]      = { "",                   WITH_HOURS },
    [DW_RULE_KIND_FUNCTION]   = { "function",           ALONE },
};
/* clang-format on */

static void rule_write(const struct dw_rule *rule, struct buffer *b)
{
    if (rule->name != NULL || (size_t)rule->kind >= ARRAY_SIZE(KINDS) || KINDS[rule->kind].words == NULL) {
        buffer_append(b, dw_str(rule->name == NULL ? "?" : rule->name));
        return;
    }
    buffer_append(b, dw_str(KINDS[rule->kind].words));
    switch (KINDS[rule->kind].with) {
    case WITH_TEXT:
        /* A long list of networks is cut, not left out. */
        buffer_printf(b, "%.*s", WORDS_MAX / 2, rule->text);
        break;
    case WITH_SECONDS:
        buffer_printf(b, "%lld s", (long long)rule->seconds);
        break;
    case WITH_HOURS:
        hours_write(&rule->hours, b);
        break;
    case WITH_POLICY:
        buffer_append(b, dw_str(rule->policy->name));
        break;
    case ALONE:
        break;
    }
}

/* --- a whole trace ---------------------------------------------------------------------------------------------- */

/* The first step behind those that lie within this one. */
static unsigned step_end(const struct dw_trace *trace, unsigned step)
{
    unsigned end = step + 1;

    while (end < trace->n_steps && trace->steps[end].depth > trace->steps[step].depth)
        end++;
    return end;
}

static void step_text(const struct dw_trace *trace, unsigned step, struct buffer *b)
{
    const struct dw_trace_step *s = &trace->steps[step];
    const unsigned end = step_end(trace, step);

    rule_write(s->rule, b);
    buffer_printf(b, ": %s", VERDICTS[s->verdict]);
    if (s->missing != NULL)
        buffer_printf(b, ", no %s", s->missing);
    if (end == step + 1)
        return;
    for (unsigned inner = step + 1; inner < end; inner = step_end(trace, inner)) {
        buffer_append(b, inner == step + 1 ? DW_STR(" (") : DW_STR(", "));
        step_text(trace, inner, b);
    }
    buffer_append_char(b, ')');
}

static bool is_sound(const struct dw_trace *trace)
{
    if (trace == NULL || trace->policy == NULL || trace->n_steps == 0 || trace->n_steps > DW_POLICY_RULES_MAX ||
        trace->decided_by >= trace->n_steps)
        return false;
    for (unsigned i = 0; i < trace->n_steps; i++)
        if (trace->steps[i].rule == NULL || trace->steps[i].verdict >= ARRAY_SIZE(VERDICTS))
            return false;
    return true;
}

struct dw_str dw_trace_text(const struct dw_trace *trace, struct dw_arena *arena)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(TEXT_MAX);

    if (!is_sound(trace) || arena == NULL)
        return dw_str_n(NULL, 0);
    buffer_append(&b, dw_str(trace->policy->name));
    buffer_append(&b, trace->err == DW_OK ? DW_STR(": allowed by ") : DW_STR(": denied by "));
    rule_write(trace->steps[trace->decided_by].rule, &b);
    buffer_append_literal(&b, "; ");
    step_text(trace, 0, &b);
    if (buffer_error(&b) == DW_ERR_NO_MEMORY)
        return dw_str_n(NULL, 0);
    return dw_arena_copy(arena, buffer_str(&b));
}

static void rule_json(const struct dw_rule *rule, const char *name, struct buffer *b)
{
    _cleanup_buffer_ struct buffer words = BUFFER_INIT(WORDS_MAX);

    rule_write(rule, &words);
    json_write_member_str(b, name, buffer_str(&words));
}

static void step_json(const struct dw_trace *trace, unsigned step, struct buffer *b)
{
    const struct dw_trace_step *s = &trace->steps[step];
    const unsigned end = step_end(trace, step);

    buffer_append_char(b, '{');
    rule_json(s->rule, "rule", b);
    json_write_member_str(b, "verdict", dw_str(VERDICTS[s->verdict]));
    if (s->missing != NULL)
        json_write_member_str(b, "missing", dw_str(s->missing));
    if (end > step + 1) {
        json_write_key(b, "rules");
        buffer_append_char(b, '[');
        for (unsigned inner = step + 1; inner < end; inner = step_end(trace, inner)) {
            json_write_comma(b);
            step_json(trace, inner, b);
        }
        buffer_append_char(b, ']');
    }
    buffer_append_char(b, '}');
}

struct dw_str dw_trace_json(const struct dw_trace *trace, struct dw_arena *arena)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(JSON_MAX);

    if (!is_sound(trace) || arena == NULL)
        return dw_str_n(NULL, 0);
    buffer_append_char(&b, '{');
    json_write_member_str(&b, "policy", dw_str(trace->policy->name));
    json_write_member_bool(&b, "allowed", trace->err == DW_OK);
    if (trace->err != DW_OK)
        json_write_member_str(&b, "error", dw_str(dw_error_info(trace->err)->code));
    rule_json(trace->steps[trace->decided_by].rule, "decided_by", &b);
    json_write_key(&b, "rule");
    step_json(trace, 0, &b);
    buffer_append_char(&b, '}');
    return buffer_error(&b) == DW_OK ? dw_arena_copy(arena, buffer_str(&b)) : dw_str_n(NULL, 0);
}
