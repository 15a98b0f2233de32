#include "../check.h"

#include "base/cleanup.h"
#include "password/common.h"
#include <doorward/password.h>

struct policy_case {
    struct dw_str password;
    enum dw_err err;
};

/* For the user "alice" <alice.smith@example.com>. */
static const struct policy_case CASES[] = {
    { DW_STR_INIT("correct horse battery staple"), DW_OK },
    { DW_STR_INIT("xkcd-936"), DW_OK },
    { DW_STR_INIT("        "), DW_OK }, /* no composition rules */
    { DW_STR_INIT("ééééàààà"), DW_OK },
    { DW_STR_INIT("пароль-на-вход"), DW_OK },
    { DW_STR_INIT("\U0001f600\U0001f601\U0001f602\U0001f603\U0001f604\U0001f605\U0001f606\U0001f607"), DW_OK },
    { DW_STR_INIT(""), DW_ERR_PASSWORD_SHORT },
    { DW_STR_INIT("seven.."), DW_ERR_PASSWORD_SHORT },
    { DW_STR_INIT("ééééààà"), DW_ERR_PASSWORD_SHORT }, /* 14 bytes, 7 characters */
    { DW_STR_INIT("password"), DW_ERR_PASSWORD_COMMON },
    { DW_STR_INIT("PassWord"), DW_ERR_PASSWORD_COMMON },
    { DW_STR_INIT("12345678"), DW_ERR_PASSWORD_COMMON },
    { DW_STR_INIT("qwertyuiop"), DW_ERR_PASSWORD_COMMON },
    { DW_STR_INIT("alice-in-wonderland"), DW_ERR_PASSWORD_PERSONAL },
    { DW_STR_INIT("malicelies"), DW_ERR_PASSWORD_PERSONAL },
    { DW_STR_INIT("xxALICExx"), DW_ERR_PASSWORD_PERSONAL },
    { DW_STR_INIT("Alice.Smith@example.com"), DW_ERR_PASSWORD_PERSONAL },
    { DW_STR_INIT("with\0nul and more"), DW_ERR_PASSWORD_NUL },
    { DW_STR_INIT("bad utf-8 \xff\xfe"), DW_ERR_VALIDATION },
    { DW_STR_INIT("surrogate \xed\xa0\x80"), DW_ERR_VALIDATION },
};

static enum dw_err check(const struct dw_password_policy *policy, struct dw_str password, const struct dw_str *personal,
                         size_t n_personal)
{
    const struct dw_secret secret = { (unsigned char *)(uintptr_t)password.ptr, password.len };
    return dw_password_check(policy, &secret, personal, n_personal);
}

static void test_cases(void **state)
{
    static const struct dw_password_policy DEFAULTS = { 0 };
    const struct dw_str personal[] = { DW_STR("Alice"), DW_STR("alice.smith@example.com"), dw_str_n(NULL, 0) };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        check_err(CASES[i].err, check(&DEFAULTS, CASES[i].password, personal, 3), CASES[i].password.ptr);
}

static void test_personal(void **state)
{
    static const struct dw_password_policy DEFAULTS = { 0 };
    const struct dw_str short_name[] = { DW_STR("al") };
    const struct dw_str three[] = { DW_STR("ali") };
    const struct dw_str german[] = { DW_STR("STRASSE") };
    const struct dw_str decomposed[] = { DW_STR("Rene\xcc\x81") };
    const struct dw_str broken[] = { DW_STR("abc\xff") };

    (void)state;
    CHECK_OK(check(&DEFAULTS, DW_STR("alphabetical"), short_name, 1)); /* two letters are everywhere */
    CHECK_ERR(DW_ERR_PASSWORD_PERSONAL, check(&DEFAULTS, DW_STR("quality-street"), three, 1));
    CHECK_ERR(DW_ERR_PASSWORD_PERSONAL, check(&DEFAULTS, DW_STR("meine straße 5"), german, 1));
    CHECK_ERR(DW_ERR_PASSWORD_PERSONAL, check(&DEFAULTS, DW_STR("ich-bin-ren\xc3\xa9"), decomposed, 1));
    CHECK_OK(check(&DEFAULTS, DW_STR("abcabcabcabd"), broken, 1));
    CHECK_OK(check(&DEFAULTS, DW_STR("nobody in particular"), NULL, 0));
}

static void test_words(void **state)
{
    const struct dw_str words[] = { DW_STR("Acme"), DW_STR("wi"), DW_STR("Größe") };
    const struct dw_password_policy policy = { .words = words, .n_words = ARRAY_SIZE(words) };
    const struct dw_password_policy none = { .n_words = 1 };
    const struct dw_str name[] = { DW_STR("acme") };

    (void)state;
    CHECK_ERR(DW_ERR_PASSWORD_CONTEXT, check(&policy, DW_STR("we are ACME!"), NULL, 0));
    CHECK_ERR(DW_ERR_PASSWORD_CONTEXT, check(&policy, DW_STR("die GR\xc3\x96SSE zaehlt"), NULL, 0));
    CHECK_OK(check(&policy, DW_STR("with a window"), NULL, 0)); /* two letters are everywhere */
    CHECK_ERR(DW_ERR_PASSWORD_PERSONAL, check(&policy, DW_STR("we are acme"), name, 1));
    CHECK_ERR(DW_ERR_ARGUMENT, check(&none, DW_STR("we are here"), NULL, 0));
}

static void test_length(void **state)
{
    static const struct dw_password_policy DEFAULTS = { 0 };
    static const struct dw_password_policy TWELVE = { .min_chars = 12, .max_bytes = 20 };
    static char huge[1 << 20];

    (void)state;
    memset(huge, 'z', sizeof(huge));
    CHECK_OK(check(&DEFAULTS, dw_str_n(huge, 128), NULL, 0));
    CHECK_OK(check(&DEFAULTS, dw_str_n(huge, 1024), NULL, 0));
    CHECK_ERR(DW_ERR_PASSWORD_LONG, check(&DEFAULTS, dw_str_n(huge, 1025), NULL, 0));
    CHECK_ERR(DW_ERR_PASSWORD_LONG, check(&DEFAULTS, dw_str_n(huge, sizeof(huge)), NULL, 0));
    CHECK_ERR(DW_ERR_PASSWORD_SHORT, check(&TWELVE, DW_STR("eleven chrs"), NULL, 0));
    CHECK_OK(check(&TWELVE, DW_STR("twelve chars"), NULL, 0));
    CHECK_ERR(DW_ERR_PASSWORD_LONG, check(&TWELVE, dw_str_n(huge, 21), NULL, 0));
}

/* bsearch() needs the order that the generator promises. */
static void test_common_list(void **state)
{
    (void)state;
    assert_true(PASSWORD_COMMON_COUNT >= 10000);
    for (size_t i = 0; i < PASSWORD_COMMON_COUNT; i++) {
        assert_true(strlen(PASSWORD_COMMON[i]) >= 8);
        assert_true(i == 0 || strcmp(PASSWORD_COMMON[i - 1], PASSWORD_COMMON[i]) < 0);
    }
}

CHECK_MAIN(cmocka_unit_test(test_cases), cmocka_unit_test(test_personal), cmocka_unit_test(test_words),
           cmocka_unit_test(test_length), cmocka_unit_test(test_common_list))
