#include "storage/sqlite/sqlite.h"

#include "base/log.h"

static const char RECORD[] = "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)";
static const char CREATE[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                             "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";

static int known_version(const struct migration *migrations)
{
    int known = 0;

    while (migrations[known].version != 0)
        known++;
    return known;
}

static enum dw_err refuse_version(int applied, int known)
{
    log_event(LOG_ERROR, "database", LOG_INT("schema_version", applied), LOG_INT("known_version", known),
              LOG_CSTR("message", applied > known ? "the database is newer than this program: use the newer program"
                                                  : "the database is older than this program: migrate it first"),
              LOG_ERR(DW_ERR_DATABASE));
    return DW_ERR_DATABASE;
}

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
    const int code = sqlite3_exec(c->db, CREATE, NULL, NULL, NULL);
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
    const int known = known_version(migrations);
    enum dw_err err;
    int applied;

    TRY(sqlite_applied(c, &applied));
    while (apply && applied < known) {
        TRY(sqlite_begin_write(c));
        err = migrate_locked(c, migrations, known, &applied);
        sqlite_rollback(c); /* nothing to do after a commit */
        TRY(err);
    }
    return applied == known ? DW_OK : refuse_version(applied, known);
}
