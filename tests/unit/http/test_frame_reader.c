#include "check.h"
#include "http/frame_reader.h"

/*
 * What a client may send, frame by frame: RFC 6455 §5.7, and the cases of Autobahn's groups 1 to 7. A row is read whole
 * and then byte by byte, which must make no difference.
 *
 * T text, B binary, P ping, O pong, C close, F failed; each with its content or code.
 */

enum { TRANSCRIPT_MAX = 4096, LIMIT_BYTES = 300, LIMIT_FRAGMENTS = 4 };

static const struct frame_limits LIMITS = { .max_message_bytes = LIMIT_BYTES, .max_fragments = LIMIT_FRAGMENTS };

#define MASK "\x37\xfa\x21\x3d"
#define ZERO "\0\0\0\0" /* a mask that changes nothing */
#define BYTES(literal) { (literal), sizeof(literal) - 1 }
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct row {
    const char *label;
    struct dw_str bytes;
    const char *expected;
} ROWS[] = {
    /* §5.7 */
    { "masked Hello", BYTES("\x81\x85" MASK "\x7f\x9f\x4d\x51\x58"), "T(Hello)" },
    { "unmasked Hello", BYTES("\x81\x05Hello"), "F(1002)" },
    { "unmasked and empty", BYTES("\x81\0"), "F(1002)" },
    { "fragmented Hello", BYTES("\x01\x83" ZERO "Hel\x80\x82" ZERO "lo"), "T(Hello)" },
    { "ping Hello", BYTES("\x89\x85" MASK "\x7f\x9f\x4d\x51\x58"), "P(Hello)" },
    /* 1: payloads */
    { "1.1.1 empty text", BYTES("\x81\x80" ZERO), "T()" },
    { "1.2.1 empty binary", BYTES("\x82\x80" ZERO), "B()" },
    { "1.1.3 126 bytes", BYTES("\x81\xfe\0\x7e" ZERO HUNDRED TEN TEN "abcdef"), "T(" HUNDRED TEN TEN "abcdef)" },
    { "binary of any bytes", BYTES("\x82\x83" ZERO "\xff\xfeZ"), "B(\xff\xfeZ)" },
    { "length longer than it must be, 16 bits", BYTES("\x81\xfe\0\x05" ZERO "Hello"), "F(1002)" },
    { "length longer than it must be, 64 bits", BYTES("\x81\xff\0\0\0\0\0\0\0\x05" ZERO "Hello"), "F(1002)" },
    { "length of 63 bits and one", BYTES("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" ZERO "x"), "F(1002)" },
    { "length near 2^63", BYTES("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" ZERO "x"), "F(1009)" },
    /* 2: pings and pongs */
    { "2.1 empty ping", BYTES("\x89\x80" ZERO), "P()" },
    { "2.4 ping of 125 bytes", BYTES("\x89\xfd" ZERO HUNDRED TEN TEN "abcde"), "P(" HUNDRED TEN TEN "abcde)" },
    { "2.5 ping of 126 bytes", BYTES("\x89\xfe\0\x7e" ZERO HUNDRED TEN TEN "abcdef"), "F(1002)" },
    { "2.7 unsolicited pong", BYTES("\x8a\x80" ZERO), "O()" },
    { "2.9 pong, then ping", BYTES("\x8a\x81" ZERO "a\x89\x81" ZERO "b"), "O(a)P(b)" },
    { "2.10 pings in a row", BYTES("\x89\x81" ZERO "a\x89\x81" ZERO "b\x89\x81" ZERO "c"), "P(a)P(b)P(c)" },
    /* 3: reserved bits */
    { "3.1 RSV3", BYTES("\x91\x85" ZERO "Hello"), "F(1002)" },
    { "3.2 RSV2 after a message", BYTES("\x81\x81" ZERO "a\xa1\x81" ZERO "b"), "T(a)F(1002)" },
    { "3.3 RSV1", BYTES("\xc1\x81" ZERO "a"), "F(1002)" },
    { "3.5 RSV1 of a ping", BYTES("\xc9\x80" ZERO), "F(1002)" },
    { "3.7 all of a close", BYTES("\xf8\x80" ZERO), "F(1002)" },
    /* 4: reserved opcodes */
    { "4.1.1 opcode 3", BYTES("\x83\x80" ZERO), "F(1002)" },
    { "4.1.5 opcode 7", BYTES("\x87\x81" ZERO "a"), "F(1002)" },
    { "4.2.1 opcode 11", BYTES("\x8b\x80" ZERO), "F(1002)" },
    { "4.2.5 opcode 15", BYTES("\x8f\x81" ZERO "a"), "F(1002)" },
    /* 5: fragments */
    { "5.1 ping in two", BYTES("\x09\x81" ZERO "a\x80\x81" ZERO "b"), "F(1002)" },
    { "5.2 pong in two", BYTES("\x0a\x81" ZERO "a\x80\x81" ZERO "b"), "F(1002)" },
    { "5.6 ping between fragments", BYTES("\x01\x81" ZERO "a\x89\x81" ZERO "p\x80\x81" ZERO "b"), "P(p)T(ab)" },
    { "5.9 continuation of nothing", BYTES("\x80\x81" ZERO "a"), "F(1002)" },
    { "5.10 an open continuation of nothing", BYTES("\0\x81" ZERO "a"), "F(1002)" },
    { "5.15 continuation after the end", BYTES("\x01\x81" ZERO "a\x80\x81" ZERO "b\x80\x81" ZERO "c"),
      "T(ab)F(1002)" },
    { "5.18 text within text", BYTES("\x01\x81" ZERO "a\x81\x81" ZERO "b"), "F(1002)" },
    { "binary within text", BYTES("\x01\x81" ZERO "a\x02\x81" ZERO "b"), "F(1002)" },
    { "empty fragments", BYTES("\x01\x80" ZERO "\0\x80" ZERO "\x80\x80" ZERO), "T()" },
    { "as many fragments as may be", BYTES("\x01\x81" ZERO "a\0\x81" ZERO "b\0\x81" ZERO "c\x80\x81" ZERO "d"),
      "T(abcd)" },
    { "one too many", BYTES("\x01\x80" ZERO "\0\x80" ZERO "\0\x80" ZERO "\0\x80" ZERO "\0\x80" ZERO), "F(1009)" },
    { "as long as may be", BYTES("\x82\xfe\x01\x2c" ZERO HUNDRED HUNDRED HUNDRED),
      "B(" HUNDRED HUNDRED HUNDRED ")" },
    { "one byte too many", BYTES("\x82\xfe\x01\x2d" ZERO HUNDRED HUNDRED HUNDRED "x"), "F(1009)" },
    { "too long together", BYTES("\x02\xfe\x01\x2c" ZERO HUNDRED HUNDRED HUNDRED "\x80\x81" ZERO "x"), "F(1009)" },
    /* 6: UTF-8 */
    { "6.2 a character", BYTES("\x81\x85" ZERO "\xce\xba\xcf\x8c!"), "T(\xce\xba\xcf\x8c!)" },
    { "6.2.3 cut between fragments", BYTES("\x01\x81" ZERO "\xce\x80\x81" ZERO "\xba"), "T(\xce\xba)" },
    { "four bytes in four fragments",
      BYTES("\x01\x81" ZERO "\xf0\0\x81" ZERO "\x9f\0\x81" ZERO "\x98\x80\x81" ZERO "\x80"), "T(\xf0\x9f\x98\x80)" },
    { "a ping within a character", BYTES("\x01\x81" ZERO "\xce\x89\x80" ZERO "\x80\x81" ZERO "\xba"),
      "P()T(\xce\xba)" },
    { "6.3 broken", BYTES("\x81\x84" ZERO "a\xce" "bc"), "F(1007)" },
    { "6.4 broken, and told before the end", BYTES("\x01\x82" ZERO "a\xff"), "F(1007)" },
    { "6.6 half a character at the end", BYTES("\x81\x81" ZERO "\xce"), "F(1007)" },
    { "half a character at the end of the last fragment", BYTES("\x01\x81" ZERO "a\x80\x82" ZERO "\xf0\x9f"),
      "F(1007)" },
    { "6.8 overlong", BYTES("\x81\x82" ZERO "\xc0\xaf"), "F(1007)" },
    { "6.10 past U+10FFFF", BYTES("\x01\x82" ZERO "\xf4\x90"), "F(1007)" },
    { "6.11 surrogate", BYTES("\x01\x82" ZERO "\xed\xa0"), "F(1007)" },
    { "6.20 noncharacters are characters", BYTES("\x81\x83" ZERO "\xef\xbf\xbf"), "T(\xef\xbf\xbf)" },
    { "NUL is one too", BYTES("\x81\x83" ZERO "a\0b"), "T(a\\0b)" },
    { "binary need not be", BYTES("\x02\x81" ZERO "\xce\x80\x81" ZERO "\xff"), "B(\xce\xff)" },
    /* 7: close */
    { "7.1.1 message and close", BYTES("\x81\x81" ZERO "a\x88\x82" ZERO "\x03\xe8"), "T(a)C(1000)" },
    { "7.3.1 without a code", BYTES("\x88\x80" ZERO), "C(1005)" },
    { "7.3.2 half a code", BYTES("\x88\x81" ZERO "\x03"), "F(1002)" },
    { "7.3.4 with a reason", BYTES("\x88\x85" ZERO "\x03\xe8" "bye"), "C(1000)" },
    { "7.3.5 with 123 bytes of it", BYTES("\x88\xfd" ZERO "\x03\xe8" HUNDRED TEN TEN "abc"), "C(1000)" },
    { "7.3.6 with 124", BYTES("\x88\xfe\0\x7e" ZERO "\x03\xe8" HUNDRED TEN TEN "abcd"), "F(1002)" },
    { "7.5.1 reason that is no text", BYTES("\x88\x84" ZERO "\x03\xe8\xce\xff"), "F(1007)" },
    { "7.7.3 1003", BYTES("\x88\x82" ZERO "\x03\xeb"), "C(1003)" },
    { "7.7.4 1007", BYTES("\x88\x82" ZERO "\x03\xef"), "C(1007)" },
    { "7.7.9 3000", BYTES("\x88\x82" ZERO "\x0b\xb8"), "C(3000)" },
    { "7.7.13 4999", BYTES("\x88\x82" ZERO "\x13\x87"), "C(4999)" },
    { "7.9.1 0", BYTES("\x88\x82" ZERO "\0\0"), "F(1002)" },
    { "7.9.2 999", BYTES("\x88\x82" ZERO "\x03\xe7"), "F(1002)" },
    { "7.9.3 1004", BYTES("\x88\x82" ZERO "\x03\xec"), "F(1002)" },
    { "7.9.4 1005", BYTES("\x88\x82" ZERO "\x03\xed"), "F(1002)" },
    { "7.9.5 1006", BYTES("\x88\x82" ZERO "\x03\xee"), "F(1002)" },
    { "1015", BYTES("\x88\x82" ZERO "\x03\xf7"), "F(1002)" },
    { "7.9.6 1016", BYTES("\x88\x82" ZERO "\x03\xf8"), "F(1002)" },
    { "7.9.9 2999", BYTES("\x88\x82" ZERO "\x0b\xb7"), "F(1002)" },
    { "7.13.1 5000", BYTES("\x88\x82" ZERO "\x13\x88"), "F(1002)" },
    { "65535", BYTES("\x88\x82" ZERO "\xff\xff"), "F(1002)" },
    /* what is not whole */
    { "nothing", BYTES(""), "" },
    { "a byte of a head", BYTES("\x81"), "" },
    { "half a mask", BYTES("\x81\x85\0\0"), "" },
    { "all but one byte", BYTES("\x81\x85" ZERO "Hell"), "" },
};

