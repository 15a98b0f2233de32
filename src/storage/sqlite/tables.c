/*
 * Whole tables of a SQLite database (storage/tables.h).
 *
 * The file is opened in exclusive locking mode: that needs every other connection gone, also one that does nothing at
 * the moment, so a running server is noticed, and nobody can come back until the session is closed.
 */
#include "storage/sqlite/sqlite.h"

#include "storage/migrations.h"
#include "storage/tables.h"

struct session {
    struct table_session head;
    struct sqlite_connection *connection;
    const struct table *table; /* of the statement */
    sqlite3_stmt *stmt;        /* one at a time: what is read, or what is written with */
};

static struct session *session_of(struct table_session *head)
{
    return (struct session *)(void *)head; /* head comes first */
}

static enum dw_err refuse(struct session *s, int code, const char *doing)
{
    const enum dw_err err = sqlite_fail(s->connection, code, doing);

    return table_refuse(s->head.problem, err, "%s of the SQLite database failed: %s", doing, sqlite3_errstr(code));
}

static void close_session(struct table_session *head)
{
    struct session *s = session_of(head);

    sqlite3_finalize(s->stmt);
    if (s->connection != NULL)
        sqlite_rollback(s->connection);
    sqlite_disconnect(&s->connection);
    free(s);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

static enum dw_err refuse_open(struct session *s, enum dw_err err, const char *path)
{
    if (err == DW_ERR_UNAVAILABLE)
        return table_refuse(s->head.problem, err, "another program has the database %s open (a server, a shell, or it "
                            "is the other side of the copy): stop it first", path);
    return table_refuse(s->head.problem, err, "the database %s can't be opened; the line above says why", path);
}

static enum dw_err make_ready(struct session *s, const struct storage_schema *schema, enum table_side side,
                              const char *path)
{
    const int known = migrations_known(schema->migrations);
    int applied = 0;

    TRY(sqlite_applied(s->connection, &applied));
    if (side == TABLES_TARGET && applied == 0) {
        TRY(sqlite_migrate(s->connection, schema->migrations, true));
        applied = known;
    }
    if (applied != known)
        return table_refuse(s->head.problem, DW_ERR_DATABASE, "the database %s is at version %d, and this program at "
                            "%d: %s", path, applied, known,
                            applied > known ? "use the newer program" : "run `doorward migrate` on it first");
    return sqlite_begin_write(s->connection);
}

static enum dw_err open_session(const char *url, const struct storage_schema *schema, enum table_side side,
                                char *problem, struct table_session **ret_session)
{
    struct session *s = calloc(1, sizeof(*s));
    _cleanup_free_ char *path = NULL;
    enum dw_err err;

    if (s == NULL)
        return DW_ERR_NO_MEMORY;
    s->head = (struct table_session){ &SQLITE_TABLES, problem };
    err = sqlite_path_of_url(url, &path);
    if (err == DW_OK)
        err = sqlite_connect(path, side == TABLES_TARGET ? SQLITE_MODE_CREATE_ALONE : SQLITE_MODE_ALONE,
                             &s->connection);
    if (err == DW_OK)
        err = make_ready(s, schema, side, path);
    if (err != DW_OK && problem[0] == '\0')
        err = refuse_open(s, err, path != NULL ? path : url);
    if (err == DW_OK)
        *ret_session = &s->head;
    else
        close_session(&s->head);
    return err;
}

/* --- about a table ----------------------------------------------------------------------------------------------- */

static enum dw_err ask_number(struct session *s, const char *format, const struct table *table, int64_t *ret_number)
{
    char sql[TABLE_NAME_SIZE + 64];
    sqlite3_stmt *stmt = NULL;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s%s%s", format, table->name, format[0] == '\0' ? "" : "')");
    int code = sqlite3_prepare_v2(s->connection->db, sql, -1, &stmt, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *ret_number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return code == SQLITE_ROW ? DW_OK : refuse(s, code, "counting");
}

static enum dw_err width(struct table_session *head, const struct table *table, int64_t *ret_columns)
{
    TRY(ask_number(session_of(head), "pragma_table_info('", table, ret_columns));
    return *ret_columns == 0 ? DW_ERR_NOT_FOUND : DW_OK;
}

static enum dw_err count(struct table_session *head, const struct table *table, int64_t *ret_rows)
{
    return ask_number(session_of(head), "", table, ret_rows);
}

static enum dw_err clear(struct table_session *head, const struct table *table)
{
    struct session *s = session_of(head);
    char sql[TABLE_NAME_SIZE + 32];

    snprintf(sql, sizeof(sql), "DELETE FROM %s", table->name);
    const int code = sqlite3_exec(s->connection->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? DW_OK : refuse(s, code, "emptying a table");
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

static enum dw_err prepare(struct session *s, const struct table *table, const struct buffer *sql)
{
    TRY(buffer_error(sql));
    const int code = sqlite3_prepare_v2(s->connection->db, sql->ptr, (int)sql->len, &s->stmt, NULL);

    s->table = table;
    return code == SQLITE_OK ? DW_OK : refuse(s, code, "preparing a table");
}

static void end_statement(struct table_session *head)
{
    struct session *s = session_of(head);

    sqlite3_finalize(s->stmt);
    s->stmt = NULL;
}

static enum dw_err read_begin(struct table_session *head, const struct table *table)
{
    _cleanup_buffer_ struct buffer sql = BUFFER_INIT(TABLE_SQL_MAX);

    table_select(&sql, table, "", "");
    return prepare(session_of(head), table, &sql);
}

static struct value value_at(sqlite3_stmt *stmt, int column)
{
    const void *text;

    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_NULL:
        return V_NULL;
    case SQLITE_INTEGER:
        return V_INT(sqlite3_column_int64(stmt, column));
    case SQLITE_TEXT:
        text = sqlite3_column_text(stmt, column);
        return V_TEXT(dw_str_n(text != NULL ? text : "", (size_t)sqlite3_column_bytes(stmt, column)));
    default:
        return (struct value){ .type = VALUE_BLOB };
    }
}

static enum dw_err read_row(struct table_session *head, struct value *ret_values)
{
    struct session *s = session_of(head);
    const int code = sqlite3_step(s->stmt);

    if (code == SQLITE_DONE)
        return DW_ERR_NOT_FOUND;
    if (code != SQLITE_ROW)
        return refuse(s, code, "reading");
    for (unsigned i = 0; i < s->table->n_columns; i++)
        ret_values[i] = value_at(s->stmt, (int)i);
    return DW_OK;
}

static enum dw_err write_begin(struct table_session *head, const struct table *table)
{
    _cleanup_buffer_ struct buffer sql = BUFFER_INIT(TABLE_SQL_MAX);

    buffer_printf(&sql, "INSERT INTO %s ", table->name);
    table_columns(&sql, table);
    for (unsigned i = 0; i < table->n_columns; i++)
        buffer_append(&sql, i == 0 ? DW_STR(" VALUES (?") : DW_STR(", ?"));
    buffer_append_char(&sql, ')');
    return prepare(session_of(head), table, &sql);
}

static int bind(sqlite3_stmt *stmt, int place, const struct value *value)
{
    if (value->type == VALUE_INT)
        return sqlite3_bind_int64(stmt, place, value->integer);
    if (value->type == VALUE_TEXT)
        return sqlite3_bind_text64(stmt, place, value->bytes.ptr, value->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    return sqlite3_bind_null(stmt, place);
}

static enum dw_err write_row(struct table_session *head, const struct value *values)
{
    struct session *s = session_of(head);
    int code = SQLITE_OK;

    for (unsigned i = 0; code == SQLITE_OK && i < s->table->n_columns; i++)
        code = bind(s->stmt, (int)i + 1, &values[i]);
    if (code == SQLITE_OK)
        code = sqlite3_step(s->stmt);
    sqlite3_reset(s->stmt);
    sqlite3_clear_bindings(s->stmt);
    if ((code & 0xff) == SQLITE_CONSTRAINT)
        return table_refuse(s->head.problem, DW_ERR_CONSTRAINT, "a row of table %s breaks a rule of the target: it "
                            "names a row that is not there, or there are two of it", s->table->name);
    return code == SQLITE_DONE ? DW_OK : refuse(s, code, "writing");
}

static enum dw_err write_end(struct table_session *head)
{
    end_statement(head);
    return DW_OK;
}

static enum dw_err commit(struct table_session *head)
{
    struct session *s = session_of(head);
    const enum dw_err err = sqlite_command(s->connection, COMMAND_COMMIT);

    return err == DW_OK ? DW_OK : table_refuse(s->head.problem, err, "the commit failed: nothing was copied");
}

const struct table_calls SQLITE_TABLES = {
    .open = open_session,
    .close = close_session,
    .width = width,
    .count = count,
    .clear = clear,
    .read_begin = read_begin,
    .read = read_row,
    .read_end = end_statement,
    .write_begin = write_begin,
    .write = write_row,
    .write_end = write_end,
    .commit = commit,
};
