#include "storage/tables.h"

#include <stdarg.h>

enum dw_err table_refuse(char *problem, enum dw_err err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem, TABLE_PROBLEM_SIZE, format, arguments);
    va_end(arguments);
    return err;
}

void table_columns(struct buffer *b, const struct table *table)
{
    for (unsigned i = 0; i < table->n_columns; i++)
        buffer_printf(b, "%s%s", i == 0 ? "(" : ", ", table->columns[i].name);
    buffer_append_char(b, ')');
}

static void append_order(struct buffer *b, const struct table_column *column, const char *text_suffix,
                         const char *suffix)
{
    buffer_printf(b, "%s%s%s", column->name, column->type == COLUMN_TEXT ? text_suffix : "", suffix);
}

static const struct table_column *key_column(const struct table *table, int place)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        if (table->columns[i].key == place)
            return &table->columns[i];
    }
    return NULL;
}

void table_select(struct buffer *b, const struct table *table, const char *text_suffix, const char *suffix)
{
    const struct table_column *column = key_column(table, 1);

    for (unsigned i = 0; i < table->n_columns; i++)
        buffer_printf(b, "%s%s", i == 0 ? "SELECT " : ", ", table->columns[i].name);
    buffer_printf(b, " FROM %s ORDER BY ", table->name);
    for (int place = 1; column != NULL; column = key_column(table, ++place)) {
        buffer_append(b, dw_str(place == 1 ? "" : ", "));
        append_order(b, column, text_suffix, suffix);
    }
    for (unsigned i = 0; key_column(table, 1) == NULL && i < table->n_columns; i++) {
        buffer_append(b, dw_str(i == 0 ? "" : ", "));
        append_order(b, &table->columns[i], text_suffix, suffix);
    }
}
