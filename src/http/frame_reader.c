#include "http/frame_reader.h"

#include "base/utf8.h"

void frame_reader_init(struct frame_reader *reader, const struct frame_limits *limits)
{
    *reader = (struct frame_reader){ .limits = limits, .message = BUFFER_INIT(limits->max_message_bytes) };
}

static void wslay_drop(struct frame_reader *reader)
{
    if (reader->wslay != NULL)
        wslay_calls_load()->wslay_frame_context_free(reader->wslay);
    reader->wslay = NULL;
}

void frame_reader_free(struct frame_reader *reader)
{
    wslay_drop(reader);
    buffer_free(&reader->message);
    dw_wipe(reader->control_bytes, sizeof(reader->control_bytes));
}

bool close_code_may_be_sent(unsigned code)
{
    static const struct {
        unsigned first, last;
    } RANGES[] = { { 1000, 1003 }, { 1007, 1014 }, { 3000, 4999 } };

    for (size_t i = 0; i < ARRAY_SIZE(RANGES); i++)
        if (code >= RANGES[i].first && code <= RANGES[i].last)
            return true;
    return false;
}

/* --- bytes for wslay -------------------------------------------------------------------------------------------- */

static ssize_t on_wslay_wants(uint8_t *buf, size_t len, int flags, void *user_data)
{
    struct frame_reader *reader = user_data;
    const size_t n = MIN_OF(len, reader->input.len);

    if (n == 0)
        return -1;
    memcpy(buf, reader->input.ptr, n);
    reader->input = dw_str_n(reader->input.ptr + n, reader->input.len - n);
    reader->held += n;
    return (ssize_t)n;
}

static bool wslay_take(struct frame_reader *reader)
{
    const struct wslay_frame_callbacks callbacks = { .recv_callback = on_wslay_wants };

    return reader->wslay != NULL ||
           wslay_calls_load()->wslay_frame_context_init(&reader->wslay, &callbacks, reader) == 0;
}

/* What the frame's head took (§5.2). */
static size_t head_size(const struct wslay_frame_iocb *frame)
{
    enum { FIRST = 2, MASK = 4, SHORT_MAX = 125, LENGTH_16 = 2, LENGTH_64 = 8 };

    if (frame->payload_length <= SHORT_MAX)
        return FIRST + MASK;
    return FIRST + MASK + (frame->payload_length <= UINT16_MAX ? LENGTH_16 : LENGTH_64);
}

/* --- messages --------------------------------------------------------------------------------------------------- */

static enum frame_result fail(struct frame_reader *reader, unsigned code)
{
    reader->code = code;
    return FRAME_FAILED;
}

/* Whether what is left at the end of the bytes so far can still become a character. */
static bool text_may_go_on(const struct frame_reader *reader, bool is_end)
{
    const struct dw_str tail = dw_str_n(reader->message.ptr + reader->checked, reader->message.len - reader->checked);

    return tail.len == 0 || (!is_end && utf8_is_beginning(tail));
}

static bool text_is_good(struct frame_reader *reader, bool is_end)
{
    const struct buffer *m = &reader->message;
    uint32_t code_point;

    if (!reader->is_text || m->len == 0)
        return true;
    for (size_t step = 1; step > 0 && reader->checked < m->len; reader->checked += step) {
        reader->checked += utf8_ascii_prefix(dw_str_n(m->ptr + reader->checked, m->len - reader->checked));
        step = utf8_next(dw_str_n(m->ptr + reader->checked, m->len - reader->checked), &code_point);
    }
    return text_may_go_on(reader, is_end);
}

/* A data frame begins: 0, or the code of what is wrong with it. */
static unsigned data_begin(struct frame_reader *reader, const struct wslay_frame_iocb *frame)
{
    const bool goes_on = frame->opcode == WSLAY_CONTINUATION_FRAME;

    if (goes_on != reader->is_message_open)
        return CLOSE_PROTOCOL;
    if (!goes_on) {
        reader->is_message_open = true;
        reader->is_text = frame->opcode == WSLAY_TEXT_FRAME;
        reader->checked = reader->n_fragments = 0;
    }
    if (++reader->n_fragments > reader->limits->max_fragments ||
        frame->payload_length > reader->limits->max_message_bytes - reader->message.len)
        return CLOSE_TOO_BIG;
    return 0;
}

static unsigned frame_begin(struct frame_reader *reader, const struct wslay_frame_iocb *frame)
{
    reader->has_frame = true;
    reader->frame_taken = 0;
    if (!frame->mask || frame->rsv != WSLAY_RSV_NONE)
        return CLOSE_PROTOCOL;
    switch (frame->opcode) {
    case WSLAY_CONTINUATION_FRAME:
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
        return data_begin(reader, frame);
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
        return 0; /* wslay has refused fragments and length (§5.5) */
    default:
        return CLOSE_PROTOCOL;
    }
}

