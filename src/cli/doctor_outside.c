/* doorward doctor: the servers that this one talks to: mail, Redis. */
#include "cli/doctor.h"

#include "base/clock.h"
#include "shared/redis/connection.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_LIMIT_MS = 8000, HOST_SIZE = 256, ANSWER_SIZE = 4096, REDIS_LIMIT_MS = 3000 };

/* --- mail -------------------------------------------------------------------------------------------------------- */

struct mail_server {
    char host[HOST_SIZE], port[8];
    bool is_tls; /* from the first byte */
};

/* smtp(s)://[USER:PASSWORD@]HOST[:PORT], checked when the settings were read. */
static void find_mail_server(struct dw_str url, struct mail_server *ret_server)
{
    const struct mail_server plain = { .port = "25" }, tls = { .port = "465", .is_tls = true };
    const char *end = url.ptr + url.len, *host = (const char *)memmem(url.ptr, url.len, "://", 3) + 3;
    const char *at = memrchr(host, '@', (size_t)(end - host));

    *ret_server = url.len > 5 && url.ptr[4] == 's' ? tls : plain;
    host = at == NULL ? host : at + 1;
    const bool is_v6 = host < end && *host == '[';
    const char *stop = is_v6 ? memchr(host, ']', (size_t)(end - host)) : NULL;

    host += is_v6;
    stop = stop != NULL ? stop : host + strcspn(host, ":/");
    snprintf(ret_server->host, sizeof(ret_server->host), "%.*s", (int)(stop - host), host);
    stop += is_v6;
    if (stop < end && *stop == ':')
        snprintf(ret_server->port, sizeof(ret_server->port), "%.*s", (int)strspn(stop + 1, "0123456789"), stop + 1);
}

