/*
 * Mails over SMTP (RFC 5321), by libcurl.
 *
 * The URL: smtps://USER:PASSWORD@HOST:PORT is TLS from the first byte; smtp:// is STARTTLS (RFC 3207), which the server
 * must offer, else nothing is sent. Only to this machine (localhost, 127.0.0.0/8, ::1) does it go in the clear, and
 * not when a CA file is set. USER:PASSWORD@ may be left out; what is special in them is percent-encoded.
 * Defends against: a server in the middle that takes STARTTLS away or shows another certificate (checked, always), a
 * server that hangs (deadlines), the password in a log (the URL is never logged).
 * Threading: as mail/sender.h.
 */
#ifndef MAIL_SMTP_H
#define MAIL_SMTP_H

#include "base/cleanup.h"

struct smtp;

/* Whether it is such a URL. */
bool smtp_url_is_valid(struct dw_str url);

/* url: valid; copied. ca_file: PEM, instead of the system's; NULL: the system's. */
DW_MUST_USE enum dw_err smtp_new(const struct dw_secret *url, const char *ca_file, struct smtp **ret_smtp);
/* One mail to one address; the connection is kept for the next. DW_ERR_VALIDATION when the server takes others and
 * not this one (an unknown recipient), DW_ERR_UNAVAILABLE when it took none. */
DW_MUST_USE enum dw_err smtp_send(struct smtp *smtp, const char *from, const char *to, struct dw_str bytes);
void smtp_stop(struct smtp *smtp);
void smtp_free(struct smtp **smtp);

#endif
