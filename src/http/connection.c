#include "http/connection.h"

#include "http/metrics.h"

#include <sys/socket.h>

enum {
    PIPELINE_SHARE = 32,       /* requests of one connection before the others have their turn */
    INPUT_ROOM_MIN = 512,      /* a read is worth its call */
    LINGER_BYTES = 128 << 20,  /* thrown away for a client that sends and does not read */
    HEADER_SLACK = 4096,       /* blanks that llhttp skips without telling */
    SECURE_READ = 17 * 1024,   /* a whole record; what is not decrypted at once is copied */
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf);
static void on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *buf);

/* --- its end ---------------------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    struct loop *loop = c->loop;

    secure_free(&c->secure);
    free(c);
    metric_add(&HTTP_CONNECTIONS, 0, -1);
    loop->n_connections--;
    atomic_fetch_sub_explicit(&loop->server->n_connections, 1, memory_order_relaxed);
    loop_check_finished(loop);
}

void connection_close(struct connection *c)
{
    if (c->state == CONNECTION_CLOSING)
        return;
    if (c->state == CONNECTION_WORKING && c->request != NULL) {
        c->is_cut = true;
        return;
    }
    c->state = CONNECTION_CLOSING;
    if (c->websocket != NULL)
        websocket_end(c->websocket);
    if (c->secure != NULL)
        secure_end(c->secure);
    wait_disarm(&c->wait);
    exchange_abandon(c);
    input_release(&c->input, &c->loop->inputs);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void connection_stop_reading(struct connection *c)
{
    if (c->is_reading)
        uv_read_stop(connection_stream(c));
    c->is_reading = false;
}

void connection_read(struct connection *c)
{
    if (c->is_reading)
        return;
    c->is_reading = true;
    if (uv_read_start(connection_stream(c), on_alloc, on_read) != 0)
        connection_close(c);
    else if (c->secure != NULL)
        secure_read(c->secure);
}

/* Closing a socket with unread bytes makes the kernel send a reset, which may overtake the answer (RFC 9112 §9.6). So
 * only our direction is shut, and what comes is thrown away for a while. */
static void connection_linger(struct connection *c)
{
    uv_os_fd_t fd;

    if (c->secure != NULL)
        secure_end(c->secure);
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        connection_close(c);
        return;
    }
    c->state = CONNECTION_LINGERING;
    c->linger_left = LINGER_BYTES;
    input_release(&c->input, &c->loop->inputs);
    loop_wait(c->loop, WAIT_LINGER, &c->wait);
    connection_read(c);
}

void connection_finish(struct connection *c)
{
    if (c->must_linger || c->input.pos < c->input.len)
        connection_linger(c);
    else
        connection_close(c);
}

void connection_time_out(struct connection *c, enum wait_kind kind)
{
    if (kind == WAIT_HEADER || kind == WAIT_BODY)
        exchange_refuse(c, DW_ERR_TIMEOUT);
    else
        connection_close(c);
}

