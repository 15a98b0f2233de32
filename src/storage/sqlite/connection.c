#include "storage/sqlite/sqlite.h"

#include "base/clock.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAL_LIMIT_MS = 5000, ALONE_LIMIT_MS = 1500, WAL_NAP_MS = 10, ALONE_BUSY_TIMEOUT_MS = 100 };

/* What each connection is told before its first use. */
static const struct {
    const char *sql;
    enum sqlite_mode least; /* for connections of this mode and those after it */
} SETTINGS[] = {
    { "PRAGMA synchronous=FULL", SQLITE_MODE_CREATE_ALONE }, /* WAL: fsync before a commit returns */
    { "PRAGMA foreign_keys=ON", SQLITE_MODE_CREATE_ALONE },
    { "PRAGMA secure_delete=ON", SQLITE_MODE_CREATE_ALONE },  /* a deleted hash must not linger in free pages */
    { "PRAGMA temp_store=MEMORY", SQLITE_MODE_CREATE_ALONE }, /* no copies of credentials under /tmp */
    { "PRAGMA mmap_size=0", SQLITE_MODE_CREATE_ALONE },       /* an I/O error must be an error, not a SIGBUS */
    { "PRAGMA journal_size_limit=16777216", SQLITE_MODE_CREATE_ALONE },
    { "PRAGMA query_only=ON", SQLITE_MODE_READ },
};

