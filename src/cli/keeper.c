#include "cli/keeper.h"

#include "base/log.h"
#include "identity/api_key_use.h"
#include "identity/decoy.h"
#include "identity/audit.h"
#include "identity/signing_key.h"

#include <signal.h>
#include <time.h>

struct keeper {
    struct identity *identity;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t stopping; /* on the monotonic clock */
    bool is_stopping;        /* under the mutex */
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

static const struct chore CHORES[] = {
    { "watch", identity_watch, KEEPER_WATCH_MS },
    { "signing_keys", signing_key_keep, KEEPER_KEYS_MS },
    { "decoys", decoy_sample, (int64_t)DECOY_SAMPLE_S * 1000, .at_start = true },
    { "purge", identity_purge, (int64_t)KEEPER_PURGE_S * 1000 },
    { "api_key_uses", api_key_write_uses, (int64_t)KEEPER_USES_S * 1000, .at_end = true },
    { "audit_head", tell_audit_head, (int64_t)KEEPER_AUDIT_HEAD_S * 1000, .at_end = true },
};

static void run_chore(struct keeper *keeper, const struct chore *chore, bool *has_failed)
{
    const enum dw_err err = chore->run(keeper->identity);

    if (err != DW_OK && !*has_failed)
        log_event(LOG_WARNING, "chore_failed", LOG_CSTR("chore", chore->name), LOG_ERR(err));
    else if (err == DW_OK && *has_failed)
        log_event(LOG_INFO, "chore_recovered", LOG_CSTR("chore", chore->name));
    *has_failed = err != DW_OK;
    log_flush();
}

static struct timespec after_ms(struct timespec t, int64_t ms)
{
    const int64_t ns = t.tv_nsec + ms % 1000 * 1000000;

    return (struct timespec){ .tv_sec = t.tv_sec + ms / 1000 + ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

/* False when it is time to end. */
static bool wait_until(struct keeper *keeper, const struct timespec *until)
{
    int waited = 0;

    pthread_mutex_lock(&keeper->mutex);
    while (!keeper->is_stopping && waited == 0)
        waited = pthread_cond_timedwait(&keeper->stopping, &keeper->mutex, until);
    const bool goes_on = !keeper->is_stopping;
    pthread_mutex_unlock(&keeper->mutex);
    return goes_on;
}

static void *keep(void *argument)
{
    struct keeper *keeper = argument;
    bool has_failed[ARRAY_SIZE(CHORES)] = { false };
    struct timespec now;

    for (size_t i = 0; i < ARRAY_SIZE(CHORES); i++)
        if (CHORES[i].at_start)
            run_chore(keeper, &CHORES[i], &has_failed[i]);
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (int64_t turn = 1;; turn++) {
        now = after_ms(now, KEEPER_WATCH_MS);
        if (!wait_until(keeper, &now))
            return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(CHORES); i++) {
            if (turn % (CHORES[i].every_ms / KEEPER_WATCH_MS) == 0)
                run_chore(keeper, &CHORES[i], &has_failed[i]);
        }
        clock_gettime(CLOCK_MONOTONIC, &now); /* a slow chore is not made up for */
    }
}

/* The server's threads take the signals: this one lets them pass. */
static int start_thread(struct keeper *keeper)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&keeper->thread, NULL, keep, keeper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum dw_err keeper_start(struct identity *identity, struct keeper **ret_keeper)
{
    _cleanup_free_ struct keeper *keeper = calloc(1, sizeof(*keeper));
    pthread_condattr_t monotonic;

    if (keeper == NULL)
        return DW_ERR_NO_MEMORY;
    keeper->identity = identity;
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->stopping, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start_thread(keeper) != 0)
        return DW_ERR_NO_MEMORY;
    *ret_keeper = TAKE_PTR(keeper);
    return DW_OK;
}

void keeper_stop(struct keeper **keeper)
{
    struct keeper *k = *keeper;

    if (k == NULL)
        return;
    pthread_mutex_lock(&k->mutex);
    k->is_stopping = true;
    pthread_cond_signal(&k->stopping);
    pthread_mutex_unlock(&k->mutex);
    pthread_join(k->thread, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(CHORES); i++)
        if (CHORES[i].at_end)
            run_chore(k, &CHORES[i], &(bool){ false });
    pthread_cond_destroy(&k->stopping);
    pthread_mutex_destroy(&k->mutex);
    free(k);
    *keeper = NULL;
}
