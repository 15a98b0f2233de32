/*
 * Clients that refresh: each spends its token for the next one, over a kept connection, as fast as the answers come.
 * One thread and no parser to speak of, so that on few cores the server is measured and not its load: a scripted client
 * costs several times what a rotation does.
 *
 *     refresh_load PORT SECONDS TOKENS [ATONCE]        TOKENS: a file, one refresh token a line, a client each
 *
 * ATONCE: how many ask at the same time, the one that has waited longest next [all].
 *
 * Prints {"requests","seconds","per_s","p50_ms","p99_ms"}. Any answer but 200 ends it with status 1.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, TOKEN_MAX = 2048, BYTES_MAX = 16384, SAMPLES_MAX = 4 << 20, EVENTS = 64, WAIT_MS = 10000 };

struct client {
    int fd;
    char token[TOKEN_MAX];
    char bytes[BYTES_MAX];
    size_t len;
    int64_t sent_ns;
};

static struct client *idle[CLIENTS_MAX]; /* a ring: who has no request under way */
static unsigned n_idle, first_idle;
static struct client clients[CLIENTS_MAX];
static unsigned n_clients;
static uint32_t samples_us[SAMPLES_MAX];
static size_t n_samples;

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "refresh_load: %s\n", what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void send_refresh(struct client *c)
{
    static const char HEAD[] = "POST /token/refresh HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                               "Content-Length: %zu\r\n\r\n{\"refresh_token\":\"%s\"}";
    const size_t body = strlen(c->token) + sizeof("{\"refresh_token\":\"\"}") - 1;
    char request[TOKEN_MAX + 256];
    const int n = snprintf(request, sizeof(request), HEAD, body, c->token);

    must(n > 0 && (size_t)n < sizeof(request), "a token is too long");
    c->len = 0;
    c->sent_ns = now_ns();
    must(write(c->fd, request, (size_t)n) == n, "can't send");
}

static void rest(struct client *c)
{
    c->len = 0;
    idle[(first_idle + n_idle++) % CLIENTS_MAX] = c;
}

static void send_next(void)
{
    struct client *c = idle[first_idle];

    first_idle = (first_idle + 1) % CLIENTS_MAX;
    n_idle--;
    send_refresh(c);
}

/* True when the whole answer is there. */
static bool is_complete(struct client *c)
{
    c->bytes[c->len] = '\0';
    const char *end = strstr(c->bytes, "\r\n\r\n");
    const char *length = strcasestr(c->bytes, "\r\nContent-Length:");

    if (end == NULL)
        return false;
    must(length != NULL && length < end, "an answer without a length");
    return c->len >= (size_t)(end + 4 - c->bytes) + strtoul(length + 17, NULL, 10);
}

static void take_next_token(struct client *c)
{
    static const char KEY[] = "\"refresh_token\":\"";
    const char *token = strstr(c->bytes, KEY);

    must(strncmp(c->bytes, "HTTP/1.1 200 ", 13) == 0, c->bytes);
    must(token != NULL, "an answer without a token");
    token += sizeof(KEY) - 1;
    const size_t len = strcspn(token, "\"");

    must(len < TOKEN_MAX, "a token is too long");
    memcpy(c->token, token, len);
    c->token[len] = '\0';
}

static void on_bytes(struct client *c, bool is_over)
{
    const ssize_t n = read(c->fd, c->bytes + c->len, BYTES_MAX - 1 - c->len);

    must(n > 0, "the server closed a connection");
    c->len += (size_t)n;
    if (!is_complete(c))
        return;
    take_next_token(c);
    if (n_samples < SAMPLES_MAX)
        samples_us[n_samples++] = (uint32_t)((now_ns() - c->sent_ns) / 1000);
    rest(c);
    if (!is_over)
        send_next();
}

static void open_clients(int epoll, const char *path, unsigned port)
{
    const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                         .sin_addr = { htonl(INADDR_LOOPBACK) } };
    const int on = 1;
    FILE *file = fopen(path, "r");

    must(file != NULL, "can't read the tokens");
    while (n_clients < CLIENTS_MAX && fgets(clients[n_clients].token, TOKEN_MAX, file) != NULL) {
        struct client *c = &clients[n_clients++];
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

        c->token[strcspn(c->token, "\n")] = '\0';
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) == 0, "can't connect");
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        must(epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) == 0, "can't watch a connection");
        rest(c);
    }
    fclose(file);
    must(n_clients > 0, "no tokens");
}

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void report(double seconds)
{
    must(n_samples > 0, "no answer came");
    qsort(samples_us, n_samples, sizeof(samples_us[0]), by_size);
    printf("{\"requests\":%zu,\"seconds\":%.3f,\"per_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", n_samples, seconds,
           (double)n_samples / seconds, samples_us[n_samples / 2] / 1e3, samples_us[n_samples * 99 / 100] / 1e3);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    const int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: refresh_load PORT SECONDS TOKENS [ATONCE]\n");
        return 2;
    }
    open_clients(epoll, argv[3], (unsigned)strtoul(argv[1], NULL, 10));
    const int64_t begun_ns = now_ns(), end_ns = begun_ns + (int64_t)(strtod(argv[2], NULL) * 1e9);

    const unsigned wanted = argc == 5 ? (unsigned)strtoul(argv[4], NULL, 10) : n_clients;

    for (unsigned i = 0; i < wanted && n_idle > 0; i++)
        send_next();
    while (now_ns() < end_ns) {
        const int n = epoll_wait(epoll, events, EVENTS, WAIT_MS);

        must(n > 0, "no answer for ten seconds");
        for (int i = 0; i < n; i++)
            on_bytes(events[i].data.ptr, now_ns() >= end_ns);
    }
    report((double)(now_ns() - begun_ns) / 1e9);
    return 0;
}