static int connect_to(const struct mail_server *server)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int fd = -1;

    if (getaddrinfo(server->host, server->port, &hints, &found) != 0)
        return -1;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) { /* the check's own deadline ends it */
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* Lines of a reply up to the one whose code is followed by a blank (RFC 5321 section 4.2.1). */
static bool read_reply(int fd, const char *code, char ret_text[ANSWER_SIZE])
{
    size_t size = 0;

    for (const int64_t end = clock_monotonic_ms() + ANSWER_LIMIT_MS; size < ANSWER_SIZE - 1;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        const int64_t left = end - clock_monotonic_ms();

        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
            return false;
        const ssize_t got = read(fd, ret_text + size, ANSWER_SIZE - 1 - size);

        if (got <= 0)
            return false;
        size += (size_t)got;
        ret_text[size] = '\0';
        const char *last = ret_text;

        for (const char *next; (next = strchr(last, '\n')) != NULL && next[1] != '\0';)
            last = next + 1;
        if (ret_text[size - 1] == '\n' && strlen(last) > 3 && last[3] != '-')
            return strncmp(ret_text, code, 3) == 0;
    }
    return false;
}

static void greet(struct doctor *d, int fd, const struct mail_server *server)
{
    static const char HELLO[] = "EHLO doorward.invalid\r\n", BYE[] = "QUIT\r\n";
    char text[ANSWER_SIZE];
    const bool is_own = strcmp(server->host, "localhost") == 0 || strncmp(server->host, "127.", 4) == 0 ||
                        strcmp(server->host, "::1") == 0;

    if (!read_reply(fd, "220", text) || send(fd, HELLO, sizeof(HELLO) - 1, MSG_NOSIGNAL) < 0 ||
        !read_reply(fd, "250", text)) {
        doctor_found(d, FINDING_ERROR, "is it a mail server, and does it take mail from this machine?",
                     "%s port %s does not answer as a mail server", server->host, server->port);
        return;
    }
    if (strcasestr(text, "STARTTLS") == NULL && (!is_own || d->cli->settings->smtp_ca != NULL))
        doctor_found(d, FINDING_ERROR, "use smtps://, or a mail server that offers STARTTLS",
                     "%s port %s offers no STARTTLS: nothing is sent to it", server->host, server->port);
    (void)!send(fd, BYE, sizeof(BYE) - 1, MSG_NOSIGNAL);
}

static void check_mail(struct doctor *d)
{
    const struct settings *s = d->cli->settings;
    struct mail_server server;

    if (s->smtp_url.size == 0) {
        if (doctor_is_public(d))
            doctor_found(d, FINDING_WARNING, "set DOORWARD_SMTP_URL", "no mail server is set: who forgets a password "
                         "gets no mail, it becomes a file in outbox/");
        return;
    }
    if (strcmp(s->mail_from, "doorward@localhost") == 0)
        doctor_found(d, FINDING_WARNING, "set DOORWARD_MAIL_FROM to an address of your domain",
                     "mails come from doorward@localhost: most mail servers refuse that");
    find_mail_server(dw_secret_borrow(&s->smtp_url), &server);
    _cleanup_close_ int fd = connect_to(&server);

    if (fd < 0)
        doctor_found(d, FINDING_ERROR, "are host and port of DOORWARD_SMTP_URL right, and does the server run?",
                     "no connection to the mail server %s port %s", server.host, server.port);
    else if (!server.is_tls)
        greet(d, fd, &server);
}

/* --- Redis ------------------------------------------------------------------------------------------------------- */

/* The value of a parameter; false where this user may not ask. */
static bool config_get(struct redis_connection *c, const char *name, char ret_value[64])
{
    _cleanup_reply_ redisReply *reply = NULL;
    const enum dw_err err = redis_ask(c, REDIS_COMMAND(DW_STR("CONFIG"), DW_STR("GET"), dw_str(name)),
                                      clock_monotonic_ms() + REDIS_LIMIT_MS, &reply);

    if (err != DW_OK || reply->elements != 2 || reply->element[1]->str == NULL)
        return false;
    snprintf(ret_value, 64, "%s", reply->element[1]->str);
    return true;
}

#define REDIS_REMEDY                                                                                                   \
    "are host, port, user and password of DOORWARD_REDIS_URL right, and does it run? Until then each node counts by "  \
    "itself"
#define REDISS_REMEDY                                                                                                  \
    REDIS_REMEDY "; its certificate must be valid, for that host, and of an authority of the system's store or of "    \
                 "?ca=FILE"

static void check_redis(struct doctor *d)
{
    _cleanup_(redis_address_free) struct redis_address address = { 0 };
    _cleanup_(redis_disconnect) struct redis_connection *c = NULL;
    char reason[REDIS_REASON_SIZE] = "", label[REDIS_LABEL_SIZE], policy[64], most[64];
    const char *problem = NULL;
    const struct hiredis *h;

    if (d->cli->settings->redis_url.size == 0)
        return;
    if (redis_address_parse(dw_secret_borrow(&d->cli->settings->redis_url), &address, &problem) != DW_OK)
        return; /* the settings' check told it */
    h = hiredis_load();
    if (h == NULL) {
        doctor_failed(d, "apt-get install libhiredis0.14", "Redis's client library is missing");
        return;
    }
    redis_address_label(&address, label);
    if (redis_connect(h, &address, MAX_OF(REDIS_LIMIT_MS, (int64_t)address.timeout_ms), &c, reason) != DW_OK) {
        doctor_found(d, FINDING_ERROR, address.is_tls ? REDISS_REMEDY : REDIS_REMEDY, "%s: %s", label, reason);
        return;
    }
    if (config_get(c, "maxmemory", most) && config_get(c, "maxmemory-policy", policy) && strcmp(most, "0") != 0 &&
        strcmp(policy, "noeviction") != 0)
        doctor_found(d, FINDING_WARNING, "maxmemory-policy noeviction, on a Redis of its own",
                     "%s forgets what it likes when it is full (%s): rate limits then begin anew", label, policy);
}

const struct check DOCTOR_OUTSIDE_CHECKS[] = {
    { "mail", "the mail server answers, with TLS; no mail is sent", CHECK_SETTINGS, check_mail, 0 },
    { "redis", "it answers, and forgets nothing", CHECK_SETTINGS, check_redis, 0 },
    { NULL },
};
