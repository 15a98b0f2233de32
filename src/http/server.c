#include "http/loop.h"
#include "http/work.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LOOP_STACK_BYTES = 1 << 20, SPARE_DESCRIPTORS = 512 };

#define DEFAULT_MEMBER(config, member, value)                                                                          \
    do {                                                                                                               \
        if ((config).member == 0)                                                                                      \
            (config).member = (value);                                                                                 \
    } while (0)

struct dw_server_config server_config_complete(const struct dw_server_config *config)
{
    const unsigned cores = uv_available_parallelism();
    struct dw_server_config complete = *config;

    DEFAULT_MEMBER(complete, listen, "127.0.0.1:8080");
    DEFAULT_MEMBER(complete, loops, cores);
    DEFAULT_MEMBER(complete, workers, 64);
    DEFAULT_MEMBER(complete, worker_queue, 1024);
    DEFAULT_MEMBER(complete, hashing_workers, 2 * cores + 2);
    DEFAULT_MEMBER(complete, hashing_queue, 256);
    DEFAULT_MEMBER(complete, max_connections, 20000);
    DEFAULT_MEMBER(complete, max_request_line, 8192);
    DEFAULT_MEMBER(complete, max_header_bytes, 32768);
    DEFAULT_MEMBER(complete, max_headers, HTTP_MAX_HEADERS);
    DEFAULT_MEMBER(complete, max_body, 1 << 20);
    DEFAULT_MEMBER(complete, header_deadline_s, 10);
    DEFAULT_MEMBER(complete, body_deadline_s, 30);
    DEFAULT_MEMBER(complete, idle_s, 75);
    DEFAULT_MEMBER(complete, write_deadline_s, 30);
    DEFAULT_MEMBER(complete, stop_deadline_s, 10);
    DEFAULT_MEMBER(complete, heartbeat_ms, 1000);
    complete.max_headers = MIN_OF(complete.max_headers, (unsigned)HTTP_MAX_HEADERS);
    return complete;
}

/* --- stopping --------------------------------------------------------------------------------------------------- */

static void server_stop(struct server *server, enum stop_level level)
{
    atomic_store(&server->stop_level, level);
    if (level == STOP_NOW)
        stop_watch_release_signals(&server->stop_watch);
    for (unsigned i = 0; i < server->n_loops; i++)
        uv_async_send(&server->loops[i].wake);
}

static void on_stop_delay(uv_timer_t *timer)
{
    struct server *server = timer->data;

    if (atomic_load(&server->stop_level) < STOP_GENTLY)
        server_stop(server, STOP_GENTLY);
}

/* Balancers need a moment to see that this node is no longer ready: until then what they send is served. */
static void server_stop_soon(struct server *server)
{
    server->stop_delay.data = server;
    if (uv_timer_init(&server->loops[0].uv, &server->stop_delay) != 0 ||
        uv_timer_start(&server->stop_delay, on_stop_delay, (uint64_t)server->config.stop_delay_s * 1000, 0) != 0)
        server_stop(server, STOP_GENTLY);
    else
        server_stop(server, STOP_SOON);
}

/* On the first loop's thread: the first time gently, the second time now. */
static void on_stop(void *argument)
{
    struct server *server = argument;
    const int level = atomic_load(&server->stop_level);

    if (level == STOP_NONE && server->config.on_stop != NULL)
        server->config.on_stop(server->config.on_stop_argument);
    if (level == STOP_NONE && server->config.stop_delay_s > 0)
        server_stop_soon(server);
    else if (level < STOP_NOW)
        server_stop(server, level == STOP_NONE ? STOP_GENTLY : STOP_NOW);
}

/* --- starting --------------------------------------------------------------------------------------------------- */

