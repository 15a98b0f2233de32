/*
 * The answer: filled by a handler through the dw_answer_… calls, then turned into the bytes that leave.
 *
 * Defends against: response splitting (no control character gets into a header, and the headers that frame the message
 * are written here alone), an answer that failed half-way (it becomes a 500, never a torn one).
 * The pieces stay in the request until it is reset, so that a write may take its time.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http/service.h"

enum { ANSWER_PIECES = 3, ANSWER_DATE_SIZE = 40 };

/* What the engine knows about the way out. */
struct answer_framing {
    struct dw_str date_line; /* "Date: …\r\n" */
    bool keep;               /* the connection stays */
    bool is_http_1_0;
};

/* Gives the service its last word (finish_head) and makes sure that the answer can be sent. */
void answer_complete(struct dw_request *r, const struct http_service *service);
/* Writes the status line and the headers that are the engine's, and lays out what is to be sent. Returns the number of
 * pieces; the first two together are the head. */
unsigned answer_pieces(struct dw_request *r, const struct answer_framing *framing,
                       struct dw_str ret_pieces[ANSWER_PIECES]);
/* The Date header of a moment (RFC 9110 §6.6.1). */
struct dw_str answer_date_line(int64_t unix_s, char ret_line[ANSWER_DATE_SIZE]);

#endif
