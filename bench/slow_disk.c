/*
 * A disk that takes its time, for LD_PRELOAD: fdatasync() waits SLOW_DISK_US microseconds more. Machines in data
 * centres often sync in a fraction of a millisecond, to memory; group commit is there for the disks that don't.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((visibility("default"))) int fdatasync(int fd);

int fdatasync(int fd)
{
    static int (*real)(int);
    const char *delay = getenv("SLOW_DISK_US");

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    usleep(delay == NULL ? 0 : (useconds_t)strtoul(delay, NULL, 10));
    return real(fd);
}
