/*
 * One connection to Redis: commands out, replies in, by the same thread, each with a deadline.
 *
 * Why: hiredis bounds each read and each write by itself, and gives a connection up that had nothing to say for as
 * long, which a subscriber's often has. Here a call as a whole has one deadline, and waiting in vain is no error.
 * Defends against: a server that is paused or trickles bytes (absolute deadlines), SIGPIPE (not raised), the password
 * in a reason (an error's first word alone is kept).
 * Does not: know names faster than the system's resolver; connect where that may be slow.
 * Threading: one thread at a time.
 */
#ifndef SHARED_REDIS_CONNECTION_H
#define SHARED_REDIS_CONNECTION_H

#include "shared/redis/address.h"
#include "shared/redis/hiredis.h"

enum { REDIS_REASON_SIZE = 160, REDIS_ARGUMENTS_MAX = 32 };

/* The words of a command: redis_send(c, REDIS_COMMAND(DW_STR("PUBLISH"), channel, message)). */
#define REDIS_COMMAND(...)                                                                                             \
    (const struct dw_str[]){ __VA_ARGS__ }, sizeof((const struct dw_str[]){ __VA_ARGS__ }) / sizeof(struct dw_str)

struct redis_connection {
    const struct hiredis *h;
    redisContext *context;
    struct tls_session *tls;        /* NULL: plain */
    bool is_broken;                 /* nothing can be sent or read any more */
    char reason[REDIS_REASON_SIZE]; /* what went wrong last, for the log */
    uint64_t generation;            /* the pool's (redis.c) */
    struct redis_connection *next;  /* in its list */
};

/* Connects, makes sure of the server by TLS if the address says so, signs in, selects the database.
 * DW_ERR_UNAVAILABLE with the reason in words. Waits: for the resolver, then timeout_ms at the most for each step. */
DW_MUST_USE enum dw_err redis_connect(const struct hiredis *h, const struct redis_address *address, int64_t timeout_ms,
                                      struct redis_connection **ret_connection, char ret_reason[REDIS_REASON_SIZE]);
void redis_disconnect(struct redis_connection **connection);

/* Sends a command, the first word its name, and does not wait for the reply. DW_ERR_UNAVAILABLE: broken. */
DW_MUST_USE enum dw_err redis_send(struct redis_connection *c, const struct dw_str *words, size_t n_words,
                                   int64_t deadline_ms);
/* The next reply, of whatever was sent or subscribed to; deadline_ms on the monotonic clock. The reply may be an error
 * (REDIS_REPLY_ERROR). DW_ERR_TIMEOUT: nothing came, the connection is as good as before; DW_ERR_UNAVAILABLE: broken.
 * The caller frees it. */
DW_MUST_USE enum dw_err redis_receive(struct redis_connection *c, int64_t deadline_ms, redisReply **ret_reply);
/* Both: the command's reply. One that does not come in time breaks the connection, as it would be taken for another's.
 * An error is DW_ERR_DATABASE, or DW_ERR_NOT_FOUND for NOSCRIPT, with its first word as the reason. */
DW_MUST_USE enum dw_err redis_ask(struct redis_connection *c, const struct dw_str *words, size_t n_words,
                                  int64_t deadline_ms, redisReply **ret_reply);
void redis_reply_free(redisReply **reply);

#define _cleanup_reply_ _cleanup_(redis_reply_free)

#endif
