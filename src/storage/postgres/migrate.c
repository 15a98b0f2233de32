#include "storage/postgres/postgres.h"

#include "base/log.h"
#include "storage/migrations.h"

/* One node migrates at a time; the lock goes with the transaction. Another number than the writers' lock. */
#define TAKE_LOCK "SELECT pg_advisory_xact_lock(7237125663627506277)"
#define RECORD "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1::integer, $2, $3::bigint)"
#define HAS_TABLE "SELECT to_regclass('schema_migrations') IS NOT NULL"
#define VERSION "SELECT coalesce(max(version), 0) FROM schema_migrations"

static enum dw_err fail(const struct libpq *pq, const PGresult *result, const char *doing)
{
    const char *state = pq->PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = pq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY); /* of the schema: no value in it */

    log_event(LOG_ERROR, "database", LOG_CSTR("doing", doing), LOG_CSTR("sqlstate", state),
              LOG_CSTR("message", message), LOG_ERR(DW_ERR_DATABASE));
    return DW_ERR_DATABASE;
}

/* *ret_number (may be NULL): the first column of the first row; "t" is 1. */
static enum dw_err exec(const struct libpq *pq, PGconn *conn, const char *sql, int *ret_number)
{
    PGresult *result = pq->PQexec(conn, sql);
    const ExecStatusType status = pq->PQresultStatus(result);
    enum dw_err err = DW_OK;

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        err = fail(pq, result, "migrate");
    } else if (ret_number != NULL) {
        const char *text = pq->PQntuples(result) == 1 ? pq->PQgetvalue(result, 0, 0) : "";
        *ret_number = strcmp(text, "t") == 0 ? 1 : (int)strtol(text, NULL, 10);
    }
    pq->PQclear(result);
    return err;
}

enum dw_err pg_applied(const struct libpq *pq, PGconn *conn, int *ret_applied)
{
    int has_table = 0;

    *ret_applied = 0;
    TRY(exec(pq, conn, HAS_TABLE, &has_table));
    return has_table ? exec(pq, conn, VERSION, ret_applied) : DW_OK;
}

static enum dw_err record(const struct libpq *pq, PGconn *conn, const struct migration *m)
{
    char version[16], now[24];
    const char *const values[] = { version, m->name, now };
    enum dw_err err = DW_OK;

    snprintf(version, sizeof(version), "%d", m->version);
    snprintf(now, sizeof(now), "%lld", (long long)dw_clock_now_s());
    PGresult *result = pq->PQexecParams(conn, RECORD, 3, NULL, values, NULL, NULL, 0);

    if (pq->PQresultStatus(result) != PGRES_COMMAND_OK)
        err = fail(pq, result, "record a migration");
    pq->PQclear(result);
    return err;
}

static enum dw_err migrate_locked(const struct libpq *pq, PGconn *conn, const struct migration *migrations, int known,
                                  int *ret_applied)
{
    int applied;

    TRY(exec(pq, conn, "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0", NULL));
    TRY(exec(pq, conn, TAKE_LOCK, NULL));
    TRY(exec(pq, conn, MIGRATIONS_TABLE, NULL));
    TRY(exec(pq, conn, VERSION, &applied)); /* another node may have done a step since we looked */
    if (applied < known) {
        const struct migration *m = &migrations[applied];

        TRY(exec(pq, conn, m->sql, NULL));
        TRY(record(pq, conn, m));
        applied = m->version;
        log_event(LOG_INFO, "migration", LOG_INT("version", m->version), LOG_CSTR("name", m->name));
    }
    TRY(exec(pq, conn, "COMMIT", NULL));
    *ret_applied = applied;
    return DW_OK;
}

enum dw_err pg_migrate(const struct libpq *pq, PGconn *conn, const struct migration *migrations, bool apply)
{
    const int known = migrations_known(migrations);
    int applied;

    TRY(pg_applied(pq, conn, &applied));
    while (apply && applied < known) {
        TRY(exec(pq, conn, "BEGIN", NULL));
        const enum dw_err err = migrate_locked(pq, conn, migrations, known, &applied);

        if (err != DW_OK) {
            (void)!exec(pq, conn, "ROLLBACK", NULL);
            return err;
        }
    }
    return applied == known ? DW_OK : migrations_refuse(applied, known);
}
