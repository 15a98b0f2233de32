/*
 * One-time codes: HOTP (RFC 4226), TOTP (RFC 6238), the otpauth URI that apps read, and its QR picture.
 *
 * Defends against: a code that is used twice (dw_totp_verify() refuses steps up to the last one that was accepted),
 * telling by time how much of a code was right (every step of the window is computed and compared), parameters that
 * make codes guessable (6 to 8 digits).
 * Does not: store anything or count attempts. Both are needed with six digits, and the caller's to do.
 *
 * Threading: plain functions of their arguments; any thread.
 */
#ifndef DOORWARD_OTP_H
#define DOORWARD_OTP_H

#include <doorward/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dw_otp_hash { DW_OTP_SHA1 = 1, DW_OTP_SHA256, DW_OTP_SHA512 };

enum {
    DW_OTP_DIGITS_MIN = 6,  /* RFC 4226 §5.3 */
    DW_OTP_DIGITS_MAX = 8,
    DW_OTP_CODE_SIZE = DW_OTP_DIGITS_MAX + 1,
    DW_OTP_SECRET_SIZE = 20, /* of a new secret: 160 bits, RFC 4226 §4 R6 */
    DW_OTP_WINDOW_MAX = 10,
};

/* "SHA1", "SHA256", "SHA512" (case and a dash don't matter); 0 for another. */
DW_API enum dw_otp_hash dw_otp_hash_by_name(struct dw_str name);
DW_API const char *dw_otp_hash_name(enum dw_otp_hash hash);

/* --- codes ------------------------------------------------------------------------------------------------------ */

/* The code of a counter, NUL-terminated. DW_ERR_VALIDATION: no secret, an unknown hash, digits out of bounds. */
DW_API DW_MUST_USE enum dw_err dw_hotp_generate(struct dw_str secret, uint64_t counter, enum dw_otp_hash hash,
                                                unsigned digits, char ret_code[DW_OTP_CODE_SIZE]);

/* Zero members take what every app understands: SHA-1, 6 digits, 30 seconds, from 1970 on, this step alone. */
struct dw_totp {
    enum dw_otp_hash hash;
    unsigned digits;
    int64_t period_s;
    int64_t t0_s;    /* when steps are counted from */
    unsigned window; /* steps before and after now that are accepted too, for clocks that differ */
};

/* The code at a time. DW_ERR_VALIDATION as above, and for a time before t0. */
DW_API DW_MUST_USE enum dw_err dw_totp_generate(struct dw_str secret, const struct dw_totp *totp, int64_t unix_s,
                                                char ret_code[DW_OTP_CODE_SIZE]);
/*
 * Whether `code` is one of the window's, of a later step than last_step (-1: none was accepted yet). When it is,
 * *ret_step is the step to remember as the next last_step. Constant-time in the code and the secret.
 * DW_ERR_VALIDATION also for a code that is not `digits` ASCII digits.
 */
DW_API DW_MUST_USE enum dw_err dw_totp_verify(struct dw_str secret, const struct dw_totp *totp, struct dw_str code,
                                              int64_t unix_s, int64_t last_step, bool *ret_matches, int64_t *ret_step);

/* --- the URI that apps read ------------------------------------------------------------------------------------- */

enum dw_otp_type { DW_OTP_TOTP = 1, DW_OTP_HOTP };

struct dw_otpauth {
    enum dw_otp_type type;
    struct dw_str label;  /* the account; without the issuer */
    struct dw_str issuer; /* absent: none */
    struct dw_str secret; /* bytes */
    enum dw_otp_hash hash;
    unsigned digits;
    int64_t period_s; /* TOTP */
    uint64_t counter; /* HOTP */
};

/* otpauth://totp/Issuer:label?secret=…&issuer=Issuer&algorithm=SHA1&digits=6&period=30, in the arena. Zero hash,
 * digits and period take the defaults. DW_ERR_VALIDATION: no secret or one past 512 bytes, no label, not UTF-8, a colon
 * in the issuer, a name past 255 bytes. */
DW_API DW_MUST_USE enum dw_err dw_otpauth_build(const struct dw_otpauth *otpauth, struct dw_arena *arena,
                                                struct dw_str *ret_uri);
/* Strict: DW_ERR_VALIDATION for another scheme or type, a missing secret, counter (HOTP) or label, a parameter twice,
 * numbers out of bounds, an issuer that differs from the label's; DW_ERR_ENCODING for broken escapes and base32
 * (capitals or not). Unknown parameters are ignored. Strings in the arena. */
DW_API DW_MUST_USE enum dw_err dw_otpauth_parse(struct dw_str uri, struct dw_arena *arena,
                                                struct dw_otpauth *ret_otpauth);

/* --- its picture ------------------------------------------------------------------------------------------------ */

/* A QR code of the text, black on white, with its quiet zone. DW_ERR_LIMIT when the text is too long for one (about
 * 2,300 bytes). In the arena. */
DW_API DW_MUST_USE enum dw_err dw_qr_png(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_png);
DW_API DW_MUST_USE enum dw_err dw_qr_svg(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_svg);

#ifdef __cplusplus
}
#endif
#endif
