#include "cli/tools_otp.h"

#include "base/encoding.h"
#include "base/json.h"
#include "cli/output.h"
#include <doorward/otp.h>

enum { INPUT_MAX_BYTES = 4096, PERIOD_MAX_S = 86400, WINDOW_STEPS = 1 };

#define NOW_OPTION { "--now", "SECONDS", "the time, in Unix seconds (the clock's)" }
#define HASH_OPTION { "--hash", "NAME", "SHA1, SHA256 or SHA512 (SHA1)" }
#define DIGITS_OPTION { "--digits", "NUMBER", "of a code, 6 to 8 (6)" }
#define PERIOD_OPTION { "--period", "SECONDS", "how long a code stands (30)" }

const struct option TOTP_GENERATE_OPTIONS[] = { NOW_OPTION, HASH_OPTION, DIGITS_OPTION, PERIOD_OPTION, { NULL } };

const struct option TOTP_VERIFY_OPTIONS[] = {
    { "--window", "STEPS", "codes before and after now that count too, 0 to 10 (1)" },
    NOW_OPTION, HASH_OPTION, DIGITS_OPTION, PERIOD_OPTION,
    { NULL },
};

const struct option TOTP_URI_OPTIONS[] = {
    { "--label", "TEXT", "whose account it is", .is_required = true },
    { "--issuer", "TEXT", "who runs the service" },
    { "--new", NULL, "a new secret of 160 bits, instead of one from standard input" },
    HASH_OPTION, DIGITS_OPTION, PERIOD_OPTION,
    { NULL },
};

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* Base32 as people copy it: groups, small letters and padding are all the same. */
static enum dw_err read_base32(struct cli *cli, struct dw_str text, struct dw_str *ret_secret)
{
    char *chars = dw_arena_alloc(cli->arena, text.len + 1);
    size_t n = 0;

    if (chars == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];

        if (strchr(" \t\r\n-", c) == NULL)
            chars[n++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    if (n == 0 || base32_decode_arena(cli->arena, dw_str_n(chars, n), ret_secret) != DW_OK)
        return cli_refuse(cli, DW_ERR_ENCODING, "standard input has to be a secret in base32, or an otpauth URI");
    return DW_OK;
}

static enum dw_err read_secret(struct cli *cli, struct dw_otpauth *o)
{
    char *text = dw_arena_alloc(cli->arena, INPUT_MAX_BYTES + 1);
    struct dw_str input;

    if (text == NULL)
        return DW_ERR_NO_MEMORY;
    input = dw_str_n(text, fread(text, 1, INPUT_MAX_BYTES + 1, cli->in));
    if (ferror(cli->in) || input.len > INPUT_MAX_BYTES)
        return cli_refuse(cli, DW_ERR_LIMIT, "standard input can't be read, or is too long for a secret");
    while (input.len > 0 && strchr(" \t\r\n", input.ptr[input.len - 1]) != NULL)
        input.len--;
    if (!dw_str_starts_with(input, DW_STR("otpauth:")))
        return read_base32(cli, input, &o->secret);
    if (dw_otpauth_parse(input, cli->arena, o) != DW_OK || o->type != DW_OTP_TOTP)
        return cli_refuse(cli, DW_ERR_VALIDATION, "this is no otpauth://totp URI");
    return DW_OK;
}

/* What the options say goes before what the URI says. */
static enum dw_err read_options(struct cli *cli, struct dw_otpauth *o)
{
    const struct dw_str hash = cli_option_str(cli, "--hash");
    int64_t digits = 0;

    TRY(cli_option_int(cli, "--digits", DW_OTP_DIGITS_MIN, DW_OTP_DIGITS_MAX, o->digits, &digits));
    TRY(cli_option_int(cli, "--period", 1, PERIOD_MAX_S, o->period_s, &o->period_s));
    o->digits = (unsigned)digits;
    if (dw_str_is_absent(hash))
        return DW_OK;
    o->hash = dw_otp_hash_by_name(hash);
    return o->hash != 0 ? DW_OK : cli_misuse(cli, "--hash must be SHA1, SHA256 or SHA512");
}

static enum dw_err read_totp(struct cli *cli, struct dw_otpauth *o, struct dw_totp *ret_totp, int64_t *ret_now_s)
{
    TRY(cli_option_int(cli, "--now", 0, INT64_MAX, dw_clock_now_s(), ret_now_s));
    TRY(read_options(cli, o)); /* a misuse is told before anything is read */
    TRY(read_secret(cli, o));
    TRY(read_options(cli, o));
    *ret_totp = (struct dw_totp){ .hash = o->hash, .digits = o->digits, .period_s = o->period_s };
    return DW_OK;
}

/* --- actions ---------------------------------------------------------------------------------------------------- */

static enum dw_err answer(struct cli *cli, const char *name, struct dw_str value)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(4 * INPUT_MAX_BYTES);

    if (cli->json) {
        buffer_append_char(&b, '{');
        json_write_member_str(&b, name, value);
        buffer_append_char(&b, '}');
    } else {
        buffer_append(&b, value);
    }
    buffer_append_char(&b, '\n');
    return output_buffer(cli->out, &b);
}

enum dw_err action_totp_generate(struct cli *cli)
{
    struct dw_otpauth o = { 0 };
    struct dw_totp totp;
    int64_t now_s = 0;
    char code[DW_OTP_CODE_SIZE];

    TRY(read_totp(cli, &o, &totp, &now_s));
    TRY(dw_totp_generate(o.secret, &totp, now_s, code));
    return answer(cli, "code", dw_str(code));
}

enum dw_err action_totp_verify(struct cli *cli)
{
    struct dw_otpauth o = { 0 };
    struct dw_totp totp;
    int64_t now_s = 0, window = 0, step = 0;
    bool matches = false;

    TRY(cli_option_int(cli, "--window", 0, DW_OTP_WINDOW_MAX, WINDOW_STEPS, &window));
    TRY(read_totp(cli, &o, &totp, &now_s));
    totp.window = (unsigned)window;
    const enum dw_err err = dw_totp_verify(o.secret, &totp, dw_str(cli_argument(cli, 0)), now_s, -1, &matches, &step);

    if (err != DW_OK && err != DW_ERR_VALIDATION)
        return err;
    if (err == DW_ERR_VALIDATION || !matches)
        return cli_refuse(cli, DW_ERR_MFA_CODE, "the code does not match");
    return output_said(cli, "The code matches");
}

enum dw_err action_totp_uri(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret fresh = { 0 };
    struct dw_otpauth o = { 0 };
    struct dw_str uri;

    TRY(read_options(cli, &o));
    if (cli_option(cli, "--new") != NULL) {
        TRY(dw_secret_random(DW_OTP_SECRET_SIZE, &fresh));
        o.secret = dw_secret_borrow(&fresh);
    } else {
        TRY(read_secret(cli, &o));
        TRY(read_options(cli, &o));
    }
    o.type = DW_OTP_TOTP;
    o.label = cli_option_str(cli, "--label");
    if (cli_option(cli, "--issuer") != NULL)
        o.issuer = cli_option_str(cli, "--issuer");
    if (dw_otpauth_build(&o, cli->arena, &uri) != DW_OK)
        return cli_misuse(cli, "--label and --issuer have to be text without colons");
    return answer(cli, "uri", uri);
}
