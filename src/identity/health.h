/*
 * Whether the account domain can do its work now: for whoever asks if this node is ready.
 */
#ifndef IDENTITY_HEALTH_H
#define IDENTITY_HEALTH_H

#include "identity/node.h"

struct identity_health {
    bool database_answers;
    bool can_write; /* the last write went well, or one that was tried now has */
    bool has_key;   /* to sign with */
    struct identity_node_state node;
};

/* Asks the database; waits. A write is tried when the last one failed, once a second at the most: a disk that has room
 * again is noticed without a sign-in. */
void identity_check_health(struct identity *identity, struct identity_health *ret_health);

extern const struct statement *const HEALTH_STATEMENTS[];

#endif
