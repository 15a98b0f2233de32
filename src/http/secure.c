#include "http/connection.h"

static void on_left(uv_write_t *write, int status);

/* --- life ------------------------------------------------------------------------------------------------------- */

enum dw_err secure_new(struct dw_tls *tls, struct connection *c, struct secure **ret_secure)
{
    _cleanup_free_ struct secure *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return DW_ERR_NO_MEMORY;
    s->connection = c;
    TRY(tls_session_new(tls, &s->session));
    *ret_secure = TAKE_PTR(s);
    return DW_OK;
}

void secure_free(struct secure **secure)
{
    struct secure *s = *secure;

    *secure = NULL;
    if (s == NULL)
        return;
    tls_session_free(&s->session);
    buffer_free(&s->leaving);
    free(s);
}

bool secure_is_open(const struct secure *s)
{
    return tls_session_is_open(s->session);
}

/* --- out -------------------------------------------------------------------------------------------------------- */

static bool is_all_encrypted(const struct secure *s)
{
    return s->first == s->n_plain;
}

/* The next piece of what is being sent, up to a record; short ones are gathered, so that each does not cost one. */
static struct dw_str next_piece(struct secure *s, char *gathered)
{
    size_t size = 0;

    if (s->plain[s->first].len >= TLS_RECORD_MAX || s->n_plain - s->first == 1) {
        uv_buf_t *buf = &s->plain[s->first];
        const struct dw_str piece = dw_str_n(buf->base, MIN_OF(buf->len, (size_t)TLS_RECORD_MAX));
        buf->base += piece.len;
        buf->len -= piece.len;
        s->first += buf->len == 0;
        return piece;
    }
    while (!is_all_encrypted(s) && size < TLS_RECORD_MAX) {
        uv_buf_t *buf = &s->plain[s->first];
        const size_t n = MIN_OF(buf->len, TLS_RECORD_MAX - size);
        memcpy(gathered + size, buf->base, n);
        size += n;
        buf->base += n;
        buf->len -= n;
        s->first += buf->len == 0;
    }
    return dw_str_n(gathered, size);
}

static enum tls_result secure_encrypt(struct secure *s)
{
    char *gathered = s->connection->loop->record;
    const struct dw_str piece = next_piece(s, gathered);
    const enum tls_result result = piece.len == 0 ? TLS_DONE : tls_session_write(s->session, piece);

    if (piece.ptr == gathered)
        dw_wipe(gathered, piece.len);
    return result;
}

/* What the kernel did not take stays where it is while `write` has it; what is encrypted meanwhile starts afresh. */
static bool secure_write_rest(struct secure *s)
{
    const struct dw_str output = tls_session_output(s->session);

    s->leaving = (struct buffer)BUFFER_INIT(output.len);
    buffer_append(&s->leaving, output);
    if (buffer_error(&s->leaving) != DW_OK)
        return false;
    tls_session_sent(s->session, output.len);
    const uv_buf_t buf = { .base = s->leaving.ptr, .len = s->leaving.len };
    return uv_write(&s->write, connection_stream(s->connection), &buf, 1, on_left) == 0;
}

/* Everything that is to leave, as far as the socket takes it. */
static enum send_result secure_flush(struct secure *s)
{
    while (s->leaving.len == 0) {
        const struct dw_str output = tls_session_output(s->session);
        if (output.len == 0 && is_all_encrypted(s))
            return SEND_DONE;
        if (output.len == 0) {
            if (secure_encrypt(s) != TLS_DONE)
                return SEND_FAILED;
            continue;
        }
        const uv_buf_t buf = { .base = (char *)(uintptr_t)output.ptr, .len = output.len };
        const int written = uv_try_write(connection_stream(s->connection), &buf, 1);
        if (written < 0 && written != UV_EAGAIN)
            return SEND_FAILED;
        tls_session_sent(s->session, written < 0 ? 0 : (size_t)written);
        if ((written < 0 || (size_t)written < output.len) && !secure_write_rest(s))
            return SEND_FAILED;
    }
    return SEND_LATER;
}

static void secure_unchoke(struct secure *s)
{
    struct connection *c = s->connection;

    if (!s->is_choked)
        return;
    s->is_choked = false;
    if (c->state == CONNECTION_READING || c->state == CONNECTION_WEBSOCKET)
        connection_read(c);
}

