/*
 * A WebSocket frame that leaves: made once, sent to any number of connections, counted by reference.
 *
 * A server's frames have no mask, and one holds a whole message, so that all there is to write is the head (RFC 6455
 * §5.2). The count is safe from any thread; the bytes never change.
 */
#ifndef HTTP_FRAME_H
#define HTTP_FRAME_H

#include "base/cleanup.h"

#include <stdatomic.h>

enum frame_opcode {
    FRAME_OPCODE_TEXT = 0x1,
    FRAME_OPCODE_BINARY = 0x2,
    FRAME_OPCODE_CLOSE = 0x8,
    FRAME_OPCODE_PING = 0x9,
    FRAME_OPCODE_PONG = 0xa,
};

struct frame {
    _Atomic unsigned references;
    size_t size;
    unsigned char bytes[];
};

DW_MUST_USE enum dw_err frame_new(enum frame_opcode opcode, struct dw_str payload, struct frame **ret_frame);
/* The payload of a close: code and reason; CLOSE_NO_CODE: an empty one. The reason is cut to what a frame holds. */
DW_MUST_USE enum dw_err frame_new_close(unsigned code, struct dw_str reason, struct frame **ret_frame);
struct frame *frame_ref(struct frame *frame);
/* Wipes and frees with the last one; NULL is fine. */
void frame_unref(struct frame **frame);

#define _cleanup_frame_ _cleanup_(frame_unref)

#endif
