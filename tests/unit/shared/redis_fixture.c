#include "redis_fixture.h"

#include "base/clock.h"
#include "base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_SIZE = 16384, WAIT_LIMIT_MS = 30000, PATIENCE_MS = 20000, PAUSE_US = 2000 };

static void run_server(const struct server *s, const char *password)
{
    char path[128];
    /* Debian's redis-server is the same program by another name; the package that starts a service is not needed. */
    static const char *const PROGRAMS[] = { "/usr/bin/redis-server", "/usr/bin/valkey-server",
                                            "/usr/bin/redis-check-rdb" };

    snprintf(path, sizeof(path), "%s/socket", s->folder);
    for (size_t i = 0; i < ARRAY_SIZE(PROGRAMS); i++)
        execl(PROGRAMS[i], "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no",
              "--dir", s->folder, "--logfile", "/dev/null", password == NULL ? NULL : "--requirepass", password, NULL);
    _exit(127);
}

/* Asks over a bare connection until it answers. */
static void await_answer(const struct server *s, const char *password)
{
    const int64_t end_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;
    struct redis_address address = { 0 };
    char reason[REDIS_REASON_SIZE];
    enum dw_err err;

    snprintf(address.path, sizeof(address.path), "%s/socket", s->folder);
    do {
        struct redis_connection *c = NULL;
        redisReply *reply = NULL;

        err = redis_connect(hiredis_load(), &address, 1000, &c, reason);
        if (err == DW_OK && password == NULL)
            err = redis_ask(c, REDIS_COMMAND(DW_STR("PING")), clock_monotonic_ms() + 1000, &reply);
        redis_reply_free(&reply);
        redis_disconnect(&c);
        if (err != DW_OK)
            usleep(PAUSE_US);
    } while (err != DW_OK && clock_monotonic_ms() < end_ms);
    check_err(DW_OK, err, reason);
}

void server_start(struct server *s, const char *password)
{
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0)
        run_server(s, password);
    await_answer(s, password);
}

void server_kill(struct server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void server_pause(struct server *s)
{
    kill(s->pid, SIGSTOP);
    waitpid(s->pid, NULL, WUNTRACED);
}

void server_resume(struct server *s)
{
    kill(s->pid, SIGCONT);
}

int server_make(void **state)
{
    struct server *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    snprintf(s->folder, sizeof(s->folder), "/tmp/dw-unit-redis-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->url, sizeof(s->url), "unix:%s/socket", s->folder);
    snprintf(s->log_path, sizeof(s->log_path), "%s/log", s->folder);
    log_setup(LOG_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
    server_start(s, NULL);
    *state = s;
    return 0;
}

int server_remove(void **state)
{
    struct server *s = *state;
    char path[128];

    if (s->pid != 0)
        server_kill(s);
    snprintf(path, sizeof(path), "%s/socket", s->folder);
    unlink(path);
    unlink(s->log_path);
    rmdir(s->folder);
    free(s);
    return 0;
}

/* --- the pool ----------------------------------------------------------------------------------------------------- */

struct redis *pool_open(const struct server *s, const char *url, int64_t timeout_ms)
{
    _cleanup_(redis_address_free) struct redis_address address = { 0 };
    unsigned char bytes[] = "the key of all nodes";
    const struct dw_secret key = { bytes, sizeof(bytes) };
    struct redis *redis = NULL;
    const char *problem;

    CHECK_OK(redis_address_parse(dw_str(url == NULL ? s->url : url), &address, &problem));
    CHECK_OK(redis_open(&(struct redis_config){ &address, &key, timeout_ms == 0 ? PATIENCE_MS : timeout_ms }, &redis));
    return redis;
}

void await_connected(struct redis *redis, bool is_connected)
{
    const int64_t end_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;
    struct redis_state state;

    for (redis_state(redis, &state); state.is_connected != is_connected; redis_state(redis, &state)) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(PAUSE_US);
    }
}

enum dw_err call(struct redis *redis, const char *a, const char *b, const char *c)
{
    const struct dw_str words[] = { dw_str(a), dw_str(b), dw_str(c) };

    return redis_call(redis, words, b == NULL ? 1 : c == NULL ? 2 : 3, NULL, NULL);
}

static enum dw_err read_integer(const redisReply *reply, void *argument)
{
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    *(int64_t *)argument = reply->integer;
    return DW_OK;
}

int64_t call_integer(struct redis *redis, const char *a, const char *b)
{
    int64_t integer = -1;

    CHECK_OK(redis_call(redis, REDIS_COMMAND(dw_str(a), dw_str(b)), read_integer, &integer));
    return integer;
}

/* --- the log ------------------------------------------------------------------------------------------------------ */

void log_catch(struct server *s)
{
    log_setup(LOG_INFO, LOG_FORMAT_JSON, open(s->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

const char *log_told(struct server *s)
{
    static char content[LOG_SIZE];
    FILE *file;

    log_flush();
    log_setup(LOG_ERROR, LOG_FORMAT_JSON, STDERR_FILENO);
    file = fopen(s->log_path, "re");
    assert_non_null(file);
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    fclose(file);
    return content;
}
