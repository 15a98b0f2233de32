#include "../check.h"

#include "base/cleanup.h"
#include <doorward/otp.h>

#define SEED "12345678901234567890"
static const struct dw_str SEED_20 = DW_STR_INIT(SEED);
static const struct dw_str SEED_32 = DW_STR_INIT(SEED "123456789012");
static const struct dw_str SEED_64 = DW_STR_INIT(SEED SEED SEED "1234");

/* RFC 4226 appendix D. */
static void hotp_gives_the_codes_of_the_rfc(void **state)
{
    static const char *const CODES[] = { "755224", "287082", "359152", "969429", "338314",
                                         "254676", "287922", "162583", "399871", "520489" };
    char code[DW_OTP_CODE_SIZE];

    (void)state;
    for (uint64_t counter = 0; counter < ARRAY_SIZE(CODES); counter++) {
        CHECK_OK(dw_hotp_generate(SEED_20, counter, DW_OTP_SHA1, 6, code));
        assert_string_equal(code, CODES[counter]);
    }
}

/* RFC 6238 appendix B. */
static const struct {
    int64_t time;
    const char *sha1, *sha256, *sha512;
} TIMES[] = {
    { 59, "94287082", "46119246", "90693936" },          { 1111111109, "07081804", "68084774", "25091201" },
    { 1111111111, "14050471", "67062674", "99943326" },  { 1234567890, "89005924", "91819424", "93441116" },
    { 2000000000, "69279037", "90698825", "38618901" },  { 20000000000, "65353130", "77737706", "47863826" },
};

static void totp_gives_the_codes_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(TIMES); i++) {
        const struct {
            struct dw_str seed;
            enum dw_otp_hash hash;
            const char *code;
        } columns[] = { { SEED_20, DW_OTP_SHA1, TIMES[i].sha1 },
                        { SEED_32, DW_OTP_SHA256, TIMES[i].sha256 },
                        { SEED_64, DW_OTP_SHA512, TIMES[i].sha512 } };

        for (size_t k = 0; k < ARRAY_SIZE(columns); k++) {
            const struct dw_totp totp = { .hash = columns[k].hash, .digits = 8 };
            char code[DW_OTP_CODE_SIZE];
            bool matches = false;
            int64_t step = -1;

            CHECK_OK(dw_totp_generate(columns[k].seed, &totp, TIMES[i].time, code));
            assert_string_equal(code, columns[k].code);
            CHECK_OK(dw_totp_verify(columns[k].seed, &totp, dw_str(code), TIMES[i].time, -1, &matches, &step));
            assert_true(matches);
            assert_int_equal(step, TIMES[i].time / 30);
        }
    }
}

/* Seconds away from the code's own time, the window, the last step (relative to the code's), and what is said. */
static const struct {
    int64_t offset_s;
    unsigned window;
    int64_t last;
    bool matches;
} WINDOWS[] = {
    { 0, 0, -1, true },     { 29, 0, -1, true },   { 30, 0, -1, false },  { -1, 0, -1, false },
    { 30, 1, -1, true },    { 59, 1, -1, true },   { 60, 1, -1, false },  { -30, 1, -1, true },
    { -31, 1, -1, false },  { 60, 2, -1, true },
    { 0, 1, 0, false },     /* the same step again: a replay */
    { 30, 1, 0, false },    /* also when the clock has gone on */
    { 0, 1, 1, false },     /* an earlier step than the last */
};

static void a_code_counts_within_its_window_and_once(void **state)
{
    const int64_t at = 1200000000; /* the first second of a step */
    const struct dw_totp plain = { 0 };
    char code[DW_OTP_CODE_SIZE];

    (void)state;
    CHECK_OK(dw_totp_generate(SEED_20, &plain, at, code));
    for (size_t i = 0; i < ARRAY_SIZE(WINDOWS); i++) {
        const struct dw_totp totp = { .window = WINDOWS[i].window };
        const int64_t last = WINDOWS[i].last < 0 ? -1 : at / 30 + WINDOWS[i].last;
        bool matches = !WINDOWS[i].matches;
        int64_t step = -7;

        CHECK_OK(dw_totp_verify(SEED_20, &totp, dw_str(code), at + WINDOWS[i].offset_s, last, &matches, &step));
        if (matches != WINDOWS[i].matches)
            fail_msg("row %zu", i);
        assert_int_equal(step, matches ? at / 30 : -7);
    }
}

static void other_periods_and_beginnings_count_their_own_steps(void **state)
{
    const struct dw_totp minute = { .period_s = 60, .t0_s = 1000 };
    char code[DW_OTP_CODE_SIZE], first[DW_OTP_CODE_SIZE];

    (void)state;
    CHECK_OK(dw_hotp_generate(SEED_20, 0, DW_OTP_SHA1, 6, first));
    CHECK_OK(dw_totp_generate(SEED_20, &minute, 1059, code));
    assert_string_equal(code, first);
    CHECK_ERR(DW_ERR_VALIDATION, dw_totp_generate(SEED_20, &minute, 999, code));
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct dw_str CODES[] = { DW_STR_INIT(""), DW_STR_INIT("12345"), DW_STR_INIT("1234567"),
                                           DW_STR_INIT("12345a"), DW_STR_INIT("12 345"), DW_STR_INIT("-12345"),
                                           DW_STR_INIT("12345\0") };
    static const struct dw_totp SETTINGS[] = { { .digits = 5 }, { .digits = 9 }, { .period_s = -30 }, { .t0_s = -1 },
                                               { .window = DW_OTP_WINDOW_MAX + 1 } };
    const struct dw_totp plain = { 0 };
    bool matches;
    int64_t step;
    char code[DW_OTP_CODE_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CODES); i++)
        check_err(DW_ERR_VALIDATION, dw_totp_verify(SEED_20, &plain, CODES[i], 59, -1, &matches, &step), CODES[i].ptr);
    for (size_t i = 0; i < ARRAY_SIZE(SETTINGS); i++)
        CHECK_ERR(DW_ERR_VALIDATION, dw_totp_verify(SEED_20, &SETTINGS[i], DW_STR("000000"), 59, -1, &matches, &step));
    /* The steps after the last one there is. */
    const struct dw_totp seconds = { .period_s = 1, .window = 1 };
    CHECK_ERR(DW_ERR_VALIDATION,
              dw_totp_verify(SEED_20, &seconds, DW_STR("000000"), INT64_MAX, -1, &matches, &step));
    CHECK_OK(dw_totp_verify(SEED_20, &seconds, DW_STR("000000"), INT64_MAX - 1, -1, &matches, &step));
    CHECK_ERR(DW_ERR_VALIDATION, dw_hotp_generate(DW_STR(""), 0, DW_OTP_SHA1, 6, code));
    CHECK_ERR(DW_ERR_VALIDATION, dw_hotp_generate(SEED_20, 0, 0, 6, code));
    CHECK_ERR(DW_ERR_VALIDATION, dw_hotp_generate(SEED_20, 0, 9, 6, code));
}

CHECK_MAIN(cmocka_unit_test(hotp_gives_the_codes_of_the_rfc), cmocka_unit_test(totp_gives_the_codes_of_the_rfc),
           cmocka_unit_test(a_code_counts_within_its_window_and_once),
           cmocka_unit_test(other_periods_and_beginnings_count_their_own_steps),
           cmocka_unit_test(what_makes_no_sense_is_refused))
