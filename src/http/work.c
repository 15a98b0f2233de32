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

static void work_run(void *argument);

/* From a worker to the hashing lane, unless that is full. */
static enum http_verdict work_move(struct connection *c)
{
    const struct server *server = c->loop->server;

    c->lane = HTTP_TO_HASHING;
    if (pool_submit(server->hashing, work_run, c) == DW_OK)
        return HTTP_TO_HASHING;
    server->service->refuse(server->service->context, c->request, DW_ERR_BUSY);
    return HTTP_ANSWERED;
}

static enum http_verdict work_serve(struct connection *c)
{
    const struct http_service *service = c->loop->server->service;
    struct dw_request *r = c->request;

    r->may_block = true;
    r->may_hash = c->lane == HTTP_TO_HASHING;
    const enum http_verdict verdict = service->serve_waiting(service->context, r);

    if (verdict == HTTP_TO_HASHING)
        return work_move(c);
    r->may_block = r->may_hash = false;
    return verdict;
}

/* On a pool's thread. */
static void work_run(void *argument)
{
    struct connection *c = argument;
    struct server *server = c->loop->server;

    c->was_skipped = atomic_load(&server->stop_level) >= STOP_NOW;
    if (!c->was_skipped && work_serve(c) == HTTP_TO_HASHING)
        return; /* another thread has it */
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