static void on_left(uv_write_t *write, int status)
{
    struct secure *s = container_of(write, struct secure, write);
    struct connection *c = s->connection;

    if (c->state == CONNECTION_CLOSING)
        return;
    buffer_free(&s->leaving);
    const enum send_result result = status == 0 ? secure_flush(s) : SEND_FAILED;
    if (result == SEND_LATER)
        return;
    send_done *on_sent = TAKE_PTR(s->on_sent);
    if (on_sent != NULL)
        on_sent(c, result == SEND_DONE);
    else if (result == SEND_FAILED)
        connection_close(c);
    if (c->state != CONNECTION_CLOSING)
        secure_unchoke(s);
}

enum send_result secure_send(struct secure *s, const uv_buf_t *bufs, unsigned n_bufs, send_done *on_sent)
{
    if (on_sent == NULL) {
        const enum send_result before = secure_flush(s);
        if (before != SEND_DONE)
            return before; /* the client is slow to read, and can do without; or it has gone */
    }
    memcpy(s->plain, bufs, n_bufs * sizeof(*bufs));
    s->first = 0;
    s->n_plain = n_bufs;
    const enum send_result result = secure_flush(s);
    s->on_sent = result == SEND_LATER ? on_sent : NULL;
    return result;
}

void secure_end(struct secure *s)
{
    if (s->leaving.len > 0 || !is_all_encrypted(s))
        return; /* not everything has left: the client shall see that it was cut off */
    tls_session_end(s->session);
    const struct dw_str output = tls_session_output(s->session);
    const uv_buf_t buf = { .base = (char *)(uintptr_t)output.ptr, .len = output.len };
    if (output.len > 0)
        (void)uv_try_write(connection_stream(s->connection), &buf, 1);
    tls_session_sent(s->session, output.len);
}

/* --- in --------------------------------------------------------------------------------------------------------- */

/* Broken rules, or a handshake that came to nothing: the alert leaves, and the client has some time to read it. */
static void secure_fail(struct secure *s)
{
    struct connection *c = s->connection;

    if (c->request != NULL || c->websocket != NULL) {
        connection_close(c);
        return;
    }
    c->must_linger = true;
    connection_stop_reading(c);
    connection_finish(c);
}

/* What nginx says, too: somebody has left out the s of https. */
static void secure_refuse_plain(struct secure *s)
{
    static const struct dw_str REFUSAL = DW_STR_INIT(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 41\r\nConnection: close\r\n\r\n"
        "Plain HTTP was sent to a port for https.\n");
    const uv_buf_t buf = { .base = (char *)(uintptr_t)REFUSAL.ptr, .len = REFUSAL.len };

    (void)uv_try_write(connection_stream(s->connection), &buf, 1);
    secure_fail(s);
}

/* Decrypts into the connection's input and has it looked at; false when that is all for now. */
static bool secure_step(struct secure *s)
{
    struct connection *c = s->connection;
    size_t size = 0;

    if (!connection_has_room(c))
        return false;
    switch (tls_session_read(s->session, c->input.ptr + c->input.len, input_room(&c->input), &size)) {
    case TLS_DONE:
        connection_took(c, size);
        return true;
    case TLS_WANTS_ROOM:
        s->is_choked = true;
        connection_stop_reading(c);
        return false;
    case TLS_ENDED:
        connection_close(c);
        return false;
    case TLS_FAILED:
        secure_fail(s);
        return false;
    case TLS_WANTS_INPUT:
        break;
    }
    return false;
}

static bool is_wanted(const struct connection *c)
{
    return c->is_reading && (c->state == CONNECTION_READING || c->state == CONNECTION_WEBSOCKET);
}

void secure_read(struct secure *s)
{
    struct connection *c = s->connection;

    if (s->is_reading)
        return;
    s->is_reading = true;
    while (is_wanted(c) && tls_session_has_input(s->session) && secure_step(s))
        continue;
    s->is_reading = false;
    if (c->state == CONNECTION_CLOSING)
        return;
    if (tls_session_keep(s->session) != DW_OK || secure_flush(s) == SEND_FAILED) {
        connection_close(c);
        return;
    }
    if (s->leaving.len == 0 && s->is_choked)
        secure_unchoke(s);
    else if (is_wanted(c))
        connection_rest(c);
}

void secure_take(struct secure *s, struct dw_str bytes)
{
    /* RFC 8446 §5.1: a handshake begins with the byte 22; a method, with a letter. */
    const bool is_plain = !s->has_begun && bytes.ptr[0] >= 'A' && bytes.ptr[0] <= 'Z';

    s->has_begun = true;
    if (is_plain) {
        secure_refuse_plain(s);
        return;
    }
    tls_session_give(s->session, bytes);
    secure_read(s);
}
