#include "cli/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "identity/api_key_use.h"
#include "identity/decoy.h"
#include "identity/audit.h"
#include "identity/node.h"
#include "identity/signing_key.h"
#include "shared/redis/channel.h"

struct keeper {
    struct identity *identity;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t change; /* of what follows, which the mutex guards; on the monotonic clock */
    bool is_stopping;
    bool is_woken; /* another node has told that it changed something */
};

struct chore {
    const char *name;
    enum dw_err (*run)(struct identity *identity);
    int64_t every_ms;
    bool at_start; /* also before anything else */
    bool at_end; /* once more when the server stops */
};

static enum dw_err tell_audit_head(struct identity *identity)
{
    struct audit_head head;

    TRY(audit_head_read(identity, &head));
    log_event(LOG_INFO, "audit_head", LOG_INT("seq", head.seq), LOG_CSTR("hash", head.hash));
    return DW_OK;
}

/* Whether the wall clock was set since the last time: what seems to have expired may not have. */
static bool clock_was_set(void)
{
    static _Thread_local int64_t last_ms = INT64_MIN;
    const int64_t offset_ms = clock_real_ms() - clock_boot_ms();
    const bool was_set = last_ms != INT64_MIN && llabs(offset_ms - last_ms) > (int64_t)KEEPER_CLOCK_STEP_S * 1000;

    last_ms = offset_ms;
    return was_set;
}

/* A denial that is removed because the clock is an hour ahead for a minute would let its token live again. */
static enum dw_err purge(struct identity *identity)
{
    if (!clock_was_set())
        return identity_purge(identity);
    log_event(LOG_WARNING, "clock_was_set", LOG_CSTR("message", "what has expired is removed at the next turn"));
    return DW_OK;
}

enum { WATCH }; /* its place in the table */

static const struct chore CHORES[] = {
    [WATCH] = { "watch", identity_watch, KEEPER_WATCH_MS },
    { "signing_keys", signing_key_keep, KEEPER_KEYS_MS },
    { "decoys", decoy_sample, (int64_t)DECOY_SAMPLE_S * 1000, .at_start = true },
    { "purge", purge, (int64_t)KEEPER_PURGE_S * 1000 },
    { "api_key_uses", api_key_write_uses, (int64_t)KEEPER_USES_S * 1000, .at_end = true },
    { "audit_head", tell_audit_head, (int64_t)KEEPER_AUDIT_HEAD_S * 1000, .at_end = true },
};

static const char *chore_names[ARRAY_SIZE(CHORES)];
static struct dw_metric CHORE_FAILURES = {
    .name = "doorward_chore_failures_total", .kind = DW_COUNTER, .help = "Chores that failed; each is tried again.",
    .labels = { { "chore", chore_names, ARRAY_SIZE(CHORES) } },
};
static struct dw_metric CHORE_FAILING = {
    .name = "doorward_chore_failing", .kind = DW_GAUGE, .help = "1: the chore failed the last time.",
    .labels = { { "chore", chore_names, ARRAY_SIZE(CHORES) } },
};

struct dw_metric *const *keeper_metrics(void)
{
    static struct dw_metric *const ROWS[] = { &CHORE_FAILURES, &CHORE_FAILING, NULL };

    for (size_t i = 0; i < ARRAY_SIZE(CHORES); i++)
        chore_names[i] = CHORES[i].name;
    return ROWS;
}

static void count_chore(const struct chore *chore, enum dw_err err, bool has_failed)
{
    const unsigned series = (unsigned)(chore - CHORES);

    metric_add(&CHORE_FAILURES, series, err != DW_OK);
    metric_add(&CHORE_FAILING, series, (err != DW_OK) - (int)has_failed);
}

static void run_chore(struct keeper *keeper, const struct chore *chore, bool *has_failed)
{
    const enum dw_err err = chore->run(keeper->identity);

    count_chore(chore, err, *has_failed);
    if (err != DW_OK && !*has_failed)
        log_event(LOG_WARNING, "chore_failed", LOG_CSTR("chore", chore->name), LOG_ERR(err));
    else if (err == DW_OK && *has_failed)
        log_event(LOG_INFO, "chore_recovered", LOG_CSTR("chore", chore->name));
    *has_failed = err != DW_OK;
    log_flush();
}

/* Not of the coarse clock: what waits until then must not find that it is still before. */
static int64_t now_fine_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

enum turn { TURN_END, TURN_WOKEN, TURN_ALL };

/* All chores' turn is at `turn_ms`; when woken, a look alone, not before `look_ms`. */
static enum turn wait_for_turn(struct keeper *keeper, int64_t turn_ms, int64_t look_ms)
{
    enum turn turn = TURN_ALL;

