#include "storage/statement_index.h"

#include "base/log.h"

static unsigned slot_of(const struct statement_index *index, const struct statement *statement)
{
    /* Rows of a table lie next to each other: the multiplication (Fibonacci hashing) spreads them. */
    return (unsigned)(((uint64_t)(uintptr_t)statement * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & index->mask;
}

enum dw_err statement_index_find(const struct statement_index *index, const struct statement *statement,
                                 unsigned *ret_number)
{
    for (unsigned i = slot_of(index, statement); index->slots[i] != 0; i = (i + 1) & index->mask) {
        if (index->rows[index->slots[i] - 1] == statement) {
            *ret_number = index->slots[i] - 1;
            return DW_OK;
        }
    }
    log_event(LOG_ERROR, "database", LOG_CSTR("statement", statement->name),
              LOG_CSTR("message", "not in the schema's lists"), LOG_ERR(DW_ERR_INTERNAL));
    return DW_ERR_INTERNAL;
}

enum dw_err statement_refuse(const struct statement *statement, const char *message)
{
    log_event(LOG_ERROR, "database", LOG_CSTR("statement", statement->name), LOG_CSTR("message", message),
              LOG_ERR(DW_ERR_DATABASE));
    return DW_ERR_DATABASE;
}

static void insert(struct statement_index *index, const struct statement *statement)
{
    unsigned i = slot_of(index, statement);

    while (index->slots[i] != 0) {
        if (index->rows[index->slots[i] - 1] == statement)
            return; /* two rooms may list one statement */
        i = (i + 1) & index->mask;
    }
    index->rows[index->n_rows] = statement;
    index->slots[i] = ++index->n_rows;
}

static unsigned count_statements(const struct storage_schema *schema)
{
    unsigned n = 0;

    for (size_t i = 0; schema->statements[i] != NULL; i++) {
        for (const struct statement *const *s = schema->statements[i]; *s != NULL; s++)
            n++;
    }
    return n;
}

enum dw_err statement_index_make(const struct storage_schema *schema, struct statement_index *ret_index)
{
    _cleanup_(statement_index_free) struct statement_index index = { 0 };
    const unsigned n = count_statements(schema);
    unsigned size = 4;

    while (size < 2 * n)
        size *= 2;
    index.mask = size - 1;
    index.rows = calloc(n + 1, sizeof(struct statement *));
    index.slots = calloc(size, sizeof(*index.slots));
    if (index.rows == NULL || index.slots == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; schema->statements[i] != NULL; i++) {
        for (const struct statement *const *s = schema->statements[i]; *s != NULL; s++)
            insert(&index, *s);
    }
    *ret_index = index;
    index = (struct statement_index){ 0 };
    return DW_OK;
}

void statement_index_free(struct statement_index *index)
{
    free(index->rows);
    free(index->slots);
    *index = (struct statement_index){ 0 };
}
