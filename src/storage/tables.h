/*
 * A database as its tables and rows, for copying a whole one (storage/copy.h): the list of the tables, and what a
 * driver does with them.
 *
 * Why: the statements of the rooms above see a row here and there; a copy must see every table, and one that a later
 * migration adds must not be forgotten. So the list is nowhere written down: it is read from the catalogue of an empty
 * database in memory, to which the migrations were applied.
 * Defends against: a forgotten table or column, a child row before its parent, a row that is written while others are
 * read (a session keeps all other writers out), a value of another type than its column's.
 * Does not do: tables that are not Doorward's; schema_migrations, which each database keeps for itself.
 *
 * Threading: a session is used by one thread at a time; it reads one table or writes one, never both at once.
 */
#ifndef STORAGE_TABLES_H
#define STORAGE_TABLES_H

#include "base/buffer.h"
#include "storage/storage.h"

enum {
    TABLES_MAX = 64,
    TABLE_COLUMNS_MAX = 40,
    TABLE_NAME_SIZE = 64,
    TABLE_PROBLEM_SIZE = 512,
    TABLE_SQL_MAX = 16 * 1024,
};

enum column_type { COLUMN_INT32, COLUMN_INT64, COLUMN_TEXT };

struct table_column {
    char name[TABLE_NAME_SIZE];
    enum column_type type;
    int key; /* its place in the primary key, from 1; 0: not in it */
};

struct table {
    char name[TABLE_NAME_SIZE];
    struct table_column columns[TABLE_COLUMNS_MAX];
    unsigned n_columns;
    int64_t seeds; /* rows that the migrations themselves put there */
};

struct table_list {
    struct table tables[TABLES_MAX]; /* parents before their children */
    unsigned n;
};

/* What the migrations make. DW_ERR_TABLE: more than the limits above, or a type that no driver carries. */
DW_MUST_USE enum dw_err tables_of_schema(const struct storage_schema *schema, struct table_list **ret_list);

/* "SELECT a, b FROM t ORDER BY …": every row, in the order of the key, or of all columns where there is none. The
 * order is that of bytes, the same in both databases: `suffix` is what a driver must add behind a column for it. */
void table_select(struct buffer *b, const struct table *table, const char *text_suffix, const char *suffix);
/* "(a, b)" */
void table_columns(struct buffer *b, const struct table *table);

/* --- what a driver offers --------------------------------------------------------------------------------------- */

enum table_side { TABLES_SOURCE, TABLES_TARGET };

/* The head of each driver's own session. */
struct table_session {
    const struct table_calls *calls;
    char *problem; /* TABLE_PROBLEM_SIZE: after an error, what to tell; quotes no value of a row */
};

struct table_calls {
    /*
     * A connection of its own and a transaction in it, with every other writer kept out until it is closed; refused
     * where a server is at work. A target that has no tables gets them first, in transactions of their own.
     * `problem` (TABLE_PROBLEM_SIZE) outlives the session.
     */
    enum dw_err (*open)(const char *url, const struct storage_schema *schema, enum table_side side, char *problem,
                        struct table_session **ret_session);
    /* Undoes what was not committed. */
    void (*close)(struct table_session *session);
    /* How many columns the table has there; DW_ERR_NOT_FOUND: there is no such table. */
    enum dw_err (*width)(struct table_session *session, const struct table *table, int64_t *ret_columns);
    enum dw_err (*count)(struct table_session *session, const struct table *table, int64_t *ret_rows);
    enum dw_err (*clear)(struct table_session *session, const struct table *table);
    /* Rows in the order of table_select(). The values are valid until the next call; DW_ERR_NOT_FOUND past the last
     * row. A value that is none of NULL, integer and text is VALUE_BLOB. */
    enum dw_err (*read_begin)(struct table_session *session, const struct table *table);
    enum dw_err (*read)(struct table_session *session, struct value *ret_values);
    void (*read_end)(struct table_session *session);
    /* Values of the columns' types or NULL. DW_ERR_ENCODING: a text that this database can't hold. */
    enum dw_err (*write_begin)(struct table_session *session, const struct table *table);
    enum dw_err (*write)(struct table_session *session, const struct value *values);
    enum dw_err (*write_end)(struct table_session *session);
    /* Returns when all of it is durable. */
    enum dw_err (*commit)(struct table_session *session);
};

extern const struct table_calls SQLITE_TABLES, POSTGRES_TABLES;

/* Notes what to tell and hands err on. */
enum dw_err table_refuse(char *problem, enum dw_err err, const char *format, ...) DW_PRINTF(3, 4);

#endif
