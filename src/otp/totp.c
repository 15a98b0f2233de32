#include <doorward/otp.h>

#include "base/cleanup.h"
#include "crypto/hash.h"

enum { DEFAULT_DIGITS = 6, DEFAULT_PERIOD_S = 30, COUNTER_SIZE = 8 };

static const struct {
    const char *name, *dashed;
    enum dw_otp_hash hash;
    unsigned size;
} HASHES[] = {
    { "SHA1", "SHA-1", DW_OTP_SHA1, SHA1_SIZE },
    { "SHA256", "SHA-256", DW_OTP_SHA256, 32 },
    { "SHA512", "SHA-512", DW_OTP_SHA512, 64 },
};

enum dw_otp_hash dw_otp_hash_by_name(struct dw_str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(HASHES); i++)
        if (dw_str_eq_nocase(name, dw_str(HASHES[i].name)) || dw_str_eq_nocase(name, dw_str(HASHES[i].dashed)))
            return HASHES[i].hash;
    return 0;
}

const char *dw_otp_hash_name(enum dw_otp_hash hash)
{
    return hash >= DW_OTP_SHA1 && hash <= DW_OTP_SHA512 ? HASHES[hash - 1].name : NULL;
}

/* --- HOTP ------------------------------------------------------------------------------------------------------- */

static enum dw_err mac_of(struct dw_str secret, uint64_t counter, enum dw_otp_hash hash, unsigned char *ret_mac)
{
    unsigned char message[COUNTER_SIZE];

    for (unsigned i = 0; i < COUNTER_SIZE; i++)
        message[i] = (unsigned char)(counter >> (8 * (COUNTER_SIZE - 1 - i)));
    const struct dw_str data = dw_str_n(message, sizeof(message));

    if (hash == DW_OTP_SHA1)
        return hmac_sha1(secret, data, ret_mac);
    return hmac_sha2(8 * HASHES[hash - 1].size, secret, data, ret_mac);
}

/* RFC 4226 §5.3: dynamic truncation. */
static uint32_t truncate_mac(const unsigned char *mac, unsigned size)
{
    const unsigned char *p = mac + (mac[size - 1] & 15);

    return ((uint32_t)p[0] & 127) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

enum dw_err dw_hotp_generate(struct dw_str secret, uint64_t counter, enum dw_otp_hash hash, unsigned digits,
                             char ret_code[DW_OTP_CODE_SIZE])
{
    unsigned char mac[HASH_MAX_SIZE];

    if (ret_code == NULL)
        return DW_ERR_ARGUMENT;
    if (secret.len == 0 || dw_otp_hash_name(hash) == NULL || digits < DW_OTP_DIGITS_MIN || digits > DW_OTP_DIGITS_MAX)
        return DW_ERR_VALIDATION;
    TRY(mac_of(secret, counter, hash, mac));
    uint32_t number = truncate_mac(mac, HASHES[hash - 1].size);

    dw_wipe(mac, sizeof(mac));
    ret_code[digits] = '\0';
    for (unsigned i = digits; i-- > 0; number /= 10)
        ret_code[i] = (char)('0' + number % 10);
    return DW_OK;
}

/* --- TOTP ------------------------------------------------------------------------------------------------------- */

static enum dw_err with_defaults(const struct dw_totp *totp, struct dw_totp *ret_totp)
{
    struct dw_totp t = *totp;

    t.hash = t.hash != 0 ? t.hash : DW_OTP_SHA1;
    t.digits = t.digits != 0 ? t.digits : DEFAULT_DIGITS;
    t.period_s = t.period_s != 0 ? t.period_s : DEFAULT_PERIOD_S;
    if (t.period_s < 0 || t.t0_s < 0 || t.window > DW_OTP_WINDOW_MAX)
        return DW_ERR_VALIDATION;
    *ret_totp = t;
    return DW_OK;
}

enum dw_err dw_totp_generate(struct dw_str secret, const struct dw_totp *totp, int64_t unix_s,
                             char ret_code[DW_OTP_CODE_SIZE])
{
    struct dw_totp t;

    if (totp == NULL || ret_code == NULL)
        return DW_ERR_ARGUMENT;
    TRY(with_defaults(totp, &t));
    if (unix_s < t.t0_s)
        return DW_ERR_VALIDATION;
    return dw_hotp_generate(secret, (uint64_t)((unix_s - t.t0_s) / t.period_s), t.hash, t.digits, ret_code);
}

static bool is_code(struct dw_str code, unsigned digits)
{
    for (size_t i = 0; i < code.len; i++)
        if (code.ptr[i] < '0' || code.ptr[i] > '9')
            return false;
    return code.len == digits;
}

enum dw_err dw_totp_verify(struct dw_str secret, const struct dw_totp *totp, struct dw_str code, int64_t unix_s,
                           int64_t last_step, bool *ret_matches, int64_t *ret_step)
{
    struct dw_totp t;
    char expected[DW_OTP_CODE_SIZE];
    bool matches = false;
    int64_t found = -1;

    if (totp == NULL || ret_matches == NULL || ret_step == NULL)
        return DW_ERR_ARGUMENT;
    TRY(with_defaults(totp, &t));
    if (unix_s < t.t0_s || !is_code(code, t.digits))
        return DW_ERR_VALIDATION;
    const int64_t now = (unix_s - t.t0_s) / t.period_s;
    if (now > INT64_MAX - (int64_t)t.window)
        return DW_ERR_VALIDATION;

    /* Every step is computed, whichever matched: the time tells nothing. The earliest that matches is spent. */
    for (int64_t step = now + t.window; step >= MAX_OF(now - (int64_t)t.window, 0); step--) {
        TRY(dw_hotp_generate(secret, (uint64_t)step, t.hash, t.digits, expected));
        const bool is_this = dw_mem_eq(expected, code.ptr, t.digits) & (step > last_step);

        found = is_this ? step : found;
        matches |= is_this;
    }
    dw_wipe(expected, sizeof(expected));
    *ret_matches = matches;
    if (matches)
        *ret_step = found;
    return DW_OK;
}
