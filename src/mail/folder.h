/*
 * Mails as files, where there is no mail server: FOLDER/ID.eml, mode 0600, as they hold links that open accounts.
 *
 * Defends against: half-written files (made under another name, then renamed), other users of the machine.
 */
#ifndef MAIL_FOLDER_H
#define MAIL_FOLDER_H

#include "base/cleanup.h"

/* Durable when it returns. The same id again replaces the file. DW_ERR_IO: the log tells why. */
DW_MUST_USE enum dw_err folder_store(const char *folder, struct dw_str id, struct dw_str bytes);

#endif
