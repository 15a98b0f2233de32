#include "storage/sqlite/sqlite.h"

#include "base/log.h"

/* --- the index -------------------------------------------------------------------------------------------------- */

static unsigned slot_of(const struct sqlite_index *index, const struct statement *statement)
{
    /* Rows of a table lie next to each other: the multiplication (Fibonacci hashing) spreads them. */
    return (unsigned)(((uint64_t)(uintptr_t)statement * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & index->mask;
}

enum dw_err sqlite_index_find(const struct sqlite_index *index, const struct statement *statement, unsigned *ret_number)
{
    for (unsigned i = slot_of(index, statement); index->slots[i] != 0; i = (i + 1) & index->mask) {
        if (index->rows[index->slots[i] - 1].statement == statement) {
            *ret_number = index->slots[i] - 1;
            return DW_OK;
        }
    }
    log_event(LOG_ERROR, "database", LOG_CSTR("statement", statement->name),
              LOG_CSTR("message", "not in the schema's lists"), LOG_ERR(DW_ERR_INTERNAL));
    return DW_ERR_INTERNAL;
}

static enum dw_err refuse_statement(const struct statement *statement, const char *message)
{
    log_event(LOG_ERROR, "database", LOG_CSTR("statement", statement->name), LOG_CSTR("message", message),
              LOG_ERR(DW_ERR_DATABASE));
    return DW_ERR_DATABASE;
}

/* "$1" is a name to SQLite; where it stands among the parameters depends on which came first in the text. */
static enum dw_err find_places(sqlite3_stmt *stmt, struct sqlite_statement *row)
{
    const unsigned n = row->statement->n_params;
    char name[16];

    if (n > SQLITE_PARAMS_MAX || (unsigned)sqlite3_bind_parameter_count(stmt) != n)
        return refuse_statement(row->statement, "n_params is not the number of parameters in the text");
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "$%u", i + 1);
        row->place[i] = (unsigned char)sqlite3_bind_parameter_index(stmt, name);
        if (row->place[i] == 0)
            return refuse_statement(row->statement, "the parameters are not $1, $2 … without a gap");
    }
    return DW_OK;
}

static bool is_blank(const char *tail)
{
    return tail[strspn(tail, " \t\r\n;")] == '\0';
}

static enum dw_err check_statement(struct sqlite_connection *c, struct sqlite_statement *row)
{
    const char *tail = NULL;
    sqlite3_stmt *stmt = NULL;
    enum dw_err err;

    /* No value is bound yet: here SQLite's full message, which names the wrong column, is safe to log. */
    if (sqlite3_prepare_v2(c->db, row->statement->sql, -1, &stmt, &tail) != SQLITE_OK)
        return refuse_statement(row->statement, sqlite3_errmsg(c->db));
    if (stmt == NULL || !is_blank(tail))
        err = refuse_statement(row->statement, "the text is not exactly one statement");
    else
        err = find_places(stmt, row);
    sqlite3_finalize(stmt);
    return err;
}

