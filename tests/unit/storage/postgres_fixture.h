/*
 * A database of its own in the PostgreSQL server that tools/with_postgres.sh tells in TEST_POSTGRES, and a schema.
 */
#ifndef TESTS_STORAGE_POSTGRES_FIXTURE_H
#define TESTS_STORAGE_POSTGRES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it. */
#include <cmocka.h>

#include "storage/postgres/postgres.h"

#define assert_err(expression, expected)                                                                               \
    assert_string_equal(dw_error_info(expression)->code, dw_error_info(expected)->code)
#define assert_ok(expression) assert_err(expression, DW_OK)

struct fixture {
    char url[512];
    struct storage *storage;
    char log_path[64];
};

extern const struct storage_driver *const DRIVERS[];
extern const struct migration MIGRATIONS[]; /* two */
extern const struct storage_schema SCHEMA;
extern const struct statement INSERT; /* id, number, note, flag */
extern const struct statement GET;    /* id → number, note, flag */
extern const struct statement ALL;    /* → number, in its order */
extern const struct statement COUNT;
extern const struct statement RAISE; /* by how much, at least which number → number */
extern const struct statement CHILD; /* id, id of an item */

/* An empty database; the same with the schema, opened with two readers. */
int fixture_make(void **state);
int fixture_open(void **state);
int fixture_close(void **state);

/* A statement by a connection of its own. */
void say(const char *url, const char *sql);
/* The warnings and errors of what happens until told() go to a file; whether the text is among them. */
void listen_to_log(struct fixture *f);
bool told(struct fixture *f, const char *text);

struct item {
    const char *id;
    struct value number, note, flag;
    enum dw_err after; /* what the write returns when the statement went well */
};

/* For storage_write(): an item. */
enum dw_err insert(struct transaction *tx, void *item);
enum dw_err put(struct storage *storage, const char *id, int64_t number);
int64_t count(struct storage *storage);
/* Row callback: column 0 as int64_t. */
enum dw_err read_number(const struct row *row, void *argument);

#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
#define CASE_EMPTY(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_close)

#endif
