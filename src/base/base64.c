#include "base/encoding.h"

/*
 * One decoder and one encoder for both alphabets of RFC 4648. The tables' look-ups depend on the data: as everywhere,
 * the cache may tell something of it, so keys are decoded once at load, not for each request.
 */
#define BAD 0xff

/* What the two alphabets share: 0-9, A-Z, a-z at their ASCII places; `P`, `M`, `S`, `U` are + - / _ */
#define DECODE_TABLE(P, M, S, U)                                                                                       \
    {                                                                                                                  \
        [0 ... 42] = BAD, [43] = (P), [44] = BAD, [45] = (M), [46] = BAD, [47] = (S),                                  \
        ['0'] = 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, [58 ... 64] = BAD,                                             \
        ['A'] = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,          \
        [91 ... 94] = BAD, [95] = (U), [96] = BAD,                                                                     \
        ['a'] = 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, \
        [123 ... 255] = BAD                                                                                            \
    }

static const unsigned char DECODE_STANDARD[256] = DECODE_TABLE(62, BAD, 63, BAD);
static const unsigned char DECODE_URL[256] = DECODE_TABLE(BAD, 62, BAD, 63);
#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const char ENCODE_STANDARD[] = ALPHABET "+/";
static const char ENCODE_URL[] = ALPHABET "-_";

/* The last 2 or 3 characters, whose unused bits must be zero (RFC 4648 §3.5): otherwise one value had many texts. */
static enum dw_err decode_tail(const unsigned char *table, const unsigned char *in, size_t n, unsigned char *out)
{
    const unsigned a = table[in[0]], b = table[in[1]], c = n == 3 ? table[in[2]] : 0;

    if (((a | b | c) & 0x80) != 0)
        return DW_ERR_ENCODING;
    if ((n == 2 && (b & 0x0f) != 0) || (n == 3 && (c & 0x03) != 0))
        return DW_ERR_ENCODING;
    out[0] = (unsigned char)(a << 2 | b >> 4);
    if (n == 3)
        out[1] = (unsigned char)(b << 4 | c >> 2);
    return DW_OK;
}

/* Text without padding. */
static enum dw_err decode(const unsigned char *table, struct dw_str text, void *ret_bytes, size_t capacity,
                          size_t *ret_size)
{
    const unsigned char *in = (const unsigned char *)text.ptr;
    unsigned char *out = ret_bytes;
    const size_t tail = text.len % 4;
    const size_t size = text.len / 4 * 3 + (tail > 0 ? tail - 1 : 0);

    if (tail == 1)
        return DW_ERR_ENCODING;
    if (size > capacity)
        return DW_ERR_LIMIT;
    for (size_t quads = text.len / 4; quads > 0; quads--, in += 4, out += 3) {
        const unsigned a = table[in[0]], b = table[in[1]], c = table[in[2]], d = table[in[3]];
        if (((a | b | c | d) & 0x80) != 0)
            return DW_ERR_ENCODING;
        const unsigned word = a << 18 | b << 12 | c << 6 | d;
        out[0] = (unsigned char)(word >> 16);
        out[1] = (unsigned char)(word >> 8);
        out[2] = (unsigned char)word;
    }
    if (tail > 0)
        TRY(decode_tail(table, in, tail, out));
    *ret_size = size;
    return DW_OK;
}

static size_t encode(const char *alphabet, struct dw_str bytes, bool padded, char *ret_text)
{
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    const size_t tail = bytes.len % 3;
    char *out = ret_text;

    for (size_t triples = bytes.len / 3; triples > 0; triples--, in += 3) {
        const unsigned word = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        *out++ = alphabet[word >> 18];
        *out++ = alphabet[word >> 12 & 63];
        *out++ = alphabet[word >> 6 & 63];
        *out++ = alphabet[word & 63];
    }
    if (tail > 0) {
        const unsigned word = (unsigned)in[0] << 16 | (tail == 2 ? (unsigned)in[1] << 8 : 0);
        *out++ = alphabet[word >> 18];
        *out++ = alphabet[word >> 12 & 63];
        if (tail == 2)
            *out++ = alphabet[word >> 6 & 63];
        for (size_t i = tail; padded && i < 3; i++)
            *out++ = '=';
    }
    return (size_t)(out - ret_text);
}

size_t base64url_encode(struct dw_str bytes, char *ret_text)
{
    return encode(ENCODE_URL, bytes, false, ret_text);
}

enum dw_err base64url_decode(struct dw_str text, void *ret_bytes, size_t capacity, size_t *ret_size)
{
    return decode(DECODE_URL, text, ret_bytes, capacity, ret_size);
}

enum dw_err base64url_decode_arena(struct dw_arena *arena, struct dw_str text, struct dw_str *ret_bytes)
{
    const size_t capacity = base64url_decoded_size(text.len);
    char *bytes = dw_arena_alloc(arena, capacity + 1);
    size_t size;

    if (bytes == NULL)
        return DW_ERR_LIMIT;
    TRY(base64url_decode(text, bytes, capacity, &size));
    *ret_bytes = dw_str_n(bytes, size);
    return DW_OK;
}

struct dw_str base64url_encode_arena(struct dw_arena *arena, struct dw_str bytes)
{
    char *text = bytes.len > SIZE_MAX / 8 ? NULL : dw_arena_alloc(arena, base64url_encoded_size(bytes.len) + 1);

    if (text == NULL)
        return dw_str_n(NULL, 0);
    return dw_str_n(text, base64url_encode(bytes, text));
}

enum dw_err base64_decode(struct dw_str text, bool padded, void *ret_bytes, size_t capacity, size_t *ret_size)
{
    if (padded) {
        if (text.len % 4 != 0)
            return DW_ERR_ENCODING;
        for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
            text.len--;
    }
    return decode(DECODE_STANDARD, text, ret_bytes, capacity, ret_size);
}

size_t base64_encode(struct dw_str bytes, bool padded, char *ret_text)
{
    return encode(ENCODE_STANDARD, bytes, padded, ret_text);
}
