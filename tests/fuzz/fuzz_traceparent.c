/* Any bytes as the value of traceparent (W3C Trace Context §3.2): what is taken has the form to the letter, so that it
 * may stand in a line of the log as it is, and said again it is taken again. */
#include "fuzz.h"
#include "http/trace.h"

enum { TRACE_LEN = 32, PARENT_LEN = 16 };

static void check_id(struct dw_str id, size_t len)
{
    static const char DIGITS[] = "0123456789abcdef";
    size_t n_zeros = 0;

    CLAIM(id.len == len);
    for (size_t i = 0; i < id.len; i++) {
        CLAIM(id.ptr[i] != '\0' && strchr(DIGITS, id.ptr[i]) != NULL);
        n_zeros += id.ptr[i] == '0';
    }
    CLAIM(n_zeros < len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace trace, again;
    char text[64];

    if (!trace_parse(dw_str_n(data, size), &trace))
        return 0;
    check_id(trace.trace_id, TRACE_LEN);
    check_id(trace.parent_id, PARENT_LEN);
    const int len = snprintf(text, sizeof(text), "00-%.*s-%.*s-01", TRACE_LEN, trace.trace_id.ptr, PARENT_LEN,
                             trace.parent_id.ptr);
    CLAIM(trace_parse(dw_str_n(text, (size_t)len), &again));
    CLAIM(dw_str_eq(trace.trace_id, again.trace_id) && dw_str_eq(trace.parent_id, again.parent_id));
    return 0;
}
