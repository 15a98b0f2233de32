#include "cli/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const DRAFT_SUFFIXES[4] = { "", "-wal", "-shm", "-journal" };

/* --- signals ----------------------------------------------------------------------------------------------------- */

static const int ENDING_SIGNALS[] = { SIGINT, SIGTERM, SIGHUP };
/* What a signal removes; written before the handler is set, and while the signals are blocked. */
static char doomed[ARRAY_SIZE(DRAFT_SUFFIXES)][DRAFT_PATH_SIZE + 16];

/* unlink(), signal() and raise() may be called here (signal-safety(7)). */
static void on_ending(int number)
{
    for (size_t i = 0; i < ARRAY_SIZE(doomed); i++)
        unlink(doomed[i]);
    signal(number, SIG_DFL);
    raise(number);
}

static void block_signals(int how)
{
    sigset_t ending;

    sigemptyset(&ending);
    for (size_t i = 0; i < ARRAY_SIZE(ENDING_SIGNALS); i++)
        sigaddset(&ending, ENDING_SIGNALS[i]);
    sigprocmask(how, &ending, NULL);
}

/* One that is ignored (nohup) stays so. */
static void watch_signals(const char *path)
{
    const struct sigaction act = { .sa_handler = on_ending };
    struct sigaction before;

    for (size_t i = 0; i < ARRAY_SIZE(doomed); i++)
        snprintf(doomed[i], sizeof(doomed[i]), "%s%s", path, DRAFT_SUFFIXES[i]);
    for (size_t i = 0; i < ARRAY_SIZE(ENDING_SIGNALS); i++)
        if (sigaction(ENDING_SIGNALS[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(ENDING_SIGNALS[i], &act, NULL);
}

void draft_hold_signals(void)
{
    block_signals(SIG_BLOCK);
}

/* The name is nobody's, or what it names is wanted. */
static void forget(struct draft *draft)
{
    draft->path[0] = '\0';
    block_signals(SIG_BLOCK);
    memset(doomed, 0, sizeof(doomed));
    block_signals(SIG_UNBLOCK);
}

/* --- the place --------------------------------------------------------------------------------------------------- */

/* An empty file is what mktemp(1) makes. */
static bool may_be_replaced(int fd, const struct stat *status)
{
    static const char MARK[] = "SQLite format 3";
    char begin[sizeof(MARK)] = "";

    return S_ISREG(status->st_mode) &&
           (status->st_size == 0 || (read(fd, begin, sizeof(begin)) == (ssize_t)sizeof(begin) &&
                                     memcmp(begin, MARK, sizeof(MARK)) == 0));
}

/* By whatever name. */
static bool is_of_database(const struct stat *there, const char *database)
{
    char path[DRAFT_PATH_SIZE + 16];
    struct stat own;

    for (size_t i = 0; i < ARRAY_SIZE(DRAFT_SUFFIXES); i++) {
        snprintf(path, sizeof(path), "%s%s", database, DRAFT_SUFFIXES[i]);
        if (stat(path, &own) == 0 && own.st_dev == there->st_dev && own.st_ino == there->st_ino)
            return true;
    }
    return false;
}

enum dw_err draft_check_place(struct cli *cli, const char *path, const char *database, bool replace)
{
    static const char *const JOURNALS[] = { "-wal", "-journal" };
    char beside[DRAFT_PATH_SIZE + 16];
    struct stat there;

    if (!replace && access(path, F_OK) == 0)
        return cli_refuse(cli, DW_ERR_CONFLICT, "%s is there already: another name, or --force", path);
    for (size_t i = 0; i < ARRAY_SIZE(JOURNALS); i++) {
        snprintf(beside, sizeof(beside), "%s%s", path, JOURNALS[i]);
        if (access(beside, F_OK) == 0)
            return cli_refuse(cli, DW_ERR_CONFLICT, "%s is there: that is a database in use, or one that was not "
                              "closed; another name", beside);
    }
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return DW_OK;
    if (fd < 0 || fstat(fd, &there) != 0)
        return cli_refuse(cli, DW_ERR_IO, "%s: %s", path, strerror(errno));
    if (is_of_database(&there, database))
        return cli_refuse(cli, DW_ERR_CONFLICT, "%s is the database itself; another name", path);
    return may_be_replaced(fd, &there) ? DW_OK
                                       : cli_refuse(cli, DW_ERR_CONFLICT, "%s is no back-up, and is not replaced; "
                                                    "another name", path);
}

/* --- the draft --------------------------------------------------------------------------------------------------- */

enum dw_err draft_name(struct cli *cli, const char *wanted, struct draft *draft)
{
    unsigned char random[4];

    if (strlen(wanted) > DRAFT_PATH_SIZE - 32)
        return cli_misuse(cli, "the name is too long");
    dw_random(random, sizeof(random));
    snprintf(draft->path, sizeof(draft->path), "%s.partial-%02x%02x%02x%02x", wanted, random[0], random[1], random[2],
             random[3]);
    snprintf(draft->url, sizeof(draft->url), "sqlite:%s", draft->path);
    watch_signals(draft->path);
    return DW_OK;
}

static enum dw_err sync_folder(struct cli *cli, const char *path)
{
    char copy[DRAFT_PATH_SIZE];

    snprintf(copy, sizeof(copy), "%s", path);
    _cleanup_close_ int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) != 0)
        return cli_refuse(cli, DW_ERR_IO, "the folder of %s: %s", path, strerror(errno));
    return DW_OK;
}

enum dw_err draft_give(struct cli *cli, const struct draft *draft, const char *like)
{
    char folder[DRAFT_PATH_SIZE];
    struct stat status;

    if (geteuid() != 0)
        return DW_OK;
    snprintf(folder, sizeof(folder), "%s", like);
    if (stat(like, &status) != 0 && stat(dirname(folder), &status) != 0)
        return cli_refuse(cli, DW_ERR_IO, "the folder of %s: %s", like, strerror(errno));
    if (lchown(draft->path, status.st_uid, status.st_gid) != 0)
        return cli_refuse(cli, DW_ERR_IO, "%s: %s", draft->path, strerror(errno));
    return DW_OK;
}

enum dw_err draft_install(struct cli *cli, struct draft *draft, const char *path, bool replace)
{
    const int done = replace ? rename(draft->path, path) : link(draft->path, path);

    if (done != 0 && errno == EEXIST)
        return cli_refuse(cli, DW_ERR_CONFLICT, "%s is there already", path);
    if (done != 0)
        return cli_refuse(cli, DW_ERR_IO, "%s: %s", path, strerror(errno));
    if (!replace)
        unlink(draft->path);
    const enum dw_err err = sync_folder(cli, path);
    forget(draft);
    return err;
}

void draft_remove(struct draft *draft)
{
    char path[DRAFT_PATH_SIZE + 16];

    if (draft->path[0] == '\0')
        return;
    for (size_t i = 0; i < ARRAY_SIZE(DRAFT_SUFFIXES); i++) {
        snprintf(path, sizeof(path), "%s%s", draft->path, DRAFT_SUFFIXES[i]);
        unlink(path);
    }
    forget(draft);
}
