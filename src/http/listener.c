#include "http/listener.h"

#include "http/connection.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LISTEN_BACKLOG = 4096,
    ACCEPT_SHARE = 256, /* connections in a row before those that stand have their turn */
    REST_MS = 100,
};

static bool is_out_of_descriptors(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Who waits for nothing that is under way may be sent away at any time (RFC 9112 §9.5). */
bool listener_make_room(struct loop *loop)
{
    static const enum wait_kind IDLE[] = { WAIT_IDLE, WAIT_HANDSHAKE };

    for (size_t i = 0; i < ARRAY_SIZE(IDLE); i++) {
        struct wait *oldest = wait_first(&loop->waits[IDLE[i]]);
        if (oldest == NULL)
            continue;
        connection_close(connection_of_wait(oldest));
        return true;
    }
    return false;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_rested(uv_timer_t *timer)
{
    struct loop *loop = timer->data;

    uv_poll_start(&loop->listener.poll, UV_READABLE, on_readable);
}

static void listener_rest(struct listener *listener)
{
    uv_poll_stop(&listener->poll);
    uv_timer_start(&listener->rest, on_rested, REST_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct loop *loop = poll->data;
    struct listener *listener = &loop->listener;

    for (unsigned i = 0; i < ACCEPT_SHARE; i++) {
        const int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            connection_adopt(loop, fd);
        } else if (is_out_of_descriptors(errno)) {
            if (listener_make_room(loop))
                continue;
            listener_rest(listener);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* anything else is the trouble of one connection (accept(2)) */
    }
}

enum dw_err listener_open(struct listener *listener, struct loop *loop, int take_fd)
{
    _cleanup_close_ int fd = take_fd;

    uv_timer_init(&loop->uv, &listener->rest);
    if (uv_poll_init(&loop->uv, &listener->poll, fd) != 0)
        return DW_ERR_IO;
    listener->fd = fd;
    fd = -1;
    listener->poll.data = listener->rest.data = loop;
    if (listen(listener->fd, LISTEN_BACKLOG) != 0 || uv_poll_start(&listener->poll, UV_READABLE, on_readable) != 0)
        return DW_ERR_IO;
    return DW_OK;
}

void listener_close(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    uv_timer_stop(&listener->rest);
    uv_poll_stop(&listener->poll);
    close(listener->fd);
    listener->fd = -1;
}

/* Who is in the kernel's queue is connected, as far as the client can tell, and may have sent its request. */
void listener_stop(struct listener *listener)
{
    struct loop *loop = listener->poll.data;
    int fd;

    while (listener->fd >= 0 && (fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        connection_adopt(loop, fd);
    listener_close(listener);
}
