#include "http/parse.h"

#include "http/guard.h"

/* Trailers and chunk extensions are read over, but not for ever. */
enum { EXTRA_BYTES_MAX = 4096 };

static struct parse *parse_of(llhttp_t *llhttp)
{
    return container_of(llhttp, struct parse, llhttp);
}

static int parse_refuse(struct parse *p, enum dw_err err)
{
    p->error = err;
    return HPE_USER;
}

/* Makes `slice` longer by a piece that follows it; false when the piece stands elsewhere. */
static bool slice_extend(struct dw_str *slice, const char *at, size_t size)
{
    if (slice->ptr + slice->len != at)
        return false;
    slice->len += size;
    return true;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t size)
{
    struct parse *p = parse_of(llhttp);

    if (p->target.ptr == NULL)
        p->target = dw_str_n(at, size);
    else if (!slice_extend(&p->target, at, size))
        return parse_refuse(p, DW_ERR_BAD_REQUEST);
    if ((size_t)(at + size - p->line) + sizeof(" HTTP/1.1") - 1 > p->limits->max_request_line)
        return parse_refuse(p, DW_ERR_URI_TOO_LONG);
    return 0;
}

static int extra_count(struct parse *p, size_t size)
{
    p->extra_bytes += size;
    return p->extra_bytes > EXTRA_BYTES_MAX ? parse_refuse(p, DW_ERR_HEADERS_TOO_LARGE) : 0;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t size)
{
    return extra_count(parse_of(llhttp), size);
}

static bool fields_are_too_large(const struct parse *p, const char *end)
{
    return (size_t)(end - p->fields) > p->limits->max_header_bytes;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t size)
{
    struct parse *p = parse_of(llhttp);
    struct dw_request *r = p->request;

    if (p->is_head_complete)
        return extra_count(p, size); /* a trailer: RFC 9110 §6.5.1 lets us discard it */
    if (p->fields == NULL)
        p->fields = at;
    if (fields_are_too_large(p, at + size))
        return parse_refuse(p, DW_ERR_HEADERS_TOO_LARGE);
    if (r->n_headers > 0 && !p->has_value && slice_extend(&r->headers[r->n_headers - 1].name, at, size))
        return 0;
    if (r->n_headers >= p->limits->max_headers)
        return parse_refuse(p, DW_ERR_HEADERS_TOO_LARGE);
    r->headers[r->n_headers++] = (struct http_header){ dw_str_n(at, size), dw_str_n(at + size, 0) };
    p->has_value = false;
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t size)
{
    struct parse *p = parse_of(llhttp);
    struct dw_request *r = p->request;

    if (p->is_head_complete)
        return extra_count(p, size);
    if (r->n_headers == 0)
        return parse_refuse(p, DW_ERR_BAD_REQUEST);
    if (fields_are_too_large(p, at + size))
        return parse_refuse(p, DW_ERR_HEADERS_TOO_LARGE);
    struct dw_str *value = &r->headers[r->n_headers - 1].value;
    if (!p->has_value)
        *value = dw_str_n(at, size);
    else if (!slice_extend(value, at, size))
        return parse_refuse(p, DW_ERR_BAD_REQUEST);
    p->has_value = true;
    return 0;
}

/* llhttp's methods that we know, the others are DW_OTHER_METHOD. */
static const enum dw_method METHODS[HTTP_QUERY + 1] = {
    [HTTP_DELETE] = DW_DELETE, [HTTP_GET] = DW_GET,     [HTTP_HEAD] = DW_HEAD, [HTTP_POST] = DW_POST,
    [HTTP_PUT] = DW_PUT,       [HTTP_PATCH] = DW_PATCH, [HTTP_OPTIONS] = DW_OPTIONS,
};

static void parse_take_method(struct parse *p)
{
    const uint8_t method = p->llhttp.method;

    if (p->target.ptr == NULL)
        return; /* not known yet */
    p->request->method = method < ARRAY_SIZE(METHODS) ? METHODS[method] : DW_OTHER_METHOD;
    const char *end = memchr(p->line, ' ', (size_t)(p->target.ptr - p->line));
    p->request->method_text = dw_str_n(p->line, end != NULL ? (size_t)(end - p->line) : 0);
}

/* Blanks after a value are no part of it (RFC 9112 §5.1); llhttp has left out those before. */
static void headers_trim(struct dw_request *r)
{
    for (unsigned i = 0; i < r->n_headers; i++) {
        struct dw_str *value = &r->headers[i].value;
        while (value->len > 0 && (value->ptr[value->len - 1] == ' ' || value->ptr[value->len - 1] == '\t'))
            value->len--;
    }
}