static void transcript_add(struct buffer *b, char kind, struct dw_str content)
{
    buffer_append_char(b, kind);
    buffer_append_char(b, '(');
    for (size_t i = 0; i < content.len; i++)
        if (content.ptr[i] == '\0')
            buffer_append_literal(b, "\\0");
        else
            buffer_append_char(b, content.ptr[i]);
    buffer_append_char(b, ')');
}

/* Reads `bytes` in pieces of `step`. */
static void transcribe(struct dw_str bytes, size_t step, struct buffer *b)
{
    struct frame_reader reader;
    bool is_over = false;

    frame_reader_init(&reader, &LIMITS);
    for (size_t at = 0; at < bytes.len && !is_over; at += step) {
        struct dw_str input = dw_str_n(bytes.ptr + at, MIN_OF(step, bytes.len - at));
        for (enum frame_result result = FRAME_PONG; result != FRAME_MORE && !is_over;) {
            result = frame_reader_next(&reader, &input);
            is_over = result == FRAME_CLOSE || result == FRAME_FAILED;
            if (is_over)
                buffer_printf(b, "%c(%u)", result == FRAME_CLOSE ? 'C' : 'F', reader.code);
            else if (result == FRAME_TEXT || result == FRAME_BINARY)
                transcript_add(b, result == FRAME_TEXT ? 'T' : 'B', buffer_str(&reader.message));
            else if (result != FRAME_MORE)
                transcript_add(b, result == FRAME_PING ? 'P' : 'O', reader.control);
        }
    }
    frame_reader_free(&reader);
}

