/*
 * Text forms of bytes. All decoders are strict: what another decoder might read differently is refused.
 *
 * base64url (RFC 4648 §5, RFC 7515 §2): no padding, no blanks, no bits set past the end. hex: even length.
 * base32 (RFC 4648 §6): capitals, no blanks, no bits set past the end, padding complete or absent.
 * percent and form decoding (RFC 3986 §2.1, WHATWG URL): a bare or truncated % is refused.
 * Sizes: each *_size() is what the output needs at the most, without a NUL.
 */
#ifndef BASE_ENCODING_H
#define BASE_ENCODING_H

#include "base/buffer.h"

static inline size_t base64url_encoded_size(size_t bytes)
{
    return (bytes * 4 + 2) / 3;
}

static inline size_t base64url_decoded_size(size_t chars)
{
    return chars * 3 / 4;
}

/* Returns the number of characters written. */
size_t base64url_encode(struct dw_str bytes, char *ret_text);
/* DW_ERR_ENCODING when not strict base64url; DW_ERR_LIMIT when it does not fit `capacity`. */
DW_MUST_USE enum dw_err base64url_decode(struct dw_str text, void *ret_bytes, size_t capacity, size_t *ret_size);
/* The decoded bytes in the arena (NUL-terminated after the end). */
DW_MUST_USE enum dw_err base64url_decode_arena(struct dw_arena *arena, struct dw_str text, struct dw_str *ret_bytes);
struct dw_str base64url_encode_arena(struct dw_arena *arena, struct dw_str bytes);

/* Standard base64 with padding (RFC 4648 §4), for HTTP Basic, PEM and PHC strings (`padded` false: PHC's form). */
DW_MUST_USE enum dw_err base64_decode(struct dw_str text, bool padded, void *ret_bytes, size_t capacity,
                                      size_t *ret_size);
size_t base64_encode(struct dw_str bytes, bool padded, char *ret_text);

static inline size_t base32_encoded_size(size_t bytes)
{
    return (bytes + 4) / 5 * 8;
}

static inline size_t base32_decoded_size(size_t chars)
{
    return chars * 5 / 8;
}

size_t base32_encode(struct dw_str bytes, bool padded, char *ret_text);
DW_MUST_USE enum dw_err base32_decode(struct dw_str text, void *ret_bytes, size_t capacity, size_t *ret_size);
/* Without padding, as otpauth URIs want it. Absent without memory. */
struct dw_str base32_encode_arena(struct dw_arena *arena, struct dw_str bytes);
DW_MUST_USE enum dw_err base32_decode_arena(struct dw_arena *arena, struct dw_str text, struct dw_str *ret_bytes);

/* 0 to 15; -1 for what is no hex digit, of either case. */
int hex_value(char c);
size_t hex_encode(struct dw_str bytes, char *ret_text);
DW_MUST_USE enum dw_err hex_decode(struct dw_str text, void *ret_bytes, size_t capacity, size_t *ret_size);

/* Percent-decoding of a path segment or, with plus_is_space, of a form or query value; DW_ERR_ENCODING on a bad
 * escape. Does not look at UTF-8. */
DW_MUST_USE enum dw_err percent_decode_arena(struct dw_arena *arena, struct dw_str text, bool plus_is_space,
                                             struct dw_str *ret_text);
/* RFC 3986 §2.3: everything but unreserved characters is escaped; '+' too, as forms and some apps read it as blank. */
void percent_encode_append(struct buffer *b, struct dw_str text);

/* RFC 3339 UTC ("2026-11-22T17:05:49Z") of Unix seconds, and back (offsets and fractions accepted when parsing). */
enum { RFC3339_SIZE = 32 };
/* The last second whose year has four digits: 9999-12-31T23:59:59Z. */
#define RFC3339_LAST_S INT64_C(253402300799)
size_t rfc3339_format(int64_t unix_s, char ret_text[RFC3339_SIZE]);
DW_MUST_USE enum dw_err rfc3339_parse(struct dw_str text, int64_t *ret_unix_s);

/* The shortest decimal text that reads back as the same finite number, and such a text's number, whatever the locale
 * of the program. DW_ERR_ENCODING for what is none, or has more than 63 characters. */
enum { NUMBER_TEXT_SIZE = 32 };
size_t number_format(double value, char ret_text[NUMBER_TEXT_SIZE]);
DW_MUST_USE enum dw_err number_parse(struct dw_str text, double *ret_value);

#endif
