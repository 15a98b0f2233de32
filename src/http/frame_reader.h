/*
 * WebSocket messages out of bytes (RFC 6455 §5): wslay takes the frames apart, this file puts messages together.
 *
 * Why: what a client may send, and how much of it, is decided in one place without a socket, so that every case of the
 * specification is a row of a test and a fuzzer has a door.
 * Defends against: frames without a mask (§5.1), reserved bits and opcodes (§5.2), fragments out of order (§5.4), long
 * or fragmented control frames (§5.5), close codes that nobody may send (§7.4), text that is no UTF-8, told as soon as
 * it is seen (§8.1), messages that are too long or in too many pieces.
 * Holds nothing while idle: wslay's context (4 KiB) and the message's buffer are there only while a frame or message is
 * half read. Bytes are wiped when they have been handed on. One thread at a time.
 */
#ifndef HTTP_FRAME_READER_H
#define HTTP_FRAME_READER_H

#include "base/buffer.h"
#include "http/wslay_calls.h"

enum {
    FRAME_CONTROL_MAX = 125, /* bytes of a control frame's payload: §5.5 */
    FRAME_REASON_MAX = FRAME_CONTROL_MAX - 2,
};

/* RFC 6455 §7.4.1 */
enum close_code {
    CLOSE_NORMAL = 1000,
    CLOSE_GOING_AWAY = 1001,
    CLOSE_PROTOCOL = 1002,
    CLOSE_UNSUPPORTED = 1003,
    CLOSE_NO_CODE = 1005,
    CLOSE_CUT = 1006,
    CLOSE_NOT_TEXT = 1007,
    CLOSE_POLICY = 1008,
    CLOSE_TOO_BIG = 1009,
    CLOSE_INTERNAL = 1011,
    CLOSE_TRY_LATER = 1013,
};

struct frame_limits {
    size_t max_message_bytes;
    unsigned max_fragments;
};

enum frame_result {
    FRAME_MORE,   /* everything was taken, more is needed */
    FRAME_TEXT,   /* a whole message: reader->message, until frame_reader_next() is called again */
    FRAME_BINARY,
    FRAME_PING,   /* its payload: reader->control */
    FRAME_PONG,
    FRAME_CLOSE,  /* reader->code: CLOSE_NO_CODE without one */
    FRAME_FAILED, /* reader->code says why; what follows means nothing */
};

struct frame_reader {
    const struct frame_limits *limits;
    wslay_frame_context_ptr wslay; /* NULL between frames */
    struct dw_str input;           /* not yet taken by wslay */
    size_t held;                   /* bytes of a frame that is not whole, in wslay */
    uint64_t frame_taken;          /* of its payload */
    bool has_frame;                /* its first bytes have been looked at */
    struct buffer message;
    size_t checked;                /* bytes of the message that are whole UTF-8 */
    bool is_message_open, is_text, is_message_whole;
    unsigned n_fragments;
    unsigned char control_bytes[FRAME_CONTROL_MAX];
    struct dw_str control;
    unsigned code;
};

/* wslay must have been loaded. `limits` is borrowed. */
void frame_reader_init(struct frame_reader *reader, const struct frame_limits *limits);
void frame_reader_free(struct frame_reader *reader);
/* What comes next of `*input`, which is moved on by what was taken. */
enum frame_result frame_reader_next(struct frame_reader *reader, struct dw_str *input);

/* Whether a code may stand in a close frame: §7.4.1, §7.4.2, and those registered since (1012 to 1014). */
bool close_code_may_be_sent(unsigned code);

#endif
