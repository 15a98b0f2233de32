/*
 * Copies a whole installation from one database into another, whichever drivers they have, and proves it.
 *
 * All tables in one transaction of the target: read in the order of their keys and written in that order; then every
 * row of both sides is read again and compared, field by field; then the commit. Whatever ends it before, a kill
 * included, leaves the target without a row of it.
 * Defends against: a half-done copy, a source that goes on changing (its other writers are kept out), a target with
 * data in it, a value that would arrive as something else.
 * Memory: a few rows, whatever the size of the tables. Threading: one thread.
 */
#ifndef STORAGE_COPY_H
#define STORAGE_COPY_H

#include "storage/tables.h"

struct copy_report {
    struct table_list *list;
    int64_t rows[TABLES_MAX]; /* copied and compared; by the list's order */
    int64_t total;
    char problem[TABLE_PROBLEM_SIZE]; /* after an error: what to tell */
};

/* `from` and `to` are URLs of `drivers`. An error's text is in the report. Nothing of the target is changed then, but
 * that its tables may have been made. */
DW_MUST_USE enum dw_err storage_copy(const struct storage_driver *const *drivers, const struct storage_schema *schema,
                                     const char *from, const char *to, struct copy_report *report);
void copy_report_free(struct copy_report *report);

#endif
