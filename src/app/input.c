#include "app/application.h"

/* --- media types (RFC 9110 §8.3.1) ------------------------------------------------------------------------------ */

static struct dw_str trim(struct dw_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = dw_str_n(s.ptr + 1, s.len - 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* The part before the next ';', and what follows it. */
static struct dw_str part_next(struct dw_str *rest)
{
    const char *semicolon = rest->len > 0 ? memchr(rest->ptr, ';', rest->len) : NULL;
    const size_t len = semicolon == NULL ? rest->len : (size_t)(semicolon - rest->ptr);
    const struct dw_str part = dw_str_n(rest->ptr, len);

    *rest = semicolon == NULL ? dw_str_n(NULL, 0) : dw_str_n(semicolon + 1, rest->len - len - 1);
    return trim(part);
}

/* A charset other than UTF-8 would make us read other characters than were meant. */
static bool parameter_is_fine(struct dw_str parameter)
{
    static const struct dw_str CHARSET = DW_STR_INIT("charset=");

    if (parameter.len < CHARSET.len || !dw_str_eq_nocase(dw_str_n(parameter.ptr, CHARSET.len), CHARSET))
        return true;
    struct dw_str value = dw_str_n(parameter.ptr + CHARSET.len, parameter.len - CHARSET.len);
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = dw_str_n(value.ptr + 1, value.len - 2);
    return dw_str_eq_nocase(value, DW_STR("utf-8")) || dw_str_eq_nocase(value, DW_STR("utf8"));
}

static bool is_json_type(struct dw_str type)
{
    static const struct dw_str JSON = DW_STR_INIT("application/json"), PREFIX = DW_STR_INIT("application/"),
                               SUFFIX = DW_STR_INIT("+json");

    if (dw_str_eq_nocase(type, JSON))
        return true;
    /* application/merge-patch+json and the like (RFC 6839 §3.1). */
    return type.len > PREFIX.len + SUFFIX.len && dw_str_eq_nocase(dw_str_n(type.ptr, PREFIX.len), PREFIX) &&
           dw_str_eq_nocase(dw_str_n(type.ptr + type.len - SUFFIX.len, SUFFIX.len), SUFFIX);
}

static bool media_type_is(const struct dw_request *r, bool is_form)
{
    struct dw_str rest = dw_request_header(r, "Content-Type");
    const struct dw_str type = part_next(&rest);
    const bool fits =
        is_form ? dw_str_eq_nocase(type, DW_STR("application/x-www-form-urlencoded")) : is_json_type(type);

    while (fits && rest.len > 0)
        if (!parameter_is_fine(part_next(&rest)))
            return false;
    return fits;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

static enum dw_err body_read(struct dw_request *r, struct app_state *s)
{
    const struct app_row *row = s->match.row;

    /* Without a body there is nothing of a wrong type: the model says what is missing. */
    if (r->body.len > 0 && !media_type_is(r, row->route->form != NULL))
        return dw_fail(r, DW_ERR_MEDIA_TYPE,
                       row->route->form != NULL
                           ? "Unsupported Media Type: application/x-www-form-urlencoded is expected"
                           : "Unsupported Media Type: application/json is expected");
    if (row->route->form != NULL)
        return model_parse_text(row->body, r->body, "body", r->arena, &s->issues, &s->body);
    const bool is_left_out = r->body.len == 0 && row->route->is_body_optional;

    return model_parse_json(row->body, is_left_out ? DW_STR("{}") : r->body, "body", r->arena, &s->issues,
                            &s->body);
}

/* Both are read, so that one answer tells all that is wrong. */
enum dw_err input_read(struct dw_request *r)
{
    struct app_state *s = app_state(r);

    if (s->is_input_read)
        return DW_OK;
    const enum dw_err err = parameters_read(r);
    if (err != DW_OK && err != DW_ERR_VALIDATION)
        return err;
    if (s->match.row->body != NULL)
        TRY(body_read(r, s));
    s->is_input_read = err == DW_OK;
    return err;
}
