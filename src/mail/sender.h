/*
 * Where mails go: to a mail server, or, without one, into a folder as .eml files.
 *
 * Threading: one sender belongs to one thread; mail_sender_stop() alone may come from another.
 */
#ifndef MAIL_SENDER_H
#define MAIL_SENDER_H

#include "mail/message.h"

struct mail_sender;

struct mail_sender_config {
    const struct dw_secret *smtp_url; /* empty: none. See smtp.h; copied */
    const char *smtp_ca_file;         /* see smtp.h */
    const char *folder;               /* without a URL: made with mode 0700; files 0600 */
};

DW_MUST_USE enum dw_err mail_sender_new(const struct mail_sender_config *config, struct mail_sender **ret_sender);
/* Whether mails are put into the folder, for a person or another program to fetch. */
bool mail_sender_is_folder(const struct mail_sender *sender);
/* Writes and hands over the mail; waits for the server's word. Sent again after a failure it is the same mail (its id).
 * DW_ERR_VALIDATION: it can't be written, or the server takes others and not this one. DW_ERR_UNAVAILABLE: not now; the
 * log tells why. DW_ERR_IO: the folder. */
DW_MUST_USE enum dw_err mail_send(struct mail_sender *sender, const struct mail_message *message);
/* Ends a transfer under way, and every later one. Any thread. */
void mail_sender_stop(struct mail_sender *sender);
void mail_sender_free(struct mail_sender **sender);

#endif
