#include "storage/postgres/postgres.h"

#include "base/clock.h"
#include "base/log.h"
#include "storage/metrics.h"
#include <errno.h>
#include <poll.h>

/* What the session is told besides the URL; the URL may say otherwise where it has the same word. */
static const char *const DEFAULTS[][2] = {
    { "connect_timeout", "3" },      { "tcp_user_timeout", "5000" },  { "keepalives_idle", "5" },
    { "keepalives_interval", "2" },  { "keepalives_count", "3" },     { "fallback_application_name", "doorward" },
    { "client_encoding", "UTF8" },
    { "options", "-c synchronous_commit=on -c statement_timeout=30000 -c lock_timeout=6000"
                 " -c idle_in_transaction_session_timeout=4000 -c standard_conforming_strings=on" },
};

/* By the first characters of SQLSTATE, the longest first; every other is DW_ERR_DATABASE. */
static const struct {
    const char *state;
    enum dw_err err;
    bool is_given_up;
} STATES[] = {
    { "40001", DW_ERR_UNAVAILABLE, true }, /* serialization failure */
    { "40P01", DW_ERR_UNAVAILABLE, true }, /* deadlock */
    { "23", DW_ERR_CONSTRAINT, false },    { "08", DW_ERR_UNAVAILABLE, false }, /* connection */
    { "53", DW_ERR_UNAVAILABLE, false },   /* disk full, too many connections */
    { "55P03", DW_ERR_UNAVAILABLE, false }, /* lock_timeout */
    { "57", DW_ERR_UNAVAILABLE, false },   /* shutting down, cancelled */
    { "25P03", DW_ERR_UNAVAILABLE, false }, /* idle in transaction for too long */
    { "25006", DW_ERR_UNAVAILABLE, false }, /* a standby: read only */
    { "58", DW_ERR_UNAVAILABLE, false },   /* the server's own input and output */
};

/* --- errors ------------------------------------------------------------------------------------------------------ */

enum dw_err pg_fail(struct pg_connection *c, const PGresult *result, const char *doing)
{
    const char *state = result == NULL ? NULL : c->pq->PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const bool shows = result != NULL && c->shows_messages;
    enum dw_err err = DW_ERR_DATABASE;

    /* Without a state the client library found out by itself: the connection is gone. */
    if (state == NULL || c->pq->PQstatus(c->conn) != CONNECTION_OK) {
        c->is_broken = true;
        err = DW_ERR_UNAVAILABLE;
    }
    for (size_t i = 0; state != NULL && i < ARRAY_SIZE(STATES); i++) {
        if (strncmp(state, STATES[i].state, strlen(STATES[i].state)) != 0)
            continue;
        err = STATES[i].err;
        c->is_given_up = c->is_given_up || STATES[i].is_given_up;
        break;
    }
    if (err != DW_ERR_CONSTRAINT && !c->is_given_up)
        log_event(LOG_ERROR, "database", LOG_CSTR("doing", doing), LOG_CSTR("sqlstate", state),
                  LOG_CSTR("message", shows ? c->pq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL),
                  LOG_ERR(err));
    return err;
}

/* --- talking ----------------------------------------------------------------------------------------------------- */

static enum dw_err gone(struct pg_connection *c, const char *doing)
{
    return pg_fail(c, NULL, doing);
}

enum dw_err pg_later(struct pg_connection *c, const char *sql)
{
    if (c->n_commands == PG_COMMANDS_MAX)
        TRY(pg_flush(c, sql));
    c->commands[c->n_commands++] = sql;
    return DW_OK;
}

enum dw_err pg_send_commands(struct pg_connection *c)
{
    if (c->is_broken)
        return DW_ERR_UNAVAILABLE;
    for (unsigned i = 0; i < c->n_commands; i++)
        if (c->pq->PQsendQueryParams(c->conn, c->commands[i], 0, NULL, NULL, NULL, NULL, 0) == 0)
            return gone(c, c->commands[i]);
    return DW_OK;
}

/* A server, or something before it, that takes what is sent and says nothing more: TCP itself sees nothing wrong. */
static bool wait_for_bytes(struct pg_connection *c)
{
    struct pollfd socket = { .fd = c->pq->PQsocket(c->conn), .events = POLLIN };
    int ready;

    do {
        ready = poll(&socket, 1, PG_SILENCE_MS);
    } while (ready < 0 && errno == EINTR);
    c->is_silent = ready <= 0;
    c->is_broken = c->is_silent || c->pq->PQconsumeInput(c->conn) == 0;
    return !c->is_broken;
}

