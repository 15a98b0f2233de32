/*
 * Whether what was heard on the channel is all that there is to know: the rules, without threads, sockets and clocks.
 *
 * A node keeps copies of what the database says. It may rely on them without asking the database while it is certain
 * that every change which any node acknowledged more than CHANNEL_FRESH_MS ago has reached it. It is certain while
 *
 *  1. its own beats come back. The channel hands all messages to all nodes in one order: what came before my beat, I
 *     have. So I know everything that was said before the moment at which I sent the beat that came back last.
 *  2. every peer is heard, and what is heard is new. A silent one may have lost the channel and still acknowledge
 *     changes through the database. When a message was sent can't be read off clocks, nor off its arrival (a server
 *     that was paused delivers old messages as if they were new). So a beat names the beat that its sender had heard
 *     last: it was sent after that one, and that one after the beat of mine that I heard before it. The time of my own
 *     beat, by my own clock, is what I know.
 *  3. no number is missing. A sender numbers its messages when they are made, before it acknowledges the change, also
 *     those that it then can't send: the next beat shows the gap.
 *  4. it has looked into the database since it began to listen, since the last gap, and since it first heard of a peer.
 *
 * So a change that a peer acknowledged at t is known here at t + CHANNEL_FRESH_MS, or there is no trust: the peer's
 * beats that were made after t have higher numbers than the change, and those before t can't prove more than t.
 * A peer that says goodbye is gone. One that is silent is forgotten after CHANNEL_FORGET_MS, but only at a look into
 * the database: without it, who is missing can't be told from who is cut off.
 * Numbers that were seen before are replays, and are not applied.
 *
 * Does not defend against: a node that starts without ever reaching the channel while this one can't reach the
 * database.
 * Threading: one at a time. Times are monotonic milliseconds.
 */
#ifndef SHARED_CHANNEL_TRUST_H
#define SHARED_CHANNEL_TRUST_H

#include "shared/channel_notice.h"

enum {
    CHANNEL_BEAT_MS = 125,
    CHANNEL_FRESH_MS = 750,
    CHANNEL_FORGET_MS = 600 * 1000,
    CHANNEL_PEERS_MAX = 256,
    CHANNEL_BEATS_KEPT = 16, /* of each peer; a reference to an older one proves nothing */
};

#define CHANNEL_NEVER INT64_MIN

struct channel_beat {
    uint64_t serial;
    int64_t since_ms; /* it was sent after this */
};

struct channel_peer {
    uint64_t node;
    uint64_t serial;  /* of its last message; 0: none was heard */
    int64_t heard_ms; /* when it was last heard, or heard of */
    int64_t since_ms; /* its last proof: all that it acknowledged before is known */
    struct channel_beat beats[CHANNEL_BEATS_KEPT]; /* by serial modulo their number */
};

struct channel_trust {
    bool is_connected;
    bool is_full;     /* there are more peers than there is room for: no trust */
    int64_t break_ms; /* a look must have begun after this */
    int64_t look_ms;  /* when the last one began */
    uint64_t beat_node, beat_serial; /* the beat that was heard last, of whomever */
    uint64_t n_breaks;
    struct channel_beat sent[CHANNEL_BEATS_KEPT]; /* own beats */
    size_t n_peers;
    struct channel_peer peers[CHANNEL_PEERS_MAX]; /* the first is this node itself */
};

void channel_trust_init(struct channel_trust *trust, uint64_t self);

/* From now on every message will be heard. */
void channel_trust_connected(struct channel_trust *trust, int64_t now_ms);
void channel_trust_disconnected(struct channel_trust *trust);
/* Something may have been missed: no trust before a look that begins after now. */
void channel_trust_break(struct channel_trust *trust, int64_t now_ms);
/* The database was asked at begun_ms, and all it said is known. */
void channel_trust_looked(struct channel_trust *trust, int64_t begun_ms);
/* The database tells of a node that is not on the channel. */
void channel_trust_mention(struct channel_trust *trust, uint64_t node, int64_t now_ms);
/* To be called before the beat is sent. */
void channel_trust_sent(struct channel_trust *trust, uint64_t serial, int64_t now_ms);
/* True when the notice tells a change that is to be made known here (and is, before the next message is handed in). */
bool channel_trust_heard(struct channel_trust *trust, const struct channel_notice *notice, int64_t now_ms);

/* Until when what is known here may be relied on: CHANNEL_NEVER, or a time, which may have passed. */
int64_t channel_trust_until(const struct channel_trust *trust);

#endif
