#include "storage/postgres/postgres.h"

enum {
    OID_INT8 = 20,
    OID_TEXT = 25,
    INTEGER_SIZE = 24,  /* of a decimal int64_t */
    NAME_SIZE = 40,
    PG_VALUE_BYTES_MAX = 16 << 20,
};

/* Parameters as libpq wants them: text, each with its length implied by a NUL. */
struct parameters {
    int n;
    uint64_t integers; /* bit i: parameter i is one */
    Oid types[PG_PARAMS_MAX];
    const char *values[PG_PARAMS_MAX];
    char integer_text[PG_PARAMS_MAX][INTEGER_SIZE];
    char *copies[PG_PARAMS_MAX]; /* of texts, which are not NUL-terminated */
};

static void free_parameters(struct parameters *p)
{
    for (int i = 0; i < p->n; i++) {
        if (p->copies[i] == NULL)
            continue;
        dw_wipe(p->copies[i], strlen(p->copies[i]));
        free(p->copies[i]);
    }
}

/* PostgreSQL has no NUL in a text. */
static enum dw_err put_text(struct parameters *p, int i, struct dw_str text)
{
    if (text.len > PG_VALUE_BYTES_MAX)
        return DW_ERR_LIMIT;
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
        return DW_ERR_ENCODING;
    p->copies[i] = malloc(text.len + 1);
    if (p->copies[i] == NULL)
        return DW_ERR_NO_MEMORY;
    if (text.len > 0)
        memcpy(p->copies[i], text.ptr, text.len);
    p->copies[i][text.len] = '\0';
    p->values[i] = p->copies[i];
    p->types[i] = OID_TEXT;
    return DW_OK;
}

static enum dw_err put_value(struct parameters *p, int i, const struct value *value)
{
    switch (value->type) {
    case VALUE_NULL:
        p->types[i] = 0; /* of whatever type its place has */
        p->values[i] = NULL;
        return DW_OK;
    case VALUE_INT:
        snprintf(p->integer_text[i], INTEGER_SIZE, "%lld", (long long)value->integer);
        p->values[i] = p->integer_text[i];
        p->types[i] = OID_INT8;
        p->integers |= UINT64_C(1) << i;
        return DW_OK;
    case VALUE_TEXT:
        return put_text(p, i, value->bytes);
    case VALUE_BLOB:
        break;
    }
    return DW_ERR_UNSUPPORTED; /* no type that both databases call by one name */
}

static enum dw_err put_values(struct parameters *p, const struct statement *statement, const struct value *values)
{
    if (statement->n_params > PG_PARAMS_MAX || (values == NULL && statement->n_params > 0))
        return DW_ERR_ARGUMENT;
    for (p->n = 0; p->n < (int)statement->n_params; p->n++) {
        p->copies[p->n] = NULL;
        TRY(put_value(p, p->n, &values[p->n]));
    }
    return DW_OK;
}

/* --- preparing ---------------------------------------------------------------------------------------------------- */

static void variant_name(unsigned number, uint64_t integers, char ret_name[NAME_SIZE])
{
    snprintf(ret_name, NAME_SIZE, "s%u_%llx", number, (unsigned long long)integers);
}

static bool is_prepared(const struct pg_prepared *prepared, uint64_t integers)
{
    for (unsigned i = 0; i < prepared->n; i++)
        if (prepared->integers[i] == integers)
            return true;
    return false;
}

/* In an exchange of its own: an error of the statement itself must not leave it unclear whether it was prepared. */
static enum dw_err prepare(struct pg_connection *c, unsigned number, const struct parameters *p)
{
    const struct statement *statement = c->index->rows[number];
    struct pg_prepared *prepared = &c->prepared[number];
    PGresult *result = NULL;
    char name[NAME_SIZE];

    variant_name(number, p->integers, name);
    TRY(pg_send_commands(c));
    if (c->pq->PQsendPrepare(c->conn, name, statement->sql, p->n, p->types) == 0)
        return pg_fail(c, NULL, statement->name);
    TRY(pg_finish(c, statement->name, &result));
    c->pq->PQclear(result);
    prepared->integers[prepared->n++] = p->integers;
    return DW_OK;
}

static enum dw_err send(struct pg_connection *c, unsigned number, const struct parameters *p)
{
    const struct statement *statement = c->index->rows[number];
    struct pg_prepared *prepared = &c->prepared[number];
    char name[NAME_SIZE];
    int sent;

    if (!is_prepared(prepared, p->integers) && prepared->n < PG_VARIANTS_MAX)
        TRY(prepare(c, number, p));
    TRY(pg_send_commands(c));
    variant_name(number, p->integers, name);
    if (is_prepared(prepared, p->integers))
        sent = c->pq->PQsendQueryPrepared(c->conn, name, p->n, p->values, NULL, NULL, 0);
    else
        sent = c->pq->PQsendQueryParams(c->conn, statement->sql, p->n, p->types, p->values, NULL, NULL, 0);
    return sent == 1 ? DW_OK : pg_fail(c, NULL, statement->name);
}

