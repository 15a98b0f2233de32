#include "cli/secret_file.h"

#include "base/encoding.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads to the end, or `capacity` bytes. */
static enum dw_err read_all(int fd, unsigned char *bytes, size_t capacity, size_t *ret_size)
{
    size_t size = 0;

    while (size < capacity) {
        const ssize_t got = read(fd, bytes + size, capacity - size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return DW_ERR_IO;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    *ret_size = size;
    return DW_OK;
}

static size_t without_newline(const unsigned char *bytes, size_t size)
{
    if (size > 0 && bytes[size - 1] == '\n')
        size--;
    if (size > 0 && bytes[size - 1] == '\r')
        size--;
    return size;
}

enum dw_err secret_file_read(const char *path, struct dw_secret *ret_secret, bool *ret_is_open)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    unsigned char bytes[SECRET_FILE_MAX_BYTES + 1];
    struct stat status;
    size_t size = 0;

    if (fd < 0)
        return errno == ENOENT ? DW_ERR_NOT_FOUND : DW_ERR_IO;
    if (fstat(fd, &status) != 0)
        return DW_ERR_IO;
    enum dw_err err = read_all(fd, bytes, sizeof(bytes), &size);
    if (err == DW_OK && size > SECRET_FILE_MAX_BYTES) {
        errno = EFBIG;
        err = DW_ERR_IO;
    }
    if (err == DW_OK)
        err = dw_secret_copy(dw_str_n(bytes, without_newline(bytes, size)), ret_secret);
    dw_wipe(bytes, sizeof(bytes));
    TRY(err);
    *ret_is_open = (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    return DW_OK;
}

static enum dw_err write_random(int fd)
{
    unsigned char random[SECRET_FILE_RANDOM_BYTES];
    char text[64];
    size_t size, done = 0;
    enum dw_err err = DW_OK;

    dw_random(random, sizeof(random));
    size = base64url_encode(dw_str_n(random, sizeof(random)), text);
    text[size++] = '\n';
    while (done < size && err == DW_OK) {
        const ssize_t put = write(fd, text + done, size - done);

        if (put > 0)
            done += (size_t)put;
        else if (put == 0 || errno != EINTR)
            err = DW_ERR_IO;
    }
    dw_wipe(random, sizeof(random));
    dw_wipe(text, sizeof(text));
    return err == DW_OK && fsync(fd) != 0 ? DW_ERR_IO : err;
}

/* Makes the new name in the file's directory last. */
static enum dw_err sync_directory(const char *path)
{
    _cleanup_free_ char *copy = strdup(path);
    _cleanup_close_ int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0 ? DW_OK : DW_ERR_IO;
}

/* Written under another name and linked to its own: link() fails when the name is taken, and whoever finds the name
 * finds all of the file. */
enum dw_err secret_file_make(const char *path)
{
    _cleanup_free_ char *temporary = NULL;
    _cleanup_close_ int fd = -1;
    enum dw_err err;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        temporary = NULL;
        return DW_ERR_NO_MEMORY;
    }
    fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return DW_ERR_IO;
    err = write_random(fd);
    if (err == DW_OK && link(temporary, path) != 0)
        err = errno == EEXIST ? DW_ERR_CONFLICT : DW_ERR_IO;
    const int saved = errno;
    unlink(temporary);
    errno = saved;
    TRY(err);
    return sync_directory(path);
}
