#include "http/answer.h"

#include <time.h>

enum { STATUS_SWITCHING = 101, STATUS_UPGRADE = 426 };

/* RFC 9110 §5.6.2 */
static const bool TOKEN_CHARS[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true, ['#'] = true, ['$'] = true,
    ['%'] = true,         ['&'] = true,         ['\''] = true,        ['*'] = true, ['+'] = true, ['-'] = true,
    ['.'] = true,         ['^'] = true,         ['_'] = true,         ['`'] = true, ['|'] = true, ['~'] = true,
};

/* These frame the message: the engine writes them, nobody else. */
static const struct dw_str FRAMING_HEADERS[] = {
    DW_STR_INIT("Connection"),   DW_STR_INIT("Content-Length"),    DW_STR_INIT("Content-Type"),
    DW_STR_INIT("Date"),         DW_STR_INIT("Transfer-Encoding"),
};

bool http_is_token(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!TOKEN_CHARS[(unsigned char)s.ptr[i]])
            return false;
    return s.len > 0;
}

static bool header_name_is_good(struct dw_str name)
{
    if (!http_is_token(name))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(FRAMING_HEADERS); i++)
        if (name.len == FRAMING_HEADERS[i].len && dw_str_eq_nocase(name, FRAMING_HEADERS[i]))
            return false;
    return true;
}

