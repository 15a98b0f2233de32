#include "cli/notify.h"

#include "base/clock.h"
#include "cli/environment.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* "/run/systemd/notify", or "@name" in the abstract namespace. */
static bool address_of(const char *name, struct sockaddr_un *ret_address, socklen_t *ret_size)
{
    const size_t length = name == NULL ? 0 : strlen(name);

    if (length < 2 || length >= sizeof(ret_address->sun_path) || (name[0] != '/' && name[0] != '@'))
        return false;
    *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(ret_address->sun_path, name, length);
    if (name[0] == '@')
        ret_address->sun_path[0] = '\0';
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/'));
    return true;
}

void notify_tell(const struct cli *cli, const char *state)
{
    struct sockaddr_un address;
    socklen_t size;

    if (!address_of(environment_find(cli->environment, "NOTIFY_SOCKET"), &address, &size))
        return;
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
}

void notify_reloading(const struct cli *cli)
{
    char state[64];

    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_monotonic_ns() / 1000));
    notify_tell(cli, state);
}

unsigned notify_watchdog_ms(const struct cli *cli)
{
    uint64_t pid = 0, patience_us = 0;

    if (!environment_number(cli->environment, "WATCHDOG_USEC", &patience_us))
        return 0;
    if (environment_number(cli->environment, "WATCHDOG_PID", &pid) && pid != (uint64_t)getpid())
        return 0; /* meant for the process that started us */
    const uint64_t half_ms = patience_us / 2000;
    return half_ms > 3600000 ? 3600000 : half_ms == 0 ? 1 : (unsigned)half_ms;
}
