/*
 * llhttp's callbacks turned into a struct dw_request.
 *
 * Why: llhttp hands out pieces as the bytes come; a request wants slices. The header is gathered in one contiguous
 * buffer of the caller's, so a piece that continues only makes its slice longer, and nothing is copied. The body is a
 * slice of the same buffer when it fits there, else it is gathered in the request's body_bytes.
 * Defends against: overlong request lines, too many or too large headers, trailers and chunk extensions, too large
 * bodies - each while it comes, before it is stored whole.
 * Threading and life: a struct parse belongs to its connection; parse_begin() for each request.
 */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include "http/message.h"
#include <llhttp.h>

struct parse_limits {
    size_t max_request_line, max_header_bytes;
    unsigned max_headers;
};

enum parse_result {
    PARSE_MORE,     /* everything was taken, more is needed */
    PARSE_HEAD,     /* the header is complete and a body follows: body_limit and body_in_place must be set now */
    PARSE_COMPLETE, /* a whole request; what follows it was not taken */
    PARSE_REFUSED,  /* parse.error says why; the rest of the bytes means nothing */
};

struct parse {
    llhttp_t llhttp;
    struct dw_request *request;
    const struct parse_limits *limits;
    const char *line;   /* the first byte of the request */
    const char *fields; /* where the header fields start */
    struct dw_str target;
    enum dw_err error;
    bool is_head_complete;
    bool has_value; /* the newest header's value has begun */
    bool body_in_place; /* the body will follow the header in the caller's buffer, without a gap */
    size_t body_limit;
    size_t extra_bytes; /* trailers and chunk extensions */
};

/* Starts a request whose first byte is at `line`. `limits` must have been set. */
void parse_begin(struct parse *parse, struct dw_request *request, const char *line);
/* Takes the next bytes; before the head is complete they must follow the ones before in memory. */
enum parse_result parse_feed(struct parse *parse, const char *bytes, size_t size, size_t *ret_taken);
/* The buffer was copied to another place, before any of the body was taken: all slices follow. */
void parse_rebase(struct parse *parse, const char *old_base, const char *new_base);

/* After the head: what it says about the rest. */
bool parse_has_body(const struct parse *parse);
bool parse_is_chunked(const struct parse *parse);
bool parse_is_http_1_0(const struct parse *parse);
/* Whether the client wants the connection to stay. */
bool parse_wants_to_stay(const struct parse *parse);

static inline size_t parse_content_length(const struct parse *parse)
{
    return (size_t)parse->llhttp.content_length;
}

#endif
