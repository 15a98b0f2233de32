#include "cli/activation.h"

#include "cli/environment.h"

#include <fcntl.h>
#include <unistd.h>

enum { FIRST_FD = 3 };

enum dw_err activation_socket(struct cli *cli, int *ret_fd)
{
    uint64_t pid = 0, n = 0;

    *ret_fd = 0;
    if (!environment_number(cli->environment, "LISTEN_PID", &pid) || pid != (uint64_t)getpid())
        return DW_OK; /* none, or meant for another process */
    if (!environment_number(cli->environment, "LISTEN_FDS", &n) || n != 1)
        return cli_refuse(cli, DW_ERR_SETTING, "LISTEN_FDS: one socket is needed; look at ListenStream= of the socket "
                                               "unit");
    if (fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC) != 0)
        return cli_refuse(cli, DW_ERR_SETTING, "LISTEN_FDS says that there is a socket, and there is none");
    *ret_fd = FIRST_FD;
    return DW_OK;
}
