/*
 * What commands answer: records and lists, described once by a table of fields, as text for people or as JSON.
 *
 * Defends against: text of users that would steer a terminal (control characters are shown as '?').
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/buffer.h"
#include "cli/command.h"

/*    type           member                              JSON                      text */
enum field_type {
    FIELD_TEXT = 1,  /* struct dw_str                    string, null when absent  as it is, "-" when absent */
    FIELD_WORDS,     /* struct dw_str, space-separated   array of strings          as it is, "-" when empty */
    FIELD_INT,       /* int64_t                          number                    number */
    FIELD_BOOL,      /* bool                             true, false               yes, no */
    FIELD_TIME,      /* int64_t, negative for none       RFC 3339 or null          RFC 3339, "-" */
};

struct field {
    const char *name;    /* NULL ends the table */
    enum field_type type;
    size_t offset;
    const char *heading; /* of its column in a list; NULL: lists leave it out */
    int width;
};

/* One record: a line a field, or one JSON object. */
DW_MUST_USE enum dw_err output_record(struct cli *cli, const struct field *fields, const void *record);

/* A list: headings and a line a record, or {"items": […], "next": null}. */
void output_list_begin(struct cli *cli, const struct field *fields);
DW_MUST_USE enum dw_err output_list_item(struct cli *cli, const struct field *fields, const void *record,
                                         bool is_first);
void output_list_end(struct cli *cli);

/* One sentence for people, or {"detail": sentence}. */
DW_MUST_USE enum dw_err output_said(struct cli *cli, const char *format, ...) DW_PRINTF(2, 3);

/* Appends text with '?' for control characters and for what is not UTF-8; `newlines` stay when wanted. */
void output_printable(struct buffer *b, struct dw_str text, bool keep_newlines);
/* Writes a buffer; DW_ERR_IO, or the buffer's own error. */
DW_MUST_USE enum dw_err output_buffer(FILE *out, const struct buffer *b);

#endif
