#include "http/work.h"

enum { WORKER_IDLE_S = 60 };

enum dw_err work_open(struct server *server)
{
    const struct dw_server_config *config = &server->config;
    const struct pool_config workers = { "dw-worker", config->workers, config->worker_queue, WORKER_IDLE_S };
    const struct pool_config hashing = { "dw-hashing", config->hashing_workers, config->hashing_queue, WORKER_IDLE_S };

    TRY(pool_new(&workers, &server->workers));
    return pool_new(&hashing, &server->hashing);
}

void work_close(struct server *server)
{
    pool_free(&server->workers);
    pool_free(&server->hashing);
}

/* Gives the connection back. The loop sleeps only when the list was empty, so only then is it woken. */
static void work_give_back(struct connection *c)
{
    struct loop *loop = c->loop;
    struct connection *first = atomic_load_explicit(&loop->done, memory_order_relaxed);

    do {
        c->next_done = first;
    } while (!atomic_compare_exchange_weak_explicit(&loop->done, &first, c, memory_order_release,
                                                    memory_order_relaxed));
    if (first == NULL)
        uv_async_send(&loop->wake);
}

/* On a worker thread. */
static void work_run(void *argument)
{
    struct connection *c = argument;
    struct server *server = c->loop->server;

    c->was_skipped = atomic_load(&server->stop_level) >= STOP_NOW;
    if (!c->was_skipped) {
        c->request->may_block = true;
        server->service->serve_waiting(server->service->context, c->request);
        c->request->may_block = false;
    }
    work_give_back(c);
}

enum dw_err work_submit(struct connection *c)
{
    const struct server *server = c->loop->server;

    return pool_submit(c->lane == HTTP_TO_HASHING ? server->hashing : server->workers, work_run, c);
}

void work_collect(struct loop *loop)
{
    struct connection *newest = atomic_exchange_explicit(&loop->done, NULL, memory_order_acquire);
    struct connection *oldest = NULL;

    while (newest != NULL) {
        struct connection *c = newest;
        newest = c->next_done;
        c->next_done = oldest;
        oldest = c;
    }
    while (oldest != NULL) {
        struct connection *c = oldest;
        oldest = c->next_done;
        if (exchange_worked(c))
            connection_go_on(c);
    }
}
