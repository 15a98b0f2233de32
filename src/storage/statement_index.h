/*
 * The statements of a schema by their address, in O(1): open addressing over a table of twice the size.
 *
 * Why: a driver keeps what it knows of a statement (a prepared handle, a name at the server) by row number.
 * Threading: does not change once it is made; read without a lock.
 */
#ifndef STORAGE_STATEMENT_INDEX_H
#define STORAGE_STATEMENT_INDEX_H

#include "storage/storage.h"

struct statement_index {
    const struct statement **rows;
    unsigned n_rows;
    unsigned *slots; /* row number + 1; 0: empty */
    unsigned mask;
};

DW_MUST_USE enum dw_err statement_index_make(const struct storage_schema *schema, struct statement_index *ret_index);
void statement_index_free(struct statement_index *index);
/* The row number of a statement, or DW_ERR_INTERNAL: it is in no list of the schema. */
DW_MUST_USE enum dw_err statement_index_find(const struct statement_index *index, const struct statement *statement,
                                             unsigned *ret_number);
/* Logs what is wrong with a statement that was checked; DW_ERR_DATABASE. `message` must hold no value. */
enum dw_err statement_refuse(const struct statement *statement, const char *message);

#endif