static void index_insert(struct sqlite_index *index, const struct statement *statement)
{
    unsigned i = slot_of(index, statement);

    while (index->slots[i] != 0) {
        if (index->rows[index->slots[i] - 1].statement == statement)
            return; /* two rooms may list one statement */
        i = (i + 1) & index->mask;
    }
    index->rows[index->n_rows].statement = statement;
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

enum dw_err sqlite_index_build(struct sqlite_connection *c, const struct storage_schema *schema,
                               struct sqlite_index *ret_index)
{
    _cleanup_(sqlite_index_free) struct sqlite_index index = { 0 };
    const unsigned n = count_statements(schema);
    unsigned size = 4;

    while (size < 2 * n)
        size *= 2;
    index.mask = size - 1;
    index.rows = calloc(n + 1, sizeof(*index.rows));
    index.slots = calloc(size, sizeof(*index.slots));
    if (index.rows == NULL || index.slots == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; schema->statements[i] != NULL; i++) {
        for (const struct statement *const *s = schema->statements[i]; *s != NULL; s++)
            index_insert(&index, *s);
    }
    for (unsigned i = 0; i < index.n_rows; i++)
        TRY(check_statement(c, &index.rows[i]));
    *ret_index = index;
    index = (struct sqlite_index){ 0 };
    return DW_OK;
}

void sqlite_index_free(struct sqlite_index *index)
{
    free(index->rows);
    free(index->slots);
    *index = (struct sqlite_index){ 0 };
}

/* --- running ---------------------------------------------------------------------------------------------------- */

/* The connection's own handle, prepared at its first use: a reader needs few of the statements. */
static enum dw_err prepared_handle(struct sqlite_connection *c, unsigned number, sqlite3_stmt **ret_stmt)
{
    const struct statement *statement = c->index->rows[number].statement;
    sqlite3_stmt **stmt = &c->prepared[number];

    if (*stmt == NULL) {
        const int code = sqlite3_prepare_v3(c->db, statement->sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);

        if (code != SQLITE_OK)
            return sqlite_fail(c, code, statement->name);
    }
    if (sqlite3_stmt_busy(*stmt)) {
        log_event(LOG_ERROR, "database", LOG_CSTR("statement", statement->name),
                  LOG_CSTR("message", "run again from within its own row callback"), LOG_ERR(DW_ERR_INTERNAL));
        return DW_ERR_INTERNAL;
    }
    *ret_stmt = *stmt;
    return DW_OK;
}

/* The bytes are borrowed (SQLITE_STATIC): the bindings are cleared before the caller gets them back. */
static int bind_value(sqlite3_stmt *stmt, int place, const struct value *v)
{
    switch (v->type) {
    case VALUE_NULL:
        break;
    case VALUE_INT:
        return sqlite3_bind_int64(stmt, place, v->integer);
    case VALUE_TEXT:
        return sqlite3_bind_text64(stmt, place, v->bytes.ptr, v->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case VALUE_BLOB:
        return sqlite3_bind_blob64(stmt, place, v->bytes.ptr, v->bytes.len, SQLITE_STATIC);
    }
    return sqlite3_bind_null(stmt, place);
}

static enum dw_err bind_values(struct sqlite_connection *c, sqlite3_stmt *stmt, const struct sqlite_statement *row,
                               const struct value *values)
{
    if (values == NULL)
        return row->statement->n_params == 0 ? DW_OK : DW_ERR_ARGUMENT;
    for (unsigned i = 0; i < row->statement->n_params; i++) {
        const int code = bind_value(stmt, row->place[i], &values[i]);

        if (code != SQLITE_OK)
            return sqlite_fail(c, code, row->statement->name);
    }
    return DW_OK;
}

/*
 * A statement that changes something runs to its end even when nobody wants more rows: RETURNING has done its work by
 * the first row, but foreign keys are checked after the last.
 */
static enum dw_err step_rows(struct sqlite_connection *c, sqlite3_stmt *stmt, const char *name,
                             enum dw_err (*read)(const struct row *, void *), void *argument, size_t max_rows,
                             size_t *ret_rows)
{
    const struct sqlite_row row = { .head = { &STORAGE_SQLITE }, .stmt = stmt };
    const bool is_readonly = sqlite3_stmt_readonly(stmt) != 0;
    enum dw_err err = DW_OK;
    size_t rows = 0;
    int code;

    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (err == DW_OK && rows < max_rows) {
            err = read != NULL ? read(&row.head, argument) : DW_OK;
            rows += err == DW_OK;
        }
        if (is_readonly && (err != DW_OK || rows >= max_rows))
            break;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sqlite_fail(c, code, name);
    if (err == DW_OK)
        *ret_rows = rows;
    return err;
}

enum dw_err sqlite_run(struct transaction *tx, const struct statement *statement, const struct value *values,
                       enum dw_err (*read)(const struct row *, void *), void *argument, size_t max_rows,
                       size_t *ret_rows, int64_t *ret_changes)
{
    struct sqlite_connection *c = ((struct sqlite_transaction *)(void *)tx)->connection; /* head comes first */
    sqlite3_stmt *stmt = NULL;
    unsigned number;
    size_t rows = 0;
    enum dw_err err;

    /* An I/O error may have ended the transaction; what would follow would commit by itself. */
    if (sqlite3_get_autocommit(c->db))
        return DW_ERR_DATABASE;
    TRY(sqlite_index_find(c->index, statement, &number));
    TRY(prepared_handle(c, number, &stmt));
    err = bind_values(c, stmt, &c->index->rows[number], values);
    if (err == DW_OK)
        err = step_rows(c, stmt, statement->name, read, argument, max_rows, &rows);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    TRY(err);
    if (ret_rows != NULL)
        *ret_rows = rows;
    if (ret_changes != NULL)
        *ret_changes = sqlite3_stmt_readonly(stmt) ? 0 : sqlite3_changes64(c->db);
    return DW_OK;
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

static sqlite3_stmt *row_stmt(const struct row *row)
{
    return ((const struct sqlite_row *)(const void *)row)->stmt;
}

int64_t sqlite_row_int(const struct row *row, unsigned column)
{
    return sqlite3_column_int64(row_stmt(row), (int)column);
}

struct dw_str sqlite_row_text(const struct row *row, unsigned column)
{
    sqlite3_stmt *stmt = row_stmt(row);
    const int type = sqlite3_column_type(stmt, (int)column);
    const void *bytes;

    if (type == SQLITE_NULL)
        return dw_str_n(NULL, 0);
    bytes = type == SQLITE_BLOB ? sqlite3_column_blob(stmt, (int)column)
                                : (const void *)sqlite3_column_text(stmt, (int)column);
    /* SQLite gives NULL for an empty blob; ours means "absent". */
    return dw_str_n(bytes != NULL ? bytes : "", (size_t)sqlite3_column_bytes(stmt, (int)column));
}

bool sqlite_row_is_null(const struct row *row, unsigned column)
{
    return sqlite3_column_type(row_stmt(row), (int)column) == SQLITE_NULL;
}