/* Keeps the piece of payload at hand, and wipes it where wslay has it: what clients send may be a credential. */
static unsigned frame_take(struct frame_reader *reader, const struct wslay_frame_iocb *frame)
{
    const struct dw_str piece = dw_str_n(frame->data, frame->data_length);
    const size_t at = (size_t)reader->frame_taken;

    reader->frame_taken += piece.len;
    if (!wslay_is_ctrl_frame(frame->opcode))
        buffer_append(&reader->message, piece);
    else if (piece.len > 0)
        memcpy(reader->control_bytes + at, piece.ptr, piece.len);
    dw_wipe((void *)(uintptr_t)frame->data, frame->data_length);
    if (buffer_error(&reader->message) != DW_OK)
        return CLOSE_INTERNAL;
    return 0;
}

/* §7.1.5, §7.1.6 */
static enum frame_result close_read(struct frame_reader *reader)
{
    enum { CODE_SIZE = 2, BYTE = 8 };
    const unsigned char *bytes = reader->control_bytes;

    if (reader->control.len == 0) {
        reader->code = CLOSE_NO_CODE;
        return FRAME_CLOSE;
    }
    if (reader->control.len < CODE_SIZE)
        return fail(reader, CLOSE_PROTOCOL);
    reader->code = (unsigned)bytes[0] << BYTE | bytes[1];
    if (!close_code_may_be_sent(reader->code))
        return fail(reader, CLOSE_PROTOCOL);
    if (!dw_str_is_utf8(dw_str_n(bytes + CODE_SIZE, reader->control.len - CODE_SIZE)))
        return fail(reader, CLOSE_NOT_TEXT);
    return FRAME_CLOSE;
}

static enum frame_result frame_end(struct frame_reader *reader, const struct wslay_frame_iocb *frame)
{
    reader->has_frame = false;
    reader->held -= head_size(frame) + (size_t)frame->payload_length;
    if (wslay_is_ctrl_frame(frame->opcode))
        reader->control = dw_str_n(reader->control_bytes, (size_t)reader->frame_taken);
    switch (frame->opcode) {
    case WSLAY_CONNECTION_CLOSE:
        return close_read(reader);
    case WSLAY_PING:
        return FRAME_PING;
    case WSLAY_PONG:
        return FRAME_PONG;
    default:
        break;
    }
    if (!frame->fin)
        return FRAME_MORE;
    reader->is_message_open = false;
    reader->is_message_whole = true;
    return reader->is_text ? FRAME_TEXT : FRAME_BINARY;
}

/* The next piece of a frame, and what it completes; FRAME_MORE when it completes nothing. */
static enum frame_result piece_read(struct frame_reader *reader, const struct wslay_frame_iocb *frame)
{
    unsigned code = reader->has_frame ? 0 : frame_begin(reader, frame);
    const bool is_data = !wslay_is_ctrl_frame(frame->opcode);

    if (code == 0)
        code = frame_take(reader, frame);
    const bool is_whole = reader->frame_taken == frame->payload_length;
    if (code == 0 && is_data && !text_is_good(reader, is_whole && frame->fin))
        code = CLOSE_NOT_TEXT;
    if (code != 0)
        return fail(reader, code);
    return is_whole ? frame_end(reader, frame) : FRAME_MORE;
}

/* The message before was handed on: its bytes go. A large buffer is not kept for small ones. */
static void message_forget(struct frame_reader *reader)
{
    if (!reader->is_message_whole)
        return;
    reader->is_message_whole = false;
    buffer_free(&reader->message);
    reader->message = (struct buffer)BUFFER_INIT(reader->limits->max_message_bytes);
}

enum frame_result frame_reader_next(struct frame_reader *reader, struct dw_str *input)
{
    enum frame_result result = FRAME_MORE;
    struct wslay_frame_iocb frame = { 0 };
    ssize_t taken = 0;

    message_forget(reader);
    if (input->len == 0 && reader->wslay == NULL)
        return FRAME_MORE;
    if (!wslay_take(reader))
        return fail(reader, CLOSE_INTERNAL);
    reader->input = *input;
    while (result == FRAME_MORE && taken >= 0) {
        taken = wslay_calls_load()->wslay_frame_recv(reader->wslay, &frame);
        if (taken >= 0)
            result = piece_read(reader, &frame);
        else if (taken != WSLAY_ERR_WANT_READ)
            result = fail(reader, CLOSE_PROTOCOL);
    }
    *input = reader->input;
    if (result == FRAME_MORE && reader->held == 0)
        wslay_drop(reader);
    return result;
}
