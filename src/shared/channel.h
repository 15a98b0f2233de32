/*
 * The invalidation channel between nodes: what one changes, all others know at once, and each knows whether it knows.
 *
 * Why: a node that keeps copies of the database's rows must ask the database for each of them, or look for changes
 * again and again; and when the database is away, nobody may be told that a token is good. On this channel every node
 * tells what it changed, after the commit. While the rules of channel_trust.h hold, copies may be relied on without the
 * database.
 * Telling does not wait for the channel: the message has its number, and peers that don't get it find the gap. So
 * an acknowledgement is never slower for a channel that is.
 * What carries it is a table of calls; shared/redis/ has one. Messages bear a MAC (channel_notice.h): whoever
 * else can write to the channel can silence it, and make nobody believe anything.
 *
 * Threading: any thread may tell, ask and look; one thread of its own sends, receives and applies.
 */
#ifndef SHARED_CHANNEL_H
#define SHARED_CHANNEL_H

#include "shared/channel_notice.h"

enum { CHANNEL_NAME_SIZE = 64, CHANNEL_FDS = 2, CHANNEL_QUEUE_MAX = 4096 };

/* What carries the messages: in one order to all, the sender among them. Calls come from one thread at a time. */
struct channel_calls {
    /* Connects and listens; may wait for a second. *ret_reason: why not, in words that live on in the carrier. */
    enum dw_err (*connect)(void *carrier, const char *name, const char **ret_reason);
    void (*disconnect)(void *carrier);
    /* What to wait on for something to receive; -1 for none. */
    void (*descriptors)(void *carrier, int ret_fds[CHANNEL_FDS]);
    /* Does not wait for an answer. An error: the connection is lost. */
    enum dw_err (*send)(void *carrier, struct dw_str bytes);
    /* Hands on what has come in, in its order, and does not wait. An error: the connection is lost. */
    enum dw_err (*receive)(void *carrier, void (*heard)(struct dw_str bytes, void *argument), void *argument);
    void (*free)(void *carrier);
};

struct change_channel;

struct change_channel_config {
    const struct channel_calls *calls;
    void *take_carrier; /* taken over, also on failure */
    char name[CHANNEL_NAME_SIZE];
    const struct dw_secret *key; /* CHANNEL_KEY_SIZE bytes; copied */
    /* Makes a change known in this process: called in order, from the channel's thread. After an error memory is not
     * relied on before the next look. */
    enum dw_err (*apply)(const struct channel_notice *notice, void *argument);
    void *argument;
};

/* For metrics and readiness. */
struct change_channel_state {
    bool is_connected;
    bool is_trusted; /* memory may be relied on without the database */
    size_t n_peers;  /* other nodes that are heard, or missed */
    uint64_t n_sent;
    uint64_t n_dropped; /* could not be sent: the others look into the database instead */
    uint64_t n_received;
    uint64_t n_refused; /* not of a node */
    uint64_t n_breaks;  /* how often something may have been missed */
};

DW_MUST_USE enum dw_err change_channel_new(const struct change_channel_config *config,
                                           struct change_channel **ret_channel);
/* Says goodbye to the others: nothing may be acknowledged any more. Waits for a fraction of a second. */
void change_channel_free(struct change_channel **channel);

/* Tells a change of this process. After its commit, and before it is acknowledged. `id`: "" or a UUID. */
void change_channel_tell(struct change_channel *channel, enum channel_kind kind, struct dw_str id, int64_t expires_s);
/* The database was asked for changes at begun_ms (monotonic), and all that it said is known. */
void change_channel_looked(struct change_channel *channel, int64_t begun_ms);
/* The database tells of a node that is cut off from the channel. */
void change_channel_mention(struct change_channel *channel, uint64_t node);
/* Whether all that others had acknowledged before the last second is known here. Atomic loads. */
bool change_channel_is_trusted(const struct change_channel *channel);
void change_channel_state(struct change_channel *channel, struct change_channel_state *ret_state);
uint64_t change_channel_node(const struct change_channel *channel);

/* For a process that is no node, after its commit: tells all nodes to look into the database. Waits for a second at
 * most. Takes the carrier over. */
DW_MUST_USE enum dw_err change_channel_tell_once(const struct change_channel_config *config);

#endif