static bool header_value_is_good(struct dw_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        const unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

void dw_answer_status(struct dw_request *r, int status)
{
    if (r == NULL)
        return;
    r->status = status;
}

void dw_answer_header(struct dw_request *r, const char *name, struct dw_str value)
{
    const struct dw_str name_str = dw_str(name);

    if (r == NULL)
        return;
    if (!header_name_is_good(name_str) || !header_value_is_good(value)) {
        r->broken = true;
        return;
    }
    buffer_append(&r->head, name_str);
    buffer_append_literal(&r->head, ": ");
    buffer_append(&r->head, value);
    buffer_append_literal(&r->head, "\r\n");
}

void dw_answer_body(struct dw_request *r, const char *content_type, struct dw_str body)
{
    if (r == NULL)
        return;
    r->content_type = content_type;
    r->answer_static = dw_str_n(NULL, 0);
    buffer_reset(&r->answer);
    buffer_append(&r->answer, body);
}

void dw_answer_body_static(struct dw_request *r, const char *content_type, struct dw_str body)
{
    if (r == NULL)
        return;
    r->content_type = content_type;
    r->answer_static = body;
}

void http_answer_clear(struct dw_request *r)
{
    r->status = 200;
    buffer_reset(&r->head);
    buffer_reset(&r->answer);
    r->answer_static = dw_str_n(NULL, 0);
    r->content_type = NULL;
    r->broken = false;
}

/* --- the way out ------------------------------------------------------------------------------------------------ */

static bool answer_is_broken(const struct dw_request *r)
{
    if (r->broken || buffer_error(&r->head) != DW_OK || buffer_error(&r->answer) != DW_OK)
        return true;
    return r->status == STATUS_SWITCHING ? r->upgrade == NULL : r->status < 200 || r->status > 599;
}

static bool content_type_is_good(const char *content_type)
{
    return content_type == NULL ||
           (strlen(content_type) <= HTTP_CONTENT_TYPE_MAX && header_value_is_good(dw_str(content_type)));
}

void answer_complete(struct dw_request *r, const struct http_service *service)
{
    if (answer_is_broken(r) || !content_type_is_good(r->content_type)) {
        http_answer_clear(r);
        service->refuse(service->context, r, DW_ERR_INTERNAL);
        r->broken = r->broken || !content_type_is_good(r->content_type);
    }
    service->finish_head(service->context, r);
    buffer_append_literal(&r->head, "\r\n");
    if (!answer_is_broken(r))
        return;
    http_answer_clear(r); /* The error page is broken too: a bare 500. */
    r->status = 500;
    buffer_append_literal(&r->head, "\r\n");
}

static char *put(char *out, struct dw_str s)
{
    memcpy(out, s.ptr, s.len);
    return out + s.len;
}

#define PUT_LITERAL(out, literal) put((out), DW_STR(literal))

static char *put_number(char *out, size_t value)
{
    char digits[24];
    size_t start = sizeof(digits);

    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put(out, dw_str_n(digits + start, sizeof(digits) - start));
}

static char *put_status_line(char *out, int status)
{
    const struct dw_str line = http_status_line(status);

    if (!dw_str_is_absent(line))
        return put(out, line);
    out = PUT_LITERAL(out, "HTTP/1.1 ");
    out = put_number(out, (size_t)status);
    return PUT_LITERAL(out, " \r\n"); /* RFC 9112 §4: the blank stays, the reason may be empty */
}

static bool status_has_content(int status)
{
    /* RFC 9110 §6.4.1; no Content-Length either, §8.6 */
    return status != STATUS_SWITCHING && status != 204 && status != 304;
}

static struct dw_str answer_content(const struct dw_request *r)
{
    return dw_str_is_absent(r->answer_static) ? buffer_str(&r->answer) : r->answer_static;
}

static void answer_write_lead(struct dw_request *r, const struct answer_framing *framing)
{
    char *out = put_status_line(r->lead, r->status);

    out = put(out, framing->date_line);
    if (status_has_content(r->status)) {
        if (r->content_type != NULL) {
            out = PUT_LITERAL(out, "Content-Type: ");
            out = put(out, dw_str(r->content_type));
            out = PUT_LITERAL(out, "\r\n");
        }
        out = PUT_LITERAL(out, "Content-Length: ");
        out = put_number(out, answer_content(r).len);
        out = PUT_LITERAL(out, "\r\n");
    }
    /* RFC 9110 §7.8: the one who sends Upgrade names it here. */
    if (r->status == STATUS_SWITCHING || (r->status == STATUS_UPGRADE && framing->keep))
        out = PUT_LITERAL(out, "Connection: Upgrade\r\n");
    else if (!framing->keep)
        out = r->status == STATUS_UPGRADE ? PUT_LITERAL(out, "Connection: close, Upgrade\r\n")
                                          : PUT_LITERAL(out, "Connection: close\r\n");
    else if (framing->is_http_1_0)
        out = PUT_LITERAL(out, "Connection: keep-alive\r\n");
    r->lead_size = (size_t)(out - r->lead);
}

unsigned answer_pieces(struct dw_request *r, const struct answer_framing *framing,
                       struct dw_str ret_pieces[ANSWER_PIECES])
{
    const struct dw_str content = answer_content(r);

    answer_write_lead(r, framing);
    ret_pieces[0] = dw_str_n(r->lead, r->lead_size);
    /* Without memory for the blank line the last-resort 500 still ends its head. */
    ret_pieces[1] = r->head.len > 0 ? buffer_str(&r->head) : DW_STR("\r\n");
    if (content.len == 0 || r->method == DW_HEAD || !status_has_content(r->status))
        return 2;
    ret_pieces[2] = content;
    return 3;
}

struct dw_str answer_date_line(int64_t unix_s, char ret_line[ANSWER_DATE_SIZE])
{
    static const char DAYS[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char MONTHS[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    const time_t moment = (time_t)unix_s;
    struct tm utc = { 0 };

    if (gmtime_r(&moment, &utc) == NULL)
        return dw_str_n(ret_line, 0);
    const int length = snprintf(ret_line, ANSWER_DATE_SIZE, "Date: %s, %02u %s %04u %02u:%02u:%02u GMT\r\n",
                                DAYS[utc.tm_wday % 7], (unsigned)utc.tm_mday % 32, MONTHS[utc.tm_mon % 12],
                                (unsigned)(utc.tm_year + 1900) % 10000, (unsigned)utc.tm_hour % 24,
                                (unsigned)utc.tm_min % 60, (unsigned)utc.tm_sec % 61);
    return dw_str_n(ret_line, length > 0 && length < ANSWER_DATE_SIZE ? (size_t)length : 0);
}
