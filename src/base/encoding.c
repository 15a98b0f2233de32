#include "base/encoding.h"

int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that two hex digits stand for; -1 when they are none. */
static int hex_byte(const char *digits)
{
    const int high = hex_value(digits[0]), low = hex_value(digits[1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

size_t hex_encode(struct dw_str bytes, char *ret_text)
{
    static const char DIGITS[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        const unsigned char byte = (unsigned char)bytes.ptr[i];
        ret_text[2 * i] = DIGITS[byte >> 4];
        ret_text[2 * i + 1] = DIGITS[byte & 15];
    }
    return bytes.len * 2;
}

enum dw_err hex_decode(struct dw_str text, void *ret_bytes, size_t capacity, size_t *ret_size)
{
    unsigned char *out = ret_bytes;

    if (text.len % 2 != 0)
        return DW_ERR_ENCODING;
    if (text.len / 2 > capacity)
        return DW_ERR_LIMIT;
    for (size_t i = 0; i < text.len; i += 2) {
        const int byte = hex_byte(text.ptr + i);
        if (byte < 0)
            return DW_ERR_ENCODING;
        *out++ = (unsigned char)byte;
    }
    *ret_size = text.len / 2;
    return DW_OK;
}

enum dw_err percent_decode_arena(struct dw_arena *arena, struct dw_str text, bool plus_is_space,
                                 struct dw_str *ret_text)
{
    char *decoded = dw_arena_alloc(arena, text.len + 1);
    size_t length = 0;

    if (decoded == NULL)
        return DW_ERR_LIMIT;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            const int byte = text.len - i > 2 ? hex_byte(text.ptr + i + 1) : -1;
            if (byte < 0)
                return DW_ERR_ENCODING;
            c = (char)byte;
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        decoded[length++] = c;
    }
    *ret_text = dw_str_n(decoded, length);
    return DW_OK;
}

void percent_encode_append(struct buffer *b, struct dw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (is_letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~')
            buffer_append_char(b, c);
        else
            buffer_printf(b, "%%%02X", (unsigned char)c);
    }
}
