/*
 * Listening addresses as text: "127.0.0.1:8080", "[::1]:8080", ":8080" (every address, IPv6 and IPv4).
 *
 * No names: what a server binds to should not depend on a resolver's mood.
 */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include "http/message.h"
#include <sys/socket.h>

enum { ADDRESS_TEXT_SIZE = HTTP_ADDRESS_SIZE + 8 };

struct address {
    struct sockaddr_storage socket;
    socklen_t size;
};

/* DW_ERR_SETTING when malformed. */
DW_MUST_USE enum dw_err address_parse(const char *text, struct address *ret_address);
/* With the port, as address_parse() takes it. */
void address_format(const struct address *address, char ret_text[ADDRESS_TEXT_SIZE]);
/* Without the port; an IPv4 address that came in through an IPv6 socket looks like the IPv4 address that it is. */
void address_format_host(const struct sockaddr_storage *socket, char ret_text[HTTP_ADDRESS_SIZE]);
unsigned address_port(const struct address *address);

/* Of a TCP socket that listens already; DW_ERR_SETTING for anything else. */
DW_MUST_USE enum dw_err address_of_listener(int fd, struct address *ret_address);

/* A bound socket, not listening yet. shared: others may bind to the same address too (SO_REUSEPORT). *address gets the
 * port that the system chose for port 0. DW_ERR_IO when it can't be bound; errno says why. */
DW_MUST_USE enum dw_err address_bind(struct address *address, bool shared, int *ret_fd);

#endif
