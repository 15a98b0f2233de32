#include "base/cleanup.h"
#include "base/utf8.h"

static unsigned char ascii_lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

bool dw_str_eq_nocase(struct dw_str a, struct dw_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower((unsigned char)a.ptr[i]) != ascii_lower((unsigned char)b.ptr[i]))
            return false;
    }
    return true;
}

bool dw_str_starts_with(struct dw_str s, struct dw_str prefix)
{
    return s.len >= prefix.len && dw_str_eq(dw_str_n(s.ptr, prefix.len), prefix);
}

bool dw_str_list_has(struct dw_str list, struct dw_str item)
{
    size_t start = 0;

    if (item.len == 0)
        return false;
    for (size_t i = 0; i <= list.len; i++) {
        if (i < list.len && list.ptr[i] != ' ')
            continue;
        if (dw_str_eq(dw_str_n(list.ptr + start, i - start), item))
            return true;
        start = i + 1;
    }
    return false;
}

size_t utf8_ascii_prefix(struct dw_str s)
{
    size_t i = 0;

    for (; i + sizeof(uint64_t) <= s.len; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s.ptr + i, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    while (i < s.len && (unsigned char)s.ptr[i] < 0x80)
        i++;
    return i;
}

/* A row: lead bytes, length, and the range of the second byte, which alone shuts out overlong forms, surrogates and
 * what lies past U+10FFFF. */
struct utf8_row {
    unsigned char first, last, length, second_min, second_max;
};

static const struct utf8_row UTF8_ROWS[] = {
    { 0x00, 0x7f, 1, 0x00, 0x00 }, { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf },
    { 0xe1, 0xec, 3, 0x80, 0xbf }, { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
    { 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static const struct utf8_row *utf8_row(unsigned char first)
{
    for (size_t i = 0; i < ARRAY_SIZE(UTF8_ROWS); i++)
        if (first >= UTF8_ROWS[i].first && first <= UTF8_ROWS[i].last)
            return &UTF8_ROWS[i];
    return NULL;
}

bool utf8_is_beginning(struct dw_str s)
{
    const unsigned char *bytes = (const unsigned char *)s.ptr;
    const struct utf8_row *row = s.len == 0 ? NULL : utf8_row(bytes[0]);

    if (row == NULL || s.len >= row->length)
        return false;
    return (s.len < 2 || (bytes[1] >= row->second_min && bytes[1] <= row->second_max)) &&
           (s.len < 3 || (bytes[2] & 0xc0) == 0x80);
}

size_t utf8_next(struct dw_str s, uint32_t *ret_code_point)
{
    static const unsigned char LEAD_BITS[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    const unsigned char *bytes = (const unsigned char *)s.ptr;

    if (s.len == 0)
        return 0;
    const struct utf8_row *row = utf8_row(bytes[0]);
    if (row == NULL || s.len < row->length)
        return 0;
    if (row->length > 1 && (bytes[1] < row->second_min || bytes[1] > row->second_max))
        return 0;

    uint32_t code_point = bytes[0] & LEAD_BITS[row->length];
    for (size_t i = 1; i < row->length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code_point = (code_point << 6) | (bytes[i] & 0x3fu);
    }
    *ret_code_point = code_point;
    return row->length;
}

bool dw_str_is_utf8(struct dw_str s)
{
    size_t i = utf8_ascii_prefix(s);

    while (i < s.len) {
        uint32_t code_point;
        const size_t step = utf8_next(dw_str_n(s.ptr + i, s.len - i), &code_point);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

size_t utf8_count(struct dw_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += (s.ptr[i] & 0xc0) != 0x80;
    return n;
}
