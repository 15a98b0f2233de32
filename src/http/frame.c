#include "http/frame.h"

#include "base/utf8.h"
#include "http/frame_reader.h"

enum { HEAD_MAX = 10, FIN = 0x80, LENGTH_16 = 126, LENGTH_64 = 127, BYTE_BITS = 8 };

static size_t put_big_endian(unsigned char *out, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0; value >>= BYTE_BITS)
        out[i] = (unsigned char)value;
    return size;
}

/* RFC 6455 §5.2: the length in the shortest of its three forms. */
static size_t put_head(unsigned char out[HEAD_MAX], enum frame_opcode opcode, size_t length)
{
    out[0] = (unsigned char)(FIN | opcode);
    if (length < LENGTH_16) {
        out[1] = (unsigned char)length;
        return 2;
    }
    out[1] = length <= UINT16_MAX ? LENGTH_16 : LENGTH_64;
    return 2 + put_big_endian(out + 2, length, length <= UINT16_MAX ? sizeof(uint16_t) : sizeof(uint64_t));
}

enum dw_err frame_new(enum frame_opcode opcode, struct dw_str payload, struct frame **ret_frame)
{
    unsigned char head[HEAD_MAX];
    const size_t head_size = put_head(head, opcode, payload.len);
    struct frame *frame = malloc(sizeof(*frame) + head_size + payload.len);

    if (frame == NULL)
        return DW_ERR_NO_MEMORY;
    atomic_init(&frame->references, 1);
    frame->size = head_size + payload.len;
    memcpy(frame->bytes, head, head_size);
    if (payload.len > 0)
        memcpy(frame->bytes + head_size, payload.ptr, payload.len);
    *ret_frame = frame;
    return DW_OK;
}

/* Without half a character at its end. */
static struct dw_str reason_cut(struct dw_str reason)
{
    if (reason.len <= FRAME_REASON_MAX)
        return reason;
    reason.len = FRAME_REASON_MAX;
    while (reason.len > 0 && !dw_str_is_utf8(reason))
        reason.len--;
    return reason;
}

enum dw_err frame_new_close(unsigned code, struct dw_str reason, struct frame **ret_frame)
{
    unsigned char payload[FRAME_CONTROL_MAX];

    if (code == CLOSE_NO_CODE)
        return frame_new(FRAME_OPCODE_CLOSE, DW_STR(""), ret_frame);
    reason = reason_cut(reason);
    const size_t size = put_big_endian(payload, code, sizeof(uint16_t));
    if (reason.len > 0)
        memcpy(payload + size, reason.ptr, reason.len);
    return frame_new(FRAME_OPCODE_CLOSE, dw_str_n(payload, size + reason.len), ret_frame);
}

struct frame *frame_ref(struct frame *frame)
{
    atomic_fetch_add_explicit(&frame->references, 1, memory_order_relaxed);
    return frame;
}

void frame_unref(struct frame **frame)
{
    struct frame *f = *frame;

    *frame = NULL;
    if (f == NULL || atomic_fetch_sub_explicit(&f->references, 1, memory_order_acq_rel) != 1)
        return;
    dw_wipe(f->bytes, f->size);
    free(f);
}
