/*
 * What Prometheus' own clients tell about a process, under the same names.
 */
#include "base/metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STAT_TEXT = 1024, NS_IN_S = 1000000000 };

/* The beginning of a file of /proc as text; false when it can't be read. */
static bool read_text(const char *path, char ret_text[STAT_TEXT])
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, ret_text, STAT_TEXT - 1);

    if (n <= 0)
        return false;
    ret_text[n] = '\0';
    return true;
}

/* Field `number`, counted from 1, of text whose fields are separated by blanks; -1 when there is none. */
static int64_t field_of(const char *text, unsigned number)
{
    for (; number > 1 && text != NULL; number--) {
        text = strchr(text, ' ');
        text = text == NULL ? NULL : text + 1;
    }
    return text == NULL ? -1 : strtoll(text, NULL, 10);
}

/* proc(5): pages; the first is the size of the addresses, the second what is resident. */
static bool read_pages(unsigned field, int64_t *ret_bytes)
{
    char text[STAT_TEXT];

    if (!read_text("/proc/self/statm", text))
        return false;
    *ret_bytes = field_of(text, field) * sysconf(_SC_PAGESIZE);
    return *ret_bytes >= 0;
}

static bool read_virtual(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    return read_pages(1, ret_value);
}

static bool read_resident(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    return read_pages(2, ret_value);
}

static bool read_processor(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    struct timespec t;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
        return false;
    *ret_value = (int64_t)t.tv_sec * NS_IN_S + t.tv_nsec;
    return true;
}

/* Newer kernels tell the number as the size of the folder; with others its entries are counted. */
static bool read_descriptors(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    struct stat st;
    int64_t n = -3; /* ".", ".." and the folder's own */

    if (stat("/proc/self/fd", &st) != 0)
        return false;
    if (st.st_size > 0) {
        *ret_value = st.st_size;
        return true;
    }
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return false;
    while (readdir(folder) != NULL)
        n++;
    closedir(folder);
    *ret_value = n;
    return true;
}

static bool read_descriptors_max(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return false;
    *ret_value = (int64_t)limit.rlim_cur;
    return true;
}

/* proc(5), field 22 of stat: ticks since the machine was started. The name in field 2 may hold blanks. */
static bool read_start(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    enum { AFTER_NAME = 22 - 2 };
    char text[STAT_TEXT];
    struct timespec now, up;

    if (!read_text("/proc/self/stat", text) || clock_gettime(CLOCK_REALTIME, &now) != 0 ||
        clock_gettime(CLOCK_BOOTTIME, &up) != 0)
        return false;
    const char *end = strrchr(text, ')');
    const int64_t ticks = end == NULL || end[1] == '\0' ? -1 : field_of(end + 2, AFTER_NAME);

    if (ticks < 0)
        return false;
    *ret_value = (int64_t)now.tv_sec - (int64_t)up.tv_sec + ticks / sysconf(_SC_CLK_TCK);
    return true;
}

static bool read_threads(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    enum { AFTER_NAME = 20 - 2 };
    char text[STAT_TEXT];
    const char *end = read_text("/proc/self/stat", text) ? strrchr(text, ')') : NULL;

    *ret_value = end == NULL || end[1] == '\0' ? -1 : field_of(end + 2, AFTER_NAME);
    return *ret_value >= 0;
}

#define ROW(symbol, metric_name, metric_kind, metric_unit, reader, text)                                               \
    static struct dw_metric symbol = { .name = metric_name, .help = text, .kind = metric_kind, .unit = metric_unit,    \
                                       .read = reader }

ROW(CPU, "process_cpu_seconds_total", DW_COUNTER, DW_NANOSECONDS, read_processor, "Processor time of all threads.");
ROW(RESIDENT, "process_resident_memory_bytes", DW_GAUGE, DW_PLAIN, read_resident, "Memory that is resident.");
ROW(VIRTUAL, "process_virtual_memory_bytes", DW_GAUGE, DW_PLAIN, read_virtual, "Addresses that are mapped.");
ROW(OPEN_FDS, "process_open_fds", DW_GAUGE, DW_PLAIN, read_descriptors, "Descriptors that are open.");
ROW(MAX_FDS, "process_max_fds", DW_GAUGE, DW_PLAIN, read_descriptors_max, "Descriptors that may be open.");
ROW(START, "process_start_time_seconds", DW_GAUGE, DW_PLAIN, read_start, "When the process began, as Unix time.");
ROW(THREADS, "process_threads", DW_GAUGE, DW_PLAIN, read_threads, "Threads that there are.");

struct dw_metric *const METRICS_PROCESS[] = { &CPU, &RESIDENT, &VIRTUAL, &OPEN_FDS, &MAX_FDS, &START, &THREADS, NULL };
