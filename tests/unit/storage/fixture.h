/*
 * A database in a directory of its own, a schema to try things on, and threads that write.
 */
#ifndef TESTS_STORAGE_FIXTURE_H
#define TESTS_STORAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it. */
#include <cmocka.h>

#include "storage/sqlite/sqlite.h"

struct fixture {
    char dir[64];
    char path[96];
    char url[112];
    struct storage *storage;
};

extern const struct storage_driver *const DRIVERS[];
extern const struct migration MIGRATIONS[]; /* two */
extern const struct storage_schema SCHEMA;

extern const struct statement ITEM_INSERT; /* id, number, note, data */
extern const struct statement ITEM_GET;    /* id → number, note, data */
extern const struct statement ITEM_ALL;    /* → number, in its order */
extern const struct statement ITEM_COUNT;
extern const struct statement ITEM_RAISE;        /* by how much, at least which number → number */
extern const struct statement ITEM_DELETE;       /* id */
extern const struct statement MIXED;             /* $2, $1, $2 || $3, as columns */
extern const struct statement CHILD_INSERT;      /* id, id of an item */
extern const struct statement LATE_CHILD_INSERT; /* the same, its key checked at the commit */

/* The directory alone; and with the database open, two readers. */
int fixture_directory(void **state);
int fixture_database(void **state);
int fixture_remove(void **state);

void fixture_open(struct fixture *f);
/* Opens with another schema and gives the error; logs go to f->dir/log. */
enum dw_err fixture_try(struct fixture *f, const struct storage_schema *schema, const char *url, bool migrate);
/* Whether that log holds the text. */
bool fixture_log_has(struct fixture *f, const char *text);

struct sqlite_state *fixture_state(struct fixture *f);

enum dw_err put_item(struct storage *storage, const char *id, int64_t number);
int64_t count_items(struct storage *storage);
bool has_item(struct storage *storage, const char *id);

/* Row callback: column 0 as int64_t. */
enum dw_err read_number(const struct row *row, void *argument);

#define assert_err(expression, expected)                                                                               \
    assert_string_equal(dw_error_info(expression)->code, dw_error_info(expected)->code)
#define assert_ok(expression) assert_err(expression, DW_OK)

#endif
