#include "shared/redis/channel.h"

#include "base/clock.h"

enum { SEND_MS = 100, MESSAGE_PARTS = 3 };

struct carrier {
    struct redis *redis;
    struct redis_connection *in, *out; /* both or none */
    char name[CHANNEL_NAME_SIZE];
    char reason[REDIS_REASON_SIZE];
    unsigned n_unanswered; /* messages that were sent and not answered */
    int64_t progress_ms;   /* when the oldest of them was sent, or the last answer came */
};

static void disconnect(void *carrier)
{
    struct carrier *c = carrier;

    redis_disconnect(&c->in);
    redis_disconnect(&c->out);
    c->n_unanswered = 0;
}

static enum dw_err subscribe(struct carrier *c)
{
    _cleanup_reply_ redisReply *reply = NULL;
    const enum dw_err err = redis_ask(c->in, REDIS_COMMAND(DW_STR("SUBSCRIBE"), dw_str(c->name)),
                                      clock_monotonic_ms() + REDIS_TIMEOUT_MS, &reply);

    if (err != DW_OK)
        snprintf(c->reason, sizeof(c->reason), "%s", c->in->reason);
    return err;
}

static enum dw_err connect_both(struct carrier *c)
{
    TRY(redis_subscriber(c->redis, &c->out, c->reason));
    TRY(redis_subscriber(c->redis, &c->in, c->reason));
    return subscribe(c);
}

static enum dw_err connect_carrier(void *carrier, const char *name, const char **ret_reason)
{
    struct carrier *c = carrier;

    snprintf(c->name, sizeof(c->name), "%s", name);
    const enum dw_err err = connect_both(c);

    if (err == DW_OK)
        return DW_OK;
    disconnect(c);
    *ret_reason = c->reason;
    return err;
}

static void descriptors(void *carrier, int ret_fds[CHANNEL_FDS])
{
    const struct carrier *c = carrier;

    ret_fds[0] = c->in->context->fd;
    ret_fds[1] = c->out->context->fd;
}

static enum dw_err send_message(void *carrier, struct dw_str bytes)
{
    struct carrier *c = carrier;
    const int64_t now_ms = clock_monotonic_ms();

    TRY(redis_send(c->out, REDIS_COMMAND(DW_STR("PUBLISH"), dw_str(c->name), bytes), now_ms + SEND_MS));
    if (c->n_unanswered++ == 0)
        c->progress_ms = now_ms;
    return DW_OK;
}

/* How many heard it is of no interest; that it was taken is. */
static enum dw_err take_answers(struct carrier *c)
{
    for (;;) {
        _cleanup_reply_ redisReply *reply = NULL;
        const int64_t now_ms = clock_monotonic_ms();
        const enum dw_err err = redis_receive(c->out, now_ms, &reply);
        const bool is_late = c->n_unanswered > 0 && now_ms - c->progress_ms > REDIS_CHANNEL_ANSWER_MS;

        if (err == DW_ERR_TIMEOUT)
            return is_late ? DW_ERR_UNAVAILABLE : DW_OK;
        TRY(err);
        if (reply->type != REDIS_REPLY_INTEGER || c->n_unanswered == 0)
            return DW_ERR_UNAVAILABLE;
        c->n_unanswered--;
        c->progress_ms = now_ms;
    }
}

/* ["message", channel, bytes]; there is one channel. */
static bool is_message(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == MESSAGE_PARTS &&
        reply->element[0]->type == REDIS_REPLY_STRING && strcmp(reply->element[0]->str, "message") == 0 &&
        reply->element[2]->type == REDIS_REPLY_STRING;
}

static enum dw_err receive(void *carrier, void (*heard)(struct dw_str bytes, void *argument), void *argument)
{
    struct carrier *c = carrier;

    for (;;) {
        _cleanup_reply_ redisReply *reply = NULL;
        const enum dw_err err = redis_receive(c->in, clock_monotonic_ms(), &reply);

        if (err == DW_ERR_TIMEOUT)
            return take_answers(c);
        TRY(err);
        if (is_message(reply))
            heard(dw_str_n(reply->element[2]->str, reply->element[2]->len), argument);
    }
}

static void free_carrier(void *carrier)
{
    disconnect(carrier);
    free(carrier);
}

enum dw_err redis_carrier_new(struct redis *redis, void **ret_carrier)
{
    struct carrier *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return DW_ERR_NO_MEMORY;
    c->redis = redis;
    *ret_carrier = c;
    return DW_OK;
}

const struct channel_calls REDIS_CHANNEL = {
    .connect = connect_carrier,
    .disconnect = disconnect,
    .descriptors = descriptors,
    .send = send_message,
    .receive = receive,
    .free = free_carrier,
};
