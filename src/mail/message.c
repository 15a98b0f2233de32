#include "mail/message.h"

#include "base/encoding.h"

#include <idn2.h>
#include <time.h>

#define CRLF "\r\n"

enum {
    QP_LINE = 76,         /* RFC 2045 §6.7 rule 5 */
    WORD_BYTES = 45,      /* RFC 2047 §2: 75 characters an encoded word, charset and marks included */
    SUBJECT_ASCII_MAX = 60, /* longer ones are folded, as encoded words */
    ID_MAX = 64,
};

/* --- addresses -------------------------------------------------------------------------------------------------- */

/* No blanks, controls or characters that end or divide an address in a header or in SMTP (RFC 5322 §3.2.3). */
static bool is_plain(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];

        if (c <= ' ' || c == 0x7f || strchr("<>()[],;:\\\"", c) != NULL)
            return false;
    }
    return s.len > 0;
}

enum dw_err mail_address(struct dw_str address, char ret_address[MAIL_ADDRESS_SIZE])
{
    const char *at = address.len == 0 ? NULL : memrchr(address.ptr, '@', address.len);
    char domain[MAIL_ADDRESS_SIZE];
    char *ascii = NULL;

    if (at == NULL || address.len >= MAIL_ADDRESS_SIZE || !dw_str_is_utf8(address) || !is_plain(address))
        return DW_ERR_VALIDATION;
    const struct dw_str local = dw_str_n(address.ptr, (size_t)(at - address.ptr));
    if (local.len == 0 || memchr(local.ptr, '@', local.len) != NULL)
        return DW_ERR_VALIDATION;
    snprintf(domain, sizeof(domain), "%.*s", (int)(address.len - local.len - 1), at + 1);
    if (domain[0] == '\0' || idn2_to_ascii_8z(domain, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
        return DW_ERR_VALIDATION;
    const int written = snprintf(ret_address, MAIL_ADDRESS_SIZE, "%.*s@%s", (int)local.len, local.ptr, ascii);
    idn2_free(ascii);
    return written > 0 && written < MAIL_ADDRESS_SIZE ? DW_OK : DW_ERR_VALIDATION;
}

/* --- headers ---------------------------------------------------------------------------------------------------- */

static bool has_control(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];

        if (c < ' ' || c == 0x7f)
            return true;
    }
    return false;
}

static bool is_ascii(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] > 0x7f)
            return false;
    }
    return true;
}

/* RFC 2047 §4.1, cut between characters. */
static void append_encoded_words(struct buffer *b, struct dw_str text)
{
    char encoded[4 * (WORD_BYTES / 3 + 1)];

    while (text.len > 0) {
        size_t n = MIN_OF(text.len, (size_t)WORD_BYTES);

        while (n < text.len && n > 1 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
            n--;
        buffer_append_literal(b, "=?utf-8?B?");
        buffer_append(b, dw_str_n(encoded, base64_encode(dw_str_n(text.ptr, n), true, encoded)));
        buffer_append_literal(b, "?=");
        text = dw_str_n(text.ptr + n, text.len - n);
        if (text.len > 0)
            buffer_append_literal(b, CRLF " ");
    }
}

static enum dw_err append_subject(struct buffer *b, struct dw_str subject)
{
    if (has_control(subject) || !dw_str_is_utf8(subject))
        return DW_ERR_VALIDATION;
    buffer_append_literal(b, "Subject: ");
    /* "=?" would be read as an encoded word. */
    if (is_ascii(subject) && subject.len <= SUBJECT_ASCII_MAX && memmem(subject.ptr, subject.len, "=?", 2) == NULL)
        buffer_append(b, subject);
    else
        append_encoded_words(b, subject);
    buffer_append_literal(b, CRLF);
    return DW_OK;
}

/* RFC 5322 §3.3. Not strftime(): its names follow the locale. */
static enum dw_err append_date(struct buffer *b, int64_t date_s)
{
    static const char DAYS[] = "SunMonTueWedThuFriSat", MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const time_t t = (time_t)date_s;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL)
        return DW_ERR_VALIDATION;
    buffer_printf(b, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000" CRLF, DAYS + 3 * tm.tm_wday, tm.tm_mday,
                  MONTHS + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return DW_OK;
}

static bool is_id(struct dw_str id)
{
    for (size_t i = 0; i < id.len; i++) {
        const char c = id.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return id.len > 0 && id.len <= ID_MAX;
}

static enum dw_err append_headers(struct buffer *b, const struct mail_message *m, const char *boundary)
{
    char from[MAIL_ADDRESS_SIZE], to[MAIL_ADDRESS_SIZE];

    TRY(mail_address(m->from, from));
    TRY(mail_address(m->to, to));
    buffer_printf(b, "From: <%s>" CRLF "To: <%s>" CRLF, from, to);
    TRY(append_subject(b, m->subject));
    TRY(append_date(b, m->date_s));
    buffer_printf(b, "Message-ID: <%.*s%s>" CRLF, (int)m->id.len, m->id.ptr, strrchr(from, '@'));
    buffer_append_literal(b, "Auto-Submitted: auto-generated" CRLF "MIME-Version: 1.0" CRLF);
    buffer_printf(b, "Content-Type: multipart/alternative;" CRLF " boundary=\"%s\"" CRLF CRLF, boundary);
    return DW_OK;
}

/* --- bodies ----------------------------------------------------------------------------------------------------- */

/* RFC 2045 §6.7. Blanks at a line's end are written out, as servers on the way may take them away. */
static void append_quoted_printable(struct buffer *b, struct dw_str text)
{
    size_t column = 0;

    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        const bool ends_line = i + 1 == text.len || text.ptr[i + 1] == '\n';
        const bool is_blank = c == ' ' || c == '\t';
        const bool is_literal = (c > ' ' && c <= '~' && c != '=') || (is_blank && !ends_line);

        if (c == '\n') {
            buffer_append_literal(b, CRLF);
            column = 0;
            continue;
        }
        if (column + (is_literal ? 1 : 3) > QP_LINE - 1) {
            buffer_append_literal(b, "=" CRLF);
            column = 0;
        }
        if (is_literal)
            buffer_append_char(b, (char)c);
        else
            buffer_printf(b, "=%02X", c);
        column += is_literal ? 1 : 3;
    }
}

static void append_part(struct buffer *b, const char *boundary, const char *type, struct dw_str text)
{
    buffer_printf(b, "--%s" CRLF "Content-Type: text/%s; charset=utf-8" CRLF, boundary, type);
    buffer_append_literal(b, "Content-Transfer-Encoding: quoted-printable" CRLF CRLF);
    append_quoted_printable(b, text);
    buffer_append_literal(b, CRLF);
}

enum dw_err mail_message_write(const struct mail_message *message, struct buffer *b)
{
    char boundary[ID_MAX + 8];

    if (!is_id(message->id) || !dw_str_is_utf8(message->text) || !dw_str_is_utf8(message->html))
        return DW_ERR_VALIDATION;
    /* "=_" can't occur in quoted-printable text (RFC 2045 §6.7). */
    snprintf(boundary, sizeof(boundary), "=_%.*s", (int)message->id.len, message->id.ptr);
    TRY(append_headers(b, message, boundary));
    append_part(b, boundary, "plain", message->text);
    append_part(b, boundary, "html", message->html);
    buffer_printf(b, "--%s--" CRLF, boundary);
    return buffer_error(b);
}
