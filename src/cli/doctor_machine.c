/* doorward doctor: the machine: files, memory, limits, disk, clock. */
#include "cli/doctor.h"

#include "cli/mailer.h"
#include "cli/secret_file.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>
#include <unistd.h>

enum { FILES_ENOUGH = 4096, DISK_LOW_MIB = 1024, DISK_OUT_MIB = 100, MIB = 1024 * 1024, PATH_BYTES = 4096 };

/* --- files ------------------------------------------------------------------------------------------------------- */

static const char *database_path(const struct doctor *d)
{
    const char *url = d->cli->settings->database_url;

    return strncmp(url, "sqlite:", 7) == 0 ? url + 7 : NULL;
}

static void check_mode(struct doctor *d, const char *path)
{
    struct stat status;

    if (path == NULL || stat(path, &status) != 0 || (status.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return;
    doctor_found(d, FINDING_ERROR, S_ISDIR(status.st_mode) ? "chmod 700" : "chmod 600",
                 "%s may be read or changed by others than its owner (mode %03o)", path, status.st_mode & 0777);
}

static void check_files(struct doctor *d)
{
    check_mode(d, SETTINGS_SECRET_FILE);
    check_mode(d, database_path(d));
    check_mode(d, MAILER_FOLDER);
}

static void check_secret(struct doctor *d)
{
    _cleanup_secret_ struct dw_secret secret = { 0 };
    bool is_open = false;

    if (d->cli->settings->secret_key.size > 0)
        return; /* its size and randomness are the settings' to check */
    const enum dw_err err = secret_file_read(SETTINGS_SECRET_FILE, &secret, &is_open);

    if (err == DW_ERR_NOT_FOUND)
        doctor_found(d, FINDING_ERROR, "run in the server's folder; restore the file from where you keep it; on a new "
                     "installation, `doorward init` makes it",
                     "there is no secret key: neither DOORWARD_SECRET_KEY nor the file " SETTINGS_SECRET_FILE);
    else if (err != DW_OK)
        doctor_found(d, FINDING_ERROR, "run as the server's user", SETTINGS_SECRET_FILE ": %s", strerror(errno));
    else if (secret.size < SECRET_MIN_SIZE)
        doctor_found(d, FINDING_ERROR, "restore it from where you keep it",
                     SETTINGS_SECRET_FILE " is shorter than %d characters", SECRET_MIN_SIZE);
}

/* --- memory and limits ------------------------------------------------------------------------------------------- */

/* The smallest of the machine's and the control group's (version 2, then 1). */
static int64_t memory_bytes(void)
{
    static const char *const LIMITS[] = { "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes" };
    struct sysinfo info;
    int64_t least = sysinfo(&info) == 0 ? (int64_t)info.totalram * info.mem_unit : INT64_MAX;

    for (size_t i = 0; i < ARRAY_SIZE(LIMITS); i++) {
        _cleanup_fclose_ FILE *file = fopen(LIMITS[i], "re");
        char line[64];

        if (file == NULL || fgets(line, sizeof(line), file) == NULL)
            continue;
        const int64_t limit = strtoll(line, NULL, 10); /* "max" is 0 */

        least = limit > 0 ? MIN_OF(least, limit) : least;
    }
    return least;
}

static void check_memory(struct doctor *d)
{
    const struct settings *s = d->cli->settings;
    const int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
    const int64_t workers = s->hash_workers > 0 ? s->hash_workers : MAX_OF(cores, INT64_C(1));
    const int64_t needed = workers * s->argon2_memory_bytes, there = memory_bytes();

    if (needed > there / 10 * 8)
        doctor_found(d, FINDING_ERROR, "lower DOORWARD_HASH_WORKERS or DOORWARD_ARGON2_MEMORY, or give more memory",
                     "%lld hash workers hold %lld MiB, and there are %lld MiB", (long long)workers,
                     (long long)(needed / MIB), (long long)(there / MIB));
    else if (needed > there / 2)
        doctor_found(d, FINDING_WARNING, "lower DOORWARD_HASH_WORKERS or DOORWARD_ARGON2_MEMORY",
                     "%lld hash workers hold more than half of the memory: %lld of %lld MiB", (long long)workers,
                     (long long)(needed / MIB), (long long)(there / MIB));
}

static void check_open_files(struct doctor *d)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max != RLIM_INFINITY && limit.rlim_max < FILES_ENOUGH)
        doctor_found(d, FINDING_WARNING, "raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -Hn",
                     "%llu files may be open, and each connection is one", (unsigned long long)limit.rlim_max);
}

/* --- disk and clock ---------------------------------------------------------------------------------------------- */

static void check_disk(struct doctor *d)
{
    const char *path = database_path(d), *slash = path == NULL ? NULL : strrchr(path, '/');
    char folder[PATH_BYTES];
    struct statvfs disk;

    snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1, slash == NULL ? "." : path);
    if (statvfs(folder, &disk) != 0) {
        doctor_found(d, FINDING_ERROR, "make the folder, or correct DOORWARD_DATABASE_URL", "%s: %s", folder,
                     strerror(errno));
        return;
    }
    const int64_t mib = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize / MIB;

    if (mib < DISK_LOW_MIB)
        doctor_found(d, mib < DISK_OUT_MIB ? FINDING_ERROR : FINDING_WARNING,
                     "make room: a full disk means 503 for all that writes",
                     "%lld MiB are left where %s is", (long long)mib, folder);
    if ((disk.f_flag & ST_RDONLY) != 0)
        doctor_found(d, FINDING_ERROR, "mount it for writing", "the disk of %s is read-only", folder);
    else if (path != NULL && access(folder, W_OK) != 0)
        doctor_found(d, FINDING_ERROR, "run as the server's user, or give it the folder", "%s can't be written to",
                     folder);
}

static void check_clock(struct doctor *d)
{
    struct timex t = { 0 };

    if (adjtimex(&t) == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
        doctor_found(d, FINDING_WARNING, "run a time service: systemd-timesyncd, chrony",
                     "the clock is not kept by NTP: tokens and one-time codes are judged by it, and nodes must agree "
                     "to within 30 seconds");
}

const struct check DOCTOR_MACHINE_CHECKS[] = {
    { "secret", "the secret key is there", CHECK_SETTINGS, check_secret, 0 },
    { "files", "who may read the secret key, the database, the outbox", CHECK_SETTINGS, check_files, 0 },
    { "memory", "what the hash workers hold, against what there is", CHECK_SETTINGS, check_memory, 0 },
    { "open_files", "how many connections there may be", CHECK_NOTHING, check_open_files, 0 },
    { "disk", "room where the database is", CHECK_SETTINGS, check_disk, 0 },
    { "clock", "whether NTP keeps it", CHECK_NOTHING, check_clock, 0 },
    { NULL },
};
