/*
 * One step through UTF-8 (RFC 3629): the table of well-formed sequences of Unicode 15, table 3-7, in one place.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <doorward/base.h>

/* The length (1 to 4) of the well-formed sequence at the start of s and its code point; 0 when there is none. */
size_t utf8_next(struct dw_str s, uint32_t *ret_code_point);
/* Whether s, at most 3 bytes, is a well-formed sequence that its end cuts off. */
bool utf8_is_beginning(struct dw_str s);
/* The number of bytes at the start of s that are ASCII. */
size_t utf8_ascii_prefix(struct dw_str s);
/* How many characters: bytes that continue none. */
size_t utf8_count(struct dw_str s);

#endif