static void rows_read_as_they_should(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        for (size_t step = 1; step <= MAX_OF(ROWS[i].bytes.len, 1u); step += step == 1 ? 2 : ROWS[i].bytes.len) {
            _cleanup_buffer_ struct buffer b = BUFFER_INIT(TRANSCRIPT_MAX);
            transcribe(ROWS[i].bytes, step, &b);
            check_str(dw_str(ROWS[i].expected), buffer_str(&b), ROWS[i].label);
        }
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(TRANSCRIPT_MAX);
        transcribe(ROWS[i].bytes, MAX_OF(ROWS[i].bytes.len, 1u), &b);
        check_str(dw_str(ROWS[i].expected), buffer_str(&b), ROWS[i].label);
    }
}

static void nothing_is_held_between_messages(void **state)
{
    struct frame_reader reader;
    struct dw_str input = dw_str_n("\x81\x85\0\0\0\0Hello", 11);

    frame_reader_init(&reader, &LIMITS);
    assert_int_equal(FRAME_TEXT, frame_reader_next(&reader, &input));
    assert_int_equal(FRAME_MORE, frame_reader_next(&reader, &input));
    assert_null(reader.wslay);
    assert_null(reader.message.ptr);
    input = dw_str_n("\x81", 1);
    assert_int_equal(FRAME_MORE, frame_reader_next(&reader, &input));
    assert_non_null(reader.wslay);
    frame_reader_free(&reader);
}

static void codes_that_may_be_sent(void **state)
{
    static const struct {
        unsigned code;
        bool may;
    } CODES[] = { { 999, false }, { 1000, true },  { 1003, true },  { 1004, false }, { 1005, false }, { 1006, false },
                  { 1007, true }, { 1014, true },  { 1015, false }, { 2999, false }, { 3000, true },  { 4999, true },
                  { 5000, false } };

    for (size_t i = 0; i < ARRAY_SIZE(CODES); i++)
        assert_int_equal(CODES[i].may, close_code_may_be_sent(CODES[i].code));
}

static int load(void **state)
{
    return wslay_calls_load() == NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_read_as_they_should),
        cmocka_unit_test(nothing_is_held_between_messages),
        cmocka_unit_test(codes_that_may_be_sent),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
