#include "http/message.h"

#include "http/trace.h"
#include "http/websocket.h"

#define HTTP_STATUSES(X)                                                                                               \
    X(101, "Switching Protocols")                                                                                      \
    X(200, "OK")                                                                                                       \
    X(201, "Created")                                                                                                  \
    X(202, "Accepted")                                                                                                 \
    X(204, "No Content")                                                                                               \
    X(206, "Partial Content")                                                                                          \
    X(301, "Moved Permanently")                                                                                        \
    X(302, "Found")                                                                                                    \
    X(303, "See Other")                                                                                                \
    X(304, "Not Modified")                                                                                             \
    X(307, "Temporary Redirect")                                                                                       \
    X(308, "Permanent Redirect")                                                                                       \
    X(400, "Bad Request")                                                                                              \
    X(401, "Unauthorized")                                                                                             \
    X(403, "Forbidden")                                                                                                \
    X(404, "Not Found")                                                                                                \
    X(405, "Method Not Allowed")                                                                                       \
    X(406, "Not Acceptable")                                                                                           \
    X(408, "Request Timeout")                                                                                          \
    X(409, "Conflict")                                                                                                 \
    X(410, "Gone")                                                                                                     \
    X(411, "Length Required")                                                                                          \
    X(412, "Precondition Failed")                                                                                      \
    X(413, "Content Too Large")                                                                                        \
    X(414, "URI Too Long")                                                                                             \
    X(415, "Unsupported Media Type")                                                                                   \
    X(417, "Expectation Failed")                                                                                       \
    X(421, "Misdirected Request")                                                                                      \
    X(422, "Unprocessable Content")                                                                                    \
    X(426, "Upgrade Required")                                                                                         \
    X(428, "Precondition Required")                                                                                    \
    X(429, "Too Many Requests")                                                                                        \
    X(431, "Request Header Fields Too Large")                                                                          \
    X(500, "Internal Server Error")                                                                                    \
    X(501, "Not Implemented")                                                                                          \
    X(502, "Bad Gateway")                                                                                              \
    X(503, "Service Unavailable")                                                                                      \
    X(504, "Gateway Timeout")                                                                                          \
    X(505, "HTTP Version Not Supported")

