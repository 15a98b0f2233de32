/* One-time codes: hotp.generate, totp.generate, totp.verify, otpauth.parse, otpauth.build, and base32. */
#include "base/encoding.h"
#include "cli/vectors/op.h"
#include <doorward/otp.h>

enum { DEFAULT_DIGITS = 6, DEFAULT_PERIOD_S = 30 };

/* A number that may be left out. */
static enum dw_err op_int_or(const struct op_call *call, const char *name, int64_t min, int64_t max, int64_t fallback,
                             int64_t *ret_value)
{
    if (json_get(call->in, name) != NULL)
        return op_int(call, name, min, max, ret_value);
    *ret_value = fallback;
    return DW_OK;
}

static enum dw_err op_otp_hash(const struct op_call *call, enum dw_otp_hash *ret_hash)
{
    struct dw_str name = DW_STR("SHA1");

    if (json_get(call->in, "hash") != NULL)
        TRY(op_str(call, "hash", &name));
    *ret_hash = dw_otp_hash_by_name(name);
    return *ret_hash != 0 ? DW_OK : DW_ERR_UNSUPPORTED;
}

static enum dw_err op_digits(const struct op_call *call, unsigned *ret_digits)
{
    int64_t digits = 0;

    TRY(op_int_or(call, "digits", 1, UINT8_MAX, DEFAULT_DIGITS, &digits));
    *ret_digits = (unsigned)digits;
    return DW_OK;
}

static enum dw_err op_totp(const struct op_call *call, struct dw_totp *ret_totp)
{
    struct dw_totp totp = { 0 };
    int64_t window = 0;

    TRY(op_otp_hash(call, &totp.hash));
    TRY(op_digits(call, &totp.digits));
    TRY(op_int_or(call, "period", 1, INT32_MAX, DEFAULT_PERIOD_S, &totp.period_s));
    TRY(op_int_or(call, "t0", 0, INT64_MAX, 0, &totp.t0_s));
    TRY(op_int_or(call, "window", 0, DW_OTP_WINDOW_MAX, 0, &window));
    totp.window = (unsigned)window;
    *ret_totp = totp;
    return DW_OK;
}

/* --- codes ------------------------------------------------------------------------------------------------------ */

static enum dw_err hotp_generate(struct op_call *call)
{
    struct dw_str secret = { 0 };
    int64_t counter = 0;
    unsigned digits = 0;
    enum dw_otp_hash hash;
    char code[DW_OTP_CODE_SIZE];

    TRY(op_bytes(call, "secret", &secret));
    TRY(op_int(call, "counter", 0, INT64_MAX, &counter));
    TRY(op_digits(call, &digits));
    TRY(op_otp_hash(call, &hash));
    TRY(dw_hotp_generate(secret, (uint64_t)counter, hash, digits, code));
    json_write_member_str(call->out, "code", dw_str(code));
    return DW_OK;
}

static enum dw_err totp_generate(struct op_call *call)
{
    struct dw_str secret = { 0 };
    int64_t time_s = 0;
    struct dw_totp totp;
    char code[DW_OTP_CODE_SIZE];

    TRY(op_bytes(call, "secret", &secret));
    TRY(op_int(call, "time", 0, INT64_MAX, &time_s));
    TRY(op_totp(call, &totp));
    TRY(dw_totp_generate(secret, &totp, time_s, code));
    json_write_member_str(call->out, "code", dw_str(code));
    return DW_OK;
}

static enum dw_err totp_verify(struct op_call *call)
{
    struct dw_str secret = { 0 }, code = { 0 };
    int64_t time_s = 0, last_step = 0, step = 0;
    struct dw_totp totp;
    bool matches = false;

