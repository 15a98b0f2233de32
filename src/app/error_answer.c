#include "app/application.h"

enum { STATUS_BAD_REQUEST = 400, STATUS_FORBIDDEN = 403, STATUS_VALIDATION = 422, STATUS_SERVER_ERROR = 500 };

static const char *text_of(const struct app_state *s, enum dw_err err)
{
    return s != NULL && s->fail_error == err && s->fail_text != NULL ? s->fail_text : dw_error_info(err)->message;
}

/* RFC 6749 §5.2 knows few codes; every other error of the caller is an invalid request. */
static const char *oauth_code(const struct dw_error_info *info)
{
    if (info->oauth != NULL)
        return info->oauth;
    if (info->status >= STATUS_SERVER_ERROR)
        return "server_error";
    return info->status == STATUS_FORBIDDEN ? "access_denied" : "invalid_request";
}

/* error_description must not hold other characters than %x20-21 / %x23-5B / %x5D-7E. */
static void description_write(struct dw_str text, struct buffer *b)
{
    json_write_key(b, "error_description");
    buffer_append_char(b, '"');
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        buffer_append_char(b, c < ' ' || c > '~' || c == '"' || c == '\\' ? '\'' : c);
    }
    buffer_append_char(b, '"');
}

static void oauth_write(struct dw_request *r, enum dw_err err, struct buffer *b)
{
    const struct app_state *s = app_state(r);
    const struct dw_error_info *info = dw_error_info(err);
    struct dw_str text = issue_list_text(&s->issues, r->arena);

    if (info->status != STATUS_VALIDATION || dw_str_is_absent(text))
        text = dw_str(text_of(s, err));
    buffer_append_char(b, '{');
    json_write_member_str(b, "error", dw_str(oauth_code(info)));
    description_write(text, b);
    json_write_member_str(b, "detail", text);
    buffer_append_char(b, '}');
}

void error_answer_write_detail(const struct app_state *s, enum dw_err err, struct buffer *b)
{
    if (s != NULL && s->issues.n > 0 && dw_error_info(err)->status == STATUS_VALIDATION)
        issue_list_write(&s->issues, b);
    else
        json_write_str(b, dw_str(text_of(s, err)));
}

static void detail_write(const struct app_state *s, enum dw_err err, struct buffer *b)
{
    buffer_append_literal(b, "{\"detail\":");
    error_answer_write_detail(s, err, b);
    buffer_append_char(b, '}');
}

/* RFC 6749 §5.2 answers 400 where FastAPI says 422 or 415. */
static int status_of(const struct app_row *row, enum dw_err err)
{
    const int status = dw_error_info(err)->status;

    if (row != NULL && row->route->oauth_errors && (status == STATUS_VALIDATION || err == DW_ERR_MEDIA_TYPE))
        return STATUS_BAD_REQUEST;
    return status;
}

static void headers_add(struct dw_request *r, enum dw_err err)
{
    const struct app_state *s = app_state(r);

    challenge_write(r, err);
    if (err == DW_ERR_METHOD && s != NULL)
        dw_answer_header(r, "Allow", router_allow(r->arena, s->match.methods));
    if (err == DW_ERR_UPGRADE) { /* RFC 9110 §15.5.22, RFC 6455 §4.4 */
        dw_answer_header(r, "Upgrade", DW_STR("websocket"));
        dw_answer_header(r, "Sec-WebSocket-Version", DW_STR("13"));
    }
    if (s != NULL && s->retry_after_s > 0)
        dw_answer_header(r, "Retry-After", dw_arena_printf(r->arena, "%u", s->retry_after_s));
    else if (err == DW_ERR_BUSY || err == DW_ERR_UNAVAILABLE)
        dw_answer_header(r, "Retry-After", DW_STR("1"));
}

void error_answer_write(const struct dw_app *app, struct dw_request *r, enum dw_err err)
{
    const struct app_row *row = app_row(r);
    struct app_state *s = app_state(r);

    if (err == DW_OK)
        err = DW_ERR_INTERNAL;
    if (s != NULL)
        s->error = err;
    http_answer_clear(r);
    r->status = status_of(row, err);
    r->content_type = "application/json";
    headers_add(r, err);
    if (row != NULL && row->route->oauth_errors)
        oauth_write(r, err, &r->answer);
    else
        detail_write(s, err, &r->answer);
}
