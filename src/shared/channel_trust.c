#include "shared/channel_trust.h"

static struct channel_peer *self_of(struct channel_trust *trust)
{
    return &trust->peers[0];
}

static struct channel_peer *find(struct channel_trust *trust, uint64_t node)
{
    for (size_t i = 0; i < trust->n_peers; i++)
        if (trust->peers[i].node == node)
            return &trust->peers[i];
    return NULL;
}

/* NULL when there is no room. */
static struct channel_peer *add(struct channel_trust *trust, uint64_t node)
{
    if (trust->n_peers == CHANNEL_PEERS_MAX) {
        trust->is_full = true;
        return NULL;
    }
    struct channel_peer *peer = &trust->peers[trust->n_peers++];

    *peer = (struct channel_peer){ .node = node, .heard_ms = CHANNEL_NEVER, .since_ms = CHANNEL_NEVER };
    return peer;
}

static void drop(struct channel_trust *trust, struct channel_peer *peer)
{
    *peer = trust->peers[--trust->n_peers];
    trust->is_full = false; /* who found no room is not silent, and will be heard again */
}

void channel_trust_init(struct channel_trust *trust, uint64_t self)
{
    *trust = (struct channel_trust){ .break_ms = CHANNEL_NEVER, .look_ms = CHANNEL_NEVER };
    add(trust, self);
}

/* --- what happens ------------------------------------------------------------------------------------------------ */

void channel_trust_connected(struct channel_trust *trust, int64_t now_ms)
{
    trust->is_connected = true;
    self_of(trust)->since_ms = CHANNEL_NEVER;
    channel_trust_break(trust, now_ms);
}

void channel_trust_disconnected(struct channel_trust *trust)
{
    trust->is_connected = false;
}

void channel_trust_break(struct channel_trust *trust, int64_t now_ms)
{
    trust->break_ms = now_ms;
    trust->n_breaks++;
}

void channel_trust_looked(struct channel_trust *trust, int64_t begun_ms)
{
    trust->look_ms = begun_ms;
    for (size_t i = trust->n_peers; i-- > 1;)
        if (trust->peers[i].heard_ms < begun_ms - CHANNEL_FORGET_MS)
            drop(trust, &trust->peers[i]);
}

void channel_trust_mention(struct channel_trust *trust, uint64_t node, int64_t now_ms)
{
    struct channel_peer *peer = find(trust, node);

    if (peer == NULL)
        peer = add(trust, node);
    if (peer != NULL)
        peer->heard_ms = now_ms;
}

void channel_trust_sent(struct channel_trust *trust, uint64_t serial, int64_t now_ms)
{
    trust->sent[serial % CHANNEL_BEATS_KEPT] = (struct channel_beat){ serial, now_ms };
}

/* --- beats ------------------------------------------------------------------------------------------------------- */

/* After which time a beat was sent, as far as is known. */
static int64_t since_of(const struct channel_beat *beats, uint64_t serial)
{
    const struct channel_beat *beat = &beats[serial % CHANNEL_BEATS_KEPT];

    return serial != 0 && beat->serial == serial ? beat->since_ms : CHANNEL_NEVER;
}

static void hear_beat(struct channel_trust *trust, struct channel_peer *peer, const struct channel_notice *notice)
{
    struct channel_peer *self = self_of(trust);

    if (peer == self) {
        self->since_ms = MAX_OF(self->since_ms, since_of(trust->sent, notice->serial));
    } else {
        const struct channel_peer *named = find(trust, notice->ref_node);

        if (named != NULL)
            peer->since_ms = MAX_OF(peer->since_ms, since_of(named->beats, notice->ref_serial));
    }
    peer->beats[notice->serial % CHANNEL_BEATS_KEPT] = (struct channel_beat){ notice->serial, self->since_ms };
    trust->beat_node = notice->node;
    trust->beat_serial = notice->serial;
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

/* The sender, when the message is new; what is missing before it is noted. */
static struct channel_peer *follow(struct channel_trust *trust, const struct channel_notice *notice, int64_t now_ms)
{
    struct channel_peer *peer = find(trust, notice->node);
    const bool is_new = peer == NULL || (peer->serial == 0 && peer != self_of(trust));

    if (peer != NULL && notice->serial <= peer->serial)
        return NULL;
    if (is_new || (peer->serial != 0 && notice->serial != peer->serial + 1))
        channel_trust_break(trust, now_ms);
    if (peer == NULL)
        peer = add(trust, notice->node);
    if (peer == NULL)
        return NULL;
    peer->serial = notice->serial;
    peer->heard_ms = now_ms;
    return peer;
}

bool channel_trust_heard(struct channel_trust *trust, const struct channel_notice *notice, int64_t now_ms)
{
    if (!trust->is_connected)
        return false;
    if (notice->kind == CHANNEL_LOOK) { /* of no peer */
        channel_trust_break(trust, now_ms);
        return true;
    }
    struct channel_peer *peer = follow(trust, notice, now_ms);

    if (peer == NULL)
        return false;
    switch (notice->kind) {
    case CHANNEL_BEAT:
        hear_beat(trust, peer, notice);
        return false;
    case CHANNEL_GOODBYE:
        if (peer != self_of(trust))
            drop(trust, peer);
        return false;
    case CHANNEL_KEYS:
        channel_trust_break(trust, now_ms);
        break;
    default:
        break;
    }
    return peer != self_of(trust);
}

int64_t channel_trust_until(const struct channel_trust *trust)
{
    int64_t since_ms = INT64_MAX;

    if (!trust->is_connected || trust->is_full || trust->look_ms <= trust->break_ms)
        return CHANNEL_NEVER;
    for (size_t i = 0; i < trust->n_peers; i++)
        since_ms = MIN_OF(since_ms, trust->peers[i].since_ms);
    return since_ms == CHANNEL_NEVER ? CHANNEL_NEVER : since_ms + CHANNEL_FRESH_MS;
}
