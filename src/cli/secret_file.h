/*
 * Files that hold a secret: read, and made once.
 *
 * Defends against: a secret that others may read (made 0600; a wider mode is told), two processes that start at once
 * and each make one (the file appears whole, under its name, or not at all), a crash in between.
 * Does not defend against: the machine's administrator.
 */
#ifndef CLI_SECRET_FILE_H
#define CLI_SECRET_FILE_H

#include "base/cleanup.h"

enum { SECRET_FILE_MAX_BYTES = 4096, SECRET_FILE_RANDOM_BYTES = 32 };

/* The content without the newline at its end. DW_ERR_NOT_FOUND; DW_ERR_IO with errno for what can't be read, errno
 * EFBIG when it is longer than SECRET_FILE_MAX_BYTES. ret_is_open: others may read it. */
DW_MUST_USE enum dw_err secret_file_read(const char *path, struct dw_secret *ret_secret, bool *ret_is_open);
/* Makes the file with 256 random bits in base64url, mode 0600, on the disk when it returns. DW_ERR_CONFLICT when there
 * is a file of that name; DW_ERR_IO with errno. */
DW_MUST_USE enum dw_err secret_file_make(const char *path);

#endif
