#include "../check.h"

#include "base/cleanup.h"
#include <doorward/otp.h>

enum { ARENA = 1 << 22 };

#define SECRET "JBSWY3DPEHPK3PXP"

/* What stands in the URI, and what is read. */
static const struct {
    const char *uri, *label, *issuer;
    enum dw_otp_type type;
    enum dw_otp_hash hash;
    unsigned digits;
    int64_t period_s;
    uint64_t counter;
} READ[] = {
    { "otpauth://totp/Example:alice@google.com?secret=" SECRET "&issuer=Example", "alice@google.com", "Example",
      DW_OTP_TOTP, DW_OTP_SHA1, 6, 30, 0 },
    { "otpauth://totp/ACME%20Co:john.doe@email.com?secret=" SECRET
      "&issuer=ACME%20Co&algorithm=SHA256&digits=8&period=60",
      "john.doe@email.com", "ACME Co", DW_OTP_TOTP, DW_OTP_SHA256, 8, 60, 0 },
    { "otpauth://totp/Example%3A%20ann?secret=" SECRET, "ann", "Example", DW_OTP_TOTP, DW_OTP_SHA1, 6, 30, 0 },
    { "otpauth://totp/%20%20ann?secret=" SECRET "&issuer=Ex", "ann", "Ex", DW_OTP_TOTP, DW_OTP_SHA1, 6, 30, 0 },
    { "otpauth://totp/ann?secret=jbswy3dpehpk3pxp&unknown=1", "ann", NULL, DW_OTP_TOTP, DW_OTP_SHA1, 6, 30, 0 },
    { "OTPAUTH://HOTP/ann?secret=" SECRET "&counter=42&algorithm=sha512", "ann", NULL, DW_OTP_HOTP, DW_OTP_SHA512, 6,
      30, 42 },
};

static void uris_of_apps_are_read(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    (void)state;
    CHECK_OK(dw_arena_new(ARENA, &arena));
    for (size_t i = 0; i < ARRAY_SIZE(READ); i++) {
        struct dw_otpauth o;

        check_err(DW_OK, dw_otpauth_parse(dw_str(READ[i].uri), arena, &o), READ[i].uri);
        check_str(dw_str(READ[i].label), o.label, READ[i].uri);
        check_str(dw_str(READ[i].issuer), o.issuer, READ[i].uri);
        check_str(DW_STR("Hello!\xde\xad\xbe\xef"), o.secret, READ[i].uri);
        assert_int_equal(o.type, READ[i].type);
        assert_int_equal(o.hash, READ[i].hash);
        assert_int_equal(o.digits, READ[i].digits);
        assert_int_equal(o.period_s, READ[i].period_s);
        assert_int_equal(o.counter, READ[i].counter);
    }
}

static const struct {
    enum dw_err err;
    const char *uri;
} REFUSED[] = {
    { DW_ERR_VALIDATION, "" },
    { DW_ERR_VALIDATION, "http://totp/ann?secret=" SECRET },
    { DW_ERR_VALIDATION, "otpauth://yotp/ann?secret=" SECRET },
    { DW_ERR_VALIDATION, "otpauth://totp/ann" },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?issuer=x" },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?secret=" },
    { DW_ERR_VALIDATION, "otpauth://totp/?secret=" SECRET },
    { DW_ERR_VALIDATION, "otpauth://totp/%20?secret=" SECRET },
    { DW_ERR_VALIDATION, "otpauth://totp/A:ann?secret=" SECRET "&issuer=B" },
    { DW_ERR_VALIDATION, "otpauth://totp/A:B:ann?secret=" SECRET },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?secret=" SECRET "&secret=" SECRET },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?secret=" SECRET "&digits=5" },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?secret=" SECRET "&digits=-6" },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?secret=" SECRET "&digits=4294967302" },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?secret=" SECRET "&period=0" },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?secret=" SECRET "&period=99999999999999999999" },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?secret=" SECRET "&algorithm=MD5" },
    { DW_ERR_VALIDATION, "otpauth://totp/ann?secret=" SECRET "&digits" },
    { DW_ERR_VALIDATION, "otpauth://totp/ann%00?secret=" SECRET },
    { DW_ERR_VALIDATION, "otpauth://totp/%ff?secret=" SECRET },
    { DW_ERR_VALIDATION, "otpauth://hotp/ann?secret=" SECRET },
    { DW_ERR_ENCODING, "otpauth://totp/ann?secret=JBSWY3DPEHPK3PX1" },
    { DW_ERR_ENCODING, "otpauth://totp/ann?secret=JBSWY 3DP" },
    { DW_ERR_ENCODING, "otpauth://totp/an%n?secret=" SECRET },
};

