#include "base/encoding.h"

#if defined(__x86_64__)
#include <tmmintrin.h>
#endif

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

#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct alphabet {
    const char *encode;
    unsigned char decode[256];
};

static const struct alphabet STANDARD = { ALPHANUMERIC "+/", DECODE_TABLE(62, BAD, 63, BAD) };
static const struct alphabet URL = { ALPHANUMERIC "-_", DECODE_TABLE(BAD, 62, BAD, 63) };

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

#if defined(__x86_64__)
enum { WIDE_CHARS = 16, WIDE_BYTES = 12 };

/* The bytes of `c` between first and last (both ASCII) as all ones. */
__attribute__((target("ssse3"))) static __m128i between(__m128i c, char first, char last)
{
    return _mm_and_si128(_mm_cmpgt_epi8(c, _mm_set1_epi8((char)(first - 1))),
                         _mm_cmplt_epi8(c, _mm_set1_epi8((char)(last + 1))));
}

/* Sixteen characters at a time, as every token is decoded here once. Returns how many it decoded: it stops before a bad
 * one, and before it would write past `size`; the caller goes on from there. */
__attribute__((target("ssse3"))) static size_t decode_wide(const struct alphabet *alphabet, struct dw_str text,
                                                           unsigned char *out, size_t size)
{
    const __m128i order = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    size_t done = 0;

    for (; text.len - done >= WIDE_CHARS && size >= sizeof(__m128i); done += WIDE_CHARS) {
        const __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(text.ptr + done));
        /* What is to be added to each character to give its value; zero where there is none. */
        __m128i delta = _mm_and_si128(between(c, 'A', 'Z'), _mm_set1_epi8(-'A'));
        delta = _mm_or_si128(delta, _mm_and_si128(between(c, 'a', 'z'), _mm_set1_epi8(26 - 'a')));
        delta = _mm_or_si128(delta, _mm_and_si128(between(c, '0', '9'), _mm_set1_epi8(52 - '0')));
        for (int i = 62; i < 64; i++) {
            const char last = alphabet->encode[i];
            const __m128i found = _mm_cmpeq_epi8(c, _mm_set1_epi8(last));
            delta = _mm_or_si128(delta, _mm_and_si128(found, _mm_set1_epi8((char)(i - last))));
        }
        if (_mm_movemask_epi8(_mm_cmpeq_epi8(delta, _mm_setzero_si128())) != 0)
            break;
        /* Four values of 6 bits to 24 bits in each lane, then the lanes' bytes in the order of the text. */
        const __m128i pairs = _mm_maddubs_epi16(_mm_add_epi8(c, delta), _mm_set1_epi32(0x01400140));
        const __m128i quads = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00011000));
        _mm_storeu_si128((__m128i *)(void *)out, _mm_shuffle_epi8(quads, order));
        out += WIDE_BYTES;
        size -= WIDE_BYTES;
    }
    return done;
}

static bool can_wide(void)
{
    return __builtin_cpu_supports("ssse3");
}
#else
static size_t decode_wide(const struct alphabet *alphabet, struct dw_str text, unsigned char *out, size_t size)
{
    return 0;
}

static bool can_wide(void)
{
    return false;
}
#endif

/* Text without padding. */
static enum dw_err decode(const struct alphabet *alphabet, struct dw_str text, void *ret_bytes, size_t capacity,
                          size_t *ret_size)
{
    const unsigned char *table = alphabet->decode, *in = (const unsigned char *)text.ptr;
    unsigned char *out = ret_bytes;
    const size_t tail = text.len % 4;
    const size_t size = text.len / 4 * 3 + (tail > 0 ? tail - 1 : 0);

    if (tail == 1)
        return DW_ERR_ENCODING;
    if (size > capacity)
        return DW_ERR_LIMIT;
    const size_t done = can_wide() ? decode_wide(alphabet, text, out, size) : 0;
    in += done;
    out += done / 4 * 3;
    for (size_t quads = (text.len - done) / 4; quads > 0; quads--, in += 4, out += 3) {
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

static size_t encode(const struct alphabet *alphabet, struct dw_str bytes, bool padded, char *ret_text)
{
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    const size_t tail = bytes.len % 3;
    const char *letters = alphabet->encode;
    char *out = ret_text;

    for (size_t triples = bytes.len / 3; triples > 0; triples--, in += 3) {
        const unsigned word = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        *out++ = letters[word >> 18];
        *out++ = letters[word >> 12 & 63];
        *out++ = letters[word >> 6 & 63];
        *out++ = letters[word & 63];
    }
    if (tail > 0) {
        const unsigned word = (unsigned)in[0] << 16 | (tail == 2 ? (unsigned)in[1] << 8 : 0);
        *out++ = letters[word >> 18];
        *out++ = letters[word >> 12 & 63];
        if (tail == 2)
            *out++ = letters[word >> 6 & 63];
        for (size_t i = tail; padded && i < 3; i++)
            *out++ = '=';
    }
    return (size_t)(out - ret_text);
}

size_t base64url_encode(struct dw_str bytes, char *ret_text)
{
    return encode(&URL, bytes, false, ret_text);
}

enum dw_err base64url_decode(struct dw_str text, void *ret_bytes, size_t capacity, size_t *ret_size)
{
    return decode(&URL, text, ret_bytes, capacity, ret_size);
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
    return decode(&STANDARD, text, ret_bytes, capacity, ret_size);
}

size_t base64_encode(struct dw_str bytes, bool padded, char *ret_text)
{
    return encode(&STANDARD, bytes, padded, ret_text);
}
