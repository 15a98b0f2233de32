/*
 * Waits for other nodes' notifications (LISTEN/NOTIFY), on a session and a thread of its own.
 *
 * PostgreSQL hands a notification over when the transaction that made it is committed, so whoever looks after it sees
 * what was written. It says no more than "look": nothing depends on it, and nothing but time is lost with the
 * connection.
 */
#include "storage/postgres/postgres.h"

#include "base/log.h"
#include "base/thread.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LISTEN "LISTEN doorward_changes"

struct pg_listener {
    struct pg_server *server;
    struct pg_writer *writer;
    void (*heard)(void *argument);
    void *argument;
    struct pg_connection *connection; /* the thread's alone; NULL while there is none */
    int64_t backoff_ms;
    int stopping; /* an eventfd: readable when the thread is to end */
    pthread_t thread;
};

/* False when it is time to end. `fd`: -1, or what else to wake up for. */
static bool wait_for(const struct pg_listener *l, int fd, int timeout_ms)
{
    struct pollfd fds[] = { { .fd = l->stopping, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

    if (poll(fds, ARRAY_SIZE(fds), timeout_ms) < 0 && errno != EINTR)
        return false;
    return fds[0].revents == 0;
}

static void lose(struct pg_listener *l)
{
    if (l->connection != NULL)
        log_event(LOG_WARNING, "database_listener", LOG_CSTR("message", "connection lost: changes of other nodes are "
                                                                        "looked for at intervals until it is back"));
    pg_disconnect(&l->connection);
    log_flush();
}

static enum dw_err connect_and_listen(struct pg_listener *l)
{
    TRY(pg_connect(l->server, &l->connection));
    TRY(pg_later(l->connection, LISTEN));
    return pg_flush(l->connection, LISTEN);
}

/* Connects, or waits for a while. False when it is time to end. */
static bool be_connected(struct pg_listener *l)
{
    if (l->connection != NULL)
        return true;
    if (connect_and_listen(l) == DW_OK) {
        l->backoff_ms = 0;
        l->heard(l->argument); /* what was notified before is known to nobody here */
        return true;
    }
    pg_disconnect(&l->connection);
    log_flush();
    l->backoff_ms = l->backoff_ms == 0 ? PG_BACKOFF_FIRST_MS : MIN_OF(2 * l->backoff_ms, (int64_t)PG_BACKOFF_MAX_MS);
    return wait_for(l, -1, (int)l->backoff_ms);
}

/* What has come in, without waiting. */
static void take_notifications(struct pg_listener *l)
{
    struct pg_connection *c = l->connection;
    const int own = atomic_load(&l->writer->pid);
    bool has_heard = false;

    if (c->pq->PQconsumeInput(c->conn) == 0) {
        lose(l);
        return;
    }
    for (PGnotify *n = c->pq->PQnotifies(c->conn); n != NULL; n = c->pq->PQnotifies(c->conn)) {
        has_heard = has_heard || n->be_pid != own;
        c->pq->PQfreemem(n);
    }
    if (has_heard)
        l->heard(l->argument);
}

static void *listen_on(void *argument)
{
    struct pg_listener *l = argument;

    for (;;) {
        if (l->connection == NULL) {
            if (!be_connected(l))
                break;
            continue;
        }
        if (!wait_for(l, l->connection->pq->PQsocket(l->connection->conn), -1))
            break;
        take_notifications(l);
    }
    pg_disconnect(&l->connection);
    return NULL;
}

enum dw_err pg_listener_start(struct pg_server *server, struct pg_writer *writer, void (*heard)(void *argument),
                              void *argument, struct pg_listener **ret_listener)
{
    struct pg_listener *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return DW_ERR_NO_MEMORY;
    *l = (struct pg_listener){ .server = server, .writer = writer, .heard = heard, .argument = argument };
    l->stopping = eventfd(0, EFD_CLOEXEC);
    if (l->stopping < 0 || thread_start(listen_on, l, &l->thread) != DW_OK) {
        if (l->stopping >= 0)
            close(l->stopping);
        free(l);
        return DW_ERR_NO_MEMORY;
    }
    *ret_listener = l;
    return DW_OK;
}

void pg_listener_stop(struct pg_listener **listener)
{
    struct pg_listener *l = *listener;
    const uint64_t one = 1;

    if (l == NULL)
        return;
    if (write(l->stopping, &one, sizeof(one)) != sizeof(one))
        abort(); /* an eventfd takes a first 1 */
    pthread_join(l->thread, NULL);
    close(l->stopping);
    free(l);
    *listener = NULL;
}
