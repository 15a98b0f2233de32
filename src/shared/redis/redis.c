#include "shared/redis/redis.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "crypto/hash.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { MS_IN_S = 1000, NS_IN_MS = 1000000, ID_BYTES = 8, PROBE_SIZE = REDIS_NAME_SIZE + 8 };

/* What a server must be able to do before it counts as there: run scripts and write. */
#define PROBE "return redis.call('SET', KEYS[1], '1', 'PX', 1000)"

struct redis {
    const struct hiredis *h;
    struct redis_address address;
    struct dw_secret key;
    int64_t timeout_ms;
    char name[REDIS_NAME_SIZE];
    char label[REDIS_LABEL_SIZE];
    pthread_t keeper;
    bool has_keeper;

    pthread_mutex_t mutex;    /* guards what follows */
    pthread_cond_t changed;   /* for calls: a connection is idle, or all is lost; for redis_open(): the first attempt */
    pthread_cond_t wanted;    /* for the keeper: something is to be done */
    bool is_stopping, has_tried, is_connected, is_more_wanted;
    uint64_t generation;      /* of connections: those of an older one are dead */
    struct redis_connection *idle; /* last used first */
    unsigned n_open;
    int64_t retry_at_ms;      /* when lost: not before then; on the monotonic clock, as lost_at_ms */
    int64_t backoff_ms;       /* before the try after the next; 0 once a call has been answered */
    int64_t since_s, lost_at_ms;
    uint64_t n_calls, n_failures, n_losses;
};

/* --- waiting, with the mutex held --------------------------------------------------------------------------------- */

/* False when it is `at_ms`. */
static bool wait_until(struct redis *r, pthread_cond_t *condition, int64_t at_ms)
{
    const struct timespec at = { .tv_sec = at_ms / MS_IN_S, .tv_nsec = at_ms % MS_IN_S * NS_IN_MS };

    return pthread_cond_timedwait(condition, &r->mutex, &at) == 0;
}

/* With the mutex held: when to try next, at once after a call that was answered, then ever later. */
static void put_off(struct redis *r)
{
    r->retry_at_ms = clock_monotonic_ms() + r->backoff_ms;
    r->backoff_ms = r->backoff_ms == 0 ? REDIS_BACKOFF_FIRST_MS
                                       : MIN_OF(2 * r->backoff_ms, (int64_t)REDIS_BACKOFF_MAX_MS);
}

/* --- gone and there ----------------------------------------------------------------------------------------------- */

static void tell_lost(const struct redis *r, const char *reason)
{
    log_event(LOG_WARNING, "redis_lost", LOG_CSTR("server", r->label), LOG_CSTR("reason", reason),
              LOG_CSTR("message", "until it is back each node counts rate limits by itself"));
}

/* Takes all idle connections away and forgets those in use. With the mutex held; the caller closes what it gets. */
static struct redis_connection *abandon(struct redis *r)
{
    struct redis_connection *idle = TAKE_PTR(r->idle);

    r->generation++;
    r->n_open = 0;
    r->is_more_wanted = false;
    return idle;
}

static void close_all(struct redis_connection *list)
{
    while (list != NULL) {
        struct redis_connection *c = list;

        list = c->next;
        redis_disconnect(&c);
    }
}

/* The connection failed. The first of its generation to fail is the loss; its reason is told. */
static void lose(struct redis *r, struct redis_connection *take_connection)
{
    struct redis_connection *idle = NULL;

    pthread_mutex_lock(&r->mutex);
    const bool is_first = r->is_connected && take_connection->generation == r->generation;

    if (is_first) {
        idle = abandon(r);
        r->is_connected = false;
        r->since_s = dw_clock_now_s();
        r->lost_at_ms = clock_monotonic_ms();
        r->n_losses++;
        put_off(r);
        pthread_cond_broadcast(&r->changed);
        pthread_cond_signal(&r->wanted);
    }
    pthread_mutex_unlock(&r->mutex);
    if (is_first)
        tell_lost(r, take_connection->reason);
    redis_disconnect(&take_connection);
    close_all(idle);
}

static void give(struct redis *r, struct redis_connection *take_connection)
{
    struct redis_connection *dead = NULL;

    pthread_mutex_lock(&r->mutex);
    if (take_connection->generation == r->generation) {
        take_connection->next = r->idle;
        r->idle = take_connection;
        pthread_cond_signal(&r->changed);
    } else {
        dead = take_connection;
    }
    pthread_mutex_unlock(&r->mutex);
    redis_disconnect(&dead);
}

/* --- a call ------------------------------------------------------------------------------------------------------- */

/* An idle connection; the keeper is asked for another one when there is none. */
static enum dw_err take(struct redis *r, int64_t deadline_ms, struct redis_connection **ret_connection)
{
    bool is_in_time = true;

