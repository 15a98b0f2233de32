#include "storage/copy.h"

#include "storage/driver.h"

struct copying {
    struct copy_report *report;
    struct table_session *source, *target;
};

static void end_session(struct table_session **session)
{
    if (*session != NULL)
        (*session)->calls->close(*session);
    *session = NULL;
}

/* "users, row 17 (id 0190…)": a key is an id, a number or a hash, never more. */
static void name_row(const struct table *table, int64_t row, const struct value *values, char *ret_name, size_t size)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        const struct dw_str key = values[i].bytes;

        if (table->columns[i].key != 1 || values[i].type != VALUE_TEXT || key.len > DW_UUID_SIZE ||
            strspn(key.ptr, "0123456789abcdef-") < key.len)
            continue;
        snprintf(ret_name, size, "%s, row %lld (%s %.*s)", table->name, (long long)row, table->columns[i].name,
                 (int)key.len, key.ptr);
        return;
    }
    snprintf(ret_name, size, "%s, row %lld", table->name, (long long)row);
}

static bool fits(const struct table_column *column, const struct value *value)
{
    if (value->type == VALUE_NULL)
        return true;
    if (column->type == COLUMN_TEXT)
        return value->type == VALUE_TEXT;
    return value->type == VALUE_INT &&
           (column->type == COLUMN_INT64 || (value->integer >= INT32_MIN && value->integer <= INT32_MAX));
}

/* SQLite holds any value in any column; who writes to the file by hand can leave one that no other database takes. */
static enum dw_err check_row(const struct copying *c, const struct table *table, int64_t row,
                             const struct value *values)
{
    char name[2 * TABLE_NAME_SIZE + 64];

    for (unsigned i = 0; i < table->n_columns; i++) {
        const struct table_column *column = &table->columns[i];

        if (fits(column, &values[i]))
            continue;
        name_row(table, row, values, name, sizeof(name));
        return table_refuse(c->report->problem, DW_ERR_ENCODING, "%s: column %s holds no %s: mend or delete that row",
                            name, column->name, column->type == COLUMN_TEXT ? "text" : "number that belongs there");
    }
    return DW_OK;
}

/* --- before ------------------------------------------------------------------------------------------------------ */

/* The same columns on both sides, and a target without a row that is not its migrations'. */
static enum dw_err check_table(const struct copying *c, const struct table *table)
{
    struct table_session *const sides[] = { c->source, c->target };
    int64_t columns, rows;

    for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
        columns = 0;
        const enum dw_err err = sides[i]->calls->width(sides[i], table, &columns);

        if (err != DW_OK && err != DW_ERR_NOT_FOUND)
            return err;
        if (columns != table->n_columns)
            return table_refuse(c->report->problem, DW_ERR_DATABASE, "the %s has table %s with other columns than "
                                "this program makes", sides[i] == c->source ? "source" : "target", table->name);
    }
    TRY(c->target->calls->count(c->target, table, &rows));
    if (rows > table->seeds)
        return table_refuse(c->report->problem, DW_ERR_CONFLICT, "the target has data in it already (table %s): give "
                            "an empty database", table->name);
    return DW_OK;
}

/* --- copying ----------------------------------------------------------------------------------------------------- */

static enum dw_err copy_rows(const struct copying *c, const struct table *table, int64_t *ret_rows)
{
    struct value values[TABLE_COLUMNS_MAX];
    int64_t rows = 0;
    enum dw_err err;

    while ((err = c->source->calls->read(c->source, values)) == DW_OK) {
        char name[2 * TABLE_NAME_SIZE + 64];

        TRY(check_row(c, table, ++rows, values));
        err = c->target->calls->write(c->target, values);
        if (err == DW_ERR_ENCODING) {
            name_row(table, rows, values, name, sizeof(name));
            return table_refuse(c->report->problem, err, "%s: a text in it has a NUL or is not UTF-8, which the target "
                                "can't hold: mend or delete that row", name);
        }
        TRY(err);
    }
    if (err != DW_ERR_NOT_FOUND)
        return err;
    *ret_rows = rows;
    return DW_OK;
}

static enum dw_err copy_table(const struct copying *c, const struct table *table, int64_t *ret_rows)
{
    TRY(c->target->calls->clear(c->target, table));
    TRY(c->target->calls->write_begin(c->target, table));
    TRY(c->source->calls->read_begin(c->source, table));
    const enum dw_err err = copy_rows(c, table, ret_rows);

