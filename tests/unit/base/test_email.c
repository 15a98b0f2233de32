#include "../check.h"

#include "base/email.h"

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LABEL63 X50 "yyyyyyyyyyyyy"

struct email_case {
    struct dw_str text;
    const char *normalized; /* NULL: refused */
};

/* Each row as python-email-validator answers it, or as our options differ from it on purpose. */
static const struct email_case CASES[] = {
    { DW_STR_INIT("Abc@example.tld"), "Abc@example.tld" },
    { DW_STR_INIT("alice@example.com"), "alice@example.com" },
    { DW_STR_INIT("user+mailbox/department=shipping@example.tld"), "user+mailbox/department=shipping@example.tld" },
    { DW_STR_INIT("!#$%&'*+-/=?^_`.{|}~@example.tld"), "!#$%&'*+-/=?^_`.{|}~@example.tld" },
    { DW_STR_INIT("a@EXAMPLE.Com"), "a@example.com" },
    { DW_STR_INIT("a@b.c.d.e"), "a@b.c.d.e" },
    { DW_STR_INIT("1@2.co"), "1@2.co" },
    { DW_STR_INIT("PostMaster@example.com"), "postmaster@example.com" },
    { DW_STR_INIT("Not-Postmaster@example.com"), "Not-Postmaster@example.com" },
    { DW_STR_INIT("jeff@臺網中心.tw"), "jeff@臺網中心.tw" },
    { DW_STR_INIT("jeff@xn--fiqq24b10vi0d.tw"), "jeff@臺網中心.tw" },
    { DW_STR_INIT("伊昭傑@郵件.商務"), "伊昭傑@郵件.商務" },
    { DW_STR_INIT("θσερ@εχαμπλε.ψομ"), "θσερ@εχαμπλε.ψομ" },
    { DW_STR_INIT("a@BÜCHER.example"), "a@bücher.example" },
    { DW_STR_INIT("a@straße.de"), "a@straße.de" },
    { DW_STR_INIT("s\xcc\xa3\xcc\x87@nfc.tld"), "\xe1\xb9\xa9@nfc.tld" },
    { DW_STR_INIT("a@ex．ample。com"), "a@ex.ample.com" },
    { DW_STR_INIT("a@ｅｘａｍｐｌｅ.com"), "a@example.com" },
    { DW_STR_INIT("＠@fullwidth.at"), "＠@fullwidth.at" },
    { DW_STR_INIT("a@" LABEL63 ".com"), "a@" LABEL63 ".com" },
    { DW_STR_INIT(X50 "12345678901234@example.com"), X50 "12345678901234@example.com" },
    /* structure */
    { DW_STR_INIT(""), NULL },
    { DW_STR_INIT("@"), NULL },
    { DW_STR_INIT("a"), NULL },
    { DW_STR_INIT("a@"), NULL },
    { DW_STR_INIT("@example.com"), NULL },
    { DW_STR_INIT("a@b@example.com"), NULL },
    { DW_STR_INIT("hello＠world.com"), NULL },
    { DW_STR_INIT(".a@example.com"), NULL },
    { DW_STR_INIT("a.@example.com"), NULL },
    { DW_STR_INIT("a..b@example.com"), NULL },
    { DW_STR_INIT("\"a\"@example.com"), NULL },
    { DW_STR_INIT("\"a b\"@example.com"), NULL },
    { DW_STR_INIT("a(comment)@example.com"), NULL },
    { DW_STR_INIT("<a@example.com>"), NULL },
    { DW_STR_INIT("A <a@example.com>"), NULL },
    { DW_STR_INIT("a b@example.com"), NULL },
    { DW_STR_INIT(" a@example.com"), NULL },
    { DW_STR_INIT("a@example.com "), NULL },
    { DW_STR_INIT("a@example.com\n"), NULL },
    { DW_STR_INIT("a\0b@example.com"), NULL },
    { DW_STR_INIT("a@exam\0ple.com"), NULL },
    { DW_STR_INIT("a@example.com\r\nBcc: b@example.com"), NULL },
    { DW_STR_INIT("a\x7f@example.com"), NULL },
    /* domain */
    { DW_STR_INIT("a@localhost"), NULL },
    { DW_STR_INIT("a@host.localhost"), NULL },
    { DW_STR_INIT("a@mail.test"), NULL },
    { DW_STR_INIT("a@x.invalid"), NULL },
    { DW_STR_INIT("a@x.local"), NULL },
    { DW_STR_INIT("a@x.onion"), NULL },
    { DW_STR_INIT("a@1.in-addr.arpa"), NULL },
    { DW_STR_INIT("a@com"), NULL },
    { DW_STR_INIT("a@.example.com"), NULL },
    { DW_STR_INIT("a@example.com."), NULL },
    { DW_STR_INIT("a@example..com"), NULL },
    { DW_STR_INIT("a@example。。com"), NULL },
    { DW_STR_INIT("a@-example.com"), NULL },
    { DW_STR_INIT("a@example-.com"), NULL },
    { DW_STR_INIT("a@ex_ample.com"), NULL },
    { DW_STR_INIT("a@example.c0m-1"), NULL },
    { DW_STR_INIT("a@127.0.0.1"), NULL },
    { DW_STR_INIT("a@[127.0.0.1]"), NULL },
    { DW_STR_INIT("a@[IPv6:::1]"), NULL },
    { DW_STR_INIT("a@yy--0.tld"), NULL },
    { DW_STR_INIT("a@xn--0.tld"), NULL },
    { DW_STR_INIT("a@xn--ls8h.la"), NULL },
    { DW_STR_INIT("a@☃.net"), NULL },
    { DW_STR_INIT("a@⒈com.net"), NULL },
    { DW_STR_INIT("a@" LABEL63 "y.com"), NULL },
    /* length */
    { DW_STR_INIT(X50 "123456789012345@example.com"), NULL },
    { DW_STR_INIT("a@" X50 "." X50 "." X50 "." X50 "." X50 ".com"), NULL },
    /* what looks like something else */
    { DW_STR_INIT("a\xe2\x80\x8b" "b@example.com"), NULL },   /* zero-width space */
    { DW_STR_INIT("a\xe2\x80\xae" "b@example.com"), NULL },   /* right-to-left override */
    { DW_STR_INIT("a\xc2\xa0" "b@example.com"), NULL },       /* no-break space */
    { DW_STR_INIT("a\xc2\x9c" "b@example.com"), NULL },       /* C1 control */
    { DW_STR_INIT("\xcc\x80" "a@example.com"), NULL },        /* leading combining mark */
    { DW_STR_INIT("a@\xcc\x80" "example.com"), NULL },
    { DW_STR_INIT("a\xee\x80\x80@example.com"), NULL },       /* private use */
    { DW_STR_INIT("a\xcd\xbe" "b@example.com"), NULL },       /* normalises to a semicolon */
    { DW_STR_INIT("a\xff@example.com"), NULL },
    { DW_STR_INIT("a@ex\xff" "ample.com"), NULL },
    { DW_STR_INIT("a@ex\xc0\xae" "ample.com"), NULL },
};

