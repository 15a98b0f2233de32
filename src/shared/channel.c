#include "shared/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "shared/channel_trust.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 2000,
    ECHO_MAX_MS = 2000,   /* own beats that don't come back for so long: the connection is of no use */
    GOODBYE_MAX_MS = 250, /* to come back */
};

struct change_channel {
    const struct channel_calls *calls;
    void *carrier;
    char name[CHANNEL_NAME_SIZE];
    struct dw_secret key;
    enum dw_err (*apply)(const struct channel_notice *notice, void *argument);
    void *argument;
    uint64_t node;
    int wake; /* an eventfd: something is to be sent, or it is time to end */
    pthread_t thread;
    _Atomic int64_t until_ms; /* channel_trust_until(): for those who only read */

    pthread_mutex_t mutex; /* guards what follows */
    struct channel_trust trust;
    uint64_t serial;
    uint64_t n_sent, n_dropped, n_received, n_refused;
    size_t n_queued;
    bool is_stopping;
    struct channel_notice queue[CHANNEL_QUEUE_MAX];

    /* The thread's alone. */
    struct channel_notice sending[CHANNEL_QUEUE_MAX];
    int64_t beat_at_ms, echo_ms, backoff_ms;
    bool was_trusted; /* as was logged last */
    bool has_failed;  /* to connect, and it was logged */
    bool is_last_heard; /* the last message of this process has come back */
};

/* --- telling ----------------------------------------------------------------------------------------------------- */

/* With the mutex held. A message that can't be sent has its number, too: the others find the gap. */
static void enqueue(struct change_channel *c, struct channel_notice notice)
{
    notice.node = c->node;
    notice.serial = ++c->serial;
    if (notice.kind == CHANNEL_BEAT) {
        notice.ref_node = c->trust.beat_node;
        notice.ref_serial = c->trust.beat_serial;
        channel_trust_sent(&c->trust, notice.serial, clock_monotonic_ms());
    }
    if (!c->trust.is_connected || c->n_queued == CHANNEL_QUEUE_MAX) {
        c->n_dropped++;
        return;
    }
    c->queue[c->n_queued++] = notice;
}

static void wake(const struct change_channel *c)
{
    const uint64_t one = 1;

    if (write(c->wake, &one, sizeof(one)) != sizeof(one))
        log_event(LOG_ERROR, "channel", LOG_CSTR("message", "its thread could not be woken"));
}

void change_channel_tell(struct change_channel *c, enum channel_kind kind, struct dw_str id, int64_t expires_s)
{
    struct channel_notice notice = { .kind = kind, .expires_s = expires_s };

    memcpy(notice.id, id.ptr, MIN_OF(id.len, sizeof(notice.id) - 1));
    pthread_mutex_lock(&c->mutex);
    enqueue(c, notice);
    const bool is_first = c->n_queued == 1;

    pthread_mutex_unlock(&c->mutex);
    if (is_first)
        wake(c);
}

/* --- trust ------------------------------------------------------------------------------------------------------- */

/* With the mutex held. */
static void renew(struct change_channel *c)
{
    atomic_store_explicit(&c->until_ms, channel_trust_until(&c->trust), memory_order_release);
}

void change_channel_looked(struct change_channel *c, int64_t begun_ms)
{
    pthread_mutex_lock(&c->mutex);
    channel_trust_looked(&c->trust, begun_ms);
    renew(c);
    pthread_mutex_unlock(&c->mutex);
}

void change_channel_mention(struct change_channel *c, uint64_t node)
{
    pthread_mutex_lock(&c->mutex);
    channel_trust_mention(&c->trust, node, clock_monotonic_ms());
    renew(c);
    pthread_mutex_unlock(&c->mutex);
}

bool change_channel_is_trusted(const struct change_channel *c)
{
    return clock_monotonic_ms() < atomic_load_explicit(&c->until_ms, memory_order_acquire);
}

uint64_t change_channel_node(const struct change_channel *c)
{
    return c->node;
}

void change_channel_state(struct change_channel *c, struct change_channel_state *ret_state)
{
    pthread_mutex_lock(&c->mutex);
    *ret_state = (struct change_channel_state){
        .is_connected = c->trust.is_connected,
        .is_trusted = change_channel_is_trusted(c),
        .n_peers = c->trust.n_peers - 1,
        .n_sent = c->n_sent,
        .n_dropped = c->n_dropped,
        .n_received = c->n_received,
        .n_refused = c->n_refused,
        .n_breaks = c->trust.n_breaks,
    };
    pthread_mutex_unlock(&c->mutex);
}

/* --- the thread: receiving --------------------------------------------------------------------------------------- */

static void break_trust(struct change_channel *c)
{
    pthread_mutex_lock(&c->mutex);
    channel_trust_break(&c->trust, clock_monotonic_ms());
    renew(c);
    pthread_mutex_unlock(&c->mutex);
}

static void hear_own(struct change_channel *c, const struct channel_notice *notice)
{
    c->echo_ms = clock_monotonic_ms();
    c->is_last_heard = c->is_last_heard || notice->kind == CHANNEL_GOODBYE;
}

