/*
 * Whole tables of a PostgreSQL database (storage/tables.h): read through a cursor, written with COPY.
 *
 * The advisory lock that every node takes for its writes is held for as long as the session lives, so none writes; it
 * is the session's and taken before the transaction begins, or the snapshot would be from before it was got.
 */
#include "storage/postgres/postgres.h"

#include "base/clock.h"
#include "storage/migrations.h"
#include "storage/tables.h"

#include <time.h>

enum {
    ROWS_AT_ONCE = 1000,     /* of a cursor */
    COPY_CHUNK = 256 * 1024, /* sent at once */
    COPY_ROW_MAX = 64 << 20, /* of one row, escaped: as large as SQLite's largest value may become */
    OTHERS_LIMIT_MS = 1500,  /* a session that was closed a moment ago is still listed */
    NAP_MS = 50,
};

#define TRY_LOCK "SELECT pg_try_advisory_lock(" PG_WRITERS_LOCK ")"
#define OTHERS                                                                                                         \
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"             \
    " AND application_name = current_setting('application_name')"
#define PATIENCE                                                                                                       \
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '10s'"
#define CURSOR "rows"

struct session {
    struct table_session head;
    struct pg_server server;
    struct pg_connection *connection;
    const struct table *table;
    struct buffer chunk; /* of a COPY */
    PGresult *rows;      /* of a cursor */
    int row;
};

static const char *const BEGIN[] = {
    [TABLES_SOURCE] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    [TABLES_TARGET] = "BEGIN ISOLATION LEVEL READ COMMITTED",
};

static struct session *session_of(struct table_session *head)
{
    return (struct session *)(void *)head; /* head comes first */
}

/* PostgreSQL's own words may quote a value where it refuses one (classes 22 and 23): not those. */
static enum dw_err refuse(struct session *s, const PGresult *result, const char *doing)
{
    const struct libpq *pq = s->connection->pq;
    const char *state = result == NULL ? NULL : pq->PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *constraint = result == NULL ? NULL : pq->PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const char *words = result == NULL ? NULL : pq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (state == NULL)
        return table_refuse(s->head.problem, DW_ERR_UNAVAILABLE, "%s failed: the connection to PostgreSQL broke",
                            doing);
    if (strncmp(state, "23", 2) == 0)
        return table_refuse(s->head.problem, DW_ERR_CONSTRAINT, "%s failed: a row breaks the rule %s: it names a row "
                            "that is not there, or there are two of it", doing, constraint != NULL ? constraint : "");
    if (strncmp(state, "22", 2) == 0)
        words = "a value that PostgreSQL does not take";
    return table_refuse(s->head.problem, DW_ERR_DATABASE, "%s failed: %s (SQLSTATE %s)", doing, words, state);
}

/* ret_number (may be NULL): the first column of the first row; "t" is 1. */
static enum dw_err run(struct session *s, const char *sql, const char *doing, int64_t *ret_number)
{
    const struct libpq *pq = s->connection->pq;
    PGresult *result = pq->PQexec(s->connection->conn, sql);
    const ExecStatusType status = pq->PQresultStatus(result);
    enum dw_err err = DW_OK;

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        err = refuse(s, result, doing);
    } else if (ret_number != NULL) {
        const char *text = pq->PQntuples(result) == 1 ? pq->PQgetvalue(result, 0, 0) : "";

        *ret_number = strcmp(text, "t") == 0 ? 1 : strtoll(text, NULL, 10);
    }
    pq->PQclear(result);
    return err;
}

