/*
 * A mail as bytes: RFC 5322 headers and a multipart/alternative body of text and HTML (RFC 2045, 2046).
 *
 * Defends against: header injection (an address or subject with a control character is refused, not repaired; subjects
 * beyond ASCII are encoded words, RFC 2047), lines too long for a mail server (bodies are quoted-printable), answers of
 * vacation programs (Auto-Submitted, RFC 3834).
 * Does not: send, or judge whether an address exists.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include "base/buffer.h"

enum { MAIL_ADDRESS_SIZE = 320, MAIL_MESSAGE_MAX_BYTES = 1024 * 1024 };

struct mail_message {
    struct dw_str id;       /* letters, digits and '-': names the mail, and stays the same when it is sent again */
    struct dw_str from, to; /* addresses alone, without names */
    struct dw_str subject;
    struct dw_str text, html; /* UTF-8, lines ended by LF */
    int64_t date_s;
};

/* An address as it stands in headers and in the SMTP dialogue: the domain in its ASCII form (IDNA). DW_ERR_VALIDATION
 * for what could be read as something else than one address. */
DW_MUST_USE enum dw_err mail_address(struct dw_str address, char ret_address[MAIL_ADDRESS_SIZE]);

/* Appends the whole mail, lines ended by CRLF. DW_ERR_VALIDATION: an address, the subject or the id can't be
 * written. */
DW_MUST_USE enum dw_err mail_message_write(const struct mail_message *message, struct buffer *b);

#endif
