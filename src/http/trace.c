#include "http/trace.h"

/* version "-" trace-id "-" parent-id "-" flags (§3.2.2) */
enum { VERSION_LEN = 2, TRACE_LEN = 32, PARENT_LEN = 16, FLAGS_LEN = 2,
       TRACE_AT = VERSION_LEN + 1, PARENT_AT = TRACE_AT + TRACE_LEN + 1, FLAGS_AT = PARENT_AT + PARENT_LEN + 1,
       VALUE_LEN = FLAGS_AT + FLAGS_LEN, VALUE_MAX = 512 };

/* Lower case alone (§3.2.1). */
static bool is_hex(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] < '0' || s.ptr[i] > '9') && (s.ptr[i] < 'a' || s.ptr[i] > 'f'))
            return false;
    return true;
}

static bool is_zero(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != '0')
            return false;
    return true;
}

/* A later version may go on behind another dash (§4.3); version ff is none. */
static bool has_right_end(struct dw_str value)
{
    const struct dw_str version = dw_str_n(value.ptr, VERSION_LEN);

    if (!is_hex(version) || dw_str_eq(version, DW_STR("ff")))
        return false;
    return value.len == VALUE_LEN || (!dw_str_eq(version, DW_STR("00")) && value.ptr[VALUE_LEN] == '-');
}

bool trace_parse(struct dw_str value, struct trace *ret_trace)
{
    if (value.len < VALUE_LEN || value.len > VALUE_MAX || !has_right_end(value))
        return false;
    const struct trace trace = { .trace_id = dw_str_n(value.ptr + TRACE_AT, TRACE_LEN),
                                 .parent_id = dw_str_n(value.ptr + PARENT_AT, PARENT_LEN) };

    if (value.ptr[TRACE_AT - 1] != '-' || value.ptr[PARENT_AT - 1] != '-' || value.ptr[FLAGS_AT - 1] != '-')
        return false;
    if (!is_hex(trace.trace_id) || !is_hex(trace.parent_id) || !is_hex(dw_str_n(value.ptr + FLAGS_AT, FLAGS_LEN)))
        return false;
    if (is_zero(trace.trace_id) || is_zero(trace.parent_id))
        return false;
    *ret_trace = trace;
    return true;
}

bool trace_of_request(const struct dw_request *r, struct trace *ret_trace)
{
    static const struct dw_str NAME = DW_STR_INIT("traceparent");
    const struct http_header *found = NULL;

    for (unsigned i = 0; i < r->n_headers; i++) {
        if (r->headers[i].name.len != NAME.len || !dw_str_eq_nocase(r->headers[i].name, NAME))
            continue;
        if (found != NULL)
            return false;
        found = &r->headers[i];
    }
    return found != NULL && trace_parse(found->value, ret_trace);
}