/* A change is applied before the next message is looked at, which may be the proof that all is known. */
static void hear(struct dw_str bytes, void *argument)
{
    struct change_channel *c = argument;
    struct channel_notice notice;
    const bool is_ours = channel_notice_read(bytes, &c->key, &notice);
    bool is_change = false;

    pthread_mutex_lock(&c->mutex);
    c->n_received++;
    c->n_refused += !is_ours;
    if (is_ours) {
        is_change = channel_trust_heard(&c->trust, &notice, clock_monotonic_ms());
        renew(c);
    }
    pthread_mutex_unlock(&c->mutex);
    if (is_ours && notice.node == c->node)
        hear_own(c, &notice);
    if (is_change && c->apply(&notice, c->argument) != DW_OK)
        break_trust(c);
}

/* --- the thread: sending ----------------------------------------------------------------------------------------- */

static enum dw_err send_one(const struct change_channel *c, const struct channel_notice *notice)
{
    unsigned char bytes[CHANNEL_NOTICE_SIZE];

    TRY(channel_notice_write(notice, &c->key, bytes));
    return c->calls->send(c->carrier, dw_str_n((const char *)bytes, sizeof(bytes)));
}

static enum dw_err send_all(struct change_channel *c)
{
    const int64_t now_ms = clock_monotonic_ms();
    enum dw_err err = DW_OK;
    size_t n, sent = 0;

    pthread_mutex_lock(&c->mutex);
    if (now_ms >= c->beat_at_ms) {
        c->beat_at_ms = now_ms + CHANNEL_BEAT_MS;
        enqueue(c, (struct channel_notice){ .kind = CHANNEL_BEAT });
    }
    n = c->n_queued;
    memcpy(c->sending, c->queue, n * sizeof(c->queue[0]));
    c->n_queued = 0;
    pthread_mutex_unlock(&c->mutex);

    while (sent < n && err == DW_OK) {
        err = send_one(c, &c->sending[sent]);
        sent += err == DW_OK;
    }
    pthread_mutex_lock(&c->mutex);
    c->n_sent += sent;
    c->n_dropped += n - sent;
    pthread_mutex_unlock(&c->mutex);
    return err;
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

/* Until there is something to receive or to send, or the time is over. */
static void wait_for(struct change_channel *c, int64_t timeout_ms)
{
    struct pollfd fds[1 + CHANNEL_FDS] = { { .fd = c->wake, .events = POLLIN } };
    int others[CHANNEL_FDS] = { -1, -1 };
    uint64_t count;

    if (c->trust.is_connected) /* only this thread changes it */
        c->calls->descriptors(c->carrier, others);
    for (size_t i = 0; i < CHANNEL_FDS; i++)
        fds[1 + i] = (struct pollfd){ .fd = others[i], .events = POLLIN };
    (void)poll(fds, ARRAY_SIZE(fds), (int)MAX_OF(timeout_ms, (int64_t)0));
    if (fds[0].revents != 0 && read(c->wake, &count, sizeof(count)) != sizeof(count))
        log_event(LOG_ERROR, "channel", LOG_CSTR("message", "its thread woke for nothing"));
}

static void lose(struct change_channel *c, const char *why)
{
    c->calls->disconnect(c->carrier);
    pthread_mutex_lock(&c->mutex);
    channel_trust_disconnected(&c->trust);
    renew(c);
    c->n_dropped += c->n_queued;
    c->n_queued = 0;
    pthread_mutex_unlock(&c->mutex);
    log_event(LOG_WARNING, "channel_lost", LOG_CSTR("reason", why));
    log_flush();
}

static bool be_connected(struct change_channel *c)
{
    const char *reason = NULL;

    if (c->trust.is_connected)
        return true;
    const enum dw_err err = c->calls->connect(c->carrier, c->name, &reason);

    if (err != DW_OK) {
        if (!c->has_failed)
            log_event(LOG_WARNING, "channel_away", LOG_CSTR("reason", reason), LOG_ERR(err));
        log_flush();
        c->has_failed = true;
        c->backoff_ms = c->backoff_ms == 0 ? BACKOFF_FIRST_MS : MIN_OF(2 * c->backoff_ms, (int64_t)BACKOFF_MAX_MS);
        return false;
    }
    c->has_failed = false;
    c->backoff_ms = 0;
    c->beat_at_ms = c->echo_ms = clock_monotonic_ms();
    pthread_mutex_lock(&c->mutex);
    channel_trust_connected(&c->trust, clock_monotonic_ms());
    pthread_mutex_unlock(&c->mutex);
    log_event(LOG_INFO, "channel_connected");
    log_flush();
    return true;
}

/* Whoever asks why requests wait for the database, or why not, reads it here. */
static void tell_trust(struct change_channel *c)
{
    const bool is_trusted = change_channel_is_trusted(c);
    struct change_channel_state state;

    if (is_trusted == c->was_trusted)
        return;
    c->was_trusted = is_trusted;
    change_channel_state(c, &state);
    log_event(LOG_INFO, "channel_trust", LOG_CSTR("is", is_trusted ? "on" : "off"),
              LOG_INT("peers", (int64_t)state.n_peers));
    log_flush();
}

static bool is_stopping(struct change_channel *c)
{
    pthread_mutex_lock(&c->mutex);
    const bool is = c->is_stopping;

    pthread_mutex_unlock(&c->mutex);
    return is;
}

/* One round on an open connection: what is due is sent, what comes in is heard. */
static void talk(struct change_channel *c)
{
    enum dw_err err = send_all(c);

    if (err == DW_OK) {
        wait_for(c, MIN_OF(c->beat_at_ms - clock_monotonic_ms(), (int64_t)CHANNEL_BEAT_MS));
        err = c->calls->receive(c->carrier, hear, c);
    }
    if (err != DW_OK)
        lose(c, "the connection broke");
    else if (clock_monotonic_ms() - c->echo_ms > ECHO_MAX_MS)
        lose(c, "what is sent does not come back");
}

static void say_goodbye(struct change_channel *c)
{
    const int64_t until_ms = clock_monotonic_ms() + GOODBYE_MAX_MS;

    c->beat_at_ms = INT64_MAX; /* a beat after it would make this node a peer again */
    pthread_mutex_lock(&c->mutex);
    enqueue(c, (struct channel_notice){ .kind = CHANNEL_GOODBYE });
    pthread_mutex_unlock(&c->mutex);
    while (c->trust.is_connected && !c->is_last_heard && clock_monotonic_ms() < until_ms)
        talk(c);
    if (c->trust.is_connected)
        c->calls->disconnect(c->carrier);
}

static void *run(void *argument)
{
    struct change_channel *c = argument;

    while (!is_stopping(c)) {
        if (be_connected(c))
            talk(c);
        else
            wait_for(c, c->backoff_ms);
        tell_trust(c);
    }
    say_goodbye(c);
    return NULL;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void free_parts(struct change_channel **channel)
{
    struct change_channel *c = *channel;

    if (c == NULL)
        return;
    if (c->wake >= 0)
        close(c->wake);
    c->calls->free(c->carrier);
    dw_secret_free(&c->key);
    pthread_mutex_destroy(&c->mutex);
    free(c);
    *channel = NULL;
}

/* Without its thread. */
static enum dw_err make(const struct change_channel_config *config, struct change_channel **ret_channel)
{
    struct change_channel *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        config->calls->free(config->take_carrier);
        return DW_ERR_NO_MEMORY;
    }
    _cleanup_(free_parts) struct change_channel *c = made;

    c->calls = config->calls;
    c->carrier = config->take_carrier;
    c->apply = config->apply;
    c->argument = config->argument;
    memcpy(c->name, config->name, sizeof(c->name));
    pthread_mutex_init(&c->mutex, NULL);
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    dw_random(&c->node, sizeof(c->node));
    atomic_init(&c->until_ms, CHANNEL_NEVER);
    channel_trust_init(&c->trust, c->node);
    TRY(dw_secret_copy(dw_secret_borrow(config->key), &c->key));
    if (c->wake < 0)
        return DW_ERR_NO_MEMORY;
    *ret_channel = TAKE_PTR(c);
    return DW_OK;
}

enum dw_err change_channel_new(const struct change_channel_config *config, struct change_channel **ret_channel)
{
    _cleanup_(free_parts) struct change_channel *c = NULL;

