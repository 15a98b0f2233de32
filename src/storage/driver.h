/*
 * What a database driver offers: one table of calls. storage.c does what is common; a driver does the rest.
 */
#ifndef STORAGE_DRIVER_H
#define STORAGE_DRIVER_H

#include "storage/storage.h"

struct storage_driver {
    const char *scheme; /* of its URLs: "sqlite", "postgresql" */
    enum dw_err (*open)(const struct storage_schema *schema, const struct storage_config *config, void **ret_state);
    void (*close)(void *state);
    enum dw_err (*version)(void *state, int *ret_applied);
    enum dw_err (*read)(void *state, enum dw_err (*fn)(struct transaction *, void *), void *argument);
    enum dw_err (*write)(void *state, enum dw_err (*fn)(struct transaction *, void *), void *argument);
    enum dw_err (*run)(struct transaction *tx, const struct statement *statement, const struct value *values,
                       enum dw_err (*read)(const struct row *, void *), void *argument, size_t max_rows,
                       size_t *ret_rows, int64_t *ret_changes);
    int64_t (*row_int)(const struct row *row, unsigned column);
    struct dw_str (*row_text)(const struct row *row, unsigned column);
    bool (*row_is_null)(const struct row *row, unsigned column);
};

/* The head of each driver's own struct transaction and struct row. */
struct transaction {
    const struct storage_driver *driver;
};
struct row {
    const struct storage_driver *driver;
};

extern const struct storage_driver STORAGE_SQLITE;

#endif
