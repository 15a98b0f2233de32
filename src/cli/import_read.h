/*
 * Records of an import file: JSON lines, or CSV (RFC 4180) with a line of headings.
 *
 * Defends against: files that would fill the memory (a record has a maximum; one at a time is held), a broken record
 * that takes the next ones with it (it is told by its line's number, and reading goes on).
 */
#ifndef CLI_IMPORT_READ_H
#define CLI_IMPORT_READ_H

#include "base/buffer.h"

enum import_format { IMPORT_JSONL, IMPORT_CSV };

enum { IMPORT_COLUMNS_MAX = 32, IMPORT_RECORD_MAX = 64 * 1024 };

struct import_reader {
    FILE *in;
    enum import_format format;
    struct buffer record;
    int64_t line;      /* of the record's beginning, from 1 */
    int64_t next_line;
    char *headings[IMPORT_COLUMNS_MAX]; /* of CSV; owned */
    size_t n_headings;
};

/* As the file says it. Absent: not given. In the arena of import_read(). */
struct import_record {
    struct dw_str username, email, password_hash, full_name, role, tenant;
    bool is_active, email_verified;
};

/* CSV: reads the headings. DW_ERR_VALIDATION when username, email or password_hash is not among them. */
DW_MUST_USE enum dw_err import_reader_open(FILE *in, enum import_format format,
                                           struct import_reader *ret_reader);
void import_reader_close(struct import_reader *reader);

/* The next record. DW_ERR_NOT_FOUND at the end, DW_ERR_IO; DW_ERR_LIMIT (too long), DW_ERR_JSON, DW_ERR_VALIDATION
 * (columns, types) for a bad record: reader->line says which, and the next call goes on behind it. */
DW_MUST_USE enum dw_err import_read(struct import_reader *reader, struct dw_arena *arena,
                                    struct import_record *ret_record);

#endif