static void close_session(struct table_session *head)
{
    struct session *s = session_of(head);

    if (s->rows != NULL)
        s->connection->pq->PQclear(s->rows);
    pg_disconnect(&s->connection); /* the server undoes what is open */
    pthread_mutex_destroy(&s->server.mutex);
    buffer_free(&s->chunk);
    free(s);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

/* Asks until the answer is `wanted`, for a while. */
static enum dw_err wait_for(struct session *s, const char *sql, int64_t wanted, const char *otherwise)
{
    const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
    int64_t answer = 0;

    for (const int64_t end = clock_monotonic_ms() + OTHERS_LIMIT_MS;;) {
        TRY(run(s, sql, "asking for other programs", &answer));
        if (answer == wanted)
            return DW_OK;
        if (clock_monotonic_ms() > end)
            return table_refuse(s->head.problem, DW_ERR_UNAVAILABLE, "%s", otherwise);
        nanosleep(&nap, NULL);
    }
}

static const char *const SIDES[] = { [TABLES_SOURCE] = "source", [TABLES_TARGET] = "target" };

static enum dw_err make_ready(struct session *s, const struct storage_schema *schema, enum table_side side)
{
    struct pg_connection *c = s->connection;
    const int known = migrations_known(schema->migrations);
    int applied = 0;
    enum dw_err err = pg_applied(c->pq, c->conn, &applied);

    if (err == DW_OK && side == TABLES_TARGET && applied == 0) {
        err = pg_migrate(c->pq, c->conn, schema->migrations, true);
        applied = known;
    }
    if (err != DW_OK)
        return table_refuse(s->head.problem, err, "the tables of the %s can't be %s; the line above says why",
                            SIDES[side], side == TABLES_TARGET ? "made" : "read");
    if (applied != known)
        return table_refuse(s->head.problem, DW_ERR_DATABASE, "the %s is at version %d, and this program at %d: %s",
                            SIDES[side], applied, known,
                            applied > known ? "use the newer program" : "run `doorward migrate` on it first");
    return DW_OK;
}

static enum dw_err connect_to(struct session *s, const char *url, enum table_side side)
{
    s->server.pq = libpq_load();
    s->server.url = (char *)(uintptr_t)url; /* read only */
    if (s->server.pq == NULL)
        return table_refuse(s->head.problem, DW_ERR_SETTING, "PostgreSQL's client library is missing (Debian: libpq5)");
    const enum dw_err err = pg_connect(&s->server, &s->connection);

    if (err != DW_OK)
        return table_refuse(s->head.problem, err, "the %s can't be reached: is PostgreSQL running, and are host, "
                            "database, user and password right? `psql` with the same URL says more", SIDES[side]);
    return run(s, PATIENCE, "setting up the session", NULL);
}

static enum dw_err hold_still(struct session *s, const struct storage_schema *schema, const char *url,
                              enum table_side side)
{
    TRY(connect_to(s, url, side));
    TRY(make_ready(s, schema, side));
    TRY(wait_for(s, TRY_LOCK, 1, side == TABLES_SOURCE ? "a server writes to the source: stop all of them first"
                                                       : "a server writes to the target, or it is the source itself"));
    TRY(wait_for(s, OTHERS, 0, side == TABLES_SOURCE ? "a server has the source open: stop all of them first"
                                                     : "a server has the target open: stop all of them first"));
    return run(s, BEGIN[side], "beginning", NULL);
}

static enum dw_err open_session(const char *url, const struct storage_schema *schema, enum table_side side,
                                char *problem, struct table_session **ret_session)
{
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return DW_ERR_NO_MEMORY;
    s->head = (struct table_session){ &POSTGRES_TABLES, problem };
    s->chunk = (struct buffer)BUFFER_INIT(COPY_ROW_MAX + COPY_CHUNK);
    pthread_mutex_init(&s->server.mutex, NULL);
    const enum dw_err err = hold_still(s, schema, url, side);

    if (err == DW_OK)
        *ret_session = &s->head;
    else
        close_session(&s->head);
    return err;
}

/* --- about a table ----------------------------------------------------------------------------------------------- */

static enum dw_err width(struct table_session *head, const struct table *table, int64_t *ret_columns)
{
    char sql[TABLE_NAME_SIZE + 128];

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('%s')"
             " AND attnum > 0 AND NOT attisdropped", table->name);
    TRY(run(session_of(head), sql, "looking for a table", ret_columns));
    return *ret_columns == 0 ? DW_ERR_NOT_FOUND : DW_OK;
}

