#include "storage/sqlite/sqlite.h"

#include "base/log.h"
#include "storage/migrations.h"

static const char RECORD[] = "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)";
static enum dw_err fail_migration(const struct migration *m, const char *message)
{
    log_event(LOG_ERROR, "database", LOG_INT("migration", m->version), LOG_CSTR("name", m->name),
              LOG_CSTR("message", message), LOG_ERR(DW_ERR_DATABASE));
    return DW_ERR_DATABASE;
}

static enum dw_err record_migration(struct sqlite_connection *c, const struct migration *m)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(c->db, RECORD, -1, &stmt, NULL);

    if (code == SQLITE_OK) {
        sqlite3_bind_int(stmt, 1, m->version);
        sqlite3_bind_text(stmt, 2, m->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 3, dw_clock_now_s());
        code = sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? DW_OK : sqlite_fail(c, code, "record a migration");
}

/* Under the write lock: another process may have done this step since we looked. */
static enum dw_err migrate_locked(struct sqlite_connection *c, const struct migration *migrations, int known,
                                  int *ret_applied)
{
    const int code = sqlite3_exec(c->db, MIGRATIONS_TABLE, NULL, NULL, NULL);
    const struct migration *m;
    int applied;

    if (code != SQLITE_OK)
        return sqlite_fail(c, code, "create schema_migrations");
    TRY(sqlite_applied(c, &applied));
    if (applied < known) {
        m = &migrations[applied];
        if (sqlite3_exec(c->db, m->sql, NULL, NULL, NULL) != SQLITE_OK)
            return fail_migration(m, sqlite3_errmsg(c->db));
        if (sqlite3_get_autocommit(c->db))
            return fail_migration(m, "its text ends the transaction that it must run in");
        TRY(record_migration(c, m));
        applied = m->version;
        log_event(LOG_INFO, "migration", LOG_INT("version", m->version), LOG_CSTR("name", m->name));
    }
    TRY(sqlite_command(c, COMMAND_COMMIT));
    *ret_applied = applied;
    return DW_OK;
}

enum dw_err sqlite_migrate(struct sqlite_connection *c, const struct migration *migrations, bool apply)
{
    const int known = migrations_known(migrations);
    enum dw_err err;
    int applied;

    TRY(sqlite_applied(c, &applied));
    while (apply && applied < known) {
        TRY(sqlite_begin_write(c));
        err = migrate_locked(c, migrations, known, &applied);
        sqlite_rollback(c); /* nothing to do after a commit */
        TRY(err);
    }
    return applied == known ? DW_OK : migrations_refuse(applied, known);
}
