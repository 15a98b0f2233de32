#include "storage/sqlite/sqlite.h"

#include "base/log.h"

/* --- the index -------------------------------------------------------------------------------------------------- */

/* "$1" is a name to SQLite; where it stands among the parameters depends on which came first in the text. */
static enum dw_err find_places(sqlite3_stmt *stmt, const struct statement *statement, unsigned char *ret_places)
{
    const unsigned n = statement->n_params;
    char name[16];

    if (n > SQLITE_PARAMS_MAX || (unsigned)sqlite3_bind_parameter_count(stmt) != n)
        return statement_refuse(statement, "n_params is not the number of parameters in the text");
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "$%u", i + 1);
        ret_places[i] = (unsigned char)sqlite3_bind_parameter_index(stmt, name);
        if (ret_places[i] == 0)
            return statement_refuse(statement, "the parameters are not $1, $2 … without a gap");
    }
    return DW_OK;
}

static bool is_blank(const char *tail)
{
    return tail[strspn(tail, " \t\r\n;")] == '\0';
}

static enum dw_err check_statement(struct sqlite_connection *c, const struct statement *statement,
                                   unsigned char *ret_places)
{
    const char *tail = NULL;
    sqlite3_stmt *stmt = NULL;
    enum dw_err err;

    /* No value is bound yet: here SQLite's full message, which names the wrong column, is safe to log. */
    if (sqlite3_prepare_v2(c->db, statement->sql, -1, &stmt, &tail) != SQLITE_OK)
        return statement_refuse(statement, sqlite3_errmsg(c->db));
    if (stmt == NULL || !is_blank(tail))
        err = statement_refuse(statement, "the text is not exactly one statement");
    else
        err = find_places(stmt, statement, ret_places);
    sqlite3_finalize(stmt);
    return err;
}

enum dw_err sqlite_index_build(struct sqlite_connection *c, const struct storage_schema *schema,
                               struct sqlite_index *ret_index)
{
    _cleanup_(sqlite_index_free) struct sqlite_index index = { 0 };

    TRY(statement_index_make(schema, &index.statements));
    index.places = calloc(index.statements.n_rows + 1, sizeof(*index.places));
    if (index.places == NULL)
        return DW_ERR_NO_MEMORY;
    for (unsigned i = 0; i < index.statements.n_rows; i++)
        TRY(check_statement(c, index.statements.rows[i], index.places[i]));
    *ret_index = index;
    index = (struct sqlite_index){ 0 };
    return DW_OK;
}

void sqlite_index_free(struct sqlite_index *index)
{
    statement_index_free(&index->statements);
    free(index->places);
    *index = (struct sqlite_index){ 0 };
}

/* --- running ---------------------------------------------------------------------------------------------------- */

/* The connection's own handle, prepared at its first use: a reader needs few of the statements. */
static enum dw_err prepared_handle(struct sqlite_connection *c, unsigned number, sqlite3_stmt **ret_stmt)
{
    const struct statement *statement = c->index->statements.rows[number];
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

static enum dw_err bind_values(struct sqlite_connection *c, sqlite3_stmt *stmt, unsigned number,
                               const struct value *values)
{
    const struct statement *statement = c->index->statements.rows[number];

    if (values == NULL)
        return statement->n_params == 0 ? DW_OK : DW_ERR_ARGUMENT;
    for (unsigned i = 0; i < statement->n_params; i++) {
        const int code = bind_value(stmt, c->index->places[number][i], &values[i]);

        if (code != SQLITE_OK)
            return sqlite_fail(c, code, statement->name);
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
    TRY(statement_index_find(&c->index->statements, statement, &number));
    TRY(prepared_handle(c, number, &stmt));
    err = bind_values(c, stmt, number, values);
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
