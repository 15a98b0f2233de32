/* traceparent as W3C Trace Context writes it, and all that looks like it. */
#include "../check.h"

#include "http/trace.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define ZEROS "00000000000000000000000000000000"

static const struct {
    const char *value;
    bool is_valid;
} CASES[] = {
    { "00-" TRACE "-" PARENT "-01", true },
    { "00-" TRACE "-" PARENT "-00", true },
    { "00-" TRACE "-" PARENT "-ff", true },
    { "01-" TRACE "-" PARENT "-01", true },
    { "cc-" TRACE "-" PARENT "-01-what-the-future-brings", true },
    { "cc-" TRACE "-" PARENT "-01-", true },
    { "", false },
    { "00", false },
    { "00-" TRACE "-" PARENT "-0", false },
    { "00-" TRACE "-" PARENT, false },
    { "00-" TRACE "-" PARENT "-01-", false },
    { "00-" TRACE "-" PARENT "-01 ", false },
    { "00-" TRACE "-" PARENT "-01-more", false },
    { "cc-" TRACE "-" PARENT "-01.what", false },
    { "cc-" TRACE "-" PARENT "-012", false },
    { "ff-" TRACE "-" PARENT "-01", false },
    { "FF-" TRACE "-" PARENT "-01", false },
    { "0x-" TRACE "-" PARENT "-01", false },
    { " 00-" TRACE "-" PARENT "-01", false },
    { "00-" ZEROS "-" PARENT "-01", false },
    { "00-" TRACE "-0000000000000000-01", false },
    { "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false },
    { "00-" TRACE "-00F067AA0BA902B7-01", false },
    { "00-" TRACE "-" PARENT "-0g", false },
    { "00-" TRACE "-" PARENT "-0A", false },
    { "00_" TRACE "-" PARENT "-01", false },
    { "00-" TRACE "_" PARENT "-01", false },
    { "00-" TRACE "-" PARENT "_01", false },
    { "00-4bf92f3577b34da6a3ce929d0e0e473-0" PARENT "-01", false },
    { "00-4bf92f3577b34da6a3ce929d0e0e473\"-" PARENT "-01", false },
    { "00-" TRACE "-" PARENT "-01,00-" TRACE "-" PARENT "-01", false },
};

static void test_values(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        struct trace trace = { 0 };

        if (trace_parse(dw_str(CASES[i].value), &trace) != CASES[i].is_valid)
            fail_msg("%s", CASES[i].value);
        if (!CASES[i].is_valid) {
            assert_null(trace.trace_id.ptr);
            continue;
        }
        check_str(DW_STR(TRACE), trace.trace_id, CASES[i].value);
        check_str(DW_STR(PARENT), trace.parent_id, CASES[i].value);
    }
}

/* Every byte of a good value replaced by every other: only hex digits in the place of hex digits are as good, and
 * nothing outside is read. The value stands at the end of its memory, for the sanitizer to see. */
static void test_every_byte(void **state)
{
    static const char GOOD[] = "00-" TRACE "-" PARENT "-01";
    const size_t len = sizeof(GOOD) - 1;

    for (size_t at = 0; at < len; at++)
        for (int byte = 0; byte < 256; byte++) {
            _cleanup_free_ char *value = malloc(len);
            struct trace trace;

            assert_non_null(value);
            memcpy(value, GOOD, len);
            value[at] = (char)byte;
            const bool is_hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
            const bool expected = GOOD[at] == '-' ? byte == '-' : is_hex;
            if (trace_parse(dw_str_n(value, len), &trace) != expected)
                fail_msg("byte %d at %zu", byte, at);
        }
    for (size_t n = 0; n < len; n++) {
        _cleanup_free_ char *value = malloc(MAX_OF(n, (size_t)1));
        struct trace trace;

        assert_non_null(value);
        memcpy(value, GOOD, n);
        assert_false(trace_parse(dw_str_n(value, n), &trace));
    }
    assert_false(trace_parse(dw_str_n(NULL, 0), &(struct trace){ 0 }));
}

static struct dw_request *request_with(const char *name, const char *other_name, const char *value)
{
    struct dw_request *r = NULL;

    CHECK_OK(http_request_new(&r));
    r->headers[r->n_headers++] = (struct http_header){ DW_STR("Host"), DW_STR("x") };
    r->headers[r->n_headers++] = (struct http_header){ dw_str(name), dw_str(value) };
    if (other_name != NULL)
        r->headers[r->n_headers++] = (struct http_header){ dw_str(other_name), dw_str(value) };
    return r;
}

static void test_requests(void **state)
{
    static const char VALUE[] = "00-" TRACE "-" PARENT "-01";
    static const struct {
        const char *name, *other_name;
        bool is_found;
    } ROWS[] = {
        { "traceparent", NULL, true },
        { "TraceParent", NULL, true },
        { "traceparent", "traceparent", false },
        { "traceparent", "Traceparent", false },
        { "tracestate", NULL, false },
        { "traceparents", NULL, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(http_request_free) struct dw_request *r = request_with(ROWS[i].name, ROWS[i].other_name, VALUE);
        struct trace trace;

        assert_int_equal(trace_of_request(r, &trace), ROWS[i].is_found);
    }
}

/* What lines about a request carry. */
static void test_log_fields(void **state)
{
    _cleanup_(http_request_free) struct dw_request *r = request_with("traceparent", NULL, "00-" TRACE "-" PARENT "-01");
    struct log_field fields[LOG_CONTEXT_MAX];

    assert_int_equal(r->log.fields(&r->log, fields), 0); /* it has no id yet */
    strcpy(r->id, "0123456789abcdeffedcba9876543210");
    assert_int_equal(r->log.fields(&r->log, fields), 4);
    check_str(dw_str(r->id), fields[0].str, fields[0].name);
    check_str(DW_STR(TRACE), fields[1].str, fields[1].name);
    check_str(DW_STR("fedcba9876543210"), fields[2].str, fields[2].name);
    check_str(DW_STR(PARENT), fields[3].str, fields[3].name);
    r->n_headers = 0;
    assert_int_equal(r->log.fields(&r->log, fields), 1);
}

CHECK_MAIN(cmocka_unit_test(test_values), cmocka_unit_test(test_every_byte), cmocka_unit_test(test_requests),
           cmocka_unit_test(test_log_fields))
