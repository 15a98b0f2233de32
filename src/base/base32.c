/* RFC 4648 §6: authenticator apps take their secrets in it. */
#include "base/encoding.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

enum { BLOCK_CHARS = 8, CHAR_BITS = 5 };

size_t base32_encode(struct dw_str bytes, bool padded, char *ret_text)
{
    size_t length = 0;
    uint32_t held = 0;
    unsigned bits = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        held = held << 8 | (unsigned char)bytes.ptr[i];
        for (bits += 8; bits >= CHAR_BITS; bits -= CHAR_BITS)
            ret_text[length++] = ALPHABET[held >> (bits - CHAR_BITS) & 31];
    }
    if (bits > 0)
        ret_text[length++] = ALPHABET[held << (CHAR_BITS - bits) & 31];
    while (padded && length % BLOCK_CHARS != 0)
        ret_text[length++] = '=';
    return length;
}

struct dw_str base32_encode_arena(struct dw_arena *arena, struct dw_str bytes)
{
    char *text = dw_arena_alloc(arena, base32_encoded_size(bytes.len) + 1);

    return text == NULL ? dw_str_n(NULL, 0) : dw_str_n(text, base32_encode(bytes, false, text));
}

static int char_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* The text without its padding; padding is complete or absent. */
static enum dw_err strip_padding(struct dw_str text, struct dw_str *ret_chars)
{
    struct dw_str chars = text;

    while (chars.len > 0 && chars.ptr[chars.len - 1] == '=')
        chars.len--;
    const size_t rest = chars.len % BLOCK_CHARS;

    if (rest == 1 || rest == 3 || rest == 6) /* no number of bytes ends so */
        return DW_ERR_ENCODING;
    if (text.len != chars.len && (rest == 0 || text.len - chars.len != BLOCK_CHARS - rest))
        return DW_ERR_ENCODING;
    *ret_chars = chars;
    return DW_OK;
}

enum dw_err base32_decode(struct dw_str text, void *ret_bytes, size_t capacity, size_t *ret_size)
{
    unsigned char *out = ret_bytes;
    struct dw_str chars;
    uint32_t held = 0;
    unsigned bits = 0;
    size_t size = 0;

    TRY(strip_padding(text, &chars));
    if (base32_decoded_size(chars.len) > capacity)
        return DW_ERR_LIMIT;
    for (size_t i = 0; i < chars.len; i++) {
        const int value = char_value(chars.ptr[i]);

        if (value < 0)
            return DW_ERR_ENCODING;
        held = held << CHAR_BITS | (uint32_t)value;
        bits += CHAR_BITS;
        if (bits >= 8) {
            bits -= 8;
            out[size++] = (unsigned char)(held >> bits);
        }
    }
    if ((held & ((1U << bits) - 1)) != 0) /* bits past the end: another text means the same bytes */
        return DW_ERR_ENCODING;
    *ret_size = size;
    return DW_OK;
}

enum dw_err base32_decode_arena(struct dw_arena *arena, struct dw_str text, struct dw_str *ret_bytes)
{
    const size_t capacity = base32_decoded_size(text.len);
    char *bytes = dw_arena_alloc(arena, capacity + 1);
    size_t size = 0;

    if (bytes == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(base32_decode(text, bytes, capacity, &size));
    *ret_bytes = dw_str_n(bytes, size);
    return DW_OK;
}