struct dw_str http_status_line(int status)
{
    switch (status) {
#define STATUS_LINE(code, reason)                                                                                      \
    case code:                                                                                                         \
        return DW_STR("HTTP/1.1 " #code " " reason "\r\n");
        HTTP_STATUSES(STATUS_LINE)
#undef STATUS_LINE
    default:
        return dw_str_n(NULL, 0);
    }
}

const char *http_reason(int status)
{
    switch (status) {
#define STATUS_REASON(code, reason)                                                                                    \
    case code:                                                                                                         \
        return reason;
        HTTP_STATUSES(STATUS_REASON)
#undef STATUS_REASON
    default:
        return "";
    }
}

static const char *const METHOD_NAMES[DW_METHOD_COUNT] = {
    [DW_OTHER_METHOD] = "OTHER", [DW_GET] = "GET",     [DW_HEAD] = "HEAD",     [DW_POST] = "POST",
    [DW_PUT] = "PUT",            [DW_PATCH] = "PATCH", [DW_DELETE] = "DELETE", [DW_OPTIONS] = "OPTIONS",
};

const char *dw_method_name(enum dw_method method)
{
    return method < DW_METHOD_COUNT ? METHOD_NAMES[method] : METHOD_NAMES[DW_OTHER_METHOD];
}

enum dw_method http_method_by_name(struct dw_str name)
{
    for (unsigned method = DW_GET; method < DW_METHOD_COUNT; method++)
        if (dw_str_eq(name, dw_str(METHOD_NAMES[method])))
            return (enum dw_method)method;
    return DW_OTHER_METHOD;
}

/* --- ids -------------------------------------------------------------------------------------------------------- */

static void id_write_hex(uint64_t value, char ret_digits[16])
{
    for (int i = 15; i >= 0; i--, value >>= 4)
        ret_digits[i] = "0123456789abcdef"[value & 15];
}

void http_id_source_init(struct http_id_source *source)
{
    uint64_t random[3];

    dw_random(random, sizeof(random));
    id_write_hex(random[0], source->prefix);
    source->key = random[1];
    source->counter = random[2];
}

/* splitmix64's finalizer: a bijection, so that ids of one prefix can't meet. */
static uint64_t id_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

void http_id_make(struct http_id_source *source, char ret_id[HTTP_REQUEST_ID_SIZE])
{
    memcpy(ret_id, source->prefix, sizeof(source->prefix));
    id_write_hex(id_mix(source->key + ++source->counter * 0x9e3779b97f4a7c15U), ret_id + sizeof(source->prefix));
    ret_id[HTTP_REQUEST_ID_SIZE - 1] = '\0';
}

void http_request_begin_call(struct dw_request *r)
{
    struct http_id_source source;

    http_id_source_init(&source);
    http_id_make(&source, r->id);
    r->started_ns = clock_monotonic_ns();
    r->may_block = r->may_hash = true;
}

/* --- life of a request ------------------------------------------------------------------------------------------ */

/* Of a caller's trace the line tells the ids, and one of our own: what we do in it (W3C Trace Context §2.2). */
static unsigned request_log_fields(const struct log_context *self, struct log_field ret_fields[LOG_CONTEXT_MAX])
{
    enum { SPAN_LEN = 16 };
    const struct dw_request *r = container_of(self, struct dw_request, log);
    const struct dw_str id = dw_str(r->id);
    struct trace trace;
    unsigned n = 0;

    if (id.len < SPAN_LEN)
        return 0;
    ret_fields[n++] = (struct log_field)LOG_STR("request_id", id);
    if (!trace_of_request(r, &trace))
        return n;
    ret_fields[n++] = (struct log_field)LOG_STR("trace_id", trace.trace_id);
    ret_fields[n++] = (struct log_field)LOG_STR("span_id", dw_str_n(id.ptr + id.len - SPAN_LEN, SPAN_LEN));
    ret_fields[n++] = (struct log_field)LOG_STR("parent_id", trace.parent_id);
    return n;
}

enum dw_err http_request_new(struct dw_request **ret_request)
{
    _cleanup_free_ struct dw_request *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(dw_arena_new(HTTP_ARENA_LIMIT, &r->arena));
    r->log.fields = request_log_fields;
    r->status = 200;
    r->head = (struct buffer)BUFFER_INIT(HTTP_ANSWER_HEAD_LIMIT);
    r->answer = (struct buffer)BUFFER_INIT(HTTP_ANSWER_LIMIT);
    *ret_request = TAKE_PTR(r);
    return DW_OK;
}

static void buffer_empty(struct buffer *b)
{
    if (b->capacity > HTTP_KEPT_BUFFER)
        buffer_free(b);
    buffer_reset(b);
}

void http_request_reset(struct dw_request *r)
{
    websocket_free(&r->upgrade);
    dw_arena_reset(r->arena);
    buffer_empty(&r->head);
    buffer_empty(&r->answer);
    buffer_empty(&r->body_bytes);
    r->method = DW_OTHER_METHOD;
    r->method_text = r->path = r->query = r->body = r->answer_static = dw_str_n(NULL, 0);
    r->n_headers = 0;
    r->started_ns = r->ended_ns = 0;
    r->may_block = r->may_hash = r->close = r->broken = r->is_https = r->is_http_1_0 = false;
    r->status = 200;
    r->content_type = NULL;
    r->lead_size = 0;
    r->state = NULL;
    r->work = NULL;
}

void http_request_free(struct dw_request **r)
{
    if (*r == NULL)
        return;
    websocket_free(&(*r)->upgrade);
    dw_arena_free(&(*r)->arena);
    buffer_free(&(*r)->head);
    buffer_free(&(*r)->answer);
    buffer_free(&(*r)->body_bytes);
    free(*r);
    *r = NULL;
}

/* What may stand in a target: RFC 3986 is narrower, but browsers send the rest. A fragment never travels (RFC 9112
 * §3.2), and a blank or control character would end the request line for somebody else. */
static bool target_is_clean(struct dw_str target)
{
    for (size_t i = 0; i < target.len; i++) {
        const unsigned char c = (unsigned char)target.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '#')
            return false;
    }
    return true;
}