static void check_email(struct dw_str text, const struct email_options *options, const char *normalized)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct email email = { 0 };

    CHECK_OK(dw_arena_new(1 << 16, &arena));
    check_err(normalized == NULL ? DW_ERR_VALIDATION : DW_OK, email_parse(arena, text, options, &email), text.ptr);
    check_str(dw_str(normalized), email.normalized, text.ptr);
    if (normalized == NULL)
        return;
    const struct dw_str joined = dw_arena_printf(arena, "%.*s@%.*s", (int)email.local.len, email.local.ptr,
                                                 (int)email.domain.len, email.domain.ptr);
    check_str(email.normalized, joined, text.ptr);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        check_email(CASES[i].text, NULL, CASES[i].normalized);
}

static void test_options(void **state)
{
    const struct email_options ascii = { .ascii_only = true };
    const struct email_options special = { .allow_special_domains = true };
    const struct email_options long_local = { .allow_long_local = true };

    (void)state;
    check_email(DW_STR("ñoñó@example.tld"), &ascii, NULL);
    check_email(DW_STR("nono@bücher.tld"), &ascii, "nono@bücher.tld");
    check_email(DW_STR("a@localhost"), &special, "a@localhost");
    check_email(DW_STR("a@x.test"), &special, "a@x.test");
    check_email(DW_STR("a@127.0.0.1"), &special, NULL);
    check_email(DW_STR(X50 X50 "@example.com"), &long_local, X50 X50 "@example.com");
    check_email(DW_STR(X50 X50 X50 X50 X50 "@example.com"), &long_local, NULL);
}

static void test_three_hundred_and_more(void **state)
{
    static char huge[1 << 20];

    (void)state;
    memset(huge, 'a', sizeof(huge));
    huge[5] = '@';
    check_email(dw_str_n(huge, 300), NULL, NULL);
    check_email(dw_str_n(huge, sizeof(huge)), NULL, NULL);
}

CHECK_MAIN(cmocka_unit_test(test_cases), cmocka_unit_test(test_options), cmocka_unit_test(test_three_hundred_and_more))
