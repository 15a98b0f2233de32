/* What the migrations make, read from the catalogue of a database in memory (storage/tables.h). */
#include "storage/tables.h"

#include <sqlite3.h>

static const char TABLES[] =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
static const char COLUMNS[] = "SELECT name, upper(type), pk FROM pragma_table_info(?1) ORDER BY cid";
static const char PARENTS[] = "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?1)";

/* The names that both databases have for a type. */
static const struct {
    const char *name;
    enum column_type type;
} TYPES[] = {
    { "TEXT", COLUMN_TEXT }, { "BIGINT", COLUMN_INT64 }, { "INTEGER", COLUMN_INT32 },
};

static void close_memory(sqlite3 **db)
{
    sqlite3_close(*db);
}

static void finalize(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}

static enum dw_err prepare(sqlite3 *db, const char *sql, const char *name, sqlite3_stmt **ret_stmt)
{
    if (sqlite3_prepare_v2(db, sql, -1, ret_stmt, NULL) != SQLITE_OK)
        return DW_ERR_TABLE;
    if (name != NULL && sqlite3_bind_text(*ret_stmt, 1, name, -1, SQLITE_STATIC) != SQLITE_OK)
        return DW_ERR_NO_MEMORY;
    return DW_OK;
}

static enum dw_err copy_name(sqlite3_stmt *stmt, char ret_name[TABLE_NAME_SIZE])
{
    const int length = snprintf(ret_name, TABLE_NAME_SIZE, "%s", (const char *)sqlite3_column_text(stmt, 0));

    return length < TABLE_NAME_SIZE ? DW_OK : DW_ERR_TABLE;
}

static enum dw_err type_of(const char *name, enum column_type *ret_type)
{
    for (size_t i = 0; i < ARRAY_SIZE(TYPES); i++) {
        if (strcmp(TYPES[i].name, name) != 0)
            continue;
        *ret_type = TYPES[i].type;
        return DW_OK;
    }
    return DW_ERR_TABLE;
}

static enum dw_err read_columns(sqlite3 *db, struct table *table)
{
    _cleanup_(finalize) sqlite3_stmt *stmt = NULL;

    TRY(prepare(db, COLUMNS, table->name, &stmt));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        struct table_column *column = &table->columns[table->n_columns];

        if (table->n_columns++ == TABLE_COLUMNS_MAX)
            return DW_ERR_TABLE;
        TRY(copy_name(stmt, column->name));
        TRY(type_of((const char *)sqlite3_column_text(stmt, 1), &column->type));
        column->key = sqlite3_column_int(stmt, 2);
    }
    return DW_OK;
}

static enum dw_err count_seeds(sqlite3 *db, struct table *table)
{
    _cleanup_(finalize) sqlite3_stmt *stmt = NULL;
    char sql[TABLE_NAME_SIZE + 32];

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table->name);
    TRY(prepare(db, sql, NULL, &stmt));
    if (sqlite3_step(stmt) != SQLITE_ROW)
        return DW_ERR_TABLE;
    table->seeds = sqlite3_column_int64(stmt, 0);
    return DW_OK;
}

static enum dw_err read_tables(sqlite3 *db, struct table_list *list)
{
    _cleanup_(finalize) sqlite3_stmt *stmt = NULL;

    TRY(prepare(db, TABLES, NULL, &stmt));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        if (list->n == TABLES_MAX)
            return DW_ERR_TABLE;
        struct table *table = &list->tables[list->n++];

        TRY(copy_name(stmt, table->name));
        TRY(read_columns(db, table));
        TRY(count_seeds(db, table));
    }
    return DW_OK;
}

static bool has_table(const struct table_list *list, const char *name)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (strcmp(list->tables[i].name, name) == 0)
            return true;
    }
    return false;
}

static enum dw_err has_its_parents(sqlite3 *db, const struct table_list *placed, const struct table *table,
                                   bool *ret_has)
{
    _cleanup_(finalize) sqlite3_stmt *stmt = NULL;

    TRY(prepare(db, PARENTS, table->name, &stmt));
    *ret_has = true;
    while (sqlite3_step(stmt) == SQLITE_ROW)
        *ret_has = *ret_has && has_table(placed, (const char *)sqlite3_column_text(stmt, 0));
    return DW_OK;
}

/* Parents first; DW_ERR_TABLE when tables wait for each other, or one for itself. */
static enum dw_err put_in_order(sqlite3 *db, const struct table_list *found, struct table_list *ret_list)
{
    bool has_more = true;

    while (ret_list->n < found->n && has_more) {
        has_more = false;
        for (unsigned i = 0; i < found->n; i++) {
            bool is_next = false;

            if (has_table(ret_list, found->tables[i].name))
                continue;
            TRY(has_its_parents(db, ret_list, &found->tables[i], &is_next));
            if (is_next)
                ret_list->tables[ret_list->n++] = found->tables[i];
            has_more = has_more || is_next;
        }
    }
    return ret_list->n == found->n ? DW_OK : DW_ERR_TABLE;
}

enum dw_err tables_of_schema(const struct storage_schema *schema, struct table_list **ret_list)
{
    _cleanup_free_ struct table_list *found = calloc(1, sizeof(*found)), *list = calloc(1, sizeof(*list));
    _cleanup_(close_memory) sqlite3 *db = NULL;

    if (found == NULL || list == NULL)
        return DW_ERR_NO_MEMORY;
    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return DW_ERR_NO_MEMORY;
    for (const struct migration *m = schema->migrations; m->version != 0; m++) {
        if (sqlite3_exec(db, m->sql, NULL, NULL, NULL) != SQLITE_OK)
            return DW_ERR_TABLE;
    }
    TRY(read_tables(db, found));
    TRY(put_in_order(db, found, list));
    *ret_list = TAKE_PTR(list);
    return DW_OK;
}
