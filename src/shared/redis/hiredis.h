/*
 * hiredis, loaded when the settings name a Redis.
 *
 * Why: a server without Redis shall not pay for it, as with libpq. The version is the one that the headers were of: the
 * structures that both sides look into differ between the versions.
 */
#ifndef SHARED_REDIS_HIREDIS_H
#define SHARED_REDIS_HIREDIS_H

#include <hiredis/hiredis.h>

#define HIREDIS_CALLS(X)                                                                                               \
    X(redisConnectWithTimeout)                                                                                         \
    X(redisConnectUnixWithTimeout)                                                                                     \
    X(redisEnableKeepAlive)                                                                                            \
    X(redisFree)                                                                                                       \
    X(redisFormatCommandArgv)                                                                                          \
    X(redisFreeCommand)                                                                                                \
    X(redisBufferRead)                                                                                                 \
    X(redisReaderFeed)                                                                                                 \
    X(redisGetReplyFromReader)                                                                                         \
    X(freeReplyObject)

#define HIREDIS_MEMBER(name) __typeof__(name) *name;
struct hiredis {
    HIREDIS_CALLS(HIREDIS_MEMBER)
};
#undef HIREDIS_MEMBER

/* Loads the library once, for good; NULL when it is not on this machine (logged). Any thread. */
const struct hiredis *hiredis_load(void);

#endif
