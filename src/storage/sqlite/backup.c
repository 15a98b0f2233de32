/* Copies of a SQLite database (storage/backup.h). */
#include "storage/backup.h"

#include "storage/driver.h"
#include "storage/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PAGES_AT_ONCE = 256, NAP_MS = 2 };

static enum dw_err fail(char *problem, int code, const char *doing, const char *path)
{
    return table_refuse(problem, (code & 0xff) == SQLITE_FULL ? DW_ERR_UNAVAILABLE : DW_ERR_DATABASE,
                        "%s %s failed: %s", doing, path, sqlite3_errstr(code));
}

/* Empty, and nobody else's. */
static enum dw_err make_file(const char *path, char *problem)
{
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return table_refuse(problem, DW_ERR_IO, "can't make %s: %s", path, strerror(errno));
    return DW_OK;
}

static void close_plain(sqlite3 **db)
{
    sqlite3_close(*db);
}

/* Inside a read transaction of the source, so that it stays one state however long it takes: without one SQLite begins
 * again with each write of somebody else, and would never come to an end beside a busy server. */
static enum dw_err copy_pages(sqlite3 *from, sqlite3 *to, const char *path, char *problem)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int code = SQLITE_OK;

    if (backup == NULL)
        return fail(problem, sqlite3_extended_errcode(to), "writing", path);
    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(backup, PAGES_AT_ONCE);
        if (code == SQLITE_OK)
            sqlite3_sleep(NAP_MS); /* the disk is the server's first */
    }
    const int finished = sqlite3_backup_finish(backup);

    if (code != SQLITE_DONE || finished != SQLITE_OK)
        return fail(problem, code != SQLITE_DONE ? code : finished, "writing", path);
    return DW_OK;
}

static enum dw_err back_up(const char *url, const char *path, char *problem)
{
    _cleanup_(sqlite_disconnect) struct sqlite_connection *source = NULL;
    _cleanup_(close_plain) sqlite3 *target = NULL;
    _cleanup_free_ char *from = NULL;
    int applied = 0;
    enum dw_err err = sqlite_path_of_url(url, &from);

    if (err == DW_OK)
        err = sqlite_connect(from, SQLITE_MODE_LOOK, &source);
    if (err == DW_OK)
        err = sqlite_command(source, COMMAND_BEGIN_READ);
    if (err == DW_OK)
        err = sqlite_applied(source, &applied); /* the state is that of the first read */
    if (err != DW_OK)
        return table_refuse(problem, err, "%s can't be read as a database; the line above says why", url);
    TRY(make_file(path, problem));
    const int code = sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    err = code == SQLITE_OK ? copy_pages(source->db, target, path, problem) : fail(problem, code, "opening", path);
    if (err != DW_OK)
        unlink(path);
    return err;
}

/* --- checking ---------------------------------------------------------------------------------------------------- */

static int take_first(void *argument, int n, char **values, char **names)
{
    (void)names;
    if (n > 0 && values[0] != NULL && *(char *)argument == '\0')
        snprintf(argument, TABLE_PROBLEM_SIZE / 2, "%s", values[0]);
    return 0;
}

/* Alone: SQLite leaves WAL mode only then, and what it says of the file is true of what is kept. */
static enum dw_err seal_file(sqlite3 *db, const char *path, bool thorough, char *problem)
{
    char said[TABLE_PROBLEM_SIZE / 2] = "";
    int code = sqlite3_exec(db, "PRAGMA synchronous=FULL; PRAGMA journal_mode=DELETE;", NULL, NULL, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_exec(db, thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", take_first, said,
                            NULL);
    if (code != SQLITE_OK)
        return fail(problem, code, "checking", path);
    if (strcmp(said, "ok") != 0)
        return table_refuse(problem, DW_ERR_DATABASE, "%s is damaged: %s", path, said);
    return DW_OK;
}

static enum dw_err sync_file(const char *path, char *problem)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) != 0)
        return table_refuse(problem, DW_ERR_IO, "%s: %s", path, strerror(errno));
    return DW_OK;
}

static enum dw_err seal(const char *path, bool thorough, char *problem)
{
    sqlite3 *db = NULL;
    const int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    const enum dw_err err = code == SQLITE_OK ? seal_file(db, path, thorough, problem)
                                              : fail(problem, code, "opening", path);

    sqlite3_close(db);
    TRY(err);
    return sync_file(path, problem);
}

static enum dw_err settle(const char *url, char *problem)
{
    _cleanup_(sqlite_disconnect) struct sqlite_connection *c = NULL;
    _cleanup_free_ char *path = NULL;

    TRY(sqlite_path_of_url(url, &path));
    const enum dw_err err = sqlite_connect(path, SQLITE_MODE_ALONE, &c);

    if (err == DW_ERR_UNAVAILABLE)
        return table_refuse(problem, err, "another program has %s open: stop the server first", url);
    return DW_OK; /* one that is no database any more has nothing to be settled */
}

const struct file_calls SQLITE_FILES = { .back_up = back_up, .seal = seal, .settle = settle };
