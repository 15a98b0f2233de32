#include "base/json.h"
#include "base/utf8.h"

/* Nonzero in the highest bit of each byte that is below 0x20, a quote, a backslash, DEL or not ASCII. A borrow may
 * mark a byte after a marked one wrongly: that costs a second look, never a missed byte. */
static uint64_t special_bytes(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
    const uint64_t quotes = word ^ (ones * '"'), slashes = word ^ (ones * '\\'), deletes = word ^ (ones * 0x7f);

    return (((word - ones * 0x20) | (quotes - ones) | (slashes - ones) | (deletes - ones)) | word) & highs;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* The number of bytes at the start of s that are written as they are. */
static size_t plain_prefix(struct dw_str s)
{
    size_t i = 0;

    for (; i + sizeof(uint64_t) <= s.len; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s.ptr + i, sizeof(word));
        if (special_bytes(word) != 0)
            break;
    }
    while (i < s.len && is_plain((unsigned char)s.ptr[i]))
        i++;
    return i;
}

static void write_escape(struct buffer *b, uint32_t code_point)
{
    static const char *const SHORT[] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t",
    };

    if (code_point < ARRAY_SIZE(SHORT) && SHORT[code_point] != NULL)
        buffer_append(b, dw_str(SHORT[code_point]));
    else
        buffer_printf(b, "\\u%04x", code_point);
}

/* One character that is not plain. Control characters of both kinds are escaped, so that a line of ours can't move a
 * terminal's cursor; bytes that are no UTF-8 become U+FFFD, so that what we write is always JSON (RFC 8259 §8.1). */
static size_t write_special(struct buffer *b, struct dw_str s)
{
    uint32_t code_point = 0xfffd;
    const size_t step = utf8_next(s, &code_point);

    if (step == 0 || code_point < 0xa0)
        write_escape(b, code_point);
    else
        buffer_append(b, dw_str_n(s.ptr, step));
    return step == 0 ? 1 : step;
}

/* The usual case in one piece: quotes around bytes that need no escape. */
static void write_plain(struct buffer *b, struct dw_str s)
{
    char *out = buffer_reserve(b, s.len + 2);

    if (out == NULL)
        return;
    out[0] = '"';
    memcpy(out + 1, s.ptr, s.len);
    out[s.len + 1] = '"';
    buffer_commit(b, s.len + 2);
}

void json_write_str(struct buffer *b, struct dw_str s)
{
    if (dw_str_is_absent(s)) {
        buffer_append_literal(b, "null");
        return;
    }
    if (plain_prefix(s) == s.len) {
        write_plain(b, s);
        return;
    }
    buffer_append_char(b, '"');
    while (s.len > 0) {
        size_t step = plain_prefix(s);
        buffer_append(b, dw_str_n(s.ptr, step));
        if (step < s.len)
            step += write_special(b, dw_str_n(s.ptr + step, s.len - step));
        s = dw_str_n(s.ptr + step, s.len - step);
    }
    buffer_append_char(b, '"');
}

static bool wants_comma(const struct buffer *b)
{
    const char last = b->len > 0 ? b->ptr[b->len - 1] : '[';

    return last != '{' && last != '[' && last != ':';
}

void json_write_comma(struct buffer *b)
{
    if (wants_comma(b))
        buffer_append_char(b, ',');
}

/* Names are nearly always plain: comma, quotes and colon go in with them in one piece. */
void json_write_key(struct buffer *b, const char *name)
{
    const struct dw_str key = dw_str(name);
    const bool is_plain_key = plain_prefix(key) == key.len;
    char *out = is_plain_key ? buffer_reserve(b, key.len + 4) : NULL;

    if (out == NULL) {
        json_write_comma(b);
        json_write_str(b, key);
        buffer_append_char(b, ':');
        return;
    }
    char *at = out;

    if (wants_comma(b))
        *at++ = ',';
    *at++ = '"';
    memcpy(at, key.ptr, key.len);
    at += key.len;
    *at++ = '"';
    *at++ = ':';
    buffer_commit(b, (size_t)(at - out));
}

void json_write_member_str(struct buffer *b, const char *name, struct dw_str value)
{
    json_write_key(b, name);
    json_write_str(b, value);
}

void json_write_member_int(struct buffer *b, const char *name, int64_t value)
{
    json_write_key(b, name);
    buffer_append_int(b, value);
}

void json_write_member_bool(struct buffer *b, const char *name, bool value)
{
    json_write_key(b, name);
    if (value)
        buffer_append_literal(b, "true");
    else
        buffer_append_literal(b, "false");
}

void json_write_value(struct buffer *b, yyjson_val *value)
{
    size_t length = 0;
    _cleanup_free_ char *text = yyjson_val_write(value, YYJSON_WRITE_NOFLAG, &length);

    if (text == NULL) {
        if (b->failed == DW_OK)
            b->failed = value == NULL ? DW_ERR_ARGUMENT : DW_ERR_NO_MEMORY;
        return;
    }
    buffer_append(b, dw_str_n(text, length));
    dw_wipe(text, length);
}
