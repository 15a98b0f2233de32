#include "cli/vectors/op.h"
#include "base/encoding.h"

enum { JSON_MAX_BYTES = 1024 * 1024 };

enum dw_err op_str(const struct op_call *call, const char *name, struct dw_str *ret_text)
{
    const struct dw_str text = json_get_str(call->in, name);

    if (dw_str_is_absent(text))
        return DW_ERR_VALIDATION;
    *ret_text = text;
    return DW_OK;
}

enum dw_err op_bytes(const struct op_call *call, const char *name, struct dw_str *ret_bytes)
{
    struct dw_str text = { 0 };

    TRY(op_str(call, name, &text));
    return base64url_decode_arena(call->arena, text, ret_bytes);
}

enum dw_err op_hex(const struct op_call *call, const char *name, struct dw_str *ret_bytes)
{
    struct dw_str text = { 0 };
    size_t size = 0;

    TRY(op_str(call, name, &text));
    char *bytes = dw_arena_alloc(call->arena, text.len / 2 + 1);
    if (bytes == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(hex_decode(text, bytes, text.len / 2, &size));
    *ret_bytes = dw_str_n(bytes, size);
    return DW_OK;
}

enum dw_err op_int(const struct op_call *call, const char *name, int64_t min, int64_t max, int64_t *ret_value)
{
    yyjson_val *value = json_get(call->in, name);

    if (!yyjson_is_int(value))
        return DW_ERR_VALIDATION;
    const int64_t number = json_get_int(call->in, name, INT64_MIN);
    if (number < min || number > max)
        return DW_ERR_VALIDATION;
    *ret_value = number;
    return DW_OK;
}

enum dw_err op_alg(const struct op_call *call, enum dw_alg *ret_alg)
{
    struct dw_str name = { 0 };

    TRY(op_str(call, "alg", &name));
    const enum dw_alg alg = dw_alg_by_name(name);
    if (alg == DW_ALG_NONE_GIVEN)
        return DW_ERR_UNSUPPORTED;
    *ret_alg = alg;
    return DW_OK;
}

enum dw_err op_hash_bits(const struct op_call *call, const char *name, unsigned *ret_bits)
{
    static const struct {
        const char *name;
        unsigned bits;
    } NAMES[] = { { "SHA-256", 256 }, { "SHA-384", 384 }, { "SHA-512", 512 }, { "SHA256", 256 },
                  { "SHA384", 384 },  { "SHA512", 512 },  { "S256", 256 } };
    struct dw_str given = { 0 };

    TRY(op_str(call, name, &given));
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        if (dw_str_eq_nocase(given, dw_str(NAMES[i].name))) {
            *ret_bits = NAMES[i].bits;
            return DW_OK;
        }
    return DW_ERR_UNSUPPORTED;
}

enum dw_err op_json(const struct op_call *call, yyjson_val *value, struct dw_str *ret_json)
{
    _cleanup_buffer_ struct buffer text = BUFFER_INIT(JSON_MAX_BYTES);

    if (value == NULL)
        return DW_ERR_VALIDATION;
    json_write_value(&text, value);
    TRY(buffer_error(&text));
    const struct dw_str json = dw_arena_copy(call->arena, buffer_str(&text));
    if (dw_str_is_absent(json))
        return DW_ERR_NO_MEMORY;
    *ret_json = json;
    return DW_OK;
}

enum dw_err op_jwk(const struct op_call *call, enum dw_alg alg, struct dw_key **ret_key)
{
    struct dw_str json = { 0 };

    TRY(op_json(call, json_get(call->in, "jwk"), &json));
    return dw_key_from_jwk(json, alg, ret_key);
}

enum dw_err op_passwords(const struct op_call *call, struct dw_passwords **ret_passwords)
{
    const struct dw_password_config config = { .workers = 1 };

    if (*call->passwords == NULL)
        TRY(dw_passwords_new(&config, call->passwords));
    *ret_passwords = *call->passwords;
    return DW_OK;
}

void op_answer_bytes(struct op_call *call, const char *name, struct dw_str bytes)
{
    json_write_key(call->out, name);
    buffer_append_char(call->out, '"');
    char *text = buffer_reserve(call->out, base64url_encoded_size(bytes.len));
    if (text != NULL)
        buffer_commit(call->out, base64url_encode(bytes, text));
    buffer_append_char(call->out, '"');
}

void op_answer_hex(struct op_call *call, const char *name, struct dw_str bytes)
{
    json_write_key(call->out, name);
    buffer_append_char(call->out, '"');
    char *text = buffer_reserve(call->out, 2 * bytes.len);
    if (text != NULL)
        buffer_commit(call->out, hex_encode(bytes, text));
    buffer_append_char(call->out, '"');
}

enum dw_err op_answer_json(struct op_call *call, const char *name, struct dw_str json)
{
    yyjson_val *value = NULL;

    TRY(json_parse(call->arena, json, JSON_DEPTH_DEFAULT, &value, NULL));
    json_write_key(call->out, name);
    json_write_value(call->out, value);
    return DW_OK;
}