    TRY(op_bytes(call, "secret", &secret));
    TRY(op_str(call, "code", &code));
    TRY(op_int(call, "time", 0, INT64_MAX, &time_s));
    TRY(op_int_or(call, "last_step", -1, INT64_MAX, -1, &last_step));
    TRY(op_totp(call, &totp));
    TRY(dw_totp_verify(secret, &totp, code, time_s, last_step, &matches, &step));
    json_write_member_bool(call->out, "match", matches);
    if (matches)
        json_write_member_int(call->out, "step", step);
    return DW_OK;
}

/* --- URIs ------------------------------------------------------------------------------------------------------- */

static enum dw_err otpauth_parse(struct op_call *call)
{
    struct dw_str uri = { 0 };
    struct dw_otpauth o;

    TRY(op_str(call, "uri", &uri));
    TRY(dw_otpauth_parse(uri, call->arena, &o));
    json_write_member_str(call->out, "type", o.type == DW_OTP_TOTP ? DW_STR("totp") : DW_STR("hotp"));
    json_write_member_str(call->out, "label", o.label);
    json_write_member_str(call->out, "issuer", o.issuer);
    op_answer_bytes(call, "secret", o.secret);
    json_write_member_str(call->out, "hash", dw_str(dw_otp_hash_name(o.hash)));
    json_write_member_int(call->out, "digits", o.digits);
    if (o.type == DW_OTP_TOTP)
        json_write_member_int(call->out, "period", o.period_s);
    else
        json_write_member_int(call->out, "counter", (int64_t)o.counter);
    return DW_OK;
}

static enum dw_err otpauth_build(struct op_call *call)
{
    struct dw_otpauth o = { .issuer = json_get_str(call->in, "issuer") };
    struct dw_str type = { 0 }, uri;
    int64_t counter = 0;

    TRY(op_str(call, "type", &type));
    o.type = dw_str_eq(type, DW_STR("hotp")) ? DW_OTP_HOTP : DW_OTP_TOTP;
    if (o.type == DW_OTP_TOTP && !dw_str_eq(type, DW_STR("totp")))
        return DW_ERR_UNSUPPORTED;
    TRY(op_str(call, "label", &o.label));
    TRY(op_bytes(call, "secret", &o.secret));
    TRY(op_otp_hash(call, &o.hash));
    TRY(op_digits(call, &o.digits));
    TRY(op_int_or(call, "period", 1, INT32_MAX, DEFAULT_PERIOD_S, &o.period_s));
    TRY(op_int_or(call, "counter", 0, INT64_MAX, 0, &counter));
    o.counter = (uint64_t)counter;
    TRY(dw_otpauth_build(&o, call->arena, &uri));
    json_write_member_str(call->out, "uri", uri);
    return DW_OK;
}

/* --- base32 ----------------------------------------------------------------------------------------------------- */

static enum dw_err base32_decode_op(struct op_call *call)
{
    struct dw_str text = { 0 }, bytes;

    TRY(op_str(call, "text", &text));
    TRY(base32_decode_arena(call->arena, text, &bytes));
    op_answer_bytes(call, "bytes", bytes);
    return DW_OK;
}

/* With padding, as RFC 4648 §3.2 asks of everyone who was not told otherwise. */
static enum dw_err base32_encode_op(struct op_call *call)
{
    struct dw_str bytes = { 0 };

    TRY(op_bytes(call, "bytes", &bytes));
    char *text = dw_arena_alloc(call->arena, base32_encoded_size(bytes.len) + 1);

    if (text == NULL)
        return DW_ERR_NO_MEMORY;
    json_write_member_str(call->out, "text", dw_str_n(text, base32_encode(bytes, true, text)));
    return DW_OK;
}

const struct op OPS_OTP[] = {
    { "hotp.generate", hotp_generate },
    { "totp.generate", totp_generate },
    { "totp.verify", totp_verify },
    { "otpauth.parse", otpauth_parse },
    { "otpauth.build", otpauth_build },
    { "base32.decode", base32_decode_op },
    { "base32.encode", base32_encode_op },
    { NULL },
};