static void broken_uris_are_refused(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_otpauth o;

    (void)state;
    CHECK_OK(dw_arena_new(ARENA, &arena));
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++)
        check_err(REFUSED[i].err, dw_otpauth_parse(dw_str(REFUSED[i].uri), arena, &o), REFUSED[i].uri);
}

static void what_is_built_is_read_back(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct dw_otpauth out = { .type = DW_OTP_TOTP, .label = DW_STR_INIT("zoë+1 & co/?#%@x"),
                                    .issuer = DW_STR_INIT("Ärzte & Söhne"), .secret = DW_STR_INIT("\0\xff 8bit") };
    struct dw_otpauth in;
    struct dw_str uri;

    (void)state;
    CHECK_OK(dw_arena_new(ARENA, &arena));
    CHECK_OK(dw_otpauth_build(&out, arena, &uri));
    CHECK_OK(dw_otpauth_parse(uri, arena, &in));
    check_str(out.label, in.label, "label");
    check_str(out.issuer, in.issuer, "issuer");
    check_str(out.secret, in.secret, "secret");

    const struct dw_otpauth plain = { .type = DW_OTP_HOTP, .label = DW_STR_INIT("Ex:ann"), .issuer = DW_STR_INIT("Ex"),
                                      .secret = DW_STR_INIT("foobar"), .counter = 7 };

    CHECK_OK(dw_otpauth_build(&plain, arena, &uri));
    check_str(DW_STR("otpauth://hotp/Ex:ann?secret=MZXW6YTBOI&issuer=Ex&algorithm=SHA1&digits=6&counter=7"), uri,
              "the issuer stands once in the label");
}

/* Found by a fuzzer: a long name of unescaped signs was read, and could not be written, three bytes for each. */
static void what_is_read_can_be_written(void **state)
{
    enum { NAME = 255, BYTES = 512 };
    _cleanup_arena_ struct dw_arena *arena = NULL;
    char name[NAME + 2], bytes[BYTES + 1];
    struct dw_otpauth o = { .type = DW_OTP_TOTP }, in;
    struct dw_str uri;

    (void)state;
    CHECK_OK(dw_arena_new(ARENA, &arena));
    memset(name, '=', sizeof(name));
    memset(bytes, 'x', sizeof(bytes));
    o.label = o.issuer = dw_str_n(name, NAME);
    o.secret = dw_str_n(bytes, BYTES);
    CHECK_OK(dw_otpauth_build(&o, arena, &uri));
    CHECK_OK(dw_otpauth_parse(uri, arena, &in));
    check_str(o.issuer, in.issuer, "issuer");
    o.secret.len++;
    CHECK_ERR(DW_ERR_VALIDATION, dw_otpauth_build(&o, arena, &uri));
    o.secret.len--;
    o.label.len++;
    CHECK_ERR(DW_ERR_VALIDATION, dw_otpauth_build(&o, arena, &uri));
    const struct dw_str raw = dw_arena_printf(arena, "otpauth://totp/%.*s?secret=" SECRET, NAME + 1, name);
    CHECK_ERR(DW_ERR_VALIDATION, dw_otpauth_parse(raw, arena, &in));
    const struct dw_str shorter = dw_arena_printf(arena, "otpauth://totp/%.*s?secret=" SECRET, NAME, name);
    CHECK_OK(dw_otpauth_parse(shorter, arena, &in));
    CHECK_OK(dw_otpauth_build(&in, arena, &uri));
}

static void pictures_are_made_of_what_fits(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    char *text = calloc(1, 4096);
    struct dw_str picture;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 4096);
    CHECK_OK(dw_arena_new(ARENA, &arena));
    CHECK_OK(dw_qr_png(DW_STR("otpauth://totp/ann?secret=" SECRET), arena, &picture));
    assert_memory_equal(picture.ptr, "\x89PNG\r\n\x1a\n", 8);
    CHECK_OK(dw_qr_svg(DW_STR("otpauth://totp/ann?secret=" SECRET), arena, &picture));
    assert_true(dw_str_starts_with(picture, DW_STR("<svg ")));
    CHECK_OK(dw_qr_png(dw_str_n(text, 2300), arena, &picture));
    CHECK_ERR(DW_ERR_LIMIT, dw_qr_png(dw_str_n(text, 4096), arena, &picture));
    CHECK_ERR(DW_ERR_LIMIT, dw_qr_svg(DW_STR(""), arena, &picture));
    free(text);
}

CHECK_MAIN(cmocka_unit_test(uris_of_apps_are_read), cmocka_unit_test(broken_uris_are_refused),
           cmocka_unit_test(what_is_built_is_read_back),
           cmocka_unit_test(what_is_read_can_be_written), cmocka_unit_test(pictures_are_made_of_what_fits))
