/* Mails as bytes: what is written, and what is refused because it could be read as something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/message.h"
#include "mail/smtp.h"

static const struct mail_message GOOD = {
    .id = DW_STR_INIT("01a2-b3"),
    .from = DW_STR_INIT("accounts@example.com"),
    .to = DW_STR_INIT("ann@example.com"),
    .subject = DW_STR_INIT("Hello"),
    .text = DW_STR_INIT("One = 1\ntwo \n"),
    .html = DW_STR_INIT("<p>\xc3\xbc</p>\n"),
    .date_s = 1795374349, /* 2026-11-22T19:05:49Z */
};

static void a_mail_is_these_bytes(void **state)
{
    static const char EXPECTED[] =
        "From: <accounts@example.com>\r\n"
        "To: <ann@example.com>\r\n"
        "Subject: Hello\r\n"
        "Date: Sun, 22 Nov 2026 19:05:49 +0000\r\n"
        "Message-ID: <01a2-b3@example.com>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative;\r\n boundary=\"=_01a2-b3\"\r\n\r\n"
        "--=_01a2-b3\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "One =3D 1\r\ntwo=20\r\n\r\n"
        "--=_01a2-b3\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "<p>=C3=BC</p>\r\n\r\n"
        "--=_01a2-b3--\r\n";
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(MAIL_MESSAGE_MAX_BYTES);

    (void)state;
    assert_int_equal(mail_message_write(&GOOD, &b), DW_OK);
    assert_int_equal(b.len, sizeof(EXPECTED) - 1);
    assert_memory_equal(b.ptr, EXPECTED, b.len);
}

static void nothing_gets_into_a_header(void **state)
{
    static const char *const ADDRESSES[] = {
        "", "ann", "@example.com", "ann@", "ann@example.com\r\nBcc: bob@example.com", "ann@example.com\nX: y",
        "ann@example.com, bob@example.com", "ann@example.com>", "<ann@example.com>", "Ann <ann@example.com>",
        "ann bob@example.com", "ann@bob@example.com", "ann\t@example.com", "\"ann\"@example.com", "ann@exa\x7fmple.com",
        "ann@example.com;", "ann(x)@example.com", "\xff@example.com",
    };
    static const char *const SUBJECTS[] = { "Hello\r\nBcc: bob@example.com", "Hello\n", "a\x7f", "\xff" };
    static const char *const IDS[] = { "", "a b", "a>", "a\r\nX: y", "a.b",
                                       "0123456789012345678901234567890123456789012345678901234567890123456" };
    struct mail_message m;

    (void)state;
#define REFUSED(list, member)                                                                                          \
    for (size_t i = 0; i < ARRAY_SIZE(list); i++) {                                                                    \
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(MAIL_MESSAGE_MAX_BYTES);                                        \
        m = GOOD;                                                                                                      \
        m.member = dw_str((list)[i]);                                                                                  \
        if (mail_message_write(&m, &b) != DW_ERR_VALIDATION)                                                           \
            fail_msg(#member " was taken: %s", (list)[i]);                                                             \
    }
    REFUSED(ADDRESSES, to)
    REFUSED(ADDRESSES, from)
    REFUSED(SUBJECTS, subject)
    REFUSED(IDS, id)
}

static void a_domain_goes_out_in_ascii(void **state)
{
    char address[MAIL_ADDRESS_SIZE];

    (void)state;
    assert_int_equal(mail_address(DW_STR("ann@b\xc3\xbc" "cher.example"), address), DW_OK);
    assert_string_equal(address, "ann@xn--bcher-kva.example");
}

static void subjects_beyond_ascii_are_encoded_words(void **state)
{
    static const struct {
        const char *subject, *header;
    } ROWS[] = {
        { "Gr\xc3\xbc\xc3\x9f" "e", "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\nDate" },
        { "=?utf-8?B?QQ==?=", "Subject: =?utf-8?B?PT91dGYtOD9CP1FRPT0/PQ==?=\r\nDate" },
        /* cut between characters: 44 bytes, as the 45th is the first half of one */
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xbc",
          "YWE=?=\r\n =?utf-8?B?w7w=?=\r\nDate" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(MAIL_MESSAGE_MAX_BYTES);
        struct mail_message m = GOOD;

        m.subject = dw_str(ROWS[i].subject);
        assert_int_equal(mail_message_write(&m, &b), DW_OK);
        assert_non_null(memmem(b.ptr, b.len, ROWS[i].header, strlen(ROWS[i].header)));
    }
}

static void lines_stay_short(void **state)
{
    static char text[4000];
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(MAIL_MESSAGE_MAX_BYTES);
    struct mail_message m = GOOD;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 7 == 0 ? '=' : (i % 5 == 0 ? ' ' : 'x');
    m.text = dw_str_n(text, sizeof(text));
    assert_int_equal(mail_message_write(&m, &b), DW_OK);
    for (size_t i = 0, start = 0; i < b.len; i++) {
        if (b.ptr[i] != '\n')
            continue;
        assert_true(b.ptr[i - 1] == '\r');
        assert_true(i - start <= 78);
        start = i + 1;
    }
}

static void mail_servers_are_named_by_their_url(void **state)
{
    static const struct {
        const char *url;
        bool is_valid;
    } ROWS[] = {
        { "smtp://mail.example.com", true },      { "smtps://mail.example.com:465", true },
        { "smtp://[::1]:2525", true },            { "smtps://u%40x:p%2Fw@mail.example.com", true },
        { "", false },                            { "smtp://", false },
        { "http://mail.example.com", false },     { "mail.example.com", false },
        { "smtp://mail.example.com?x=1", false }, { "smtp://mail.example.com:99999", false },
        { "smtp://a b", false },                  { "SMTP://mail.example.com\n", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        if (smtp_url_is_valid(dw_str(ROWS[i].url)) != ROWS[i].is_valid)
            fail_msg("%s", ROWS[i].url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_is_these_bytes),
        cmocka_unit_test(nothing_gets_into_a_header),
        cmocka_unit_test(a_domain_goes_out_in_ascii),
        cmocka_unit_test(subjects_beyond_ascii_are_encoded_words),
        cmocka_unit_test(lines_stay_short),
        cmocka_unit_test(mail_servers_are_named_by_their_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