/* Every connection needs a descriptor; the usual soft limit of 1024 would end it early. */
static void server_raise_descriptors(struct server *server)
{
    const rlim_t wanted = (rlim_t)server->config.max_connections + SPARE_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = MIN_OF(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    /* With less than was wanted, the rest of the process gets a fair share: a file that can't be opened is a 500. */
    const rlim_t spare = MIN_OF((rlim_t)SPARE_DESCRIPTORS, limit.rlim_cur / 2);
    server->config.max_connections = (unsigned)MIN_OF((rlim_t)server->config.max_connections, limit.rlim_cur - spare);
}

/* One socket for all loops: each listens on a descriptor of its own, and the kernel gives a connection to whoever is
 * first. It stays open when they stop, so that connections wait there for the next process. */
static enum dw_err server_open_passed(struct server *server)
{
    const int passed = server->config.listen_fd;

    TRY(address_of_listener(passed, &server->address));
    for (unsigned i = 0; i < server->n_loops; i++) {
        const int fd = fcntl(passed, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return DW_ERR_IO;
        TRY(loop_open(&server->loops[i], server, fd));
    }
    return DW_OK;
}

/* A socket for each loop. SO_REUSEPORT would also let in another process that uses it, so the address is first bound
 * without: that fails when anybody has it. */
static enum dw_err server_open_loops(struct server *server)
{
    _cleanup_close_ int only = -1;

    TRY(address_parse(server->config.listen, &server->address));
    TRY(address_bind(&server->address, false, &only));
    if (server->n_loops == 1) {
        const int fd = only;
        only = -1;
        return loop_open(&server->loops[0], server, fd);
    }
    close(only);
    only = -1;
    for (unsigned i = 0; i < server->n_loops; i++) {
        int fd = -1;
        TRY(address_bind(&server->address, true, &fd));
        TRY(loop_open(&server->loops[i], server, fd));
    }
    return DW_OK;
}

static void on_hangup(uv_signal_t *signal, int number)
{
    const struct server *server = signal->data;

    server->config.on_reload(server->config.on_ready_argument);
}

static enum dw_err server_watch_hangup(struct server *server)
{
    if (server->config.on_reload == NULL)
        return DW_OK;
    server->hangup.data = server;
    return uv_signal_init(&server->loops[0].uv, &server->hangup) == 0 &&
                   uv_signal_start(&server->hangup, on_hangup, SIGHUP) == 0
               ? DW_OK
               : DW_ERR_IO;
}

static void loop_thread(void *loop)
{
    loop_run(loop);
}

/* The first loop runs here, the others on threads of their own; all have finished when this returns. */
static enum dw_err server_run(struct server *server)
{
    const uv_thread_options_t options = { .flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = LOOP_STACK_BYTES };
    unsigned n_threads = 0;
    enum dw_err err = DW_OK;

    atomic_store(&server->n_running, server->n_loops);
    while (n_threads + 1 < server->n_loops && err == DW_OK) {
        struct loop *loop = &server->loops[n_threads + 1];
        if (uv_thread_create_ex(&loop->thread, &options, loop_thread, loop) == 0)
            n_threads++;
        else
            err = DW_ERR_NO_MEMORY;
    }
    if (err != DW_OK) {
        atomic_fetch_sub(&server->n_running, server->n_loops - 1 - n_threads);
        server_stop(server, STOP_GENTLY);
    } else if (server->config.on_ready != NULL) {
        char text[ADDRESS_TEXT_SIZE];
        address_format(&server->address, text);
        server->config.on_ready(server->config.on_ready_argument, text);
    }
    loop_run(&server->loops[0]);
    for (unsigned i = 0; i < n_threads; i++)
        uv_thread_join(&server->loops[i + 1].thread);
    return err;
}

static void server_close(struct server *server)
{
    work_close(server);
    for (unsigned i = 0; i < server->n_loops; i++)
        loop_close(&server->loops[i]);
    stop_watch_close(&server->stop_watch);
    free(server->loops);
}

static enum dw_err server_open(struct server *server, const struct http_service *service,
                               const struct dw_server_config *config)
{
    server->service = service;
    server->config = server_config_complete(config);
    server->limits = (struct parse_limits){ .max_request_line = server->config.max_request_line,
                                            .max_header_bytes = server->config.max_header_bytes,
                                            .max_headers = server->config.max_headers };
    server->loops = calloc(server->config.loops, sizeof(*server->loops));
    if (server->loops == NULL)
        return DW_ERR_NO_MEMORY;
    server->n_loops = server->config.loops;
    server_raise_descriptors(server);
    TRY(work_open(server));
    TRY(server->config.listen_fd != 0 ? server_open_passed(server) : server_open_loops(server));
    TRY(server_watch_hangup(server));
    TRY(heartbeat_open(server));
    return stop_watch_open(&server->stop_watch, &server->loops[0].uv, server->config.ignores_signals, on_stop, server);
}

enum dw_err http_serve(const struct http_service *service, const struct dw_server_config *config)
{
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction before;
    _cleanup_(server_close) struct server server = { 0 };

    TRY(server_open(&server, service, config));
    /* A client that went away is an error of write(), not the end of the process. */
    sigaction(SIGPIPE, &ignore, &before);
    const enum dw_err err = server_run(&server);
    sigaction(SIGPIPE, &before, NULL);
    return err;
}