static const struct {
    int option;
    int on;
} HARDENING[] = {
    { SQLITE_DBCONFIG_DEFENSIVE, 1 }, { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
    { SQLITE_DBCONFIG_DQS_DML, 0 }, /* "x" is a column, never a string: a typo must not pass as text */
    { SQLITE_DBCONFIG_DQS_DDL, 0 },   { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
};

static const struct {
    int limit;
    int value;
} LIMITS[] = {
    { SQLITE_LIMIT_LENGTH, SQLITE_VALUE_BYTES_MAX },
    { SQLITE_LIMIT_ATTACHED, 0 },
    { SQLITE_LIMIT_VARIABLE_NUMBER, SQLITE_PARAMS_MAX },
    { SQLITE_LIMIT_WORKER_THREADS, 0 },
};

static const char *const COMMANDS[COMMAND_COUNT] = {
    [COMMAND_BEGIN_READ] = "BEGIN",
    [COMMAND_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMAND_COMMIT] = "COMMIT",
    [COMMAND_ROLLBACK] = "ROLLBACK",
    [COMMAND_SAVEPOINT] = "SAVEPOINT one",
    [COMMAND_RELEASE] = "RELEASE one",
    [COMMAND_ROLLBACK_TO] = "ROLLBACK TO one",
    [COMMAND_VERSION] = "SELECT coalesce(max(version), 0) FROM schema_migrations",
};

/* SQLite's codes that mean something to a caller; every other is DW_ERR_DATABASE. */
static const struct {
    int code;
    enum dw_err err;
} CODES[] = {
    { SQLITE_CONSTRAINT, DW_ERR_CONSTRAINT }, { SQLITE_BUSY, DW_ERR_UNAVAILABLE },
    { SQLITE_LOCKED, DW_ERR_UNAVAILABLE },    { SQLITE_FULL, DW_ERR_UNAVAILABLE },
    { SQLITE_IOERR, DW_ERR_UNAVAILABLE },     { SQLITE_READONLY_DBMOVED, DW_ERR_UNAVAILABLE },
    { SQLITE_NOMEM, DW_ERR_NO_MEMORY },       { SQLITE_TOOBIG, DW_ERR_LIMIT },
};

static enum dw_err error_of_code(int code)
{
    for (size_t i = 0; i < ARRAY_SIZE(CODES); i++) {
        if (CODES[i].code == code || CODES[i].code == (code & 0xff))
            return CODES[i].err;
    }
    return DW_ERR_DATABASE;
}

enum dw_err sqlite_fail(struct sqlite_connection *c, int code, const char *what)
{
    const enum dw_err err = error_of_code(code);

    c->last_err = err;
    /* sqlite3_errmsg() may quote a value (a malformed full-text query, say); the code's own text never does. */
    if (err != DW_ERR_CONSTRAINT) {
        log_event(LOG_ERROR, "database", LOG_CSTR("doing", what), LOG_CSTR("message", sqlite3_errstr(code)),
                  LOG_INT("sqlite_code", code), LOG_INT("errno", sqlite3_system_errno(c->db)), LOG_ERR(err));
    }
    return err;
}

static enum dw_err exec_plain(struct sqlite_connection *c, const char *sql)
{
    const int code = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? DW_OK : sqlite_fail(c, code, sql);
}

static void configure_sqlite(void)
{
    /* Fails when somebody in the process was faster; NOMUTEX below then still gives us what we need. */
    (void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_initialize();
}

/*
 * Only a file that did not exist is opened here: closing a descriptor of an existing database would drop the POSIX
 * locks that this process holds on it.
 */
static enum dw_err create_file(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat st;

    if (fd >= 0)
        return DW_OK;
    if (errno != EEXIST) {
        log_event(LOG_ERROR, "database", LOG_CSTR("doing", "create the file"), LOG_CSTR("path", path),
                  LOG_CSTR("message", strerror(errno)), LOG_ERR(DW_ERR_DATABASE));
        return DW_ERR_DATABASE;
    }
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        log_event(LOG_WARNING, "database_mode", LOG_CSTR("path", path), LOG_INT("mode_decimal", st.st_mode & 0777),
                  LOG_CSTR("message", "others may access the database file: chmod 600 it"));
    return DW_OK;
}

/*
 * Turning a new file into WAL mode needs it exclusively, and SQLite does not call the busy handler there: with several
 * processes starting at once, all but one get SQLITE_BUSY and try again.
 */
static enum dw_err enter_wal(struct sqlite_connection *c, int64_t limit_ms)
{
    const int64_t end = clock_monotonic_ms() + limit_ms;
    int code = sqlite3_exec(c->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);

    while ((code & 0xff) == SQLITE_BUSY && clock_monotonic_ms() < end) {
        sqlite3_sleep(WAL_NAP_MS);
        code = sqlite3_exec(c->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    }
    if (code != SQLITE_OK)
        return sqlite_fail(c, code, "PRAGMA journal_mode=WAL");
    return DW_OK;
}

/* The pragma answers with the mode that holds, without an error, where WAL is impossible (some network disks). */
static enum dw_err check_wal(struct sqlite_connection *c)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(c->db, "PRAGMA journal_mode", -1, &stmt, NULL);
    bool is_wal = false;

    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        is_wal = strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
    sqlite3_finalize(stmt);
    if (code != SQLITE_ROW)
        return sqlite_fail(c, code, "PRAGMA journal_mode");
    if (!is_wal) {
        log_event(LOG_ERROR, "database", LOG_CSTR("message", "the file can't be used in WAL mode"),
                  LOG_ERR(DW_ERR_DATABASE));
        return DW_ERR_DATABASE;
    }
    return DW_OK;
}

/* Before the first access, so that no other connection may have the file open even without using it. */
static enum dw_err be_alone(struct sqlite_connection *c, enum sqlite_mode mode)
{
    return mode <= SQLITE_MODE_ALONE ? exec_plain(c, "PRAGMA locking_mode=EXCLUSIVE") : DW_OK;
}

static enum dw_err apply_settings(struct sqlite_connection *c, enum sqlite_mode mode)
{
    char cache[64];

    for (size_t i = 0; i < ARRAY_SIZE(HARDENING); i++) {
        const int code = sqlite3_db_config(c->db, HARDENING[i].option, HARDENING[i].on, (int *)NULL);

        if (code != SQLITE_OK)
            return sqlite_fail(c, code, "harden the connection");
    }
    for (size_t i = 0; i < ARRAY_SIZE(LIMITS); i++)
        sqlite3_limit(c->db, LIMITS[i].limit, LIMITS[i].value);
    sqlite3_extended_result_codes(c->db, 1);
    /* Who holds a file alone holds it for long. */
    sqlite3_busy_timeout(c->db, mode <= SQLITE_MODE_ALONE ? ALONE_BUSY_TIMEOUT_MS : SQLITE_BUSY_TIMEOUT_MS);
    TRY(be_alone(c, mode));
    if (mode < SQLITE_MODE_READ)
        TRY(enter_wal(c, mode <= SQLITE_MODE_ALONE ? ALONE_LIMIT_MS : WAL_LIMIT_MS));
    if (mode != SQLITE_MODE_LOOK)
        TRY(check_wal(c));
    for (size_t i = 0; i < ARRAY_SIZE(SETTINGS); i++) {
        if (mode >= SETTINGS[i].least)
            TRY(exec_plain(c, SETTINGS[i].sql));
    }
    snprintf(cache, sizeof(cache), "PRAGMA cache_size=-%d", SQLITE_CACHE_KIB);
    return exec_plain(c, cache);
}

enum dw_err sqlite_connect(const char *path, enum sqlite_mode mode, struct sqlite_connection **ret_connection)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const int flags = mode >= SQLITE_MODE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    _cleanup_(sqlite_disconnect) struct sqlite_connection *c = NULL;
    int code;

    pthread_once(&once, configure_sqlite);
    if (mode == SQLITE_MODE_CREATE || mode == SQLITE_MODE_CREATE_ALONE)
        TRY(create_file(path));
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        return DW_ERR_NO_MEMORY;
    code = sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (code != SQLITE_OK)
        return sqlite_fail(c, code, "open the file");
    /* SQLite opens what it may not write to for reading, without a word. */
    if (mode == SQLITE_MODE_CREATE && sqlite3_db_readonly(c->db, "main") == 1) {
        log_event(LOG_ERROR, "database", LOG_CSTR("doing", "open the file"), LOG_CSTR("path", path),
                  LOG_CSTR("message", "the file may not be written to"), LOG_ERR(DW_ERR_DATABASE));
        return DW_ERR_DATABASE;
    }
    TRY(apply_settings(c, mode));
    *ret_connection = TAKE_PTR(c);
    return DW_OK;
}

void sqlite_disconnect(struct sqlite_connection **connection)
{
    struct sqlite_connection *c = *connection;

    if (c == NULL)
        return;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        sqlite3_finalize(c->commands[i]);
    for (unsigned i = 0; c->prepared != NULL && i < c->index->statements.n_rows; i++)
        sqlite3_finalize(c->prepared[i]);
    free(c->prepared);
    sqlite3_close(c->db);
    free(c);
    *connection = NULL;
}

enum dw_err sqlite_use_index(struct sqlite_connection *c, const struct sqlite_index *index)
{
    c->prepared = calloc(index->statements.n_rows + 1, sizeof(sqlite3_stmt *)); /* + 1: a schema may be empty */
    if (c->prepared == NULL)
        return DW_ERR_NO_MEMORY;
    c->index = index;
    return DW_OK;
}

/* SQLite's own code; the number in the first column, if the command answers with one. */
static int run_command(struct sqlite_connection *c, enum sqlite_command command, int *ret_number)
{
    sqlite3_stmt **stmt = &c->commands[command];
    int code = SQLITE_OK;

    if (*stmt == NULL)
        code = sqlite3_prepare_v3(c->db, COMMANDS[command], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    if (code != SQLITE_OK)
        return code;
    code = sqlite3_step(*stmt);
    if (code == SQLITE_ROW && ret_number != NULL)
        *ret_number = sqlite3_column_int(*stmt, 0);
    sqlite3_reset(*stmt);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

enum dw_err sqlite_command(struct sqlite_connection *c, enum sqlite_command command)
{
    const int code = run_command(c, command, NULL);

    return code == SQLITE_OK ? DW_OK : sqlite_fail(c, code, COMMANDS[command]);
}

enum dw_err sqlite_check_place(struct sqlite_connection *c)
{
    int has_moved = 0;
    const int code = sqlite3_file_control(c->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);

    if (code != SQLITE_OK || !has_moved)
        return code == SQLITE_OK ? DW_OK : sqlite_fail(c, code, "look at the file");
    log_event(LOG_ERROR, "database", LOG_CSTR("doing", "look at the file"), LOG_ERR(DW_ERR_UNAVAILABLE),
              LOG_CSTR("message", "the file was moved, deleted or replaced: put it back, or stop the server first"));
    return DW_ERR_UNAVAILABLE;
}

enum dw_err sqlite_begin_write(struct sqlite_connection *c)
{
    int code = SQLITE_BUSY;

    TRY(sqlite_check_place(c));
    for (int i = 0; i < SQLITE_BUSY_ATTEMPTS && (code & 0xff) == SQLITE_BUSY; i++)
        code = run_command(c, COMMAND_BEGIN_WRITE, NULL);
    return code == SQLITE_OK ? DW_OK : sqlite_fail(c, code, COMMANDS[COMMAND_BEGIN_WRITE]);
}

void sqlite_rollback(struct sqlite_connection *c)
{
    /* After some errors SQLite has rolled back by itself. */
    if (!sqlite3_get_autocommit(c->db) && run_command(c, COMMAND_ROLLBACK, NULL) != SQLITE_OK)
        (void)sqlite_fail(c, sqlite3_extended_errcode(c->db), COMMANDS[COMMAND_ROLLBACK]);
}

enum dw_err sqlite_applied(struct sqlite_connection *c, int *ret_applied)
{
    int code =
        sqlite3_table_column_metadata(c->db, "main", "schema_migrations", "version", NULL, NULL, NULL, NULL, NULL);
    int applied = 0;

    if (code == SQLITE_OK)
        code = run_command(c, COMMAND_VERSION, &applied);
    else if (code == SQLITE_ERROR)
        code = SQLITE_OK; /* no such table: nobody has migrated yet */
    if (code != SQLITE_OK)
        return sqlite_fail(c, code, COMMANDS[COMMAND_VERSION]);
    *ret_applied = applied;
    return DW_OK;
}
