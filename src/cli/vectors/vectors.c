#include "cli/vectors/vectors.h"
#include "cli/vectors/op.h"

enum { LINE_MAX_BYTES = 16 * 1024 * 1024, ANSWER_MAX_BYTES = 16 * 1024 * 1024, LINE_DEPTH = 64 };

static const struct op *const FAMILIES[] = { OPS_JWS, OPS_JWE, OPS_KEY, OPS_OTP, OPS_LIMIT, OPS_PASSWORD, OPS_TEXT };

static const struct op *op_find(struct dw_str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(FAMILIES); i++)
        for (const struct op *op = FAMILIES[i]; op->name != NULL; op++)
            if (dw_str_eq(name, dw_str(op->name)))
                return op;
    return NULL;
}

static enum dw_err run_op(yyjson_val *request, struct op_call *call)
{
    const struct dw_str name = json_get_str(request, "op");
    const struct op *op = op_find(name);

    call->in = json_get(request, "in");
    if (dw_str_is_absent(name))
        return DW_ERR_VALIDATION;
    if (op == NULL)
        return DW_ERR_UNSUPPORTED;
    if (!yyjson_is_obj(call->in))
        return DW_ERR_VALIDATION;
    TRY(op->run(call));
    return buffer_error(call->out);
}

/* The whole answer line; `id` may be NULL. */
static void write_answer(struct buffer *answer, yyjson_val *id, enum dw_err err, struct dw_str members)
{
    buffer_append_literal(answer, "{\"id\":");
    if (id != NULL)
        json_write_value(answer, id);
    else
        buffer_append_literal(answer, "null");
    if (err == DW_ERR_UNSUPPORTED) {
        json_write_member_bool(answer, "unsupported", true);
    } else {
        json_write_member_bool(answer, "ok", err == DW_OK);
        if (err != DW_OK)
            json_write_member_str(answer, "error", dw_str(dw_error_info(err)->code));
        else if (members.len > 1)
            buffer_append_char(answer, ',');
        if (err == DW_OK)
            buffer_append(answer, dw_str_n(members.ptr + 1, members.len - 1)); /* without its brace */
    }
    buffer_append_literal(answer, "}\n");
}

static void answer_line(struct dw_str line, struct dw_arena *arena, struct dw_passwords **passwords,
                        struct buffer *answer)
{
    _cleanup_buffer_ struct buffer members = BUFFER_INIT(ANSWER_MAX_BYTES);
    struct op_call call = { .arena = arena, .out = &members, .passwords = passwords };
    yyjson_val *request = NULL;

    buffer_append_char(&members, '{');
    enum dw_err err = line.len > LINE_MAX_BYTES ? DW_ERR_LIMIT : json_parse(arena, line, LINE_DEPTH, &request, NULL);
    if (err == DW_OK)
        err = yyjson_is_obj(request) ? run_op(request, &call) : DW_ERR_VALIDATION;
    write_answer(answer, json_get(request, "id"), err, buffer_str(&members));
}

static bool put(FILE *out, struct dw_str text)
{
    return fwrite(text.ptr, 1, text.len, out) == text.len && fflush(out) == 0;
}

/* Values take up to 8 bytes a byte of text, and what is decoded from them comes on top. */
static size_t arena_limit(size_t line_size)
{
    return 16 * line_size + 4 * 1024 * 1024;
}

int vectors_run(FILE *in, FILE *out)
{
    _cleanup_(dw_passwords_free) struct dw_passwords *passwords = NULL;
    _cleanup_free_ char *line = NULL;
    size_t capacity = 0;
    ssize_t size;

    while ((size = getline(&line, &capacity, in)) >= 0) {
        _cleanup_arena_ struct dw_arena *arena = NULL;
        _cleanup_buffer_ struct buffer answer = BUFFER_INIT(ANSWER_MAX_BYTES + 4096);
        if (dw_arena_new(arena_limit((size_t)size), &arena) != DW_OK)
            return 1;
        answer_line(dw_str_n(line, (size_t)size), arena, &passwords, &answer);
        if (buffer_error(&answer) != DW_OK || !put(out, buffer_str(&answer)))
            return 1;
    }
    return ferror(in) ? 1 : 0;
}
