#include "shared/redis/connection.h"

#include "base/clock.h"
#include "shared/redis/wire.h"

enum { MS_IN_S = 1000, US_IN_MS = 1000, CODE_MAX = 24, DB_TEXT_SIZE = 16 };

/* --- what went wrong ---------------------------------------------------------------------------------------------- */

/* The first word of an error is its code; what follows may quote what was sent. */
static void note_code(struct redis_connection *c, const char *doing, const redisReply *reply)
{
    size_t n = 0;

    while (n < reply->len && n < CODE_MAX && reply->str[n] >= 'A' && reply->str[n] <= 'Z')
        n++;
    snprintf(c->reason, sizeof(c->reason), "%s was answered by %.*s", doing, n == 0 ? 8 : (int)n,
             n == 0 ? "an error" : reply->str);
}

/* --- talking ------------------------------------------------------------------------------------------------------ */

enum dw_err redis_send(struct redis_connection *c, const struct dw_str *words, size_t n_words, int64_t deadline_ms)
{
    const char *starts[REDIS_ARGUMENTS_MAX];
    size_t lengths[REDIS_ARGUMENTS_MAX];
    char *bytes = NULL;

    if (c->is_broken)
        return DW_ERR_UNAVAILABLE;
    if (n_words == 0 || n_words > REDIS_ARGUMENTS_MAX)
        return DW_ERR_ARGUMENT;
    for (size_t i = 0; i < n_words; i++) {
        starts[i] = words[i].len == 0 ? "" : words[i].ptr;
        lengths[i] = words[i].len;
    }
    const long long size = c->h->redisFormatCommandArgv(&bytes, (int)n_words, starts, lengths);
    if (size < 0)
        return DW_ERR_NO_MEMORY;
    const enum dw_err err = wire_send(c, dw_str_n(bytes, (size_t)size), deadline_ms);
    dw_wipe(bytes, (size_t)size); /* it may have been AUTH */
    c->h->redisFreeCommand(bytes);
    return err;
}

enum dw_err redis_receive(struct redis_connection *c, int64_t deadline_ms, redisReply **ret_reply)
{
    void *reply = NULL;

    while (!c->is_broken) {
        if (c->h->redisGetReplyFromReader(c->context, &reply) != REDIS_OK)
            return wire_break(c, c->context->errstr);
        if (reply != NULL) {
            *ret_reply = reply;
            return DW_OK;
        }
        TRY(wire_fill(c, deadline_ms));
    }
    return DW_ERR_UNAVAILABLE;
}

enum dw_err redis_ask(struct redis_connection *c, const struct dw_str *words, size_t n_words, int64_t deadline_ms,
                      redisReply **ret_reply)
{
    static const struct dw_str NO_SCRIPT = DW_STR_INIT("NOSCRIPT");
    _cleanup_reply_ redisReply *reply = NULL;
    char doing[CODE_MAX];

    TRY(redis_send(c, words, n_words, deadline_ms));
    const enum dw_err err = redis_receive(c, deadline_ms, &reply);
    if (err == DW_ERR_TIMEOUT)
        return wire_break(c, "no answer in time");
    TRY(err);
    if (reply->type == REDIS_REPLY_ERROR) {
        snprintf(doing, sizeof(doing), "%.*s", (int)MIN_OF(words[0].len, sizeof(doing) - 1), words[0].ptr);
        note_code(c, doing, reply);
        return dw_str_starts_with(dw_str_n(reply->str, reply->len), NO_SCRIPT) ? DW_ERR_NOT_FOUND : DW_ERR_DATABASE;
    }
    *ret_reply = TAKE_PTR(reply);
    return DW_OK;
}

void redis_reply_free(redisReply **reply)
{
    if (*reply != NULL)
        hiredis_load()->freeReplyObject(*reply);
    *reply = NULL;
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

static redisContext *open_context(const struct hiredis *h, const struct redis_address *address, int64_t timeout_ms)
{
    const struct timeval timeout = { .tv_sec = timeout_ms / MS_IN_S, .tv_usec = timeout_ms % MS_IN_S * US_IN_MS };

    if (address->host[0] == '\0')
        return h->redisConnectUnixWithTimeout(address->path, timeout);
    return h->redisConnectWithTimeout(address->host, (int)address->port, timeout);
}

/* A command that is answered by OK or PONG. */
static enum dw_err run(struct redis_connection *c, const struct dw_str *words, size_t n_words, int64_t timeout_ms)
{
    _cleanup_reply_ redisReply *reply = NULL;

    return redis_ask(c, words, n_words, clock_monotonic_ms() + timeout_ms, &reply);
}

static enum dw_err greet(struct redis_connection *c, const struct redis_address *address, int64_t timeout_ms)
{
    const struct dw_str user = dw_secret_borrow(&address->user), password = dw_secret_borrow(&address->password);
    char db[DB_TEXT_SIZE];

    if (user.len > 0)
        TRY(run(c, REDIS_COMMAND(DW_STR("AUTH"), user, password), timeout_ms));
    else if (password.len > 0)
        TRY(run(c, REDIS_COMMAND(DW_STR("AUTH"), password), timeout_ms));
    if (address->db == 0)
        return DW_OK;
    snprintf(db, sizeof(db), "%u", address->db);
    return run(c, REDIS_COMMAND(DW_STR("SELECT"), dw_str(db)), timeout_ms);
}

enum dw_err redis_connect(const struct hiredis *h, const struct redis_address *address, int64_t timeout_ms,
                          struct redis_connection **ret_connection, char ret_reason[REDIS_REASON_SIZE])
{
    _cleanup_(redis_disconnect) struct redis_connection *c = calloc(1, sizeof(*c));

    snprintf(ret_reason, REDIS_REASON_SIZE, "no memory");
    if (c == NULL)
        return DW_ERR_NO_MEMORY;
    c->h = h;
    c->context = open_context(h, address, timeout_ms);
    if (c->context == NULL)
        return DW_ERR_NO_MEMORY;
    if (c->context->err != 0) {
        snprintf(ret_reason, REDIS_REASON_SIZE, "%s", c->context->errstr);
        return DW_ERR_UNAVAILABLE;
    }
    if (address->host[0] != '\0')
        (void)h->redisEnableKeepAlive(c->context);
    enum dw_err err = address->is_tls ? wire_secure(c, address, clock_monotonic_ms() + timeout_ms) : DW_OK;
    if (err == DW_OK)
        err = greet(c, address, timeout_ms);
    if (err != DW_OK) {
        snprintf(ret_reason, REDIS_REASON_SIZE, "%s", c->reason);
        return DW_ERR_UNAVAILABLE;
    }
    *ret_connection = TAKE_PTR(c);
    return DW_OK;
}

void redis_disconnect(struct redis_connection **connection)
{
    struct redis_connection *c = *connection;

    if (c == NULL)
        return;
    wire_end(c);
    if (c->context != NULL)
        c->h->redisFree(c->context);
    free(c);
    *connection = NULL;
}
