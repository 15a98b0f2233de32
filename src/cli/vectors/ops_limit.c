/* ratelimit.parse: a rate limit in words. */
#include "cli/vectors/op.h"

#include <doorward/rate_limit.h>

static enum dw_err ratelimit_parse(struct op_call *call)
{
    struct dw_rate rates[DW_RATES_MAX];
    struct dw_str text = { 0 };
    size_t n = 0;

    TRY(op_str(call, "text", &text));
    TRY(dw_rates_parse(text, rates, &n));
    json_write_key(call->out, "limits");
    buffer_append_char(call->out, '[');
    for (size_t i = 0; i < n; i++) {
        json_write_comma(call->out);
        buffer_append_char(call->out, '{');
        json_write_member_int(call->out, "amount", rates[i].amount);
        json_write_member_int(call->out, "multiples", rates[i].multiples);
        json_write_member_str(call->out, "unit", dw_str(rates[i].unit));
        json_write_member_int(call->out, "seconds", rates[i].seconds);
        buffer_append_char(call->out, '}');
    }
    buffer_append_char(call->out, ']');
    return DW_OK;
}

const struct op OPS_LIMIT[] = {
    { "ratelimit.parse", ratelimit_parse },
    { NULL },
};