    TRY(make(config, &c));
    TRY(thread_start(run, c, &c->thread));
    *ret_channel = TAKE_PTR(c);
    return DW_OK;
}

void change_channel_free(struct change_channel **channel)
{
    struct change_channel *c = channel ? *channel : NULL;

    if (c == NULL)
        return;
    pthread_mutex_lock(&c->mutex);
    c->is_stopping = true;
    pthread_mutex_unlock(&c->mutex);
    wake(c);
    pthread_join(c->thread, NULL);
    free_parts(channel);
}

static void hear_echo(struct dw_str bytes, void *argument)
{
    struct change_channel *c = argument;
    struct channel_notice notice;

    if (channel_notice_read(bytes, &c->key, &notice) && notice.node == c->node)
        c->is_last_heard = true;
}

/* What came back was received by all. */
static enum dw_err tell_once(struct change_channel *c)
{
    const struct channel_notice notice = { .kind = CHANNEL_LOOK, .node = c->node, .serial = 1 };
    const int64_t until_ms = clock_monotonic_ms() + GOODBYE_MAX_MS;

    TRY(send_one(c, &notice));
    while (!c->is_last_heard) {
        if (clock_monotonic_ms() > until_ms)
            return DW_ERR_TIMEOUT;
        wait_for(c, GOODBYE_MAX_MS);
        TRY(c->calls->receive(c->carrier, hear_echo, c));
    }
    return DW_OK;
}

enum dw_err change_channel_tell_once(const struct change_channel_config *config)
{
    _cleanup_(free_parts) struct change_channel *c = NULL;
    const char *reason = NULL;

    TRY(make(config, &c));
    TRY(c->calls->connect(c->carrier, c->name, &reason));
    c->trust.is_connected = true;
    const enum dw_err err = tell_once(c);

    c->calls->disconnect(c->carrier);
    return err;
}
