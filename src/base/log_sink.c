#include "base/log_sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a pipe takes at once when it takes anything (Linux: a free page); a socket that is writable takes more. */
enum { CHUNK = 4096 };

static struct {
    pthread_mutex_t mutex; /* lines are whole also where two threads write */
    int fd;
    bool may_stall;  /* no file: somebody has to read */
    bool is_stalled;
    bool is_torn;    /* the last line was cut */
    int64_t n_lost;
} sink = { .mutex = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .may_stall = true };

void log_sink_set(int fd)
{
    struct stat st;

    pthread_mutex_lock(&sink.mutex);
    sink.fd = fd;
    sink.may_stall = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
    sink.is_stalled = sink.is_torn = false;
    sink.n_lost = 0;
    pthread_mutex_unlock(&sink.mutex);
}

static int64_t count_lines(struct dw_str text)
{
    int64_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

/* As many whole lines as one write may take; a piece of one that is longer. */
static size_t chunk_size(struct dw_str lines)
{
    const char *end;

    if (!sink.may_stall || lines.len <= CHUNK)
        return lines.len;
    end = memrchr(lines.ptr, '\n', CHUNK);
    return end == NULL ? CHUNK : (size_t)(end - lines.ptr) + 1;
}

static bool takes_bytes(void)
{
    struct pollfd p = { .fd = sink.fd, .events = POLLOUT };
    int n = 1;

    while (sink.may_stall && (n = poll(&p, 1, sink.is_stalled ? 0 : LOG_STALL_MS)) < 0 && errno == EINTR)
        continue; /* a signal is no reader that sleeps; they are few */
    return n > 0;
}

/* False when the disk is full or the reader gone: the rest is dropped, as there is nobody left to tell. */
static bool write_some(struct dw_str *bytes, size_t size)
{
    const ssize_t written = write(sink.fd, bytes->ptr, size);

    if (written < 0)
        return errno == EINTR || errno == EAGAIN;
    *bytes = dw_str_n(bytes->ptr + written, bytes->len - (size_t)written);
    return written > 0;
}

static void write_lines(struct dw_str lines)
{
    const size_t all = lines.len;

    while (lines.len > 0) {
        if (!takes_bytes()) {
            sink.is_stalled = true;
            sink.n_lost += count_lines(lines);
            break;
        }
        sink.is_stalled = false;
        if (sink.is_torn && write(sink.fd, "\n", 1) == 1)
            sink.is_torn = false;
        if (!write_some(&lines, chunk_size(lines)))
            break;
    }
    if (lines.len > 0 && lines.len < all)
        sink.is_torn = lines.ptr[-1] != '\n';
}

void log_sink_write(struct dw_str lines)
{
    pthread_mutex_lock(&sink.mutex);
    write_lines(lines);
    pthread_mutex_unlock(&sink.mutex);
}

int64_t log_sink_take_lost(void)
{
    int64_t lost = 0;

    pthread_mutex_lock(&sink.mutex);
    if (!sink.is_stalled) {
        lost = sink.n_lost;
        sink.n_lost = 0;
    }
    pthread_mutex_unlock(&sink.mutex);
    return lost;
}