static enum dw_err parse_check_head(struct parse *p)
{
    struct guard_facts facts = { .request = p->request, .target = p->target, .line = p->line,
                                 .major = p->llhttp.http_major, .minor = p->llhttp.http_minor };

    headers_trim(p->request);
    parse_take_method(p);
    TRY(guard_check(&facts));
    return http_request_set_target(p->request, p->target);
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct parse *p = parse_of(llhttp);

    p->is_head_complete = true;
    /* Or llhttp would take what follows a request with "Upgrade: h2c" for another protocol and give up. */
    llhttp->upgrade = 0;
    p->error = parse_check_head(p);
    if (p->error != DW_OK)
        return -1;
    return parse_has_body(p) ? HPE_PAUSED : 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t size)
{
    struct parse *p = parse_of(llhttp);
    struct dw_request *r = p->request;

    if (size > p->body_limit - r->body.len)
        return parse_refuse(p, DW_ERR_BODY_TOO_LARGE);
    if (!p->body_in_place) {
        buffer_append(&r->body_bytes, dw_str_n(at, size));
        r->body = buffer_str(&r->body_bytes);
        return buffer_error(&r->body_bytes) == DW_OK ? 0 : parse_refuse(p, buffer_error(&r->body_bytes));
    }
    if (r->body.ptr == NULL)
        r->body = dw_str_n(at, size);
    else if (!slice_extend(&r->body, at, size))
        return parse_refuse(p, DW_ERR_INTERNAL);
    return 0;
}

/* A request at a time: the next one waits in the buffer until this one is answered. */
static int on_message_complete(llhttp_t *llhttp)
{
    return HPE_PAUSED;
}

static const llhttp_settings_t SETTINGS = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
};

void parse_begin(struct parse *p, struct dw_request *request, const char *line)
{
    llhttp_init(&p->llhttp, HTTP_REQUEST, &SETTINGS);
    p->request = request;
    p->line = line;
    p->fields = NULL;
    p->target = dw_str_n(NULL, 0);
    p->error = DW_OK;
    p->is_head_complete = p->has_value = p->body_in_place = false;
    p->body_limit = 0;
    p->extra_bytes = 0;
}

/* A refused request is shown to the service without what may be half of it. */
static enum parse_result parse_end_refused(struct parse *p, int llhttp_errno)
{
    if (p->error == DW_OK)
        p->error = guard_parser_error(llhttp_errno);
    parse_take_method(p);
    if (!p->is_head_complete)
        p->request->n_headers = 0;
    p->request->body = dw_str_n(NULL, 0);
    return PARSE_REFUSED;
}

enum parse_result parse_feed(struct parse *p, const char *bytes, size_t size, size_t *ret_taken)
{
    const bool had_head = p->is_head_complete;

    if (had_head)
        llhttp_resume(&p->llhttp);
    const llhttp_errno_t result = llhttp_execute(&p->llhttp, bytes, size);
    *ret_taken = size;
    if (result == HPE_OK)
        return PARSE_MORE;
    if (result != HPE_PAUSED)
        return parse_end_refused(p, result);
    *ret_taken = (size_t)(llhttp_get_error_pos(&p->llhttp) - bytes);
    return !had_head && parse_has_body(p) ? PARSE_HEAD : PARSE_COMPLETE;
}

static void slice_rebase(struct dw_str *slice, const char *old_base, const char *new_base)
{
    if (slice->ptr != NULL)
        slice->ptr = new_base + (slice->ptr - old_base);
}

void parse_rebase(struct parse *p, const char *old_base, const char *new_base)
{
    struct dw_request *r = p->request;

    p->line = new_base + (p->line - old_base);
    if (p->fields != NULL)
        p->fields = new_base + (p->fields - old_base);
    slice_rebase(&p->target, old_base, new_base);
    slice_rebase(&r->path, old_base, new_base);
    slice_rebase(&r->query, old_base, new_base);
    slice_rebase(&r->method_text, old_base, new_base);
    for (unsigned i = 0; i < r->n_headers; i++) {
        slice_rebase(&r->headers[i].name, old_base, new_base);
        slice_rebase(&r->headers[i].value, old_base, new_base);
    }
}

bool parse_is_chunked(const struct parse *p)
{
    return (p->llhttp.flags & F_CHUNKED) != 0;
}

bool parse_has_body(const struct parse *p)
{
    return parse_is_chunked(p) || p->llhttp.content_length > 0;
}

bool parse_is_http_1_0(const struct parse *p)
{
    return p->llhttp.http_minor == 0;
}

bool parse_wants_to_stay(const struct parse *p)
{
    /* RFC 9112 §9.3: "close" wins; llhttp does not look for it in HTTP/1.0. */
    return llhttp_should_keep_alive(&p->llhttp) != 0 && (p->llhttp.flags & F_CONNECTION_CLOSE) == 0;
}
