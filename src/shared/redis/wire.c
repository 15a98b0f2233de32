#include "shared/redis/wire.h"

#include "base/clock.h"
#include "crypto/tls.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { READ_BYTES = 4096 }; /* replies are short, and so are the stacks of workers */

/* --- the socket ------------------------------------------------------------------------------------------------- */

static enum dw_err wait_for(struct redis_connection *c, short events, int64_t deadline_ms)
{
    struct pollfd fd = { .fd = c->context->fd, .events = events };
    int n;

    do {
        const int64_t left_ms = deadline_ms - clock_monotonic_ms();
        n = poll(&fd, 1, left_ms <= 0 ? 0 : (int)MIN_OF(left_ms, (int64_t)INT32_MAX));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return wire_break(c, strerror(errno));
    return n == 0 ? DW_ERR_TIMEOUT : DW_OK;
}

static enum dw_err send_plain(struct redis_connection *c, struct dw_str bytes, int64_t deadline_ms)
{
    while (bytes.len > 0) {
        const ssize_t sent = send(c->context->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0)
            bytes = dw_str_n(bytes.ptr + sent, bytes.len - (size_t)sent);
        else if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return wire_break(c, strerror(errno));
        else if (wait_for(c, POLLOUT, deadline_ms) == DW_ERR_TIMEOUT) /* half a command is of no use to anybody */
            return wire_break(c, "it does not read");
        else if (c->is_broken)
            return DW_ERR_UNAVAILABLE;
    }
    return DW_OK;
}

static enum dw_err fill_plain(struct redis_connection *c, int64_t deadline_ms)
{
    TRY(wait_for(c, POLLIN, deadline_ms));
    if (c->h->redisBufferRead(c->context) != REDIS_OK)
        return wire_break(c, c->context->errstr);
    return DW_OK;
}

/* --- TLS -------------------------------------------------------------------------------------------------------- */

static enum dw_err send_output(struct redis_connection *c, int64_t deadline_ms)
{
    const struct dw_str output = tls_session_output(c->tls);

    TRY(send_plain(c, output, deadline_ms));
    tls_session_sent(c->tls, output.len);
    return DW_OK;
}

static enum dw_err receive_sealed(struct redis_connection *c, int64_t deadline_ms)
{
    char bytes[READ_BYTES];

    TRY(wait_for(c, POLLIN, deadline_ms));
    const ssize_t got = recv(c->context->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return DW_OK; /* the caller comes again */
    if (got < 0)
        return wire_break(c, strerror(errno));
    if (got == 0)
        return wire_break(c, tls_session_is_open(c->tls) ? "it closed the connection"
                                                         : "it closed the connection in the TLS handshake");
    tls_session_give(c->tls, dw_str_n(bytes, (size_t)got));
    return tls_session_keep(c->tls) == DW_OK ? DW_OK : wire_break(c, "no memory");
}

static enum dw_err break_tls(struct redis_connection *c)
{
    char reason[REDIS_REASON_SIZE];

    snprintf(reason, sizeof(reason), "TLS: %.140s", tls_session_problem(c->tls));
    return wire_break(c, reason);
}

/* What TLS can do without new bytes; plaintext goes to the reader. */
static enum dw_err take_step(struct redis_connection *c, int64_t deadline_ms, enum tls_result *ret_result)
{
    char plain[READ_BYTES];
    size_t size = 0;
    const enum tls_result result = tls_session_read(c->tls, plain, sizeof(plain), &size);
    const enum dw_err err = send_output(c, deadline_ms); /* of the handshake, or an alert */

    if (result == TLS_FAILED || result == TLS_ENDED)
        return break_tls(c);
    TRY(err);
    if (result == TLS_DONE && c->h->redisReaderFeed(c->context->reader, plain, size) != REDIS_OK)
        return wire_break(c, "no memory");
    *ret_result = result;
    return DW_OK;
}

static enum dw_err shake_hands(struct redis_connection *c, int64_t deadline_ms)
{
    enum tls_result result;

    for (;;) {
        TRY(take_step(c, deadline_ms, &result));
        if (tls_session_is_open(c->tls))
            return DW_OK;
        if (result == TLS_WANTS_INPUT)
            TRY(receive_sealed(c, deadline_ms));
    }
}

enum dw_err wire_secure(struct redis_connection *c, const struct redis_address *address, int64_t deadline_ms)
{
    const struct tls_peer peer = {
        .host = address->host,
        .ca_file = address->ca_file[0] == '\0' ? NULL : address->ca_file,
        .certificate_file = address->certificate_file[0] == '\0' ? NULL : address->certificate_file,
        .key_file = address->key_file[0] == '\0' ? NULL : address->key_file,
    };
    char problem[DW_TLS_PROBLEM_SIZE];

    if (tls_session_connect(&peer, &c->tls, problem) != DW_OK)
        return wire_break(c, problem);
    const enum dw_err err = shake_hands(c, deadline_ms);

    return err == DW_ERR_TIMEOUT ? wire_break(c, "no TLS handshake in time: does it speak TLS?") : err;
}

/* --- either ----------------------------------------------------------------------------------------------------- */

enum dw_err wire_send(struct redis_connection *c, struct dw_str bytes, int64_t deadline_ms)
{
    if (c->tls == NULL)
        return send_plain(c, bytes, deadline_ms);
    while (bytes.len > 0) {
        const struct dw_str part = dw_str_n(bytes.ptr, MIN_OF(bytes.len, (size_t)TLS_RECORD_MAX));

        if (tls_session_write(c->tls, part) != TLS_DONE)
            return break_tls(c);
        TRY(send_output(c, deadline_ms));
        bytes = dw_str_n(bytes.ptr + part.len, bytes.len - part.len);
    }
    return DW_OK;
}

enum dw_err wire_fill(struct redis_connection *c, int64_t deadline_ms)
{
    enum tls_result result = TLS_WANTS_INPUT;

    if (c->tls == NULL)
        return fill_plain(c, deadline_ms);
    for (;;) {
        TRY(take_step(c, deadline_ms, &result));
        if (result == TLS_DONE)
            return DW_OK;
        if (result == TLS_WANTS_INPUT)
            TRY(receive_sealed(c, deadline_ms));
    }
}

void wire_end(struct redis_connection *c)
{
    if (c->tls == NULL)
        return;
    if (!c->is_broken) {
        tls_session_end(c->tls);
        const struct dw_str goodbye = tls_session_output(c->tls);
        (void)!send(c->context->fd, goodbye.ptr, goodbye.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    tls_session_free(&c->tls);
}
