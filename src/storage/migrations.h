/*
 * What the drivers' migrations share: the table of what was applied, and the words for a version that does not fit.
 */
#ifndef STORAGE_MIGRATIONS_H
#define STORAGE_MIGRATIONS_H

#include "storage/storage.h"

#define MIGRATIONS_TABLE                                                                                               \
    "CREATE TABLE IF NOT EXISTS schema_migrations ("                                                                   \
    "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)"

int migrations_known(const struct migration *migrations);
/* Logs what to do; DW_ERR_DATABASE. */
enum dw_err migrations_refuse(int applied, int known);

#endif
