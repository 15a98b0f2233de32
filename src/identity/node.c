#include "identity/node.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"

enum { NODE_TEXT_SIZE = 17 };

/* --- telling ----------------------------------------------------------------------------------------------------- */

void identity_publish(struct identity *identity, enum change_kind kind, struct dw_str id)
{
    static const enum channel_kind KINDS[] = {
        [CHANGE_USER] = CHANNEL_USER, [CHANGE_KEYS] = CHANNEL_KEYS, [CHANGE_USERS] = CHANNEL_USERS,
    };

    invalidation_publish(identity->invalidation, kind, id);
    atomic_fetch_add_explicit(&identity->n_published, 1, memory_order_relaxed);
    if (identity->channel != NULL)
        change_channel_tell(identity->channel, KINDS[kind], kind == CHANGE_USER ? id : DW_STR(""), 0);
}

enum dw_err identity_publish_denial(struct identity *identity, struct dw_str id, int64_t expires_s)
{
    TRY(deny_list_add(identity->denied, id, expires_s, dw_clock_now_s()));
    atomic_fetch_add_explicit(&identity->n_published, 1, memory_order_relaxed);
    if (identity->channel != NULL)
        change_channel_tell(identity->channel, CHANNEL_DENIAL, id, expires_s);
    return DW_OK;
}

/* --- hearing ----------------------------------------------------------------------------------------------------- */

static enum dw_err apply(const struct channel_notice *notice, void *argument)
{
    struct identity *identity = argument;

    switch (notice->kind) {
    case CHANNEL_DENIAL:
        return deny_list_add(identity->denied, dw_str(notice->id), notice->expires_s, dw_clock_now_s());
    case CHANNEL_USER:
        invalidation_publish(identity->invalidation, CHANGE_USER, dw_str(notice->id));
        return DW_OK;
    case CHANNEL_USERS:
        invalidation_publish(identity->invalidation, CHANGE_USERS, DW_STR(""));
        return DW_OK;
    default: /* what can't be told in a message: the row in the database has it */
        identity->wake(identity->wake_argument);
        return DW_OK;
    }
}

/* --- nodes that are cut off --------------------------------------------------------------------------------------- */

static enum dw_err announce_muted(struct transaction *tx, void *argument)
{
    struct identity *identity = argument;
    char text[NODE_TEXT_SIZE];

    snprintf(text, sizeof(text), "%016llx", (unsigned long long)change_channel_node(identity->channel));
    return identity_announce(tx, identity, (enum change_kind)CHANGE_MUTED, dw_str(text));
}

void node_tell_muted(struct identity *identity)
{
    const int64_t now_ms = clock_monotonic_ms();
    struct change_channel_state state;

    if (identity->channel == NULL || now_ms < identity->muted_again_ms)
        return;
    change_channel_state(identity->channel, &state);
    if (state.is_connected)
        return;
    /* A failure is the database's, which the look will meet and tell. */
    if (storage_write(identity->storage, announce_muted, identity) == DW_OK)
        identity->muted_again_ms = now_ms + (int64_t)NODE_MUTED_S * 1000;
}

void node_hear_of_muted(struct identity *identity, struct dw_str subject)
{
    uint64_t node = 0;

    if (identity->channel == NULL || subject.len != NODE_TEXT_SIZE - 1)
        return;
    for (size_t i = 0; i < subject.len; i++) {
        const int digit = hex_value(subject.ptr[i]);

        if (digit < 0)
            return;
        node = node << 4 | (uint64_t)digit;
    }
    if (node != change_channel_node(identity->channel))
        change_channel_mention(identity->channel, node);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static struct change_channel_config config_of(struct identity *identity, const struct channel_calls *calls,
                                              void *take_carrier, const char *name)
{
    struct change_channel_config config = {
        .calls = calls, .take_carrier = take_carrier, .key = &identity->keys.channel,
        .apply = apply, .argument = identity,
    };

    snprintf(config.name, sizeof(config.name), "%s:changes", name);
    return config;
}

enum dw_err identity_join(struct identity *identity, const struct channel_calls *calls, void *take_carrier,
                          const char *name, void (*wake)(void *argument), void *argument)
{
    const struct change_channel_config config = config_of(identity, calls, take_carrier, name);

    identity->wake = wake;
    identity->wake_argument = argument;
    return change_channel_new(&config, &identity->channel);
}

bool identity_is_told(const struct identity *identity)
{
    return identity->channel != NULL && change_channel_is_trusted(identity->channel);
}

void identity_leave(struct identity *identity)
{
    change_channel_free(&identity->channel);
}

bool identity_has_changed(const struct identity *identity)
{
    return atomic_load(&identity->n_published) > 0;
}

enum dw_err identity_tell_nodes(struct identity *identity, const struct channel_calls *calls, void *take_carrier,
                                const char *name)
{
    const struct change_channel_config config = config_of(identity, calls, take_carrier, name);

    return change_channel_tell_once(&config);
}

void identity_node_state(struct identity *identity, struct identity_node_state *ret_state)
{
    const int64_t looked_ms = atomic_load_explicit(&identity->looked_ms, memory_order_acquire);

    *ret_state = (struct identity_node_state){
        .has_channel = identity->channel != NULL,
        .is_shared = identity->is_shared,
        .is_fresh = identity_is_fresh(identity),
        .look_age_ms = looked_ms == 0 ? -1 : clock_monotonic_ms() - looked_ms,
    };
    if (identity->channel != NULL)
        change_channel_state(identity->channel, &ret_state->channel);
}