/* As PQgetResult(); NULL also when the connection broke meanwhile. */
static PGresult *next_result(struct pg_connection *c)
{
    while (c->pq->PQisBusy(c->conn) != 0)
        if (!wait_for_bytes(c))
            return NULL;
    return c->pq->PQgetResult(c->conn);
}

/* The one result of a query in the pipeline and the NULL behind it. */
static enum dw_err read_result(struct pg_connection *c, const char *doing, PGresult **ret_result)
{
    PGresult *result = next_result(c);
    enum dw_err err = DW_OK;

    if (result == NULL)
        return gone(c, doing);
    switch (c->pq->PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        break;
    case PGRES_PIPELINE_ABORTED: /* one before it failed, and said why */
        err = DW_ERR_DATABASE;
        break;
    default:
        err = pg_fail(c, result, doing);
    }
    PGresult *end = c->is_broken ? NULL : next_result(c);

    if (end != NULL)
        c->pq->PQclear(end);
    if (err == DW_OK && ret_result != NULL)
        *ret_result = result;
    else
        c->pq->PQclear(result);
    return err;
}

/* Reads on to the next sync. Two ends in a row where one must come: client and server no longer agree. */
static enum dw_err read_sync(struct pg_connection *c, const char *doing)
{
    for (unsigned ends = 0; !c->is_broken && ends < 2;) {
        PGresult *result = next_result(c);
        const ExecStatusType status = result == NULL ? PGRES_EMPTY_QUERY : c->pq->PQresultStatus(result);

        ends = result == NULL ? ends + 1 : 0;
        if (result != NULL)
            c->pq->PQclear(result);
        if (status == PGRES_PIPELINE_SYNC)
            return DW_OK;
        if (c->pq->PQstatus(c->conn) != CONNECTION_OK)
            break;
    }
    return gone(c, doing);
}

static enum dw_err read_expected(struct pg_connection *c)
{
    enum dw_err err = DW_OK;

    for (unsigned i = 0; err == DW_OK && i < c->n_expected; i++) {
        PGresult *result = NULL;

        err = read_result(c, c->expected[i].doing, &result);
        if (err == DW_OK)
            err = pg_deliver(c, result, &c->expected[i]);
        if (result != NULL)
            c->pq->PQclear(result);
        c->is_lost = c->is_lost || (err != DW_OK && c->expected[i].is_command);
    }
    c->n_expected = 0;
    return err;
}

enum dw_err pg_finish(struct pg_connection *c, const char *doing, PGresult **ret_result)
{
    enum dw_err err = c->pq->PQpipelineSync(c->conn) == 1 ? DW_OK : gone(c, doing);
    bool has_failed_later = false;
    PGresult *result = NULL;

    for (; err == DW_OK && c->n_unread > 0; c->n_unread--)
        err = read_sync(c, doing);
    if (err == DW_OK) {
        err = read_expected(c);
        has_failed_later = err != DW_OK;
    }
    c->n_expected = 0;
    for (unsigned i = 0; err == DW_OK && i < c->n_commands; i++)
        err = read_result(c, c->commands[i], NULL);
    c->has_failed_later = c->has_failed_later || has_failed_later;
    /* The caller's statement has not been looked at yet, and the error of one before it is its writer's own. */
    c->is_lost = c->is_lost || (err != DW_OK && !has_failed_later);
    if (err == DW_OK && ret_result != NULL)
        err = read_result(c, doing, &result);
    c->n_commands = 0;
    if (c->n_exchanges++ == 0)
        c->answered_ms = clock_monotonic_ms();
    if (!c->is_broken) {
        const enum dw_err synced = read_sync(c, doing);
        err = err == DW_OK ? synced : err;
    }
    if (err != DW_OK && result != NULL)
        c->pq->PQclear(result);
    TRY(err);
    if (ret_result != NULL)
        *ret_result = result;
    return DW_OK;
}

enum dw_err pg_expect(struct pg_connection *c, const struct pg_expected *expected)
{
    if (c->expected == NULL)
        c->expected = calloc(PG_EXPECTED_MAX, sizeof(*c->expected));
    if (c->expected == NULL || c->n_expected + c->n_commands + 1 > PG_EXPECTED_MAX) {
        c->is_broken = true; /* what was sent can no longer be told apart */
        return DW_ERR_NO_MEMORY;
    }
    for (unsigned i = 0; i < c->n_commands; i++)
        c->expected[c->n_expected++] = (struct pg_expected){ .doing = c->commands[i], .is_command = true };
    c->n_commands = 0;
    c->expected[c->n_expected++] = *expected;
    return DW_OK;
}