static enum dw_err count(struct table_session *head, const struct table *table, int64_t *ret_rows)
{
    char sql[TABLE_NAME_SIZE + 32];

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table->name);
    return run(session_of(head), sql, "counting rows", ret_rows);
}

static enum dw_err clear(struct table_session *head, const struct table *table)
{
    char sql[TABLE_NAME_SIZE + 32];

    snprintf(sql, sizeof(sql), "DELETE FROM %s", table->name);
    return run(session_of(head), sql, "emptying a table", NULL);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static enum dw_err read_begin(struct table_session *head, const struct table *table)
{
    struct session *s = session_of(head);
    _cleanup_buffer_ struct buffer sql = BUFFER_INIT(TABLE_SQL_MAX);

    /* The order that SQLite has, whatever language the database is in. */
    buffer_append_literal(&sql, "DECLARE " CURSOR " NO SCROLL CURSOR FOR ");
    table_select(&sql, table, " COLLATE \"C\"", " NULLS FIRST");
    buffer_append_char(&sql, '\0');
    TRY(buffer_error(&sql));
    TRY(run(s, sql.ptr, "reading", NULL));
    s->table = table;
    return DW_OK;
}

static enum dw_err fetch(struct session *s)
{
    const struct libpq *pq = s->connection->pq;
    char sql[64];

    if (s->rows != NULL)
        pq->PQclear(TAKE_PTR(s->rows));
    snprintf(sql, sizeof(sql), "FETCH FORWARD %d FROM " CURSOR, ROWS_AT_ONCE);
    s->row = 0;
    s->rows = pq->PQexec(s->connection->conn, sql);
    return pq->PQresultStatus(s->rows) == PGRES_TUPLES_OK ? DW_OK : refuse(s, s->rows, "reading");
}

static struct value value_at(const struct session *s, unsigned column)
{
    const struct libpq *pq = s->connection->pq;

    if (pq->PQgetisnull(s->rows, s->row, (int)column) != 0)
        return V_NULL;
    if (s->table->columns[column].type != COLUMN_TEXT)
        return V_INT(strtoll(pq->PQgetvalue(s->rows, s->row, (int)column), NULL, 10));
    return V_TEXT(dw_str_n(pq->PQgetvalue(s->rows, s->row, (int)column),
                           (size_t)pq->PQgetlength(s->rows, s->row, (int)column)));
}

static enum dw_err read_row(struct table_session *head, struct value *ret_values)
{
    struct session *s = session_of(head);

