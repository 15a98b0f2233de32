/*
 * A running server: what its loops share.
 *
 * N event loops, a thread each (the first on the thread that called http_serve()), each with a listening socket of its
 * own, so that no lock stands between a connection and its answer. Immutable once the loops run, besides the atomics.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/patience.h"
#include "base/pool.h"
#include "http/address.h"
#include "http/heartbeat.h"
#include "http/parse.h"
#include "http/service.h"
#include "http/stop.h"

#include <stdatomic.h>

/* How far the stop has gone; only ever upwards. */
enum stop_level {
    STOP_NONE,
    STOP_SOON,   /* goes on serving while balancers learn of it; every answer ends its connection */
    STOP_GENTLY, /* no new connections, finish what is under way */
    STOP_NOW,    /* drop everything */
};

struct loop;

struct server {
    const struct http_service *service;
    struct dw_server_config config; /* without zero members */
    struct parse_limits limits;
    struct address address;
    struct pool *workers, *hashing;
    struct patience_line workers_line, hashing_line;
    struct loop *loops;
    unsigned n_loops;
    struct stop_watch stop_watch; /* on the first loop, as what follows */
    uv_timer_t stop_delay;        /* from the first signal on */
    uv_signal_t hangup;
    struct heartbeat heartbeat;
    _Atomic int stop_level;
    _Atomic unsigned n_connections;
    _Atomic unsigned n_running; /* loops that have not finished */
};

/* Copies `config`, with the default for each zero member. */
struct dw_server_config server_config_complete(const struct dw_server_config *config);

#endif