bool connection_has_input(const struct connection *c)
{
    uv_os_fd_t fd;
    char byte;

    return uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

static enum wait_kind connection_awaits(const struct connection *c)
{
    if (c->secure != NULL && !secure_is_open(c->secure))
        return WAIT_HANDSHAKE;
    if (c->request == NULL)
        return WAIT_IDLE;
    return c->parse.is_head_complete ? WAIT_BODY : WAIT_HEADER;
}

/* Nothing more can be done with the bytes at hand. A deadline that runs already goes on running. */
static void connection_wait(struct connection *c)
{
    const enum wait_kind kind = connection_awaits(c);

    if (c->request == NULL)
        input_release(&c->input, &c->loop->inputs);
    if (kind == WAIT_IDLE && c->loop->stop >= STOP_GENTLY && c->is_used) {
        connection_close(c);
        return;
    }
    if (c->wait.list != &c->loop->waits[kind])
        loop_wait(c->loop, kind, &c->wait);
    connection_read(c);
}

void connection_go_on(struct connection *c)
{
    unsigned served = 0;

    while (exchange_step(c)) {
        if (++served < PIPELINE_SHARE || c->input.pos == c->input.len)
            continue;
        connection_stop_reading(c);
        c->state = CONNECTION_TURN;
        loop_wait(c->loop, WAIT_TURN, &c->wait);
        return;
    }
    if (c->state == CONNECTION_READING)
        connection_wait(c);
}

/* Room for the next bytes. A header that has no room left moves to a larger block, as far as the limits go. */
static enum dw_err connection_make_room(struct connection *c)
{
    const struct parse_limits *limits = &c->loop->server->limits;
    struct input *in = &c->input;

    TRY(input_open(in, &c->loop->inputs));
    if (input_room(in) >= INPUT_ROOM_MIN || (c->request != NULL && c->parse.is_head_complete))
        return DW_OK;
    const size_t keep_from = c->request != NULL ? (size_t)(c->parse.line - in->ptr) : in->pos;
    if (in->len - keep_from > limits->max_request_line + limits->max_header_bytes + HEADER_SLACK)
        return DW_ERR_LIMIT;
    return input_make_room(in, &c->loop->inputs, keep_from, INPUT_ROOM_MIN, c->request != NULL ? &c->parse : NULL);
}

bool connection_has_room(struct connection *c)
{
    if (connection_make_room(c) == DW_OK)
        return true;
    if (c->request != NULL)
        exchange_refuse(c, DW_ERR_HEADERS_TOO_LARGE);
    else
        connection_close(c);
    return false;
}

void connection_took(struct connection *c, size_t size)
{
    c->input.len += size;
    if (c->websocket != NULL)
        websocket_read(c->websocket);
    else
        connection_go_on(c);
}

void connection_rest(struct connection *c)
{
    if (c->websocket == NULL && c->request == NULL)
        connection_wait(c);
    else if (c->websocket != NULL && c->input.pos == c->input.len)
        input_release(&c->input, &c->loop->inputs);
}

/* libuv asks when there are bytes to read. No buffer: on_read() is called with UV_ENOBUFS. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct connection *c = handle->data;

    if (c->state == CONNECTION_LINGERING)
        *ret_buf = uv_buf_init(c->loop->scratch, sizeof(c->loop->scratch));
    else if (c->secure != NULL)
        *ret_buf = uv_buf_init(c->loop->scratch, SECURE_READ);
    else if (connection_make_room(c) != DW_OK)
        *ret_buf = uv_buf_init(NULL, 0);
    else
        *ret_buf = uv_buf_init(c->input.ptr + c->input.len, (unsigned)input_room(&c->input));
}

static void connection_discard(struct connection *c, size_t size)
{
    if (size >= c->linger_left)
        connection_close(c);
    else
        c->linger_left -= size;
}

static void on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *buf)
{
    struct connection *c = stream->data;

    if (n_read == UV_ENOBUFS && c->request != NULL) {
        exchange_refuse(c, DW_ERR_HEADERS_TOO_LARGE);
    } else if (n_read < 0) {
        connection_close(c); /* the end of the stream, too: half a request gets no answer */
    } else if (c->state == CONNECTION_LINGERING) {
        connection_discard(c, (size_t)n_read);
    } else if (n_read > 0) {
        metric_add(&HTTP_BYTES_IN, 0, n_read);
        if (c->secure != NULL)
            secure_take(c->secure, dw_str_n(buf->base, (size_t)n_read));
        else
            connection_took(c, (size_t)n_read);
    } else if (c->request == NULL) {
        input_release(&c->input, &c->loop->inputs);
    }
}

/* --- its beginning ---------------------------------------------------------------------------------------------- */

static bool connection_take_peer(struct connection *c)
{
    struct sockaddr_storage address = { 0 };
    int size = sizeof(address);

    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&address, &size) != 0)
        return false;
    address_format_host(&address, c->peer);
    return true;
}

static bool connection_take_socket(struct connection *c, int *take_fd)
{
    if (uv_tcp_open(&c->tcp, *take_fd) != 0)
        return false;
    *take_fd = -1;
    return true;
}

void connection_adopt(struct loop *loop, int take_fd)
{
    _cleanup_close_ int fd = take_fd;
    struct server *server = loop->server;
    struct connection *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return;
    if (uv_tcp_init(&loop->uv, &c->tcp) != 0) {
        free(c);
        return;
    }
    c->loop = loop;
    c->tcp.data = c;
    c->parse.limits = &server->limits;
    loop->n_connections++;
    metric_add(&HTTP_CONNECTIONS, 0, 1);
    metric_add(&HTTP_ACCEPTED, 0, 1);
    const unsigned others = atomic_fetch_add_explicit(&server->n_connections, 1, memory_order_relaxed);
    const bool is_one_too_many = others >= server->config.max_connections && !listener_make_room(loop);
    metric_add(&HTTP_TURNED_AWAY, 0, is_one_too_many);
    if (!connection_take_socket(c, &fd) || is_one_too_many || !connection_take_peer(c) ||
        (server->config.tls != NULL && secure_new(server->config.tls, c, &c->secure) != DW_OK)) {
        connection_close(c);
        return;
    }
    connection_wait(c);
}
