/*
 * The guard: what llhttp lets through and we don't.
 *
 * Why: two programs that read the same bytes differently are what request smuggling is made of (RFC 9112 §11.2).
 * llhttp in its strict mode refuses most; the rows of guard.c refuse the rest. A refused request always ends the
 * connection. It does not look at limits (parse.c does, as the bytes come) nor at the body.
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include "http/message.h"

/* Headers that may stand once at the most: twice, and one reader takes the first, the next one the last. */
enum guard_single {
    GUARD_AUTHORIZATION,
    GUARD_CONTENT_LENGTH,
    GUARD_CONTENT_TYPE,
    GUARD_HOST,
    GUARD_TRANSFER_ENCODING,
    GUARD_SINGLE_COUNT
};

/* A request whose header is complete; its headers are in the request. */
struct guard_facts {
    const struct dw_request *request;
    struct dw_str target;
    const char *line; /* where the request line starts; whole and contiguous */
    unsigned major, minor;
    /* filled in by guard_check(): */
    unsigned counts[GUARD_SINGLE_COUNT];
    struct dw_str values[GUARD_SINGLE_COUNT];
};

/* Why requests are refused, in a word: the rows of guard.c in their order, then what the parser itself refuses. */
enum { GUARD_REASON_SYNTAX = 8, GUARD_REASON_COUNT };
extern const char *const GUARD_REASONS[GUARD_REASON_COUNT];

/* DW_OK, or why the request is refused. */
DW_MUST_USE enum dw_err guard_check(struct guard_facts *facts);
/* What an error of llhttp is called here. */
enum dw_err guard_parser_error(int llhttp_errno);

#endif
