/*
 * What nodes tell each other on their channel, and its bytes.
 *
 * Defends against: whoever can write to the channel but is no node (each message bears an HMAC-SHA256 under a key that
 * only nodes have), messages cut short, grown, or of another version: all of one size, and anything else is refused.
 * A replay is for channel_trust.h to find: every message has its sender's number.
 */
#ifndef SHARED_CHANNEL_NOTICE_H
#define SHARED_CHANNEL_NOTICE_H

#include "shared/invalidation.h"

enum { CHANNEL_KEY_SIZE = 32, CHANNEL_NOTICE_SIZE = 2 + 5 * 8 + INVALIDATION_ID_SIZE + 32 };

enum channel_kind {
    CHANNEL_BEAT,    /* I am here, and the beat that I heard last was ref_node's ref_serial */
    CHANNEL_GOODBYE, /* I have stopped, and will acknowledge nothing more */
    CHANNEL_LOOK,    /* something changed: look into the database (of a process that is no node) */
    CHANNEL_KEYS,    /* the signing keys changed: look into the database */
    CHANNEL_USERS,   /* any user may have changed */
    CHANNEL_USER,    /* user `id` changed */
    CHANNEL_DENIAL,  /* token or sign-in `id` is refused until expires_s */
};

struct channel_notice {
    enum channel_kind kind;
    uint64_t node;   /* the sender: a random number that it chose when it started */
    uint64_t serial; /* the sender's messages are numbered 1, 2, 3 … */
    uint64_t ref_node, ref_serial;
    int64_t expires_s;
    char id[INVALIDATION_ID_SIZE]; /* a UUID where the kind has one, else "" */
};

DW_MUST_USE enum dw_err channel_notice_write(const struct channel_notice *notice, const struct dw_secret *key,
                                             unsigned char ret_bytes[CHANNEL_NOTICE_SIZE]);
/* False when the bytes are no message of a node. The tag is compared in constant time. */
bool channel_notice_read(struct dw_str bytes, const struct dw_secret *key, struct channel_notice *ret_notice);

#endif