    if (s->rows == NULL || s->row == s->connection->pq->PQntuples(s->rows))
        TRY(fetch(s));
    if (s->connection->pq->PQntuples(s->rows) == 0)
        return DW_ERR_NOT_FOUND;
    for (unsigned i = 0; i < s->table->n_columns; i++)
        ret_values[i] = value_at(s, i);
    s->row++;
    return DW_OK;
}

static void read_end(struct table_session *head)
{
    struct session *s = session_of(head);

    if (s->rows != NULL)
        s->connection->pq->PQclear(TAKE_PTR(s->rows));
    s->connection->pq->PQclear(s->connection->pq->PQexec(s->connection->conn, "CLOSE " CURSOR));
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static enum dw_err write_begin(struct table_session *head, const struct table *table)
{
    struct session *s = session_of(head);
    const struct libpq *pq = s->connection->pq;
    _cleanup_buffer_ struct buffer sql = BUFFER_INIT(TABLE_SQL_MAX);
    enum dw_err err = DW_OK;

    buffer_printf(&sql, "COPY %s ", table->name);
    table_columns(&sql, table);
    buffer_append_literal(&sql, " FROM STDIN\0");
    TRY(buffer_error(&sql));
    PGresult *result = pq->PQexec(s->connection->conn, sql.ptr);

    if (pq->PQresultStatus(result) != PGRES_COPY_IN)
        err = refuse(s, result, "writing");
    pq->PQclear(result);
    s->table = table;
    buffer_reset(&s->chunk);
    return err;
}

/* COPY's text format: what would end a field or a row, and the backslash, are written with one. */
static void append_escaped(struct buffer *b, struct dw_str text)
{
    static const char SPECIAL[] = "\b\t\n\v\f\r\\", LETTERS[] = "btnvfr\\";
    size_t begin = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *special = memchr(SPECIAL, text.ptr[i], sizeof(SPECIAL) - 1);

        if (special == NULL)
            continue;
        buffer_append(b, dw_str_n(text.ptr + begin, i - begin));
        buffer_append_char(b, '\\');
        buffer_append_char(b, LETTERS[special - SPECIAL]);
        begin = i + 1;
    }
    buffer_append(b, dw_str_n(text.ptr + begin, text.len - begin));
}

static bool can_hold(struct dw_str text)
{
    return dw_str_is_utf8(text) && (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL);
}

static enum dw_err flush(struct session *s)
{
    if (s->connection->pq->PQputCopyData(s->connection->conn, s->chunk.ptr, (int)s->chunk.len) != 1)
        return refuse(s, NULL, "writing");
    buffer_reset(&s->chunk);
    return DW_OK;
}

static enum dw_err write_row(struct table_session *head, const struct value *values)
{
    struct session *s = session_of(head);

    for (unsigned i = 0; i < s->table->n_columns; i++) {
        if (i > 0)
            buffer_append_char(&s->chunk, '\t');
        if (values[i].type == VALUE_NULL)
            buffer_append_literal(&s->chunk, "\\N");
        else if (values[i].type == VALUE_INT)
            buffer_append_int(&s->chunk, values[i].integer);
        else if (can_hold(values[i].bytes))
            append_escaped(&s->chunk, values[i].bytes);
        else
            return DW_ERR_ENCODING;
    }
    buffer_append_char(&s->chunk, '\n');
    TRY(buffer_error(&s->chunk));
    return s->chunk.len < COPY_CHUNK ? DW_OK : flush(s);
}

static enum dw_err write_end(struct table_session *head)
{
    struct session *s = session_of(head);
    const struct libpq *pq = s->connection->pq;
    char doing[TABLE_NAME_SIZE + 32];
    enum dw_err err = DW_OK;

    snprintf(doing, sizeof(doing), "writing table %s", s->table->name);
    if (s->chunk.len > 0)
        TRY(flush(s));
    if (pq->PQputCopyEnd(s->connection->conn, NULL) != 1)
        return refuse(s, NULL, doing);
    for (PGresult *result; (result = pq->PQgetResult(s->connection->conn)) != NULL; pq->PQclear(result)) {
        if (err == DW_OK && pq->PQresultStatus(result) != PGRES_COMMAND_OK)
            err = refuse(s, result, doing);
    }
    return err;
}

static enum dw_err commit(struct table_session *head)
{
    struct session *s = session_of(head);
    const enum dw_err err = run(s, "COMMIT", "the commit", NULL);

    if (err == DW_ERR_UNAVAILABLE)
        return table_refuse(s->head.problem, err, "the connection broke during the commit: the target holds all of it "
                            "or nothing; run this again, which is refused where it holds all");
    return err;
}

const struct table_calls POSTGRES_TABLES = {
    .open = open_session,
    .close = close_session,
    .width = width,
    .count = count,
    .clear = clear,
    .read_begin = read_begin,
    .read = read_row,
    .read_end = read_end,
    .write_begin = write_begin,
    .write = write_row,
    .write_end = write_end,
    .commit = commit,
};
