#include "cli/metrics_listener.h"

#include "base/log.h"
#include "base/thread.h"
#include "cli/settings.h"

enum { CONNECTIONS_MAX = 64, BODY_MAX = 1024, STOP_DEADLINE_S = 2 };

enum stage { STARTING, LISTENING, ENDED };

struct metrics_listener {
    struct dw_app *app;
    const char *address;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* of what follows, which the mutex guards */
    enum stage stage;
    enum dw_err err; /* why it has ended */
};

static void enter(struct metrics_listener *l, enum stage stage, enum dw_err err)
{
    pthread_mutex_lock(&l->mutex);
    l->stage = stage;
    l->err = err;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

static void on_listening(void *argument, const char *address)
{
    log_event(LOG_INFO, "metrics_listening", LOG_CSTR("address", address));
    enter(argument, LISTENING, DW_OK);
}

/* Little work and few who ask: one loop, and a thread or two for /readyz, which asks the database. */
static void *run(void *argument)
{
    struct metrics_listener *l = argument;
    const struct dw_server_config config = {
        .listen = l->address,
        .loops = 1,
        .workers = 2,
        .worker_queue = CONNECTIONS_MAX,
        .hashing_workers = 1,
        .hashing_queue = 1,
        .max_connections = CONNECTIONS_MAX,
        .max_body = BODY_MAX,
        .stop_deadline_s = STOP_DEADLINE_S,
        .ignores_signals = true,
        .on_ready = on_listening,
        .on_ready_argument = l,
    };

    enter(l, ENDED, dw_serve(l->app, &config));
    return NULL;
}

static void listener_free(struct metrics_listener **listener)
{
    if (*listener == NULL)
        return;
    pthread_cond_destroy(&(*listener)->changed);
    pthread_mutex_destroy(&(*listener)->mutex);
    free(*listener);
    *listener = NULL;
}

static enum dw_err refuse(struct cli *cli, const struct metrics_listener *l)
{
    const char *setting = SETTINGS_PREFIX "METRICS_LISTEN";

    if (l->err == DW_ERR_SETTING)
        return cli_refuse(cli, l->err, "%s: \"%s\" is no address to listen on", setting, l->address);
    if (l->err == DW_ERR_IO)
        return cli_refuse(cli, l->err, "%s: can't listen on %s: it is in use, or not allowed, or not an address of "
                                       "this machine", setting, l->address);
    return l->err;
}

enum dw_err metrics_listener_start(struct cli *cli, struct dw_app *app, struct metrics_listener **ret_listener)
{
    _cleanup_(listener_free) struct metrics_listener *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return DW_ERR_NO_MEMORY;
    l->app = app;
    l->address = cli->settings->metrics_listen;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    TRY(thread_start(run, l, &l->thread));
    pthread_mutex_lock(&l->mutex);
    while (l->stage == STARTING)
        pthread_cond_wait(&l->changed, &l->mutex);
    const bool has_ended = l->stage == ENDED;
    pthread_mutex_unlock(&l->mutex);
    if (has_ended) {
        pthread_join(l->thread, NULL);
        return refuse(cli, l);
    }
    *ret_listener = TAKE_PTR(l);
    return DW_OK;
}

void metrics_listener_stop(struct metrics_listener **listener)
{
    if (*listener == NULL)
        return;
    dw_serve_stop(); /* nothing else serves any more */
    pthread_join((*listener)->thread, NULL);
    listener_free(listener);
}
