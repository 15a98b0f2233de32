/*
 * This process as one node among others on the same database: what it tells them, and what it hears.
 *
 * Every change takes three ways. It is made known in this process (invalidation log, deny list); it stands as a row in
 * the database, which the others look for (identity_watch()): the proof; and, when there is a channel, it is told
 * there, so that all know at once, and know that they know even while the database is away (shared/channel.h).
 * A node that is cut off from the channel says so in the database, again and again, so that nobody who hears it nowhere
 * takes it for gone: it may go on acknowledging changes.
 */
#ifndef IDENTITY_NODE_H
#define IDENTITY_NODE_H

#include "identity/identity.h"
#include "shared/channel.h"

enum { NODE_MUTED_S = 60 };

/* What a row of the table `changes` bears as its kind, besides those of enum change_kind: the node `subject` is cut off
 * from the channel. */
enum { CHANGE_MUTED = 100 };

/*
 * Tells and hears on a channel from now on. `calls`, `take_carrier`, `name`: see change_channel_config; the carrier is
 * taken over, also on failure. `wake`: called when there is something to look for in the database, from any thread.
 * Before anything is served.
 */
DW_MUST_USE enum dw_err identity_join(struct identity *identity, const struct channel_calls *calls, void *take_carrier,
                                      const char *name, void (*wake)(void *argument), void *argument);
/* Whether the channel tells all that others change, and tells it now. False without one. */
bool identity_is_told(const struct identity *identity);
/* When nothing is acknowledged any more. Nothing happens without a channel. */
void identity_leave(struct identity *identity);
/* For the command line, which is no node. Whether this process changed what nodes keep in memory; and has the nodes
 * look into the database. The carrier is taken over. */
bool identity_has_changed(const struct identity *identity);
DW_MUST_USE enum dw_err identity_tell_nodes(struct identity *identity, const struct channel_calls *calls,
                                            void *take_carrier, const char *name);

/* For metrics and readiness. */
struct identity_node_state {
    bool has_channel;
    struct change_channel_state channel; /* zeros without one */
    bool is_shared;                      /* other nodes may write to the database */
    bool is_fresh;                       /* memory may be relied on */
    int64_t look_age_ms;                 /* since the last look into the database that went well; -1: none yet */
};

void identity_node_state(struct identity *identity, struct identity_node_state *ret_state);

/* --- for the other files of this room ---------------------------------------------------------------------------- */

/* After the commit, before the answer: the change is known in this process, and told. */
void identity_publish(struct identity *identity, enum change_kind kind, struct dw_str id);
/* The same of a token or sign-in that is refused from now on. */
DW_MUST_USE enum dw_err identity_publish_denial(struct identity *identity, struct dw_str id, int64_t expires_s);

/* --- of identity_watch() ------------------------------------------------------------------------------------------ */

/* Writes down that this node is cut off from the channel, when it is and has not said so for NODE_MUTED_S. */
void node_tell_muted(struct identity *identity);
/* What such a row of another says. */
void node_hear_of_muted(struct identity *identity, struct dw_str subject);

#endif
