#include "http/address.h"

#include "base/cleanup.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static bool port_parse(const char *text, unsigned *ret_port)
{
    unsigned port = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (unsigned)(*text - '0');
        if (port > 65535)
            return false;
    }
    *ret_port = port;
    return true;
}

static enum dw_err address_set_v4(struct address *a, const char *host, unsigned port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a->socket;

    if (inet_pton(AF_INET, host, &v4->sin_addr) != 1)
        return DW_ERR_SETTING;
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    a->size = sizeof(*v4);
    return DW_OK;
}

static enum dw_err address_set_v6(struct address *a, const char *host, unsigned port)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->socket;

    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return DW_ERR_SETTING;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    a->size = sizeof(*v6);
    return DW_OK;
}

enum dw_err address_parse(const char *text, struct address *ret_address)
{
    struct address address = { 0 };
    char host[HTTP_ADDRESS_SIZE + 2] = "";
    unsigned port = 0;
    const char *colon = strrchr(text, ':');

    if (colon == NULL || !port_parse(colon + 1, &port) || (size_t)(colon - text) >= sizeof(host))
        return DW_ERR_SETTING;
    memcpy(host, text, (size_t)(colon - text));
    const size_t len = strlen(host);
    if (strcmp(host, "localhost") == 0) {
        TRY(address_set_v4(&address, "127.0.0.1", port));
    } else if (len == 0) {
        TRY(address_set_v6(&address, "::", port));
    } else if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        TRY(address_set_v6(&address, host + 1, port));
    } else {
        TRY(address_set_v4(&address, host, port));
    }
    *ret_address = address;
    return DW_OK;
}

void address_format_host(const struct sockaddr_storage *socket, char ret_text[HTTP_ADDRESS_SIZE])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)socket;

    ret_text[0] = '\0';
    if (socket->ss_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, ret_text, HTTP_ADDRESS_SIZE);
    else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], ret_text, HTTP_ADDRESS_SIZE);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, ret_text, HTTP_ADDRESS_SIZE);
}

unsigned address_port(const struct address *a)
{
    return ntohs(a->socket.ss_family == AF_INET ? ((const struct sockaddr_in *)&a->socket)->sin_port
                                                : ((const struct sockaddr_in6 *)&a->socket)->sin6_port);
}

void address_format(const struct address *a, char ret_text[ADDRESS_TEXT_SIZE])
{
    char host[HTTP_ADDRESS_SIZE];

    address_format_host(&a->socket, host);
    snprintf(ret_text, ADDRESS_TEXT_SIZE, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, address_port(a));
}

static bool socket_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static bool socket_is(int fd, int option, int value)
{
    int found = 0;
    socklen_t size = sizeof(found);

    return getsockopt(fd, SOL_SOCKET, option, &found, &size) == 0 && found == value;
}

enum dw_err address_of_listener(int fd, struct address *ret_address)
{
    struct address a = { .size = sizeof(a.socket) };

    if (!socket_is(fd, SO_ACCEPTCONN, 1) || !socket_is(fd, SO_PROTOCOL, IPPROTO_TCP) ||
        getsockname(fd, (struct sockaddr *)&a.socket, &a.size) != 0)
        return DW_ERR_SETTING;
    /* As address_bind() does it. */
    if (!socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1))
        return DW_ERR_SETTING;
    *ret_address = a;
    return DW_OK;
}

enum dw_err address_bind(struct address *a, bool shared, int *ret_fd)
{
    _cleanup_close_ int fd = socket(a->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return DW_ERR_IO;
    /* Accepted sockets inherit TCP_NODELAY: answers are written whole, nothing is gained by waiting for more. */
    if (!socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) || !socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1))
        return DW_ERR_IO;
    if (shared && !socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return DW_ERR_IO;
    if (a->socket.ss_family == AF_INET6 && !socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0))
        return DW_ERR_IO;
    if (bind(fd, (const struct sockaddr *)&a->socket, a->size) != 0)
        return DW_ERR_IO;
    socklen_t size = sizeof(a->socket);
    if (getsockname(fd, (struct sockaddr *)&a->socket, &size) != 0)
        return DW_ERR_IO;
    *ret_fd = fd;
    fd = -1;
    return DW_OK;
}
