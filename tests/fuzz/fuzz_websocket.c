/* Any bytes as what a WebSocket's client sends, in pieces whose size is the first byte. Read whole and in pieces they
 * must say the same; text is UTF-8, a message within its limits, a code one that may be sent. */
#include "base/buffer.h"
#include "fuzz.h"
#include "http/frame_reader.h"

static const struct frame_limits LIMITS = { .max_message_bytes = 4096, .max_fragments = 8 };

static void result_check(const struct frame_reader *reader, enum frame_result result)
{
    CLAIM(result != FRAME_TEXT || dw_str_is_utf8(buffer_str(&reader->message)));
    CLAIM(reader->message.len <= LIMITS.max_message_bytes && reader->control.len <= FRAME_CONTROL_MAX);
    CLAIM(result != FRAME_CLOSE || reader->code == CLOSE_NO_CODE || close_code_may_be_sent(reader->code));
}

static void result_note(const struct frame_reader *reader, enum frame_result result, struct buffer *transcript)
{
    if (result == FRAME_MORE)
        return;
    buffer_append_char(transcript, (char)('0' + result));
    if (result == FRAME_TEXT || result == FRAME_BINARY)
        buffer_append(transcript, buffer_str(&reader->message));
    else if (result == FRAME_PING || result == FRAME_PONG)
        buffer_append(transcript, reader->control);
    else
        buffer_append_int(transcript, reader->code);
}

static void transcribe(struct dw_str bytes, size_t step, struct buffer *transcript)
{
    enum frame_result result = FRAME_MORE;
    struct frame_reader reader;

    frame_reader_init(&reader, &LIMITS);
    for (size_t at = 0; at < bytes.len && result < FRAME_CLOSE; at += step) {
        struct dw_str input = dw_str_n(bytes.ptr + at, MIN_OF(step, bytes.len - at));
        do {
            result = frame_reader_next(&reader, &input);
            result_check(&reader, result);
            result_note(&reader, result, transcript);
        } while (result != FRAME_MORE && result < FRAME_CLOSE);
    }
    frame_reader_free(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_buffer_ struct buffer whole = BUFFER_INIT(8 << 20), pieces = BUFFER_INIT(8 << 20);

    if (size < 2 || wslay_calls_load() == NULL)
        return 0;
    const struct dw_str bytes = dw_str_n(data + 1, size - 1);
    transcribe(bytes, bytes.len, &whole);
    transcribe(bytes, data[0] % 64u + 1, &pieces);
    CLAIM(dw_str_eq(buffer_str(&whole), buffer_str(&pieces)));
    return 0;
}
