/*
 * Where a Redis or Valkey is, as one URL:
 *
 *     redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]       unix:[//[USER]:PASSWORD@]/PATH
 *     rediss://...                                           the same over TLS
 *
 * Behind a question mark, with & between: db=DATABASE, timeout_ms=MILLISECONDS; with rediss://, also ca=FILE (who may
 * have signed the server's certificate, instead of the system's store), cert=FILE and key=FILE (a client's own, both or
 * none). User, password and files are percent-encoded where they hold what a URL reads otherwise (RFC 3986 §2.1).
 * Defends against: a password in a log (the label has none; a problem never quotes the text), a URL that another client
 * would read differently (what is not understood is refused).
 */
#ifndef SHARED_REDIS_ADDRESS_H
#define SHARED_REDIS_ADDRESS_H

#include "base/cleanup.h"

enum {
    REDIS_URL_MAX = 1024,
    REDIS_HOST_SIZE = 256,
    REDIS_PATH_SIZE = 108,
    REDIS_FILE_SIZE = 200,
    REDIS_LABEL_SIZE = 300,
    REDIS_DB_MAX = 65535,
    REDIS_TIMEOUT_MAX_MS = 60000,
};

struct redis_address {
    char host[REDIS_HOST_SIZE]; /* without brackets; "": a socket */
    char path[REDIS_PATH_SIZE];
    unsigned port;
    unsigned db;
    unsigned timeout_ms; /* for connecting, for a handshake, and for a command as a whole; 0: not said */
    bool is_tls;
    char ca_file[REDIS_FILE_SIZE], certificate_file[REDIS_FILE_SIZE], key_file[REDIS_FILE_SIZE]; /* "": none */
    struct dw_secret user, password; /* empty: none */
};

/* DW_ERR_SETTING with the reason in ret_problem (static, without the URL); DW_ERR_NO_MEMORY. */
DW_MUST_USE enum dw_err redis_address_parse(struct dw_str url, struct redis_address *ret_address,
                                            const char **ret_problem);
DW_MUST_USE enum dw_err redis_address_copy(const struct redis_address *address, struct redis_address *ret_copy);
void redis_address_free(struct redis_address *address);

/* For people to read: "rediss://db.internal:6379/0", "unix:/run/redis.sock". */
void redis_address_label(const struct redis_address *address, char ret_label[REDIS_LABEL_SIZE]);

#endif
