/* Any bytes as what an HTTP client sends, in pieces whose size is the first byte. Read whole and in pieces they must
 * say the same, and what is taken for a header must be one in the narrowest reading: each line ends in CR LF and is a
 * header of its own, and one of Content-Length and Transfer-Encoding says how long the body is. */
#include "fuzz.h"
#include "http/handshake.h"
#include "http/input.h"
#include "http/trace.h"

enum { BODY_MAX = 4096, IN_PLACE_MAX = 512, HEADERS_MAX = 8, TRANSCRIPT_MAX = 8 << 20 };

static const struct parse_limits LIMITS = { .max_request_line = 256, .max_header_bytes = 1024,
                                            .max_headers = HEADERS_MAX };

struct reading {
    struct input in;
    struct input_store store;
    struct dw_request *request;
    struct parse parse;
    bool has_begun;
    size_t body_at; /* where the header ends */
    struct buffer *transcript;
};

/* --- what a header may be ---------------------------------------------------------------------------------------- */

static unsigned count_header(const struct dw_request *r, struct dw_str name)
{
    unsigned n = 0;

    for (unsigned i = 0; i < r->n_headers; i++)
        n += dw_str_eq_nocase(r->headers[i].name, name);
    return n;
}

static void check_lines(struct dw_str head, unsigned n_headers)
{
    unsigned n_lines = 0;

    CLAIM(head.len >= 4 && memcmp(head.ptr + head.len - 4, "\r\n\r\n", 4) == 0);
    for (size_t i = 0; i < head.len; i++) {
        CLAIM(head.ptr[i] != '\0');
        CLAIM(head.ptr[i] != '\n' || (i > 0 && head.ptr[i - 1] == '\r'));
        CLAIM(head.ptr[i] != '\r' || (i + 1 < head.len && head.ptr[i + 1] == '\n'));
        n_lines += head.ptr[i] == '\n';
    }
    CLAIM(n_lines == n_headers + 2); /* the request line, and the empty one */
}