    c->source->calls->read_end(c->source);
    TRY(err);
    return c->target->calls->write_end(c->target);
}

/* --- comparing --------------------------------------------------------------------------------------------------- */

static bool is_same(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == VALUE_INT)
        return a->integer == b->integer;
    return a->type == VALUE_NULL || dw_str_eq(a->bytes, b->bytes);
}

static enum dw_err compare_row(const struct copying *c, const struct table *table, int64_t row,
                               const struct value *source, const struct value *target)
{
    char name[2 * TABLE_NAME_SIZE + 64];

    for (unsigned i = 0; i < table->n_columns; i++) {
        if (is_same(&source[i], &target[i]))
            continue;
        name_row(table, row, source, name, sizeof(name));
        return table_refuse(c->report->problem, DW_ERR_DATABASE, "%s: column %s is not the same after copying; nothing "
                            "was kept", name, table->columns[i].name);
    }
    return DW_OK;
}

static enum dw_err compare_rows(const struct copying *c, const struct table *table, int64_t copied)
{
    struct value source[TABLE_COLUMNS_MAX], target[TABLE_COLUMNS_MAX];

    for (int64_t row = 1;; row++) {
        const enum dw_err here = c->source->calls->read(c->source, source);
        const enum dw_err there = c->target->calls->read(c->target, target);

        if (here != DW_OK && here != DW_ERR_NOT_FOUND)
            return here;
        if (there != DW_OK && there != DW_ERR_NOT_FOUND)
            return there;
        if (here != there || (here == DW_ERR_NOT_FOUND && row - 1 != copied))
            return table_refuse(c->report->problem, DW_ERR_DATABASE, "%s has another number of rows after copying; "
                                "nothing was kept", table->name);
        if (here == DW_ERR_NOT_FOUND)
            return DW_OK;
        TRY(compare_row(c, table, row, source, target));
    }
}

static enum dw_err compare_table(const struct copying *c, const struct table *table, int64_t copied)
{
    TRY(c->source->calls->read_begin(c->source, table));
    enum dw_err err = c->target->calls->read_begin(c->target, table);

    if (err == DW_OK) {
        err = compare_rows(c, table, copied);
        c->target->calls->read_end(c->target);
    }
    c->source->calls->read_end(c->source);
    return err;
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static enum dw_err copy_tables(const struct copying *c)
{
    struct copy_report *report = c->report;

    for (unsigned i = 0; i < report->list->n; i++)
        TRY(check_table(c, &report->list->tables[i]));
    for (unsigned i = 0; i < report->list->n; i++)
        TRY(copy_table(c, &report->list->tables[i], &report->rows[i]));
    for (unsigned i = 0; i < report->list->n; i++) {
        TRY(compare_table(c, &report->list->tables[i], report->rows[i]));
        report->total += report->rows[i];
    }
    return c->target->calls->commit(c->target);
}

static enum dw_err copy_between(const struct storage_driver *source, const struct storage_driver *target,
                                const struct storage_schema *schema, const char *from, const char *to,
                                struct copy_report *report)
{
    _cleanup_(end_session) struct table_session *here = NULL, *there = NULL;

    TRY(source->tables->open(from, schema, TABLES_SOURCE, report->problem, &here));
    TRY(target->tables->open(to, schema, TABLES_TARGET, report->problem, &there));
    return copy_tables(&(struct copying){ report, here, there });
}

enum dw_err storage_copy(const struct storage_driver *const *drivers, const struct storage_schema *schema,
                         const char *from, const char *to, struct copy_report *report)
{
    const struct storage_driver *source = storage_find_driver(drivers, from);
    const struct storage_driver *target = storage_find_driver(drivers, to);
    enum dw_err err;

    *report = (struct copy_report){ 0 };
    if (source == NULL || target == NULL)
        return table_refuse(report->problem, DW_ERR_SETTING, "a database is sqlite:FILE or "
                            "postgresql://USER@HOST/DATABASE");
    err = tables_of_schema(schema, &report->list);
    if (err == DW_OK)
        err = copy_between(source, target, schema, from, to, report);
    if (err != DW_OK && report->problem[0] == '\0')
        return table_refuse(report->problem, err, "copying failed: %s", dw_error_info(err)->message);
    return err;
}

void copy_report_free(struct copy_report *report)
{
    free(TAKE_PTR(report->list));
}