    pthread_mutex_lock(&r->mutex);
    while (r->is_connected && r->idle == NULL && is_in_time) {
        r->is_more_wanted = r->n_open < REDIS_CONNECTIONS_MAX;
        if (r->is_more_wanted)
            pthread_cond_signal(&r->wanted);
        is_in_time = wait_until(r, &r->changed, deadline_ms);
    }
    struct redis_connection *c = r->is_connected ? r->idle : NULL;
    if (c != NULL)
        r->idle = c->next;
    else
        r->n_failures++;
    pthread_mutex_unlock(&r->mutex);
    if (c == NULL)
        return DW_ERR_UNAVAILABLE;
    *ret_connection = c;
    return DW_OK;
}

static void note_outcome(struct redis *r, bool was_answered)
{
    pthread_mutex_lock(&r->mutex);
    if (was_answered) {
        r->n_calls++;
        r->backoff_ms = 0;
    } else {
        r->n_failures++;
    }
    pthread_mutex_unlock(&r->mutex);
}

enum dw_err redis_call(struct redis *r, const struct dw_str *words, size_t n_words,
                       enum dw_err (*read)(const redisReply *reply, void *argument), void *argument)
{
    const int64_t deadline_ms = clock_monotonic_ms() + r->timeout_ms;
    _cleanup_reply_ redisReply *reply = NULL;
    struct redis_connection *c;

    TRY(take(r, deadline_ms, &c));
    const enum dw_err err = redis_ask(c, words, n_words, deadline_ms, &reply);
    const bool is_servers = err == DW_ERR_UNAVAILABLE || err == DW_ERR_DATABASE;

    note_outcome(r, !is_servers);
    if (is_servers) {
        lose(r, c);
        return DW_ERR_UNAVAILABLE;
    }
    give(r, c);
    TRY(err);
    return read == NULL ? DW_OK : read(reply, argument);
}

enum dw_err redis_subscriber(struct redis *r, struct redis_connection **ret_connection,
                             char ret_reason[REDIS_REASON_SIZE])
{
    return redis_connect(r->h, &r->address, r->timeout_ms, ret_connection, ret_reason);
}

/* --- the keeper --------------------------------------------------------------------------------------------------- */

static enum dw_err probe(struct redis *r, struct redis_connection *c)
{
    _cleanup_reply_ redisReply *reply = NULL;
    char key[PROBE_SIZE];

    snprintf(key, sizeof(key), "%s:probe", r->name);
    return redis_ask(c, REDIS_COMMAND(DW_STR("EVAL"), DW_STR(PROBE), DW_STR("1"), dw_str(key)),
                     clock_monotonic_ms() + r->timeout_ms, &reply);
}

static enum dw_err connect_and_probe(struct redis *r, struct redis_connection **ret_connection,
                                     char ret_reason[REDIS_REASON_SIZE])
{
    _cleanup_(redis_disconnect) struct redis_connection *c = NULL;

    TRY(redis_connect(r->h, &r->address, r->timeout_ms, &c, ret_reason));
    const enum dw_err err = probe(r, c);
    if (err != DW_OK)
        snprintf(ret_reason, REDIS_REASON_SIZE, "%s", c->reason);
    TRY(err);
    *ret_connection = TAKE_PTR(c);
    return DW_OK;
}

/* The mutex is held before and after, as in all that the keeper does, but not while it waits for the network. */
static void find_again(struct redis *r)
{
    struct redis_connection *c = NULL;
    char reason[REDIS_REASON_SIZE];

    pthread_mutex_unlock(&r->mutex);
    const enum dw_err err = connect_and_probe(r, &c, reason);
    if (err == DW_OK)
        log_event(LOG_INFO, "redis_connected", LOG_CSTR("server", r->label),
                  LOG_INT("away_ms", r->has_tried ? clock_monotonic_ms() - r->lost_at_ms : 0));
    else if (!r->has_tried) /* the keeper alone writes it */
        tell_lost(r, reason);
    log_flush();
    pthread_mutex_lock(&r->mutex);
    if (err == DW_OK) {
        c->generation = r->generation;
        r->idle = c;
        r->n_open = 1;
        r->is_connected = true;
        r->since_s = dw_clock_now_s();
    } else {
        put_off(r);
    }
    r->has_tried = true;
    pthread_cond_broadcast(&r->changed);
}

static void open_another(struct redis *r)
{
    const uint64_t generation = r->generation;
    struct redis_connection *c = NULL;
    char reason[REDIS_REASON_SIZE];

    r->is_more_wanted = false;
    r->n_open++;
    pthread_mutex_unlock(&r->mutex);
    const enum dw_err err = redis_connect(r->h, &r->address, r->timeout_ms, &c, reason);
    if (err == DW_OK) {
        c->generation = generation;
        give(r, c);
    }
    pthread_mutex_lock(&r->mutex);
    if (err != DW_OK && generation == r->generation)
        r->n_open--; /* those that are there go on; if the server is gone they will tell */
}