static void check_head(const struct reading *reading)
{
    const struct dw_request *r = reading->request;
    const char *line = reading->parse.line;
    const unsigned codings = count_header(r, DW_STR("Transfer-Encoding"));
    const unsigned lengths = count_header(r, DW_STR("Content-Length"));

    check_lines(dw_str_n(line, (size_t)(reading->in.ptr + reading->in.pos - line)), r->n_headers);
    CLAIM(r->n_headers <= HEADERS_MAX && codings + lengths <= 1 && count_header(r, DW_STR("Host")) <= 1);
    CLAIM(parse_is_chunked(&reading->parse) == (codings == 1));
    CLAIM(parse_has_body(&reading->parse) == (codings == 1 || parse_content_length(&reading->parse) > 0));
    for (unsigned i = 0; i < r->n_headers; i++) {
        CLAIM(http_is_token(r->headers[i].name));
        for (size_t k = 0; k < r->headers[i].value.len; k++)
            CLAIM((unsigned char)r->headers[i].value.ptr[k] >= ' ' || r->headers[i].value.ptr[k] == '\t');
    }
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void note(struct reading *reading)
{
    const struct dw_request *r = reading->request;
    struct buffer *b = reading->transcript;
    struct handshake handshake;
    struct trace trace;

    CLAIM(r->body.len <= BODY_MAX);
    buffer_append(b, r->method_text);
    buffer_append(b, r->path);
    buffer_append(b, r->query);
    for (unsigned i = 0; i < r->n_headers; i++) {
        buffer_append(b, r->headers[i].name);
        buffer_append_char(b, ':');
        buffer_append(b, r->headers[i].value);
    }
    buffer_append(b, r->body);
    buffer_append_int(b, handshake_read(r, &handshake));
    buffer_append_char(b, parse_wants_to_stay(&reading->parse) ? '+' : '-');
    if (trace_of_request(r, &trace))
        buffer_append(b, trace.trace_id);
}

/* As the engine does it: a short body stands behind its header, another is gathered elsewhere. */
static void place_body(struct reading *reading)
{
    struct input *in = &reading->in;
    struct parse *p = &reading->parse;
    const size_t length = parse_is_chunked(p) ? SIZE_MAX : parse_content_length(p), have = in->len - in->pos;

    p->body_in_place = length <= IN_PLACE_MAX;
    p->body_limit = reading->request->body_bytes.max = BODY_MAX;
    const size_t wanted = p->body_in_place ? length : IN_PLACE_MAX;
    if (wanted > have)
        CLAIM(input_make_room(in, &reading->store, (size_t)(p->line - in->ptr), wanted - have, p) == DW_OK);
    reading->body_at = in->pos;
}

static bool begin(struct reading *reading)
{
    struct input *in = &reading->in;

    while (in->pos < in->len && (in->ptr[in->pos] == '\r' || in->ptr[in->pos] == '\n'))
        in->pos++;
    if (in->pos == in->len)
        return false;
    http_request_reset(reading->request);
    reading->parse.limits = &LIMITS;
    parse_begin(&reading->parse, reading->request, in->ptr + in->pos);
    reading->has_begun = true;
    return true;
}

/* What has come; false when the connection ends with it. */
static bool go_on(struct reading *reading)
{
    struct input *in = &reading->in;

    while (reading->has_begun || begin(reading)) {
        const bool had_head = reading->parse.is_head_complete;
        size_t taken = 0;
        const enum parse_result result =
            parse_feed(&reading->parse, in->ptr + in->pos, in->len - in->pos, &taken);

        CLAIM(taken <= in->len - in->pos);
        in->pos += taken;
        if (result == PARSE_REFUSED) {
            CLAIM(reading->parse.error != DW_OK && reading->request->body.len == 0);
            buffer_append_literal(reading->transcript, "refused");
            return false;
        }
        if (result == PARSE_MORE)
            return true;
        if (!had_head)
            check_head(reading);
        if (result == PARSE_HEAD) {
            place_body(reading);
            continue;
        }
        note(reading);
        reading->has_begun = false;
    }
    return true;
}

/* Puts bytes where the kernel would, as many as there is room for; returns how many. */
static size_t take(struct reading *reading, struct dw_str piece)
{
    struct input *in = &reading->in;
    struct parse *p = reading->has_begun ? &reading->parse : NULL;

    CLAIM(input_open(in, &reading->store) == DW_OK);
    if (p == NULL || !p->is_head_complete)
        CLAIM(input_make_room(in, &reading->store, p == NULL ? in->pos : (size_t)(p->line - in->ptr), piece.len, p) ==
              DW_OK);
    const size_t n = MIN_OF(piece.len, input_room(in));

    CLAIM(n > 0);
    memcpy(in->ptr + in->len, piece.ptr, n);
    in->len += n;
    return n;
}

/* The body is elsewhere: its place is free again. */
static void reclaim(struct reading *reading)
{
    if (reading->has_begun && reading->parse.is_head_complete && !reading->parse.body_in_place)
        reading->in.pos = reading->in.len = reading->body_at;
}

static void transcribe(struct dw_str bytes, size_t step, struct buffer *transcript)
{
    struct reading reading = { .transcript = transcript };

    CLAIM(http_request_new(&reading.request) == DW_OK);
    for (size_t at = 0; at < bytes.len;) {
        at += take(&reading, dw_str_n(bytes.ptr + at, MIN_OF(step, bytes.len - at)));
        if (!go_on(&reading))
            break;
        reclaim(&reading);
    }
    http_request_free(&reading.request);
    input_release(&reading.in, &reading.store);
    input_store_free(&reading.store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_buffer_ struct buffer whole = BUFFER_INIT(TRANSCRIPT_MAX), pieces = BUFFER_INIT(TRANSCRIPT_MAX);

    if (size < 2)
        return 0;
    const struct dw_str bytes = dw_str_n(data + 1, size - 1);
    transcribe(bytes, bytes.len, &whole);
    transcribe(bytes, data[0] % 64u + 1, &pieces);
    CLAIM(dw_str_eq(buffer_str(&whole), buffer_str(&pieces)));
    return 0;
}
