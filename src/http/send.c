#include "http/send.h"

#include "http/connection.h"

static void on_written(uv_write_t *write, int status)
{
    struct connection *c = container_of(write, struct connection, write);

    if (c->state != CONNECTION_CLOSING)
        c->on_sent(c, status == 0);
}

enum send_result connection_send(struct connection *c, uv_buf_t *bufs, unsigned n_bufs, send_done *on_sent)
{
    if (c->secure != NULL)
        return secure_send(c->secure, bufs, n_bufs, on_sent);
    const int written = uv_try_write(connection_stream(c), bufs, n_bufs);
    if (written < 0 && written != UV_EAGAIN)
        return SEND_FAILED;
    size_t left = written < 0 ? 0 : (size_t)written;
    while (n_bufs > 0 && left >= bufs->len) {
        left -= bufs->len;
        bufs++;
        n_bufs--;
    }
    if (n_bufs == 0)
        return SEND_DONE;
    bufs->base += left;
    bufs->len -= left;
    c->on_sent = on_sent;
    return uv_write(&c->write, connection_stream(c), bufs, n_bufs, on_written) == 0 ? SEND_LATER : SEND_FAILED;
}

enum send_result connection_send_aside(struct connection *c, uv_buf_t buf)
{
    if (c->secure != NULL)
        return secure_send(c->secure, &buf, 1, NULL);
    const int written = uv_try_write(connection_stream(c), &buf, 1);
    return written == UV_EAGAIN || written == (int)buf.len ? SEND_DONE : SEND_FAILED;
}