    pthread_mutex_lock(&keeper->mutex);
    for (;;) {
        const int64_t now_ms = now_fine_ms();
        const struct timespec until = thread_deadline(keeper->is_woken ? MIN_OF(look_ms, turn_ms) : turn_ms);

        if (keeper->is_stopping)
            turn = TURN_END;
        else if (now_ms < turn_ms && keeper->is_woken && now_ms >= look_ms)
            turn = TURN_WOKEN;
        if (turn != TURN_ALL || now_ms >= turn_ms)
            break;
        pthread_cond_timedwait(&keeper->change, &keeper->mutex, &until);
    }
    keeper->is_woken = false; /* before the look: what is told from now on asks for another */
    pthread_mutex_unlock(&keeper->mutex);
    return turn;
}

/* When to look again at the earliest: looks may take a tenth of the time, and come fifty times a second. */
static int64_t look_after(int64_t begun_ms)
{
    const int64_t now_ms = now_fine_ms();

    return now_ms + MAX_OF((int64_t)KEEPER_REST_MS, 9 * (now_ms - begun_ms));
}

static void *keep(void *argument)
{
    struct keeper *keeper = argument;
    bool has_failed[ARRAY_SIZE(CHORES)] = { false };
    int64_t turn_ms, begun_ms = 0, number = 0;

    for (size_t i = 0; i < ARRAY_SIZE(CHORES); i++)
        if (CHORES[i].at_start)
            run_chore(keeper, &CHORES[i], &has_failed[i]);
    (void)clock_was_set();
    turn_ms = now_fine_ms() + KEEPER_WATCH_MS;
    for (int64_t look_ms = 0;; look_ms = look_after(begun_ms)) {
        const enum turn turn = wait_for_turn(keeper, turn_ms, look_ms);

        begun_ms = now_fine_ms();
        if (turn == TURN_END)
            return NULL;
        run_chore(keeper, &CHORES[WATCH], &has_failed[WATCH]);
        if (turn == TURN_WOKEN)
            continue;
        number++;
        for (size_t i = WATCH + 1; i < ARRAY_SIZE(CHORES); i++) {
            if (number % (CHORES[i].every_ms / KEEPER_WATCH_MS) == 0)
                run_chore(keeper, &CHORES[i], &has_failed[i]);
        }
        turn_ms = now_fine_ms() + KEEPER_WATCH_MS; /* a slow chore is not made up for */
    }
}

void keeper_wake(void *argument)
{
    struct keeper *keeper = argument;

    pthread_mutex_lock(&keeper->mutex);
    keeper->is_woken = true;
    pthread_cond_signal(&keeper->change);
    pthread_mutex_unlock(&keeper->mutex);
}

static void keeper_free(struct keeper **keeper)
{
    if (*keeper == NULL)
        return;
    pthread_cond_destroy(&(*keeper)->change);
    pthread_mutex_destroy(&(*keeper)->mutex);
    free(*keeper);
    *keeper = NULL;
}

/* What the database's own notification tells is known already while the channel is trusted. */
static void hear_notification(void *argument)
{
    const struct keeper *keeper = argument;

    if (!identity_is_told(keeper->identity))
        keeper_wake(argument);
}

static enum dw_err join(struct keeper *keeper, struct redis *redis)
{
    void *carrier = NULL;

    if (redis == NULL || !storage_is_shared(keeper->identity->storage))
        return DW_OK;
    TRY(redis_carrier_new(redis, &carrier));
    return identity_join(keeper->identity, &REDIS_CHANNEL, carrier, redis_name(redis), keeper_wake, keeper);
}

enum dw_err keeper_start(struct identity *identity, struct redis *redis, struct keeper **ret_keeper)
{
    _cleanup_(keeper_free) struct keeper *keeper = calloc(1, sizeof(*keeper));

    if (keeper == NULL)
        return DW_ERR_NO_MEMORY;
    keeper->identity = identity;
    pthread_mutex_init(&keeper->mutex, NULL);
    thread_condition_init(&keeper->change);
    enum dw_err err = join(keeper, redis); /* before others look at what it sets */

    if (err == DW_OK)
        err = storage_listen(identity->storage, hear_notification, keeper);
    if (err == DW_OK)
        err = thread_start(keep, keeper, &keeper->thread);
    if (err != DW_OK) {
        storage_unlisten(identity->storage);
        identity_leave(identity);
        return err;
    }
    *ret_keeper = TAKE_PTR(keeper);
    return DW_OK;
}

void keeper_stop(struct keeper **keeper)
{
    struct keeper *k = *keeper;

    if (k == NULL)
        return;
    storage_unlisten(k->identity->storage);
    pthread_mutex_lock(&k->mutex);
    k->is_stopping = true;
    pthread_cond_signal(&k->change);
    pthread_mutex_unlock(&k->mutex);
    pthread_join(k->thread, NULL);
    identity_leave(k->identity);
    for (size_t i = 0; i < ARRAY_SIZE(CHORES); i++)
        if (CHORES[i].at_end)
            run_chore(k, &CHORES[i], &(bool){ false });
    keeper_free(keeper);
}
