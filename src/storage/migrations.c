#include "storage/migrations.h"

#include "base/log.h"

int migrations_known(const struct migration *migrations)
{
    int known = 0;

    while (migrations[known].version != 0)
        known++;
    return known;
}

enum dw_err migrations_refuse(int applied, int known)
{
    log_event(LOG_ERROR, "database", LOG_INT("schema_version", applied), LOG_INT("known_version", known),
              LOG_CSTR("message", applied > known ? "the database is newer than this program: use the newer program"
                                                  : "the database is older than this program: migrate it first"),
              LOG_ERR(DW_ERR_DATABASE));
    return DW_ERR_DATABASE;
}
