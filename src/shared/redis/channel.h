/*
 * What carries the channel between nodes (shared/channel.h) over Redis: PUBLISH and SUBSCRIBE, on two connections of
 * its own.
 *
 * Redis runs commands one after the other and hands each message to every subscriber at once, so all hear all messages
 * in one order. It keeps none: who does not listen has missed it, which shared/channel_trust.h finds.
 */
#ifndef SHARED_REDIS_CHANNEL_H
#define SHARED_REDIS_CHANNEL_H

#include "shared/channel.h"
#include "shared/redis/redis.h"

enum { REDIS_CHANNEL_ANSWER_MS = 250 }; /* a message that Redis has not answered by then: the connection is lost */

/* A carrier; not connected yet. `redis` is borrowed until it is freed. */
DW_MUST_USE enum dw_err redis_carrier_new(struct redis *redis, void **ret_carrier);

extern const struct channel_calls REDIS_CHANNEL;

#endif