enum dw_err http_request_set_target(struct dw_request *r, struct dw_str target)
{
    const bool is_asterisk = dw_str_eq(target, DW_STR("*"));

    if (target.len == 0 || (target.ptr[0] != '/' && !is_asterisk) || (is_asterisk && r->method != DW_OPTIONS))
        return DW_ERR_BAD_REQUEST;
    if (!target_is_clean(target))
        return DW_ERR_BAD_REQUEST;
    const char *mark = memchr(target.ptr, '?', target.len);
    r->path = dw_str_n(target.ptr, mark != NULL ? (size_t)(mark - target.ptr) : target.len);
    r->query = mark != NULL ? dw_str_n(mark + 1, target.len - r->path.len - 1) : dw_str_n(NULL, 0);
    return DW_OK;
}

/* --- reading the request ---------------------------------------------------------------------------------------- */

enum dw_method dw_request_method(const struct dw_request *r)
{
    return r == NULL ? DW_OTHER_METHOD : r->method;
}

struct dw_str dw_request_path(const struct dw_request *r)
{
    return r == NULL ? dw_str_n(NULL, 0) : r->path;
}

struct dw_str dw_request_query(const struct dw_request *r)
{
    return r == NULL ? dw_str_n(NULL, 0) : r->query;
}

struct dw_str dw_request_header(const struct dw_request *r, const char *name)
{
    const struct dw_str wanted = dw_str(name);

    for (unsigned i = 0; r != NULL && i < r->n_headers; i++)
        if (r->headers[i].name.len == wanted.len && dw_str_eq_nocase(r->headers[i].name, wanted))
            return r->headers[i].value;
    return dw_str_n(NULL, 0);
}

struct dw_str dw_request_body(const struct dw_request *r)
{
    return r == NULL ? dw_str_n(NULL, 0) : r->body;
}

static struct dw_str str_trim(struct dw_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = dw_str_n(s.ptr + 1, s.len - 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Takes the next "name=value" off a Cookie header; false at its end. */
static bool cookie_next(struct dw_str *rest, struct dw_str *ret_name, struct dw_str *ret_value)
{
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->ptr, ';', rest->len);
    const struct dw_str pair = dw_str_n(rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len);
    const size_t taken = MIN_OF(pair.len + 1, rest->len);
    *rest = dw_str_n(rest->ptr + taken, rest->len - taken);

    const char *equals = memchr(pair.ptr, '=', pair.len);
    const size_t name_len = equals != NULL ? (size_t)(equals - pair.ptr) : 0;
    *ret_name = str_trim(dw_str_n(pair.ptr, name_len));
    *ret_value = equals != NULL ? str_trim(dw_str_n(equals + 1, pair.len - name_len - 1)) : dw_str_n(NULL, 0);
    return true;
}

struct dw_str dw_request_cookie(const struct dw_request *r, const char *name)
{
    const struct dw_str wanted = dw_str(name);
    struct dw_str found_name, value;

    for (unsigned i = 0; r != NULL && i < r->n_headers; i++) {
        if (!dw_str_eq_nocase(r->headers[i].name, DW_STR("Cookie")))
            continue;
        for (struct dw_str rest = r->headers[i].value; cookie_next(&rest, &found_name, &value);)
            if (!dw_str_is_absent(value) && dw_str_eq(found_name, wanted))
                return value;
    }
    return dw_str_n(NULL, 0);
}

struct dw_str dw_request_peer(const struct dw_request *r)
{
    return dw_str(r == NULL ? NULL : r->peer);
}

bool dw_request_is_https(const struct dw_request *r)
{
    return r != NULL && r->is_https;
}

struct dw_str dw_request_id(const struct dw_request *r)
{
    return dw_str(r == NULL ? NULL : r->id);
}

struct dw_arena *dw_request_arena(struct dw_request *r)
{
    return r == NULL ? NULL : r->arena;
}

bool dw_request_may_block(const struct dw_request *r)
{
    return r != NULL && r->may_block;
}

bool dw_request_may_hash(const struct dw_request *r)
{
    return r != NULL && r->may_hash;
}