enum dw_err pg_wait(struct pg_connection *c)
{
    if (c->n_expected == 0)
        return c->is_broken ? DW_ERR_UNAVAILABLE : DW_OK;
    TRY(pg_send_commands(c));
    return pg_finish(c, "statements sent together", NULL);
}

enum dw_err pg_flush(struct pg_connection *c, const char *doing)
{
    if (c->n_commands == 0)
        return c->is_broken ? DW_ERR_UNAVAILABLE : DW_OK;
    TRY(pg_send_commands(c));
    return pg_finish(c, doing, NULL);
}

void pg_end(struct pg_connection *c, const char *sql)
{
    const enum dw_err waited = pg_wait(c); /* a statement that fails would take the end with it */
    const bool was_begun = c->is_open && c->n_exchanges > 0;

    (void)waited;
    c->n_commands = 0;
    c->is_open = false;
    if (!was_begun || c->is_broken)
        return;
    if (c->pq->PQsendQueryParams(c->conn, sql, 0, NULL, NULL, NULL, NULL, 0) == 0 ||
        c->pq->PQpipelineSync(c->conn) == 0)
        c->is_broken = true;
    else
        c->n_unread++;
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

static bool may_try(struct pg_server *server)
{
    pthread_mutex_lock(&server->mutex);
    const bool may = clock_monotonic_ms() >= server->retry_at_ms;
    pthread_mutex_unlock(&server->mutex);
    return may;
}

static void note_attempt(struct pg_server *server, bool went_well)
{
    pthread_mutex_lock(&server->mutex);
    if (went_well)
        server->backoff_ms = 0;
    else
        server->backoff_ms = server->backoff_ms == 0 ? PG_BACKOFF_FIRST_MS
                                                     : MIN_OF(2 * server->backoff_ms, (int64_t)PG_BACKOFF_MAX_MS);
    server->retry_at_ms = clock_monotonic_ms() + server->backoff_ms;
    pthread_mutex_unlock(&server->mutex);
}

/* Notices go nowhere: they may quote values. */
static void ignore_notice(void *argument, const char *message)
{
    (void)argument;
    (void)message;
}

static PGconn *open_session(const struct pg_server *server)
{
    const char *keywords[ARRAY_SIZE(DEFAULTS) + 2], *values[ARRAY_SIZE(DEFAULTS) + 2];
    size_t n = 0;

    for (; n < ARRAY_SIZE(DEFAULTS); n++) {
        keywords[n] = DEFAULTS[n][0];
        values[n] = DEFAULTS[n][1];
    }
    keywords[n] = "dbname"; /* a whole URL here is expanded: what it says comes last and wins */
    values[n] = server->url;
    keywords[n + 1] = values[n + 1] = NULL;
    return server->pq->PQconnectdbParams(keywords, values, 1);
}

enum dw_err pg_connect(struct pg_server *server, struct pg_connection **ret_connection)
{
    _cleanup_(pg_disconnect) struct pg_connection *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return DW_ERR_NO_MEMORY;
    c->pq = server->pq;
    if (!may_try(server))
        return DW_ERR_UNAVAILABLE;
    c->conn = open_session(server);
    const bool is_connected = c->conn != NULL && c->pq->PQstatus(c->conn) == CONNECTION_OK;

    note_attempt(server, is_connected);
    metric_add(&CONNECTS, is_connected ? CONNECT_OK : CONNECT_FAILED, 1);
    if (!is_connected) {
        log_event(LOG_ERROR, "database", LOG_CSTR("doing", "connect to PostgreSQL"), LOG_ERR(DW_ERR_UNAVAILABLE));
        return DW_ERR_UNAVAILABLE;
    }
    c->pq->PQsetNoticeProcessor(c->conn, ignore_notice, NULL);
    if (server->index != NULL) {
        c->index = server->index;
        c->prepared = calloc(c->index->n_rows + 1, sizeof(*c->prepared)); /* + 1: a schema may be empty */
        if (c->prepared == NULL)
            return DW_ERR_NO_MEMORY;
        if (c->pq->PQenterPipelineMode(c->conn) == 0)
            return gone(c, "enter pipeline mode");
    }
    *ret_connection = TAKE_PTR(c);
    return DW_OK;
}

void pg_disconnect(struct pg_connection **connection)
{
    struct pg_connection *c = *connection;

    if (c == NULL)
        return;
    if (c->conn != NULL)
        c->pq->PQfinish(c->conn);
    free(c->expected);
    free(c->prepared);
    free(c);
    *connection = NULL;
}
