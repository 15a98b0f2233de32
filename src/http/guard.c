#include "http/guard.h"

#include "base/log.h"
#include "http/metrics.h"
#include <llhttp.h>

static const struct dw_str SINGLE_NAMES[GUARD_SINGLE_COUNT] = {
    [GUARD_AUTHORIZATION] = DW_STR_INIT("Authorization"),
    [GUARD_CONTENT_LENGTH] = DW_STR_INIT("Content-Length"),
    [GUARD_CONTENT_TYPE] = DW_STR_INIT("Content-Type"),
    [GUARD_HOST] = DW_STR_INIT("Host"),
    [GUARD_TRANSFER_ENCODING] = DW_STR_INIT("Transfer-Encoding"),
};

/* The lengths of the names above as bits, so that most headers cost one test. */
#define LENGTH_BIT(literal) (1U << (sizeof(literal) - 1))
static const uint32_t SINGLE_LENGTHS = LENGTH_BIT("Authorization") | LENGTH_BIT("Content-Length") |
                                       LENGTH_BIT("Content-Type") | LENGTH_BIT("Host") |
                                       LENGTH_BIT("Transfer-Encoding");

static void guard_count(struct guard_facts *f)
{
    for (unsigned i = 0; i < f->request->n_headers; i++) {
        const struct http_header *header = &f->request->headers[i];
        if (header->name.len >= 32 || (SINGLE_LENGTHS >> header->name.len & 1) == 0)
            continue;
        for (unsigned k = 0; k < GUARD_SINGLE_COUNT; k++)
            if (header->name.len == SINGLE_NAMES[k].len && dw_str_eq_nocase(header->name, SINGLE_NAMES[k])) {
                f->counts[k]++;
                f->values[k] = header->value;
            }
    }
}

static bool is_other_version(const struct guard_facts *f)
{
    return f->major != 1 || f->minor > 1;
}

/* llhttp takes several blanks around the target; RFC 9112 §3 has one. */
static bool is_loose_request_line(const struct guard_facts *f)
{
    const char *before = f->line + f->request->method_text.len;
    const char *after = f->target.ptr + f->target.len;

    return before[0] != ' ' || before + 1 != f->target.ptr || after[0] != ' ' || after[1] != 'H';
}

static bool has_repeated_single(const struct guard_facts *f)
{
    for (unsigned k = 0; k < GUARD_SINGLE_COUNT; k++)
        if (f->counts[k] > 1)
            return true;
    return false;
}

static bool lacks_host(const struct guard_facts *f)
{
    return f->counts[GUARD_HOST] == 0 && f->minor != 0; /* HTTP/1.0 knew none */
}

/* uri-host [":" port] (RFC 9110 §7.2, RFC 3986 §3.2.2), without the characters that separate lists. */
static const bool HOST_CHARS[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true, ['.'] = true, ['_'] = true,
    ['~'] = true,         ['!'] = true,         ['$'] = true,         ['&'] = true, ['\''] = true, ['('] = true,
    [')'] = true,         ['*'] = true,         ['+'] = true,         ['='] = true, ['%'] = true, [':'] = true,
    ['['] = true,         [']'] = true,
};

static bool has_odd_host(const struct guard_facts *f)
{
    const struct dw_str host = f->values[GUARD_HOST];

    if (f->counts[GUARD_HOST] == 0)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (!HOST_CHARS[(unsigned char)host.ptr[i]])
            return true;
    return host.len == 0;
}

static bool has_coding_besides_chunked(const struct guard_facts *f)
{
    return f->counts[GUARD_TRANSFER_ENCODING] > 0 &&
           !dw_str_eq_nocase(f->values[GUARD_TRANSFER_ENCODING], DW_STR("chunked"));
}

static bool has_coding_and_length(const struct guard_facts *f)
{
    return f->counts[GUARD_TRANSFER_ENCODING] > 0 && f->counts[GUARD_CONTENT_LENGTH] > 0;
}

static bool has_coding_in_1_0(const struct guard_facts *f)
{
    return f->counts[GUARD_TRANSFER_ENCODING] > 0 && f->minor == 0;
}

static const struct refusal {
    bool (*applies)(const struct guard_facts *facts);
    enum dw_err err;
    const char *why;
} REFUSALS[] = {
    { is_other_version, DW_ERR_HTTP_VERSION, "neither HTTP/1.0 nor HTTP/1.1" },
    { is_loose_request_line, DW_ERR_BAD_REQUEST, "blanks in the request line" },
    { has_repeated_single, DW_ERR_BAD_REQUEST, "a header that may stand once stands twice" },
    { lacks_host, DW_ERR_BAD_REQUEST, "no Host" },
    { has_odd_host, DW_ERR_BAD_REQUEST, "Host is no host" },
    { has_coding_besides_chunked, DW_ERR_BAD_REQUEST, "a transfer coding besides chunked" },
    { has_coding_and_length, DW_ERR_BAD_REQUEST, "Transfer-Encoding with Content-Length" },
    { has_coding_in_1_0, DW_ERR_BAD_REQUEST, "Transfer-Encoding in HTTP/1.0" },
};
_Static_assert(ARRAY_SIZE(REFUSALS) == GUARD_REASON_SYNTAX, "each row has its word below");

const char *const GUARD_REASONS[GUARD_REASON_COUNT] = {
    "version", "request_line", "repeated_header", "no_host", "odd_host", "coding", "coding_and_length",
    "coding_in_1_0", "syntax",
};

enum dw_err guard_check(struct guard_facts *facts)
{
    guard_count(facts);
    for (size_t i = 0; i < ARRAY_SIZE(REFUSALS); i++)
        if (REFUSALS[i].applies(facts)) {
            log_event(LOG_DEBUG, "request_refused", LOG_CSTR("why", REFUSALS[i].why));
            metric_add(&HTTP_MALFORMED, (unsigned)i, 1);
            return REFUSALS[i].err;
        }
    return DW_OK;
}

enum dw_err guard_parser_error(int llhttp_errno)
{
    metric_add(&HTTP_MALFORMED, GUARD_REASON_SYNTAX, 1);
    switch (llhttp_errno) {
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE: /* "PRI * HTTP/2.0" */
        return DW_ERR_HTTP_VERSION;
    default:
        return DW_ERR_BAD_REQUEST;
    }
}
