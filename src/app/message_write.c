#include "app/dialog.h"

enum { STATUS_UNAUTHORIZED = 401, STATUS_SERVER_ERROR = 500, STATUS_UNAVAILABLE = 503 };

void message_write(const char *type, struct dw_str id, struct dw_str object, struct buffer *b)
{
    buffer_append_char(b, '{');
    json_write_member_str(b, "type", dw_str(type));
    if (!dw_str_is_absent(id)) {
        json_write_key(b, "id");
        buffer_append(b, id);
    }
    if (object.len > 2) { /* more than {} */
        buffer_append_char(b, ',');
        buffer_append(b, dw_str_n(object.ptr + 1, object.len - 2));
    }
    buffer_append_char(b, '}');
}

/* The short code tells apart what a caller must not be able to, so that these rows get one word together. */
static const char *error_word(enum dw_err err)
{
    const struct dw_error_info *info = dw_error_info(err);

    if (info->status == STATUS_UNAUTHORIZED)
        return err == DW_ERR_UNAUTHENTICATED ? info->code : "invalid_token";
    if (info->status >= STATUS_SERVER_ERROR)
        return info->status == STATUS_UNAVAILABLE ? "unavailable" : "internal";
    return info->code;
}

void message_write_error(struct dw_request *r, struct dw_str id, enum dw_err err, struct buffer *b)
{
    const struct app_state *s = app_state(r);

    buffer_append_char(b, '{');
    json_write_member_str(b, "type", DW_STR("error"));
    if (!dw_str_is_absent(id)) {
        json_write_key(b, "id");
        buffer_append(b, id);
    }
    json_write_member_str(b, "error", dw_str(error_word(err)));
    json_write_key(b, "detail");
    error_answer_write_detail(s, err, b);
    if (s->retry_after_s > 0)
        json_write_member_int(b, "retry_after", s->retry_after_s);
    buffer_append_char(b, '}');
}

void message_send(const struct dialog *dialog, const struct buffer *b)
{
    _cleanup_frame_ struct frame *frame = NULL;
    struct hub *hub = dialog->websocket->hub;

    if (buffer_error(b) == DW_OK && frame_new(FRAME_OPCODE_TEXT, buffer_str(b), &frame) == DW_OK)
        (void)!hub_send(hub, dialog->ws.id, frame);
    else
        hub_close(hub, dialog->ws.id, CLOSE_INTERNAL, dw_str(dw_error_info(DW_ERR_INTERNAL)->message));
}
