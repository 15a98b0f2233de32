/*
 * A database that is one file, copied while others write to it, and put into its place.
 *
 * Why: a copy made with `cp` beside a running server is torn: what was committed stands in two files that change.
 * Defends against: a torn copy (one state of the database, read in one transaction), a copy that others may read
 * (0600), one that is there by name before it is there by content, one that was damaged on the way.
 * Does not do: databases with a server of their own (DW_ERR_UNSUPPORTED): they have tools of theirs.
 */
#ifndef STORAGE_BACKUP_H
#define STORAGE_BACKUP_H

#include "storage/tables.h"

/* What a driver whose databases are files offers. `problem` (TABLE_PROBLEM_SIZE): after an error, what to tell. */
struct file_calls {
    /* Copies into a file that does not exist, 0600. Writers go on meanwhile; what they write is not in it. */
    enum dw_err (*back_up)(const char *url, const char *path, char *problem);
    /* Checks a copy that nobody has open (`thorough`: indexes against rows too), makes it one file without journals,
     * on the disk when it returns. */
    enum dw_err (*seal)(const char *path, bool thorough, char *problem);
    /* DW_ERR_UNAVAILABLE while anyone has the file open. Otherwise what stands in journals is in the file, where the
     * file is sound at all. */
    enum dw_err (*settle)(const char *url, char *problem);
};

/* The driver's calls for this URL; NULL when its databases are no files. */
const struct file_calls *storage_files(const struct storage_driver *const *drivers, const char *url);

extern const struct file_calls SQLITE_FILES;

#endif