/* The idle connection that has not been used for longest. */
static struct redis_connection *take_last(struct redis *r)
{
    struct redis_connection **at = &r->idle;

    while (*at != NULL && (*at)->next != NULL)
        at = &(*at)->next;
    return TAKE_PTR(*at);
}

/* So that a loss is known before a request finds out, and a server's time-out for idle clients does not strike. */
static void look(struct redis *r)
{
    struct redis_connection *c = take_last(r);
    _cleanup_reply_ redisReply *reply = NULL;

    if (c == NULL)
        return;
    pthread_mutex_unlock(&r->mutex);
    const enum dw_err err = redis_ask(c, REDIS_COMMAND(DW_STR("PING")), clock_monotonic_ms() + r->timeout_ms, &reply);
    if (err == DW_OK)
        give(r, c);
    else
        lose(r, c);
    log_flush();
    pthread_mutex_lock(&r->mutex);
}

static void *keep(void *argument)
{
    struct redis *r = argument;

    pthread_mutex_lock(&r->mutex);
    while (!r->is_stopping) {
        if (!r->is_connected && clock_monotonic_ms() < r->retry_at_ms)
            (void)wait_until(r, &r->wanted, r->retry_at_ms);
        else if (!r->is_connected)
            find_again(r);
        else if (r->is_more_wanted)
            open_another(r);
        else if (!wait_until(r, &r->wanted, clock_monotonic_ms() + REDIS_LOOK_MS) && r->is_connected)
            look(r);
    }
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */

/* The server's threads take the signals: this one lets them pass. */
static enum dw_err start_keeper(struct redis *r)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r->has_keeper = pthread_create(&r->keeper, NULL, keep, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r->has_keeper ? DW_OK : DW_ERR_NO_MEMORY;
}

static void init_locks(struct redis *r)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&r->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &monotonic);
    pthread_cond_init(&r->wanted, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static enum dw_err make_name(struct redis *r)
{
    unsigned char mac[SHA256_SIZE];
    char id[2 * ID_BYTES + 1] = "";

    TRY(hmac_sha256(&r->key, DW_STR("name"), mac));
    id[hex_encode(dw_str_n(mac, ID_BYTES), id)] = '\0';
    snprintf(r->name, sizeof(r->name), "doorward:%s", id);
    return DW_OK;
}

enum dw_err redis_open(const struct redis_config *config, struct redis **ret_redis)
{
    const struct hiredis *h = hiredis_load();
    _cleanup_(redis_close) struct redis *r = NULL;
    bool is_in_time = true;

    if (h == NULL)
        return DW_ERR_UNSUPPORTED;
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        return DW_ERR_NO_MEMORY;
    r->h = h;
    r->timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : (int64_t)config->address->timeout_ms;
    if (r->timeout_ms == 0)
        r->timeout_ms = REDIS_TIMEOUT_MS;
    r->since_s = dw_clock_now_s();
    r->lost_at_ms = clock_monotonic_ms();
    init_locks(r);
    TRY(redis_address_copy(config->address, &r->address));
    redis_address_label(&r->address, r->label);
    TRY(dw_secret_copy(dw_secret_borrow(config->key), &r->key));
    TRY(make_name(r));
    TRY(start_keeper(r));
    pthread_mutex_lock(&r->mutex);
    for (const int64_t until_ms = clock_monotonic_ms() + 2 * r->timeout_ms; !r->has_tried && is_in_time;)
        is_in_time = wait_until(r, &r->changed, until_ms);
    pthread_mutex_unlock(&r->mutex);
    *ret_redis = TAKE_PTR(r);
    return DW_OK;
}

void redis_close(struct redis **redis)
{
    struct redis *r = *redis;

    if (r == NULL)
        return;
    if (r->has_keeper) {
        pthread_mutex_lock(&r->mutex);
        r->is_stopping = true;
        pthread_cond_signal(&r->wanted);
        pthread_mutex_unlock(&r->mutex);
        pthread_join(r->keeper, NULL);
    }
    close_all(r->idle);
    pthread_cond_destroy(&r->wanted);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->mutex);
    redis_address_free(&r->address);
    dw_secret_free(&r->key);
    free(r);
    *redis = NULL;
}

/* --- asking about it ---------------------------------------------------------------------------------------------- */

const char *redis_name(const struct redis *r)
{
    return r->name;
}

const struct dw_secret *redis_key(const struct redis *r)
{
    return &r->key;
}

void redis_state(struct redis *r, struct redis_state *ret_state)
{
    pthread_mutex_lock(&r->mutex);
    *ret_state = (struct redis_state){
        .is_connected = r->is_connected,
        .since_s = r->since_s,
        .n_open = r->n_open,
        .n_calls = r->n_calls,
        .n_failures = r->n_failures,
        .n_losses = r->n_losses,
    };
    pthread_mutex_unlock(&r->mutex);
}
