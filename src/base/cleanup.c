#include "base/cleanup.h"

#include <errno.h>
#include <unistd.h>

void cleanup_close(int *fd)
{
    const int saved = errno;

    if (*fd >= 0)
        close(*fd);
    errno = saved;
}
