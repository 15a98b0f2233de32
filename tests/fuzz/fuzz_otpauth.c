/* Any bytes as an otpauth URI: what is taken can be written, and reads the same; its codes are of its digits. */
#include "fuzz.h"

#include <doorward/otp.h>

static void check_codes(const struct dw_otpauth *o)
{
    const struct dw_totp totp = { .hash = o->hash, .digits = o->digits, .period_s = o->period_s, .window = 1 };
    char code[DW_OTP_CODE_SIZE];
    bool matches = false;
    int64_t step = 0;

    CLAIM(dw_hotp_generate(o->secret, o->counter, o->hash, o->digits, code) == DW_OK);
    CLAIM(strlen(code) == o->digits);
    if (o->type != DW_OTP_TOTP)
        return;
    CLAIM(dw_totp_generate(o->secret, &totp, 1700000000, code) == DW_OK);
    CLAIM(dw_totp_verify(o->secret, &totp, dw_str(code), 1700000000, -1, &matches, &step) == DW_OK && matches);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_otpauth first, second;
    struct dw_str uri;

    if (dw_arena_new(1 << 20, &arena) != DW_OK)
        return 0;
    if (dw_otpauth_parse(dw_str_n(data, size), arena, &first) != DW_OK)
        return 0;
    CLAIM(dw_otpauth_build(&first, arena, &uri) == DW_OK);
    CLAIM(dw_otpauth_parse(uri, arena, &second) == DW_OK);
    CLAIM(first.type == second.type && first.hash == second.hash && first.digits == second.digits);
    CLAIM(dw_str_eq(first.label, second.label) && dw_str_eq(first.issuer, second.issuer));
    CLAIM(dw_str_eq(first.secret, second.secret));
    CLAIM(first.type == DW_OTP_TOTP ? first.period_s == second.period_s : first.counter == second.counter);
    check_codes(&first);
    return 0;
}
