#include "mail/folder.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1024 };

static enum dw_err refuse(const char *folder)
{
    log_event(LOG_DEBUG, "mail_folder", LOG_CSTR("folder", folder), LOG_CSTR("reason", strerror(errno)));
    return DW_ERR_IO;
}

static bool write_all(int fd, struct dw_str bytes)
{
    while (bytes.len > 0) {
        const ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = dw_str_n(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return fsync(fd) == 0;
}

enum dw_err folder_store(const char *folder, struct dw_str id, struct dw_str bytes)
{
    char path[PATH_SIZE], new_path[PATH_SIZE];
    _cleanup_close_ int fd = -1, folder_fd = -1;

    if ((size_t)snprintf(path, sizeof(path), "%s/%.*s.eml", folder, (int)id.len, id.ptr) >= sizeof(path) ||
        (size_t)snprintf(new_path, sizeof(new_path), "%s/.%.*s.new", folder, (int)id.len, id.ptr) >= sizeof(new_path))
        return DW_ERR_LIMIT;
    if (mkdir(folder, S_IRWXU) != 0 && errno != EEXIST)
        return refuse(folder);
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (folder_fd >= 0 && fd >= 0 && write_all(fd, bytes) && rename(new_path, path) == 0 && fsync(folder_fd) == 0)
        return DW_OK;
    const enum dw_err err = refuse(folder);

    (void)unlink(new_path); /* half of it would only take the room that is missing */
    return err;
}