static enum dw_err check_statement(struct pg_connection *c, const struct statement *statement)
{
    PGresult *result = NULL;

    if (c->pq->PQsendPrepare(c->conn, "", statement->sql, 0, NULL) == 0)
        return pg_fail(c, NULL, statement->name);
    const enum dw_err err = pg_finish(c, statement->name, &result);

    if (result != NULL)
        c->pq->PQclear(result);
    return err;
}

enum dw_err pg_check_statements(struct pg_connection *c)
{
    enum dw_err first = DW_OK;

    c->shows_messages = true; /* nothing is bound: what the server says of a wrong column quotes no value */
    for (unsigned i = 0; i < c->index->n_rows && !c->is_broken; i++) {
        const enum dw_err err = check_statement(c, c->index->rows[i]);
        first = first == DW_OK ? err : first;
    }
    c->shows_messages = false;
    return first;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static enum dw_err hand_out(struct pg_connection *c, const PGresult *result,
                            enum dw_err (*read)(const struct row *, void *), void *argument, size_t max_rows,
                            size_t *ret_rows)
{
    struct pg_row row = { .head = { &STORAGE_POSTGRES }, .pq = c->pq, .result = result };
    const size_t n = MIN_OF((size_t)c->pq->PQntuples(result), max_rows);

    for (size_t i = 0; read != NULL && i < n; i++) {
        row.number = (int)i;
        TRY(read(&row.head, argument));
    }
    *ret_rows = n;
    return DW_OK;
}

static int64_t count_changes(struct pg_connection *c, PGresult *result)
{
    const char *text = c->pq->PQcmdTuples(result);

    return text[0] == '\0' ? 0 : strtoll(text, NULL, 10);
}

enum dw_err pg_run(struct transaction *tx, const struct statement *statement, const struct value *values,
                   enum dw_err (*read)(const struct row *, void *), void *argument, size_t max_rows, size_t *ret_rows,
                   int64_t *ret_changes)
{
    struct pg_connection *c = ((struct pg_transaction *)(void *)tx)->connection; /* head comes first */
    _cleanup_(free_parameters) struct parameters p = { 0 };
    PGresult *result = NULL;
    unsigned number;
    size_t rows = 0;

    if (c->is_broken)
        return DW_ERR_UNAVAILABLE;
    TRY(statement_index_find(c->index, statement, &number));
    TRY(put_values(&p, statement, values));
    TRY(send(c, number, &p));
    TRY(pg_finish(c, statement->name, &result));
    const int64_t changes = count_changes(c, result);
    const enum dw_err err = hand_out(c, result, read, argument, max_rows, &rows);

    c->pq->PQclear(result);
    TRY(err);
    if (ret_rows != NULL)
        *ret_rows = rows;
    if (ret_changes != NULL)
        *ret_changes = changes;
    return DW_OK;
}

enum dw_err pg_deliver(struct pg_connection *c, PGresult *result, const struct pg_expected *expected)
{
    size_t rows;

    if (expected->ret_changes != NULL)
        *expected->ret_changes = count_changes(c, result);
    return hand_out(c, result, expected->read, expected->argument, 1, &rows);
}

enum dw_err pg_run_later(struct transaction *tx, const struct statement *statement, const struct value *values,
                         enum dw_err (*read)(const struct row *, void *), void *argument, int64_t *ret_changes)
{
    struct pg_connection *c = ((struct pg_transaction *)(void *)tx)->connection; /* head comes first */
    const struct pg_expected expected = { statement->name, false, read, argument, ret_changes };
    _cleanup_(free_parameters) struct parameters p = { 0 };
    unsigned number;

    if (c->is_broken)
        return DW_ERR_UNAVAILABLE;
    TRY(statement_index_find(c->index, statement, &number));
    if (c->n_expected + PG_COMMANDS_MAX + 1 > PG_EXPECTED_MAX)
        TRY(pg_wait(c));
    TRY(put_values(&p, statement, values));
    TRY(send(c, number, &p));
    return pg_expect(c, &expected);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static const struct pg_row *row_of(const struct row *row)
{
    return (const struct pg_row *)(const void *)row;
}

bool pg_row_is_null(const struct row *row, unsigned column)
{
    const struct pg_row *r = row_of(row);

    return r->pq->PQgetisnull(r->result, r->number, (int)column) != 0;
}

int64_t pg_row_int(const struct row *row, unsigned column)
{
    const struct pg_row *r = row_of(row);

    return pg_row_is_null(row, column) ? 0 : strtoll(r->pq->PQgetvalue(r->result, r->number, (int)column), NULL, 10);
}

struct dw_str pg_row_text(const struct row *row, unsigned column)
{
    const struct pg_row *r = row_of(row);

    if (pg_row_is_null(row, column))
        return dw_str_n(NULL, 0);
    return dw_str_n(r->pq->PQgetvalue(r->result, r->number, (int)column),
                    (size_t)r->pq->PQgetlength(r->result, r->number, (int)column));
}
